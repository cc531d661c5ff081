"""Parts of texts, lines or sentences: how they are numbered and hashed, and which of them go."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence, Sized
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc
import xxhash

from pasture.dedup.addresses import Ints, Mask

NUMBER_BITS = 32
NUMBER_MASK = (1 << NUMBER_BITS) - 1
"""A part's position in its shard is row << 32 | number."""
WHITE_ASCII = " \t\n\r\v\f\x1c\x1d\x1e\x1f"
WHITE = WHITE_ASCII + (
    "\x85\xa0\u1680\u2000\u2001\u2002\u2003\u2004\u2005\u2006\u2007\u2008\u2009\u200a"
    "\u2028\u2029\u202f\u205f\u3000"
)
"""The characters that ``str.strip`` strips."""


class Packed(NamedTuple):
    """Positions that differ little from their neighbours, as few bytes.

    Rows and numbers within them, which a position of a line has in its halves, are packed apart:
    where the row changes, the whole position takes a long step.

    Args:
        first: The first position, if there is one.
        rows: The steps from each upper half to the next, of the shortest type that holds them;
            empty where all are the same.
        numbers: Those of the lower halves.
    """

    first: Ints
    rows: npt.NDArray[np.signedinteger[Any]]
    numbers: npt.NDArray[np.signedinteger[Any]]

    @classmethod
    def of(cls, positions: Ints) -> Packed:
        """Pack positions: one or two bytes for each half, where they stand close together."""
        rows = _shortest(np.diff(positions >> NUMBER_BITS))
        rows = rows if rows.any() else rows[:0]
        return cls(positions[:1], rows, _shortest(np.diff(positions & NUMBER_MASK)))

    def unpack(self) -> Ints:
        """Give the positions."""
        numbers = np.cumsum(np.concatenate([self.first & NUMBER_MASK, self.numbers]))
        first = self.first >> NUMBER_BITS
        rows = np.cumsum(np.concatenate([first, self.rows])) if len(self.rows) else first
        positions: Ints = numbers | rows << NUMBER_BITS
        return positions


def _shortest(steps: Ints) -> npt.NDArray[np.signedinteger[Any]]:
    """Change numbers to the shortest type that holds them."""
    least, most = int(steps.min(initial=0)), int(steps.max(initial=0))
    # ~most is negative, and needs as many bytes as most does with a sign.
    return steps.astype(np.min_scalar_type(min(least, ~most)))


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

    def __reduce__(self) -> tuple[Any, ...]:
        return _unpack_parts, (Packed.of(self.rows << NUMBER_BITS | self.numbers),)

    def to_list(self) -> list[tuple[int, int]]:
        """Give ``(row, number)`` for each part, as Python values."""
        return list(zip(self.rows.tolist(), self.numbers.tolist(), strict=True))

    def within(self, first: int, end: int) -> PartsFound:
        """Choose the parts of some rows, numbered from the first of them."""
        start, stop = np.searchsorted(self.rows, [first, end])
        return PartsFound(self.rows[start:stop] - first, self.numbers[start:stop])

    @classmethod
    def of(cls, positions: Ints) -> PartsFound:
        """Take positions apart."""
        return cls(positions >> NUMBER_BITS, positions & NUMBER_MASK)


def _unpack_parts(positions: Packed) -> PartsFound:
    return PartsFound.of(positions.unpack())


@dataclasses.dataclass(frozen=True, slots=True, eq=False)
class RemovedParts:
    """Parts that went from the texts of a batch: parallel columns, in order of row.

    Args:
        rows: int64, the rows of the batch.
        numbers: int64, the lines that they were, or stood in, from 0.
        texts: Strings, what went.
        reasons: Strings, why.
    """

    rows: Ints
    numbers: Ints
    texts: pa.Array
    reasons: pa.Array


def text_ends(texts: pa.Array) -> npt.NDArray[np.int32]:
    """Where each string of a column ends in its bytes, after where the first begins: a view."""
    _, ends, _ = texts.buffers()
    if ends is None:  # as an empty column may have it
        return np.zeros(1, np.int32)
    return np.frombuffer(ends, np.int32)[texts.offset : texts.offset + len(texts) + 1]


def text_buffer(texts: pa.Array) -> npt.NDArray[np.uint8]:
    """The bytes that a column of strings lies in: a view."""
    return np.frombuffer(texts.buffers()[2] or b"", np.uint8)


def from_ends(ends: Ints, texts: pa.Array) -> pa.Array:
    """Make a column of strings from the bytes of another one, cut at other places."""
    buffers = [None, pa.py_buffer(ends.astype(np.int32)), texts.buffers()[2]]
    return pa.Array.from_buffers(pa.string(), len(ends) - 1, buffers)


def find_byte(data: npt.NDArray[np.uint8], byte: bytes) -> Ints:
    """Find where a byte that is seldom stands: in half the time that ``flatnonzero`` takes."""
    is_found = np.zeros(-(-len(data) // 8) * 8, bool)
    np.equal(data, ord(byte), out=is_found[: len(data)])
    words = np.flatnonzero(is_found.view(np.uint64) != 0)
    inside = np.flatnonzero(is_found.reshape(-1, 8).take(words, axis=0))
    found: Ints = (words.take(inside >> 3) << 3) + (inside & 7)
    return found


def find_blank(texts: pa.Array) -> Mask:
    """Tell which texts are empty, or hold nothing but white space."""
    ends = text_ends(texts)
    is_blank: Mask = np.diff(ends) == 0
    has_first = np.flatnonzero(~is_blank)
    first = text_buffer(texts)[ends[has_first]]
    doubtful = has_first[(first <= ord(" ")) | (first > 127)]
    rest = pc.utf8_ltrim(texts.take(pa.array(doubtful)), WHITE)
    is_blank[doubtful] = pc.binary_length(rest).to_numpy() == 0
    return is_blank


def to_positions(counts: Ints, first_row: int) -> Ints:
    """Number the parts of texts that stand in consecutive rows and have so many parts each."""
    rows = np.repeat(np.arange(first_row, first_row + len(counts)), counts)
    numbers = np.arange(len(rows)) - np.repeat(np.cumsum(counts) - counts, counts)
    positions: Ints = rows << NUMBER_BITS | numbers
    return positions


def hash_parts(parts: Sequence[bytes]) -> npt.NDArray[np.uint64]:
    """Hash normal forms to 64 bits (XXH3)."""
    return np.fromiter(map(xxhash.xxh3_64_intdigest, parts), np.uint64, len(parts))


def found_any(element: tuple[int, Sized]) -> bool:
    """Tell whether anything of a shard goes."""
    return len(element[1]) > 0
