"""Exact duplicates: documents with the same text.

Reads the ``text`` of each shard, and gives the rows whose text a better-ranked row has. Only
128-bit digests and addresses are shuffled. Two different texts share a digest with a chance of
1 in 10^18 among a hundred thousand million documents.
"""

from __future__ import annotations

import dataclasses
import functools
import hashlib
from collections.abc import Callable, Iterable
from typing import Any, ClassVar, Literal

import apache_beam as beam
import numpy as np
import numpy.typing as npt

from pasture import storage
from pasture.dedup.addresses import DuplicateRows, Floats, Keep, rank_columns, ranks
from pasture.dedup.base import Deduplication
from pasture.dedup.matching import Entries, MatchEntries, Matches

DIGEST_BYTES = 16


@dataclasses.dataclass(frozen=True)
class ExactDuplicates(Deduplication):
    """Drops documents, or files, whose text another one has (paper, section 2.1, GitHub).

    Args:
        normalise: ``none`` compares texts as they are; ``whitespace`` after each run of white
            space became one space and the ends were stripped.
        keep: Which copy stays; ties go to the lowest shard and row.
    """

    name: ClassVar[str] = "exact_duplicates"

    normalise: Literal["none", "whitespace"] = "none"
    keep: Keep = "first"

    def find(self, text_bytes: int, block_starts: tuple[int, ...] = ()) -> beam.PTransform:
        """Return the search."""
        return FindExactDuplicates(self, text_bytes)

    def reader(self) -> Callable[[str], Entries]:
        """Read the digest of each text."""
        return functools.partial(read_digests, config=self)


def digest(text: str, normalise: str = "none") -> bytes:
    """Hash a normalised text to 16 bytes."""
    if normalise == "whitespace":
        text = " ".join(text.split())
    return hashlib.blake2b(text.encode(), digest_size=DIGEST_BYTES).digest()


def to_keys(digests: Iterable[bytes]) -> npt.NDArray[np.uint64]:
    """Stack digests as keys of two numbers."""
    return np.frombuffer(b"".join(digests), ">u8").astype(np.uint64).reshape(-1, 2)


def read_digests(path: str, config: ExactDuplicates) -> Entries:
    """Read a shard as one entry a row: the digest of its text."""
    columns = list(dict.fromkeys(["text", *rank_columns(config.keep)]))
    digests: list[bytes] = []
    found: list[Floats] = []
    for batch in storage.read_batches(path, columns=columns):
        digests += (digest(text, config.normalise) for text in batch["text"].to_pylist())
        ranked = ranks(batch, config.keep)
        if ranked is not None:
            found.append(ranked)
    keys = to_keys(digests)
    rows = np.arange(len(keys), dtype=np.int64)
    return Entries(keys, rows, np.concatenate(found) if found else None)


def to_duplicate_rows(shard: int, matches: Matches) -> tuple[int, DuplicateRows]:
    """Turn matches whose positions are rows into what is dropped."""
    beaten = matches.beaten(shard)
    similarity = np.ones(len(beaten.positions), np.float32)
    return shard, DuplicateRows(beaten.positions, beaten.of_shard, beaten.of_position, similarity)


@dataclasses.dataclass
class FindExactDuplicates(beam.PTransform):  # type: ignore[misc]
    """Finds rows whose text a better-ranked row has.

    Takes ``(shard, path)`` and gives ``(shard, DuplicateRows)``, for shards that have any.
    """

    config: ExactDuplicates = dataclasses.field(default_factory=ExactDuplicates)
    text_bytes: int = 0

    def expand(self, shards: Any) -> Any:
        """Apply the transform."""
        return (
            shards
            | "Match" >> MatchEntries(self.config.reader(), text_bytes=self.text_bytes)
            | "ToDuplicateRows" >> beam.MapTuple(to_duplicate_rows)
            | "HasRows" >> beam.Filter(_has_rows)
        )


def _has_rows(element: tuple[int, DuplicateRows]) -> bool:
    return len(element[1]) > 0
