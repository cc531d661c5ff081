"""HTML to a tree, at a bounded cost: what a page holds is counted before a parser sees it.

There is no clock, so a page has the same fate on every machine. Lexbor's time grows in line with
the page except for two things: the attributes of one tag, each of which it compares with those
before it, and formatting elements that are left open (``<b id=1><b id=2>...``), all of which the
HTML standard makes it open again in each block that follows. Extractors' time may grow with the
depth of elements as well, so those are counted in the tree.
"""

from __future__ import annotations

import dataclasses
import functools
import re
import string
from collections.abc import Iterator
from typing import Any

import numpy as np
import numpy.typing as npt


@dataclasses.dataclass(frozen=True, slots=True)
class Limits:
    """How much HTML one page may hold; ours, far above what pages of the web hold.

    Of 787 pages that were looked at, 99% had at most 5,300 elements, the largest 35,300, and none
    was nested 50 deep.

    Args:
        elements: Most elements. Trafilatura takes 0.05 to 0.2 ms for each.
        nesting: Largest sum of the depths of all elements, as an upper estimate; what lies deeper
            than 256 counts as 256. Trafilatura takes up to 0.03 ms for each level above each
            element of nested lists, and resiliparse's time grows with the square of the depth,
            so this is what bounds the worst page, to about half a minute.
        nested_text: Largest product of elements and characters of a page that is nested deeper
            than 256. Resiliparse reads a text anew for each element that it stands in: two million
            characters 3,000 deep take 25 seconds.
        attributes: Most attributes of one tag; parsers compare each with all before it.
        reopened: How many elements the parser may add by opening formatting elements again, before
            they are counted. Two million take 880 MB, and a second.
    """

    elements: int = 50_000
    nesting: int = 1_000_000
    attributes: int = 2_000
    reopened: int = 2_000_000
    nested_text: int = 2_500_000_000


class PageError(ValueError):
    """A page that cannot be used; ``reason`` is a snake_case fact."""

    def __init__(self, reason: str, detail: str = "") -> None:
        super().__init__(f"{reason}: {detail}" if detail else reason)
        self.reason, self.detail = reason, detail


_LONG_TAG = 8192
_TAG_PART = re.compile(rb""">|[^\s"'>/=]+(?:\s*=\s*(?:"[^"]*"?|'[^']*'?|[^\s"'>]+))?""")
_LEVELS = (8, 16, 32, 64, 128)
_DEEPEST = 2 * _LEVELS[-1]
_MAX_PARTS = 100
"""How often the parser may be asked how many elements a page has so far; ours."""


def parse(page: str, utf8: bytes, limits: Limits) -> Any:
    """Parse a page into Resiliparse's ``HTMLTree``.

    Args:
        page: The page.
        utf8: The same in UTF-8. What is counted is counted there: whoever decoded the page mostly
            has it, and searching it is four times as fast.
        limits: What the page may hold.

    Raises:
        PageError: The page is over a limit.
    """
    from resiliparse.parse.html import HTMLTree

    for start, end in _long_tags(utf8):
        if _has_more_attributes(utf8, start, end, limits.attributes):
            raise PageError("too_many_attributes", f"one tag has over {limits.attributes:,}")
    _check_reopened(utf8, limits)
    tree = HTMLTree.parse(page)
    _check_size(tree.document, len(page), limits)
    return tree


def _check_reopened(page: bytes, limits: Limits) -> None:
    """Fail where the parser would open too many formatting elements again.

    It may do so at each start tag of a block, for all that are open: at worst half of the tags
    are of either kind, which most pages are too small for.
    """
    from resiliparse.parse.html import HTMLTree

    characters = np.frombuffer(page, np.uint8)
    opens = characters[:-2] == ord("<")
    tags = int(np.count_nonzero(opens))
    if tags * tags > 4 * limits.reopened:
        tags -= int(np.count_nonzero(opens & (characters[1:-1] == ord("/"))))
    if tags * tags <= 4 * limits.reopened:
        return
    places = np.flatnonzero(opens)
    tags, formatting = _count_tags(characters, places)
    parts = tags * formatting // limits.reopened + 1
    if parts > _MAX_PARTS:
        raise PageError("too_complex", f"{formatting:,} formatting elements")
    # Each longer part of the page can add few elements to the one before.
    for number in range(1, parts):
        end = int(places[len(places) * number // parts])
        _count_elements(HTMLTree.parse(characters[:end].tobytes().decode()).document, limits)


def _long_tags(page: bytes) -> Iterator[tuple[int, int]]:
    """Yield the places of the ``<`` of a tag and of the next ``<``, where they lie far apart.

    Looks at steps of half that length: what is long covers a whole one. Reading on from each ``<``
    instead takes 6% of the fastest extractor's time.
    """
    step = _LONG_TAG // 2
    end = 0
    for middle in range(0, len(page), step):
        if middle >= end and page.find(b"<", middle, middle + step) < 0:
            start = page.rfind(b"<", 0, middle)
            end = page.find(b"<", middle)
            end = end if end >= 0 else len(page)
            if start >= 0 and end - start > _LONG_TAG and _LETTERS[page[start + 1]]:
                yield start, end


def _has_more_attributes(page: bytes, start: int, end: int, limit: int) -> bool:
    parts = _TAG_PART.finditer(page, start, end)  # the first one is the tag's name
    for count, part in enumerate(parts):
        if part[0] == b">":
            return False
        if count > limit:
            return True
    return False


def _count_tags(
    characters: npt.NDArray[np.uint8], places: npt.NDArray[np.int64]
) -> tuple[int, int]:
    """Count the start tags among the places of ``<``, and those of formatting elements."""
    first = characters[places + 1]
    pairs = (first | 0x20).astype(np.uint16) << 8 | characters[places + 2]
    formatting = np.count_nonzero(_formatting_tags()[pairs])
    return int(np.count_nonzero(_LETTERS[first])), int(formatting)


_LETTERS = np.isin(np.arange(256), [ord(letter) for letter in string.ascii_letters])


@functools.lru_cache(maxsize=1)
def _formatting_tags() -> npt.NDArray[np.bool_]:
    """Tell by the first two bytes whether a tag may be a formatting one with attributes.

    Of formatting elements without attributes the standard opens three of a kind again, at most.
    ``a`` is not among them: it closes the one before.
    """
    table = np.zeros(1 << 16, np.bool_)
    for name in ("b", "i", "s", "u"):
        for after in "\t\n\f\r /":
            table[ord(name) << 8 | ord(after)] = True
    for name in ("big", "code", "em", "font", "nobr", "small", "strike", "strong", "tt"):
        for second in (name[1], name[1].upper()):
            table[ord(name[0]) << 8 | ord(second)] = True
    return table


def _count_elements(document: Any, limits: Limits) -> int:
    elements = len(document.get_elements_by_tag_name("*"))
    if elements > limits.elements:
        raise PageError("too_many_elements", f"{elements:,}")
    return elements


def _nested(level: int) -> str:
    """The selector of elements with so many others above them."""
    return "*" + " > *" * level


def _check_size(document: Any, characters: int, limits: Limits) -> None:
    elements = _count_elements(document, limits)
    if elements * characters > limits.nested_text and document.query_selector(_nested(_DEEPEST)):
        raise PageError("too_complex", f"{characters:,} characters, nested over {_DEEPEST} deep")
    if elements * _DEEPEST <= limits.nesting:  # as on 99 of 100 pages
        return
    nesting = elements * _LEVELS[0]
    deep = elements
    for number, level in enumerate(_LEVELS):
        if nesting + deep * sum(_LEVELS[number:]) <= limits.nesting:
            return
        deep = len(document.query_selector_all(_nested(level)))
        nesting += level * deep
    if nesting > limits.nesting:
        raise PageError("too_complex", f"{elements:,} elements, sum of depths up to {nesting:,}")
