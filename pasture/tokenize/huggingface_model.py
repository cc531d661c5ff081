"""A Hugging Face ``tokenizer.json``: its library's ids, and the text back.

The library itself encodes. Text is only ever text: what looks like a special token in a document
is spelled out, and truncation and padding that the file may ask for are switched off.
"""

from __future__ import annotations

import itertools
import json
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np
import pyarrow as pa

from pasture.errors import ConfigError, ModelError
from pasture.tokenize.chunks import Ids, Positions

# How the published tokenizers call the tokens that begin and end a text, where the file has no
# template that says so; the first that is there counts.
BOS_TOKENS = ("<s>", "<|begin_of_text|>", "<bos>", "<|startoftext|>")
EOS_TOKENS = ("</s>", "<|end_of_text|>", "<eos>", "<|endoftext|>")
BYTE_TOKENS = tuple(f"<0x{byte:02X}>" for byte in range(256))


class HuggingFaceModel:
    """A ``tokenizer.json`` of the tokenizers library.

    The ids that begin and end a text are those that the file's post-processor puts there; else
    those of the special tokens that go by a usual name; else -1.

    Args:
        data: The file's bytes.
        path: Where it lies, for errors.

    Raises:
        ModelError: The file is no tokenizer.json, cannot spell every text, or encodes at random.
    """

    def __init__(self, data: bytes, path: str) -> None:
        import tokenizers

        body = _parse(data, path)
        try:  # the library raises nothing narrower
            self._tokenizer = tokenizers.Tokenizer.from_buffer(data)
        except Exception as error:
            raise ModelError(f"{path} is not a Hugging Face tokenizer.json: {error}") from error
        _check(body, path)
        self._tokenizer.encode_special_tokens = True
        self._tokenizer.no_truncation()
        self._tokenizer.no_padding()
        self.vocab: dict[str, int] = self._tokenizer.get_vocab(with_added_tokens=True)
        self.vocab_size = max(self.vocab.values()) + 1
        special = [token["content"] for token in body["added_tokens"] if token["special"]]
        before, after = _template(body.get("post_processor"))
        self.bos_id = self._first((*before, *(name for name in BOS_TOKENS if name in special)))
        self.eos_id = self._first((*after, *(name for name in EOS_TOKENS if name in special)))

    def encode(self, column: pa.Array) -> tuple[Ids, Positions]:
        """Encode texts; return the ids of all, end to end, and how many each text has."""
        found = self._tokenizer.encode_batch_fast(column.to_pylist(), add_special_tokens=False)
        rows = [encoding.ids for encoding in found]
        lengths = np.fromiter(map(len, rows), np.int64, len(rows))
        flat = itertools.chain.from_iterable(rows)
        return np.fromiter(flat, np.uint32, int(lengths.sum())), lengths

    def decode(self, ids: Sequence[int]) -> str:
        """Turn ids back into the text; special ids leave nothing."""
        text: str = self._tokenizer.decode([int(i) for i in ids], skip_special_tokens=True)
        return text

    def _first(self, names: Sequence[str]) -> int:
        return next((self.vocab[name] for name in names if name in self.vocab), -1)


def with_special_tokens(data: bytes, bos: str, eos: str, path: str) -> bytes:
    """Say in a ``tokenizer.json`` which tokens begin and end a text, in place of what it says.

    Args:
        data: The file's bytes.
        bos: The token that begins a text; empty for what the file itself has.
        eos: The token that ends a text; empty for what the file itself has.
        path: Where it lies, for errors.

    Raises:
        ModelError: The file is no tokenizer.json.
        ConfigError: The vocabulary has no such token.
    """
    model = HuggingFaceModel(data, path)
    for name, token in (("bos_token", bos), ("eos_token", eos)):
        if token and token not in model.vocab:
            raise ConfigError(f"{name}: {path} has no token {token!r}")
    names = {number: name for name, number in model.vocab.items()}
    before, after = bos or names.get(model.bos_id, ""), eos or names.get(model.eos_id, "")
    single: list[dict[str, Any]] = [{"Sequence": {"id": "A", "type_id": 0}}]
    if before:
        single.insert(0, {"SpecialToken": {"id": before, "type_id": 0}})
    if after:
        single.append({"SpecialToken": {"id": after, "type_id": 0}})
    body = json.loads(data)
    body["post_processor"] = {
        "type": "TemplateProcessing",
        "single": single,
        "pair": [*single, {"Sequence": {"id": "B", "type_id": 0}}],
        "special_tokens": {
            token: {"id": token, "ids": [model.vocab[token]], "tokens": [token]}
            for token in (before, after)
            if token
        },
    }
    return json.dumps(body, ensure_ascii=False, indent=2).encode()


def _parse(data: bytes, path: str) -> Mapping[str, Any]:
    try:
        body = json.loads(data)
    except ValueError as error:
        raise ModelError(f"{path} is not JSON: {error}") from error
    if not {"model", "added_tokens"} <= set(body):
        raise ModelError(
            f"{path} is not a Hugging Face tokenizer.json: it has no model or no added_tokens; "
            f"a vocab.json or a tokenizer_config.json is not enough"
        )
    return body  # type: ignore[no-any-return]


def _check(body: Mapping[str, Any], path: str) -> None:
    """Refuse a model that would lose text, or give other ids each time."""
    model = body["model"]
    kind = model.get("type", "BPE")
    if kind not in ("BPE", "Unigram") or not _spells_bytes(body):
        raise ModelError(
            f"{path}: this {kind} vocabulary cannot spell every text, and what it does not know "
            f"would be lost; give a BPE or Unigram model with byte fallback, or a byte-level one"
        )
    if model.get("dropout"):
        raise ModelError(
            f"{path}: a dropout of {model['dropout']} encodes at random; set it to null"
        )


def _spells_bytes(body: Mapping[str, Any]) -> bool:
    """Whether the vocabulary has a token for each byte, and the model falls back on them."""
    from tokenizers.pre_tokenizers import ByteLevel

    model = body["model"]
    vocab = set(model["vocab"] if isinstance(model["vocab"], dict) else dict(model["vocab"]))
    if model.get("byte_fallback"):
        return vocab.issuperset(BYTE_TOKENS)
    parts = (*_parts(body.get("normalizer")), *_parts(body.get("pre_tokenizer")))
    return "ByteLevel" in {part["type"] for part in parts} and vocab.issuperset(
        ByteLevel.alphabet()
    )


def _parts(body: Mapping[str, Any] | None) -> Iterator[Mapping[str, Any]]:
    """Yield a normalizer, pre-tokenizer or post-processor, and what a sequence of them holds."""
    if body is None:
        return
    yield body
    for key in ("normalizers", "pretokenizers", "processors"):
        for part in body.get(key, ()):
            yield from _parts(part)


def _template(processor: Mapping[str, Any] | None) -> tuple[list[str], list[str]]:
    """Name the tokens that a post-processor puts before and after a text."""
    for part in _parts(processor):
        if part["type"] == "TemplateProcessing":
            single = part["single"]
            place = next(i for i, item in enumerate(single) if "Sequence" in item)
            before, after = (
                [item["SpecialToken"]["id"] for item in items if "SpecialToken" in item]
                for items in (single[:place], reversed(single[place:]))
            )
            return before, after
        if part["type"] in ("BertProcessing", "RobertaProcessing"):
            return [part["cls"][0]], [part["sep"][0]]
    return [], []
