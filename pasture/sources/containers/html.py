"""HTML to text: finding a page's character set, and extracting its main content."""

from __future__ import annotations

import codecs
import dataclasses
import functools
import re
from collections.abc import Iterator

from lxml import etree

from pasture.sources.containers.html_tree import Limits, PageError, parse
from pasture.sources.containers.main_content import EXTRACTORS, Extractor, limits_of


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
_META = re.compile(
    rb"<meta[^>]{0,1000}?charset\s{0,9}=\s{0,9}[\"']?\s{0,9}([\w.:+-]{1,40})", re.IGNORECASE
)
_XML = re.compile(
    rb"^\s*<\?xml[^>]{0,200}?encoding\s*=\s*[\"']([\w.:+-]{1,40})[\"']", re.IGNORECASE
)
_META_BYTES = 4096
# Codecs of which browsers read a superset, by the names that Resiliparse gives.
_SUPERSETS = {
    "iso8859-11": "cp874",
    "gbk": "gb18030",
    "shift_jis": "cp932",
    "euc_kr": "cp949",
    "big5": "big5hkscs",
    # A page whose label is read as ASCII cannot be in UTF-16.
    "utf-16-le": "utf-8",
    "utf-16-be": "utf-8",
}
# Labels of the standard for which Resiliparse has no codec.
_OTHERS = {"x-mac-cyrillic": "mac-cyrillic", "x-mac-ukrainian": "mac-cyrillic"}


@functools.lru_cache(maxsize=256)
def _codec(label: str) -> str | None:
    """Return Python's codec for a label of the WHATWG's Encoding Standard, None for all others.

    Python knows codecs besides that yield lone surrogates, fail on what they were not made for, or
    smuggle markup: ``unicode_escape``, ``idna``, ``utf-7``. The list is Resiliparse's; the package
    ``webencodings`` has that of 2012.
    """
    from resiliparse.parse.encoding import map_encoding_to_html5

    label = label.strip().lower()
    name: str | None = _OTHERS.get(label) or map_encoding_to_html5(label, False)
    return _SUPERSETS.get(name, name) if name else None


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
    return _decode(data, charset)[0]


def _decode(data: bytes, charset: str | None) -> tuple[str, bytes | None]:
    """Decode a page; give its bytes, too, where they are the same text in UTF-8."""
    for mark, name in _BOMS:
        if data.startswith(mark):
            return data[len(mark) :].decode(name, "replace"), None
    # The bytes of ISO-2022-JP are all ASCII; its escapes begin with ESC.
    if not (data.isascii() and b"\x1b" in data):
        try:
            return data.decode("utf-8"), data
        except UnicodeDecodeError:
            pass
    return _decode_by_label(data, charset), None


def _decode_by_label(data: bytes, charset: str | None) -> str:
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


def extract_bytes(
    data: bytes, charset: str | None, extractor: Extractor, limits: Limits | None = None
) -> Extracted:
    """Decode a page as ``decode`` does, and extract its main content as ``extract`` does.

    Saves what ``extract`` takes to encode a page again that came in UTF-8, as most do: 1 to 2% of
    the fastest extractor's time.
    """
    page, utf8 = _decode(data, charset)
    return _extract(page, utf8, extractor, limits)


def extract(page: str, extractor: Extractor, limits: Limits | None = None) -> Extracted:
    """Extract the main content of a page.

    Args:
        page: The page.
        extractor: Whose text it is.
        limits: What the page may hold; by default what the extractor takes.

    Raises:
        PageError: The page is over a limit, or breaks the extractor.
    """
    return _extract(page, None, extractor, limits)


def _extract(
    page: str, utf8: bytes | None, extractor: Extractor, limits: Limits | None
) -> Extracted:
    utf8 = page.encode("utf-8", "replace") if utf8 is None else utf8
    tree = parse(page, utf8, limits or limits_of(extractor))
    try:
        text = EXTRACTORS[extractor](page, tree)
    except (etree.LxmlError, *_EXTRACTOR_ERRORS) as error:
        raise PageError("extraction_failed", repr(error)) from error
    return Extracted(text=text, title=" ".join((tree.title or "").split()))


# What trafilatura and lxml raise on pages that they were not written for.
_EXTRACTOR_ERRORS = (
    ArithmeticError,
    AttributeError,
    LookupError,
    RecursionError,
    TypeError,
    ValueError,
)
