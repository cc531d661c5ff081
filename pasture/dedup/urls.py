"""Duplicate URLs: pages that were crawled more than once.

Reads the ``url`` and ``date`` of each shard, and gives the rows whose URL, in its normalised
spelling, a better-ranked row has; by default the newest stays, as in C4. Only 128-bit digests
and addresses are shuffled. A document without a web address is nobody's duplicate.
"""

from __future__ import annotations

import dataclasses
import functools
from collections.abc import Callable
from typing import Any, ClassVar

import apache_beam as beam
import numpy as np

from pasture import storage
from pasture.dedup.addresses import Floats, Ints, Keep, rank_columns, ranks
from pasture.dedup.base import Deduplication
from pasture.dedup.exact import digest, to_duplicate_rows, to_keys
from pasture.dedup.matching import Entries, MatchEntries
from pasture.dedup.parts import found_any
from pasture.text.urls import normalise_url


@dataclasses.dataclass(frozen=True)
class DuplicateUrls(Deduplication):
    """Drops documents whose URL another one has, in any spelling (C4).

    Args:
        keep: Which copy stays; ties go to the lowest shard and row.
    """

    name: ClassVar[str] = "duplicate_urls"

    keep: Keep = "newest"

    def find(self, text_bytes: int, block_starts: tuple[int, ...] = ()) -> beam.PTransform:
        """Return the search."""
        return FindDuplicateUrls(self, text_bytes)

    def reader(self) -> Callable[[str], Entries]:
        """Read the digest of each URL."""
        return functools.partial(read_urls, keep=self.keep)


def read_urls(path: str, keep: Keep) -> Entries:
    """Read a shard as one entry a row that has a web address."""
    digests: list[bytes] = []
    found: list[Ints] = []
    ranked: list[Floats] = []
    row = 0
    for batch in storage.read_batches(path, columns=["url", *rank_columns(keep)]):
        urls = [normalise_url(url) if url else "" for url in batch["url"].to_pylist()]
        digests += (digest(url) for url in urls if url)
        present = np.flatnonzero(np.array(urls, bool))
        found.append(present + row)
        rank = ranks(batch, keep)
        if rank is not None:
            ranked.append(rank[present])
        row += batch.num_rows
    rows = np.concatenate([np.empty(0, np.int64), *found])
    return Entries(to_keys(digests), rows, np.concatenate(ranked) if ranked else None)


@dataclasses.dataclass
class FindDuplicateUrls(beam.PTransform):  # type: ignore[misc]
    """Finds rows whose URL a better-ranked row has.

    Takes ``(shard, path)`` and gives ``(shard, DuplicateRows)``, for shards that have any.
    """

    config: DuplicateUrls = dataclasses.field(default_factory=DuplicateUrls)
    text_bytes: int = 0

    def expand(self, shards: Any) -> Any:
        """Apply the transform."""
        return (
            shards
            | "Match" >> MatchEntries(self.config.reader(), text_bytes=self.text_bytes)
            | "ToDuplicateRows" >> beam.MapTuple(to_duplicate_rows)
            | "HasRows" >> beam.Filter(found_any)
        )
