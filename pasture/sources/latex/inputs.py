r"""The commands that read other files of the submission: ``\input`` and its kin, and packages."""

from __future__ import annotations

import functools
from collections.abc import Mapping

from pasture.sources.latex.expand import Expander, Handler
from pasture.sources.latex.reader import MANDATORY, FileFrame, NoArgument, Parameter

_NO_NAME = frozenset("\\{}# \t\n")
_MAX_NAME = 200  # characters of a file name without braces
_STAR = Parameter("star", delimiter=("*",))
_OPTIONAL = Parameter("optional")


def _input(expander: Expander, token: str) -> None:
    r"""Carry out ``\input{name}``, and ``\input name``."""
    reader = expander.reader
    if reader.peek() == "{":
        _read_named(expander, token, num_folders=0)
        return
    reader.skip_whitespace()
    name = ""
    while (run := reader.peek_raw()) and run[0] not in _NO_NAME and len(name) < _MAX_NAME:
        name += reader.character()
    if name:
        _read(expander, name)
    else:
        expander.emit(token)


def _read_named(expander: Expander, token: str, *, num_folders: int) -> None:
    r"""Carry out the commands that name a file in braces, behind its folder for ``\import``."""
    try:
        _, *parts = expander.reader.arguments((_STAR, *(MANDATORY,) * (num_folders + 1)))
    except NoArgument:
        expander.emit(token)
        return
    names = ["".join(expander.expanded(part)).strip().strip('"') for part in parts]
    _read(expander, "/".join(name.rstrip("/") for name in names if name))


def _read(expander: Expander, name: str) -> None:
    files = [frame.path for frame in expander.reader.frames if isinstance(frame, FileFrame)]
    path = expander.files.resolve(name, beside=next((f for f in reversed(files) if f), ""))
    expander.remove()
    if path is None:
        expander.counts["missing_inputs"] += 1
    elif expander.is_open(path):
        expander.counts["cyclic_inputs"] += 1
    else:
        expander.open_file(path)


def _read_if_exists(expander: Expander, token: str) -> None:
    try:
        name, found, missing = expander.reader.arguments((MANDATORY,) * 3)
    except NoArgument:
        expander.emit(token)
        return
    path = expander.files.resolve("".join(expander.expanded(name)).strip())
    expander.reader.push(missing if path is None else found)
    if path is not None and not expander.is_open(path):
        expander.open_file(path)
    expander.remove()


def _package(expander: Expander, token: str, *, extension: str) -> None:
    r"""Read the definitions of a package or class that the submission brings along."""
    try:
        _, names = expander.reader.arguments((_OPTIONAL, MANDATORY))
    except NoArgument:
        expander.emit(token)
        return
    found = [
        path
        for name in "".join(names).split(",")
        if (path := expander.files.resolve(name.strip(), extension=extension))
        and not expander.is_open(path)
    ]
    for path in reversed(found):
        expander.open_file(path, is_style=True)
    if not found:
        expander.reader.put_back()
        expander.emit(token)


def _end_input(expander: Expander, token: str) -> None:
    frames = expander.reader.frames
    frame = next(f for f in reversed(frames) if isinstance(f, FileFrame))
    frame.pos = len(frame.text)


INPUTS: Mapping[str, Handler] = {
    "\\input": _input,
    "\\include": functools.partial(_read_named, num_folders=0),
    "\\subfile": functools.partial(_read_named, num_folders=0),
    "\\subfileinclude": functools.partial(_read_named, num_folders=0),
    "\\import": functools.partial(_read_named, num_folders=1),
    "\\subimport": functools.partial(_read_named, num_folders=1),
    "\\includefrom": functools.partial(_read_named, num_folders=1),
    "\\subincludefrom": functools.partial(_read_named, num_folders=1),
    "\\InputIfFileExists": _read_if_exists,
    "\\usepackage": functools.partial(_package, extension=".sty"),
    "\\RequirePackage": functools.partial(_package, extension=".sty"),
    "\\documentclass": functools.partial(_package, extension=".cls"),
    "\\LoadClass": functools.partial(_package, extension=".cls"),
    "\\endinput": _end_input,
}
