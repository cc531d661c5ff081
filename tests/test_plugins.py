"""Plug-ins: classes from a recipe's files and from installed packages, on any worker."""

from __future__ import annotations

import os
import pathlib
import subprocess
import sys

import pyarrow.parquet as pq
import pytest
import yaml

from pasture.driver.run import plan, run_recipe
from pasture.errors import ConfigError
from pasture.manifests.outputs import Output, verify
from pasture.plugins import code_digest
from pasture.recipes.load import Registry, load_recipe
from tests.plugin_code import RECIPE, install, write_package, write_poems
from tests.trees import differences


@pytest.fixture
def poems(tmp_path: pathlib.Path) -> pathlib.Path:
    """Raw poems with a recipe, and the plug-in beside it."""
    folder = tmp_path / "raw [1] é"
    write_poems(folder, as_file=True)
    return folder


def make(raw: pathlib.Path, output: pathlib.Path, **options) -> Output:
    recipe = load_recipe(str(raw / "recipe.yaml"))
    run_recipe(recipe, str(output), until="documents", **options)
    return Output(str(output))


def texts(output: Output, source: str, stage: str) -> list[dict]:
    (found,) = [s for s in output.stages(source) if s.stage == stage]
    paths = [path for _, path in found.paths(output.stage_folder(found))]
    return [row for path in paths for row in pq.read_table(path).to_pylist()]


def test_a_source_a_filter_and_a_model_of_a_file_are_used_like_built_in_ones(poems, tmp_path):
    output = make(poems, tmp_path / "out [2] é")
    rows = texts(output, "shouted", "20-kept")
    assert [(r["id"], r["source"], r["syllables"], r["liking"]) for r in rows] == [
        ("a.txt:1", "shouted", 6, 1.0),
        ("b.txt:1", "shouted", 5, 1.0),
    ]
    assert list(verify(output)) == []
    assert output.stages("shouted")[2].columns == {"syllables": "int32", "liking": "float64"}
    totals = {s.stage: s.totals()["dropped"] for s in output.stages("shouted")}
    assert totals == {
        "00-extract": {},
        "10-liked": {"short_poems/too_few_words": 2},
        "20-kept": {"keep_scores/low_liking": 2},
    }
    assert output.stages("verses")[0].totals()["dropped"] == {"extract/comment": 2}


def test_two_workers_give_the_bytes_of_one(poems, tmp_path):
    make(poems, tmp_path / "one")
    make(poems, tmp_path / "two", workers=2)
    assert differences(tmp_path / "one", tmp_path / "two") == []


def test_changed_code_makes_what_depends_on_it_anew(poems, tmp_path):
    make(poems, tmp_path / "out")
    path = poems / "shepherd.py"
    path.write_text(path.read_text().replace("words: int = 3", "words: int = 2"))
    lines = plan(load_recipe(str(poems / "recipe.yaml")), str(tmp_path / "out"))
    states = {line.key: line.state for line in lines}
    assert states["documents/verses/00-extract"] == "changed"
    make(poems, tmp_path / "out", force=True)
    assert len(texts(Output(str(tmp_path / "out")), "shouted", "10-liked")) == 6


@pytest.mark.parametrize(
    ("code", "message"),
    [
        ("x = 1 +", r"shepherd.py, line 1: SyntaxError: "),
        ("\n\nraise ValueError('no sheep')", r"shepherd.py, line 3: ValueError: no sheep"),
        (
            "from pasture.filters.base import Filter\nclass A(Filter):\n    pass",
            r"shepherd.py: A needs the decorator @dataclasses.dataclass\(frozen=True\)",
        ),
        (
            "import dataclasses\nfrom pasture.filters.base import Filter\n"
            "@dataclasses.dataclass(frozen=True)\nclass C4Lines(Filter):\n    name = 'c4_lines'",
            r"shepherd.py: the step c4_lines is built in; rename yours",
        ),
    ],
)
def test_a_file_that_cannot_be_used_is_named_with_its_line(poems, code, message):
    (poems / "shepherd.py").write_text(code)
    with pytest.raises(ConfigError, match=message):
        load_recipe(str(poems / "recipe.yaml"))


def test_a_missing_file_is_named(poems):
    (poems / "shepherd.py").unlink()
    with pytest.raises(ConfigError, match=r"plugins: there is no file .*shepherd.py"):
        load_recipe(str(poems / "recipe.yaml"))


def test_options_of_a_plug_in_are_checked(poems):
    body = dict(RECIPE, sources={"p": {"kind": "poems", "inputs": ["x"], "options": {"uper": 1}}})
    (poems / "recipe.yaml").write_text(yaml.safe_dump(body))
    with pytest.raises(ConfigError, match=r"sources.p.options: unknown key 'uper'; did you mean"):
        load_recipe(str(poems / "recipe.yaml"))


@pytest.fixture
def installed(tmp_path: pathlib.Path) -> pathlib.Path:
    """A folder with an installed package that brings the plug-in by entry points."""
    write_package(tmp_path / "package")
    install(tmp_path / "package", tmp_path / "site")
    return tmp_path / "site"


@pytest.mark.parametrize("workers", ["1", "2"])
def test_an_installed_package_is_used_by_its_entry_points(poems, installed, tmp_path, workers):
    body = {key: value for key, value in RECIPE.items() if key != "plugins"}
    (poems / "recipe.yaml").write_text(yaml.safe_dump(body))
    path = os.pathsep.join([str(installed), *sys.path])
    command = [sys.executable, "-m", "pasture.cli", "run", str(poems / "recipe.yaml")]
    command += ["--output", str(tmp_path / "out"), "--until", "documents", "--workers", workers]
    done = subprocess.run(
        command, env={**os.environ, "PYTHONPATH": path}, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    output = Output(str(tmp_path / "out"))
    assert len(texts(output, "shouted", "20-kept")) == 2
    code = output.stages("shouted")[1].config["code"]
    assert set(code) == {"short_poems", "liking"}
    command = [sys.executable, "-m", "pasture.cli", "export", str(tmp_path / "out")]
    command += ["--format", "lines", "--source", "shouted", "--to", str(tmp_path / "lines")]
    done = subprocess.run(
        command, env={**os.environ, "PYTHONPATH": path}, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    files = sorted((tmp_path / "lines" / "shouted").glob("*.txt"))
    assert [file.read_text() for file in files] == [
        "the snow is white a\n",
        "the snow is white b\n",
    ]


def test_classes_of_this_package_have_no_code_of_their_own():
    registry = Registry.of()
    assert all(code_digest(kind) is None for kind in registry.steps.all().values())
