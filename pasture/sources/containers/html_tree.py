"""HTML to a tree, at a bounded cost: what a page holds is counted before a parser sees it.

There is no clock, so a page has the same fate on every machine. Lexbor's time grows in line with
the page except for these: the attributes of one tag, each of which it compares with those before
it; the elements that are open, which it looks through at many a tag; formatting elements that are
left open (``<b id=1><b id=2>...``), all of which the HTML standard makes it open again in each
block that follows; and their end tags, each of which may move all that the element holds (the
standard's adoption agency). Extractors' time may grow with the depth of elements as well, so those
are counted in the tree.
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
from resiliparse.parse.html import HTMLTree


@dataclasses.dataclass(frozen=True, slots=True)
class Limits:
    """How much HTML one page may hold; ours, far above what pages of the web hold.

    Of 787 pages that were looked at, 99% had at most 5,300 elements, the largest 35,300, and none
    was nested 50 deep. The worst page that passes takes about half a minute.

    Args:
        elements: Most elements. Trafilatura takes 0.05 to 0.2 ms for each.
        nesting: Largest sum of the depths of all elements, as an upper estimate; what lies deeper
            than 256 counts as 256. Trafilatura takes up to 0.03 ms for each level above each
            element of nested lists.
        nested_text: Largest product of elements and characters of a page that is nested deeper
            than 256. Resiliparse reads a text anew for each element that it stands in: two million
            characters 3,000 deep take 25 seconds.
        attributes: Most attributes of a long tag; parsers compare each with all before it.
        tags: Largest product of the start tags and all tags. 50,000 elements that are left open
            and 50,000 end tags of others take the parser 4 s, as many formatting elements 10 s.
        formatting_ends: Most end tags of formatting elements. As many take the parser 15 s where
            none closes its element, and the time grows with the square.
        reopened: How many elements the parser may add by opening formatting elements again, before
            they are counted. Two million take 880 MB, and a second.
        start_tags: Up to so many start tags the elements are not counted, nor is their depth asked
            for, unless ``nested_text`` speaks against it. For an extractor whose time such a page
            bounds by itself; 0 counts always.
    """

    elements: int = 50_000
    nesting: int = 1_000_000
    attributes: int = 2_000
    tags: int = 5_000_000_000
    formatting_ends: int = 6_000
    reopened: int = 2_000_000
    nested_text: int = 2_500_000_000
    start_tags: int = 0


class PageError(ValueError):
    """A page that cannot be used; ``reason`` is a snake_case fact."""

    def __init__(self, reason: str, detail: str = "") -> None:
        super().__init__(f"{reason}: {detail}" if detail else reason)
        self.reason, self.detail = reason, detail


_LONG_TAG = 8192
_COMPARED = 1 << 36
"""A long tag is also longer than this divided by the page's length: a page of nothing else, with an
attribute for every four bytes, takes the parser 5 s."""
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
    for start, end in _long_tags(utf8):
        if _has_more_attributes(utf8, start, end, limits.attributes):
            raise PageError("too_many_attributes", f"one tag has over {limits.attributes:,}")
    start_tags = _check_tags(utf8, limits)
    tree = HTMLTree.parse(page)
    if start_tags > limits.start_tags or start_tags * len(page) > limits.nested_text:
        _check_size(tree.document, len(page), limits)
    return tree


def _check_tags(page: bytes, limits: Limits) -> int:
    """Fail where the tags could take the parser too long; give an upper bound of the start tags."""
    characters = np.frombuffer(page, np.uint8)
    opens = characters == ord("<")
    tags = int(np.count_nonzero(opens))
    if tags <= limits.start_tags:
        return tags
    opens = opens[:-1]
    opens &= characters[1:] >= ord("A")
    start_tags = int(np.count_nonzero(opens))
    if start_tags * tags > limits.tags:
        raise PageError("too_complex", f"{start_tags:,} start tags of {tags:,} tags")
    # At worst half of the start tags are of formatting elements, and the other half of blocks.
    end_tags = tags - start_tags
    if start_tags**2 > 4 * limits.reopened or end_tags > limits.formatting_ends:
        _check_formatting(characters, start_tags, limits)
    return start_tags


def _check_formatting(characters: npt.NDArray[np.uint8], start_tags: int, limits: Limits) -> None:
    """Fail where the parser would open too many formatting elements again, or move too much.

    It may open all that are open again at each start tag of a block.
    """
    places = np.flatnonzero(characters[:-3] == ord("<"))
    names = _first_two(characters, places + 1)
    formatting = int(np.count_nonzero(_formatting_tags(" \t\n\f\r/")[names]))
    ends = places[characters[places + 1] == ord("/")]
    names = _first_two(characters, ends + 2)
    ending = int(np.count_nonzero(_formatting_tags(" \t\n\f\r/>")[names]))
    if ending > limits.formatting_ends:
        raise PageError("too_complex", f"{ending:,} end tags of formatting elements")
    parts = start_tags * formatting // limits.reopened + 1
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
    if len(page) ** 2 <= _COMPARED:
        return
    length = max(_LONG_TAG, _COMPARED // len(page))
    step = length // 2
    end = 0
    for middle in range(0, len(page), step):
        if middle >= end and page.find(b"<", middle, middle + step) < 0:
            start = page.rfind(b"<", 0, middle)
            end = page.find(b"<", middle)
            end = end if end >= 0 else len(page)
            if start >= 0 and end - start > length and page[start + 1] in _LETTERS:
                yield start, end


def _has_more_attributes(page: bytes, start: int, end: int, limit: int) -> bool:
    parts = _TAG_PART.finditer(page, start, end)  # the first one is the tag's name
    for count, part in enumerate(parts):
        if part[0] == b">":
            return False
        if count > limit:
            return True
    return False


_LETTERS = frozenset(string.ascii_letters.encode())


def _first_two(
    characters: npt.NDArray[np.uint8], places: npt.NDArray[np.int64]
) -> npt.NDArray[np.integer[Any]]:
    """Give two bytes at each place, the first of them in lower case if it is a letter."""
    return (characters[places] | 0x20).astype(np.uint16) << 8 | characters[places + 1]


@functools.lru_cache(maxsize=2)
def _formatting_tags(after: str) -> npt.NDArray[np.bool_]:
    """Tell by the first two bytes whether a tag may be a formatting one.

    ``a`` is not among them: it closes the one before.

    Args:
        after: What may follow a name of one letter. Of start tags those with attributes count: of
            formatting elements without the standard opens three of a kind again, at most.
    """
    table = np.zeros(1 << 16, np.bool_)
    for name in ("b", "i", "s", "u"):
        for character in after:
            table[ord(name) << 8 | ord(character)] = True
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
