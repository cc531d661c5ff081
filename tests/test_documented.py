"""The README and the pages on plug-ins and the library, run as they are written."""

from __future__ import annotations

import json
import os
import pathlib
import subprocess
import sys

import pytest

from tests.conftest import write_raw
from tests.documented import ROOT, blocks

LETTERS = "Dear all,\nthe flock is well.\n---\nHELP ME AT ONCE PLEASE\n---\nIt rains."


def run(command: str, folder: pathlib.Path) -> str:
    """Run a command of the documentation with the package that is tested."""
    path = os.pathsep.join([str(ROOT), *filter(None, [os.environ.get("PYTHONPATH")])])
    command = command.replace("pasture ", f"{sys.executable} -m pasture.cli ", 1)
    done = subprocess.run(
        command,
        shell=True,
        cwd=folder,
        env={**os.environ, "PYTHONPATH": path},
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, f"{command}\n{done.stdout}\n{done.stderr}"
    return done.stdout


def test_own_data_and_an_own_filter_in_three_commands_and_twenty_lines(tmp_path):
    (_, code), (_, recipe), (_, commands) = blocks("README.md", "Your own data, your own filter")
    assert len([line for line in (code + recipe).splitlines() if line.strip()]) <= 20
    (tmp_path / "short.py").write_text(code)
    (tmp_path / "my.yaml").write_text(recipe)
    (tmp_path / "forum").mkdir()
    texts = ["too short", "a text that has five words or more"]
    rows = "".join(json.dumps({"text": text}) + "\n" for text in texts)
    (tmp_path / "forum" / "a.jsonl").write_text(rows)
    install, *others = commands.splitlines()
    assert install == "pip install pasture"
    assert len(others) == 2
    for command in others:
        run(command, tmp_path)
    (kept,) = (tmp_path / "kept").rglob("*.jsonl*")
    unpacked = run(f"zstd -dc {kept}" if kept.suffix == ".zst" else f"zcat -f {kept}", tmp_path)
    assert [json.loads(line)["text"] for line in unpacked.splitlines()] == texts[1:]


def test_the_tutorial_on_plug_ins(tmp_path):
    found = blocks("docs/plugins.md")
    (code,) = [text for language, text in found if language == "python"]
    (recipe,) = [text for language, text in found if language == "yaml"]
    (commands,) = [text for language, text in found if language == "bash"]
    assert len([line for line in code.splitlines() if line.strip()]) <= 40
    (tmp_path / "sheep.py").write_text(code)
    (tmp_path / "recipe.yaml").write_text(recipe)
    (tmp_path / "letters").mkdir()
    (tmp_path / "letters" / "one.txt").write_text(LETTERS)
    said = [run(command, tmp_path) for command in commands.splitlines()]
    assert "too_many_capitals" in said[-1]


def test_the_library_as_documented(tmp_path):
    write_raw(tmp_path / "raw")
    printed = []
    for language, code in blocks("docs/library.md"):
        assert language == "python"
        (tmp_path / "snippet.py").write_text(code)
        printed.append(run(f"{sys.executable} snippet.py", tmp_path))
    assert printed[0].splitlines()[-1] == "63"
    assert printed[1] == "too_few_words\nA line that ends as a sentence does.\n"
    assert float(printed[2]) == pytest.approx(190, rel=0.5)
