r"""What a name can mean, and how a macro's body takes its arguments.

The parameter texts of the three kinds of definition (``\newcommand``, ``\def``,
``\NewDocumentCommand``) are read into one form, a tuple of ``Parameter``.
"""

from __future__ import annotations

import dataclasses
import itertools
import re
from collections.abc import Mapping, Sequence

from pasture.sources.arxiv.latex.names import DECLARATIONS, MACHINERY, words
from pasture.sources.arxiv.latex.reader import BODY, MANDATORY, NO_VALUE, Parameter
from pasture.sources.arxiv.latex.tokens import is_control_word

_NAME = re.compile(r"\\[A-Za-z@_:]{2,}")
_DEFINES_NEXT = words("def gdef edef xdef let futurelet newcommand renewcommand", "\\")


def is_internal(token: str) -> bool:
    """Tell the names of LaTeX's internals, ``\\@name`` and ``\\name_of:n``, from verbatim text."""
    return ("@" in token or "_" in token or ":" in token) and _NAME.fullmatch(token) is not None


@dataclasses.dataclass(frozen=True, slots=True)
class Macro:
    """A macro with its body.

    Args:
        body: Its tokens, ``#1`` to ``#9`` standing for the arguments.
        parameters: How its arguments are read.
        prefix: Tokens that must stand before the first argument (``\\def``).
    """

    body: tuple[str, ...]
    parameters: tuple[Parameter, ...] = ()
    prefix: tuple[str, ...] = ()

    machinery: tuple[str, ...] = dataclasses.field(init=False, compare=False)
    """The tokens of the body that no document could hold: TeX's and LaTeX's internals."""
    defines: frozenset[str] = dataclasses.field(init=False, compare=False)
    """The names that the body itself gives a meaning."""
    takes_tokens: bool = dataclasses.field(init=False, compare=False)
    """Whether the body holds a parameter or a doubled ``#``."""

    def __post_init__(self) -> None:
        pairs = itertools.pairwise(self.body)
        defines = frozenset(name for word, name in pairs if word in _DEFINES_NEXT)
        internals = tuple(
            token
            for token in self.body
            if token[0] == "\\" and (token in MACHINERY or is_internal(token))
        )
        object.__setattr__(self, "machinery", internals)
        object.__setattr__(self, "defines", defines)
        object.__setattr__(self, "takes_tokens", any(token[0] == "#" for token in self.body))

    def may_take_nothing(self) -> bool:
        """Tell whether the name alone is a call, so that ``{}`` may stand behind it to end it."""
        return not self.prefix and all(p.kind in ("optional", "star") for p in self.parameters)

    def follows_directly(self) -> bool:
        """Tell whether what comes after the name matters to the character."""
        return not self.parameters or bool(self.prefix) or self.parameters[0].kind == "delimited"

    def sets_environment(self) -> bool:
        """Tell whether the body starts or ends an environment, as a macro for equations does."""
        return "\\begin" in self.body or "\\end" in self.body


@dataclasses.dataclass(frozen=True, slots=True)
class Environment:
    """An environment that the paper defines.

    Args:
        begin: What its beginning becomes.
        end: What its end becomes; the arguments stand in it too.
    """

    begin: Macro
    end: tuple[str, ...]

    @property
    def parts(self) -> tuple[Macro, Macro]:
        """Both ends as macros."""
        return self.begin, Macro(self.end)

    def declares(self) -> bool:
        """Tell whether its beginning changes the font, so that it needs braces in its place."""
        body = self.begin.body
        return "\\begin" not in body and not DECLARATIONS.isdisjoint(body)


@dataclasses.dataclass(frozen=True, slots=True)
class Frozen:
    r"""A name or character as TeX knows it, whatever a paper may make of the name since.

    It is what ``\let`` copies: after ``\let\oldvec\vec``, ``\oldvec`` is ``Frozen("\\vec")``.
    """

    token: str


def ends_openly(body: Sequence[str]) -> bool:
    """Tell whether the last token could take what follows as its argument."""
    last = body[-1] if body else ""
    return last[-1:] in ("^", "_") or (last[:1] == "\\" and last not in ("\\xspace", "\\fi"))


def substitute(body: Sequence[str], arguments: Sequence[Sequence[str]]) -> list[str]:
    """Put the arguments into a body; ``##`` becomes ``#``."""
    tokens: list[str] = []
    for token in body:
        if token[0] != "#":
            tokens.append(token)
            continue
        hashes = token.count("#")
        digit = token[hashes:]
        if hashes % 2 == 0:
            tokens.append("#" * (hashes // 2) + digit)
        else:
            if hashes > 1:
                tokens.append("#" * (hashes // 2))
            if digit and int(digit) <= len(arguments):
                tokens.extend(arguments[int(digit) - 1])
    return tokens


def newcommand_parameters(
    count: Sequence[str], default: Sequence[str]
) -> tuple[Parameter, ...] | None:
    r"""Read the ``[2][default]`` of ``\newcommand``; None where it is none."""
    if tuple(count) == NO_VALUE:
        return ()
    number = "".join(count).strip()
    if number not in "0123456789" or len(number) != 1:
        return None
    parameters = [MANDATORY] * int(number)
    if tuple(default) != NO_VALUE and parameters:
        parameters[0] = Parameter("optional", default=tuple(default))
    return tuple(parameters)


def def_parameters(
    text: Sequence[str],
) -> tuple[tuple[str, ...], tuple[Parameter, ...]] | None:
    r"""Read the parameter text of ``\def``: prefix and parameters; None where it is none."""
    parts: list[list[str]] = [[]]
    for token in text:
        if token[0] != "#":
            parts[-1].extend([token] if token[0] == "\\" else token)
        elif token == f"#{len(parts)}":
            parts.append([])
        else:
            return None  # a nested definition's ##1, or #{
    for number, part in enumerate(parts):
        parts[number] = _skip_blanks_after_words(part)
    prefix, *delimiters = parts
    return tuple(prefix), tuple(
        Parameter("delimited", delimiter=tuple(part)) if part else MANDATORY for part in delimiters
    )


def _skip_blanks_after_words(tokens: Sequence[str]) -> list[str]:
    kept: list[str] = []
    for token in tokens:
        if token.isspace():
            if not kept or not (is_control_word(kept[-1]) or kept[-1] == " "):
                kept.append(" ")
        else:
            kept.append(token)
    return kept


def xparse_parameters(spec: Sequence[str]) -> tuple[Parameter, ...] | None:
    """Read an argument specification of xparse, such as ``s O{x} m``; None where it is odd."""
    parameters: list[Parameter] = []
    tokens = _characters(spec)
    try:
        while tokens:
            _pop_parameters(tokens, parameters)
    except (IndexError, ValueError):  # it ends within a parameter, or has one of another kind
        return None
    return tuple(parameters) if len(parameters) <= 9 else None


_SIMPLE = {
    "m": MANDATORY,
    "s": Parameter("star", delimiter=("*",)),
    "o": Parameter("optional"),
    "g": Parameter("group"),
    "v": Parameter("verbatim"),
    "b": BODY,
}


def _pop_parameters(tokens: list[str], parameters: list[Parameter]) -> None:
    letter = tokens.pop(0)
    if letter in _SIMPLE:
        parameters.append(_SIMPLE[letter])
    elif letter == ">":
        if _pop_group(tokens) != ("\\TrimSpaces",):
            raise ValueError(letter)  # it changes the argument
    elif letter == "t":
        parameters.append(Parameter("star", delimiter=(tokens.pop(0),)))
    elif letter == "O":
        parameters.append(Parameter("optional", default=_pop_group(tokens)))
    elif letter == "G":
        parameters.append(Parameter("group", default=_pop_group(tokens)))
    elif letter == "u":
        parameters.append(Parameter("delimited", delimiter=_pop_group(tokens)))
    elif letter in ("e", "E"):
        marks = _pop_group(tokens)
        defaults = list(_pop_group(tokens)) if letter == "E" else []
        for mark in marks:
            default = _pop_group(defaults) if defaults else NO_VALUE
            parameters.append(Parameter("marked", default, (mark,)))
    elif letter in ("d", "D", "r", "R"):
        opening, closing = tokens.pop(0), tokens.pop(0)
        default = _pop_group(tokens) if letter in ("D", "R") else NO_VALUE
        parameters.append(Parameter("optional", default, (closing,), opening))
    elif letter not in ("+", "!"):
        raise ValueError(letter)


def _characters(spec: Sequence[str]) -> list[str]:
    tokens: list[str] = []
    for token in spec:
        tokens.extend([token] if token[0] in "\\#" else token)
    return [token for token in tokens if not token.isspace()]


def _pop_group(tokens: list[str]) -> tuple[str, ...]:
    """Take a group, or a single token, off the front."""
    group, depth = [tokens.pop(0)], 1
    if group[0] != "{":
        return tuple(group)
    while tokens and depth:
        group.append(tokens.pop(0))
        depth += (group[-1] == "{") - (group[-1] == "}")
    return tuple(group[1:-1])


def is_writable(macro: Macro, meanings: Mapping[str, object]) -> bool:
    """Tell whether expanding a macro leaves only what a document may hold.

    A body with internals of LaTeX can still be expanded where they are run on the way: those
    that Pasture knows, and the paper's own.
    """
    if not macro.machinery:
        return True
    seen: set[str] = set()
    unknown: set[str] = set()
    defined: set[str] = set()
    waiting = [macro]
    while waiting:
        current = waiting.pop()
        defined |= current.defines
        for token in current.machinery:
            if token not in seen:
                seen.add(token)
                meaning = meanings.get(token)
                if meaning is None:
                    unknown.add(token)
                elif isinstance(meaning, Macro):
                    waiting.append(meaning)
    return unknown <= defined


_TAKE_ONE = frozenset(
    rf"\{name}"
    for name in (
        *("sqrt", "boldsymbol", "bm", "operatorname", "underline", "emph", "mbox", "text"),
        *("mathrm", "mathbf", "mathit", "mathsf", "mathtt", "mathcal", "mathbb", "mathfrak"),
        *("textrm", "textbf", "textit", "textsf", "texttt", "textsc", "textsl"),
    )
)
_TAKE_TWO = frozenset(("\\frac", "\\dfrac", "\\tfrac", "\\cfrac", "\\binom"))
_TAKE_OPTION = frozenset(("\\\\", "\\item"))
_MAX_FIRST = 64  # tokens of a first argument


def is_one_token(body: Sequence[str]) -> bool:
    """Tell whether a body is one command or character, and needs no braces as an argument."""
    return not body or (len(body) == 1 and (body[0][0] == "\\" or len(body[0]) == 1))


def is_argument(out: Sequence[str]) -> bool:
    r"""Tell whether what is written next is, as a whole, the argument of a command of LaTeX.

    TeX takes the macro in ``\frac\a\b`` or ``\textbf\name`` unexpanded, as one argument.
    """
    end = _last(out, len(out))
    if end < 0:
        return False
    if out[end] in _TAKE_ONE or out[end] in _TAKE_TWO:
        return True
    start, depth = end, 0
    for start in range(end, max(end - _MAX_FIRST, 0), -1):
        depth += (out[start] == "}") - (out[start] == "{")
        if depth == 0:
            break
    is_whole = out[end] == "}" or is_one_token([out[end].strip()])
    return depth == 0 and is_whole and out[_last(out, start)] in _TAKE_TWO


def is_taken_for_option(body: Sequence[str], out: Sequence[str]) -> bool:
    r"""Tell whether the bracket that a body starts with would become an option of ``\item``."""
    end = _last(out, len(out))
    return bool(body) and body[0][0] == "[" and end >= 0 and out[end] in _TAKE_OPTION


def _last(out: Sequence[str], end: int) -> int:
    """The index of the last token before an index that is not blank; -1 without one."""
    stop = max(end - 4, 0)
    for index in range(end - 1, stop - 1, -1):
        if out[index].strip():
            return index
    return -1
