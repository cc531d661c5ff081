from __future__ import annotations

import json
import math
import pathlib
import random

import numpy as np
import pasture_kenlm
import pytest
import sentencepiece

from pasture.errors import ConfigError, ModelError
from pasture.filters.ngram import (
    KeepBuckets,
    Perplexity,
    PerplexityBuckets,
    find_models,
    perplexity,
)
from pasture.filters.ngram_training import NgramTraining, train_ngram
from pasture.records import Document, documents_to_batch

WORDS = "the river was high that spring and nobody in our village wanted to cross it"


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> str:
    """A folder with a model of English."""
    root = tmp_path_factory.mktemp("ngram")
    draw = random.Random(0)
    words = WORDS.split() * 3
    texts = [" ".join(words[draw.randrange(15) :][: draw.randint(5, 30)]) for _ in range(300)]
    train_ngram(
        texts, language="en", folder=str(root), config=NgramTraining(), work_folder=str(root / "w")
    )
    return str(root)


def measure(step: Perplexity, *rows: tuple[str | None, str]) -> list[float | None]:
    step.setup()
    batch = documents_to_batch(
        [Document(str(i), "s", text, language=lang) for i, (lang, text) in enumerate(rows)]
    )
    found = step.annotate(batch)
    assert found.schema == batch.schema
    return found["perplexity"].to_pylist()  # type: ignore[no-any-return]


def test_perplexity_is_that_of_the_libraries(folder: str) -> None:
    """The score by hand: CCNet's formula over SentencePiece's pieces and KenLM's score."""
    pieces = sentencepiece.SentencePieceProcessor(f"{folder}/en.sp.model")
    model = pasture_kenlm.Model(f"{folder}/en.arpa.bin")
    found = pieces.encode("the river was high.in spring 00", out_type=str)
    score = model.score(" ".join(found))
    by_hand = round(10 ** (-score / (len(found) + 1)), 1)
    (measured,) = measure(Perplexity(folder), ("en", " The river was high.\nIn SPRING 12 "))
    assert measured == np.float32(by_hand)


def test_usual_text_is_less_perplexing(folder: str) -> None:
    usual, unusual, unknown = measure(
        Perplexity(folder),
        ("en", "the river was high that spring"),
        ("en", "spring the the nobody cross our"),
        ("en", "Весной река поднялась"),
    )
    assert usual < unusual < unknown  # type: ignore[operator]


def test_texts_that_cannot_be_measured_stay_null(folder: str) -> None:
    rows = [("fr", "la rivière"), (None, "the river"), ("en", ""), ("en", " \n\x01")]
    assert measure(Perplexity(folder), *rows) == [None] * 4
    assert measure(Perplexity(folder)) == []


def test_a_longer_text_is_measured_at_its_start(folder: str) -> None:
    first, both = measure(
        Perplexity(folder, max_characters=9), ("en", "the river"), ("en", "the river Весной")
    )
    assert first == both


def test_a_piece_of_a_control_symbol_is_harmless(folder: str) -> None:
    (value,) = measure(Perplexity(folder), ("en", "<s> the </s> <unk> ▁ river\0"))
    assert value is not None
    assert math.isfinite(value)


@pytest.mark.parametrize(("log10", "length", "expected"), [(-4.0, 2, 100.0), (-1.0, 3, 2.2)])
def test_the_formula(log10: float, length: int, expected: float) -> None:
    assert perplexity(log10, length) == expected


@pytest.mark.parametrize("files", [[], ["en.card.json"], ["en.sp.model"], ["en.arpa.bin"]])
def test_an_incomplete_folder_is_an_error(tmp_path: pathlib.Path, files: list[str]) -> None:
    for name in files:
        (tmp_path / name).touch()
    with pytest.raises(ModelError):
        Perplexity(str(tmp_path)).setup()


def test_a_missing_folder_is_an_error(tmp_path: pathlib.Path) -> None:
    for path in ("", str(tmp_path / "none")):
        with pytest.raises(ModelError, match="pasture models train ngram"):
            Perplexity(path).setup()


def test_a_damaged_model_is_an_error(tmp_path: pathlib.Path, folder: str) -> None:
    for name in ("en.sp.model", "en.arpa.bin"):
        (tmp_path / name).write_bytes(b"damaged" * 100)
    assert list(find_models(str(tmp_path))) == ["en"]
    with pytest.raises(ModelError, match="cannot load"):
        measure(Perplexity(str(tmp_path)), ("en", "text"))


CUTS = {"en": {"head": 340.1, "middle": 520.0}}


@pytest.mark.parametrize(
    ("language", "value", "bucket"),
    [
        ("en", 340.0, "head"),
        ("en", 340.1, "middle"),
        ("en", 519.9, "middle"),
        ("en", 520.0, "tail"),
        ("en", None, "all"),
        ("sl", 340.0, "all"),
        (None, None, "all"),
    ],
)
def test_buckets(
    tmp_path: pathlib.Path, language: str | None, value: float | None, bucket: str
) -> None:
    path = tmp_path / "cutoffs.json"
    path.write_text(json.dumps(CUTS))
    step = PerplexityBuckets(str(path))
    step.setup()
    batch = documents_to_batch([Document("1", "s", "t", language=language, perplexity=value)])
    assert step.annotate(batch)["perplexity_bucket"].to_pylist() == [bucket]


def test_published_buckets() -> None:
    batch = documents_to_batch(
        [Document("1", "s", "t", language="hu", perplexity=p) for p in (79.9, 80.0, 140.0)]
    )
    buckets = PerplexityBuckets("ccnet").annotate(batch)["perplexity_bucket"].to_pylist()
    assert buckets == ["head", "middle", "tail"]


def test_missing_cutoffs_are_an_error() -> None:
    with pytest.raises(ModelError):
        PerplexityBuckets().setup()


@pytest.mark.parametrize(
    ("bucket", "buckets", "reason"),
    [
        ("head", ("head", "middle"), None),
        ("middle", ("head", "middle"), None),
        ("tail", ("head", "middle"), "perplexity_tail"),
        ("all", ("head", "middle"), "perplexity_unknown"),
        (None, ("head", "middle"), "perplexity_unknown"),
        ("all", ("head", "all"), None),
        (None, ("head", "all"), None),
        ("middle", ("head",), "perplexity_middle"),
        ("head", ("tail",), "perplexity_head"),
    ],
)
def test_keeps_buckets(bucket: str | None, buckets: tuple[str, ...], reason: str | None) -> None:
    batch = documents_to_batch([Document("1", "s", "text", perplexity_bucket=bucket)])
    assert KeepBuckets(buckets).reasons(batch).to_pylist() == [reason]


def test_an_empty_batch_has_no_reasons() -> None:
    assert KeepBuckets().reasons(documents_to_batch([])).to_pylist() == []


@pytest.mark.parametrize("buckets", [(), ("heads",)])
def test_bucket_names_are_checked(buckets: tuple[str, ...]) -> None:
    with pytest.raises(ConfigError, match="head, middle, tail, all"):
        KeepBuckets(buckets)
