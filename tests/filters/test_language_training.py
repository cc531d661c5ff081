from __future__ import annotations

import dataclasses
import pathlib
import random

import pytest

from pasture.errors import ModelError
from pasture.filters.language import LanguageId
from pasture.filters.language_training import LanguageTraining, train_language
from pasture.records import Document, documents_to_batch

WORDS = {
    "en": "the river was high that spring and nobody wanted to cross it before summer",
    "de": "der fluss stand im frühling hoch und niemand wollte ihn vor dem sommer",
}
CONFIG = LanguageTraining(
    fasttext=dataclasses.replace(LanguageTraining().fasttext, min_count=1, bucket=5000)
)


def texts(language: str, count: int = 60) -> list[tuple[str, str]]:
    draw = random.Random(language)
    lines = [" ".join(draw.choices(WORDS[language].split(), k=12)) for _ in range(count)]
    return [(language, f"{line}\nshort\n{' '.join(line.split()[::-1])}") for line in lines]


def test_trains_the_same_model_from_any_order(tmp_path: pathlib.Path) -> None:
    examples = texts("en") + texts("de")
    cards = [
        train_language(order, path=str(tmp_path / "lid.bin"), config=CONFIG)
        for order in (examples, examples[::-1])
    ]
    assert cards[0] == cards[1]
    assert cards[0]["lines"] == {"de": 120, "en": 120}
    assert cards[0]["held_out_accuracy"] == 1.0
    assert set(cards[0]["held_out_accuracy_by_language"]) == {"de", "en"}
    step = LanguageId(model=str(tmp_path / "lid.bin"))
    step.setup()
    batch = documents_to_batch([Document("1", "s", "the river"), Document("2", "s", "der fluss")])
    assert step.annotate(batch)["language"].to_pylist() == ["en", "de"]


def test_a_language_has_no_more_lines_than_asked(tmp_path: pathlib.Path) -> None:
    config = dataclasses.replace(CONFIG, lines=50)
    examples = texts("en") + texts("de", 10)
    card = train_language(examples, path=str(tmp_path / "lid.bin"), config=config)
    assert card["lines"] == {"de": 20, "en": 50}


@pytest.mark.parametrize("examples", [[], texts("en"), [("en", "short"), ("de", "kurz")]])
def test_too_few_languages_are_an_error(
    tmp_path: pathlib.Path, examples: list[tuple[str, str]]
) -> None:
    with pytest.raises(ModelError, match="two languages"):
        train_language(examples, path=str(tmp_path / "lid.bin"), config=CONFIG)
    assert list(tmp_path.iterdir()) == []
