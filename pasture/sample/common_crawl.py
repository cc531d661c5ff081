"""Writes the Common Crawl part of the sample: WET and WARC files of a small crawl.

The pages stand in ``texts/common_crawl``, each after a line ``=== address``: reference pages
that the sample's Wikipedia cites, everyday pages, pages in other languages, and weak ones.
``sites.txt`` gives some hosts a menu and a footer, as crawled pages have. Two WET files hold all
pages, a third breaks off in its last record, and a WARC file holds HTML and what else a crawl
meets: a redirect, an error, a picture, a revisit, and old encodings.
"""

from __future__ import annotations

import base64
import dataclasses
import datetime
import gzip
import hashlib
import html
import urllib.parse
import uuid
from collections.abc import Iterator

from pasture.sample.containers import read_bundle, write_file

_START = datetime.datetime(2019, 4, 18, 10, 12, 43, tzinfo=datetime.timezone.utc)
_CRAWL = "CC-MAIN-20190418101243-20190418123243"
_LANGUAGE = "eng"

# Pages that stand elsewhere word for word, and one that a blog quotes in full.
_COPIES = {
    "https://events-near-you.example/greenfield/bat-walk": "https://events.greenfieldpark.example/bat-walk",
    "https://jokesforkids.example/knock-knock/page-3?ref=home": "https://jokesforkids.example/knock-knock/page-3",
}
_QUOTES = {
    "https://bestofblogs.example/2019/danny-94": "https://retrogamerattic.example/what-i-found-at-the-car-boot",
    "https://smalltownstories.example/sofa": "https://amateurdramatics.example/lowmoor-players/first-night",
}

_SHELL = """\
<!DOCTYPE html>
<html lang="{language}">
<head>
<meta charset="{charset}">
<title>{title}</title>
<style>body {{ font-family: Georgia, serif; margin: 2em }} nav li {{ display: inline }}</style>
<script>window.visits = (window.visits || 0) + 1; var menu = {{open: false}};</script>
</head>
<body>
<header><p class="site">{name}</p>
<nav><ul>{menu}</ul></nav></header>
<main><article>
<h1>{heading}</h1>
{paragraphs}
</article></main>
<footer>{footer}</footer>
<script async src="/js/count.js"></script>
</body>
</html>
"""


@dataclasses.dataclass(frozen=True, slots=True)
class Page:
    """One page: its address, title, paragraphs, and its language as ISO 639-3."""

    url: str
    title: str
    paragraphs: tuple[str, ...]
    language: str = _LANGUAGE


@dataclasses.dataclass(frozen=True, slots=True)
class Site:
    """What the pages of a host share."""

    name: str = ""
    menu: tuple[str, ...] = ()
    footer: tuple[str, ...] = ()


def write(folder: str) -> None:
    """Write the sample's containers; the same bytes every time."""
    pages = _all_pages()
    sites = _read_sites()
    for number in range(2):
        file = f"{_CRAWL}-{number:05d}.warc.wet.gz"
        records = [_warcinfo(file), *(_wet(page, file, sites) for page in pages[number::2])]
        if number:
            records.append(_latin1_wet(file))
        write_file(folder, file, b"".join(map(_gzip, records)))
    file = f"{_CRAWL}-00002.warc.wet.gz"
    records = [_warcinfo(file), *(_wet(page, file, sites) for page in _read_pages("cut_off"))]
    whole = b"".join(map(_gzip, records))
    write_file(folder, file, whole[:-150])
    file = f"{_CRAWL}-00000.warc.gz"
    weak = {page.url for page in _read_pages("weak")}
    shown = [page for n, page in enumerate(pages) if n % 2 == 0 or page.url in weak]
    records = [_warcinfo(file), *_html_records(shown, file, sites), *_odd_records(file)]
    write_file(folder, file, b"".join(map(_gzip, records)))


def _gzip(record: bytes) -> bytes:
    """Compress a record as a gzip member of its own, as the crawls have it."""
    return gzip.compress(record, mtime=0)


# Texts ----------------------------------------------------------------------------------------


def _read_pages(name: str) -> list[Page]:
    pages = []
    for mark, text in read_bundle("common_crawl", name):
        url, _, language = mark.partition(" ")
        title, *paragraphs = text.split("\n")
        pages.append(Page(url, title, tuple(paragraphs), language or _LANGUAGE))
    return pages


def _read_sites() -> dict[str, Site]:
    sites = {}
    for host, text in read_bundle("common_crawl", "sites"):
        values: dict[str, list[str]] = {"name": [], "nav": [], "foot": []}
        for line in text.split("\n"):
            key, _, value = line.partition(": ")
            values[key].append(value)
        menu = [item for line in values["nav"] for item in line.split(" | ")]
        sites[host] = Site(values["name"][0], tuple(menu), tuple(values["foot"]))
    return sites


def _all_pages() -> list[Page]:
    """All pages, mixed in an order that is the same every time."""
    names = ("reference", "everyday", "languages", "weak")
    pages = {page.url: page for name in names for page in _read_pages(name)}
    for url, original in _COPIES.items():
        pages[url] = dataclasses.replace(pages[original], url=url)
    for url, original in _QUOTES.items():
        quoted = tuple("> " + line for line in pages[original].paragraphs)
        pages[url] = Page(url, "Found: " + pages[original].title, quoted)
    return sorted(pages.values(), key=lambda page: hashlib.sha256(page.url.encode()).digest())


# Records --------------------------------------------------------------------------------------


def _site(page: Page, sites: dict[str, Site]) -> Site:
    return sites.get(urllib.parse.urlsplit(page.url).netloc, Site())


def _date(url: str) -> str:
    """A moment within the crawl's two hours and twenty minutes that depends on the address."""
    seconds = int.from_bytes(hashlib.sha256(url.encode()).digest()[:4], "big") % 8400
    moment = _START + datetime.timedelta(seconds=seconds)
    return moment.strftime("%Y-%m-%dT%H:%M:%SZ")


def _record_id(*parts: str) -> str:
    return f"<urn:uuid:{uuid.uuid5(uuid.NAMESPACE_URL, ' '.join(parts))}>"


def _record(kind: str, url: str, file: str, block: bytes, **headers: str) -> bytes:
    digest = base64.b32encode(hashlib.sha1(block).digest()).decode()  # noqa: S324 (the format's)
    lines = {
        "WARC-Type": kind,
        "WARC-Target-URI": url,
        "WARC-Date": _date(url),
        "WARC-Record-ID": _record_id(kind, url, file),
        "WARC-Block-Digest": f"sha1:{digest}",
        **{name.replace("_", "-"): value for name, value in headers.items()},
        "Content-Length": str(len(block)),
    }
    head = "".join(f"{name}: {value}\r\n" for name, value in lines.items() if value)
    return b"WARC/1.0\r\n" + head.encode() + b"\r\n" + block + b"\r\n\r\n"


def _warcinfo(file: str) -> bytes:
    block = (
        "isPartOf: CC-MAIN-2019-18\r\n"
        "description: A crawl that never was, written as a sample\r\n"
        "format: WARC File Format 1.0\r\n"
    )
    return _record(
        "warcinfo",
        "",
        file,
        block.encode(),
        Content_Type="application/warc-fields",
        WARC_Filename=file,
    )


def _wet(page: Page, file: str, sites: dict[str, Site]) -> bytes:
    site = _site(page, sites)
    title = f"{page.title} - {site.name}" if site.name else page.title
    lines = [title, *site.menu, page.title, *page.paragraphs, *site.footer]
    return _conversion(page, file, ("\n".join(lines) + "\n").encode())


def _conversion(page: Page, file: str, block: bytes) -> bytes:
    return _record(
        "conversion",
        page.url,
        file,
        block,
        WARC_Refers_To=_record_id("response", page.url, file),
        WARC_Identified_Content_Language=page.language,
        Content_Type="text/plain",
    )


def _latin1_wet(file: str) -> bytes:
    """A record that is not UTF-8, as no WET record should be."""
    page = Page("http://www.auberge-du-lac.example/carte.htm", "La carte", (), "fra")
    text = "La carte de l'auberge\nCrème brûlée, pâté maison, gâteau à l'orange et café.\n" * 6
    return _conversion(page, file, text.encode("latin-1"))


def _response(
    url: str, file: str, status: str, content_type: str, body: bytes, encoding: str = ""
) -> bytes:
    head = f"HTTP/1.1 {status}\r\nServer: sample\r\nContent-Type: {content_type}\r\n"
    if encoding:
        head += f"Content-Encoding: {encoding}\r\n"
    block = f"{head}Content-Length: {len(body)}\r\n\r\n".encode() + body
    return _record(
        "response",
        url,
        file,
        block,
        Content_Type="application/http; msgtype=response",
        WARC_IP_Address="192.0.2.18",
        WARC_Identified_Payload_Type=content_type.partition(";")[0],
    )


def to_html(page: Page, site: Site, charset: str = "utf-8") -> str:
    """Put a page into the HTML of its site."""
    name = site.name or urllib.parse.urlsplit(page.url).netloc
    return _SHELL.format(
        language=page.language[:2],
        charset=charset,
        title=html.escape(f"{page.title} - {name}"),
        name=html.escape(name),
        menu="".join(f'<li><a href="#">{html.escape(item)}</a></li>' for item in site.menu),
        heading=html.escape(page.title),
        paragraphs="\n".join(f"<p>{html.escape(line)}</p>" for line in page.paragraphs),
        footer="".join(f"<p>{html.escape(line)}</p>" for line in site.footer),
    )


def _html_records(pages: list[Page], file: str, sites: dict[str, Site]) -> Iterator[bytes]:
    """A request and a response for each page; every fifth body is compressed."""
    for number, page in enumerate(pages):
        host = urllib.parse.urlsplit(page.url).netloc
        request = f"GET / HTTP/1.1\r\nHost: {host}\r\nUser-Agent: sample\r\n\r\n"
        content_type = "application/http; msgtype=request"
        yield _record("request", page.url, file, request.encode(), Content_Type=content_type)
        body = to_html(page, _site(page, sites)).encode()
        encoding = "gzip" if number % 5 == 0 else ""
        body = gzip.compress(body, mtime=0) if encoding else body
        yield _response(page.url, file, "200 OK", "text/html; charset=utf-8", body, encoding)


def _odd_records(file: str) -> Iterator[bytes]:
    """What a crawl meets besides sound pages."""
    latin1, mislabelled = _read_pages("old_encodings")
    yield _response(
        latin1.url,
        file,
        "200 OK",
        "text/html",
        to_html(latin1, Site(), "iso-8859-1").encode("latin-1"),
    )
    # Windows-1252 bytes, with the curly quotes that Latin-1 lacks, under a wrong label.
    yield _response(
        mislabelled.url,
        file,
        "200 OK",
        "text/html; charset=iso-8859-1",
        to_html(mislabelled, Site(), "iso-8859-1").encode("cp1252"),
    )
    missing = b"<html><head><title>Not found</title></head><body><h1>404</h1></body></html>"
    url = "https://millwright.example/old/wheels.php?id=7"
    yield _response(url, file, "404 Not Found", "text/html", missing)
    url = "https://tidewatch.example/tides"
    yield _response(url, file, "301 Moved Permanently", "text/html", b"")
    picture = b"\x89PNG\r\n\x1a\n" + bytes(range(64))
    yield _response("https://owlstudy.example/comb.png", file, "200 OK", "image/png", picture)
    url = "https://canalhistory.example/map.html"
    yield _response(url, file, "200 OK", "text/html", b"%PDF-1.4 a map of the locks")
    yield _record(
        "revisit",
        "https://horology.example/water-clocks",
        file,
        b"HTTP/1.1 304 Not Modified\r\n\r\n",
        Content_Type="application/http; msgtype=response",
        WARC_Profile="http://netpreserve.org/warc/1.0/revisit/identical-payload-digest",
        WARC_Refers_To=_record_id("response", "https://horology.example/water-clocks", file),
    )
    yield _record("response", "https://broken.example/", file, b"no HTTP here\r\n\r\n")
