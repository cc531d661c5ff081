"""The corpora of the end-to-end tests, each run once for all tests of a worker."""

from __future__ import annotations

import dataclasses
import pathlib
import shutil

import pytest

from pasture.driver.run import run_recipe
from pasture.recipes.layers import find_recipe
from pasture.recipes.load import load_recipe
from pasture.sample import write_sample

REAL_BYTES = 900_000
"""Real files up to this size are taken: some of every source, about a sixth of all bytes."""


@dataclasses.dataclass(frozen=True)
class Corpus:
    """Raw files with their ``recipe.yaml``, and what one process makes of them."""

    raw: pathlib.Path
    output: pathlib.Path


def run_in_one_process(raw: pathlib.Path, output: pathlib.Path) -> Corpus:
    run_recipe(load_recipe(str(raw / "recipe.yaml")), str(output))
    return Corpus(raw, output)


@pytest.fixture(scope="session")
def sample_raw(tmp_path_factory: pytest.TempPathFactory) -> pathlib.Path:
    """The raw files of the bundled sample."""
    folder = tmp_path_factory.mktemp("sample") / "raw"
    write_sample(str(folder))
    return folder


@pytest.fixture(scope="session")
def sample_output(
    sample_raw: pathlib.Path, tmp_path_factory: pytest.TempPathFactory
) -> pathlib.Path:
    """The output of the bundled sample, in one process; not to be changed."""
    folder = tmp_path_factory.mktemp("sample-output") / "corpus"
    return run_in_one_process(sample_raw, folder).output


@pytest.fixture(scope="session")
def small_real_corpus(real_data: pathlib.Path, tmp_path_factory: pytest.TempPathFactory) -> Corpus:
    """Real files of all seven sources, with the sample's recipe; not to be changed."""
    folder = tmp_path_factory.mktemp("real")
    for path in real_data.rglob("*"):
        if path.is_file() and path.stat().st_size <= REAL_BYTES:
            copy = folder / "raw" / path.relative_to(real_data)
            copy.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(path, copy)
    shutil.copyfile(find_recipe("sample"), folder / "raw" / "recipe.yaml")
    return run_in_one_process(folder / "raw", folder / "corpus")


@pytest.fixture(params=["sample", pytest.param("real", marks=pytest.mark.real_data)])
def corpus(request: pytest.FixtureRequest) -> Corpus:
    """The bundled sample, and the real files."""
    if request.param == "real":
        return request.getfixturevalue("small_real_corpus")
    raw, output = map(request.getfixturevalue, ("sample_raw", "sample_output"))
    return Corpus(raw, output)
