"""A seeded sample of texts, of bounded size and kept on disk, that no order of input changes."""

from __future__ import annotations

import heapq
from collections.abc import Iterator
from typing import BinaryIO, NamedTuple

import xxhash


class Entry(NamedTuple):
    """Where a sampled text is."""

    key: int
    characters: int
    offset: int
    size: int


class TextSample:
    """The texts with the lowest hashes of all that were added; equal texts count once.

    Args:
        spool: An empty file, open for reading and writing. It grows to about
            ``1 + ln(n / size)`` times the sample, for n texts added.
        size: Most texts that are kept.
        seed: Seed of the hashes.
    """

    def __init__(self, spool: BinaryIO, size: int, *, seed: int = 0) -> None:
        self._spool, self._size, self._seed = spool, size, seed
        self._heap: list[tuple[int, Entry]] = []
        self._keys: set[int] = set()

    def key(self, text: str) -> int:
        """The hash of a text: 64 bits, the same on every machine."""
        return xxhash.xxh3_64_intdigest(text.encode(), self._seed)

    def add(self, text: str) -> None:
        """Offer a text."""
        data = text.encode()
        key = xxhash.xxh3_64_intdigest(data, self._seed)
        full = len(self._heap) == self._size
        if key in self._keys or (full and key >= -self._heap[0][0]):
            return
        offset = self._spool.seek(0, 2)
        self._spool.write(data)
        item = (-key, Entry(key, len(text), offset, len(data)))
        if full:
            self._keys.remove(-heapq.heapreplace(self._heap, item)[0])
        else:
            heapq.heappush(self._heap, item)
        self._keys.add(key)

    def __contains__(self, text: str) -> bool:
        """Tell whether a text is in the sample."""
        return self.key(text) in self._keys

    def __len__(self) -> int:
        """The number of texts in the sample."""
        return len(self._heap)

    def entries(self) -> list[Entry]:
        """The sample by rising hash, which is a seeded shuffle."""
        return sorted(entry for _, entry in self._heap)

    def read(self, entry: Entry) -> str:
        """Read one text of the sample."""
        self._spool.seek(entry.offset)
        return self._spool.read(entry.size).decode()

    def __iter__(self) -> Iterator[str]:
        """The texts of the sample, by rising hash."""
        return map(self.read, self.entries())
