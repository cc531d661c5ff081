"""What lies in a folder, for tests that compare whole outputs."""

from __future__ import annotations

import pathlib


def contents(folder: pathlib.Path) -> dict[str, bytes]:
    """Read every file below a folder, by its path there."""
    files = (path for path in sorted(folder.rglob("*")) if path.is_file())
    return {str(path.relative_to(folder)): path.read_bytes() for path in files}
