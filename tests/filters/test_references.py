from __future__ import annotations

from pasture.filters.references import CitedUrls, select_reference_pages

CITED = CitedUrls(["https://www.a.org/1", "http://a.org/1/", "http://b.org/?x=1", "not a url"])


def test_cited_urls_are_found_in_any_spelling() -> None:
    asked = ["http://A.org/1", "http://a.org/2", "https://b.org?x=1", "http://b.org", "", "zzz"]
    assert [url in CITED for url in asked] == [True, False, True, False, False, False]
    assert len(CITED) == 2


def test_no_urls() -> None:
    assert "http://a.org" not in CitedUrls([])


def test_pages_are_cited_or_not() -> None:
    pages = [("http://a.org/1", "one"), (None, "two"), ("http://c.org", "three"), ("", "four")]
    assert list(select_reference_pages(CITED, pages)) == [
        (True, "one"),
        (False, "three"),
        (False, "four"),
    ]
