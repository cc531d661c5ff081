"""A step that fails for a document costs that document, and the run tells of it."""

from __future__ import annotations

import dataclasses
import json
from typing import ClassVar

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from pasture.errors import ModelError, StageError
from pasture.filters.base import Annotator, Edit, Editor, Filter
from pasture.manifests.shards import StageManifest, record_from
from pasture.records import Document, documents_to_batch, replace_column
from pasture.sources.base import Rejected
from pasture.stages.failures import check_steps, tell_failures, to_storable
from pasture.stages.shards import ShardWriter, StageFolder

TEXTS = ["one", "bad", "three"]


@dataclasses.dataclass(frozen=True)
class FailingFilter(Filter):
    name: ClassVar[str] = "failing_filter"

    def reason(self, text: str) -> str | None:
        if text == "bad":
            raise KeyError(text)
        return "is_one" if text == "one" else None


@dataclasses.dataclass(frozen=True)
class FailingEditor(Editor):
    name: ClassVar[str] = "failing_editor"

    def edit(self, text: str) -> Edit:
        if text == "bad":
            raise KeyError(text)
        return Edit(text.upper())


@dataclasses.dataclass(frozen=True)
class FailingAnnotator(Annotator):
    name: ClassVar[str] = "failing_annotator"
    columns: ClassVar[tuple[str, ...]] = ("language",)

    def annotate(self, batch: pa.RecordBatch) -> pa.RecordBatch:
        if "bad" in batch["text"].to_pylist():
            raise KeyError("bad")
        return replace_column(batch, "language", pa.array(["en"] * batch.num_rows))


@dataclasses.dataclass(frozen=True)
class WithoutModel(Filter):
    name: ClassVar[str] = "without_model"

    def reason(self, text: str) -> str | None:
        raise ModelError("the model is missing")


def apply(step, folder):
    with ShardWriter(StageFolder(str(folder), 1, "fingerprint"), 0) as writer:
        documents = [Document(text, "c4", text, metadata='{"file": "a"}') for text in TEXTS]
        kept = writer.apply(step, writer.take(documents_to_batch(documents)))
        writer.keep(kept)
    (body,) = StageFolder(str(folder), 1, "fingerprint").finished().values()
    manifest = StageManifest("c4", "10-rules", "fingerprint", {}, {}, (record_from(body),))
    return kept, manifest


@pytest.mark.parametrize(
    ("step", "texts"),
    [
        (FailingFilter(), ["three"]),
        (FailingEditor(), ["ONE", "THREE"]),
        (FailingAnnotator(), ["one", "three"]),
    ],
    ids=lambda value: getattr(value, "name", ""),
)
def test_a_step_that_fails_drops_the_document(step, texts, tmp_path):
    kept, manifest = apply(step, tmp_path)
    assert kept["text"].to_pylist() == texts
    (shard,) = manifest.shards
    assert shard.dropped[f"{step.name}/unexpected_error"] == 1
    assert shard.bad_records == 1
    assert shard.rows_in == shard.rows + shard.rows_dropped == 3
    rows = pq.read_table(tmp_path / shard.dropped_path).to_pylist()
    (row,) = [row for row in rows if row["drop_reason"] == "unexpected_error"]
    assert (row["id"], row["text"], row["drop_filter"]) == ("bad", "bad", step.name)
    notes = json.loads(row["metadata"])
    assert notes.pop("detail").startswith("KeyError: 'bad' in pasture/")
    assert notes == {"file": "a", "kind": "bad_record"}


def test_what_is_no_fault_of_a_document_ends_the_stage(tmp_path):
    with pytest.raises(ModelError, match="the model is missing"):
        apply(WithoutModel(), tmp_path)


def test_a_run_tells_of_a_bug_and_holds_it_to_the_budget(tmp_path):
    _, manifest = apply(FailingEditor(), tmp_path)
    (told,) = tell_failures(str(tmp_path), manifest)
    assert "1 of the rejected records met a BUG OF PASTURE" in told
    assert "bad: KeyError: 'bad'" in told
    check_steps(manifest, str(tmp_path), 0.5, "sources.c4.budget.bad_records")
    with pytest.raises(StageError, match=r"failed for 1 of 3 documents.*\n.*BUG OF PASTURE"):
        check_steps(manifest, str(tmp_path), 0.1, "sources.c4.budget.bad_records")


def test_documents_that_no_column_holds_are_rejected():
    sound, broken = Document("1", "c4", "one"), Document("2", "c4", "two", url="\ud800")
    batch, rejected = to_storable([sound, broken, Rejected("3", "empty")])
    assert batch is not None
    assert batch["id"].to_pylist() == ["1"]
    assert [(record.locator, record.reason) for record in rejected] == [
        ("3", "empty"),
        ("2", "invalid_unicode"),
    ]
