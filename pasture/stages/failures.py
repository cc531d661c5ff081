"""The boundary around each document of a stage: what fails is rejected, counted and reported.

A step gets a batch of documents at once. Where that raises, the step gets the batch's documents
one by one, and those that it fails for are dropped with the error, under the step's name. Reading
what failed, a run says at its end which documents met a bug of Pasture.
"""

from __future__ import annotations

import dataclasses
import itertools
import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import TypeAlias

import pyarrow as pa

from pasture import storage, timelimit
from pasture.errors import StageError
from pasture.filters.base import Annotator, Edit, Editor, Filter, Step
from pasture.manifests.shards import ShardRecord, StageManifest
from pasture.records import DROP_FIELDS, Columns, Document, documents_to_batch, replace_column
from pasture.sources.base import Rejected
from pasture.sources.containment import (
    RECORD_SECONDS,
    UNEXPECTED,
    contained,
    describe,
    reason_of,
)

BATCH_SECONDS = 600.0
"""Most processor time of a step for one batch before its documents are tried one by one; ours."""

_EXAMPLES = 5
"""How many of a stage's failures a run shows; ours."""


@dataclasses.dataclass(frozen=True)
class Annotated:
    """What an annotator made of a batch, and the marks to count."""

    batch: pa.RecordBatch
    marked: Mapping[str, int]


@dataclasses.dataclass(frozen=True)
class Reasons:
    """The reason of each document that a filter drops, null for the others."""

    column: pa.Array


@dataclasses.dataclass(frozen=True)
class Edits:
    """What an editor made of each document."""

    edits: Sequence[Edit]


@dataclasses.dataclass(frozen=True)
class StepFailure:
    """Why a step failed for a document."""

    reason: str
    detail: str

    def dropped(self, name: str, batch: pa.RecordBatch) -> pa.RecordBatch:
        """Make dropped rows of the documents, the error in their metadata."""
        facts = {"detail": self.detail, "kind": "bad_record"}
        notes = [
            json.dumps({**json.loads(note or "{}"), **facts}, sort_keys=True, ensure_ascii=False)
            for note in batch["metadata"].to_pylist()
        ]
        noted = replace_column(batch, "metadata", pa.array(notes, pa.string()))
        added = [pa.repeat(value, len(notes)) for value in (name, self.reason)]
        schema = pa.schema([*noted.schema, *DROP_FIELDS])
        return pa.RecordBatch.from_arrays([*noted.columns, *added], schema=schema)


Result: TypeAlias = Annotated | Reasons | Edits
"""What a step says of a batch."""


@dataclasses.dataclass(frozen=True)
class Part:
    """Documents of a batch, and what a step says of them."""

    batch: pa.RecordBatch
    result: Result | StepFailure


def evaluate(step: Step, batch: pa.RecordBatch) -> Iterator[Part]:
    """Yield what a step says of a batch: in one part, or where it fails in one for each document.

    Raises:
        PastureError: What is no fault of a document, such as a model that is missing.
        OSError: Likewise.
    """
    try:
        result = timelimit.call(BATCH_SECONDS, _evaluate, step, batch)
    except Exception as error:  # the boundary of one batch
        reason_of(error)
    else:
        yield Part(batch, result)
        return
    for row in range(batch.num_rows):
        document = batch.slice(row, 1)
        yield Part(document, _evaluate_one(step, document))


def _evaluate_one(step: Step, document: pa.RecordBatch) -> Result | StepFailure:
    try:
        return timelimit.call(RECORD_SECONDS, _evaluate, step, document)
    except Exception as error:  # the boundary of one document
        return StepFailure(reason_of(error), describe(error))


def _evaluate(step: Step, batch: pa.RecordBatch) -> Result:
    if isinstance(step, Annotator):
        annotated = step.annotate(batch)
        return Annotated(annotated, step.marked(annotated))
    if isinstance(step, Filter):
        return Reasons(step.reasons(batch))
    assert isinstance(step, Editor)
    return Edits(step.edits(batch))


def concatenate(batches: Sequence[pa.RecordBatch], schema: pa.Schema) -> pa.RecordBatch:
    """Make one batch of several, or an empty one of none."""
    combined = pa.Table.from_batches(batches, schema).combine_chunks().to_batches()
    return combined[0] if combined else pa.RecordBatch.from_pylist([], schema)


def to_storable(
    records: Iterable[Document | Rejected], columns: Columns | None = None
) -> tuple[pa.RecordBatch | None, list[Rejected]]:
    """Split records into a batch of the documents that Arrow can hold, and all that are rejected.

    A document may hold what no column can: a date outside of the calendar, a lone surrogate in
    its address.

    Args:
        records: What a source yields.
        columns: The extra columns of the documents.
    """
    documents: list[Document] = []
    rejected: list[Rejected] = []
    for record in records:
        if isinstance(record, Document):
            documents.append(record)
        else:
            rejected.append(record)
    if not documents:
        return None, rejected
    try:
        return documents_to_batch(documents, columns), rejected
    except Exception as error:  # the boundary of one chunk of records
        reason_of(error)
    batches = []
    for document in documents:
        batch = contained(document.id, document.id, _to_batch, document, columns)
        if isinstance(batch, Rejected):
            rejected.append(dataclasses.replace(batch, text=document.text))
        else:
            batches.append(batch)
    return (concatenate(batches, batches[0].schema) if batches else None), rejected


def _to_batch(document: Document, columns: Columns | None) -> pa.RecordBatch | Rejected:
    try:
        return documents_to_batch([document], columns)
    except UnicodeEncodeError as error:
        return Rejected(document.id, "invalid_unicode", "bad_record", str(error))


# What a run says of it ------------------------------------------------------------------------


def count_failures(manifest: StageManifest) -> int:
    """Count the documents and files of a stage that met a bug."""
    return sum(map(_num_failed, manifest.shards))


def _num_failed(shard: ShardRecord) -> int:
    return sum(n for key, n in shard.dropped.items() if key.endswith(f"/{UNEXPECTED}"))


def tell_failures(folder: str, manifest: StageManifest) -> list[str]:
    """Say which documents of a stage met a bug of Pasture; nothing where none did."""
    count = count_failures(manifest)
    if not count:
        return []
    places = [shard.dropped_path for shard in manifest.shards if _num_failed(shard)]
    found = itertools.chain.from_iterable(
        _failures(storage.join(folder, place)) for place in places
    )
    lines = [f"  {line}" for line in itertools.islice(found, _EXAMPLES)]
    return [
        f"{manifest.source}/{manifest.stage}: {count:,} of the rejected records met a BUG OF "
        f"PASTURE (reason {UNEXPECTED}); please report it with these lines:\n" + "\n".join(lines)
    ]


def _failures(path: str) -> Iterator[str]:
    for name, reason, metadata in storage.read_rows(path, ["id", "drop_reason", "metadata"]):
        if reason == UNEXPECTED:
            yield f"{name}: {json.loads(metadata or '{}').get('detail', '')}"


def check_steps(manifest: StageManifest, folder: str, most: float, option: str) -> None:
    """Hold a stage's steps to the budget of bad records.

    Args:
        manifest: The stage's, not yet committed.
        folder: Where its shards are.
        most: Highest share of documents for which a step may fail, 0 to 1.
        option: The recipe's name of that.

    Raises:
        StageError: More failed.
    """
    totals = manifest.totals()
    failed, rows = totals["bad_records"], totals["rows_in"]
    if failed > most * rows:
        told = "\n".join(tell_failures(folder, manifest))
        raise StageError(
            f"{manifest.source}/{manifest.stage}: a step failed for {failed:,} of {rows:,} "
            f"documents, and the budget allows {most:.1%} ({option})"
            + (f"\n{told}" if told else "")
        )
