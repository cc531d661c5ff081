"""What scripts/release refuses before it builds anything."""

from __future__ import annotations

import pathlib
import subprocess

import pytest

SCRIPT = pathlib.Path(__file__).parent.parent / "scripts" / "release"


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ([], "name the version"),
        (["1.0"], "name the version"),
        (["999.0.0", "--upload"], "--upload: the only option is --dry-run"),
        (["999.0.0", "--dry-run"], "not 999.0.0; change it first"),
    ],
)
def test_refusals(arguments: list[str], message: str) -> None:
    result = subprocess.run([SCRIPT, *arguments], capture_output=True, text=True)
    assert result.returncode == 1
    assert message in result.stderr
