from __future__ import annotations

import re
import sys
import unicodedata

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pasture.filters.ngram_text import LONG_PUNCTUATION, PUNCTUATION, normalise


def rule_by_rule(text: str) -> str:
    """CCNet's rules in their order, one character at a time."""
    text = unicodedata.normalize("NFD", text.strip().lower())
    text = "".join(c for c in text if unicodedata.category(c) != "Mn")
    text = re.sub(r"\d", "0", text)
    text = "".join({**PUNCTUATION, **LONG_PUNCTUATION}.get(c, c) for c in text)
    return "".join(c for c in text if not (ord(c) < 32 or 127 <= ord(c) < 160))


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", ""),
        (" \n\t ", ""),
        ("First line.\nSecond Line 12", "first line.second line 00"),
        ("  A\tB\x7f\x01 ", "ab"),
        ("Été à Zürich", "ete a zurich"),
        ("Ёлка, Ї", "елка, і"),
        ("ΟΔΟΣ ΣΑΣ", "οδος σας"),
        ("İstanbul", "istanbul"),
        ("٣ १ ３ ²", "0 0 0 ²"),
        ("«oui» “yes” ’s", '"oui" "yes" \'s'),
        ("wait… no—yes．", "wait... no - yes. "),
        ("１", "0"),
        ("한", "\u1112\u1161\u11ab"),
        ("Σ한", "σ\u1112\u1161\u11ab"),
        ("a\u0085b\u00a0c", "ab\u00a0c"),
        ("\U0001f600 \U0002f800", "\U0001f600 \u4e3d"),
    ],
)
def test_normalises_as_ccnet_does(text: str, expected: str) -> None:
    assert normalise(text) == expected == rule_by_rule(text)


def test_every_character_follows_the_rules() -> None:
    blocks = [range(start, start + 16) for start in range(0, sys.maxunicode, 16)]
    texts = ["".join(map(chr, block)) for block in blocks if not 0xD800 <= block[0] < 0xE000]
    wrong = [text for text in texts if normalise(text) != rule_by_rule(text)]
    assert wrong == []


@settings(max_examples=50)
@given(st.text())
def test_any_text_follows_the_rules(text: str) -> None:
    assert normalise(text) == rule_by_rule(text)
