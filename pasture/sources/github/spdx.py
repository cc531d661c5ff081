"""SPDX licence expressions, and the free-form names that people write instead of them.

An expression is a licence id, or ``(operator, parts)`` with the operator ``"AND"`` or
``"OR"``. ``permitted`` answers the only question asked of one: under which licences, if any,
may the file be taken.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable
from typing import TypeAlias

Expression: TypeAlias = "str | tuple[str, tuple[Expression, ...]]"

MAX_CHARS = 1000
"""Longest expression that is read; ours. numpy's, the longest met, has 160 characters."""

# Exceptions that add permissions. "Commons-Clause", written after WITH, takes them away.
_EXCEPTIONS = frozenset({"llvm-exception", "swift-exception"})

# Canonical ids by their lower-case spelling, with the commonest free-form names. A name is
# looked up in lower case, with every run of other characters as one space, "the" and "license"
# left out: "The MIT License (MIT)" is "mit mit".
_NAMES: dict[str, str] = {
    "Apache-2.0": "apache|apache 2|apache 2 0|apache v2|apache v2 0|apache version 2|apache2|"
    "apache version 2 0|apache software|apache software 2 0|apache software version 2 0|asl 2 0|"
    "apache 2 0 apache 2 0|al2|asl2|apache2 0|apache v 2 0|apache software foundation 2 0",
    "MIT": "mit|mit x11|mit mit|expat|expat mit|mit expat|mit style|x11 mit|mitl",
    "MIT-0": "mit 0|mit no attribution|mit no attribution mit 0",
    "X11": "x11",
    "BSD-2-Clause": "bsd 2 clause|bsd2|simplified bsd|freebsd|2 clause bsd|bsd 2|"
    "bsd 2 clause simplified|two clause bsd|bsd2clause|bsd simplified",
    "BSD-3-Clause": "bsd 3 clause|bsd3|new bsd|modified bsd|3 clause bsd|bsd 3|revised bsd|"
    "bsd 3 clause new or revised|three clause bsd|bsd3clause|bsd new|bsd 3 clauses",
    "0BSD": "0bsd|zero clause bsd|bsd zero clause|bsd 0 clause",
    "LicenseRef-BSD": "bsd|bsd style|bsd like|bsd derived",
    "BSD-4-Clause": "bsd 4 clause|bsd4|original bsd|old bsd",
    "ISC": "isc|iscl|isc iscl",
    "Zlib": "zlib|zlib libpng",
    "Unlicense": "unlicense|unlicensed public domain",
    "PSF-2.0": "psf 2 0|psf|psfl|python software foundation",
    "MPL-2.0": "mpl 2 0|mozilla public 2 0 mpl 2 0|mpl2|mozilla public 2 0",
    "LicenseRef-proprietary": "unlicensed|proprietary|other proprietary|commercial",
    "LicenseRef-public-domain": "public domain",
}
_BY_NAME = {name: id_ for id_, names in _NAMES.items() for name in names.split("|")}
_PIECE = re.compile(r"[()]|[^\s()]+")
_OPERATORS = {"and": "AND", "or": "OR", "with": "WITH", "&": "AND", "|": "OR"}


def from_name(name: str) -> str:
    """Turn a licence's id or free-form name into an id; an unknown one stands for itself."""
    if name[-1:] == "+" and name[-2:-1].isalnum():  # "or a later version"
        return from_name(name[:-1]) + "+"
    words = re.sub(r"[^a-z0-9]+", " ", name.lower()).split()
    plain = " ".join(w for w in words if w not in ("the", "license", "licence", "licensed"))
    return _BY_NAME.get(plain) or name.strip()


def parse(text: str) -> Expression | None:
    """Read an expression, or a free-form name; None where it is empty or malformed.

    ``MIT/Apache-2.0``, the old spelling of Cargo, is an OR; a comma is an AND.
    """
    text = text.strip()
    if not text or len(text) > MAX_CHARS:
        return None
    if text.count("(") == text.count(")"):
        whole = from_name(text)
        if whole != text:
            return whole
    text = text.replace("/", " OR ").replace(",", " AND ").replace(";", " AND ")
    pieces = _join_names(_PIECE.findall(text))
    return _parse_pieces(pieces)


def _join_names(pieces: list[str]) -> list[str]:
    """Join the words of free-form names: ``Apache``, ``License`` become one piece."""
    joined: list[str] = []
    fresh = True
    for piece in pieces:
        special = piece in "()" or piece.lower() in _OPERATORS
        if special or fresh:
            joined.append(piece)
        else:
            joined[-1] += " " + piece
        fresh = special
    return joined


def _parse_pieces(pieces: list[str]) -> Expression | None:
    """Parse with two stacks (shunting-yard), so that nesting costs no recursion."""
    rank = {"OR": 1, "AND": 2, "WITH": 3}
    values: list[Expression] = []
    pending: list[str] = []

    def reduce() -> bool:
        operator = pending.pop()
        if operator == "(" or len(values) < 2:
            return False
        right, left = values.pop(), values.pop()
        values.append(_with(left, right) if operator == "WITH" else combine(operator, left, right))
        return True

    expect_value = True
    for piece in pieces:
        operator = _OPERATORS.get(piece.lower())
        if piece == "(" and expect_value:
            pending.append(piece)
        elif piece == ")" and not expect_value:
            while pending and pending[-1] != "(":
                if not reduce():
                    return None
            if not pending:
                return None
            pending.pop()
        elif operator and not expect_value:
            while pending and pending[-1] != "(" and rank[pending[-1]] >= rank[operator]:
                if not reduce():
                    return None
            pending.append(operator)
            expect_value = True
        elif operator is None and piece not in "()" and expect_value:
            values.append(from_name(piece))
            expect_value = False
        else:
            return None
    while pending:
        if not reduce():
            return None
    return values[0] if len(values) == 1 else None


def _with(base: Expression, exception: Expression) -> Expression:
    if isinstance(base, str) and isinstance(exception, str):
        return f"{base} WITH {exception}"
    return "LicenseRef-malformed"


def combine(operator: str, *parts: Expression) -> Expression:
    """Join expressions; equal ones once, those of the same operator flattened."""
    flat: dict[Expression, None] = {}  # ordered, and quick where a list of licences is long
    for part in parts:
        inner = part[1] if isinstance(part, tuple) and part[0] == operator else (part,)
        flat.update(dict.fromkeys(inner))
    return next(iter(flat)) if len(flat) == 1 else (operator, tuple(flat))


def is_choice(expression: Expression) -> bool:
    """Tell whether the taker may choose among licences."""
    return isinstance(expression, tuple) and expression[0] == "OR"


def permitted(expression: Expression, allowed: Collection[str]) -> str | None:
    """The licences under which a file may be taken, as an SPDX expression, or None.

    Of ``MIT OR GPL-2.0-only`` that is ``MIT``; of ``MIT AND GPL-2.0-only`` it is None. A
    ``WITH`` counts as its base where the exception is known to add permissions only.
    """
    if isinstance(expression, str):
        base, _, exception = expression.partition(" WITH ")
        ok = base.removesuffix("+") in allowed
        return expression if ok and (not exception or exception.lower() in _EXCEPTIONS) else None
    operator, parts = expression
    taken = [permitted(part, allowed) for part in parts]
    found = sorted({part for part in taken if part is not None})
    if not found or (operator == "AND" and None in taken):
        return None
    return f" {operator} ".join(_bracket(part, len(found)) for part in found)


def _bracket(part: str, siblings: int) -> str:
    return f"({part})" if siblings > 1 and (" OR " in part or " AND " in part) else part


def to_text(expression: Expression) -> str:
    """Write an expression out, for people."""
    if isinstance(expression, str):
        return expression
    operator, parts = expression
    return f" {operator} ".join(_bracket(to_text(part), len(parts)) for part in parts)


def all_of(expressions: Iterable[Expression]) -> Expression | None:
    """Join expressions that all apply; None where there are none."""
    found = list(expressions)
    return combine("AND", *found) if found else None
