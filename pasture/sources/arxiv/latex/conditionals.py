# ruff: noqa: S105  # a "token" here is one of TeX's, not a secret
r"""Conditionals whose outcome a paper fixes itself: flags, emptiness, stars, what follows.

The branch that TeX would set stays, the other goes. A test that depends on more than the
source, such as a length that TeX measures, stays as it stands with both its branches. Tests of
the engine come out as in pdfTeX.
"""

from __future__ import annotations

import dataclasses
import functools
from collections.abc import Callable, Mapping

from pasture.sources.arxiv.latex.expand import Expander, Meaning
from pasture.sources.arxiv.latex.macros import Frozen, Macro
from pasture.sources.arxiv.latex.names import (
    LATEX_FLAGS,
    OTHER_ENGINE_TESTS,
    PDFTEX_TESTS,
    SET_FLAGS,
    UNKNOWN_TESTS,
)
from pasture.sources.arxiv.latex.reader import MANDATORY, NoArgument

_UNDEFINED, _AT_UNDEFINED = Frozen("\\undefined"), Frozen("\\@undefined")
_ELSE = frozenset({"\\else"})
_OR = frozenset({"\\else", "\\or"})
_DIGITS = frozenset("0123456789")
_MAX_NUMBER = 2_000  # tokens of the two numbers of a comparison
_MAX_MACROS = 50  # macros one behind the other that stand for a number
_POINTS = {
    "pt": 1.0,
    "in": 72.27,
    "cm": 72.27 / 2.54,
    "mm": 72.27 / 25.4,
    "bp": 72.27 / 72,
    "pc": 12.0,
    "sp": 1 / 65_536,
    "dd": 1238 / 1157,
    "cc": 12 * 1238 / 1157,
}
"""TeX's units of length, in points (The TeXbook, chapter 10)."""


@dataclasses.dataclass(frozen=True, slots=True)
class Condition:
    r"""A conditional that ends with ``\fi``.

    Args:
        test: Reads what is tested, and tells the outcome; None, with the input as before,
            where it cannot be known.
    """

    test: Callable[[Expander], bool | None]

    def __call__(self, expander: Expander, token: str) -> None:
        """Keep the branch that holds."""
        outcome = self.test(expander)
        if outcome is None:
            expander.conditionals.append(False)
            expander.emit(token)
            return
        expander.remove()
        if outcome:
            expander.conditionals.append(True)
            expander.reader.skip_after_word()
            return
        skipped: list[str] = []
        end = _skip_branch(expander, skipped, _ELSE)
        if end is None:
            expander.reader.push(skipped)
            expander.emit(token)
        else:
            expander.reader.skip_after_word()
            if end == "\\else":
                expander.conditionals.append(True)


@dataclasses.dataclass(frozen=True, slots=True)
class _Cases(Condition):
    r"""``\ifcase``, with a branch for each number."""

    def __call__(self, expander: Expander, token: str) -> None:
        """Keep the branch of the number, or the last."""
        read: list[str] = []
        try:
            number = _number(expander, read)
        except NoArgument:
            expander.reader.push(read)
            Condition.__call__(self, expander, token)
            return
        expander.remove()
        skipped: list[str] = []
        end: str | None = "\\or"
        branch = 0
        while end == "\\or" and branch != number:
            end = _skip_branch(expander, skipped, _OR)
            branch += 1
        if end is None:
            expander.reader.push([*read, *skipped])
            expander.emit(token)
            return
        expander.reader.skip_after_word()
        if end != "\\fi":
            expander.conditionals.append(True)


def _skip_branch(expander: Expander, skipped: list[str], stops: frozenset[str]) -> str | None:
    r"""Read to the matching ``\fi``, ``\else`` or ``\or``; None where the file ends before it."""
    reader, meanings = expander.reader, expander.meanings
    depth = 0
    while (token := reader.next()) is not None:
        skipped.append(token)
        if token[0] != "\\":
            continue
        if token == "\\fi":
            if depth == 0:
                return token
            depth -= 1
        elif token in ("\\else", "\\or"):
            if depth == 0 and token in stops:
                return token
        elif isinstance(meanings.get(token), Condition):
            depth += 1
    return None


def _else(expander: Expander, token: str) -> None:
    if not expander.conditionals or not expander.conditionals[-1]:
        expander.emit(token)
        return
    skipped: list[str] = []
    if _skip_branch(expander, skipped, frozenset()) is None:
        expander.conditionals[-1] = False  # or each would be looked for again
        expander.reader.push(skipped)
        expander.emit(token)
    else:
        expander.conditionals.pop()
        expander.reader.skip_after_word()
        expander.remove()


def _fi(expander: Expander, token: str) -> None:
    if expander.conditionals and expander.conditionals.pop():
        expander.reader.skip_after_word()
        expander.remove()
    else:
        expander.emit(token)


def new_if(expander: Expander, token: str) -> None:
    r"""Carry out ``\newif\iffoo``: a flag, and the two macros that set it."""
    try:
        name = expander.reader.argument()[0]
    except (NoArgument, IndexError):
        expander.emit(token)
        return
    flag = name[3:]
    if not name.startswith("\\if") or not flag:
        expander.reader.push([name])
        expander.emit(token)
        return
    add_flag(expander, flag)
    expander.remove()


def add_flag(expander: Expander, flag: str, *, value: bool = False) -> None:
    """Make a flag: its test, and the two commands that set it."""
    expander.flags[flag] = value
    expander.is_global = True  # a \newif in a group would only hide the flag from its setters
    expander.define(f"\\if{flag}", Condition(functools.partial(_is_set, flag=flag)))
    expander.define(f"\\{flag}true", functools.partial(_set, flag=flag, value=True))
    expander.define(f"\\{flag}false", functools.partial(_set, flag=flag, value=False))
    expander.is_global = False


def _is_set(expander: Expander, *, flag: str) -> bool | None:
    return expander.flags[flag]


def _set(expander: Expander, token: str, *, flag: str, value: bool) -> None:
    expander.flags[flag] = value
    expander.reader.skip_after_word()
    expander.remove()


def _same_meaning(expander: Expander) -> bool | None:
    r"""Carry out the test of ``\ifx``."""
    pair = _two_tokens(expander)
    if pair is None:
        return None
    first, second = (expander.meaning(token) for token in pair)
    if first == second:
        return True
    if _UNDEFINED in (first, second) or _AT_UNDEFINED in (first, second):
        other = pair[first in (_UNDEFINED, _AT_UNDEFINED)]
        return not expander.is_defined(other)
    if _is_unknown(first) and _is_unknown(second):
        expander.reader.push(pair)
        return None
    return False


def _is_unknown(meaning: Meaning) -> bool:
    return isinstance(meaning, Frozen) and meaning.token[0] == "\\" and meaning.token != "\\relax"


def _same_character(expander: Expander) -> bool | None:
    r"""Carry out the test of ``\if`` on two characters."""
    pair = _two_tokens(expander)
    if pair is None:
        return None
    if any(token[0] == "\\" for token in pair):
        expander.reader.push(pair)
        return None
    return pair[0] == pair[1]


def _numbers_compare(expander: Expander) -> bool | None:
    r"""Carry out the test of ``\ifnum`` on numbers written out, or on ``\pdfstrcmp``."""
    read: list[str] = []
    try:
        left = _number(expander, read)
        relation = _next_character(expander, read)
        right = _number(expander, read)
    except NoArgument:
        expander.reader.push(read)
        return None
    return compare(left, relation, right)


def _number(expander: Expander, read: list[str]) -> int:
    token = _first_character(expander, read)
    if token in ("\\pdfstrcmp", "\\strcmp", "\\pdf@strcmp"):
        strings = expander.reader.arguments((MANDATORY, MANDATORY))
        for string in strings:
            read.extend(["{", *string, "}"])
        first, second = ("".join(expander.expanded(string)) for string in strings)
        return (first > second) - (first < second)
    digits = ""
    while token in _DIGITS or (token == "-" and not digits):
        digits += token
        following = expander.reader.peek_raw() or ""
        if following[:1] not in _DIGITS:
            break
        token = _next_character(expander, read)
    if not digits.lstrip("-"):
        raise NoArgument
    return int(digits)


def _first_character(expander: Expander, read: list[str]) -> str:
    """Read a character, for a macro the first of what it stands for."""
    for _ in range(_MAX_MACROS):
        token = _next_character(expander, read)
        macro = expander.meanings.get(token)
        if not isinstance(macro, Macro) or macro.parameters or macro.prefix:
            return token
        expander.reader.push(macro.body)
        read.pop()
    raise NoArgument


def _number_is_odd(expander: Expander) -> bool | None:
    read: list[str] = []
    try:
        return _number(expander, read) % 2 == 1
    except NoArgument:
        expander.reader.push(read)
        return None


def _lengths_compare(expander: Expander) -> bool | None:
    r"""Carry out the test of ``\ifdim`` on lengths written out."""
    read: list[str] = []
    try:
        left = _length(expander, read)
        relation = _next_character(expander, read)
        right = _length(expander, read)
    except NoArgument:
        expander.reader.push(read)
        return None
    return compare(left, relation, right)


def _length(expander: Expander, read: list[str]) -> float:
    token = _first_character(expander, read)
    digits = ""
    while token in _DIGITS or token in ".," or (token == "-" and not digits):
        digits += token
        token = _next_character(expander, read)
    unit = token + _next_character(expander, read)
    points = to_points(digits + unit)
    if points is None:
        raise NoArgument
    return points


def to_points(length: str) -> float | None:
    """A length in points, such as ``1.5cm``; None where it is none that is written out."""
    number, unit = length[:-2].strip().replace(",", "."), length[-2:]
    try:
        return float(number) * _POINTS[unit]
    except (ValueError, KeyError):
        return None


def compare(left: float, relation: str, right: float) -> bool:
    """Compare as TeX does; a relation that it does not know is ``>``."""
    if relation == "=":
        return left == right
    return left < right if relation == "<" else left > right


def _next_character(expander: Expander, read: list[str]) -> str:
    expander.reader.skip_whitespace()
    read.append(expander.reader.character())
    if len(read) > _MAX_NUMBER:
        raise NoArgument
    return read[-1]


def _two_tokens(expander: Expander) -> list[str] | None:
    tokens: list[str] = []
    try:
        tokens.append(expander.reader.character())
        if len(tokens[0]) > 1:
            expander.reader.skip_after_word()
        tokens.append(expander.reader.character())
    except NoArgument:
        expander.reader.push(tokens)
        return None
    return tokens


def _is_defined(expander: Expander) -> bool | None:
    expander.reader.skip_whitespace()
    try:
        return expander.is_defined(expander.reader.character())
    except NoArgument:
        return None


def _is_name_defined(expander: Expander) -> bool | None:
    tokens = expander.reader.up_to("\\endcsname")
    if tokens is None:
        return None
    return expander.is_defined("\\" + "".join(expander.expanded(tokens)).strip())


def _unless(expander: Expander, token: str) -> None:
    r"""Carry out e-TeX's ``\unless``, which turns the conditional behind it around."""
    following = expander.reader.peek()
    condition = expander.meanings.get(following or "")
    if following is None or not isinstance(condition, Condition):
        expander.emit(token)
        return
    expander.reader.skip_whitespace()
    expander.reader.character()
    Condition(functools.partial(_reversed, condition=condition, token=token))(expander, following)


def _reversed(expander: Expander, *, condition: Condition, token: str) -> bool | None:
    outcome = condition.test(expander)
    if outcome is None:
        expander.emit(token)
        return None
    return not outcome


def _latex_flag(expander: Expander, *, flag: str) -> bool | None:
    """Tell a flag of LaTeX's classes: as it was set, or else by the options of the class."""
    if flag not in expander.flags:
        return flag.strip("@") in expander.class_options or flag in SET_FLAGS
    return expander.flags[flag]


def _latex_flags() -> dict[str, Meaning]:
    meanings: dict[str, Meaning] = {}
    for flag in sorted(LATEX_FLAGS):
        meanings[f"\\if{flag}"] = Condition(functools.partial(_latex_flag, flag=flag))
        meanings[f"\\{flag}true"] = functools.partial(_set, flag=flag, value=True)
        meanings[f"\\{flag}false"] = functools.partial(_set, flag=flag, value=False)
    return meanings


def _unknown(expander: Expander) -> bool | None:
    return None


def _star_follows(expander: Expander, token: str) -> None:
    found = expander.arguments(token, (MANDATORY, MANDATORY))
    if found is None:
        return
    starred, plain = found
    following = expander.reader.peek()
    if following is not None and following[0] == "*":
        expander.reader.skip_whitespace()
        expander.reader.character()
        plain = starred
    expander.reader.push(plain)
    expander.remove()


def _futurelet(expander: Expander, token: str) -> None:
    reader = expander.reader
    read: list[str] = []
    try:
        read.append(reader.character())
        read.append(reader.character())
    except NoArgument:
        read.append("")
    following = reader.peek_raw()
    if len(read) > 2 or following is None or read[0][0] != "\\" or read[1][0] != "\\":
        reader.push([token for token in read if token])
        expander.emit(token)
        return
    if following[0] not in "\\#":
        following = following[0]
    expander.define(read[0], expander.meaning(following))
    reader.push([read[1]])
    expander.remove()


CONDITIONALS: Mapping[str, Meaning] = {
    **dict.fromkeys(sorted(UNKNOWN_TESTS), Condition(_unknown)),
    **dict.fromkeys(sorted(PDFTEX_TESTS), Condition(lambda expander: True)),
    **dict.fromkeys(sorted(OTHER_ENGINE_TESTS), Condition(lambda expander: False)),
    **_latex_flags(),
    "\\iftrue": Condition(lambda expander: True),
    "\\iffalse": Condition(lambda expander: False),
    "\\ifx": Condition(_same_meaning),
    "\\if": Condition(_same_character),
    "\\ifdefined": Condition(_is_defined),
    "\\ifcsname": Condition(_is_name_defined),
    "\\ifnum": Condition(_numbers_compare),
    "\\ifdim": Condition(_lengths_compare),
    "\\ifodd": Condition(_number_is_odd),
    "\\ifcase": _Cases(_unknown),
    "\\unless": _unless,
    "\\or": _else,
    "\\else": _else,
    "\\fi": _fi,
    "\\@ifstar": _star_follows,
    "\\futurelet": _futurelet,
}
