"""Encodes texts by chunks: cut where no piece of the vocabulary can reach across, each chunk once.

A BPE model never merges two characters that stand side by side in no piece of its vocabulary.
So a text may be cut between any two such characters (before most spaces, around digits and
punctuation) and the chunks encoded on their own. Chunks repeat: each distinct one is encoded
once, and looked up from then on. Cutting, counting and gathering are done on whole Arrow buffers.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator
from typing import TypeAlias

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

Ids: TypeAlias = npt.NDArray[np.unsignedinteger]
Positions: TypeAlias = npt.NDArray[np.int64]
EncodeChunks: TypeAlias = Callable[[list[bytes]], list[list[int]]]

SPACE, SPACE_PIECE = " ", "\u2581"

# Text cut and looked up at a time; ours, bounds the memory of one very long document.
WINDOW_BYTES = 4 << 20
# The cache of chunks is emptied when it grows over either; ours, about 250 MB.
MAX_CACHED_CHUNKS = 1 << 20
MAX_CACHED_BYTES = 64 << 20


def token_dtype(vocab_size: int) -> str:
    """Name the smallest type that holds every id."""
    return "uint16" if vocab_size <= 1 << 16 else "uint32"


class ChunkEncoder:
    """Encodes columns of text by chunks, each distinct one once.

    The ids of all chunks seen lie end to end; chunk number n has those from ``_starts[n]`` on,
    ``_lengths[n]`` of them.

    Args:
        encode: Encodes chunks as the model does, without anything put before or after.
        pieces: The pieces of the vocabulary that merges may give.
        dtype: Type of the ids.
    """

    def __init__(
        self, encode: EncodeChunks, pieces: list[str], dtype: np.dtype[np.unsignedinteger]
    ) -> None:
        self._encode = encode
        self._cuts = cuts(pieces)
        self._dtype = dtype
        self._clear()

    def _clear(self) -> None:
        self._numbers: dict[bytes, int] = {}
        self._bytes = 0
        self._ids: Ids = np.empty(0, self._dtype)
        self._lengths: Positions = np.empty(0, np.int64)
        self._starts: Positions = np.empty(0, np.int64)

    @property
    def cached(self) -> int:
        """How many chunks are held."""
        return len(self._numbers)

    def encode(self, column: pa.Array) -> tuple[Ids, Positions]:
        """Encode texts; return the ids of all, end to end, and how many each text has."""
        offsets, data = _buffers(column)
        parts = [np.empty(0, self._dtype)]
        ends = np.zeros(len(offsets), np.int64)  # tokens before each text, and before the end
        total = 0
        for first, last, starts in _windows(data, offsets, self._cuts):
            ids, chunk_ends = self._encode_window(data[first:last], starts)
            inside = slice(*np.searchsorted(offsets, (first + 1, last + 1)))
            chunk = np.searchsorted(starts, offsets[inside] - first)
            ends[inside] = total + chunk_ends[chunk - 1]
            parts.append(ids)
            total += len(ids)
        return np.concatenate(parts), np.diff(ends)

    def _encode_window(
        self, data: npt.NDArray[np.uint8], starts: npt.NDArray[np.int32]
    ) -> tuple[Ids, Positions]:
        """Encode the chunks that begin at ``starts``; return ids, and where each chunk ends."""
        if len(self._numbers) > MAX_CACHED_CHUNKS or self._bytes > MAX_CACHED_BYTES:
            self._clear()
        edges = np.append(starts, np.int32(len(data)))
        chunks = pa.Array.from_buffers(
            pa.binary(), len(starts), [None, pa.py_buffer(edges), pa.py_buffer(data)]
        ).dictionary_encode()
        number = self._number(chunks.dictionary.to_pylist())[chunks.indices.to_numpy()]
        lengths = self._lengths[number]
        ends = np.cumsum(lengths)
        # Ragged gather: each token's place in the store is its chunk's start plus its rank.
        source = np.repeat(self._starts[number] - (ends - lengths), lengths)
        source += np.arange(len(source))
        return self._ids[source], ends

    def _number(self, chunks: list[bytes]) -> Positions:
        """Give the numbers of distinct chunks; encode the new ones."""
        numbers = self._numbers
        new = [chunk for chunk in chunks if chunk not in numbers]
        if new:
            rows = self._encode(new)
            lengths = np.fromiter(map(len, rows), np.int64, len(rows))
            ids = np.fromiter(itertools.chain.from_iterable(rows), self._dtype, int(lengths.sum()))
            numbers.update(zip(new, range(len(numbers), len(numbers) + len(new)), strict=True))
            self._bytes += sum(map(len, new))
            self._ids = np.concatenate((self._ids, ids))
            self._lengths = np.concatenate((self._lengths, lengths))
            self._starts = np.cumsum(self._lengths) - self._lengths
        return np.fromiter(map(numbers.__getitem__, chunks), np.int64, len(chunks))


def cuts(pieces: list[str]) -> npt.NDArray[np.bool_]:
    """Tell for two neighbouring bytes, ``first * 256 + second``, whether a text may be cut there.

    It may where ``second`` begins a character and no piece has the two side by side. A space
    of the text is U+2581 in a piece, and so is a U+2581 of the text.
    """
    joined = np.zeros(1 << 16, bool)
    spelled = pa.array(pieces, pa.string())
    for column in (spelled, pc.replace_substring(spelled, SPACE_PIECE, SPACE)):
        offsets, data = _buffers(column)
        inside = np.ones(max(0, len(data) - 1), bool)
        inside[offsets[1:-1] - 1] = False
        joined[_pairs(data)[inside]] = True
    if pc.any(pc.match_substring(spelled, 2 * SPACE_PIECE)).as_py():
        space, first, last = ord(SPACE), SPACE_PIECE.encode()[0], SPACE_PIECE.encode()[-1]
        joined[[space << 8 | first, last << 8 | space]] = True
    joined.reshape(256, 256)[:, 0x80:0xC0] = True
    return ~joined


def _pairs(data: npt.NDArray[np.uint8]) -> npt.NDArray[np.uint16]:
    """Give ``first * 256 + second`` for each two neighbouring bytes."""
    pairs = data[:-1].astype(np.uint16)
    pairs <<= 8
    pairs |= data[1:]
    return pairs


def _buffers(column: pa.Array) -> tuple[Positions, npt.NDArray[np.uint8]]:
    """Give the offsets and the bytes of a column of strings, the first offset being 0."""
    _, offset_buffer, data_buffer = column.buffers()
    if not len(column) or data_buffer is None:
        return np.zeros(len(column) + 1, np.int64), np.empty(0, np.uint8)
    offsets = np.frombuffer(offset_buffer, np.int32)[
        column.offset : column.offset + len(column) + 1
    ]
    data = np.frombuffer(data_buffer, np.uint8)[offsets[0] : offsets[-1]]
    return offsets.astype(np.int64) - offsets[0], data


def _windows(
    data: npt.NDArray[np.uint8], offsets: Positions, may_cut: npt.NDArray[np.bool_]
) -> Iterator[tuple[int, int, npt.NDArray[np.int32]]]:
    """Yield stretches of the texts, each ending at a cut: first, last, and its chunks' starts.

    A stretch has about ``WINDOW_BYTES``; more only where there is no cut for that long.
    """
    first, size = 0, WINDOW_BYTES
    while first < len(data):
        stop = min(first + size, len(data))
        is_start = np.empty(stop - first, bool)
        is_start[0] = True
        is_start[1:] = may_cut[_pairs(data[first:stop])]
        inside = offsets[slice(*np.searchsorted(offsets, (first, stop)))]
        is_start[inside - first] = True
        starts = np.flatnonzero(is_start).astype(np.int32)
        if stop == len(data):
            yield first, stop, starts
            return
        if len(starts) == 1:
            size *= 2
            continue
        # The last chunk may go on behind the window.
        last = first + int(starts[-1])
        yield first, last, starts[:-1]
        first, size = last, WINDOW_BYTES
