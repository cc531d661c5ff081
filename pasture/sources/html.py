"""HTML to text: finding a page's character set, and extracting its main content.

Every cost is bounded without a clock, so that a page has the same fate on every machine: it is
parsed once by Lexbor, whose time grows in line with the page except for the attributes of one
tag, and a large page's elements and their depths are counted before an extractor, whose time may
grow faster, sees it. A page over a limit raises ``PageError`` with the reason.
"""

from __future__ import annotations

import codecs
import dataclasses
import functools
import re
import string
from collections.abc import Iterator
from typing import Any

from pasture.sources.main_content import EXTRACTORS, Extractor


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
        attributes: Most attributes of one tag; parsers compare each with all before it.
    """

    elements: int = 50_000
    nesting: int = 1_000_000
    attributes: int = 2_000


class PageError(ValueError):
    """A page that cannot be used; ``reason`` is a snake_case fact."""

    def __init__(self, reason: str, detail: str = "") -> None:
        super().__init__(f"{reason}: {detail}" if detail else reason)
        self.reason, self.detail = reason, detail


@dataclasses.dataclass(frozen=True, slots=True)
class Extracted:
    """The main content of a page, and its title; either may be empty."""

    text: str
    title: str


# Character sets -------------------------------------------------------------------------------

_BOMS = (
    (codecs.BOM_UTF8, "utf-8"),
    (codecs.BOM_UTF16_LE, "utf-16-le"),
    (codecs.BOM_UTF16_BE, "utf-16-be"),
)
_META = re.compile(rb"<meta[^>]{0,1000}?charset\s*=\s*[\"']?\s*([\w.:+-]{1,40})", re.IGNORECASE)
_XML = re.compile(
    rb"^\s*<\?xml[^>]{0,200}?encoding\s*=\s*[\"']([\w.:+-]{1,40})[\"']", re.IGNORECASE
)
_META_BYTES = 4096
# Labels of the web whose Python codec has another name, or which browsers read as a superset.
_CODECS = {
    "windows-874": "cp874",
    "tis-620": "cp874",
    "iso-8859-11": "cp874",
    "gb2312": "gb18030",
    "gbk": "gb18030",
    "shift_jis": "cp932",
    "shift-jis": "cp932",
    "sjis": "cp932",
    "x-sjis": "cp932",
    "euc-kr": "cp949",
    "ks_c_5601-1987": "cp949",
    "big5": "big5hkscs",
    "iso-8859-1": "cp1252",
    "latin1": "cp1252",
    "us-ascii": "cp1252",
    "ascii": "cp1252",
    "iso-8859-9": "cp1254",
    "iso-8859-8-i": "iso-8859-8",
    "x-mac-cyrillic": "mac-cyrillic",
    "x-mac-roman": "mac-roman",
    "macintosh": "mac-roman",
    # A page whose label is read as ASCII cannot be in UTF-16.
    "utf-16": "utf-8",
    "utf-16le": "utf-8",
    "utf-16be": "utf-8",
}


@functools.lru_cache(maxsize=256)
def _codec(label: str) -> str | None:
    name = _CODECS.get(label, label)
    try:
        info = codecs.lookup(name)
    except (LookupError, ValueError):
        return None
    # Python also calls base64 and rot13 codecs; UTF-7 is a way to smuggle markup.
    return info.name if info._is_text_encoding and info.name != "utf-7" else None


def decode(data: bytes, charset: str | None) -> str:
    """Decode a page by the first of these that fits: byte order mark, UTF-8, labels, detection.

    UTF-8 goes before the labels, because bytes of another character set are hardly ever valid
    UTF-8, while labels are often wrong. What fits has at most one wrong byte for every twenty
    that are not ASCII, so that a page which was cut or damaged in one place is not read as
    something else; the wrong ones become U+FFFD.

    Args:
        data: The page.
        charset: The label in the HTTP header, lower case; the page's own labels come after it.
    """
    for mark, name in _BOMS:
        if data.startswith(mark):
            return data[len(mark) :].decode(name, "replace")
    # The bytes of ISO-2022-JP are all ASCII; its escapes begin with ESC.
    if not (data.isascii() and b"\x1b" in data):
        try:
            return data.decode("utf-8")
        except UnicodeDecodeError:
            pass
    not_ascii = len(data) - len(data.translate(None, _NOT_ASCII))
    best, fewest = "", len(data) + 1
    for name in _codecs_to_try(data, charset):
        text = data.decode(name, "replace")
        wrong = text.count("\ufffd")
        if wrong * 20 <= not_ascii:
            return text
        if wrong < fewest:
            best, fewest = text, wrong
    return best


_NOT_ASCII = bytes(range(128, 256))


def _codecs_to_try(data: bytes, charset: str | None) -> Iterator[str]:
    from resiliparse.parse.encoding import detect_encoding

    if not data.isascii():
        yield "utf-8"
    head = data[:_META_BYTES]
    own = [match[1].decode().lower() for match in (_META.search(head), _XML.search(head)) if match]
    for label in (charset, *own):
        if label and (name := _codec(label)):
            yield name
    detected = detect_encoding(data)
    if detected and (name := _codec(detected.lower())):
        yield name
    yield "cp1252"


def looks_like_html(data: bytes) -> bool:
    """Tell whether bytes begin as a page does: text with a tag, and no NUL."""
    head = data[:1024]
    return (
        b"\0" not in head
        and re.search(rb"<(?:!doctype|html|head|body|\?xml)", head, re.I) is not None
    )


# Extraction -----------------------------------------------------------------------------------

_LONG_TAG = 8192
_TAG_PART = re.compile(r""">|[^\s"'>/=]+(?:\s*=\s*(?:"[^"]*"?|'[^']*'?|[^\s"'>]+))?""")
_LEVELS = (8, 16, 32, 64, 128)
_DEEPEST = 2 * _LEVELS[-1]


def extract(page: str, extractor: Extractor, limits: Limits = Limits()) -> Extracted:
    """Extract the main content of a page.

    Raises:
        PageError: The page is over a limit, or breaks the extractor.
    """
    import lxml.etree
    from resiliparse.parse.html import HTMLTree

    for start, end in _long_tags(page):
        if _has_more_attributes(page, start, end, limits.attributes):
            raise PageError("too_many_attributes", f"one tag has over {limits.attributes:,}")
    tree = HTMLTree.parse(page)
    # A page with fewer tags cannot take long; most pages are done after the first count.
    tags = page.count("<")
    if tags * _DEEPEST > limits.nesting and (tags - page.count("</")) * _DEEPEST > limits.nesting:
        _check_size(tree.document, limits)
    try:
        text = EXTRACTORS[extractor](page, tree)
    except (lxml.etree.LxmlError, *_EXTRACTOR_ERRORS) as error:
        raise PageError("extraction_failed", repr(error)) from error
    return Extracted(text=text, title=" ".join((tree.title or "").split()))


def _long_tags(page: str) -> Iterator[tuple[int, int]]:
    """Yield the places of the ``<`` of a tag and of the next ``<``, where they lie far apart.

    Looks at steps of half that length: what is long covers a whole one. Reading on from each ``<``
    instead takes 6% of the fastest extractor's time.
    """
    step = _LONG_TAG // 2
    end = 0
    for middle in range(0, len(page), step):
        if middle >= end and page.find("<", middle, middle + step) < 0:
            start = page.rfind("<", 0, middle)
            end = page.find("<", middle)
            end = end if end >= 0 else len(page)
            if start >= 0 and end - start > _LONG_TAG and page[start + 1] in string.ascii_letters:
                yield start, end


def _has_more_attributes(page: str, start: int, end: int, limit: int) -> bool:
    parts = _TAG_PART.finditer(page, start, end)  # the first one is the tag's name
    for count, part in enumerate(parts):
        if part[0] == ">":
            return False
        if count > limit:
            return True
    return False


def _check_size(document: Any, limits: Limits) -> None:
    elements = len(document.get_elements_by_tag_name("*"))
    if elements > limits.elements:
        raise PageError("too_many_elements", f"{elements:,}")
    nesting = elements * _LEVELS[0]
    deep = elements
    for number, level in enumerate(_LEVELS):
        if nesting + deep * sum(_LEVELS[number:]) <= limits.nesting:
            return
        selector = "*" + " > *" * level  # an element with as many others above it
        deep = len(document.query_selector_all(selector))
        nesting += level * deep
    if nesting > limits.nesting:
        raise PageError("too_complex", f"{elements:,} elements, sum of depths up to {nesting:,}")


# What trafilatura and lxml raise on pages that they were not written for.
_EXTRACTOR_ERRORS = (
    ArithmeticError,
    AttributeError,
    LookupError,
    RecursionError,
    TypeError,
    ValueError,
)
