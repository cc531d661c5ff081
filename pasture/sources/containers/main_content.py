"""The extractors: each turns a page, and its tree, into the text of its main content.

``auto`` is the choice between the two libraries: resiliparse, narrowed to the element that the page
itself marks as its content, and trafilatura (its fast mode, which is as good on these) for the 7%
of pages where that text is suspiciously small. On the half of the WCXB pages that it was not tuned
on, its word F1 is 0.865 against 0.841 of trafilatura, at five times the pages a second
(benchmarks/extraction.py).
"""

from __future__ import annotations

import functools
import logging
from collections.abc import Callable
from typing import Any, Literal

from resiliparse.extract.html2text import extract_plain_text
from resiliparse.parse.html import HTMLTree

from pasture.sources.containers.html_tree import Limits

Extractor = Literal["auto", "trafilatura", "trafilatura_fast", "resiliparse"]

_LIMITS = Limits()
_RESILIPARSE_LIMITS = Limits(nesting=4_000_000, start_tags=1_750)
"""Resiliparse takes 0.1 us for each level above an element, at worst, so a page of few start tags
cannot take it long, and is not looked at further: which takes 5% of its time, and trafilatura's
none."""

# Elements that pages wrap their content in, most telling first.
_CONTAINERS = (
    "[itemprop=articleBody], .entry-content, .post-content, .article-body, .article-content, "
    ".post-body, .entry-body, .article__body",
    "article",
)
# All three ours, tuned on half of the WCXB pages.
_MIN_CONTAINER_SHARE = 0.7
_MAX_PARAGRAPH_SHARE = 1.5
_MIN_CHARACTERS = 200
_MOST_NESTING = 20
"""How often the text of a page is measured as part of containers within containers; ours."""


def _resiliparse(page: str, tree: Any) -> str:
    text: str = extract_plain_text(
        tree, main_content=True, alt_texts=False, links=False, form_fields=False, noscript=False
    )
    return text


def _trafilatura(page: str, tree: Any) -> str:
    return _library().extract(page) or ""


def _trafilatura_fast(page: str, tree: Any) -> str:
    return _library().extract(page, fast=True) or ""


@functools.lru_cache(maxsize=1)
def _library() -> Any:
    """Trafilatura, without the error that it logs for each odd page."""
    import trafilatura

    logging.getLogger("trafilatura").setLevel(logging.CRITICAL)
    return trafilatura


def _auto(page: str, tree: Any) -> str:
    text = _narrowed(page, tree, _resiliparse(page, tree))
    if len(text) >= _MIN_CHARACTERS:
        most = _MAX_PARAGRAPH_SHARE * len(text)
        for element in _select(tree, "p"):
            most -= len(element.text)
            if most < 0:
                break
        else:
            return text
    # Much of what stands in paragraphs is not in the text, or there is hardly any text.
    return max(text, _trafilatura_fast(page, tree), key=len)


def _narrowed(page: str, tree: Any, text: str) -> str:
    """The text of the container that holds most of the page's text, or else the page's text."""
    for selector in _CONTAINERS:
        largest, size = _largest(_select(tree, selector), _MOST_NESTING * len(page))
        if size > _MIN_CONTAINER_SHARE * len(text):
            part = HTMLTree.parse(f"<html><body>{largest.html}</body></html>")
            narrowed = _resiliparse("", part)
            if len(narrowed) > _MIN_CONTAINER_SHARE * len(text):
                return narrowed
    return text


def _largest(elements: list[Any], most: int) -> tuple[Any, int]:
    """The element of the most text, and its length, -1 without any; the first of equals.

    Containers within others come after them. Once ``most`` characters are measured, no more is
    looked at: text that stands in thousands of them would take minutes.
    """
    largest, size = None, -1
    for element in elements:
        length = len(element.text)
        if length > size:
            largest, size = element, length
        most -= length
        if most < 0:
            break
    return largest, size


def _select(tree: Any, selector: str) -> list[Any]:
    """The elements that a selector finds. Iterating over the result itself takes square time."""
    elements: list[Any] = tree.document.query_selector_all(selector).values()
    return elements


EXTRACTORS: dict[str, Callable[[str, Any], str]] = {
    "auto": _auto,
    "trafilatura": _trafilatura,
    "trafilatura_fast": _trafilatura_fast,
    "resiliparse": _resiliparse,
}


def limits_of(extractor: Extractor) -> Limits:
    """How much HTML an extractor takes."""
    return _RESILIPARSE_LIMITS if extractor == "resiliparse" else _LIMITS
