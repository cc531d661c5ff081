# a "token" here is one of TeX's, not a secret
r"""The definitions that are carried out: the families of ``\newcommand``, ``\def`` and xparse.

A definition leaves the text. One that cannot be read as TeX reads it stays as it stands, and
its macro too. From a style file (``.sty``, ``.cls``) only new names are taken: what such a file
changes of LaTeX's own commands is how they look, and the text should keep the common names.
"""

from __future__ import annotations

import functools
import re
from collections.abc import Mapping, Sequence

from pasture.sources.latex.conditionals import new_if
from pasture.sources.latex.expand import Expander, Handler, Meaning
from pasture.sources.latex.limits import CannotExpand
from pasture.sources.latex.macros import (
    Environment,
    Frozen,
    Macro,
    def_parameters,
    newcommand_parameters,
    xparse_parameters,
)
from pasture.sources.latex.names import LOOKS, STRUCTURE, STRUCTURE_ENVIRONMENTS
from pasture.sources.latex.reader import MANDATORY, FileFrame, NoArgument, Parameter
from pasture.sources.latex.tokens import is_control_word

_CATCODE = re.compile(r"[ \t]*(?:`\\?(.)|(64)(?!\d))[ \t]*=?[ \t]*(\d{1,2}|\\active)[ \t]?")
_SYNTAX = {"\\": "0", "{": "1", "}": "2", "%": "14", "#": "6"}

_STAR = Parameter("star", delimiter=("*",))
_OPTIONAL = Parameter("optional")
_NEWCOMMAND = (_STAR, MANDATORY, _OPTIONAL, _OPTIONAL, MANDATORY)
_NEWENVIRONMENT = (_STAR, MANDATORY, _OPTIONAL, _OPTIONAL, MANDATORY, MANDATORY)


def control_sequence(tokens: Sequence[str]) -> str | None:
    r"""The name in ``\foo`` or ``{\foo}``; None where there is none, or more."""
    names = [token for token in tokens if not token.isspace()]
    return names[0] if len(names) == 1 and names[0][0] == "\\" and len(names[0]) > 1 else None


def _define(expander: Expander, name: str, meaning: Meaning, *, renews: bool = False) -> None:
    known = isinstance(expander.meanings.get(name), (Macro, Frozen))
    look_only = expander.style and not known and (renews or name in LOOKS)
    if name not in STRUCTURE and not look_only:
        expander.unexpanded.pop(name, None)
        expander.define(name, meaning)
    expander.remove()


def _newcommand(
    expander: Expander, token: str, *, provides: bool = False, renews: bool = False
) -> None:
    try:
        _, names, count, default, body = expander.reader.arguments(_NEWCOMMAND)
    except NoArgument:
        expander.emit(token)
        return
    name = control_sequence(names)
    parameters = newcommand_parameters(count, default)
    if name is None or parameters is None:
        expander.reader.put_back()
        expander.emit(token)
    elif provides and name in expander.meanings:
        expander.remove()
    else:
        _define(expander, name, Macro(tuple(body), parameters), renews=renews)


def _def(expander: Expander, token: str, *, expands: bool = False, globally: bool = False) -> None:
    reader = expander.reader
    name = ""
    text: list[str] = []
    try:
        reader.skip_whitespace()
        name = reader.character()
        if name[0] != "\\":
            raise NoArgument
        if is_control_word(name):
            reader.skip_after_word()
        text = reader.delimited_by_brace()
        body = reader.argument()
        read = def_parameters(text)
        if read is None:
            reader.put_back()
            raise NoArgument
    except NoArgument:
        reader.push(text)
        if name:
            reader.push([name])
        expander.emit(token)
        return
    prefix, parameters = read
    if expands:
        body = expander.expanded(body)
    expander.is_global = expander.is_global or globally
    _define(expander, name, Macro(tuple(body), parameters, prefix))


def _let(expander: Expander, token: str) -> None:
    reader = expander.reader
    name = ""
    try:
        reader.skip_whitespace()
        name = reader.character()
        if name[0] != "\\":
            raise NoArgument
        if (following := reader.peek()) and following[0] == "=":
            reader.skip_whitespace()
            reader.character()
        reader.skip_whitespace()
        target = reader.character()
    except NoArgument:
        if name:
            reader.push([name])
        expander.emit(token)
        return
    if target in ("{", "}"):
        reader.push([name, "=", target])
        expander.emit(token)
        return
    meaning = expander.meaning(target)
    if meaning == Frozen("\\undefined") or meaning == Frozen("\\@undefined"):
        meaning = Frozen(name)
    _define(expander, name, meaning)


def _global(expander: Expander, token: str) -> None:
    if _defines_next(expander):
        expander.is_global = True
        expander.remove()
    else:
        expander.emit(token)


def _prefix(expander: Expander, token: str) -> None:
    if _defines_next(expander):
        expander.remove()
    else:
        expander.emit(token)


def _defines_next(expander: Expander) -> bool:
    following = expander.reader.peek() or ""
    return following in _DEFINERS or following == "\\expandafter"


def _operator(expander: Expander, token: str) -> None:
    try:
        star, names, text = expander.reader.arguments((_STAR, MANDATORY, MANDATORY))
    except NoArgument:
        expander.emit(token)
        return
    name = control_sequence(names)
    if name is None:
        expander.reader.put_back()
        expander.emit(token)
        return
    starred = ("*",) if tuple(star) == ("\\BooleanTrue",) else ()
    _define(expander, name, Macro(("\\operatorname", *starred, "{", *text, "}")))


def _paired_delimiter(expander: Expander, token: str) -> None:
    try:
        names, left, right = expander.reader.arguments((MANDATORY, MANDATORY, MANDATORY))
    except NoArgument:
        expander.emit(token)
        return
    name = control_sequence(names)
    if name is None:
        expander.reader.put_back()
        expander.emit(token)
        return
    plain = (*left, "#3", *right)
    sized = ("#2", *left, "#3", "#2", *right)
    stretched = ("\\left", *left, "#3", "\\right", *right)
    body = (
        *("\\IfBooleanTF", "{", "#1", "}", "{", *stretched, "}", "{"),
        *("\\IfNoValueTF", "{", "#2", "}", "{", *plain, "}", "{", *sized, "}", "}"),
    )
    _define(expander, name, Macro(body, (_STAR, _OPTIONAL, MANDATORY)))


def _newenvironment(expander: Expander, token: str, *, renews: bool = False) -> None:
    try:
        _, names, count, default, begin, end = expander.reader.arguments(_NEWENVIRONMENT)
    except NoArgument:
        expander.emit(token)
        return
    parameters = newcommand_parameters(count, default)
    if parameters is None:
        expander.reader.put_back()
        expander.emit(token)
        return
    _define_environment(expander, names, Environment(Macro(tuple(begin), parameters), tuple(end)))


def _document_command(expander: Expander, token: str, *, provides: bool = False) -> None:
    try:
        names, spec, body = expander.reader.arguments((MANDATORY, MANDATORY, MANDATORY))
    except NoArgument:
        expander.emit(token)
        return
    name = control_sequence(names)
    parameters = xparse_parameters(spec)
    if name is None or parameters is None:
        expander.reader.put_back()
        expander.emit(token)
    elif provides and name in expander.meanings:
        expander.remove()
    else:
        _define(expander, name, Macro(tuple(body), parameters))


def _document_environment(expander: Expander, token: str) -> None:
    try:
        names, spec, begin, end = expander.reader.arguments((MANDATORY,) * 4)
    except NoArgument:
        expander.emit(token)
        return
    parameters = xparse_parameters(spec)
    if parameters is None:
        expander.reader.put_back()
        expander.emit(token)
        return
    _define_environment(expander, names, Environment(Macro(tuple(begin), parameters), tuple(end)))


def _define_environment(expander: Expander, names: Sequence[str], environment: Environment) -> None:
    name = "".join(names).strip()
    machinery = environment.begin.machinery or Macro(environment.end).machinery
    if name not in STRUCTURE_ENVIRONMENTS and not (expander.style and machinery):
        expander.environments[name] = environment
    expander.remove()


def _csname(expander: Expander, token: str) -> None:
    reader = expander.reader
    tokens = expander.reader.up_to("\\endcsname")
    name = "\\" + "".join(expander.expanded(tokens)).strip() if tokens is not None else ""
    if name in expander.meanings or is_plain_name(name):
        reader.push([name])
        return
    expander.emit(token)
    if tokens is not None:
        reader.push([*tokens, "\\endcsname"])


def is_plain_name(name: str) -> bool:
    """Tell whether a control sequence can be written as such: a word of ASCII letters."""
    return len(name) > 1 and name.isascii() and name[1:].isalpha()


def _expandafter(expander: Expander, token: str) -> None:
    reader = expander.reader
    held: list[str] = []
    while True:
        first, second = reader.next(), reader.next()
        if first is None or second is None:
            reader.push([*held, *([first] if first else [])])
            expander.emit(token)
            return
        held.append(first)
        if second != "\\expandafter":
            break
    if second == "\\csname" and (tokens := expander.reader.up_to("\\endcsname")) is not None:
        reader.push(["\\" + "".join(expander.expanded(tokens)).strip()])
    else:
        meaning = expander.meanings.get(second)
        if not isinstance(meaning, Macro):
            reader.push([*held, second])
            expander.emit(token)
            return
        expander.expand_once(second, meaning)
    reader.push(held)


def _namedef(expander: Expander, token: str) -> None:
    try:
        name = expander.reader.argument()
    except NoArgument:
        expander.emit(token)
        return
    expander.reader.push(["\\" + "".join(expander.expanded(name)).strip()])
    _def(expander, "\\def")


def _nameuse(expander: Expander, token: str) -> None:
    try:
        name = expander.reader.argument()
    except NoArgument:
        expander.emit(token)
        return
    expander.reader.push(["\\csname", *name, "\\endcsname"])


def _make_at(expander: Expander, token: str, *, letter: bool) -> None:
    expander.reader.at_letter = letter
    expander.reader.skip_after_word()
    expander.remove()


def _catcode(expander: Expander, token: str) -> None:
    frame = expander.reader.frames[-1]
    match = _CATCODE.match(frame.text, frame.pos) if isinstance(frame, FileFrame) else None
    if match is None or not isinstance(frame, FileFrame):
        expander.emit(token)
        return
    character, value = match[1] or "@", match[3]
    if character == "@" and value in ("11", "12"):
        frame.pos = match.end()
        _make_at(expander, token, letter=value == "11")
    elif expander.style:
        frame.pos = match.end()
    elif value != _SYNTAX.get(character, "11" if character.isalpha() else value):
        raise CannotExpand("catcode_change", f"{token}{match[0]} in {frame.path}")
    else:
        expander.emit(token)


_DEFINERS: Mapping[str, Handler] = {
    "\\newcommand": _newcommand,
    "\\renewcommand": functools.partial(_newcommand, renews=True),
    "\\providecommand": functools.partial(_newcommand, provides=True),
    "\\DeclareRobustCommand": _newcommand,
    "\\newrobustcmd": _newcommand,
    "\\renewrobustcmd": functools.partial(_newcommand, renews=True),
    "\\providerobustcmd": functools.partial(_newcommand, provides=True),
    "\\def": _def,
    "\\gdef": functools.partial(_def, globally=True),
    "\\edef": functools.partial(_def, expands=True),
    "\\xdef": functools.partial(_def, expands=True, globally=True),
    "\\let": _let,
    "\\global": _global,
    "\\long": _prefix,
    "\\protected": _prefix,
    "\\outer": _prefix,
}
DEFINITIONS: Mapping[str, Handler] = {
    **_DEFINERS,
    "\\DeclareMathOperator": _operator,
    "\\DeclarePairedDelimiter": _paired_delimiter,
    "\\newenvironment": _newenvironment,
    "\\renewenvironment": _newenvironment,
    "\\NewDocumentCommand": _document_command,
    "\\RenewDocumentCommand": _document_command,
    "\\ProvideDocumentCommand": functools.partial(_document_command, provides=True),
    "\\DeclareDocumentCommand": _document_command,
    "\\NewExpandableDocumentCommand": _document_command,
    "\\NewDocumentEnvironment": _document_environment,
    "\\RenewDocumentEnvironment": _document_environment,
    "\\DeclareDocumentEnvironment": _document_environment,
    "\\newif": new_if,
    "\\csname": _csname,
    "\\expandafter": _expandafter,
    "\\@namedef": _namedef,
    "\\@nameuse": _nameuse,
    "\\makeatletter": functools.partial(_make_at, letter=True),
    "\\makeatother": functools.partial(_make_at, letter=False),
    "\\catcode": _catcode,
}
