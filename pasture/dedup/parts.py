"""Parts of texts, lines or sentences: how they are numbered and hashed, and which of them go."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence, Sized

import numpy as np
import numpy.typing as npt
import xxhash

from pasture.dedup.addresses import Ints

NUMBER_BITS = 32
"""A part's position in its shard is row << 32 | number."""


@dataclasses.dataclass(frozen=True, slots=True, eq=False)
class PartsFound:
    """Lines or sentences of one shard that go: parallel arrays, sorted by row and number.

    Args:
        rows: int64, the rows of the shard.
        numbers: int64, which lines or sentences of their texts, from 0.
    """

    rows: Ints
    numbers: Ints

    def __len__(self) -> int:
        return len(self.rows)

    def to_list(self) -> list[tuple[int, int]]:
        """Give ``(row, number)`` for each part, as Python values."""
        return list(zip(self.rows.tolist(), self.numbers.tolist(), strict=True))

    @classmethod
    def of(cls, positions: Ints) -> PartsFound:
        """Take positions apart."""
        return cls(positions >> NUMBER_BITS, positions & ((1 << NUMBER_BITS) - 1))


def to_positions(counts: Ints, first_row: int) -> Ints:
    """Number the parts of texts that stand in consecutive rows and have so many parts each."""
    rows = np.repeat(np.arange(first_row, first_row + len(counts)), counts)
    numbers = np.arange(len(rows)) - np.repeat(np.cumsum(counts) - counts, counts)
    positions: Ints = rows << NUMBER_BITS | numbers
    return positions


def hash_parts(parts: Sequence[bytes]) -> npt.NDArray[np.uint64]:
    """Hash normal forms to 64 bits (XXH3)."""
    return np.fromiter(map(xxhash.xxh3_64_intdigest, parts), np.uint64, len(parts))


def check_scope(scope_shards: int) -> None:
    """Check an option that counts the shards of a block.

    Raises:
        ValueError: It is negative.
    """
    if scope_shards < 0:
        raise ValueError(f"scope_shards is {scope_shards}; give 1 or more, or 0 for all shards")


def found_any(element: tuple[int, Sized]) -> bool:
    """Tell whether anything of a shard goes."""
    return len(element[1]) > 0
