"""The notebooks of the documentation print what they show."""

from __future__ import annotations

import pytest

from tests.documented import ROOT
from tests.notebooks import execute, outputs, read

NOTEBOOKS = sorted((ROOT / "docs").rglob("*.ipynb"))


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_a_notebook_prints_what_it_shows(path, tmp_path):
    notebook = read(path)
    assert execute(notebook, tmp_path) == outputs(notebook)


def test_there_is_a_notebook():
    assert len(NOTEBOOKS) == 1
