"""The commands that look at recipes and steps."""

from __future__ import annotations

import json

import pytest
import yaml
from click.testing import CliRunner

from pasture.cli import main
from tests.conftest import write_raw
from tests.plugin_code import PLUGIN


def call(*words: str, code: int = 0) -> str:
    result = CliRunner().invoke(main, list(words))
    assert result.exit_code == code, result.output
    return result.output


def test_lists_the_built_in_recipes():
    names = [row["name"] for row in json.loads(call("recipe", "list", "--json"))]
    assert names == ["c4_from_crawl", "llama", "llama2", "llama3", "sample"]


def test_shows_a_recipe_as_written_and_resolved(tmp_path):
    path = tmp_path / "mine.yaml"
    path.write_text("extends: llama\nname: mine\nseed: 7\n")
    assert call("recipe", "show", str(path)) == path.read_text()
    resolved = call("recipe", "show", str(path), "--resolved")
    assert "seed: 7  # mine.yaml" in resolved
    assert "    inputs: [github/*]  # llama.yaml" in resolved
    values = yaml.safe_load(resolved)
    assert values["name"] == "mine"
    assert len(values["sources"]) == 7


def test_checks_a_recipe_with_its_files(tmp_path):
    raw = write_raw(tmp_path)
    report = json.loads(call("recipe", "check", f"{raw}/recipe.yaml", "--json"))
    assert report["models"] == {"language": "language"}
    assert [(s["source"], s["kind"], s["files"]) for s in report["sources"]] == [("c4", "c4", 3)]
    for path in (raw / "c4").iterdir():
        path.unlink()
    assert "c4: no file matches" in call("recipe", "check", f"{raw}/recipe.yaml", code=1)


def test_compares_two_recipes(tmp_path):
    path = tmp_path / "mine.yaml"
    path.write_text("extends: llama\nseed: 7\n")
    assert call("recipe", "diff", "llama", str(path)) == "seed: 0 -> 7\n"
    assert call("recipe", "diff", "llama", "llama") == "the recipes say the same\n"


@pytest.mark.parametrize("command", ["show", "check"])
def test_a_recipe_that_is_not_there_is_an_error(command):
    assert "did you mean llama" in call("recipe", command, "llam", code=2)


def test_lists_and_shows_steps_with_those_of_a_plug_in(tmp_path):
    plugin = tmp_path / "shepherd.py"
    plugin.write_text(PLUGIN)
    found = json.loads(call("steps", "list", "--plugin", str(plugin), "--json"))
    (own,) = [row for row in found if row["name"] == "short_poems"]
    assert own == {
        "name": "short_poems",
        "role": "filter",
        "model": "",
        "does": "Drops poems with few words.",
    }
    shown = call("steps", "show", "short_poems", "--plugin", str(plugin))
    assert "short_poems (filter)" in shown
    assert "words: 3" in shown


def test_tries_a_step_on_documents(tmp_path):
    (tmp_path / "shepherd.py").write_text(PLUGIN)
    (tmp_path / "d.jsonl").write_text('{"text": "one two"}\n{"text": "one two three"}\n')
    words = ["--input", str(tmp_path / "d.jsonl"), "--plugin", str(tmp_path / "shepherd.py")]
    outcomes = json.loads(call("steps", "try", "short_poems", *words, "--json"))
    assert [outcome["reason"] for outcome in outcomes] == ["too_few_words", None]
    assert "2 of 2 documents are kept" in call("steps", "try", "short_poems: {words: 1}", *words)
    assert "unknown step" in call("steps", "try", "short_peoms", *words, code=2)


def test_begins_a_recipe_for_a_folder_of_raw_files(tmp_path):
    raw = write_raw(tmp_path / "raw")
    (raw / "recipe.yaml").unlink()
    (raw / "forum").mkdir()
    (raw / "forum" / "a.jsonl").write_text('{"content": "Hello there.", "id": 7}\n')
    said = call("recipe", "init", str(raw), "--name", "mine")
    assert f"wrote {raw}/recipe.yaml: c4, forum" in said
    report = json.loads(call("recipe", "check", f"{raw}/recipe.yaml", "--json"))
    assert report["name"] == "mine"
    assert [(s["source"], s["kind"]) for s in report["sources"]] == [
        ("c4", "c4"),
        ("forum", "documents"),
    ]
    text = (raw / "recipe.yaml").read_text()
    assert "column_map: {text: content}" in text
    assert "# 1 file, 0.0 kB" in text


def test_a_folder_without_raw_files_gives_no_recipe(tmp_path):
    (tmp_path / "a.bin").write_bytes(b"\0\1\2")
    assert "holds nothing that a source reads" in call("recipe", "init", str(tmp_path), code=2)
