"""Encoding: SentencePiece's own ids, however the text is cut, and the text back again."""

from __future__ import annotations

import bz2
import gzip
import io
import json
import pathlib
import time
from collections.abc import Iterator

import pyarrow as pa
import pytest
import sentencepiece
from hypothesis import given, settings
from hypothesis import strategies as st

from pasture.errors import ConfigError, InputError, ModelError, StorageError
from pasture.tokenize import chunks
from pasture.tokenize.encode import Encoder
from pasture.tokenize.sentencepiece_model import SentencePieceModel

WORDS = [
    *("sheep", "The", "Schafe", "ворота", "1987", "3.14", "def", "count", "gate's", "x_i"),
    *(" ", "  ", "   ", "\n", "\n\n", "\t", "\r\n", "\u2581", "\u2581\u2581", "\u00a0"),
    *(".", ",", ";", "(", ")", "{", "}", "<s>", "</s>", "<0x0A>", "<unk>", "\0", "é", "é"),
    *("漢字", "\U0001f411", "\U0010ffff", "\x80", "ﷺ", "½"),
]


def plain(tokenizer: str) -> sentencepiece.SentencePieceProcessor:
    return sentencepiece.SentencePieceProcessor(model_file=tokenizer)


def train(**options: object) -> bytes:
    """Train a model on a few lines, with settings that the LLaMA tokenizer does not have."""
    model = io.BytesIO()
    sentencepiece.SentencePieceTrainer.train(
        sentence_iterator=iter(["the gate is shut, the sheep are counted", "a b c 1 2 3"] * 3),
        model_writer=model,
        minloglevel=2,
        **{
            "model_type": "bpe",
            "vocab_size": 310,
            "byte_fallback": True,
            "normalization_rule_name": "identity",
            "remove_extra_whitespaces": False,
            "hard_vocab_limit": False,
            **options,
        },
    )
    return model.getvalue()


def encoder_of(folder: pathlib.Path, model: bytes, **options: bool) -> Encoder:
    path = folder / "model"
    path.write_bytes(model)
    return Encoder(str(path), **options)


def encodes_by_chunks(model: bytes) -> bool:
    return SentencePieceModel(model, "model").chunks is not None


@settings(max_examples=50, deadline=None)
@given(st.lists(st.lists(st.sampled_from(WORDS), max_size=30).map("".join), max_size=4))
def test_ids_of_rough_texts_are_sentencepieces(tokenizer: str, texts: list[str]) -> None:
    ours = Encoder(tokenizer, bos=False, eos=False)
    assert encodes_by_chunks(pathlib.Path(tokenizer).read_bytes())
    expected = plain(tokenizer).encode(texts)
    assert ours.encode_batch(texts).to_pylist() == expected
    assert ours.encode_batch(texts[::-1]).to_pylist() == expected[::-1]  # from the cache


@settings(max_examples=50, deadline=None)
@given(st.lists(st.text(st.characters(codec="utf-8"), max_size=60), max_size=4))
def test_any_text_comes_back_and_has_sentencepieces_ids(tokenizer: str, texts: list[str]) -> None:
    ours = Encoder(tokenizer)
    rows = ours.encode_batch(texts).to_pylist()
    assert rows == [[1, *ids, 2] for ids in plain(tokenizer).encode(texts)]
    assert all(0 not in row for row in rows)  # no unknown piece
    # SentencePiece writes every U+2581 back as a space: the one character that is lost.
    assert [ours.decode(row) for row in rows] == [text.replace("\u2581", " ") for text in texts]


@settings(max_examples=30, deadline=None)
@given(
    st.lists(st.lists(st.sampled_from(WORDS), max_size=20).map("".join), max_size=5),
    st.integers(1, 40),
)
def test_the_size_of_the_window_changes_nothing(
    tokenizer: str, texts: list[str], window: int
) -> None:
    whole = Encoder(tokenizer).encode_batch(texts)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(chunks, "WINDOW_BYTES", window)
        assert Encoder(tokenizer).encode_batch(texts).equals(whole)


def test_a_full_cache_is_emptied_and_changes_nothing(
    tokenizer: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    texts = [f"the {chr(97 + i % 26)}{chr(97 + i // 26)} gate" for i in range(60)]
    expected = Encoder(tokenizer).encode_batch(texts)
    for limit in ("MAX_CACHED_CHUNKS", "MAX_CACHED_BYTES"):
        with monkeypatch.context() as patch:
            patch.setattr(chunks, limit, 5)
            patch.setattr(chunks, "WINDOW_BYTES", 40)
            small = Encoder(tokenizer)
            assert small.encode_batch(texts).equals(expected)
            model = small._model
            assert isinstance(model, SentencePieceModel)
            assert model.chunks is not None
            assert 0 < model.chunks.cached < 40


@pytest.mark.parametrize(
    ("bos", "eos", "first", "last"),
    [
        (True, True, 1, 2),
        (True, False, 1, None),
        (False, True, None, 2),
        (False, False, None, None),
    ],
)
def test_special_ids(
    tokenizer: str, bos: bool, eos: bool, first: int | None, last: int | None
) -> None:
    texts = ["the gate", "", "sheep"]
    rows = Encoder(tokenizer, bos=bos, eos=eos).encode_batch(texts).to_pylist()
    before, after = [first] if first else [], [last] if last else []
    assert rows == [[*before, *ids, *after] for ids in plain(tokenizer).encode(texts)]


def test_batches_of_no_rows_and_slices_of_arrow_arrays(encoder: Encoder) -> None:
    assert encoder.encode_batch([]).to_pylist() == []
    assert encoder.encode_batch([]).type == pa.list_(pa.uint16())
    column = pa.array(["one", "two sheep", "three", ""])
    rows = [encoder.encode(text) for text in column.to_pylist()]
    assert encoder.encode_batch(column.slice(1, 3)).to_pylist() == rows[1:]
    assert encoder.encode_batch(column.cast(pa.large_string())).to_pylist() == rows


@pytest.mark.parametrize("texts", [["a", None], ["\ud800"]])
def test_null_and_invalid_texts_are_errors(encoder: Encoder, texts: list[str]) -> None:
    with pytest.raises(InputError, match="a text is"):
        encoder.encode_batch(texts)


@pytest.mark.parametrize(
    ("options", "cuts"),
    [
        ({}, True),
        ({"add_dummy_prefix": False}, True),
        ({"user_defined_symbols": ["e gate", "\u2581sh"]}, True),
        ({"user_defined_symbols": ["x" * 130, "\u2581\u2581", "\n\n"]}, True),
        ({"split_by_whitespace": False}, True),
        ({"model_type": "unigram", "vocab_size": 285}, False),
        ({"byte_fallback": False, "vocab_size": 50}, False),
        ({"normalization_rule_name": "nmt_nfkc"}, False),
        ({"remove_extra_whitespaces": True}, False),
        ({"treat_whitespace_as_suffix": True}, False),
    ],
)
def test_other_models_give_their_own_ids(
    tmp_path: pathlib.Path, options: dict[str, object], cuts: bool
) -> None:
    model = train(**options)
    ours = encoder_of(tmp_path, model, bos=False, eos=False)
    assert encodes_by_chunks(model) is cuts
    theirs = sentencepiece.SentencePieceProcessor(model_proto=model)
    texts = [
        " ".join(WORDS),
        "".join(WORDS),
        "x" * 131 + "  \n\n\n",
        "the gate is shut,  the sheep",
        "",
        " ",
    ]
    assert ours.encode_batch(texts).to_pylist() == theirs.encode(texts)


@pytest.mark.parametrize("data", [b"", b"\x0a\x05hello", b"not a model", b"\x80" * 20])
def test_a_file_that_is_no_model(tmp_path: pathlib.Path, data: bytes) -> None:
    with pytest.raises(ModelError, match="is not a SentencePiece model"):
        encoder_of(tmp_path, data)


def test_a_missing_model(tmp_path: pathlib.Path) -> None:
    with pytest.raises(StorageError, match="cannot read"):
        Encoder(str(tmp_path / "none.model"))


@pytest.mark.parametrize("name", ["bos", "eos"])
def test_a_model_without_the_special_id(tmp_path: pathlib.Path, name: str) -> None:
    model = train(**{f"{name}_id": -1})
    with pytest.raises(ConfigError, match=f"has no {name} id"):
        encoder_of(tmp_path, model)
    other = {"bos": name != "bos", "eos": name != "eos"}
    assert len(encoder_of(tmp_path, model, **other).encode("x")) > 1


@pytest.mark.parametrize("unit", ["sheep and goats, ", "x", "\n", "1", " ", "漢"])
def test_time_is_linear_in_the_length_of_a_document(tokenizer: str, unit: str) -> None:
    def seconds(length: int) -> float:
        text = unit * (length // len(unit))
        fresh = Encoder(tokenizer)
        start = time.process_time()
        fresh.encode_batch([text])
        return time.process_time() - start

    seconds(1000)
    small = min(seconds(50_000) for _ in range(3))
    large = min(seconds(400_000) for _ in range(3))
    assert large < 8 * 4 * small + 0.05


def texts_of(real_data: pathlib.Path) -> Iterator[str]:
    """Yield the raw text of books, web pages and of Wikipedia's XML in twenty languages."""
    for path in sorted((real_data / "books" / "gutenberg").glob("*.txt")):
        yield path.read_bytes().decode(
            "latin-1" if path.stem.endswith("-8") else "utf-8", "replace"
        )
    for path in sorted((real_data / "c4").glob("*.json.gz")):
        with gzip.open(path, "rt") as lines:
            yield from (json.loads(line)["text"] for line in lines)
    for path in sorted((real_data / "wikipedia").glob("*minidump*.bz2")):
        yield bz2.decompress(path.read_bytes()).decode()[:300_000]


@pytest.mark.real_data
def test_real_texts_have_sentencepieces_ids_and_come_back(
    tokenizer: str, real_data: pathlib.Path
) -> None:
    texts = list(texts_of(real_data))
    assert sum(map(len, texts)) > 5_000_000
    ours, theirs = Encoder(tokenizer, bos=False, eos=False), plain(tokenizer)
    for text, ids in zip(texts, ours.encode_batch(texts), strict=True):
        assert ids.as_py() == theirs.encode(text)
        assert ours.decode(ids.as_py()) == text


def test_no_character_of_unicode_is_unknown(tokenizer: str) -> None:
    """Every code point, in runs of a thousand: no unknown piece, and the text comes back."""
    points = [*range(0xD800), *range(0xE000, 0x110000)]
    runs = ["".join(map(chr, points[i : i + 1000])) for i in range(0, len(points), 1000)]
    encoder = Encoder(tokenizer, bos=False, eos=False)
    for run, ids in zip(runs, encoder.encode_batch(runs).to_pylist(), strict=True):
        assert 0 not in ids
        assert encoder.decode(ids) == run.replace("\u2581", " ")
