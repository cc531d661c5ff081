r"""Commands that make environments and commands whose text is not TeX, or boxes and listings.

What they make is known from the start (``tokens.read_lexicon``), and its calls stay as they
stand; here the definitions leave the text. ``\MakeShortVerb`` and its like also change what
follows: ``|x|`` becomes ``\verb|x|``, which means the same without them.
"""

from __future__ import annotations

import functools
from collections.abc import Mapping

from pasture.sources.arxiv.latex.expand import Expander, Handler
from pasture.sources.arxiv.latex.reader import (
    MANDATORY,
    NO_VALUE,
    OPTIONAL,
    STAR,
    FileFrame,
    Parameter,
)

_END_OF_SYNTAX = "\\ExplSyntaxOff"


def _drop(expander: Expander, token: str, *, parameters: tuple[Parameter, ...]) -> None:
    if expander.arguments(token, parameters) is not None:
        expander.remove()


def dropping(layout: str) -> Handler:
    """Make a handler that passes over arguments: ``m`` mandatory, ``o`` optional, ``s`` a star."""
    kinds = {"m": MANDATORY, "o": OPTIONAL, "s": STAR}
    return functools.partial(_drop, parameters=tuple(kinds[letter] for letter in layout))


def _short_verb(expander: Expander, token: str, *, command: str) -> None:
    r"""Carry out ``\MakeShortVerb``: a character that starts and ends verbatim text."""
    found = expander.arguments(token, (STAR, OPTIONAL, MANDATORY))
    if found is None:
        return
    character = "".join(found[2]).strip().removeprefix("\\")
    if len(character) == 1 and not character.isalnum():
        expander.reader.set_short_verb(character, command)
    expander.remove()


def _language(expander: Expander, token: str) -> None:
    r"""Pass over ``\lstdefinelanguage``, which may name the language that it starts from."""
    found = expander.arguments(token, (OPTIONAL, MANDATORY, OPTIONAL))
    if found is not None:
        base = () if tuple(found[2]) == NO_VALUE else (MANDATORY,)
        _drop(expander, token, parameters=(*base, MANDATORY, OPTIONAL))


def _syntax_on(expander: Expander, token: str) -> None:
    r"""Carry out ``\ExplSyntaxOn``: LaTeX's own language, which defines, and prints nothing."""
    expander.remove()
    frame = expander.reader.frames[-1]
    end = frame.text.find(_END_OF_SYNTAX, frame.pos) if isinstance(frame, FileFrame) else -1
    if isinstance(frame, FileFrame) and end >= 0:
        code = frame.text[frame.pos : end]
        frame.pos = end + len(_END_OF_SYNTAX)
        expander.run_quietly((), code)
    elif not expander.style:
        return
    expander.reader.letters = "code"


def _syntax_off(expander: Expander, token: str) -> None:
    expander.reader.letters = "word"
    expander.remove()


def _code_file(expander: Expander, token: str) -> None:
    r"""Carry out ``\ProvidesExplPackage``, after which the whole file is such code."""
    if expander.arguments(token, (MANDATORY,) * 4) is not None:
        expander.remove()
    if expander.style:
        expander.reader.letters = "code"


_LAYOUTS = {
    "lstnewenvironment": "moomm",
    "lstdefinestyle": "mm",
    "lstalias": "omom",
    "newminted": "omm",
    "newmint": "omm",
    "newmintinline": "omm",
    "newmintedfile": "omm",
    "DefineVerbatimEnvironment": "mmm",
    "RecustomVerbatimEnvironment": "mmm",
    "CustomVerbatimEnvironment": "mmm",
    "CustomVerbatimCommand": "mmm",
    "RecustomVerbatimCommand": "mmm",
    "newverbatim": "mmmmm",
    "newtcblisting": "omoom",
    "renewtcblisting": "omoom",
    "newtcbinputlisting": "omoom",
    "DeclareTCBListing": "ommm",
    "NewTCBListing": "ommm",
    "DeclareTCBInputListing": "ommm",
    "newtcolorbox": "omoom",
    "renewtcolorbox": "omoom",
    "NewTColorBox": "ommm",
    "DeclareTColorBox": "ommm",
    "newtcbox": "omoom",
    "NewTotalTColorBox": "ommmm",
    "DeclareTotalTColorBox": "ommmm",
    "newtcbtheorem": "ommmm",
    "NewTcbTheorem": "ommmm",
    "newmdenv": "om",
    "newmdtheoremenv": "omomo",
    "newframedtheorem": "momo",
    "newshadedtheorem": "momo",
    "excludecomment": "m",
    "includecomment": "m",
    "specialcomment": "mmm",
    "processcomment": "mmmm",
    "includeversion": "m",
    "excludeversion": "m",
    "DeclareFloatingEnvironment": "om",
}
VERBATIM: Mapping[str, Handler] = {
    **{f"\\{name}": dropping(layout) for name, layout in _LAYOUTS.items()},
    "\\lstdefinelanguage": _language,
    "\\MakeShortVerb": functools.partial(_short_verb, command="\\verb"),
    "\\DefineShortVerb": functools.partial(_short_verb, command="\\verb"),
    "\\lstMakeShortInline": functools.partial(_short_verb, command="\\lstinline"),
    "\\DeleteShortVerb": functools.partial(_short_verb, command=""),
    "\\UndefineShortVerb": functools.partial(_short_verb, command=""),
    "\\lstDeleteShortInline": functools.partial(_short_verb, command=""),
    "\\ExplSyntaxOn": _syntax_on,
    _END_OF_SYNTAX: _syntax_off,
    "\\ProvidesExplPackage": _code_file,
    "\\ProvidesExplClass": _code_file,
}
