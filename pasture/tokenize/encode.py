"""Encodes texts: exactly SentencePiece's ids, several times faster.

A BPE model never merges two characters that stand side by side in no piece of its vocabulary.
So a text may be cut between any two such characters (before most spaces, around digits and
punctuation) and the chunks encoded on their own. Chunks repeat: each distinct one is encoded
once, and looked up from then on. Cutting, counting and gathering are done on whole Arrow buffers.

Models that rewrite text (another normalisation than identity), unigram models and models without
byte fallback cannot be cut like this; SentencePiece itself encodes for them.
"""

from __future__ import annotations

import hashlib
import itertools
from collections.abc import Iterator, Sequence
from typing import TypeAlias

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from pasture import storage
from pasture.errors import ConfigError, InputError, ModelError

Ids: TypeAlias = npt.NDArray[np.unsignedinteger]
Positions: TypeAlias = npt.NDArray[np.int64]

SPACE, SPACE_PIECE = " ", "\u2581"

# Text cut and looked up at a time; ours, bounds the memory of one very long document.
WINDOW_BYTES = 4 << 20
# The cache of chunks is emptied when it grows over either; ours, about 250 MB.
MAX_CACHED_CHUNKS = 1 << 20
MAX_CACHED_BYTES = 64 << 20

# Fields of sentencepiece_model.proto.
TRAINER_SPEC, NORMALIZER_SPEC = 2, 3
MODEL_TYPE, BPE = 3, 2
WHITESPACE_AS_SUFFIX, BYTE_FALLBACK = 24, 35
CHARSMAP, DUMMY_PREFIX, REMOVE_EXTRA_WHITESPACES, ESCAPE_WHITESPACES = 2, 3, 4, 5
# A message may be continued by appending: this sets add_dummy_prefix to false.
NO_DUMMY_PREFIX = bytes([NORMALIZER_SPEC << 3 | 2, 2, DUMMY_PREFIX << 3, 0])


def token_dtype(vocab_size: int) -> str:
    """Name the smallest type that holds every id."""
    return "uint16" if vocab_size <= 1 << 16 else "uint32"


class Encoder:
    """A tokenizer that encodes batches of texts.

    Args:
        model: Path of a SentencePiece ``.model`` file.
        bos: Put the beginning-of-sequence id before each text, as LLaMA does.
        eos: Put the end-of-sequence id after each text, so that a model learns where one ends.

    Raises:
        ModelError: The file is no SentencePiece model.
        ConfigError: The model has no id for ``bos`` or ``eos``.
    """

    def __init__(self, model: str, *, bos: bool = True, eos: bool = True) -> None:
        import sentencepiece

        with storage.open_read(model) as stream:
            data = stream.read()
        try:
            if not data:
                raise RuntimeError("the file is empty")
            self._processor = sentencepiece.SentencePieceProcessor(model_proto=data)
            self.vocab_size = int(self._processor.vocab_size())
            settings = _Settings(data)
        except (RuntimeError, IndexError) as error:
            raise ModelError(f"{model} is not a SentencePiece model: {error}") from error
        self.sha256 = hashlib.sha256(data).hexdigest()
        self.dtype = token_dtype(self.vocab_size)
        self.bos, self.eos = bos, eos
        self.bos_id, self.eos_id = int(self._processor.bos_id()), int(self._processor.eos_id())
        for name, wanted, number in (("bos", bos, self.bos_id), ("eos", eos, self.eos_id)):
            if wanted and number < 0:
                raise ConfigError(f"{model} has no {name} id; set {name} to false")
        self._prefix = settings.dummy_prefix
        self._chunks: _ChunkCache | None = None
        if settings.separable:
            bare = sentencepiece.SentencePieceProcessor(model_proto=data + NO_DUMMY_PREFIX)
            self._chunks = _ChunkCache(bare, np.dtype(self.dtype))
            self._cuts = _cuts(self._pieces())

    @property
    def cuts_texts(self) -> bool:
        """Whether texts are cut into chunks, or encoded whole by SentencePiece."""
        return self._chunks is not None

    def encode_batch(self, texts: Sequence[str] | pa.Array) -> pa.Array:
        """Encode texts: ``list<uint16>``, or ``list<uint32>`` over 65,536 pieces.

        Raises:
            InputError: A text is null or not valid Unicode.
        """
        column = _string_array(texts)
        if self._chunks is None:
            rows = self._processor.encode(column.to_pylist(), num_threads=1)
            ids = self._array(list(itertools.chain.from_iterable(rows)))
            lengths = np.fromiter(map(len, rows), np.int64, len(rows))
        else:
            ids, lengths = self._encode_chunks(column)
        ids, lengths = self._add_special(ids, lengths)
        offsets = np.zeros(len(lengths) + 1, np.int64)
        np.cumsum(lengths, out=offsets[1:])
        if offsets[-1] >= 1 << 31:
            raise InputError(f"a batch of {offsets[-1]} tokens is too large; make smaller batches")
        return pa.ListArray.from_arrays(pa.array(offsets.astype(np.int32)), pa.array(ids))

    def encode(self, text: str) -> list[int]:
        """Encode one text, with the same special ids as a batch."""
        row: list[int] = self.encode_batch([text])[0].as_py()
        return row

    def decode(self, ids: Sequence[int]) -> str:
        """Turn ids back into the text; special ids leave nothing."""
        return str(self._processor.decode([int(i) for i in ids]))

    def _array(self, ids: list[int]) -> Ids:
        return np.array(ids, np.dtype(self.dtype))

    def _pieces(self) -> list[str]:
        processor = self._processor
        return [
            processor.id_to_piece(i)
            for i in range(self.vocab_size)
            if not (processor.is_byte(i) or processor.is_control(i) or processor.is_unknown(i))
        ]

    def _encode_chunks(self, column: pa.Array) -> tuple[Ids, Positions]:
        """Encode by chunks; return the ids of all texts, and how many each text has."""
        assert self._chunks is not None
        if self._prefix:
            column = pc.if_else(
                pc.equal(pc.binary_length(column), 0),
                column,
                pc.binary_join_element_wise(SPACE, column, ""),
            )
        offsets, data = _buffers(column)
        parts = [np.empty(0, np.dtype(self.dtype))]
        ends = np.zeros(len(offsets), np.int64)  # tokens before each text, and before the end
        total = 0
        for first, last, starts in _windows(data, offsets, self._cuts):
            ids, chunk_ends = self._chunks.encode(data[first:last], starts)
            inside = slice(*np.searchsorted(offsets, (first + 1, last + 1)))
            chunk = np.searchsorted(starts, offsets[inside] - first)
            ends[inside] = total + chunk_ends[chunk - 1]
            parts.append(ids)
            total += len(ids)
        return np.concatenate(parts), np.diff(ends)

    def _add_special(self, ids: Ids, lengths: Positions) -> tuple[Ids, Positions]:
        if not (self.bos or self.eos):
            return ids, lengths
        lengths = lengths + self.bos + self.eos
        ends = np.cumsum(lengths)
        out = np.empty(int(ends[-1]) if len(ends) else 0, ids.dtype)
        ordinary = np.ones(len(out), bool)
        for wanted, at, special in (
            (self.bos, ends - lengths, self.bos_id),
            (self.eos, ends - 1, self.eos_id),
        ):
            if wanted:
                out[at] = special
                ordinary[at] = False
        out[ordinary] = ids
        return out, lengths


class _ChunkCache:
    """Encodes chunks, each distinct one once.

    The ids of all chunks seen lie end to end in ``ids``; chunk number n has those from
    ``starts[n]`` on, ``lengths[n]`` of them.
    """

    def __init__(self, processor: object, dtype: np.dtype[np.unsignedinteger]) -> None:
        self._processor = processor
        self._dtype = dtype
        self._clear()

    def _clear(self) -> None:
        self._numbers: dict[bytes, int] = {}
        self._bytes = 0
        self._ids: Ids = np.empty(0, self._dtype)
        self._lengths: Positions = np.empty(0, np.int64)
        self._starts: Positions = np.empty(0, np.int64)

    def encode(
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
            rows = self._processor.encode(new, num_threads=1)  # type: ignore[attr-defined]
            lengths = np.fromiter(map(len, rows), np.int64, len(rows))
            ids = np.fromiter(itertools.chain.from_iterable(rows), self._dtype, int(lengths.sum()))
            numbers.update(zip(new, range(len(numbers), len(numbers) + len(new)), strict=True))
            self._bytes += sum(map(len, new))
            self._ids = np.concatenate((self._ids, ids))
            self._lengths = np.concatenate((self._lengths, lengths))
            self._starts = np.cumsum(self._lengths) - self._lengths
        return np.fromiter(map(numbers.__getitem__, chunks), np.int64, len(chunks))


class _Settings:
    """What the model file says of itself that decides how texts may be encoded."""

    def __init__(self, model: bytes) -> None:
        trainer: dict[int, int | bytes] = {}
        normalizer: dict[int, int | bytes] = {}
        for number, value in _fields(model):
            if number == TRAINER_SPEC and isinstance(value, bytes):
                trainer.update(_fields(value))
            if number == NORMALIZER_SPEC and isinstance(value, bytes):
                normalizer.update(_fields(value))
        self.dummy_prefix = bool(normalizer.get(DUMMY_PREFIX, True))
        self.separable = (
            trainer.get(MODEL_TYPE) == BPE
            and bool(trainer.get(BYTE_FALLBACK, False))
            and not trainer.get(WHITESPACE_AS_SUFFIX, False)
            and not normalizer.get(CHARSMAP, b"")
            and not normalizer.get(REMOVE_EXTRA_WHITESPACES, True)
            and bool(normalizer.get(ESCAPE_WHITESPACES, True))
        )


def _fields(message: bytes) -> Iterator[tuple[int, int | bytes]]:
    """Yield the number and the value of each field of a protobuf message."""
    at = 0

    def varint() -> int:
        nonlocal at
        value = shift = 0
        while True:
            byte = message[at]
            at += 1
            value |= (byte & 0x7F) << shift
            shift += 7
            if byte < 0x80:
                return value

    fixed = {1: 8, 5: 4}
    while at < len(message):
        tag = varint()
        kind = tag & 7
        if kind == 0:
            yield tag >> 3, varint()
            continue
        size = fixed[kind] if kind in fixed else varint()
        yield tag >> 3, message[at : at + size]
        at += size


def _cuts(pieces: list[str]) -> npt.NDArray[np.bool_]:
    """Tell for two neighbouring bytes, ``first * 256 + second``, whether a text may be cut there.

    It may where ``second`` begins a character and no piece has the two side by side. A space
    of the text is U+2581 in a piece, and so is a U+2581 of the text.
    """
    joined = np.zeros((256, 256), bool)
    joined[:, 0x80:0xC0] = True
    spaces = (SPACE, SPACE_PIECE)
    for piece in pieces:
        for left, right in itertools.pairwise(piece):
            for first in spaces if left in spaces else (left,):
                for second in spaces if right in spaces else (right,):
                    joined[first.encode()[-1], second.encode()[0]] = True
    cuts: npt.NDArray[np.bool_] = ~joined.ravel()
    return cuts


def _string_array(texts: Sequence[str] | pa.Array) -> pa.Array:
    if not isinstance(texts, pa.Array):
        try:
            texts = pa.array(texts, pa.string())
        except UnicodeEncodeError as error:
            raise InputError(f"a text is not valid Unicode: {error}") from error
    if texts.null_count:
        raise InputError("a text is null; drop documents without text before encoding")
    return texts.cast(pa.string())


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
    data: npt.NDArray[np.uint8], offsets: Positions, cuts: npt.NDArray[np.bool_]
) -> Iterator[tuple[int, int, npt.NDArray[np.int32]]]:
    """Yield stretches of the texts, each ending at a cut: first, last, and its chunks' starts.

    A stretch has about ``WINDOW_BYTES``; more only where there is no cut for that long.
    """
    first, size = 0, WINDOW_BYTES
    while first < len(data):
        stop = min(first + size, len(data))
        pairs = data[first : stop - 1].astype(np.uint16)
        pairs <<= 8
        pairs |= data[first + 1 : stop]
        is_start = np.empty(stop - first, bool)
        is_start[0] = True
        is_start[1:] = cuts[pairs]
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
