"""Every command line and every recipe in the documentation is one that the program accepts."""

from __future__ import annotations

import pathlib
import re
import shlex
from typing import Any

import click
import pytest
import yaml

from pasture import config
from pasture.cli import main
from pasture.manifests.mixture import load_mixture
from pasture.recipes.load import load_recipe
from tests.documented import ROOT, blocks

GENERATED = {"docs/cli.md", "docs/filters.md"}
PAGES = [
    name
    for name in [
        "README.md",
        "CONTRIBUTING.md",
        *(path.relative_to(ROOT).as_posix() for path in sorted((ROOT / "docs").rglob("*.md"))),
    ]
    if name not in GENERATED
]
SHELL = ("bash", "sh", "console", "")


def command_lines(page: str) -> list[str]:
    """List the calls of the program in a page's blocks, without pipes and comments."""
    lines = []
    for language, code in blocks(page):
        if language in SHELL:
            for line in code.replace("\\\n", " ").splitlines():
                for part in re.split(r"&&|\||;|\s#\s", f"{line} "):
                    words = part.strip().removeprefix("$ ").strip()
                    if words.startswith("pasture "):
                        lines.append(words)
    return lines


COMMANDS = [(page, line) for page in PAGES for line in command_lines(page)]


def parse(line: str) -> None:
    """Parse a call down to its command, and call nothing."""
    _, *words = shlex.split(line)
    command: click.Command = main
    context = click.Context(main, info_name="pasture")
    while isinstance(command, click.Group):
        name, *words = words
        found = command.get_command(context, name)
        assert found is not None, f"{line}: there is no command {name}"
        command = found
    command.make_context(command.name, words, parent=context)


@pytest.mark.parametrize(("page", "line"), COMMANDS)
def test_a_documented_command_is_one(page, line):
    parse(line)


def test_commands_are_found():
    assert len(COMMANDS) > 70
    with pytest.raises(click.UsageError):
        parse("pasture run")


def recipes(page: str) -> list[dict[str, Any]]:
    """List the blocks of a page that are a recipe, or a part of one."""
    found = []
    for language, code in blocks(page):
        if language == "yaml":
            body = config.parse_yaml(code, page)
            if isinstance(body, dict) and {"sources", "models", "mixture", "plugins"} & set(body):
                found.append(body)
    return found


RECIPES = [
    pytest.param(body, id=f"{page}-{number}")
    for page in PAGES
    for number, body in enumerate(recipes(page))
]


@pytest.mark.parametrize("body", RECIPES)
def test_a_documented_recipe_or_mixture_loads(body, tmp_path):
    """A part is laid over the built-in recipe; files that it names are made."""
    body = dict(body)
    sources = body.get("sources", {})
    if any("proportion" in source for source in sources.values() if source):
        (tmp_path / "mixture.yaml").write_text(yaml.safe_dump(body))
        load_mixture(str(tmp_path / "mixture.yaml"))
        return
    is_whole = "extends" in body or (sources and all(_is_whole(s) for s in sources.values()))
    if not is_whole:
        body.setdefault("extends", "llama")
    body.setdefault("name", "documented")
    for plugin in body.get("plugins", ()):
        (tmp_path / plugin).write_text(_plugin(plugin))
    if str(body.get("mixture", "")).endswith(".yaml"):
        (tmp_path / body["mixture"]).write_text((ROOT / LLAMA).read_text())
    (tmp_path / "recipe.yaml").write_text(yaml.safe_dump(body, sort_keys=False))
    load_recipe(str(tmp_path / "recipe.yaml"), "/data")


LLAMA = pathlib.Path("pasture/manifests/mixtures/llama.yaml")


def _is_whole(source: Any) -> bool:
    return source is None or "inputs" in source


def _plugin(name: str) -> str:
    """Find the code of a plug-in file: the Python block of the page that names it."""
    for page in PAGES:
        if name in (ROOT / page).read_text():
            for language, code in blocks(page):
                if language == "python" and "@dataclasses" in code:
                    return code
    raise AssertionError(f"no page has the code of {name}")


def test_recipes_are_found():
    assert len(RECIPES) > 10
