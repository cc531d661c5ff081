"""KenLM, built for Pasture: ``Model`` queries a model, ``program`` finds what trains one."""

from __future__ import annotations

import pathlib

from pasture_kenlm.query import Model

__all__ = ["PROGRAMS", "Model", "program"]

PROGRAMS = ("lmplz", "build_binary")


def program(name: str) -> pathlib.Path:
    """Return the path of one of the ``PROGRAMS``.

    Raises:
        FileNotFoundError: This installation lacks it.
    """
    path = pathlib.Path(__file__).parent / "bin" / name
    if name not in PROGRAMS or not path.is_file():
        raise FileNotFoundError(f"{path} does not exist; install pasture-kenlm again")
    return path
