"""A tokenizer.json: its library's ids, its special tokens, and what is refused."""

from __future__ import annotations

import json
import pathlib
from typing import Any

import pyarrow as pa
import pytest
import tokenizers
from hypothesis import given, settings
from hypothesis import strategies as st
from tokenizers import decoders, models, normalizers, pre_tokenizers, processors, trainers

from pasture.errors import ConfigError, ModelError, StageError
from pasture.tokenize.encode import Encoder, find_tokenizer
from pasture.tokenize.huggingface_model import BYTE_TOKENS, with_special_tokens

TEXTS = [
    "the gate is shut and the sheep are counted\nthe gate is open\n",
    "sheep sheep sheep 1987 gate gates gated\n\n  two spaces",
    "Schafe zählen ist nützlich, овцы тоже",
]
WORDS = [
    " ",
    "  ",
    "\n",
    "sheep",
    "gate",
    "<s>",
    "</s>",
    "1987",
    "é",
    "漢",
    "\U0001f411",
    "\0",
    "▁",
]
texts = st.lists(
    st.one_of(
        st.text(st.characters(codec="utf-8"), max_size=40),
        st.lists(st.sampled_from(WORDS), max_size=12).map("".join),
    ),
    max_size=4,
)


def byte_level(special: list[str], vocab_size: int = 320) -> tokenizers.Tokenizer:
    """A byte-level BPE, as GPT-2's and Llama 3's are."""
    tokenizer = tokenizers.Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=vocab_size,
        special_tokens=special,
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        show_progress=False,
    )
    tokenizer.train_from_iterator(TEXTS, trainer)
    return tokenizer


def byte_fallback() -> tokenizers.Tokenizer:
    """A BPE with byte fallback, as one that was converted from SentencePiece is."""
    tokenizer = tokenizers.Tokenizer(models.BPE(unk_token="<unk>", byte_fallback=True))
    tokenizer.normalizer = normalizers.Sequence(
        [normalizers.Prepend("▁"), normalizers.Replace(" ", "▁")]
    )
    tokenizer.decoder = decoders.Sequence(
        [
            decoders.Replace("▁", " "),
            decoders.ByteFallback(),
            decoders.Fuse(),
            decoders.Strip(" ", 1, 0),
        ]
    )
    trainer = trainers.BpeTrainer(
        vocab_size=400, special_tokens=["<unk>", "<s>", "</s>"], show_progress=False
    )
    tokenizer.train_from_iterator([text.replace(" ", "▁") for text in TEXTS], trainer)
    body = json.loads(tokenizer.to_str())
    vocab = body["model"]["vocab"]
    vocab.update({token: len(vocab) + i for i, token in enumerate(BYTE_TOKENS)})
    return tokenizers.Tokenizer.from_str(json.dumps(body))


def save(folder: pathlib.Path, tokenizer: tokenizers.Tokenizer, **changes: Any) -> str:
    body = json.loads(tokenizer.to_str())
    body["model"].update(changes.pop("model", {}))
    path = folder / "tokenizer.json"
    path.write_text(json.dumps({**body, **changes}))
    return str(path)


@pytest.fixture(scope="module", params=["byte level", "byte fallback"])
def tokenizer(request: pytest.FixtureRequest) -> tokenizers.Tokenizer:
    found = byte_level(["<s>", "</s>"]) if request.param == "byte level" else byte_fallback()
    found.encode_special_tokens = True
    return found


@pytest.fixture(scope="module")
def path(tokenizer: tokenizers.Tokenizer, tmp_path_factory: pytest.TempPathFactory) -> str:
    return save(tmp_path_factory.mktemp("model"), tokenizer)


@settings(max_examples=50, deadline=None)
@given(rows=texts)
def test_ids_are_the_librarys_and_texts_come_back(
    tokenizer: tokenizers.Tokenizer, path: str, rows: list[str]
) -> None:
    """Text that looks like a special token is text: no document can end itself."""
    encoder = Encoder(path)
    theirs = [encoding.ids for encoding in tokenizer.encode_batch(rows, add_special_tokens=False)]
    ours = encoder.encode_batch(rows).to_pylist()
    assert ours == [[encoder.bos_id, *ids, encoder.eos_id] for ids in theirs]
    assert all({encoder.bos_id, encoder.eos_id}.isdisjoint(row[1:-1]) for row in ours)
    if tokenizer.normalizer is not None:  # as in SentencePiece: the one character that is lost
        rows = [text.replace("▁", " ") for text in rows]
    assert [encoder.decode(row) for row in ours] == rows


def test_columns_of_arrow(path: str) -> None:
    encoder = Encoder(path, bos=False, eos=False)
    column = pa.array(["gate", "", "two sheep"])
    rows = encoder.encode_batch(column)
    assert rows.type == pa.list_(pa.uint16())
    assert rows.to_pylist() == [encoder.encode(text) for text in column.to_pylist()]
    assert encoder.encode_batch([]).to_pylist() == []


def test_truncation_and_padding_of_the_file_are_switched_off(tmp_path: pathlib.Path) -> None:
    tokenizer = byte_level(["<s>", "</s>"])
    plain = Encoder(save(tmp_path, tokenizer)).encode_batch(TEXTS)
    tokenizer.enable_truncation(4)
    tokenizer.enable_padding(length=200)
    assert Encoder(save(tmp_path, tokenizer)).encode_batch(TEXTS).equals(plain)


def template(before: str, after: str) -> Any:
    return processors.TemplateProcessing(
        single=f"{before} $A {after}",
        pair=f"{before} $A $B",
        special_tokens=[(before, 0), (after, 1)],
    )


@pytest.mark.parametrize(
    ("special", "processor", "expected"),
    [
        (["<s>", "</s>"], None, (0, 1)),
        (["<|begin_of_text|>", "<|end_of_text|>"], None, (0, 1)),
        (["<|endoftext|>"], None, (-1, 0)),
        (["[A]", "[B]"], None, (-1, -1)),
        (["[A]", "[B]"], template("[A]", "[B]"), (0, 1)),
        (["<s>", "[B]"], template("[B]", "<s>"), (1, 0)),
        (["[A]", "[B]"], processors.BertProcessing(("[B]", 1), ("[A]", 0)), (0, 1)),
        (
            ["[A]", "[B]"],
            processors.Sequence([processors.ByteLevel(), template("[A]", "[B]")]),
            (0, 1),
        ),
    ],
)
def test_special_ids_are_found(
    tmp_path: pathlib.Path, special: list[str], processor: Any, expected: tuple[int, int]
) -> None:
    tokenizer = byte_level(special)
    if processor is not None:
        tokenizer.post_processor = processor
    encoder = Encoder(save(tmp_path, tokenizer), bos=False, eos=False)
    assert (encoder.bos_id, encoder.eos_id) == expected


def test_a_special_id_that_is_not_there(tmp_path: pathlib.Path) -> None:
    path = save(tmp_path, byte_level(["<|endoftext|>"]))
    with pytest.raises(ConfigError, match=r"has no bos id; set tokens.bos to false, or, for a tok"):
        Encoder(path)
    assert Encoder(path, bos=False).encode("")[-1] == 0


def test_special_tokens_may_be_named(tmp_path: pathlib.Path) -> None:
    data = byte_level(["[A]", "<|endoftext|>"]).to_str().encode()
    (tmp_path / "tokenizer.json").write_bytes(with_special_tokens(data, "[A]", "", "x"))
    encoder = Encoder(str(tmp_path / "tokenizer.json"))
    assert (encoder.bos_id, encoder.eos_id) == (0, 1)
    theirs = tokenizers.Tokenizer.from_str(data.decode())
    assert encoder.encode("two sheep")[1:-1] == theirs.encode("two sheep").ids
    with pytest.raises(ConfigError, match=r"eos_token: x has no token '\[C\]'"):
        with_special_tokens(data, "", "[C]", "x")
    with pytest.raises(ModelError, match="is not JSON"):
        with_special_tokens(b"\x0a\x05hello", "[A]", "", "x")


def test_a_large_vocabulary_takes_wider_ids(tmp_path: pathlib.Path) -> None:
    tokenizer = byte_level(["<s>", "</s>"])
    tokenizer.add_tokens([f"word{i}" for i in range(65_536 - tokenizer.get_vocab_size())])
    narrow = Encoder(save(tmp_path, tokenizer))
    assert (narrow.vocab_size, narrow.dtype) == (65_536, "uint16")
    tokenizer.add_tokens(["onemore"])
    wide = Encoder(save(tmp_path, tokenizer))
    assert (wide.vocab_size, wide.dtype) == (65_537, "uint32")
    assert wide.encode_batch(["onemore"]).type == pa.list_(pa.uint32())
    assert wide.encode("onemore")[1] == 65_536


@pytest.mark.parametrize(
    ("data", "message"),
    [
        ("{", "is not JSON"),
        ("{}", "it has no model or no added_tokens; a vocab.json or a tokenizer_config.json is"),
        ('{"a": 1, "b": 2}', "it has no model"),
        ('{"model": {}, "added_tokens": []}', "is not a Hugging Face tokenizer.json"),
    ],
)
def test_files_that_are_no_tokenizer(tmp_path: pathlib.Path, data: str, message: str) -> None:
    path = tmp_path / "tokenizer.json"
    path.write_text(data)
    with pytest.raises(ModelError, match=message):
        Encoder(str(path))


@pytest.mark.parametrize(
    ("model", "kind"),
    [
        (models.WordLevel({"a": 0, "[UNK]": 1}, unk_token="[UNK]"), "WordLevel"),
        (models.WordPiece({"a": 0, "[UNK]": 1}, unk_token="[UNK]"), "WordPiece"),
        (models.BPE({"a": 0}, []), "BPE"),
        (models.BPE({"a": 0, "<0x41>": 1}, [], byte_fallback=True), "BPE"),
        (models.Unigram([("a", 0.0), ("b", 0.0)], 0, False), "Unigram"),
    ],
)
def test_a_vocabulary_that_cannot_spell_every_text(
    tmp_path: pathlib.Path, model: Any, kind: str
) -> None:
    path = save(tmp_path, tokenizers.Tokenizer(model))
    with pytest.raises(ModelError, match=f"this {kind} vocabulary cannot spell every text"):
        Encoder(path, bos=False, eos=False)


def test_byte_level_without_all_bytes(tmp_path: pathlib.Path) -> None:
    tokenizer = tokenizers.Tokenizer(models.BPE({"a": 0}, []))
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel()
    with pytest.raises(ModelError, match="cannot spell every text"):
        Encoder(save(tmp_path, tokenizer), bos=False, eos=False)


def test_unigram_with_byte_fallback(tmp_path: pathlib.Path) -> None:
    vocab = [("<unk>", 0.0), *((token, -9.0) for token in BYTE_TOKENS), ("sheep", -1.0)]
    tokenizer = tokenizers.Tokenizer(models.Unigram(vocab, 0, True))
    tokenizer.decoder = decoders.Sequence([decoders.ByteFallback(), decoders.Fuse()])
    encoder = Encoder(save(tmp_path, tokenizer), bos=False, eos=False)
    assert 0 not in encoder.encode("sheep 漢")
    assert encoder.decode(encoder.encode("sheep 漢")) == "sheep 漢"


def test_an_encoding_at_random_is_refused(tmp_path: pathlib.Path) -> None:
    path = save(tmp_path, byte_level(["<s>", "</s>"]), model={"dropout": 0.1})
    with pytest.raises(ModelError, match=r"a dropout of 0.1 encodes at random"):
        Encoder(path)


def test_finds_the_tokenizer_of_a_folder(tmp_path: pathlib.Path) -> None:
    with pytest.raises(StageError, match="holds no tokenizer"):
        find_tokenizer(str(tmp_path))
    for name in ("tokenizer.model", "tokenizer.json"):
        (tmp_path / name).write_text("x")
        assert find_tokenizer(str(tmp_path)) == str(tmp_path / name)
