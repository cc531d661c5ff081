# ruff: noqa: S105  # a "token" here is one of TeX's, not a secret
r"""Tests with their branches as arguments: ``\@ifnextchar``, ``\ifthenelse``, etoolbox, xstring.

The branch that TeX would set stays. Where the source does not tell which, as for a test of the
page number, it is the second: TeX sets one of the two, never both.
"""

from __future__ import annotations

import functools
from collections.abc import Mapping, Sequence

from pasture.sources.arxiv.latex.booleans import evaluate, evaluate_words
from pasture.sources.arxiv.latex.conditionals import add_flag
from pasture.sources.arxiv.latex.expand import Expander, Handler, Meaning
from pasture.sources.arxiv.latex.macros import Macro
from pasture.sources.arxiv.latex.outcomes import (
    STRING_TESTS,
    TESTS,
    Choose,
    Tested,
    empty,
    flag,
    undefined,
)
from pasture.sources.arxiv.latex.reader import MANDATORY, NO_VALUE, OPTIONAL, STAR


def _choice(
    expander: Expander, token: str, *, num_tested: int, choose: Choose, optional: bool = False
) -> None:
    """Carry out a test with its two branches as arguments."""
    before = (STAR, OPTIONAL) if optional else ()
    found = expander.arguments(token, (*before, *(MANDATORY,) * (num_tested + 2)))
    if found is None:
        return
    outcome = choose(expander, found[len(before) : -2])
    expander.reader.push(found[-2 if outcome else -1])
    expander.remove()


def _half_choice(
    expander: Expander, token: str, *, num_tested: int = 1, choose: Choose, wanted: bool
) -> None:
    """Carry out a test with one branch."""
    found = expander.arguments(token, (MANDATORY,) * (num_tested + 1))
    if found is None:
        return
    if bool(choose(expander, found[:-1])) == wanted:
        expander.reader.push(found[-1])
    expander.remove()


def _cases(expander: Expander, token: str) -> None:
    r"""Carry out xstring's ``\IfStrEqCase``."""
    found = expander.arguments(token, (STAR, MANDATORY, MANDATORY, OPTIONAL))
    if found is None:
        return
    string = expander.text(found[1])
    groups = _groups(found[2])
    chosen: Sequence[str] = () if tuple(found[3]) == NO_VALUE else found[3]
    for case, branch in zip(groups[::2], groups[1::2], strict=False):
        if expander.text(case) == string:
            chosen = branch
            break
    expander.reader.push(chosen)
    expander.remove()


def _groups(tokens: Sequence[str]) -> list[list[str]]:
    groups: list[list[str]] = []
    depth = 0
    for token in tokens:
        depth -= token == "}"
        if depth > 0:
            groups[-1].append(token)
        elif token == "{":
            groups.append([])
        depth += token == "{"
    return groups


# Flags and toggles.


def _new_flag(expander: Expander, token: str, *, provides: bool = False) -> None:
    found = expander.arguments(token, (MANDATORY,))
    if found is None:
        return
    name = expander.text(found[0])
    if name and not (provides and name in expander.flags):
        add_flag(expander, name)
    expander.remove()


def _new_toggle(expander: Expander, token: str, *, provides: bool = False) -> None:
    found = expander.arguments(token, (MANDATORY,))
    if found is None:
        return
    name = f"toggle {expander.text(found[0])}"
    if not (provides and name in expander.flags):
        expander.flags[name] = False
    expander.remove()


def _set(expander: Expander, token: str, *, kind: str, value: bool | None = None) -> None:
    found = expander.arguments(token, (MANDATORY,) * (1 if value is not None else 2))
    if found is None:
        return
    name = kind + expander.text(found[0])
    if value is None:
        value = evaluate(expander, found[1], TESTS) if found[1:] else None
        value = flag(expander, found[1:]) if value is None else value
    expander.flags[name] = bool(value)
    expander.remove()


def _ifthenelse(expander: Expander, tested: Tested) -> bool | None:
    return evaluate(expander, tested[0], TESTS)


def _expression(expander: Expander, tested: Tested) -> bool | None:
    return evaluate_words(expander, tested[0], TESTS)


def _choices(num_tested: int, choose: Choose, *, optional: bool = False) -> Handler:
    return functools.partial(_choice, num_tested=num_tested, choose=choose, optional=optional)


def _halves() -> dict[str, Handler]:
    """The forms with one branch of the tests whose names end in TF."""
    halves: dict[str, Handler] = {}
    for name, (number, choose) in TESTS.items():
        if name.endswith("TF"):
            for letter in "TF":
                halves[name[:-2] + letter] = functools.partial(
                    _half_choice, num_tested=number, choose=choose, wanted=letter == "T"
                )
    return halves


_NO_TESTS = ("bool", "togl", "\\equal", "\\boolean", "\\isodd", "\\isundefined", "\\lengthtest")
CHOICES: Mapping[str, Meaning] = {
    **{name: _choices(*test) for name, test in TESTS.items() if name not in _NO_TESTS},
    **{name: _choices(*test, optional=True) for name, test in STRING_TESTS.items()},
    **_halves(),
    "\\ifthenelse": _choices(1, _ifthenelse),
    "\\ifboolexpr": _choices(1, _expression),
    "\\ifboolexpe": _choices(1, _expression),
    "\\IfStrEqCase": _cases,
    "\\IfEqCase": _cases,
    "\\@ifnotempty": functools.partial(_half_choice, choose=empty, wanted=False),
    "\\@ifdefinable": functools.partial(_half_choice, choose=undefined, wanted=True),
    "\\newboolean": _new_flag,
    "\\provideboolean": functools.partial(_new_flag, provides=True),
    "\\setboolean": functools.partial(_set, kind=""),
    "\\newbool": _new_flag,
    "\\providebool": functools.partial(_new_flag, provides=True),
    "\\setbool": functools.partial(_set, kind=""),
    "\\booltrue": functools.partial(_set, kind="", value=True),
    "\\boolfalse": functools.partial(_set, kind="", value=False),
    "\\newtoggle": _new_toggle,
    "\\providetoggle": functools.partial(_new_toggle, provides=True),
    "\\settoggle": functools.partial(_set, kind="toggle "),
    "\\toggletrue": functools.partial(_set, kind="toggle ", value=True),
    "\\togglefalse": functools.partial(_set, kind="toggle ", value=False),
    "\\texorpdfstring": Macro(("#1",), (MANDATORY, MANDATORY)),
    "\\empty": Macro(()),
    "\\@empty": Macro(()),
    "\\@firstofone": Macro(("#1",), (MANDATORY,)),
    "\\@firstoftwo": Macro(("#1",), (MANDATORY, MANDATORY)),
    "\\@secondoftwo": Macro(("#2",), (MANDATORY, MANDATORY)),
    "\\@gobble": Macro((), (MANDATORY,)),
    "\\@gobbletwo": Macro((), (MANDATORY, MANDATORY)),
}
