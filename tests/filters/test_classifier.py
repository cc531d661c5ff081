from __future__ import annotations

import pytest

from pasture.errors import ConfigError, ModelError
from pasture.filters.classifier import KeepReferences, ReferenceClassifier
from pasture.filters.fasttext_models import FastTextOptions, train, training_line
from pasture.records import Document, documents_to_batch


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> str:
    folder = tmp_path_factory.mktemp("model")
    lines = [training_line("reference", f"history of the town {i}") for i in range(50)]
    lines += [training_line("other", f"buy cheap shoes now {i}") for i in range(50)]
    (folder / "examples").write_text("".join(lines))
    train(folder / "examples", folder / "model.bin", FastTextOptions(lr=0.5, epoch=25))
    return str(folder / "model.bin")


def test_scores_are_the_probability_of_references(model: str) -> None:
    texts = ["history of\nthe town", "buy cheap\nshoes", "", " \n"]
    batch = documents_to_batch([Document(str(i), "s", text) for i, text in enumerate(texts)])
    step = ReferenceClassifier(model=model)
    step.setup()
    scores = step.annotate(batch)["reference_score"].to_pylist()
    assert scores[0] > 0.9
    assert scores[1] < 0.1
    assert scores[2:] == [None, None]
    other = ReferenceClassifier(model=model, label="other").annotate(batch)
    assert other["reference_score"][0].as_py() == pytest.approx(1 - scores[0], abs=1e-3)


def test_an_empty_batch_stays_empty(model: str) -> None:
    batch = documents_to_batch([])
    assert ReferenceClassifier(model=model).annotate(batch) == batch


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"model": ""}, "pasture models train reference"),
        ({"model": "/no/such/model.bin"}, "missing"),
        ({"label": "wiki"}, "no label 'wiki', but __label__other, __label__reference"),
    ],
)
def test_a_model_that_cannot_serve_is_an_error(
    model: str, options: dict[str, str], message: str
) -> None:
    with pytest.raises(ModelError, match=message):
        ReferenceClassifier(**{"model": model, **options}).setup()


@pytest.mark.parametrize(
    ("score", "options", "reason"),
    [
        (0.5, {}, None),
        (0.4999, {}, "not_a_reference"),
        (0.25, {"min_score": 0.25}, None),
        (0.2, {"min_score": 0.2}, None),
        (0.24, {"min_score": 0.25}, "not_a_reference"),
        (None, {}, "no_reference_score"),
        (None, {"missing": "keep"}, None),
        (0.1, {"missing": "keep"}, "not_a_reference"),
    ],
)
def test_keeps_references(
    score: float | None, options: dict[str, object], reason: str | None
) -> None:
    batch = documents_to_batch([Document("1", "s", "text", reference_score=score)])
    step = KeepReferences(**options)  # type: ignore[arg-type]
    assert step.reasons(batch).to_pylist() == [reason]


def test_an_empty_batch_has_no_reasons() -> None:
    assert KeepReferences().reasons(documents_to_batch([])).to_pylist() == []


@pytest.mark.parametrize("score", [-0.1, 1.1])
def test_options_are_checked(score: float) -> None:
    with pytest.raises(ConfigError, match="min_score"):
        KeepReferences(min_score=score)
