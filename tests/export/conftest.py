"""An output of two sources to export."""

from __future__ import annotations

import json
import pathlib
import shutil

import pytest


@pytest.fixture(scope="session")
def two_sources(
    small_output: pathlib.Path, tmp_path_factory: pytest.TempPathFactory
) -> pathlib.Path:
    """The small output with a second source, ``books``: c4 without its last stage."""
    output = tmp_path_factory.mktemp("two") / "out"
    shutil.copytree(small_output, output)
    for kind in ("documents", "audit", "tokens"):
        shutil.copytree(output / kind / "c4", output / kind / "books")
    for kind in ("documents", "audit"):
        shutil.rmtree(output / kind / "books/20-exact")
    for path in output.glob("*/books/**/MANIFEST.json"):
        path.write_text(json.dumps({**json.loads(path.read_text()), "source": "books"}))
    return output
