"""C4: its released rows, or the pages of a crawl to build it from.

A file of JSON rows (``text``, ``timestamp``, ``url``) gives its texts unaltered. A WET or WARC
file gives its pages with all their lines, for the steps ``c4_lines`` and ``c4_pages`` to clean
(Raffel et al. 2020, section 2.2). Which of the two a file is, is told by its first bytes.
"""

from __future__ import annotations

import collections
import dataclasses
import io
import json
import posixpath
from collections.abc import Iterator
from typing import BinaryIO, ClassVar, cast

from pasture import storage
from pasture.errors import ConfigError, InputError
from pasture.records import Document, to_metadata
from pasture.sources.base import InputShard, Rejected, Source, SourceInfo, one_shard_each
from pasture.sources.containers import archives
from pasture.sources.containers.compression import decompress, skip_blank_lines
from pasture.sources.containers.crawl_pages import (
    CRAWL_ROOT,
    MAX_PAGE_BYTES,
    TextPage,
    expand_listings,
    read_pages,
    text_lines,
)
from pasture.sources.containers.main_content import Extractor
from pasture.sources.containment import contained, contained_file
from pasture.sources.dates import parse_utc

_WARC_MAGIC = b"WARC/"
_PREVIEW = 2000
_KEYS = ("text", "timestamp", "url")


@dataclasses.dataclass(frozen=True)
class C4(Source):
    """The rows of C4 as released, or the pages of a crawl (LLaMA, section 2.1).

    A row's id is ``file:line`` with the file's base name, counted from 1: the only name that is
    unique, because the release holds some addresses twice.

    Args:
        inputs: ``.json.gz`` files of the release, or WET or WARC files or listings of them.
        root: Folder, bucket or address before each line of a crawl's listing.
        max_characters: Longest page of a crawl; the release has none that is longer (C4).
        max_row_bytes: Largest JSON row. A page of 190,000 characters takes at most 2.3 MB, with
            every character escaped as a surrogate pair.
        extractor: What turns the HTML of WARC files into text.
        max_page_bytes: Largest page of a crawl, in bytes after HTTP decoding.
    """

    name = "c4"
    info: ClassVar[SourceInfo] = SourceInfo(
        title="C4, the Colossal Clean Crawled Corpus",
        homepage="https://huggingface.co/datasets/allenai/c4",
        licence="ODC-BY 1.0, and the Common Crawl terms of use",
        paper_section="2.1, C4",
        raw_size="305 GB of JSON, gzip (variant en); or one crawl, 2019-18",
        formats="JSON lines (.json.gz, plain or gzip); WET and WARC",
    )

    root: str = CRAWL_ROOT
    max_characters: int = 190_000
    max_row_bytes: int = 16 << 20
    extractor: Extractor = "auto"
    max_page_bytes: int = MAX_PAGE_BYTES

    def __post_init__(self) -> None:
        for option in ("max_characters", "max_row_bytes", "max_page_bytes"):
            if getattr(self, option) < 1:
                raise ConfigError(f"{option} is {getattr(self, option)}; it must be at least 1")

    def files(self) -> list[tuple[str, int]]:
        """List the files, with those that a listing names in its place; sorted, each once."""
        return expand_listings(super().files(), self.root)

    def shards(self) -> list[InputShard]:
        """Make each file a shard.

        Raises:
            InputError: Two files have one base name, so their rows' ids would clash.
        """
        files = self.files()
        names = collections.Counter(posixpath.basename(path) for path, _ in files)
        name, count = max(names.items(), key=lambda item: item[1])
        if count > 1:
            raise InputError(
                f"c4: {count} files are called {name}, which is part of their rows' ids; "
                f"rename them, or run the variants of C4 one by one"
            )
        return one_shard_each(files)

    def read(self, shard: InputShard) -> Iterator[Document | Rejected]:
        """Yield the rows or pages of each file."""
        for path in shard.paths:
            read = self._read_pages if _is_warc(path) else self._read_rows
            yield from contained_file(path, read(path))

    def _read_rows(self, path: str) -> Iterator[Document | Rejected]:
        file = posixpath.basename(path)
        for number, row in _read_lines(path, self.max_row_bytes):
            if isinstance(row, Rejected):
                yield row
                continue
            locator = f"{file}:{number}"
            yield contained(locator, f"{path}, line {number}", parse_row, row, locator, file)

    def _read_pages(self, path: str) -> Iterator[Document | Rejected]:
        for page in read_pages(path, self.extractor, self.max_page_bytes):
            if isinstance(page, TextPage):
                yield contained(page.id, path, self.document, page)
            else:
                yield page

    def document(self, page: TextPage) -> Document | Rejected:
        """Make a document of a crawled page; C4 leaves out what has no address or date."""
        text = "\n".join(text_lines(page.text))
        reason = self._reason(page, text)
        if reason:
            return Rejected(page.id, reason, detail=f"{len(text):,} characters")
        metadata = to_metadata(
            title=page.title or None, file=page.file, crawl_languages=page.languages
        )
        return Document(page.id, self.name, text, url=page.url, date=page.date, metadata=metadata)

    def _reason(self, page: TextPage, text: str) -> str | None:
        if not page.url:
            return "no_url"
        if page.date is None:
            return "no_date"
        if not text:
            return "empty"
        return "too_long" if len(text) > self.max_characters else None


def _is_warc(path: str) -> bool:
    with storage.open_read(path) as stream:
        try:
            return decompress(stream).read(len(_WARC_MAGIC)) == _WARC_MAGIC
        except archives.DAMAGED:
            return False  # reading it as rows tells what is wrong with it


def _read_lines(path: str, max_bytes: int) -> Iterator[tuple[int, bytes | Rejected]]:
    """Yield the lines of a file, plain or gzip, with their numbers, and what is wrong with it."""
    file = posixpath.basename(path)
    number = 0
    with storage.open_read(path) as raw:
        try:
            stream = cast(io.BufferedReader, decompress(raw))
            while line := stream.readline(max_bytes + 1):
                number += 1
                if len(line) > max_bytes and line[max_bytes:] != b"\n":
                    _skip_line(stream, line)
                    detail = f"more than {max_bytes:,} bytes"
                    start = line[:_PREVIEW].decode("utf-8", "replace")
                    name = f"{file}:{number}"
                    yield number, Rejected(name, "row_too_large", "bad_record", detail, start)
                elif line.isspace():
                    number += skip_blank_lines(stream)
                else:
                    yield number, line
        except archives.DAMAGED as error:
            detail = f"after line {number:,}: {error!r}"
            yield number, Rejected(f"{path}:{number + 1}", "damaged_file", "bad_file", detail)
        else:
            if number == 0:
                yield 0, Rejected(path, "empty_file", "bad_file", "the file holds no line")


def _skip_line(stream: BinaryIO, line: bytes) -> None:
    while line and not line.endswith(b"\n"):
        line = stream.readline(1 << 20)


def parse_row(line: bytes, locator: str, file: str) -> Document | Rejected:
    """Turn one released row into a document, its text unaltered."""
    try:
        row = json.loads(line.decode("utf-8"))
    except UnicodeDecodeError as error:
        return _bad_row(locator, "not_utf8", str(error), line)
    except (ValueError, RecursionError) as error:
        return _bad_row(locator, "not_json", str(error), line)
    if not isinstance(row, dict):
        return _bad_row(locator, "not_an_object", type(row).__name__, line)
    missing = [key for key in _KEYS if key not in row]
    if missing:
        return _bad_row(locator, "missing_key", ", ".join(missing), line)
    wrong = [key for key in _KEYS if not isinstance(row[key], str)]
    if wrong:
        return _bad_row(locator, "not_a_string", ", ".join(wrong), line)
    text, url = row["text"], row["url"]
    if not text.strip():
        return Rejected(locator, "empty", detail=url)
    try:
        (text + url).encode("utf-8")
        date = parse_utc(row["timestamp"])
    except UnicodeEncodeError as error:
        return _bad_row(locator, "invalid_unicode", str(error), line)
    except ValueError as error:
        return _bad_row(locator, "bad_timestamp", str(error), line)
    return Document(locator, C4.name, text, url=url, date=date, metadata=to_metadata(file=file))


def _bad_row(locator: str, reason: str, detail: str, line: bytes) -> Rejected:
    text = line[:_PREVIEW].decode("utf-8", "replace")
    return Rejected(locator, reason, "bad_record", detail, text)
