"""MediaWiki's XML dumps as streams: decompress, parse, yield pages.

Expat is fed chunk by chunk and holds one page at a time. A document type declaration, and so any
entity of its own, is refused: no dump has one. A range of a multistream dump holds whole bzip2
streams of pages without the root element, which is put in front of it.
"""

from __future__ import annotations

import bz2
import dataclasses
import re
from collections.abc import Iterator
from typing import BinaryIO
from xml.parsers import expat

from pasture import storage
from pasture.sources.base import Rejected
from pasture.sources.containers.archives import DAMAGED
from pasture.sources.containers.compression import TooLarge, check_ratio, decompress

CHUNK_BYTES = 1 << 18
MAX_TOKEN_BYTES = 1 << 20
"""Longest single tag, in bytes; ours. The longest in a sound dump are a few hundred."""
MAX_DEPTH = 50
"""Deepest nesting of elements; ours. A sound dump has five levels."""
ENCODINGS = frozenset(("utf-8", "utf-16", "iso-8859-1", "us-ascii"))
"""What expat reads by itself; for all others it would ask Python's codecs. Dumps are in UTF-8."""
MAX_NAME = 100
"""Longest name of an element; ours. Those of a sound dump have up to 15 characters."""
MAX_NAMESPACES = 1_000
"""Most namespaces of a wiki, and ``MAX_FIELD`` the longest name of one; ours. Wikis have 30."""
MAX_FIELD = 4_096
"""Longest field of a page but its text, in characters; ours. Titles have up to 255 bytes."""
_PAGE_FIELDS = {
    "mediawiki/page/title": "title",
    "mediawiki/page/ns": "namespace",
    "mediawiki/page/id": "id",
    "mediawiki/page/revision/id": "revision",
    "mediawiki/page/revision/timestamp": "timestamp",
    "mediawiki/page/revision/model": "model",
    "mediawiki/page/revision/text": "text",
}
_SITE_FIELDS = {"mediawiki/siteinfo/dbname": "dbname", "mediawiki/siteinfo/base": "base"}
_NAMESPACE = "mediawiki/siteinfo/namespaces/namespace"
_TEXT = "mediawiki/page/revision/text"
_ROOT = b"<mediawiki>"


class DamagedDumpError(Exception):
    """A dump that cannot be read on: its reason, and where and what."""

    def __init__(self, reason: str, detail: str) -> None:
        super().__init__(detail)
        self.reason = reason
        self.detail = detail


@dataclasses.dataclass(frozen=True, slots=True)
class SiteInfo:
    """What a dump says of its wiki; empty where it says nothing.

    Args:
        dbname: Such as ``dewiki``; dumps before 2014 have none.
        base: Address of the main page.
        language: ``xml:lang`` of the root element.
        namespaces: Keys of the namespaces by their names in lower case.
    """

    dbname: str = ""
    base: str = ""
    language: str = ""
    namespaces: dict[str, int] = dataclasses.field(default_factory=dict)


@dataclasses.dataclass(slots=True)
class Page:
    """One page, with the last of its revisions; empty where an element is missing.

    Args:
        title: Title with its namespace.
        namespace: Number of the namespace, or empty in dumps before 2012.
        id: Page id.
        revision: Revision id.
        timestamp: When the revision was saved.
        model: Content model; empty in dumps before 2013, where all is wikitext.
        text: Wikitext, cut at the limit.
        redirect: The page has a redirect element.
        too_large: The text is longer than the limit.
    """

    title: str = ""
    namespace: str = ""
    id: str = ""
    revision: str = ""
    timestamp: str = ""
    model: str = ""
    text: str = ""
    redirect: bool = False
    too_large: bool = False


class DumpReader:
    """Parses a dump that is fed in chunks.

    Args:
        max_characters: Longest text of a page that is kept whole.
    """

    def __init__(self, max_characters: int) -> None:
        self.site: SiteInfo | None = None
        self._max_characters = max_characters
        self._pages: list[Page] = []
        self._page: Page | None = None
        self._path: list[str] = []
        self._values: list[str] = []
        self._size = self._most = 0
        self._reading = False
        self._names: dict[str, str] = {}
        self._language = ""
        self._namespaces: dict[str, int] = {}
        self._key = ""
        self._fed = 0
        parser = expat.ParserCreate()
        parser.XmlDeclHandler = self._declaration
        parser.buffer_text = True
        parser.buffer_size = 1 << 16
        parser.StartElementHandler = self._start
        parser.EndElementHandler = self._end
        parser.CharacterDataHandler = self._characters
        parser.StartDoctypeDeclHandler = self._doctype
        self._parser = parser

    def feed(self, chunk: bytes, *, last: bool = False) -> list[Page]:
        """Parse a chunk and return the pages that it completed.

        Raises:
            DamagedDumpError: It is not the XML of a dump. ``take`` has the pages before.
        """
        self._fed += len(chunk)
        try:
            self._parser.Parse(chunk, last)
        except expat.ExpatError as error:
            at = self._parser.ErrorByteIndex
            raise DamagedDumpError("damaged_xml", f"at byte {at:,} of the XML: {error}") from error
        if self._fed - self._parser.CurrentByteIndex > MAX_TOKEN_BYTES:
            raise DamagedDumpError("damaged_xml", f"a tag of more than {MAX_TOKEN_BYTES:,} bytes")
        return self.take()

    def take(self) -> list[Page]:
        """Return the completed pages that were not returned before."""
        pages, self._pages = self._pages, []
        return pages

    def _declaration(self, version: str, encoding: str | None, standalone: int) -> None:
        if encoding is not None and encoding.lower() not in ENCODINGS:
            raise DamagedDumpError("damaged_xml", f"the encoding {encoding[:50]!r} is not read")

    def _doctype(self, *_: object) -> None:
        raise DamagedDumpError("damaged_xml", "a document type declaration, which no dump has")

    def _start(self, name: str, attributes: dict[str, str]) -> None:
        if len(name) > MAX_NAME:
            raise DamagedDumpError("damaged_xml", f"a name of {len(name):,} characters")
        self._path.append(name)
        if len(self._path) > MAX_DEPTH:
            raise DamagedDumpError("damaged_xml", f"more than {MAX_DEPTH} levels of elements")
        path = "/".join(self._path)
        if path == "mediawiki":
            self._language = attributes.get("xml:lang", "")
        elif path == "mediawiki/page":
            self._page = Page()
        elif path == "mediawiki/page/redirect" and self._page:
            self._page.redirect = True
        elif path == _NAMESPACE:
            self._key = attributes.get("key", "")
        self._reading = path in _PAGE_FIELDS or path in _SITE_FIELDS or path == _NAMESPACE
        self._most = self._max_characters if path == _TEXT else MAX_FIELD
        self._values.clear()
        self._size = 0

    def _characters(self, data: str) -> None:
        if self._reading:
            self._size += len(data)
            if self._size <= self._most:
                self._values.append(data)
            elif self._page:
                self._page.too_large = True

    def _end(self, _: str) -> None:
        path = "/".join(self._path)
        self._path.pop()
        if path == "mediawiki/page":
            if self._page:
                self._pages.append(self._page)
            self._page = None
        elif path == "mediawiki/siteinfo":
            names = self._names
            self.site = SiteInfo(
                names.get("dbname", ""), names.get("base", ""), self._language, self._namespaces
            )
        elif self._reading:
            value = "".join(self._values)
            if path in _SITE_FIELDS:
                self._names[_SITE_FIELDS[path]] = value
            elif path in _PAGE_FIELDS and self._page:
                setattr(self._page, _PAGE_FIELDS[path], value)
            elif value and re.fullmatch(r"-?\d{1,6}", self._key):
                self._namespaces[value.replace("_", " ").lower()] = int(self._key)
                if len(self._namespaces) > MAX_NAMESPACES:
                    raise DamagedDumpError("damaged_xml", f"over {MAX_NAMESPACES:,} namespaces")
        self._reading = False
        self._values.clear()


def read_pages(
    path: str, start: int, end: int | None, max_characters: int
) -> Iterator[SiteInfo | Page | Rejected]:
    """Yield what a dump says of its wiki, once, then its pages, then what broke it off, if any.

    Args:
        path: A ``.xml``, ``.xml.gz`` or ``.xml.bz2`` file.
        start: Where to start, in compressed bytes: 0, or the first byte of a bzip2 stream.
        end: Where to stop, or None for the end of the file.
        max_characters: Longest text of a page that is kept whole.
    """
    reader = DumpReader(max_characters)
    told = start > 0
    try:
        with storage.open_read(path) as stream:
            if start:
                yield read_site(path)
                reader.feed(_ROOT)
            for chunk in read_chunks(stream, start, end):
                pages = reader.feed(chunk)
                if not told and (reader.site or pages):
                    told = True
                    yield reader.site or SiteInfo()
                yield from pages
            if start == 0 and end is None:
                yield from reader.feed(b"", last=True)
    except DamagedDumpError as error:
        if not told and reader.site:
            yield reader.site
        yield from reader.take()
        yield Rejected(path, error.reason, "bad_file", error.detail)


def read_site(path: str) -> SiteInfo:
    """Read what a dump says of its wiki, from its start.

    Raises:
        DamagedDumpError: The start of the dump cannot be read.
    """
    reader = DumpReader(1 << 16)
    with storage.open_read(path) as stream:
        for chunk in read_chunks(stream, 0, None):
            if reader.feed(chunk) or reader.site:
                break
    return reader.site or SiteInfo()


def read_chunks(stream: BinaryIO, start: int, end: int | None) -> Iterator[bytes]:
    """Yield the decompressed bytes of a range of whole bzip2 streams, or of a whole file."""
    magic = stream.read(3)
    stream.seek(start)
    if magic == b"BZh":
        yield from _bunzip(stream, start, end)
        return
    try:
        content = decompress(stream)
        while chunk := content.read(CHUNK_BYTES):
            yield chunk
    except DAMAGED as error:
        raise DamagedDumpError("damaged_compression", repr(error)) from error


def _bunzip(stream: BinaryIO, start: int, end: int | None) -> Iterator[bytes]:
    """Decompress bzip2 streams, with what can be read before the damage, if there is any."""
    left = (1 << 62) if end is None else end - start
    decompressor = bz2.BZ2Decompressor()
    fresh, produced, begin = True, 0, stream.tell()
    while left > 0 and (raw := stream.read(min(CHUNK_BYTES, left))):
        left -= len(raw)
        while raw or not decompressor.needs_input:
            try:
                chunk = decompressor.decompress(raw, CHUNK_BYTES)
            except OSError as error:
                raise DamagedDumpError(
                    "damaged_compression", f"before byte {stream.tell():,}: {error}"
                ) from error
            fresh, raw = False, b""
            produced += len(chunk)
            try:
                check_ratio(produced, stream.tell() - begin)
            except TooLarge as error:
                raise DamagedDumpError("damaged_compression", str(error)) from error
            if chunk:
                yield chunk
            if decompressor.eof:
                raw = decompressor.unused_data
                decompressor = bz2.BZ2Decompressor()
                fresh = not raw
                if not raw:
                    break
            elif decompressor.needs_input:
                break
    if not fresh:
        raise DamagedDumpError(
            "truncated_file", f"a bzip2 stream breaks off at byte {stream.tell():,}"
        )
