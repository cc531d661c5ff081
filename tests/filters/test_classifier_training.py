from __future__ import annotations

import pathlib
import random

import pytest

from pasture.errors import ConfigError, ModelError
from pasture.filters.classifier import ReferenceClassifier
from pasture.filters.classifier_training import (
    ReferenceTraining,
    match_lengths,
    roc_auc,
    train_reference,
)
from pasture.filters.fasttext_models import FastTextOptions
from pasture.filters.sampling import Entry
from pasture.records import Document, documents_to_batch

CONFIG = ReferenceTraining(fasttext=FastTextOptions(lr=0.5, epoch=25, dim=16))


def pages(words: str, count: int, seed: int) -> list[str]:
    draw = random.Random(seed)
    return [" ".join(draw.choices(words.split(), k=draw.randint(10, 60))) for _ in range(count)]


CITED = pages("history town river museum century church castle the of in", 150, 1)
OTHERS = pages("buy cheap shoes offer price click cart the of in", 600, 2)


def test_trains_the_same_model_from_any_order(tmp_path: pathlib.Path) -> None:
    path = str(tmp_path / "reference.bin")
    cards = [
        train_reference(CITED[::order], (*OTHERS[::order], "", " "), path=path, config=CONFIG)
        for order in (1, -1)
    ]
    assert cards[0] == cards[1]
    assert cards[0]["cited_pages"] == 150
    assert cards[0]["other_pages"] == 600
    assert cards[0]["examples_per_class"] > 120
    assert cards[0]["held_out_roc_auc"] == 1.0
    assert cards[0]["length_roc_auc"] == pytest.approx(0.5, abs=0.25)
    step = ReferenceClassifier(model=path)
    step.setup()
    batch = documents_to_batch(
        [Document("1", "s", "castle museum"), Document("2", "s", "buy shoes")]
    )
    scores = step.annotate(batch)["reference_score"].to_pylist()
    assert scores[0] > 0.9 > 0.1 > scores[1]


@pytest.mark.parametrize(
    ("positives", "negatives", "message"),
    [
        ([], OTHERS, "there are 0 cited pages"),
        (CITED[:49], OTHERS, "there are 49 cited pages"),
        (CITED[:49] * 9, OTHERS, "there are 49 cited pages"),
        (CITED, [], "there are 0 pairs of equal length, of 150 cited pages and 0 others"),
        (CITED, CITED, "there are 0 pairs"),
        (CITED, [text * 100 for text in OTHERS], "there are 0 pairs"),
    ],
)
def test_too_few_pages_are_an_error(
    tmp_path: pathlib.Path, positives: list[str], negatives: list[str], message: str
) -> None:
    with pytest.raises(ModelError, match=message):
        train_reference(positives, negatives, path=str(tmp_path / "model.bin"), config=CONFIG)
    assert list(tmp_path.iterdir()) == []


def entry(key: int, characters: int) -> Entry:
    return Entry(key, characters, 0, 0)


def test_lengths_are_matched_by_bins_lowest_hashes_first() -> None:
    positives = [entry(3, 1000), entry(1, 1024), entry(2, 1100)]
    negatives = [entry(9, 1150), entry(8, 1216), entry(7, 1218), entry(6, 1030), entry(5, 999)]
    assert match_lengths(positives, negatives, bins_per_octave=4) == [
        (entry(3, 1000), entry(5, 999)),
        (entry(1, 1024), entry(6, 1030)),
        (entry(2, 1100), entry(8, 1216)),
    ]


@pytest.mark.parametrize(
    ("truth", "scores", "area"),
    [
        ([True, False], [0.9, 0.1], 1.0),
        ([True, False], [0.1, 0.9], 0.0),
        ([True, False], [0.5, 0.5], 0.5),
        ([True, True, False, False], [0.9, 0.3, 0.5, 0.3], 0.625),
        ([True, True], [0.9, 0.3], None),
        ([], [], None),
    ],
)
def test_roc_auc(truth: list[bool], scores: list[float], area: float | None) -> None:
    assert roc_auc(truth, scores) == area


@pytest.mark.parametrize("options", [{"min_positives": 1}, {"held_out": 1}])
def test_options_are_checked(options: dict[str, int]) -> None:
    with pytest.raises(ConfigError):
        ReferenceTraining(**options)
