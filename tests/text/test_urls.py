"""URLs of one page have one spelling."""

from __future__ import annotations

import urllib.parse

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pasture.text.urls import normalise_url


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        ("http://Example.COM", "example.com"),
        ("https://www.example.com/", "example.com"),
        ("//example.com/a/", "example.com/a"),
        (" HTTPS://example.com:443/a#part ", "example.com/a"),
        ("http://example.com:80/a", "example.com/a"),
        ("http://example.com:8080/a", "example.com:8080/a"),
        ("http://user:pw@example.com./a", "example.com/a"),
        ("http://example.com/A/b", "example.com/A/b"),
        ("http://example.com/?utm_source=x&id=7&UTM_medium=y&fbclid=z", "example.com?id=7"),
        ("http://example.com/a?utm_source=x", "example.com/a"),
        ("http://example.com/a/?b=1&c", "example.com/a?b=1&c"),
        ("http://example.com/caf%c3%a9", "example.com/caf%C3%A9"),
        ("http://example.com/café", "example.com/caf%C3%A9"),
        ("http://example.com/%FF%zz", "example.com/%FF%25zz"),
        ("http://example.com/\ud800", "example.com/%ED%A0%80"),
        ("http://www.com/a", "com/a"),
        ("http:///a", ""),
        ("ftp://example.com/a", ""),
        ("mailto:a@example.com", ""),
        ("example.com/a", ""),
        ("http:", ""),
        ("", ""),
    ],
)
def test_urls_of_one_page_have_one_spelling(url: str, expected: str) -> None:
    assert normalise_url(url) == expected


@settings(max_examples=50)
@given(st.text(st.characters(exclude_categories=["Cs", "Cc", "Z"], exclude_characters="?#%/")))
def test_escapes_change_nothing(path: str) -> None:
    escaped = f"HTTPS://www.Example.org:443/{urllib.parse.quote(path)}/#top"
    assert normalise_url(f"http://example.org/{path}") == normalise_url(escaped)
