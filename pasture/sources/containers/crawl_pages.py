"""The pages of a crawl as text: WET records decoded, WARC responses decoded and extracted.

What is no page (warcinfo, request, metadata, DNS) is passed over; a page that cannot be used is a
``Rejected``. HTTP is parsed here and not by FastWARC, which loses its place in the file after a
body that does not follow its ``Content-Encoding`` header, and such bodies are common.
"""

from __future__ import annotations

import dataclasses
import datetime
import functools
import io
import posixpath
import re
import zlib
from collections.abc import Iterator, Mapping

from pasture import storage
from pasture.errors import InputError
from pasture.sources.base import Rejected
from pasture.sources.containers import archives, html
from pasture.sources.containers.compression import decompress
from pasture.sources.containers.html_tree import PageError
from pasture.sources.containers.main_content import Extractor
from pasture.sources.containers.warc import HEADER_END, MAX_HEADER_BYTES, Record, read_records
from pasture.sources.containment import contained

MAX_PAGE_BYTES = 5 << 20
"""Largest page in bytes. Common Crawl itself cuts pages at 1 MiB, since 2025 at 5 MiB, so no page
of its crawls is refused for its size."""

CRAWL_ROOT = "https://data.commoncrawl.org"
"""Where Common Crawl serves the files that its listings name."""

_LISTINGS = (".paths", ".paths.gz")
_MAX_LISTING_BYTES = 256 << 20
_PREVIEW = 2000
_BLOCKS = frozenset(("conversion", "response", "resource"))
_HTML = frozenset(("text/html", "application/xhtml+xml"))
_CHARSET = re.compile(r"charset\s{0,9}=\s{0,9}[\"']?\s{0,9}([\w.:+-]{1,40})", re.IGNORECASE)
# First bytes of files that servers call HTML all the same: PDF, PNG, GIF, JPEG, zip, gzip.
_BINARY = (b"%PDF", b"\x89PNG", b"GIF8", b"\xff\xd8\xff", b"PK\x03\x04", b"\x1f\x8b\x08")
_WAT_ADVICE = "a WAT file holds metadata, not pages; name the WET or WARC files"


@dataclasses.dataclass(frozen=True, slots=True)
class TextPage:
    """One page as text.

    Args:
        id: The record's id.
        url: Address of the page.
        date: When it was crawled, in UTC.
        text: All of a WET page, or what was extracted from HTML.
        title: The HTML title; None for a WET page, which has it in its first line.
        languages: What the crawl itself identified: ISO 639-3 codes with commas.
        file: Base name of the file.
    """

    id: str
    url: str | None
    date: datetime.datetime | None
    text: str
    title: str | None
    languages: str | None
    file: str


@dataclasses.dataclass(frozen=True, slots=True)
class HttpResponse:
    """The parts of an HTTP response that matter here; ``mime`` and ``charset`` in lower case."""

    status: int
    mime: str
    charset: str | None
    body: bytes


def expand_listings(files: list[tuple[str, int]], root: str) -> list[tuple[str, int]]:
    """Put the files that a listing (``wet.paths.gz``) names in its place; sorted, each once.

    The sizes of remote files that a listing names are not asked for, and given as 0.

    Raises:
        InputError: A listing cannot be read, or names a local file that is not there.
        StorageError: A package is missing that reads what a listing names.
    """
    found: dict[str, int] = {}
    for path, size in files:
        found.update(_listed(path, root) if path.endswith(_LISTINGS) else [(path, size)])
    return sorted(found.items())


def _listed(listing: str, root: str) -> Iterator[tuple[str, int]]:
    with storage.open_read(listing) as stream:
        try:
            data = archives.read_limited(decompress(stream), _MAX_LISTING_BYTES)
            lines = data.decode("ascii").split()
        except archives.DAMAGED as error:
            raise InputError(f"the listing {listing} cannot be read: {error!r}") from error
    for line in lines:
        path = storage.join(root, line)
        if storage.is_url(path):
            _check_backend(path.partition("://")[0])
            yield path, 0
        elif not storage.exists(path):
            advice = "check the option root"
            raise InputError(f"{listing} names {line}, but there is no {path}; {advice}")
        else:
            yield from storage.glob(path)


@functools.lru_cache(maxsize=8)
def _check_backend(protocol: str) -> None:
    """Fail in the plan, not in a worker, where the package for a protocol is missing."""
    storage.file_system(f"{protocol}://root")


def read_pages(
    path: str, extractor: Extractor, max_page_bytes: int
) -> Iterator[TextPage | Rejected]:
    """Yield the pages of a WET or WARC file in file order; WAT files are refused."""
    file = posixpath.basename(path)
    seen_page = False
    for record in read_records(path, _BLOCKS, max_page_bytes + MAX_HEADER_BYTES):
        if isinstance(record, Rejected):
            yield record
            continue
        if record.kind == "metadata" and "json" in record.mime and not seen_page:
            yield Rejected(path, "wat_file", "bad_file", _WAT_ADVICE)
            return
        seen_page = seen_page or record.kind in _BLOCKS
        page = contained(
            record.id, record.place, _parse_record, record, file, extractor, max_page_bytes
        )
        if page is not None:
            yield page


def _parse_record(
    record: Record, file: str, extractor: Extractor, max_page_bytes: int
) -> TextPage | Rejected | None:
    """Turn a record into a page; None where the record is not about a page."""
    is_dns = (record.url or "").startswith("dns:") or record.mime.startswith("text/dns")
    if record.kind in ("revisit", "continuation"):
        return Rejected(record.id, record.kind, detail=record.url or "")
    if record.kind not in _BLOCKS or is_dns:
        return None
    title: str | None = None
    try:
        if record.kind == "conversion":
            text = _decode_wet(record, max_page_bytes)
        else:
            extracted = _extract(record, extractor, max_page_bytes)
            text, title = extracted.text, extracted.title
    except PageError as error:
        return Rejected(
            record.id,
            error.reason,
            "bad_record" if error.reason in _BROKEN else "rule",
            error.detail,
            record.block[:_PREVIEW].decode("utf-8", "replace"),
        )
    languages = record.headers.get("warc-identified-content-language")
    return TextPage(record.id, record.url, record.date, text, title, languages, file)


_BROKEN = frozenset(("not_utf8", "bad_http", "extraction_failed"))


def _decode_wet(record: Record, max_page_bytes: int) -> str:
    _check_size(record.block, max_page_bytes)
    try:
        return record.block.decode("utf-8")
    except UnicodeDecodeError as error:
        raise PageError("not_utf8", str(error)) from error


def _check_size(data: bytes, max_page_bytes: int) -> None:
    if len(data) > max_page_bytes:
        raise PageError("page_too_large", f"more than {max_page_bytes:,} bytes")


def _extract(record: Record, extractor: Extractor, max_page_bytes: int) -> html.Extracted:
    if record.kind == "response":
        response = parse_http(record.block, max_page_bytes)
    else:
        mime = record.mime.partition(";")[0].strip()
        response = HttpResponse(200, mime, _charset(record.mime), record.block)
    if response.status != 200:
        raise PageError("http_status", str(response.status))
    mime = record.headers.get("warc-identified-payload-type", "") or response.mime
    if mime not in _HTML and (mime or not html.looks_like_html(response.body)):
        raise PageError("not_html", mime or "no content type")
    if response.body.startswith(_BINARY):
        raise PageError("not_html", f"called {mime}, begins with {response.body[:4]!r}")
    _check_size(response.body, max_page_bytes)
    return html.extract_bytes(response.body, response.charset, extractor)


def text_lines(text: str) -> list[str]:
    """Split a text into its lines, stripped, without the blank ones."""
    return list(filter(None, map(str.strip, text.replace("\r", "\n").split("\n"))))


# HTTP -----------------------------------------------------------------------------------------


def parse_http(block: bytes, max_bytes: int) -> HttpResponse:
    """Parse the block of a response; at most ``max_bytes + 1`` bytes of its body are decoded.

    A body that is plainly HTML although a header calls it compressed or chunked is taken as it
    is: crawlers often decode a body and keep its headers.

    Raises:
        PageError: ``bad_http``: there is no status line, or the body does not follow its encoding.
    """
    end = HEADER_END.search(block, 0, MAX_HEADER_BYTES)
    head, body = (block[: end.start()], block[end.end() :]) if end else (block[:1000], b"")
    status_line, *lines = head.decode("latin-1").splitlines() or [""]
    protocol, status = [*status_line.split(), "", ""][:2]
    if not protocol.startswith("HTTP/") or not re.fullmatch("[1-9][0-9][0-9]", status):
        raise PageError("bad_http", f"the status line is {status_line[:80]!r}")
    headers = {}
    for line in lines:
        name, _, value = line.partition(":")
        headers[name.strip().lower()] = value.strip()
    content_type = headers.get("content-type", "")
    return HttpResponse(
        status=int(status),
        mime=content_type.partition(";")[0].strip().lower(),
        charset=_charset(content_type),
        body=_decode_body(body, headers, max_bytes),
    )


def _charset(content_type: str) -> str | None:
    match = _CHARSET.search(content_type)
    return match[1].lower() if match else None


def _decode_body(body: bytes, headers: Mapping[str, str], max_bytes: int) -> bytes:
    from fastwarc.stream_io import BrotliReader, ChunkedReader, GzipReader, ZstdReader

    readers = {"gzip": GzipReader, "x-gzip": GzipReader, "br": BrotliReader, "zstd": ZstdReader}
    readers["chunked"] = ChunkedReader
    names = headers.get("content-encoding", "") + "," + headers.get("transfer-encoding", "")
    codings = [name.strip() for name in names.lower().split(",")]
    # What was named last was applied last. A server that names gzip twice means it once.
    for name in dict.fromkeys(reversed(codings)):
        try:
            if name == "deflate":
                body = _inflate(body, max_bytes + 1)
            elif name in readers:
                body = readers[name](io.BytesIO(body)).read(max_bytes + 1)
        except (OSError, zlib.error) as error:
            if not html.looks_like_html(body):
                raise PageError("bad_http", f"the body is not {name}: {error}") from error
    return body


def _inflate(data: bytes, size: int) -> bytes:
    """Inflate what HTTP calls deflate: zlib by the standard, bare from some servers."""
    try:
        return zlib.decompressobj().decompress(data, size)
    except zlib.error:
        return zlib.decompressobj(-zlib.MAX_WBITS).decompress(data, size)
