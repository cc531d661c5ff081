"""No command writes a control character of the corpus to the terminal, or into the report."""

from __future__ import annotations

import json
import pathlib
import re
import shlex
from collections.abc import Iterator

import click
import pytest
import yaml
from click.testing import CliRunner

from pasture.cli import main
from tests.conftest import MIXTURE, RECIPE, gzipped, sentences

EVIL = (
    "\x1b]52;c;aGk=\x07\x1b]0;title\x1b\\\x1b[2J\x9b31m\r\x08\x7f\0\u202e\u2066\u2028\ufeff"
    "<script>alert(1)</script>[bold]"
)
RAW = re.compile("[\\x00-\\x08\\x0b-\\x1f\\x7f-\\x9f\\u202a-\\u202e\\u2066-\\u2069\\u2028\\ufeff]")
FILE = "c4-\x1b]0;t\x07\u202e.json.gz"

COMMANDS = [
    "sources",
    "plan raw/recipe.yaml",
    "plan raw/recipe.yaml --output out --json",
    "run raw/recipe.yaml --output out",
    "run raw/recipe.yaml --output out --json",
    "status out",
    "status out --json",
    "audit out -n 100",
    "audit out -n 100 --json",
    "audit out --kept -n 100",
    "audit out --kept -n 100 --json",
    "audit out --lines -n 100",
    "audit out --lines -n 100 --json",
    "clusters out",
    "clusters out --json",
    "explain out ID",
    "explain out ID --json",
    "explain out URL",
    "trace out --shard SHARD --offset 0",
    "trace out --shard SHARD --offset 0 --json",
    "compare out out",
    "verify out",
    "report out --to page.html",
    "recipe list",
    "recipe show raw/recipe.yaml",
    "recipe show raw/recipe.yaml --resolved",
    "recipe check raw/recipe.yaml",
    "recipe diff llama raw/recipe.yaml",
    "recipe init raw --to first.yaml",
    "steps list",
    "steps show c4_lines",
    "steps try c4_lines --input texts.jsonl",
    "steps try c4_lines --input texts.jsonl --json",
    "mixture show llama",
    "mixture plan out --mixture raw/mixture.yaml",
    "mixture drawn out --steps 1 --model tiny",
    "mixture check",
    "tokenizer fertility out --tokenizer out/tokenizer/tokenizer.model",
]
ERRORS = [
    "explain out EVIL",
    "audit out --reason EVIL",
    "audit out --source EVIL",
    "status EVIL",
    "run EVIL --output x",
    "plan raw/recipe.yaml --input EVIL",
    "trace out --shard EVIL --offset 0",
    "generate EVIL",
]
NO_CORPUS_TEXT = {
    "sample": "writes the bundled sample and shows a path",
    "models train ngram": "shows counts as JSON",
    "models train reference": "shows counts as JSON",
    "models train language": "shows counts as JSON",
    "models train quality": "shows counts as JSON",
    "tokenizer train": "shows counts as JSON",
    "train": "shows losses by the names of the recipe's sources",
    "export": "shows a path",
    "export-model": "shows a path",
    "doctor": "shows this installation",
    "fetch": "shows addresses; tests/fetch gives it hostile listings",
    "import": "shows a path",
}


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> pathlib.Path:
    """A corpus whose texts, addresses and ids hold control characters, and its output."""
    from pasture.driver.run import run_recipe
    from pasture.recipes.load import load_recipe

    folder = tmp_path_factory.mktemp("evil")
    raw = folder / "raw"
    (raw / "c4").mkdir(parents=True)
    inline = EVIL.replace("\r", "").replace("\u2028", "").replace("\0", "")
    rows = [f"{inline} {sentences(number)}\n{EVIL} no end" for number in [*range(30), 0]]
    lines = [
        {"text": text, "timestamp": "2019-04-25T12:57:54Z", "url": f"javascript:{EVIL}/{number}\n"}
        for number, text in enumerate(rows)
    ]
    lines.append({"text": EVIL, "timestamp": EVIL, "url": EVIL})
    (raw / "c4" / FILE).write_bytes(gzipped("\n".join(map(json.dumps, lines)).encode()))
    body = {**RECIPE, "sources": {"c4": {**RECIPE["sources"]["c4"]}}}
    body["sources"]["c4"]["stages"] = {
        "10-lines": {"steps": ["c4_lines"]},
        "20-exact": {"exact_duplicates": {}},
    }
    body["sources"]["c4"]["budget"] = {"bad_files": 0, "bad_records": 0.5}
    (raw / "recipe.yaml").write_text(yaml.safe_dump(body))
    (raw / "mixture.yaml").write_text(yaml.safe_dump(MIXTURE))
    (folder / "texts.jsonl").write_text(json.dumps({"text": EVIL, "id": EVIL}) + "\n")
    run_recipe(load_recipe(str(raw / "recipe.yaml")), str(folder / "out"))
    return folder


def run(folder: pathlib.Path, monkeypatch: pytest.MonkeyPatch, words: str) -> str:
    monkeypatch.chdir(folder)
    shards = sorted((folder / "out" / "tokens" / "c4").glob("train-*.arrow"))
    places = {
        "EVIL": EVIL.replace("\0", ""),
        "ID": f"{FILE}:2",
        "URL": f"javascript:{EVIL}/1\n",
        "SHARD": str(shards[0]),
    }
    arguments = [places.get(word, word) for word in shlex.split(words)]
    result = CliRunner().invoke(main, arguments)
    assert result.exception is None or isinstance(result.exception, SystemExit)
    return result.output


@pytest.mark.parametrize("words", COMMANDS)
def test_a_command_shows_no_control_character(folder, monkeypatch, words):
    output = run(folder, monkeypatch, words)
    assert output
    assert "error" not in output.lower()
    assert RAW.findall(output) == []


@pytest.mark.parametrize("words", ERRORS)
def test_an_error_shows_no_control_character(folder, monkeypatch, words):
    output = run(folder, monkeypatch, words)
    assert "rror" in output or "no " in output or "0 of" in output
    assert RAW.findall(output) == []


def test_the_texts_are_shown_at_all(folder, monkeypatch):
    assert "␛]52;c;aGk=␇" in run(folder, monkeypatch, "audit out --kept -n 100")
    rows = json.loads(run(folder, monkeypatch, "audit out --kept -n 100 --json"))
    assert EVIL[:20] in rows[0]["text"]


def test_generated_text_shows_no_control_character(folder, monkeypatch):
    pytest.importorskip("torch")
    monkeypatch.setattr("pasture.trainer.generate.generate", lambda *_, **__: EVIL)
    output = run(folder, monkeypatch, "generate checkpoint")
    assert "␛]52" in output
    assert RAW.findall(output) == []


def test_the_report_shows_symbols_and_links_to_nothing_of_the_corpus(folder, monkeypatch):
    run(folder, monkeypatch, "report out --to page.html")
    page = (folder / "page.html").read_text()
    assert "␛]52" in page
    assert RAW.findall(page) == []
    assert "<script" not in page
    assert set(re.findall(r'(?:href|src)="([^#"]*)', page)) <= {""}


def commands(group: click.Group, before: str = "") -> Iterator[str]:
    for name, command in group.commands.items():
        words = f"{before} {name}".strip()
        if isinstance(command, click.Group):
            yield from commands(command, words)
        else:
            yield words


def test_every_command_is_tested():
    tested = {
        name
        for name in commands(main)
        if any(words.startswith(name) for words in [*COMMANDS, "generate checkpoint"])
    }
    assert tested | set(NO_CORPUS_TEXT) == set(commands(main))
