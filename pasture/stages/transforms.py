"""Stages as Beam transforms: each turns the shards of one folder into the shards of the next.

Elements are addresses: ``(index, InputShard)`` for an extraction, ``(index, path)`` for what
follows. Text is read and written inside the DoFn that owns the shard. Every transform gives the
indices of the shards that it wrote; their counts are in the shards' records (shards.py).
"""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

import apache_beam as beam
import numpy as np
import pyarrow as pa

from pasture import storage
from pasture.dedup.base import BlockDeduplication, Deduplication
from pasture.dedup.parts import PartsFound
from pasture.filters.base import Step
from pasture.records import Document, replace_column, to_metadata
from pasture.sources.base import InputShard, Rejected, Source
from pasture.sources.containment import contained_file
from pasture.stages.failures import to_storable
from pasture.stages.shards import ShardWriter, StageFolder, drop_reasons, valid_unicode

# How many documents or characters of an extraction are held before they are written.
EXTRACT_ROWS = 1024
EXTRACT_CHARACTERS = 32 << 20

Address = Mapping[str, str | int]
"""Where a document that stays is: its shard, and where that is another, ``source``, ``stage`` and
``index``, the fingerprint of the index that it is known from."""


class ExtractShard(beam.DoFn):  # type: ignore[misc]
    """Reads one unit of raw input into one shard of documents."""

    def __init__(self, source: Source, folder: StageFolder, name: str = "") -> None:
        self.source, self.folder, self.name = source, folder, name or source.name

    def process(self, element: tuple[int, InputShard]) -> Iterator[int]:
        """Write one shard; give its index."""
        index, unit = element
        unit.check_contents()
        with ShardWriter(self.folder, index) as shard:
            shard.bytes_in = unit.bytes
            records = contained_file(unit.paths[0], self.source.read(unit))
            for chunk in _chunks(records):
                documents, rejected = to_storable(map(_checked, chunk), self.folder.columns)
                if documents is not None:
                    names = pa.repeat(self.name, documents.num_rows)
                    shard.rows_in += documents.num_rows
                    shard.keep(replace_column(documents, "source", names))
                shard.reject(self.name, rejected)
            unit.check_unchanged()
        yield index


def _chunks(records: Iterable[Document | Rejected]) -> Iterator[list[Document | Rejected]]:
    chunk: list[Document | Rejected] = []
    size = 0
    for record in records:
        chunk.append(record)
        size += len(record.text)
        if len(chunk) >= EXTRACT_ROWS or size >= EXTRACT_CHARACTERS:
            yield chunk
            chunk, size = [], 0
    if chunk:
        yield chunk


def _checked(record: Document | Rejected) -> Document | Rejected:
    """Turn a document that no file can hold, or that holds nothing, into a ``Rejected``."""
    if isinstance(record, Document):
        if not record.text.strip():
            return Rejected(record.id, "empty")
        try:
            record.text.encode()
        except UnicodeEncodeError as error:
            text = valid_unicode(record.text)
            return Rejected(record.id, "invalid_unicode", "bad_record", str(error), text)
    return record


@dataclasses.dataclass
class Extract(beam.PTransform):  # type: ignore[misc]
    """Reads raw units: ``(index, InputShard)`` to the indices of the shards written.

    Args:
        source: What reads them.
        folder: Where the shards go.
        name: What the recipe calls the source: the ``source`` of its documents. By default the
            name of its kind.
    """

    source: Source
    folder: StageFolder
    name: str = ""

    def expand(self, units: Any) -> Any:
        """Apply the transform."""
        return units | "ExtractShard" >> beam.ParDo(
            ExtractShard(self.source, self.folder, self.name)
        )


@dataclasses.dataclass
class ReadDocuments(beam.PTransform):  # type: ignore[misc]
    """Reads a source as Beam elements, for pipelines of your own: ``p | ReadDocuments(source)``.

    Gives one ``Document`` an element; with ``rejected=True`` the ``Rejected`` records instead.
    """

    source: Source
    rejected: bool = False

    def expand(self, pbegin: Any) -> Any:
        """Apply the transform."""
        kind = Rejected if self.rejected else Document
        return (
            pbegin
            | "ListShards" >> beam.Create(self.source.shards(), reshuffle=True)
            | "Read" >> beam.FlatMap(self.source.read)
            | "Check" >> beam.Map(_checked)
            | "Choose" >> beam.Filter(lambda record: isinstance(record, kind))
        )


class ApplyStepsToShard(beam.DoFn):  # type: ignore[misc]
    """Applies row steps, in order, to one shard."""

    def __init__(self, steps: tuple[Step, ...], folder: StageFolder) -> None:
        self.steps, self.folder = steps, folder

    def setup(self) -> None:
        """Load the models of the steps, once a worker."""
        for step in self.steps:
            step.setup()

    def process(self, element: tuple[int, str]) -> Iterator[int]:
        """Write one shard; give its index."""
        index, path = element
        with ShardWriter(self.folder, index) as shard:
            for batch in storage.read_batches(path):
                kept = shard.take(batch)
                for step in self.steps:
                    kept = shard.apply(step, kept)
                shard.keep(kept)
        yield index


@dataclasses.dataclass
class ApplySteps(beam.PTransform):  # type: ignore[misc]
    """Applies row steps to every shard: ``(index, path)`` to the indices written."""

    steps: tuple[Step, ...]
    folder: StageFolder

    def expand(self, shards: Any) -> Any:
        """Apply the transform."""
        return shards | "ApplyStepsToShard" >> beam.ParDo(
            ApplyStepsToShard(self.steps, self.folder)
        )


class DropDuplicateRows(beam.DoFn):  # type: ignore[misc]
    """Copies one shard without the rows that a search found; the audit names what was kept."""

    def __init__(self, reason: str, folder: StageFolder, others: Sequence[Address] = ()) -> None:
        self.reason, self.folder, self.others = reason, folder, others

    def process(self, element: tuple[int, dict[str, Iterable[Any]]]) -> Iterator[int]:
        """Write one shard; give its index."""
        index, joined = element
        found = list(joined["found"])
        for path in joined["path"]:  # none where a re-run already has the shard
            self._rewrite(index, path, found)
            yield index

    def _rewrite(self, index: int, path: str, found: list[Any]) -> None:
        drops = {
            int(row): (int(shard), int(kept), float(similarity))
            for part in found
            for row, shard, kept, similarity in zip(
                part.rows, part.of_shard, part.of_row, part.similarity, strict=True
            )
        }
        first = 0
        with ShardWriter(self.folder, index) as writer:
            for batch in storage.read_batches(path):
                batch = writer.take(batch)
                rows = [i for i in range(batch.num_rows) if first + i in drops]
                notes = batch["metadata"].to_pylist()
                for i in rows:
                    shard, kept, similarity = drops[first + i]
                    notes[i] = to_metadata(
                        **json.loads(notes[i] or "{}"),
                        duplicate_of={**self._address(shard), "row": kept},
                        similarity=round(similarity, 4),
                    )
                noted = replace_column(batch, "metadata", pa.array(notes, pa.string()))
                reasons = drop_reasons(batch.num_rows, np.array(rows, np.int64), "duplicate")
                writer.keep(writer.drop(noted, self.reason, reasons))
                first += batch.num_rows

    def _address(self, shard: int) -> Address:
        return {"shard": shard} if shard >= 0 else self.others[shard]


class DropDuplicateParts(beam.DoFn):  # type: ignore[misc]
    """Copies one shard without the lines or sentences that a search found."""

    def __init__(self, config: BlockDeduplication, folder: StageFolder) -> None:
        self.config, self.folder = config, folder

    def process(self, element: tuple[int, dict[str, Iterable[Any]]]) -> Iterator[int]:
        """Write one shard; give its index."""
        index, joined = element
        (gone,) = list(joined["found"]) or [PartsFound.of(np.empty(0, np.int64))]
        for path in joined["path"]:
            self._rewrite(index, path, gone)
            yield index

    def _rewrite(self, index: int, path: str, gone: PartsFound) -> None:
        first = 0
        with ShardWriter(self.folder, index) as writer:
            for batch in storage.read_batches(path):
                batch = writer.take(batch)
                texts, removed = self.config.drop(
                    batch["text"], gone.within(first, first + batch.num_rows)
                )
                writer.keep(writer.replace_texts(batch, self.config.name, texts, removed))
                first += batch.num_rows


@dataclasses.dataclass
class Deduplicate(beam.PTransform):  # type: ignore[misc]
    """Rewrites shards without duplicates: ``(index, path)`` of all shards to the indices written.

    Args:
        config: Which duplicates, and how they are found.
        folder: Where the shards go.
        pending: Indices that are still to be written; every shard is searched all the same.
        others: Addresses of shards whose documents stay, whatever repeats them. They are among
            the elements by negative numbers, ``others[number]``, and so come before all.
        text_bytes: Bytes of text that are compared with each other, about.
        block_starts: The first shard of each block of lines or spans; empty where all shards are
            compared.
    """

    config: Deduplication
    folder: StageFolder
    pending: frozenset[int]
    others: tuple[Address, ...] = ()
    text_bytes: int = 0
    block_starts: tuple[int, ...] = ()

    def expand(self, shards: Any) -> Any:
        """Apply the transform."""
        pending = self.pending
        found = shards | "Find" >> self.config.find(self.text_bytes, self.block_starts)
        paths = shards | "Pending" >> beam.Filter(lambda shard: shard[0] in pending)
        return (
            {"path": paths, "found": found}
            | "JoinByShard" >> beam.CoGroupByKey()
            | "Rewrite" >> beam.ParDo(self._rewrite())
        )

    def _rewrite(self) -> beam.DoFn:
        if isinstance(self.config, BlockDeduplication):
            return DropDuplicateParts(self.config, self.folder)
        return DropDuplicateRows(self.config.name, self.folder, self.others)
