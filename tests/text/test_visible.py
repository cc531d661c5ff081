"""Control characters are shown as symbols, and nothing else changes."""

from __future__ import annotations

import json

import pytest

from pasture.text.visible import visible, visible_json, visible_line


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", ""),
        ("Grüße, мир, 世界 👩\u200d🚀\tx\n", "Grüße, мир, 世界 👩\u200d🚀\tx\n"),
        ("\x1b]52;c;aGk=\x07", "␛]52;c;aGk=␇"),
        ("a\rb\0c\x7f", "a␍b␀c␡"),
        ("\x9b2J", "<U+009B>2J"),
        ("ab\u202ecba\u2066", "ab<U+202E>cba<U+2066>"),
        ("one\u2028two\ufeff", "one<U+2028>two<U+FEFF>"),
        ("\ud800", "<U+D800>"),
        ("\U000e0041", "<U+E0041>"),
    ],
)
def test_control_characters_become_symbols(text, expected):
    assert visible(text) == expected


def test_a_line_end_is_a_symbol_in_one_line():
    assert visible_line("id\nfake") == "id␊fake"


def test_json_means_the_same():
    value = {"a": "\x1b[2J\x9b\u202e\u2028\U000e0041 é"}
    encoded = visible_json(json.dumps(value, ensure_ascii=False))
    assert json.loads(encoded) == value
    assert visible(encoded) == encoded
