# ruff: noqa: S105  # a "token" here is one of TeX's, not a secret
r"""Conditionals whose outcome a paper fixes itself: flags, emptiness, stars, what follows.

The branch that TeX would set stays, the other goes. A test that depends on more than the
source, such as ``\ifnum`` or ``\ifpdf``, stays as it stands with both its branches.
"""

from __future__ import annotations

import dataclasses
import functools
from collections.abc import Callable, Mapping, Sequence

from pasture.sources.latex.expand import Expander, Handler, Meaning
from pasture.sources.latex.macros import Frozen, Macro
from pasture.sources.latex.names import UNKNOWN_TESTS
from pasture.sources.latex.reader import MANDATORY, NO_VALUE, NoArgument

_DIGITS = frozenset("0123456789")
_MAX_NUMBER = 2_000  # tokens of the two numbers of a comparison


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
        end = _skip_branch(expander, skipped, stop_at_else=True)
        if end is None:
            expander.reader.push(skipped)
            expander.emit(token)
        else:
            expander.reader.skip_after_word()
            if end == "\\else":
                expander.conditionals.append(True)


def _skip_branch(expander: Expander, skipped: list[str], *, stop_at_else: bool) -> str | None:
    r"""Read to the matching ``\fi`` or ``\else``; None where the file ends before it."""
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
        elif token == "\\else":
            if depth == 0 and stop_at_else:
                return token
        elif isinstance(meanings.get(token), Condition):
            depth += 1
    return None


def _else(expander: Expander, token: str) -> None:
    if not expander.conditionals or not expander.conditionals[-1]:
        expander.emit(token)
        return
    skipped: list[str] = []
    if _skip_branch(expander, skipped, stop_at_else=False) is None:
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
    if relation == "=":
        return left == right
    return left < right if relation == "<" else left > right


def _number(expander: Expander, read: list[str]) -> int:
    token = _next_character(expander, read)
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
    token = expander.reader.peek()
    if token is None or token not in expander.meanings:
        return None
    expander.reader.skip_whitespace()
    expander.reader.next()
    return True


def _unknown(expander: Expander) -> bool | None:
    return None


Choose = Callable[[Expander, Sequence[Sequence[str]]], bool | None]


def _choice(expander: Expander, token: str, *, num_tested: int, choose: Choose) -> None:
    """Carry out a test with its two branches as arguments."""
    try:
        arguments = expander.reader.arguments((MANDATORY,) * (num_tested + 2))
    except NoArgument:
        expander.emit(token)
        return
    outcome = choose(expander, arguments[:num_tested])
    if outcome is None:
        expander.reader.put_back()
        expander.emit(token)
    else:
        expander.reader.push(arguments[-2 if outcome else -1])
        expander.remove()


def _half_choice(expander: Expander, token: str, *, choose: Choose, wanted: bool) -> None:
    """Carry out a test with one branch."""
    try:
        tested, branch = expander.reader.arguments((MANDATORY, MANDATORY))
    except NoArgument:
        expander.emit(token)
        return
    if choose(expander, [tested]) == wanted:
        expander.reader.push(branch)
    expander.remove()


def _follows(expander: Expander, tested: Sequence[Sequence[str]]) -> bool | None:
    following = expander.reader.peek()
    wanted = "".join(tested[0])
    if wanted == "\\bgroup":
        wanted = "{"
    return following is not None and (
        following == wanted if following[0] == "\\" else following[0] == wanted
    )


def _star_follows(expander: Expander, token: str) -> None:
    try:
        starred, plain = expander.reader.arguments((MANDATORY, MANDATORY))
    except NoArgument:
        expander.emit(token)
        return
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


def _no_value(expander: Expander, tested: Sequence[Sequence[str]]) -> bool | None:
    return tuple(tested[0]) == NO_VALUE


def _value(expander: Expander, tested: Sequence[Sequence[str]]) -> bool | None:
    return tuple(tested[0]) != NO_VALUE


def _boolean(expander: Expander, tested: Sequence[Sequence[str]]) -> bool | None:
    return tuple(tested[0]) == ("\\BooleanTrue",)


def _blank(expander: Expander, tested: Sequence[Sequence[str]]) -> bool | None:
    return not "".join(tested[0]).strip()


def _empty(expander: Expander, tested: Sequence[Sequence[str]]) -> bool | None:
    return not tested[0]


def _equal(expander: Expander, tested: Sequence[Sequence[str]]) -> bool | None:
    return "".join(tested[0]) == "".join(tested[1])


def _undefined(expander: Expander, tested: Sequence[Sequence[str]]) -> bool | None:
    return "\\" + "".join(tested[0]) not in expander.meanings


def _ifthenelse(expander: Expander, tested: Sequence[Sequence[str]]) -> bool | None:
    r"""Carry out ``\ifthenelse{\equal{..}{..}}``; other tests are not known."""
    tokens = [token for token in tested[0] if not token.isspace()]
    if tokens[:2] != ["\\equal", "{"]:
        return None
    sides: list[list[str]] = []
    depth = 0
    for token in tokens[1:]:
        if token == "{" and depth == 0:
            sides.append([])
        depth += (token == "{") - (token == "}")
        sides[-1].append(token)
    if len(sides) != 2:
        return None
    left, right = ("".join(expander.expanded(side[1:-1])) for side in sides)
    return left == right


def _choices(num_tested: int, choose: Choose) -> Handler:
    return functools.partial(_choice, num_tested=num_tested, choose=choose)


CONDITIONALS: Mapping[str, Meaning] = {
    **dict.fromkeys(sorted(UNKNOWN_TESTS), Condition(_unknown)),
    "\\iftrue": Condition(lambda expander: True),
    "\\iffalse": Condition(lambda expander: False),
    "\\ifx": Condition(_same_meaning),
    "\\if": Condition(_same_character),
    "\\ifdefined": Condition(_is_defined),
    "\\ifnum": Condition(_numbers_compare),
    "\\else": _else,
    "\\fi": _fi,
    "\\@ifnextchar": _choices(1, _follows),
    "\\kernel@ifnextchar": _choices(1, _follows),
    "\\new@ifnextchar": _choices(1, _follows),
    "\\@ifstar": _star_follows,
    "\\@ifundefined": _choices(1, _undefined),
    "\\futurelet": _futurelet,
    "\\IfNoValueTF": _choices(1, _no_value),
    "\\IfNoValueT": functools.partial(_half_choice, choose=_no_value, wanted=True),
    "\\IfNoValueF": functools.partial(_half_choice, choose=_no_value, wanted=False),
    "\\IfValueTF": _choices(1, _value),
    "\\IfValueT": functools.partial(_half_choice, choose=_value, wanted=True),
    "\\IfValueF": functools.partial(_half_choice, choose=_value, wanted=False),
    "\\IfBooleanTF": _choices(1, _boolean),
    "\\IfBooleanT": functools.partial(_half_choice, choose=_boolean, wanted=True),
    "\\IfBooleanF": functools.partial(_half_choice, choose=_boolean, wanted=False),
    "\\ifstrempty": _choices(1, _empty),
    "\\ifblank": _choices(1, _blank),
    "\\ifstrequal": _choices(2, _equal),
    "\\ifthenelse": _choices(1, _ifthenelse),
    "\\empty": Macro(()),
    "\\@empty": Macro(()),
    "\\@firstofone": Macro(("#1",), (MANDATORY,)),
    "\\@firstoftwo": Macro(("#1",), (MANDATORY, MANDATORY)),
    "\\@secondoftwo": Macro(("#2",), (MANDATORY, MANDATORY)),
    "\\@gobble": Macro((), (MANDATORY,)),
    "\\@gobbletwo": Macro((), (MANDATORY, MANDATORY)),
}
