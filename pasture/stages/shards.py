"""Writing one shard of a stage: the kept rows, the dropped rows and lines, and the counts.

The kept rows lie in the stage's folder of documents, all else in its audit folder (layout.py).
"""

from __future__ import annotations

import collections
import contextlib
import dataclasses
import itertools
import types
from collections.abc import Sequence

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from pasture import storage
from pasture.dedup.parts import RemovedParts, find_blank
from pasture.filters.base import Edit, Step, split
from pasture.manifests.shards import ShardRecord, record_from
from pasture.records import (
    REMOVED_LINE_SCHEMA,
    Columns,
    Document,
    document_schema,
    documents_to_batch,
    dropped_schema,
    replace_column,
    to_metadata,
    with_columns,
)
from pasture.sources.base import Rejected
from pasture.stages.failures import Annotated, Edits, Result, StepFailure, concatenate, evaluate

RECORDS = "_records"


@dataclasses.dataclass(frozen=True)
class StageFolder:
    """The folder that a stage writes to, and its audit folder.

    Args:
        path: Folder of the shards.
        num_shards: How many shards it will hold.
        fingerprint: The stage's fingerprint; a shard's record keeps it, so that a re-run knows
            which shards it may keep.
        audit_characters: How much of a dropped document's or line's text is kept.
        audit_lines: How many removed lines of a shard are kept, the first ones; None keeps all.
        audit_path: Folder of the manifest, the shards' records, and the dropped rows and removed
            lines; None puts them beside the shards, as indexes and tokens have them.
        columns: The extra columns of the documents, with their types.
    """

    path: str
    num_shards: int
    fingerprint: str
    audit_characters: int = 2000
    audit_lines: int | None = None
    audit_path: str | None = None
    columns: Columns = dataclasses.field(default_factory=dict)

    @property
    def audit(self) -> str:
        """The audit folder."""
        return self.path if self.audit_path is None else self.audit_path

    def shard(self, kind: str, index: int, extension: str = "parquet") -> str:
        """Name a shard, relative to its folder."""
        return storage.shard_name(kind, index, self.num_shards, extension)

    def write_record(self, index: int, body: dict[str, object]) -> None:
        """Keep a finished shard's counts until the stage is committed."""
        path = storage.join(self.audit, RECORDS, f"{index:05d}.json")
        storage.write_json(path, {"fingerprint": self.fingerprint, "shard": body})

    def finished(self) -> dict[int, dict[str, object]]:
        """Read the records of the shards that are finished, by index."""
        found = {}
        for path, _ in storage.glob(storage.pattern(self.audit, RECORDS, "*.json")):
            body = storage.read_json(path)
            if body["fingerprint"] == self.fingerprint:
                found[int(body["shard"]["index"])] = body["shard"]
        return found

    def num_finished(self) -> int:
        """Count the finished shards; cheap enough to poll."""
        return len(storage.glob(storage.pattern(self.audit, RECORDS, "*.json")))

    def clean(self) -> None:
        """Remove what an interrupted run left: partial files, shards without a record."""
        keep: dict[str, set[str]] = {self.path: set(), self.audit: set()}
        for index, record in self.finished().items():
            keep[self.audit].add(f"{index:05d}.json")
            for key, folder in (
                ("path", self.path),
                ("dropped_path", self.audit),
                ("lines_path", self.audit),
            ):
                if key in record:
                    keep[folder].add(str(record[key]))
            files = record.get("files", [])
            assert isinstance(files, list)
            keep[self.path].update(str(name["path"]) for name in files)
        for folder, names in keep.items():
            for path, _ in storage.list_tree(folder) if storage.exists(folder) else []:
                if path.rsplit("/", 1)[-1] not in names:
                    storage.remove_tree(path)

    def remove_records(self) -> None:
        """Remove the records of a stage that is committed."""
        storage.remove_tree(storage.join(self.audit, RECORDS))


def shard_records(finished: dict[int, dict[str, object]]) -> tuple[ShardRecord, ...]:
    """Turn the records of a stage's finished shards into its manifest's shards."""
    return tuple(record_from(finished[index]) for index in sorted(finished))


class ShardWriter:
    """Writes the kept and the dropped rows of one shard, side by side, and counts both.

    The lines that were removed from kept rows go to a third file, if there are any. A context
    manager: the files, and then the record, appear when the block ends well; none does when it
    raises.
    """

    def __init__(self, folder: StageFolder, index: int) -> None:
        self.folder, self.index = folder, index
        self.rows_in = self.rows = self.bytes_in = self.text_bytes = self.bad_records = 0
        self.lines = 0
        self.bad_files: list[str] = []
        self.dropped: collections.Counter[str] = collections.Counter()
        self.edited: collections.Counter[str] = collections.Counter()
        self.marked: collections.Counter[str] = collections.Counter()

    def __enter__(self) -> ShardWriter:
        self._stack = contextlib.ExitStack()
        self._names: list[str] = []
        self._paths: list[str] = []
        self._writers = [
            self._open(self.folder.path, "documents", document_schema(self.folder.columns)),
            self._open(self.folder.audit, "dropped", dropped_schema(self.folder.columns)),
        ]
        return self

    def _open(self, folder: str, kind: str, schema: pa.Schema) -> pq.ParquetWriter:
        name = self.folder.shard(kind, self.index)
        path = storage.join(folder, name)
        self._names.append(name)
        self._paths.append(path)
        return self._stack.enter_context(storage.atomic_parquet(path, schema))

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: types.TracebackType | None,
    ) -> None:
        self._stack.__exit__(kind, error, traceback)
        if error is None:
            self.folder.write_record(self.index, dataclasses.asdict(self._record()))

    def _record(self) -> ShardRecord:
        kept, dropped, *lines = self._paths
        ((_, size),) = storage.glob(kept)
        return ShardRecord(
            index=self.index,
            path=self._names[0],
            rows_in=self.rows_in,
            rows=self.rows,
            bytes_in=self.bytes_in,
            text_bytes=self.text_bytes,
            bytes=size,
            sha256=storage.sha256(kept),
            dropped_path=self._names[1],
            dropped_sha256=storage.sha256(dropped),
            dropped=dict(sorted(self.dropped.items())),
            edited=dict(sorted(self.edited.items())),
            marked=dict(sorted(self.marked.items())),
            lines_path=self._names[2] if lines else "",
            lines_sha256=storage.sha256(lines[0]) if lines else "",
            lines=self.lines,
            bad_records=self.bad_records,
            bad_files=tuple(self.bad_files),
        )

    def take(self, batch: pa.RecordBatch) -> pa.RecordBatch:
        """Count a batch that comes in, and return it with the extra columns of the stage."""
        self.rows_in += batch.num_rows
        self.bytes_in += text_bytes(batch)
        return with_columns(batch, self.folder.columns)

    def keep(self, batch: pa.RecordBatch) -> None:
        """Write rows that stay."""
        if batch.num_rows:
            self._writers[0].write_batch(batch)
            self.rows += batch.num_rows
            self.text_bytes += text_bytes(batch)

    def drop(self, batch: pa.RecordBatch, name: str, reasons: pa.Array) -> pa.RecordBatch:
        """Write the rows that have a reason to the dropped shard; return the others."""
        kept, dropped = split(batch, name, reasons)
        self.write_dropped(dropped)
        return kept

    def write_dropped(self, dropped: pa.RecordBatch) -> None:
        """Write dropped rows, their texts cut for the audit, and count them."""
        if not dropped.num_rows:
            return
        names, reasons = dropped["drop_filter"].to_pylist(), dropped["drop_reason"].to_pylist()
        self.dropped.update(f"{n}/{r}" for n, r in zip(names, reasons, strict=True))
        self._writers[1].write_batch(self._cut(dropped))

    def reject(self, source: str, rejected: Sequence[Rejected]) -> None:
        """Write the records of an extraction that gave no document."""
        if not rejected:
            return
        rows = documents_to_batch(
            [
                Document(
                    id=valid_unicode(record.locator),
                    source=source,
                    text=valid_unicode(record.text[: self.folder.audit_characters]),
                    metadata=to_metadata(
                        detail=valid_unicode(record.detail) or None, kind=record.kind
                    ),
                )
                for record in rejected
            ],
            self.folder.columns,
        )
        names = pa.array(["extract"] * len(rejected), pa.string())
        reasons = pa.array([record.reason for record in rejected], pa.string())
        self.write_dropped(
            rows.append_column("drop_filter", names).append_column("drop_reason", reasons)
        )
        self.rows_in += len(rejected)
        self.bad_records += sum(record.kind == "bad_record" for record in rejected)
        self.bad_files += [
            valid_unicode(f"{record.locator}: {record.reason}: {record.detail}")
            for record in rejected
            if record.kind == "bad_file"
        ]

    def apply(self, step: Step, batch: pa.RecordBatch) -> pa.RecordBatch:
        """Apply one row step to a batch; return what it keeps.

        Documents that make the step raise are dropped with the error (``failures``).
        """
        kept = []
        for part in evaluate(step, batch):
            if isinstance(part.result, StepFailure):
                self.write_dropped(part.result.dropped(step.name, part.batch))
                self.bad_records += part.batch.num_rows
            else:
                kept.append(self._apply(step, part.batch, part.result))
        return kept[0] if len(kept) == 1 else concatenate(kept, batch.schema)

    def _apply(self, step: Step, batch: pa.RecordBatch, result: Result) -> pa.RecordBatch:
        if isinstance(result, Annotated):
            self.marked.update({f"{step.name}/{mark}": n for mark, n in result.marked.items()})
            return result.batch
        if isinstance(result, Edits):
            return self.edit(batch, step.name, result.edits)
        return self.drop(batch, step.name, result.column)

    def edit(self, batch: pa.RecordBatch, name: str, edits: Sequence[Edit]) -> pa.RecordBatch:
        """Put new texts into a batch; drop the documents that an edit drops or leaves empty.

        A dropped document goes to the audit with the text that it had before the edit.
        """
        lines = [edit.lines for edit in edits]
        chained = itertools.chain.from_iterable
        removed = RemovedParts(
            np.repeat(np.arange(len(edits)), [len(part) for part in lines]),
            np.fromiter(chained(part.numbers for part in lines), np.int64),
            pa.array(chained(part.texts for part in lines), pa.string()),
            pa.array(chained(part.reasons for part in lines), pa.string()),
        )
        texts = pa.array([edit.text for edit in edits], pa.string())
        reasons = _or_empty(pa.array([edit.reason for edit in edits], pa.string()), texts)
        for edit in itertools.compress(edits, reasons.is_null().to_pylist()):
            self.edited.update({f"{name}/{reason}": n for reason, n in edit.removed.items()})
        return self._replace_texts(batch, name, texts, reasons, removed)

    def replace_texts(
        self, batch: pa.RecordBatch, name: str, texts: pa.Array, removed: RemovedParts
    ) -> pa.RecordBatch:
        """Put new texts into a batch, from which parts went; drop the documents left empty."""
        reasons = _or_empty(pa.nulls(len(texts), pa.string()), texts)
        return self._replace_texts(batch, name, texts, reasons, removed)

    def _replace_texts(
        self,
        batch: pa.RecordBatch,
        name: str,
        texts: pa.Array,
        reasons: pa.Array,
        removed: RemovedParts,
    ) -> pa.RecordBatch:
        is_kept = reasons.is_null()
        kept = replace_column(self.drop(batch, name, reasons), "text", texts.filter(is_kept))
        of_kept = is_kept.take(pa.array(removed.rows))
        rows = pa.array(removed.rows).filter(of_kept)
        lines = pa.RecordBatch.from_arrays(
            [
                batch["id"].take(rows),
                pa.array(removed.numbers, pa.int32()).filter(of_kept),
                removed.texts.filter(of_kept),
                pa.repeat(name, len(rows)),
                removed.reasons.filter(of_kept),
            ],
            schema=REMOVED_LINE_SCHEMA,
        )
        for count in lines["drop_reason"].value_counts().to_pylist():
            self.edited[f"{name}/{count['values']}"] += count["counts"]
        self._write_lines(lines)
        return kept

    def _write_lines(self, lines: pa.RecordBatch) -> None:
        """Write the lines that were removed from documents, as far as the audit goes."""
        if self.folder.audit_lines is not None:
            lines = lines[: self.folder.audit_lines - self.lines]
        if not lines.num_rows:
            return
        if len(self._writers) < 3:
            self._writers.append(self._open(self.folder.audit, "lines", REMOVED_LINE_SCHEMA))
        self._writers[2].write_batch(self._cut(lines))
        self.lines += lines.num_rows

    def _cut(self, batch: pa.RecordBatch) -> pa.RecordBatch:
        """Cut texts for the audit."""
        texts, limit = batch["text"], self.folder.audit_characters
        is_long = pc.greater(pc.binary_length(texts), limit)
        cut = pc.utf8_slice_codeunits(texts.filter(is_long), 0, limit)
        if not len(cut):
            return batch
        return replace_column(batch, "text", pc.replace_with_mask(texts, is_long, cut))


def _or_empty(reasons: pa.Array, texts: pa.Array) -> pa.Array:
    """Give texts that hold nothing but white space a reason, where they have none."""
    empty = pc.if_else(pa.array(find_blank(texts)), "empty", pa.scalar(None, pa.string()))
    return pc.coalesce(reasons, empty)


def text_bytes(batch: pa.RecordBatch) -> int:
    """Count the UTF-8 bytes of a batch's texts."""
    return int(pc.sum(pc.binary_length(batch["text"])).as_py() or 0)


def valid_unicode(text: str) -> str:
    """Replace lone surrogates, which no file can hold."""
    return text.encode("utf-8", "replace").decode()


def drop_reasons(num_rows: int, rows: np.ndarray, reason: str) -> pa.Array:
    """Make a column of reasons: ``reason`` at the given rows of a batch, null elsewhere."""
    reasons = np.full(num_rows, None, dtype=object)
    reasons[rows] = reason
    return pa.array(reasons, pa.string())
