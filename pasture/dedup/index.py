"""Indexes: what a search has read of documents, kept for later searches.

An index of a stage has one or two files for each shard. The *entries* are the distinct keys that
are compared (digests, hashes of lines, bands of signatures), with their positions. A search for
near duplicates keeps the *shingles* of each document too, for verification. Both are Parquet.
"""

from __future__ import annotations

import contextlib
import dataclasses
from collections.abc import Iterator

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.parquet as pq

from pasture import storage
from pasture.dedup.addresses import Ints
from pasture.dedup.matching import Entries, best_of_each_key
from pasture.dedup.shingles import Unit, shingle, slices

Uint32s = npt.NDArray[np.uint32]

POSITION = pa.field("position", pa.int64(), nullable=False)
SHINGLES_SCHEMA = pa.schema([pa.field("shingles", pa.list_(pa.uint32()), nullable=False)])


def entries_schema(width: int) -> pa.Schema:
    """The schema of entries whose keys are so many 64-bit words wide."""
    keys = [pa.field(f"key_{word}", pa.uint64(), nullable=False) for word in range(width)]
    return pa.schema([*keys, POSITION])


@dataclasses.dataclass(frozen=True)
class IndexShard:
    """One shard of an index, in the place of a shard of documents.

    Args:
        entries_path: File of the entries.
        shingles_path: File of the shingles; empty where the index has none.
    """

    entries_path: str
    shingles_path: str = ""

    def entries(self) -> Entries:
        """Read the entries; each is better than any of a document."""
        batches = list(storage.read_batches(self.entries_path))
        keys = [np.stack([b.to_numpy() for b in batch.columns[:-1]], 1) for batch in batches]
        positions = [batch["position"].to_numpy() for batch in batches]
        return Entries(
            np.concatenate([np.empty((0, keys[0].shape[1] if keys else 1), np.uint64), *keys]),
            np.concatenate([np.empty(0, np.int64), *positions]),
        )

    def shingles_of_rows(self, rows: Ints) -> dict[int, Uint32s]:
        """Read the shingles of some documents, by row."""
        wanted = np.unique(rows)
        found: dict[int, Uint32s] = {}
        first = 0
        for batch in storage.read_batches(self.shingles_path):
            start, end = np.searchsorted(wanted, [first, first + batch.num_rows])
            for row in wanted[start:end].tolist():
                # A copy, or it would hold the whole batch.
                found[row] = batch["shingles"][row - first].values.to_numpy().copy()
            first += batch.num_rows
        return found


@contextlib.contextmanager
def _writer(path: str, schema: pa.Schema, encodings: dict[str, str]) -> Iterator[pq.ParquetWriter]:
    """A Parquet writer for hashes, which no dictionary makes shorter, but sorting does."""
    with (
        storage.atomic_write(path) as stream,
        pq.ParquetWriter(
            stream, schema, compression="zstd", use_dictionary=False, column_encoding=encodings
        ) as writer,
    ):
        yield writer


def write_entries(entries: Entries, path: str) -> int:
    """Write the distinct entries of a shard; return how many."""
    first = best_of_each_key(entries.keys)
    distinct = entries.take(np.flatnonzero(first == np.arange(len(first))))
    columns = [*distinct.keys.T, distinct.positions]
    schema = entries_schema(distinct.keys.shape[1])
    with _writer(path, schema, {"position": "DELTA_BINARY_PACKED"}) as writer:
        writer.write_table(
            pa.Table.from_arrays([pa.array(column) for column in columns], schema=schema)
        )
    return len(distinct.positions)


def write_shingles(
    documents: str, path: str, unit: Unit, n: int, *, in_order: bool = False
) -> None:
    """Write the shingles of each document of a shard: the distinct ones, or all in order."""
    with _writer(path, SHINGLES_SCHEMA, {"shingles.list.element": "DELTA_BINARY_PACKED"}) as writer:
        for batch in storage.read_batches(documents, columns=["text"]):
            for texts in slices(batch["text"]):
                shingles = shingle(texts, unit, n)
                of = shingles.in_order if in_order else shingles.of
                rows = [of(text) for text in range(len(texts))]
                column = pa.array(rows, SHINGLES_SCHEMA.field(0).type)
                writer.write_table(pa.Table.from_arrays([column], schema=SHINGLES_SCHEMA))
