"""The file lid.176.ftz, fastText's language identification model, and nothing else."""

from __future__ import annotations

import pathlib

__all__ = ["path"]


def path() -> pathlib.Path:
    """Return the path of ``lid.176.ftz``.

    Raises:
        FileNotFoundError: This installation lacks the file.
    """
    found = pathlib.Path(__file__).parent / "lid.176.ftz"
    if not found.is_file():
        raise FileNotFoundError(f"{found} does not exist; install pasture-lid176 again")
    return found
