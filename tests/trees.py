"""What lies in a folder, for tests that compare whole outputs."""

from __future__ import annotations

import pathlib


def differences(one: pathlib.Path, other: pathlib.Path) -> list[str]:
    """Name the files that only one of two folders has, and those that differ in their bytes."""
    first, second = _contents(one), _contents(other)
    assert first, f"there is no file in {one}"
    return [name for name in sorted({*first, *second}) if first.get(name) != second.get(name)]


def _contents(folder: pathlib.Path) -> dict[str, bytes]:
    """Read every file below a folder, by its path there."""
    files = (path for path in sorted(folder.rglob("*")) if path.is_file())
    return {str(path.relative_to(folder)): path.read_bytes() for path in files}
