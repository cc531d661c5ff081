"""A SentencePiece model: its ids, by chunks where the model allows, and the text back.

Models that rewrite text (another normalisation than identity), unigram models and models without
byte fallback cannot be cut into chunks; SentencePiece itself encodes for them.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Sequence

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from pasture.errors import ModelError
from pasture.tokenize.chunks import SPACE, ChunkEncoder, Ids, Positions, token_dtype

# Fields of sentencepiece_model.proto.
TRAINER_SPEC, NORMALIZER_SPEC = 2, 3
SHORT_PIECE = 1 << 3 | 2
MODEL_TYPE, BPE = 3, 2
WHITESPACE_AS_SUFFIX, BYTE_FALLBACK = 24, 35
CHARSMAP, DUMMY_PREFIX, REMOVE_EXTRA_WHITESPACES, ESCAPE_WHITESPACES = 2, 3, 4, 5
# A message may be continued by appending: this sets add_dummy_prefix to false.
NO_DUMMY_PREFIX = bytes([NORMALIZER_SPEC << 3 | 2, 2, DUMMY_PREFIX << 3, 0])


class SentencePieceModel:
    """A SentencePiece ``.model``.

    Args:
        data: The file's bytes.
        path: Where it lies, for errors.

    Raises:
        ModelError: The file is no SentencePiece model.
    """

    def __init__(self, data: bytes, path: str) -> None:
        import sentencepiece

        try:
            if not data:
                raise RuntimeError("the file is empty")
            self._processor = sentencepiece.SentencePieceProcessor(model_proto=data)
            self.vocab_size = int(self._processor.vocab_size())
            settings = _Settings(data)
        except (RuntimeError, IndexError) as error:
            raise ModelError(
                f"{path} is not a SentencePiece model, nor a Hugging Face tokenizer.json: {error}"
            ) from error
        self.bos_id, self.eos_id = int(self._processor.bos_id()), int(self._processor.eos_id())
        self._prefix = settings.dummy_prefix
        self.chunks: ChunkEncoder | None = None
        if settings.separable:
            bare = sentencepiece.SentencePieceProcessor(model_proto=data + NO_DUMMY_PREFIX)
            self.chunks = ChunkEncoder(
                lambda chunks: bare.encode(chunks, num_threads=1),
                self._pieces(),
                np.dtype(token_dtype(self.vocab_size)),
            )

    def encode(self, column: pa.Array) -> tuple[Ids, Positions]:
        """Encode texts; return the ids of all, end to end, and how many each text has."""
        if self.chunks is None:
            rows = self._processor.encode(column.to_pylist(), num_threads=1)
            lengths = np.fromiter(map(len, rows), np.int64, len(rows))
            flat = itertools.chain.from_iterable(rows)
            return np.fromiter(flat, np.uint32, int(lengths.sum())), lengths
        if self._prefix:
            column = pc.if_else(
                pc.equal(pc.binary_length(column), 0),
                column,
                pc.binary_join_element_wise(SPACE, column, ""),
            )
        return self.chunks.encode(column)

    def decode(self, ids: Sequence[int]) -> str:
        """Turn ids back into the text; special ids leave nothing."""
        return str(self._processor.decode([int(i) for i in ids]))

    def _pieces(self) -> list[str]:
        processor, ids = self._processor, list(range(self.vocab_size))
        flags = zip(
            processor.is_byte(ids),
            processor.is_control(ids),
            processor.is_unknown(ids),
            strict=True,
        )
        pieces = zip(processor.id_to_piece(ids), flags, strict=True)
        return [piece for piece, flagged in pieces if not any(flagged)]


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
    """Yield the number and the value of each field of a protobuf message.

    Short fields of number 1 are left out: a model has ten thousands of them, its pieces.
    """
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
    end = len(message)
    while at < end:
        if message[at] == SHORT_PIECE and message[at + 1] < 0x80:
            at += 2 + message[at + 1]
            continue
        tag = varint()
        kind = tag & 7
        if kind == 0:
            yield tag >> 3, varint()
            continue
        size = fixed[kind] if kind in fixed else varint()
        yield tag >> 3, message[at : at + size]
        at += size
