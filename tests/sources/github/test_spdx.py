"""SPDX expressions and the names that people write instead."""

from __future__ import annotations

import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pasture.sources.github import spdx

ALLOWED = ("Apache-2.0", "BSD-3-Clause", "LicenseRef-BSD", "MIT")


@pytest.mark.parametrize(
    ("text", "expected", "taken"),
    [
        ("MIT", "MIT", "MIT"),
        ("mit", "MIT", "MIT"),
        ("The MIT License (MIT)", "MIT", "MIT"),
        ("Apache License, Version 2.0", "Apache-2.0", "Apache-2.0"),
        ("Apache Software License", "Apache-2.0", "Apache-2.0"),
        ("apache-2.0", "Apache-2.0", "Apache-2.0"),
        ("New BSD", "BSD-3-Clause", "BSD-3-Clause"),
        ("BSD", "LicenseRef-BSD", "LicenseRef-BSD"),
        ("BSD-4-Clause", "BSD-4-Clause", None),
        ("MIT OR Apache-2.0", "MIT OR Apache-2.0", "Apache-2.0 OR MIT"),
        ("MIT/Apache-2.0", "MIT OR Apache-2.0", "Apache-2.0 OR MIT"),
        ("mit or apache-2.0", "MIT OR Apache-2.0", "Apache-2.0 OR MIT"),
        ("(MIT OR GPL-3.0-only)", "MIT OR GPL-3.0-only", "MIT"),
        ("MIT AND GPL-3.0-only", "MIT AND GPL-3.0-only", None),
        ("MIT AND BSD-3-Clause", "MIT AND BSD-3-Clause", "BSD-3-Clause AND MIT"),
        ("MIT, ISC", "MIT AND ISC", None),
        ("MIT OR ISC AND GPL-2.0", "MIT OR (ISC AND GPL-2.0)", "MIT"),
        ("ISC AND GPL-2.0 OR MIT", "(ISC AND GPL-2.0) OR MIT", "MIT"),
        ("(MIT OR ISC) AND Zlib", "(MIT OR ISC) AND Zlib", None),
        (
            "(MIT OR GPL-2.0) AND (Apache-2.0 OR LGPL-3.0)",
            "(MIT OR GPL-2.0) AND (Apache-2.0 OR LGPL-3.0)",
            "Apache-2.0 AND MIT",
        ),
        ("Apache-2.0 WITH LLVM-exception", *["Apache-2.0 WITH LLVM-exception"] * 2),
        ("Apache-2.0 WITH Commons-Clause", "Apache-2.0 WITH Commons-Clause", None),
        (
            "GPL-2.0-only WITH Classpath-exception-2.0",
            *["GPL-2.0-only WITH Classpath-exception-2.0", None],
        ),
        ("Apache-2.0+", "Apache-2.0+", "Apache-2.0+"),
        ("UNLICENSED", "LicenseRef-proprietary", None),
        ("The Unlicense", "Unlicense", None),
        ("Frobnicate Public License", "Frobnicate Public License", None),
    ],
)
def test_parse_and_permitted(text: str, expected: str, taken: str | None) -> None:
    expression = spdx.parse(text)
    assert expression is not None
    assert spdx.to_text(expression) == expected
    assert spdx.permitted(expression, ALLOWED) == taken


@pytest.mark.parametrize(
    "text", ["", "  ", "MIT OR", "OR MIT", "AND", "()", "(MIT OR ISC", "MIT)", "MIT " * 300]
)
def test_what_is_malformed_is_none(text: str) -> None:
    assert spdx.parse(text) is None


@settings(max_examples=50)
@given(st.text(alphabet="()MIT ORANDWH-2.0/,", max_size=400))
def test_no_text_breaks_the_parser(text: str) -> None:
    expression = spdx.parse(text)
    if expression is not None:
        taken = spdx.permitted(expression, ALLOWED)
        assert taken is None or set(taken.replace("(", " ").replace(")", " ").split()) <= {
            *ALLOWED,
            *(f"{id_}+" for id_ in ALLOWED),
            "AND",
            "OR",
            "WITH",
        }


def test_deep_nesting_is_bounded() -> None:
    deep = "(" * 300 + "MIT" + ")" * 300
    assert spdx.parse(deep) == "MIT"
    assert spdx.parse("(" * 5000 + "MIT" + ")" * 5000) is None
    depth = (spdx.MAX_CHARS - 1) // 10
    mixed = spdx.parse("a |(b &(" * depth + "c" + "))" * depth)
    assert mixed is not None
    assert spdx.permitted(mixed, ("b", "c")) is not None
    assert spdx.to_text(mixed).count("(") == 2 * depth - 1


@pytest.mark.parametrize("piece", ["x", "(", "MIT OR ", " ", "+", "/", "MIT+"])
def test_a_long_line_takes_bounded_time(piece: str) -> None:
    start = time.process_time()
    assert spdx.parse(piece * (10_000_000 // len(piece))) is None
    assert time.process_time() - start < 2


@settings(max_examples=50)
@given(st.text(max_size=200))
def test_any_text_is_an_expression_or_none(text: str) -> None:
    expression = spdx.parse(text)
    if expression is not None:
        assert isinstance(spdx.to_text(expression), str)
        spdx.permitted(expression, ALLOWED)
