"""Encodes texts into the ids of a tokenizer: a SentencePiece model, or a Hugging Face one.

The ids are exactly those of the tokenizer's own library; a BPE model of SentencePiece gives them
several times faster, see ``chunks``.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from typing import Protocol

import numpy as np
import pyarrow as pa

from pasture import storage
from pasture.errors import ConfigError, InputError, StageError
from pasture.tokenize.chunks import Ids, Positions, token_dtype
from pasture.tokenize.huggingface_model import HuggingFaceModel
from pasture.tokenize.sentencepiece_model import SentencePieceModel


class TokenizerModel(Protocol):
    """What an encoder needs of a tokenizer; an id that there is not is -1."""

    vocab_size: int
    bos_id: int
    eos_id: int

    def encode(self, column: pa.Array) -> tuple[Ids, Positions]:
        """Encode texts; return the ids of all, end to end, and how many each text has."""

    def decode(self, ids: Sequence[int]) -> str:
        """Turn ids back into the text; special ids leave nothing."""


def load_tokenizer(data: bytes, path: str) -> TokenizerModel:
    """Load a tokenizer from the bytes of its file; the path is for errors.

    Raises:
        ModelError: The bytes are neither a SentencePiece model nor a tokenizer.json that can be
            used.
    """
    if tokenizer_name(data) == "tokenizer.json":
        return HuggingFaceModel(data, path)
    return SentencePieceModel(data, path)


def check_special(model: TokenizerModel, path: str, *, bos: bool, eos: bool) -> None:
    """Check that a tokenizer has the ids that are to stand before and after each text.

    Raises:
        ConfigError: One is missing.
    """
    for name, wanted, number in (("bos", bos, model.bos_id), ("eos", eos, model.eos_id)):
        if wanted and number < 0:
            raise ConfigError(
                f"{path} has no {name} id; set tokens.{name} to false, or, for a tokenizer.json, "
                f"name the token as tokenizer.{name}_token"
            )


def tokenizer_name(data: bytes) -> str:
    """The name that a tokenizer's file goes by in an output."""
    return "tokenizer.json" if data.lstrip().startswith(b"{") else "tokenizer.model"


def find_tokenizer(folder: str) -> str:
    """Find the tokenizer in a folder: ``tokenizer.json`` or ``tokenizer.model``.

    Raises:
        StageError: There is none.
    """
    for name in ("tokenizer.json", "tokenizer.model"):
        path = storage.join(folder, name)
        if storage.exists(path):
            return path
    raise StageError(f"{folder} holds no tokenizer; put the one that made the tokens there")


class Encoder:
    """A tokenizer that encodes batches of texts.

    Args:
        model: Path of a SentencePiece ``.model``, or of a Hugging Face ``tokenizer.json``.
        bos: Put the beginning-of-sequence id before each text, as LLaMA does.
        eos: Put the end-of-sequence id after each text, so that a model learns where one ends.

    Raises:
        ModelError: The file is neither, or cannot spell every text.
        ConfigError: The model has no id for ``bos`` or ``eos``.
    """

    def __init__(self, model: str, *, bos: bool = True, eos: bool = True) -> None:
        with storage.open_read(model) as stream:
            data = stream.read()
        self._model = load_tokenizer(data, model)
        self.vocab_size = self._model.vocab_size
        self.sha256 = hashlib.sha256(data).hexdigest()
        self.dtype = token_dtype(self.vocab_size)
        self.bos, self.eos = bos, eos
        self.bos_id, self.eos_id = self._model.bos_id, self._model.eos_id
        check_special(self._model, model, bos=bos, eos=eos)

    def encode_batch(self, texts: Sequence[str] | pa.Array) -> pa.Array:
        """Encode texts: ``list<uint16>``, or ``list<uint32>`` over 65,536 pieces.

        Raises:
            InputError: A text is null or not valid Unicode.
        """
        column = _string_array(texts)
        ids, lengths = self._model.encode(column)
        ids, lengths = self._add_special(ids.astype(self.dtype, copy=False), lengths)
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
        return self._model.decode(ids)

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


def _string_array(texts: Sequence[str] | pa.Array) -> pa.Array:
    if not isinstance(texts, pa.Array):
        try:
            texts = pa.array(texts, pa.string())
        except UnicodeEncodeError as error:
            raise InputError(f"a text is not valid Unicode: {error}") from error
    if texts.null_count:
        raise InputError("a text is null; drop documents without text before encoding")
    return texts.cast(pa.string())
