from __future__ import annotations

import dataclasses
import json
import pathlib
import random
import sys

import pasture_kenlm
import pytest

from pasture.errors import ConfigError, ModelError
from pasture.filters.ngram_training import NgramTraining, cut, find_tool, train_ngram

WORDS = "the river was high that spring and nobody in our village wanted to cross it"


def texts(count: int = 400) -> list[str]:
    draw = random.Random(0)
    return [" ".join(draw.choices(WORDS.split(), k=draw.randint(5, 40))) for _ in range(count)]


def files(folder: pathlib.Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in sorted(folder.iterdir())}


def test_the_same_texts_in_any_order_give_the_same_files(tmp_path: pathlib.Path) -> None:
    work = tmp_path / "work"
    for name, order in (("a", 1), ("b", -1)):
        card = train_ngram(
            [*texts()[::order], "", " \n"],
            language="en",
            folder=str(tmp_path / name),
            config=NgramTraining(),
            work_folder=str(work),
        )
    assert files(tmp_path / "a") == files(tmp_path / "b")
    assert list(files(tmp_path / "a")) == ["en.arpa.bin", "en.card.json", "en.sp.model"]
    assert json.loads(files(tmp_path / "a")["en.card.json"]) == json.loads(json.dumps(card))
    assert list(work.iterdir()) == []
    assert card["documents"] + card["held_out_documents"] == 400
    assert 1 < card["held_out_perplexity"] < 50
    assert len(card["ngrams"]) == 5
    assert card["notes"] == [f"the text in en carries {card['vocabulary']} pieces, not 65,536"]


def test_options_shape_the_model(tmp_path: pathlib.Path) -> None:
    config = NgramTraining(vocabulary=30, order=3, prune=(0, 0, 1), max_documents=100)
    card = train_ngram(
        texts(), language="en", folder=str(tmp_path), config=config, work_folder=str(tmp_path)
    )
    assert card["vocabulary"] == 30
    assert card["documents"] + card["held_out_documents"] == 100
    assert len(card["ngrams"]) == 3
    whole = dataclasses.replace(config, prune=())
    unpruned = train_ngram(
        texts(), language="en", folder=str(tmp_path), config=whole, work_folder=str(tmp_path)
    )
    assert card["ngrams"][:2] == unpruned["ngrams"][:2]
    assert card["ngrams"][2] < unpruned["ngrams"][2]
    assert card["notes"] == []


@pytest.mark.parametrize("corpus", [["one short text"], ["한국어 문장"], ["<s> </s> <unk>"]])
def test_a_corpus_of_one_text(tmp_path: pathlib.Path, corpus: list[str]) -> None:
    card = train_ngram(
        corpus,
        language="xx",
        folder=str(tmp_path),
        config=NgramTraining(),
        work_folder=str(tmp_path / "work"),
    )
    assert card["documents"] == 1
    assert card["held_out_perplexity"] is None
    assert card["notes"][1] == "the texts in xx are too few to hold one out"


@pytest.mark.parametrize("corpus", [[], ["", " \n\x01"]])
def test_no_text_is_an_error(tmp_path: pathlib.Path, corpus: list[str]) -> None:
    folder = tmp_path / "out"
    with pytest.raises(ModelError, match="no text"):
        train_ngram(
            corpus,
            language="en",
            folder=str(folder),
            config=NgramTraining(),
            work_folder=str(tmp_path),
        )
    assert not folder.exists()


def test_a_program_that_fails_is_an_error(tmp_path: pathlib.Path) -> None:
    config = NgramTraining(memory="no such size")
    with pytest.raises(ModelError, match="lmplz failed"):
        train_ngram(
            texts(), language="en", folder=str(tmp_path), config=config, work_folder=str(tmp_path)
        )


def test_a_missing_program_is_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    assert pathlib.Path(find_tool("lmplz")).is_file()
    monkeypatch.setattr(pasture_kenlm, "__file__", "/no/such/folder/__init__.py")
    with pytest.raises(ModelError, match=r"lmplz is missing .*pip install .*pasture-kenlm"):
        find_tool("lmplz")


def test_a_missing_package_is_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "pasture_kenlm", None)
    with pytest.raises(ModelError, match=r"build_binary is missing .*pip install .*pasture-kenlm"):
        find_tool("build_binary")


@pytest.mark.parametrize(
    "line", ["", "a b", "word " * 1000, "x" * 5000, "x" * 1500 + " y" * 1500, " " * 3000]
)
def test_long_lines_are_cut(line: str) -> None:
    parts = list(cut(line))
    assert "".join(parts) == line
    assert all(len(part) <= 1000 for part in parts)


@pytest.mark.parametrize(
    "options", [{"prune": (1, 0)}, {"prune": (0, 0, 0, 1, 1, 1)}, {"held_out": 1}]
)
def test_options_are_checked(options: dict[str, object]) -> None:
    with pytest.raises(ConfigError):
        NgramTraining(**options)  # type: ignore[arg-type]
