"""Wikipedia: the articles of ``pages-articles`` dumps, as plain text.

One dump file is one shard; a multistream dump whose index lies beside it is cut into ranges of
whole bzip2 streams. The name of the file (``dewiki-20220601-...``) tells the wiki where it names
one, because it is what the user chose; what the dump says of itself comes second, and where the
two differ the document's metadata says so.
"""

from __future__ import annotations

import dataclasses
import datetime
import posixpath
import re
import urllib.parse
from collections.abc import Iterator
from typing import ClassVar, Literal

from pasture import storage
from pasture.errors import ConfigError, InputError, StorageError
from pasture.records import Document, to_metadata
from pasture.sources.base import InputShard, Rejected, Source, SourceInfo
from pasture.sources.containment import contained, contained_file
from pasture.sources.dates import parse_utc
from pasture.sources.wikipedia import wiki_references, wikitext
from pasture.sources.wikipedia.mediawiki_dump import (
    DamagedDumpError,
    Page,
    SiteInfo,
    read_chunks,
    read_pages,
)
from pasture.sources.wikipedia.wiki_languages import LANGUAGES, REDIRECTS, Language

_FILE_NAME = re.compile(r"\A(?P<wiki>[a-z_]{2,20}?)(?P<project>wik[a-z]{1,20})-")
_BASE_URL = re.compile(r"https?://(?P<code>[a-z-]{2,20})\.(?P<project>[a-z]+)\.org/")
_REDIRECT = re.compile(rf"\s{{0,99}}#(?:{REDIRECTS})\s{{0,9}}:?\s{{0,9}}\[\[", re.IGNORECASE)
_TEMPLATE_NAME = re.compile(r"\{\{[ \t\n]{0,9}([^{}|\n<>#\[\]]{1,80}?)[ \t\n]{0,9}[|}]")
_SUFFIX = re.compile(r"\(([^()]+)\)$")
_INTEGER = re.compile(r"-?[0-9]{1,18}")
_AUDIT_CHARACTERS = 2000
_NAME_CHARACTERS = 300
_RELICENSED = datetime.datetime(2023, 6, 29, tzinfo=datetime.timezone.utc)
"""When Wikipedia's text moved on to version 4.0 of its licence."""


@dataclasses.dataclass(frozen=True)
class Wikipedia(Source):
    """The articles of Wikipedia dumps (paper, section 2.1, Wikipedia).

    Args:
        languages: Wikis that may be read; the paper's 20, in Latin or Cyrillic script.
        keep_references: Keep the URLs that an article cites, in its metadata; they are the
            positive examples of the reference classifier.
        shard_bytes: Compressed bytes of a range of a multistream dump; ours.
        max_page_characters: Longest wikitext of a page; ours. MediaWiki's own limit is 2 MiB.
            It bounds the memory: hostile text takes some fifty times its size.
    """

    name: ClassVar[str] = "wikipedia"
    info: ClassVar[SourceInfo] = SourceInfo(
        title="Wikipedia",
        homepage="https://dumps.wikimedia.org/",
        licence="CC-BY-SA 4.0 (before June 2023: CC-BY-SA 3.0 and GFDL)",
        paper_section="2.1, Wikipedia [4.5%]",
        raw_size="about 70 GB of bzip2 for the 20 languages; 83 GB of text",
        formats="pages-articles .xml.bz2 (multistream or not), .xml.gz, .xml",
    )

    languages: tuple[str, ...] = tuple(sorted(LANGUAGES))
    keep_references: bool = True
    shard_bytes: int = 64 << 20
    max_page_characters: int = 4 << 20

    def __post_init__(self) -> None:
        for code in self.languages:
            if code not in LANGUAGES:
                raise ConfigError(
                    f"wikipedia: no cleaning rules for the language {code!r}; there are some "
                    f"for {' '.join(sorted(LANGUAGES))}"
                )
        if self.shard_bytes < 1 or self.max_page_characters < 1:
            raise ConfigError("wikipedia: shard_bytes and max_page_characters must be positive")

    def shards(self) -> list[InputShard]:
        """List the shards: ranges of the multistream dumps that have an index, else files.

        Raises:
            ConfigError: A file's name tells a wiki that ``languages`` leaves out, or a dump is
                there twice, as multistream and not.
        """
        sizes = dict(self.files())
        shards: list[InputShard] = []
        seen: dict[str, str] = {}
        for path, size in sizes.items():
            if "multistream-index" in posixpath.basename(path):
                continue
            other = seen.setdefault(path.replace("-multistream", ""), path)
            if other != path:
                raise ConfigError(f"wikipedia: {other} and {path} are one dump; name one of them")
            code = _wiki_of_file(path)
            if code is not None and code not in self.languages:
                raise ConfigError(
                    f"wikipedia: {path} is of the wiki {code!r}, which is not among languages "
                    f"({' '.join(self.languages)}); add it there or leave the file out"
                )
            shards += self._ranges(path, size) or [InputShard((path,), bytes=size)]
        return shards

    def read(self, shard: InputShard) -> Iterator[Document | Rejected]:
        """Yield every page of a shard, in file order."""
        for path in shard.paths:
            yield from contained_file(path, self._read(path, shard.start, shard.end))

    def _ranges(self, path: str, size: int) -> list[InputShard]:
        """Cut a multistream dump into ranges by the index beside it; none without index."""
        index = _index_of(path)
        if index is None:
            return []
        cuts = [0]
        for offset in _offsets(index):
            if offset >= size:
                raise InputError(
                    f"wikipedia: {index} names byte {offset:,}, past the end of {path}; "
                    f"fetch both files again, from the same dump"
                )
            if offset - cuts[-1] >= self.shard_bytes:
                cuts.append(offset)
        ends: list[int | None] = [*cuts[1:], None]
        return [
            InputShard((path,), start, end, (size if end is None else end) - start)
            for start, end in zip(cuts, ends, strict=True)
        ]

    def _read(self, path: str, start: int, end: int | None) -> Iterator[Document | Rejected]:
        cleaner: _Cleaner | None = None
        for item in read_pages(path, start, end, self.max_page_characters):
            if isinstance(item, Rejected):
                yield item
            elif isinstance(item, SiteInfo):
                code = _wiki_of_file(path) or _wiki_of_site(item)
                if code not in self.languages:
                    yield _foreign(path, code, item)
                    return
                cleaner = _Cleaner(self, code, item)
            else:
                assert cleaner is not None  # read_pages tells the wiki before any page
                name = f"{code}wiki:{item.id or item.title}"[:_NAME_CHARACTERS]
                yield contained(name, f"{path}, in the range from {start:,}", cleaner.page, item)


class _Cleaner:
    """Turns the pages of one wiki into documents."""

    def __init__(self, source: Wikipedia, code: str, site: SiteInfo) -> None:
        self._source = source
        self._language: Language = LANGUAGES[code]
        self._wiki = f"{code}wiki"
        self._namespaces = site.namespaces
        told = _wiki_of_site(site)
        self._siteinfo_wiki = f"{told}wiki" if told and told != code else None
        # The namespaces of another wiki's siteinfo may be words of this one's titles.
        names = None if self._siteinfo_wiki else site.namespaces
        self._site = wikitext.Site.of(self._language, names)

    def page(self, page: Page) -> Document | Rejected:
        """Turn a page into a document, or say why it is none."""
        locator = f"{self._wiki}:{page.id or page.title}"
        if not page.id or not page.title:
            return self._rejected(locator, page, "incomplete_page", "bad_record")
        if page.too_large:
            return self._rejected(locator, page, "page_too_large", "bad_record")
        if reason := self._reason(page):
            return self._rejected(locator, page, reason)
        text = wikitext.to_text(page.text, self._site, page.title)
        if not text:
            return self._rejected(locator, page, "empty")
        date = _date(page.timestamp)
        references = wiki_references.cited_urls(page.text) if self._source.keep_references else None
        return Document(
            locator,
            self._source.name,
            f"{page.title}\n\n{text}",
            url=_url(self._language.code, page.title),
            date=date,
            language=self._language.code,
            license=_license(date),
            metadata=to_metadata(
                title=page.title,
                wiki=self._wiki,
                siteinfo_wiki=self._siteinfo_wiki,
                revision=_integer(page.revision),
                references=references,
            ),
        )

    def _reason(self, page: Page) -> str | None:
        """Why a page is no article, or None."""
        if self._namespace(page) != 0:
            return "other_namespace"
        if page.model not in ("", "wikitext"):
            return "not_wikitext"
        if page.redirect or _REDIRECT.match(page.text):
            return "redirect"
        if self._is_disambiguation(page):
            return "disambiguation"
        return None

    def _namespace(self, page: Page) -> int | None:
        """The page's namespace; by its title in dumps that do not number them."""
        if page.namespace:
            return _integer(page.namespace)
        prefix, colon, _ = page.title.partition(":")
        return self._namespaces.get(prefix.lower(), 0) if colon else 0

    def _is_disambiguation(self, page: Page) -> bool:
        suffix = _SUFFIX.search(page.title)
        if suffix and suffix[1].lower() in self._language.suffixes:
            return True
        if "__DISAMBIG__" in page.text:
            return True
        names = (match[1] for match in _TEMPLATE_NAME.finditer(page.text))
        return any(
            name.replace("_", " ").lower() in self._language.disambiguation for name in names
        )

    def _rejected(
        self, locator: str, page: Page, reason: str, kind: Literal["rule", "bad_record"] = "rule"
    ) -> Rejected:
        return Rejected(locator, reason, kind, page.title, page.text[:_AUDIT_CHARACTERS])


def _wiki_of_file(path: str) -> str | None:
    """The language that a dump's name tells (``dewiki-20220601-...``), or None."""
    match = _FILE_NAME.match(posixpath.basename(path))
    if not match or match["project"] != "wiki":
        return None
    return match["wiki"].replace("_", "-")


def _wiki_of_site(site: SiteInfo) -> str | None:
    """The language that a dump tells of itself, or None, also for wikis that are no Wikipedia."""
    if site.dbname:
        return (
            site.dbname.removesuffix("wiki").replace("_", "-")
            if site.dbname.endswith("wiki")
            else None
        )
    if match := _BASE_URL.match(site.base):
        return match["code"] if match["project"] == "wikipedia" else None
    return site.language or None


def _foreign(path: str, code: str | None, site: SiteInfo) -> Rejected:
    if code is None:
        return Rejected(
            path,
            "unknown_wiki",
            "bad_file",
            f"neither the file's name nor its siteinfo ({site.dbname or site.base or 'none'}) "
            f"tells a Wikipedia; name the file like dewiki-20220601-pages-articles.xml.bz2",
        )
    return Rejected(path, "other_language", "bad_file", f"{code} is not among the languages")


def _index_of(path: str) -> str | None:
    """The index of a multistream dump, where it lies beside it."""
    folder, name = posixpath.split(path)
    index = re.sub(r"multistream(\d*)\.xml", r"multistream-index\1.txt", name, count=1)
    if index == name or not name.endswith(".bz2"):
        return None
    for candidate in (index, index.removesuffix(".bz2")):
        if storage.exists(posixpath.join(folder, candidate)):
            return posixpath.join(folder, candidate)
    return None


def _offsets(index: str) -> Iterator[int]:
    """Yield the first bytes of the streams of pages, ascending, from ``offset:id:title`` lines."""
    last, tail = -1, b""
    try:
        with storage.open_read(index) as stream:
            for chunk in read_chunks(stream, 0, None):
                *lines, tail = (tail[-1000:] + chunk).split(b"\n")
                for line in lines:
                    number = line.partition(b":")[0]
                    offset = int(number) if number.isdigit() and len(number) < 19 else -1
                    if offset < last or offset < 0:
                        raise InputError(
                            f"wikipedia: {index} is no index of a multistream dump at "
                            f"{line[:80]!r}; fetch it again, or remove it to read the file whole"
                        )
                    if offset > last:
                        yield offset
                    last = offset
    except (DamagedDumpError, StorageError) as error:
        raise InputError(
            f"wikipedia: cannot read {index}: {error}; fetch it again, or remove it to read the "
            f"file whole"
        ) from error


def _integer(value: str) -> int | None:
    return int(value) if _INTEGER.fullmatch(value) else None


def _url(code: str, title: str) -> str:
    name = urllib.parse.quote(title.replace(" ", "_"), safe="/:@!$*(),;~'")
    return f"https://{code}.wikipedia.org/wiki/{name}"


def _date(timestamp: str) -> datetime.datetime | None:
    try:
        return parse_utc(timestamp)
    except ValueError:
        return None


def _license(date: datetime.datetime | None) -> str:
    """The licence at the time of the revision."""
    if date is not None and date < _RELICENSED:
        return "CC-BY-SA-3.0 OR GFDL-1.3-no-invariants-or-later"
    return "CC-BY-SA-4.0"
