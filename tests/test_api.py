"""The library: everything that the command line does, from a program."""

from __future__ import annotations

import pytest

import pasture
from pasture.errors import ConfigError, InputError, ModelError, StageError
from pasture.records import Document, documents_to_batch
from tests.conftest import sentences, write_raw


@pytest.fixture(scope="module")
def output(tmp_path_factory):
    folder = tmp_path_factory.mktemp("api")
    raw = write_raw(folder / "raw")
    return pasture.run(str(raw / "recipe.yaml"), str(folder / "out"), until="20-exact")


def test_runs_a_recipe_and_reads_its_documents(output):
    documents = pasture.documents(output, "c4")
    assert len(documents) == 60
    assert next(iter(documents))["text"] == sentences(0)
    assert len(pasture.documents(output.root, "c4", "00-extract")) == 69


def test_documents_are_an_arrow_dataset(output):
    table = pasture.documents(output, "c4", "00-extract").dataset().to_table(["language", "text"])
    assert table.num_rows == 69


def test_explains_a_document(output):
    decisions = pasture.explain(output, "https://example.org/0/20")
    assert [(d.stage, d.reason) for d in decisions] == [
        ("00-extract", None),
        ("10-language", "keep_languages/other_language"),
    ]


def test_reads_tokens(small_output):
    stream = pasture.tokens(str(small_output), "c4")
    assert stream.tokens > 1000
    with pytest.raises(ConfigError, match="unknown source 'books'"):
        pasture.tokens(str(small_output), "books")


@pytest.mark.parametrize(("stage", "error"), [("30-near", ConfigError)])
def test_an_unknown_stage_or_source_is_an_error(output, stage, error):
    with pytest.raises(error, match="unknown stage '30-near'"):
        pasture.documents(output, "c4", stage)
    with pytest.raises(StageError, match="unknown source 'books'"):
        pasture.documents(output, "books")


def test_reads_a_source_without_a_recipe(tmp_path):
    write_raw(tmp_path)
    found = list(pasture.source("c4", f"{tmp_path}/c4/*.json.gz"))
    assert len(found) == 69
    assert isinstance(found[0], Document)


def test_a_step_is_called_on_a_text():
    step = pasture.step("gopher_quality", min_words=3)
    outcome = step("too short")
    assert (outcome.text, outcome.reason) == ("too short", "too_few_words")
    assert pasture.step("c4_lines", min_sentences=1)(
        "One line that ends well.\nno end"
    ).removed == (("no end", "no_terminal_mark"),)


def test_a_step_is_called_on_a_batch():
    rows = [Document(str(i), "s", text) for i, text in enumerate(["Ein Satz.", "A sentence."])]
    batch = pasture.step("language_id")(documents_to_batch(rows))
    assert batch["language"].to_pylist() == ["de", "en"]
    kept = pasture.step("keep_languages", languages=["de"], min_score=0.1)(batch)
    assert kept["id"].to_pylist() == ["0"]


def test_a_wrong_step_is_an_error():
    with pytest.raises(ConfigError, match="unknown step 'gopher'"):
        pasture.step("gopher")
    with pytest.raises(ConfigError, match="gopher_quality: unknown key 'words'"):
        pasture.step("gopher_quality", words=3)
    with pytest.raises(ModelError, match="no-model"):
        pasture.step("classifier", label="good", model="no-model.bin")


def test_tries_a_step_on_files(tmp_path):
    from pasture.api import make_step, read_texts, try_step

    path = tmp_path / "d.jsonl"
    path.write_text('{"text": "a b c", "id": "x"}\n{"text": "d"}\n{"no": 1}\n')
    step = make_step("c4_pages")
    outcomes = list(try_step(step, read_texts(str(path), 2)))
    assert [outcome.id for outcome in outcomes] == ["x", "2"]
    with pytest.raises(
        InputError, match=r'd\.jsonl, line 3: expected an object with a string "text"'
    ):
        list(read_texts(str(path), 3))
