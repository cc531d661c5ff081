"""The bundled sample, run once for all end-to-end tests of a worker."""

from __future__ import annotations

import pathlib

import pytest

from pasture.pipeline.recipes import load_recipe
from pasture.pipeline.run import run_recipe
from pasture.sample import write_sample


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
    run_recipe(load_recipe(str(sample_raw / "recipe.yaml")), str(folder))
    return folder
