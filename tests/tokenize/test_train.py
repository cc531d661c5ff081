"""Training: equal texts, equal bytes; nothing lost; the vocabulary that the texts can carry."""

from __future__ import annotations

import logging
import pathlib
import tracemalloc

import pytest
import sentencepiece
from hypothesis import given, settings
from hypothesis import strategies as st

from pasture import storage
from pasture.errors import ConfigError, ModelError
from pasture.tokenize.train import (
    TokenizerTraining,
    draw_sample,
    split_lines,
    train_tokenizer,
)

TEXTS = [
    "the gate is shut and the sheep are counted\nthe gate is open\n",
    "sheep sheep sheep 1987 gate gates gated\n\n  two spaces",
    "Schafe zählen ist nützlich, овцы тоже",
]


def files(folder: pathlib.Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in sorted(folder.iterdir())}


def test_equal_texts_give_equal_bytes(tmp_path: pathlib.Path) -> None:
    config = TokenizerTraining(vocab_size=330)
    for name in ("one", "two"):
        train_tokenizer(iter(TEXTS), str(tmp_path / name), config)
    assert files(tmp_path / "one") == files(tmp_path / "two")
    assert list(files(tmp_path / "one")) == ["card.json", "tokenizer.model", "tokenizer.vocab"]


def test_model_has_llamas_settings(tmp_path: pathlib.Path) -> None:
    card = train_tokenizer(TEXTS, str(tmp_path), TokenizerTraining(vocab_size=330))
    processor = sentencepiece.SentencePieceProcessor(model_file=str(tmp_path / "tokenizer.model"))
    assert (processor.unk_id(), processor.bos_id(), processor.eos_id()) == (0, 1, 2)
    assert [processor.id_to_piece(i) for i in (3, 258)] == ["<0x00>", "<0xFF>"]
    assert processor.decode(processor.encode("  ½ 漢\t\n x ")) == "  ½ 漢\t\n x "
    assert processor.encode("1987", out_type=str)[-4:] == ["1", "9", "8", "7"]
    assert card["vocab_size"] == processor.vocab_size() == 330
    vocab = (tmp_path / "tokenizer.vocab").read_text().splitlines()
    assert vocab[:4] == ["<unk>\t0", "<s>\t0", "</s>\t0", "<0x00>\t0"]
    assert len(vocab) == 330


def test_card_says_what_the_model_was_trained_on(tmp_path: pathlib.Path) -> None:
    card = train_tokenizer(TEXTS, str(tmp_path), TokenizerTraining(vocab_size=330))
    assert storage.read_json(str(tmp_path / "card.json")) == card
    assert {key: card[key] for key in ("lines", "bytes", "lines_seen", "bytes_seen")} == {
        "lines": 5,
        "bytes": sum(len(line.encode()) for text in TEXTS for line in text.split("\n")),
        "lines_seen": 5,
        "bytes_seen": sum(len(line.encode()) for text in TEXTS for line in text.split("\n")),
    }


def test_trains_what_a_small_text_can_carry_and_says_so(
    tmp_path: pathlib.Path, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.WARNING, logger="pasture"):
        card = train_tokenizer(TEXTS, str(tmp_path), TokenizerTraining())
    assert card["requested_vocab_size"] == 32_000
    assert 300 < card["vocab_size"] < 500
    assert caplog.messages == [
        f"{card['bytes']} bytes of text carry {card['vocab_size']} pieces, not the 32000 asked "
        f"for: the tokenizer has {card['vocab_size']}"
    ]


def test_each_piece_needs_some_text(tmp_path: pathlib.Path) -> None:
    words = [f"{a}{b}{c}" for a in "bdfgklmnprst" for b in "aeiou" for c in "bdfgklmnprst"]
    texts = [" ".join(words[i:] + words[:i]) for i in range(0, len(words), 9)]
    size = sum(map(len, texts))
    config = TokenizerTraining(vocab_size=32_000, min_bytes_per_piece=size // 4100)
    assert train_tokenizer(texts, str(tmp_path), config)["vocab_size"] <= 4100 + 1


@pytest.mark.parametrize("texts", [[], [""], ["\n\n"]])
def test_no_text_is_an_error(tmp_path: pathlib.Path, texts: list[str]) -> None:
    with pytest.raises(ModelError, match="no text to train"):
        train_tokenizer(texts, str(tmp_path))
    assert list(tmp_path.iterdir()) == []


def test_too_many_characters_for_the_vocabulary_is_an_error(tmp_path: pathlib.Path) -> None:
    text = "".join(chr(0x4E00 + i) for i in range(200))
    with pytest.raises(ModelError, match="smaller than required_chars"):
        train_tokenizer([text], str(tmp_path), TokenizerTraining(vocab_size=300))


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"vocab_size": 259}, "vocab_size: 259 is too small"),
        ({"vocab_size": 3, "byte_fallback": False}, "vocab_size: 3 is too small"),
        ({"character_coverage": 0.97}, "character_coverage"),
        ({"character_coverage": 1.01}, "character_coverage"),
        ({"max_line_bytes": 15}, "max_line_bytes"),
        ({"sample_bytes": 0}, "sample_bytes"),
    ],
)
def test_config_that_cannot_work(options: dict[str, int], message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        TokenizerTraining(**options)


def test_config_at_its_limits() -> None:
    TokenizerTraining(vocab_size=260, character_coverage=0.98, max_line_bytes=16, sample_bytes=1)


@pytest.mark.parametrize(
    ("text", "lines"),
    [
        ("", []),
        ("\n \n", [" "]),
        ("a\nb\n", ["a", "b"]),
        ("a\r\nb\u2028d", ["a\r", "b\u2028d"]),
        ("abcd efgh", ["abcd", "efgh"]),
        ("abcdefghij", ["abcd", "efgh", "ij"]),
        (" bcde", [" bcd", "e"]),
    ],
)
def test_splits_at_newlines_and_cuts_long_lines_at_spaces(text: str, lines: list[str]) -> None:
    assert list(split_lines(text, 16)) == lines


@settings(max_examples=50)
@given(st.text(alphabet="ab \n\u00e9\u6f22\U0001f40f", max_size=80))
def test_splitting_loses_only_newlines_and_the_spaces_that_it_cuts_at(text: str) -> None:
    lines = list(split_lines(text, 16))
    assert all(0 < len(line.encode()) <= 16 and "\n" not in line for line in lines)
    left = "".join(lines).replace(" ", "")
    assert left == text.replace("\n", "").replace(" ", "")
    cuts = len(lines) - sum(bool(line) for line in text.split("\n"))
    assert 0 <= text.count(" ") - "".join(lines).count(" ") <= cuts


def test_sample_is_bounded_seeded_and_in_order() -> None:
    texts = [f"line {i:06d}" for i in range(5000)]
    config = TokenizerTraining(sample_bytes=1100)
    sample = draw_sample(iter(texts), config)
    assert (len(sample.lines), sample.bytes) == (100, 1100)
    assert (sample.lines_seen, sample.bytes_seen) == (5000, 55000)
    assert sample.lines == sorted(sample.lines)
    assert draw_sample(iter(texts), config) == sample
    other = draw_sample(iter(texts), TokenizerTraining(sample_bytes=1100, seed=1))
    assert other.lines != sample.lines


def test_a_sample_takes_little_memory() -> None:
    texts = (f"{i:05d} " + "sheep " * 100 for i in range(20_000))
    tracemalloc.start()
    draw_sample(texts, TokenizerTraining(sample_bytes=100_000))
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 2_000_000  # of 12 MB


def test_sample_is_spread_over_all_the_texts() -> None:
    texts = [f"line {i:06d}" for i in range(5000)]
    sample = draw_sample(texts, TokenizerTraining(sample_bytes=11 * 1000))
    first_half = sum(int(line[5:]) < 2500 for line in sample.lines)
    assert 430 < first_half < 570


def test_sample_skips_and_counts_what_the_trainer_would_drop() -> None:
    sample = draw_sample(["a\nb \u2585 c\nnul \0\nd"], TokenizerTraining())
    assert sample.lines == ["a", "d"]
    assert (sample.lines_seen, sample.lines_skipped) == (4, 2)


def test_memory_does_not_grow_with_the_corpus() -> None:
    def peak(texts: int) -> int:
        tracemalloc.start()
        sample = draw_sample(
            (f"{i:06d} " + "sheep " * 100 for i in range(texts)),
            TokenizerTraining(sample_bytes=100_000),
        )
        _, most = tracemalloc.get_traced_memory()
        tracemalloc.stop()
        assert (sample.lines_seen, sample.bytes <= 100_000) == (texts, True)
        return most

    small = peak(2_000)  # 1.2 MB, and then 12 MB
    assert peak(20_000) < 1.2 * small
