"""The stages as Beam transforms."""

from __future__ import annotations

import dataclasses
import json

import apache_beam as beam
import pyarrow.parquet as pq
import pytest
from apache_beam.testing.util import assert_that, equal_to

from pasture import storage
from pasture.dedup.exact import ExactDuplicates
from pasture.dedup.lines import DuplicateLines
from pasture.dedup.near import NearDuplicates
from pasture.filters.base import Filter
from pasture.records import DOCUMENT_SCHEMA, Document, to_batches
from pasture.runners.options import LOCAL_RUNNER
from pasture.sources.base import InputShard, Rejected, Source, one_shard_each
from pasture.stages.shards import StageFolder, shard_records
from pasture.stages.transforms import ApplySteps, Deduplicate, Extract, ReadDocuments


@dataclasses.dataclass(frozen=True)
class Lines(Source):
    """A document a line; a line that starts with ! is broken."""

    name = "c4"

    def shards(self):
        return one_shard_each(self.files())

    def read(self, shard):
        with storage.open_read(shard.paths[0]) as stream:
            for number, line in enumerate(stream.read().decode().splitlines()):
                locator = f"{shard.paths[0].rsplit('/', 1)[-1]}:{number}"
                if line.startswith("!"):
                    yield Rejected(locator, "broken", "bad_record", text=line)
                else:
                    yield Document(locator, self.name, line.replace("\\ud800", "\ud800"))


@dataclasses.dataclass(frozen=True)
class NoB(Filter):
    name = "no_b"

    def reason(self, text):
        return "has_b" if "b" in text else None


def raw_files(tmp_path, *texts):
    for i, text in enumerate(texts):
        (tmp_path / f"{i}.txt").write_text(text)
    return Lines((str(tmp_path / "*.txt"),))


def shards_of(tmp_path, *shards):
    paths = []
    for index, texts in enumerate(shards):
        path = str(tmp_path / f"in-{index}.parquet")
        with storage.atomic_parquet(path, DOCUMENT_SCHEMA) as writer:
            documents = [Document(f"{index}/{row}", "c4", t) for row, t in enumerate(texts)]
            for batch in to_batches(documents):
                writer.write_batch(batch)
        paths.append((index, path))
    return paths


def run(tmp_path, elements, make):
    """Run a transform over elements; return its records, kept texts and dropped rows by shard."""
    folder = StageFolder(str(tmp_path / "out"), len(elements), "f")
    with beam.Pipeline(runner=LOCAL_RUNNER) as pipeline:
        written = pipeline | beam.Create(elements) | make(folder)
        assert_that(written, equal_to([index for index, _ in elements]))
    records = shard_records(folder.finished())
    kept = [pq.read_table(tmp_path / "out" / r.path)["text"].to_pylist() for r in records]
    dropped = [pq.read_table(tmp_path / "out" / r.dropped_path).to_pylist() for r in records]
    return records, kept, dropped


def everything(count):
    return frozenset(range(count))


def test_extract_writes_documents_and_rejected_records(tmp_path):
    source = raw_files(tmp_path, "one\n!two\nthree\n", "\n   \nlone \\ud800\n", "")
    units = list(enumerate(source.shards()))
    records, kept, dropped = run(tmp_path, units, lambda folder: Extract(source, folder))
    assert kept == [["one", "three"], [], []]
    assert [[row["drop_reason"] for row in rows] for rows in dropped] == [
        ["broken"],
        ["empty", "empty", "invalid_unicode"],
        [],
    ]
    assert [r.rows_in for r in records] == [3, 3, 0]
    assert [r.bytes_in for r in records] == [15, 17, 0]
    assert [r.bad_records for r in records] == [1, 1, 0]


def test_read_documents_gives_beam_elements(tmp_path):
    source = raw_files(tmp_path, "one\n!two\n")
    with beam.Pipeline(runner=LOCAL_RUNNER) as pipeline:
        documents = pipeline | ReadDocuments(source)
        assert_that(documents, equal_to([Document("0.txt:0", "c4", "one")]), "Documents")
        rejected = pipeline | "Rejected" >> ReadDocuments(source, rejected=True)
        expected = [Rejected("0.txt:1", "broken", "bad_record", text="!two")]
        assert_that(rejected, equal_to(expected), "RejectedRecords")


def test_apply_steps_keeps_row_order(tmp_path):
    elements = shards_of(tmp_path, ["a", "b", "c"], ["ab", "d"], [])
    _, kept, dropped = run(tmp_path, elements, lambda folder: ApplySteps((NoB(),), folder))
    assert kept == [["a", "c"], ["d"], []]
    assert [[row["text"] for row in rows] for rows in dropped] == [["b"], ["ab"], []]


@pytest.mark.parametrize("order", [slice(None), slice(None, None, -1)])
def test_exact_duplicates_keep_the_lowest_address(tmp_path, order):
    elements = shards_of(tmp_path, ["x", "y", "x"], ["y", "z"], ["z"])
    records, kept, dropped = run(
        tmp_path,
        elements[order],
        lambda folder: Deduplicate(ExactDuplicates(), folder, everything(3)),
    )
    assert kept == [["x", "y"], ["z"], []]
    notes = [json.loads(row["metadata"]) for rows in dropped for row in rows]
    assert [note["duplicate_of"] for note in notes] == [
        {"shard": 0, "row": 0},
        {"shard": 0, "row": 1},
        {"shard": 1, "row": 1},
    ]
    assert [r.dropped for r in records] == [{"exact_duplicates/duplicate": 1}] * 3


def test_near_duplicates_name_the_kept_document_and_the_similarity(tmp_path):
    words = [f"word{i}" for i in range(300)]
    text, other = " ".join(words), " ".join([*words[:299], "changed"])
    elements = shards_of(tmp_path, ["something else entirely " * 10, text], [other])
    _, kept, dropped = run(
        tmp_path,
        elements,
        lambda folder: Deduplicate(NearDuplicates(), folder, everything(2)),
    )
    assert [len(texts) for texts in kept] == [2, 0]
    note = json.loads(dropped[1][0]["metadata"])
    assert note["duplicate_of"] == {"shard": 0, "row": 1}
    assert 0.95 < note["similarity"] < 1.0


def test_duplicate_lines_go_from_every_document(tmp_path):
    elements = shards_of(tmp_path, ["Cookies!\nOne.", "cookies!\ntwo."], ["COOKIES!", "three."])
    records, kept, dropped = run(
        tmp_path,
        elements,
        lambda folder: Deduplicate(DuplicateLines(), folder, everything(2)),
    )
    assert kept == [["One.", "two."], ["three."]]
    assert [row["drop_reason"] for rows in dropped for row in rows] == ["empty"]
    assert [r.edited for r in records] == [{"duplicate_lines/duplicate_line": 2}, {}]


def test_a_shard_that_is_written_already_is_searched_but_not_rewritten(tmp_path):
    elements = shards_of(tmp_path, ["x"], ["x", "y"])
    folder = StageFolder(str(tmp_path / "out"), 2, "f")
    with beam.Pipeline(runner=LOCAL_RUNNER) as pipeline:
        written = (
            pipeline
            | beam.Create(elements)
            | Deduplicate(ExactDuplicates(), folder, frozenset({1}))
        )
        assert_that(written, equal_to([1]))
    (record,) = shard_records(folder.finished())
    assert (record.index, record.rows, record.rows_dropped) == (1, 1, 1)


def test_an_input_shard_survives_a_beam_coder():
    unit = InputShard(("a", "b"), 3, 9, 6)
    coder = beam.coders.registry.get_coder(type(unit))
    assert coder.decode(coder.encode(unit)) == unit
