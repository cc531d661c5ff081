# a "token" here is one of TeX's, not a secret
r"""The definitions that are carried out: the families of ``\newcommand``, ``\def`` and xparse.

A definition leaves the text. Where it is not understood, the calls of its macro are left as they
stand; where it cannot be read at all, so is the definition. From a style file (``.sty``,
``.cls``) only new names are taken: what such a file changes of LaTeX's own commands is how they
look, and the text should keep the common names.
"""

from __future__ import annotations

import functools
import re
from collections.abc import Mapping, Sequence

from pasture.sources.arxiv.latex.conditionals import new_if
from pasture.sources.arxiv.latex.expand import Expander, Handler, Meaning
from pasture.sources.arxiv.latex.limits import CannotExpand
from pasture.sources.arxiv.latex.logos import LOGOS, flattened_logo
from pasture.sources.arxiv.latex.macros import (
    Environment,
    Frozen,
    Macro,
    def_parameters,
    newcommand_parameters,
    xparse_parameters,
)
from pasture.sources.arxiv.latex.names import LOOKS, STRUCTURE, STRUCTURE_ENVIRONMENTS
from pasture.sources.arxiv.latex.reader import (
    BODY,
    MANDATORY,
    NO_VALUE,
    OPTIONAL,
    STAR,
    FileFrame,
    NoArgument,
    Parameter,
)
from pasture.sources.arxiv.latex.tokens import is_control_word

_CATCODE = re.compile(
    r"[ \t]{0,20}(?:`\\?(.)|(64)(?!\d))[ \t]{0,20}(?:=[ \t]{0,20})?(\d{1,2}|\\active)[ \t]?"
)
_SYNTAX = {"\\": "0", "{": "1", "}": "2", "%": "14", "#": "6"}

_NEWCOMMAND = (STAR, MANDATORY, OPTIONAL, OPTIONAL, MANDATORY)
_NEWENVIRONMENT = (STAR, MANDATORY, OPTIONAL, OPTIONAL, MANDATORY, MANDATORY)


def control_sequence(tokens: Sequence[str]) -> str | None:
    r"""The name in ``\foo`` or ``{\foo}``; None where there is none, or more."""
    names = [token for token in tokens if not token.isspace()]
    return names[0] if len(names) == 1 and names[0][0] == "\\" and len(names[0]) > 1 else None


def _define(expander: Expander, name: str, meaning: Meaning, *, renews: bool = False) -> None:
    if isinstance(meaning, Macro) and (logo := flattened_logo(meaning)):
        if name in LOGOS:
            expander.remove()
            return
        meaning = logo
    known = isinstance(expander.meanings.get(name), (Macro, Frozen))
    look_only = expander.style and not known and (renews or name in LOOKS)
    if name not in STRUCTURE and not look_only:
        expander.unexpanded.pop(name, None)
        expander.define(name, meaning)
    expander.remove()


def _newcommand(
    expander: Expander, token: str, *, provides: bool = False, renews: bool = False
) -> None:
    found = expander.arguments(token, _NEWCOMMAND)
    if found is None:
        return
    _, names, count, default, body = found
    parameters = newcommand_parameters(count, default)
    _define_command(expander, token, names, parameters, body, provides=provides, renews=renews)


def _document_command(expander: Expander, token: str, *, provides: bool = False) -> None:
    found = expander.arguments(token, (MANDATORY,) * 3)
    if found is None:
        return
    names, spec, body = found
    _define_command(expander, token, names, xparse_parameters(spec), body, provides=provides)


def _operator(expander: Expander, token: str) -> None:
    found = expander.arguments(token, (STAR, MANDATORY, MANDATORY))
    if found is None:
        return
    star, names, text = found
    starred = ("*",) if tuple(star) == ("\\BooleanTrue",) else ()
    _define_command(expander, token, names, (), ("\\operatorname", *starred, "{", *text, "}"))


def _paired_delimiter(expander: Expander, token: str) -> None:
    found = expander.arguments(token, (MANDATORY,) * 3)
    if found is None:
        return
    names, left, right = found
    plain = (*left, "#3", *right)
    sized = ("#2", *left, "#3", "#2", *right)
    stretched = ("\\left", *left, "#3", "\\right", *right)
    body = (
        *("\\IfBooleanTF", "{", "#1", "}", "{", *stretched, "}", "{"),
        *("\\IfNoValueTF", "{", "#2", "}", "{", *plain, "}", "{", *sized, "}", "}"),
    )
    _define_command(expander, token, names, (STAR, OPTIONAL, MANDATORY), body)


def _define_command(
    expander: Expander,
    token: str,
    names: Sequence[str],
    parameters: tuple[Parameter, ...] | None,
    body: Sequence[str],
    *,
    provides: bool = False,
    renews: bool = False,
) -> None:
    """Define a macro from the arguments of a definition, which was read last.

    One whose parameters are None, because they are not understood, is left as it stands where
    it is called.
    """
    name = control_sequence(names)
    if name is None:
        expander.reader.put_back()
        expander.emit(token)
    elif provides and name in expander.meanings:
        expander.remove()
    else:
        macro = None if parameters is None else Macro(tuple(body), parameters)
        _define(expander, name, macro or _left, renews=renews)


def _left(expander: Expander, token: str) -> None:
    """Leave a call as it stands, of a macro whose definition is not understood."""
    expander.leave(token)


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
    except NoArgument:
        reader.push(text)
        if name:
            reader.push([name])
        expander.emit(token)
        return
    expander.is_global = expander.is_global or globally
    read = def_parameters(text)
    if read is None:
        _define(expander, name, _left)
        return
    if expands:
        body = expander.expanded(body)
    prefix, parameters = read
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


def _newenvironment(expander: Expander, token: str) -> None:
    found = expander.arguments(token, _NEWENVIRONMENT)
    if found is None:
        return
    _, names, count, default, begin, end = found
    _define_environment(expander, names, newcommand_parameters(count, default), begin, end)


def _document_environment(expander: Expander, token: str) -> None:
    found = expander.arguments(token, (MANDATORY,) * 4)
    if found is None:
        return
    names, spec, begin, end = found
    _define_environment(expander, names, xparse_parameters(spec), begin, end)


def _new_environ(expander: Expander, token: str) -> None:
    r"""Carry out environ's ``\NewEnviron``, in which ``\BODY`` is what the environment holds."""
    found = expander.arguments(token, (MANDATORY, OPTIONAL, OPTIONAL, MANDATORY, OPTIONAL))
    if found is None:
        return
    names, count, default, begin, end = found
    parameters = newcommand_parameters(count, default)
    if parameters is not None:
        parameters = (*parameters, BODY)
        begin = [f"#{len(parameters)}" if part == "\\BODY" else part for part in begin]
    end = () if tuple(end) == NO_VALUE else end
    _define_environment(expander, names, parameters, begin, end)


def _define_environment(
    expander: Expander,
    names: Sequence[str],
    parameters: tuple[Parameter, ...] | None,
    begin: Sequence[str],
    end: Sequence[str],
) -> None:
    """Define an environment; one whose parameters are not understood is not expanded."""
    name = "".join(names).strip()
    expander.remove()
    if parameters is None:
        return
    environment = Environment(Macro(tuple(begin), parameters), tuple(end))
    machinery = environment.begin.machinery or Macro(environment.end).machinery
    if name not in STRUCTURE_ENVIRONMENTS and not (expander.style and machinery):
        expander.environments[name] = environment


def _csname(expander: Expander, token: str) -> None:
    reader = expander.reader
    tokens = expander.reader.up_to("\\endcsname")
    name = "\\" + "".join(expander.expanded(tokens)).strip() if tokens is not None else ""
    if name in expander.meanings or is_plain_name(name):
        reader.push([name])
    elif tokens is not None and not expander.nesting:
        reader.skip_after_word()
        expander.remove()  # an internal, or nothing at all
    else:
        expander.emit(token)
        reader.push([*tokens, "\\endcsname"] if tokens is not None else ())


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
    if second == "\\string" and (shown := reader.next()) is not None:
        backslash = ["\\textbackslash"] if shown[0] == "\\" else []
        reader.push([*backslash, *([shown.removeprefix("\\")] if shown != "\\" else [])])
    elif second == "\\csname" and (tokens := expander.reader.up_to("\\endcsname")) is not None:
        reader.push(["\\" + "".join(expander.expanded(tokens)).strip()])
    else:
        meaning = expander.meanings.get(second)
        if not isinstance(meaning, Macro):
            reader.push([*held, second])
            expander.emit(token)
            return
        expander.expand_once(second, meaning)
    reader.push(held)


def _string(expander: Expander, token: str) -> None:
    r"""Write ``\string`` and the name behind it, which it shows."""
    expander.emit(token)
    shown = expander.reader.peek_raw()
    if shown is not None and shown[0] == "\\":
        expander.emit(expander.reader.next() or "")


def _namedef(expander: Expander, token: str) -> None:
    found = expander.arguments(token, (MANDATORY,))
    if found is None:
        return
    expander.reader.push(["\\" + "".join(expander.expanded(found[0])).strip()])
    _def(expander, "\\def")


def _nameuse(expander: Expander, token: str) -> None:
    found = expander.arguments(token, (MANDATORY,))
    if found is not None:
        expander.reader.push(["\\csname", *found[0], "\\endcsname"])


def _make_at(expander: Expander, token: str, *, letter: bool) -> None:
    expander.reader.letters = "at" if letter else "word"
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


# LaTeX's own names of numbers and lengths (ltplain), with the blank that ends them.
_CONSTANTS = {
    "z@": "0pt",
    "p@": "pt",
    "@ne": "1",
    "tw@": "2",
    "thr@@": "3",
    "m@ne": "-1",
    "@M": "10000",
    "@plus": "plus",
    "@minus": "minus",
    "@width": "width",
    "@height": "height",
    "@depth": "depth",
}
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
DEFINITIONS: Mapping[str, Meaning] = {
    **{f"\\{name}": Macro((f"{value} ",)) for name, value in _CONSTANTS.items()},
    **_DEFINERS,
    "\\DeclareMathOperator": _operator,
    "\\DeclarePairedDelimiter": _paired_delimiter,
    "\\newenvironment": _newenvironment,
    "\\renewenvironment": _newenvironment,
    "\\NewDocumentCommand": _document_command,
    "\\RenewDocumentCommand": _document_command,
    "\\ProvideDocumentCommand": functools.partial(_document_command, provides=True),
    "\\DeclareDocumentCommand": _document_command,
    **dict.fromkeys(
        [f"\\{word}ExpandableDocumentCommand" for word in ("New", "Renew", "Declare")],
        _document_command,
    ),
    "\\NewDocumentEnvironment": _document_environment,
    "\\RenewDocumentEnvironment": _document_environment,
    "\\ProvideDocumentEnvironment": _document_environment,
    "\\DeclareDocumentEnvironment": _document_environment,
    "\\NewEnviron": _new_environ,
    "\\RenewEnviron": _new_environ,
    "\\newif": new_if,
    "\\csname": _csname,
    "\\expandafter": _expandafter,
    "\\string": _string,
    "\\@namedef": _namedef,
    "\\@nameuse": _nameuse,
    "\\makeatletter": functools.partial(_make_at, letter=True),
    "\\makeatother": functools.partial(_make_at, letter=False),
    "\\catcode": _catcode,
}
