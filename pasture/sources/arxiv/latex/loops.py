# ruff: noqa: S105  # a "token" here is one of TeX's, not a secret
r"""Loops over lists that the source itself holds, with which papers define many macros at once."""

from __future__ import annotations

import functools
from collections.abc import Mapping, Sequence

from pasture.sources.arxiv.latex.expand import Expander, Handler
from pasture.sources.arxiv.latex.reader import MANDATORY, NoArgument
from pasture.sources.arxiv.latex.styles import split_list, tokenize


def _for(expander: Expander, token: str, *, by_commas: bool) -> None:
    r"""Carry out ``\@for\x:=a,b\do{..}``, and ``\@tfor\x:=ab\do{..}`` over single tokens."""
    reader = expander.reader
    read: list[str] = []
    try:
        read.append(reader.character())
        listed = reader.up_to("\\do")
        if read[0][0] != "\\" or listed is None:
            raise NoArgument
        read.extend([*listed, "\\do"])
        body = reader.argument()
    except NoArgument:
        reader.push(read)
        expander.emit(token)
        return
    text = "".join(listed).partition("=")[2]
    if by_commas:
        items = list(map(tokenize, split_list("".join(expander.expanded(tokenize(text))))))
    else:
        items = _single_tokens(tokenize(text))
    tokens: list[str] = []
    for item in items:
        tokens.extend(("\\def", read[0], "{", *item, "}", *body))
    reader.push(tokens)
    expander.remove()


def _single_tokens(tokens: Sequence[str]) -> list[Sequence[str]]:
    """Split tokens into groups and single characters, without the blanks between."""
    items: list[Sequence[str]] = []
    group: list[str] = []
    depth = 0
    for token in tokens:
        depth += (token == "{") - (token == "}")
        if depth > 0 and (group or token != "{"):
            group.append(token)
        elif depth > 0:
            group = ["{"]
        elif token == "}":
            items.append(group[1:])
            group = []
        elif token[0] == "\\":
            items.append((token,))
        else:
            items.extend((character,) for character in token if not character.isspace())
    return items


def _for_list(expander: Expander, token: str) -> None:
    r"""Carry out etoolbox's ``\forcsvlist{\do}{a,b}``."""
    found = expander.arguments(token, (MANDATORY, MANDATORY))
    if found is None:
        return
    tokens: list[str] = []
    for item in split_list("".join(found[1])):
        tokens.extend((*found[0], "{", *tokenize(item), "}"))
    expander.reader.push(tokens)
    expander.remove()


LOOPS: Mapping[str, Handler] = {
    "\\@for": functools.partial(_for, by_commas=True),
    "\\@tfor": functools.partial(_for, by_commas=False),
    "\\forcsvlist": _for_list,
}
