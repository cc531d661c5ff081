# ruff: noqa: S105  # a "token" here is one of TeX's, not a secret
r"""The expressions of ``\ifthenelse`` and of etoolbox's ``\ifboolexpr``.

An expression may come out as None: what it depends on is not known from the source.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence

from pasture.sources.arxiv.latex.conditionals import compare, to_points
from pasture.sources.arxiv.latex.expand import Expander

Tests = Mapping[str, tuple[int, Callable[[Expander, Sequence[Sequence[str]]], bool | None]]]
"""Commands that test their arguments: how many these are, and the outcome."""

_NOT = frozenset({"\\not", "\\NOT", "not", "!"})
_AND = frozenset({"\\and", "\\AND", "and", "&"})
_OR = frozenset({"\\or", "\\OR", "or", "|"})
_OPENING = frozenset({"\\(", "("})
_CLOSING = frozenset({"\\)", ")"})
_STOPS = _AND | _OR | _CLOSING
_COMPARISON = re.compile(r"\s{0,20}([^<=>]{1,40})([<=>])([^<=>]{1,40})\Z")
_WORDS = re.compile(r"[()!&|]|[^\s()!&|]+")
_MAX_DEPTH = 20  # parentheses within parentheses; ours


class _Unclear(Exception):  # the expression is not known, which is one of its outcomes
    """The expression cannot be read."""


def evaluate(expander: Expander, tokens: Sequence[str], tests: Tests) -> bool | None:
    r"""Tell the outcome of the test of an ``\ifthenelse``."""
    return _outcome(expander, [token for token in tokens if not token.isspace()], tests)


def evaluate_words(expander: Expander, tokens: Sequence[str], tests: Tests) -> bool | None:
    r"""Tell the outcome of the expression of an ``\ifboolexpr``."""
    parts: list[str] = []
    depth = 0
    for token in tokens:
        depth += (token == "{") - (token == "}")
        is_words = depth == 0 and token[0] not in "\\{}$#"
        parts.extend(_WORDS.findall(token) if is_words else [token])
    return _outcome(expander, parts, tests)


def _outcome(expander: Expander, tokens: Sequence[str], tests: Tests) -> bool | None:
    parser = _Parser(expander, tokens, tests)
    try:
        outcome = parser.expression(0)
    except _Unclear:
        return None
    return outcome if parser.pos == len(tokens) else None


class _Parser:
    def __init__(self, expander: Expander, tokens: Sequence[str], tests: Tests) -> None:
        self.expander = expander
        self.tokens = tokens
        self.tests = tests
        self.pos = 0

    def peek(self) -> str:
        return self.tokens[self.pos] if self.pos < len(self.tokens) else ""

    def expression(self, depth: int) -> bool | None:
        """Read terms, joined from left to right as ifthen does."""
        value = self.term(depth)
        while (operator := self.peek()) in _AND or operator in _OR:
            self.pos += 1
            sides = (value, self.term(depth))
            decisive = operator in _OR  # the value that decides alone
            unclear = None if None in sides else not decisive
            value = decisive if decisive in sides else unclear
        return value

    def term(self, depth: int) -> bool | None:
        is_negated = False
        while self.peek() in _NOT:
            self.pos += 1
            is_negated = not is_negated
        value = self.parenthesis(depth) if self.peek() in _OPENING else self.atom()
        return value if value is None else value != is_negated

    def parenthesis(self, depth: int) -> bool | None:
        if depth >= _MAX_DEPTH:
            raise _Unclear
        self.pos += 1
        value = self.expression(depth + 1)
        if self.peek() not in _CLOSING:
            raise _Unclear
        self.pos += 1
        return value

    def atom(self) -> bool | None:
        token = self.peek()
        if token in self.tests:
            self.pos += 1
            number, test = self.tests[token]
            return test(self.expander, [self.group() for _ in range(number)])
        if token == "test":
            self.pos += 1
            inner = self.group()
            return _Parser(self.expander, inner, self.tests).atom()
        start = self.pos
        while self.peek() and self.peek() not in _STOPS:
            self.pos += 1
        if start == self.pos:
            raise _Unclear
        return self.comparison(self.tokens[start : self.pos])

    def group(self) -> Sequence[str]:
        """Read a group, or one token."""
        start, depth = self.pos, 0
        while self.peek():
            token = self.peek()
            self.pos += 1
            depth += (token == "{") - (token == "}")
            if depth == 0:
                whole = self.tokens[start : self.pos]
                return whole[1:-1] if token == "}" else whole
        raise _Unclear

    def comparison(self, tokens: Sequence[str]) -> bool | None:
        match = _COMPARISON.match("".join(self.expander.expanded(tokens)))
        if match is None:
            return None
        left, right = to_number(match[1]), to_number(match[3])
        if left is None or right is None:
            return None
        return compare(left, match[2], right)


def to_number(text: str) -> int | None:
    """A whole number that is written out; None for any other."""
    text = text.strip()
    digits = text.removeprefix("-")
    return int(text) if digits.isascii() and digits.isdigit() and len(digits) < 12 else None


def lengths_compare(text: str) -> bool | None:
    r"""Tell the outcome of a ``\lengthtest``."""
    match = _COMPARISON.match(text)
    if match is None:
        return None
    left, right = to_points(match[1].strip()), to_points(match[3].strip())
    return None if left is None or right is None else compare(left, match[2], right)
