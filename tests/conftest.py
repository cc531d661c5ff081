"""Fixtures that every test may use."""

from __future__ import annotations

import os
import pathlib

import pytest


@pytest.fixture(scope="session")
def real_data() -> pathlib.Path:
    """The folder of real third-party input, one subfolder a source; skips where it is absent."""
    folder = os.environ.get("PASTURE_REAL_DATA")
    if not folder or not pathlib.Path(folder).is_dir():
        pytest.skip("PASTURE_REAL_DATA names no folder of real input")
    return pathlib.Path(folder)
