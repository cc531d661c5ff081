r"""The commands that read other files of the submission: ``\input`` and its kin, and packages."""

from __future__ import annotations

import functools
from collections.abc import Mapping, Sequence

from pasture.sources.arxiv.latex.expand import Expander, Handler
from pasture.sources.arxiv.latex.packages import PACKAGES
from pasture.sources.arxiv.latex.reader import MANDATORY, NO_VALUE, OPTIONAL, STAR, FileFrame
from pasture.sources.arxiv.latex.styles import Style, split_options

_NO_NAME = frozenset("\\{}# \t\n")
_MAX_NAME = 200  # characters of a file name without braces


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
    found = expander.arguments(token, (STAR, *(MANDATORY,) * (num_folders + 1)))
    if found is None:
        return
    _, *parts = found
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
    arguments = expander.arguments(token, (MANDATORY,) * 3)
    if arguments is None:
        return
    name, found, missing = arguments
    path = expander.files.resolve("".join(expander.expanded(name)).strip())
    expander.reader.push(missing if path is None else found)
    if path is not None and not expander.is_open(path):
        expander.open_file(path)
    expander.remove()


def _package(expander: Expander, token: str, *, extension: str) -> None:
    r"""Read the definitions of a package or class that the submission brings along."""
    found = expander.arguments(token, (OPTIONAL, MANDATORY))
    if found is None:
        return
    read = expander.reader.last_read
    options = _options(expander, found[0])
    if token in ("\\documentclass", "\\documentstyle"):
        expander.class_options = options
    names = split_options("".join(expander.expanded(found[1])))
    if not _load(expander, names, options, extension):
        expander.emit(token)
        expander.reader.push(read)


def _with_options(expander: Expander, token: str, *, extension: str) -> None:
    r"""Carry out ``\LoadClassWithOptions`` and its like: with the options of the style itself."""
    found = expander.arguments(token, (MANDATORY,))
    if found is None:
        return
    style = expander.style
    options = [*expander.passed.get(style.name, ()), *style.given] if style else []
    _load(expander, split_options("".join(found[0])), options, extension)
    expander.remove()


def _old_class(expander: Expander, token: str) -> None:
    r"""Carry out ``\documentstyle`` of LaTeX 2.09, whose options are style files too."""
    found = expander.arguments(token, (OPTIONAL, MANDATORY))
    if found is None:
        return
    read = expander.reader.last_read
    expander.class_options = options = _options(expander, found[0])
    names = split_options("".join(expander.expanded(found[1])))
    expander.emit(token)
    expander.reader.push(read)
    _load(expander, options, [], ".sty")
    if not _load(expander, names, options, ".cls"):
        _load(expander, names, options, ".sty")


def _options(expander: Expander, tokens: Sequence[str]) -> list[str]:
    if tuple(tokens) == NO_VALUE:
        return []
    return split_options("".join(expander.expanded(tokens)))


def _load(expander: Expander, names: Sequence[str], options: Sequence[str], extension: str) -> bool:
    """Read the styles of the submission among some; tell whether there is any."""
    found: list[tuple[str, Style]] = []
    is_own = False
    for name in names:
        style = Style(name + extension, list(options), prefix=f"{name}@")
        path = expander.files.resolve(name, extension=extension)
        is_own = is_own or path is not None
        if style.name in expander.loaded:
            continue
        expander.loaded[style.name] = list(options)
        if path is not None and not expander.is_open(path):
            found.append((path, style))
        elif known := PACKAGES.get(style.name):
            given = [*expander.passed.get(style.name, ()), *options]
            expander.meanings.update(known(given, expander.class_options))
    for path, style in reversed(found):
        expander.open_file(path, style)
    return is_own


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
    "\\documentstyle": _old_class,
    "\\LoadClassWithOptions": functools.partial(_with_options, extension=".cls"),
    "\\RequirePackageWithOptions": functools.partial(_with_options, extension=".sty"),
    "\\usepackage": functools.partial(_package, extension=".sty"),
    "\\RequirePackage": functools.partial(_package, extension=".sty"),
    "\\documentclass": functools.partial(_package, extension=".cls"),
    "\\LoadClass": functools.partial(_package, extension=".cls"),
    "\\endinput": _end_input,
}
