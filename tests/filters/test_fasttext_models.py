from __future__ import annotations

import pathlib

import pytest

from pasture.errors import ModelError
from pasture.filters.fasttext_models import (
    FastTextOptions,
    load,
    predict_best,
    predict_label,
    train,
    training_line,
)

OPTIONS = FastTextOptions(dim=8, epoch=25, lr=0.5, minn=2, maxn=3, bucket=5000)


@pytest.fixture
def examples(tmp_path: pathlib.Path) -> pathlib.Path:
    path = tmp_path / "examples"
    lines = [training_line("ab"[i % 2], f"{['left', 'right'][i % 2]} word{i}") for i in range(60)]
    path.write_text("".join(lines))
    return path


def test_a_text_cannot_label_itself() -> None:
    assert training_line("a", "x __label__b\ny") == "__label__a x  b y\n"


@pytest.mark.parametrize("options", [OPTIONS, FastTextOptions(dim=16, lr=0.5, epoch=25)])
def test_training_gives_equal_bytes(
    tmp_path: pathlib.Path, examples: pathlib.Path, options: FastTextOptions
) -> None:
    for name in ("1", "2", "3"):
        train(examples, tmp_path / name, options)
    models = {(tmp_path / name).read_bytes() for name in ("1", "2", "3")}
    assert len(models) == 1


def test_predictions(tmp_path: pathlib.Path, examples: pathlib.Path) -> None:
    model = train(examples, tmp_path / "model", OPTIONS)
    lines = ["left word", "right word"]
    best, scores = predict_best(model, lines)
    assert best == ["a", "b"]
    assert predict_label(model, lines, "a") == pytest.approx([scores[0], 1 - scores[1]], abs=1e-3)
    assert predict_label(model, lines, "c") == [None, None]
    assert predict_best(model, [])[0] == predict_label(model, [], "a") == []


def test_a_model_that_is_trained_again_is_loaded_again(
    tmp_path: pathlib.Path, examples: pathlib.Path
) -> None:
    path = tmp_path / "model"
    train(examples, path, OPTIONS)
    first = load(str(path), fresh=True)
    assert load(str(path)) is first
    examples.write_text(training_line("c", "left") + training_line("d", "right"))
    train(examples, path, OPTIONS)
    assert sorted(load(str(path), fresh=True).get_labels()) == ["__label__c", "__label__d"]


def test_examples_that_cannot_be_learned_from_are_an_error(tmp_path: pathlib.Path) -> None:
    empty = tmp_path / "examples"
    empty.write_text("")
    with pytest.raises(ModelError, match="Empty vocabulary"):
        train(empty, tmp_path / "model", OPTIONS)
