"""Training models from the output of a run, outside a recipe."""

from __future__ import annotations

import gzip
import json

import pytest

from pasture.errors import InputError, StageError
from pasture.manifests.outputs import Output
from pasture.models import from_output as train_models

# Of one length: the training pairs documents by length.
RIVERS = "a careful account of rivers, weirs and water mills in year"
PILLS = "buy cheap pills online now, dear friends, this offer has no"


def labelled(tmp_path, rows, pack=lambda data: data, name="labels.jsonl"):
    path = tmp_path / name
    path.write_bytes(pack("\n".join(map(json.dumps, rows)).encode()))
    return str(path)


@pytest.mark.parametrize(
    ("pack", "name"), [(lambda data: data, "l.jsonl"), (gzip.compress, "l.jsonl.gz")]
)
def test_quality_learns_labels(tmp_path, pack, name):
    rows = [
        {"text": f"{text} {i:02d}", "label": label}
        for i in range(60)
        for label, text in (("good", RIVERS), ("bad", PILLS))
    ]
    path = labelled(tmp_path, rows, pack, name)
    card = train_models.quality(path, str(tmp_path / "q.bin"), "good", 20)
    assert card["held_out_roc_auc"] == 1.0
    assert (tmp_path / "q.bin").exists()
    assert json.loads((tmp_path / "q.card.json").read_text()) == card


@pytest.mark.parametrize("row", [{"text": "x"}, {"text": 1, "label": "good"}, [], "x"])
def test_quality_names_the_line_that_is_wrong(tmp_path, row):
    path = labelled(tmp_path, [{"text": "x", "label": "good"}, row])
    with pytest.raises(InputError, match=r"labels\.jsonl, line 2: expected"):
        train_models.quality(path, str(tmp_path / "q.bin"), "good", 2)


def test_tokenizer_is_trained_on_the_last_documents(small_output, tmp_path):
    card = train_models.tokenizer(
        Output(str(small_output)),
        str(tmp_path),
        "llama",
        vocab_size=320,
        sample_bytes=10_000_000,
        seed=0,
    )
    assert card["vocab_size"] == 320
    assert card["bytes_seen"] > 9_000
    assert (tmp_path / "tokenizer.model").exists()


def test_a_source_that_is_not_there_is_named(small_output, tmp_path):
    with pytest.raises(StageError, match="unknown source 'wikipedia'"):
        train_models.language(Output(str(small_output)), str(tmp_path / "l.bin"), "wikipedia")


@pytest.mark.parametrize("languages", [("en", "xx"), ()])
def test_languages_that_are_not_there_are_told_before_any_training(
    small_output, tmp_path, languages
):
    output = Output(str(small_output))
    wrong = ", ".join(languages[1:]) or "no language"
    with pytest.raises(InputError, match=f"c4 has no document in {wrong}; its languages are en"):
        train_models.ngram(output, str(tmp_path), "c4", languages, 300)
    assert list(tmp_path.iterdir()) == []
