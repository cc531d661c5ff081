"""The commands and the Python of the page on exports run as they stand there."""

from __future__ import annotations

import pathlib
import re
import shlex
import shutil

from click.testing import CliRunner

from pasture.cli import main

PAGE = pathlib.Path(__file__).parents[2] / "docs" / "export.md"
BLOCK = re.compile(r"^```(bash|python)\n(.*?)^```$", re.MULTILINE | re.DOTALL)


def test_the_page(two_sources, tmp_path, monkeypatch):
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    import datasets

    monkeypatch.setattr(datasets.config, "HF_DATASETS_CACHE", tmp_path / "cache")
    shutil.copytree(two_sources, tmp_path / "corpus")
    monkeypatch.chdir(tmp_path)
    commands = ["pasture export corpus --format nanogpt --to nanogpt"]
    names: dict[str, object] = {}
    blocks = BLOCK.findall(PAGE.read_text())
    for kind, body in blocks:
        commands += body.splitlines() if kind == "bash" else []
    for command in commands:
        program, *arguments = shlex.split(command)
        assert program == "pasture"
        result = CliRunner().invoke(main, arguments)
        assert result.exit_code == 0, result.output
    for kind, body in blocks:
        if kind == "python":
            exec(compile(body, str(PAGE), "exec"), names)
    assert (len(commands), len(blocks)) == (6, 5)
    assert (len(names["everything"]), len(names["c4"])) == (123, 60)
    assert names["document"]["source"] == "c4"
