"""A filter on any numeric column, and classifiers of any label."""

from __future__ import annotations

import pyarrow as pa
import pytest

from pasture.errors import ConfigError, ModelError
from pasture.filters.label_training import LabelTraining, read_labels, train_classifier
from pasture.filters.scores import Classifier, KeepScores
from pasture.records import Document, documents_to_batch

COLUMNS = {"quality": "float32", "stars": "int64"}


def batch(*values):
    documents = [
        Document(id=str(i), source="s", text="x", extra={"quality": q, "stars": s})
        for i, (q, s) in enumerate(values)
    ]
    return documents_to_batch(documents, COLUMNS)


@pytest.mark.parametrize(
    ("options", "reasons"),
    [
        ({"column": "quality", "min": 0.65}, ["low_quality", None, None, "no_quality"]),
        ({"column": "quality", "max": 0.65}, [None, None, "high_quality", "no_quality"]),
        ({"column": "quality", "min": 0.65, "missing": "keep"}, ["low_quality", None, None, None]),
        ({"column": "stars", "min": 1.5}, ["low_stars", None, None, "no_stars"]),
    ],
)
def test_drops_by_a_column_with_both_sides_of_each_threshold(options, reasons):
    rows = batch((0.6, 1), (0.65, 2), (0.7, 3), (None, None))
    assert KeepScores(**options).reasons(rows).to_pylist() == reasons


def test_not_a_number_counts_as_missing():
    rows = batch((float("nan"), 1))
    assert KeepScores("quality", min=0.5).reasons(rows).to_pylist() == ["no_quality"]


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"column": "quality"}, "min, max: give at least one"),
        ({"column": "quality", "min": 2.0, "max": 1.0}, "min: 2.0 is over max, 1.0"),
        ({"column": "text", "min": 1.0}, "text is of type string, and not a number"),
    ],
)
def test_refuses_options_that_cannot_work(options, message):
    with pytest.raises(ConfigError, match=message):
        KeepScores(**options)


TOPICS = {
    "bees": "the hive and its honey, a queen with workers in the comb, swarming number",
    "boats": "the hull and its keel, a mast with sails in the harbour, tacking number",
}


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    path = tmp_path_factory.mktemp("model") / "topics.bin"
    examples = [(topic, f"{text} {i}") for topic, text in TOPICS.items() for i in range(60)]
    card = train_classifier(examples, path=str(path), config=LabelTraining(min_examples=20))
    return path, card


def test_trains_a_classifier_of_labels_and_measures_it(trained):
    _, card = trained
    assert card["examples"] == {"bees": 60, "boats": 60}
    for label in TOPICS:
        assert card["held_out"][label]["precision"] == 1
        assert card["held_out"][label]["recall"] == 1


def test_the_order_of_the_examples_does_not_change_the_model(trained, tmp_path):
    path, card = trained
    examples = [(topic, f"{text} {i}") for i in range(60) for topic, text in TOPICS.items()]
    again = train_classifier(
        examples, path=str(tmp_path / "again.bin"), config=LabelTraining(min_examples=20)
    )
    assert again == card
    assert (tmp_path / "again.bin").read_bytes() == path.read_bytes()


def test_a_classifier_fills_a_column_of_its_own(trained):
    step = Classifier("bees", model=str(trained[0]))
    step.setup()
    assert step.new_columns() == {"bees_score": "float32"}
    texts = ["honey of the hive and the queen", "sails in the harbour and a mast", ""]
    documents = [Document(id=t, source="s", text=t) for t in texts]
    found = step.annotate(documents_to_batch(documents, step.new_columns()))
    bees, boats, empty = found["bees_score"].to_pylist()
    assert bees > 0.9 > 0.1 > boats
    assert empty is None
    assert found.schema.field("bees_score").type == pa.float32()


def test_a_label_that_the_model_lacks_is_an_error(trained):
    with pytest.raises(ModelError, match="has no label 'birds', but __label__bees"):
        Classifier("birds", model=str(trained[0])).setup()


@pytest.mark.parametrize(
    ("examples", "message"),
    [
        ([("a", "x")] * 60, "texts of two labels or more"),
        ([("a", f"x{i}") for i in range(60)] + [("b", "y")], "there are 1 of b"),
    ],
)
def test_too_few_examples_are_an_error(tmp_path, examples, message):
    with pytest.raises(ModelError, match=message):
        train_classifier(examples, path=str(tmp_path / "m.bin"))


def test_a_bad_line_of_a_labels_file_is_named(tmp_path):
    path = tmp_path / "labels.jsonl"
    path.write_text('{"text": "a", "label": "x"}\n\n{"text": "a"}\n')
    with pytest.raises(Exception, match=r"labels.jsonl, line 3: expected"):
        list(read_labels(str(path)))
