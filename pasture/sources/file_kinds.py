"""Which kind of source reads a raw file, by its name, first bytes, members or rows."""

from __future__ import annotations

import collections
import dataclasses
import itertools
import re
from collections.abc import Mapping, Sequence
from typing import Any

from pasture import storage
from pasture.errors import InputError
from pasture.sources.base import Rejected
from pasture.sources.containers import archives, compression
from pasture.sources.documents.check import sample_rows
from pasture.sources.documents.columns import ColumnMap
from pasture.sources.documents.formats import (
    COMPRESSIONS,
    InputFile,
    format_by_content,
    format_by_name,
)
from pasture.sources.documents.lines import TableStyle
from pasture.sources.documents.tables import (
    TableLimits,
    is_text,
    read_arrow,
    read_parquet,
    read_types,
)
from pasture.sources.github.license_tree import is_license_file
from pasture.text import code_languages

TEXT_COLUMNS = ("text", "content", "body", "raw_content", "document", "article", "markdown")
"""Usual names of the column of texts, best first."""
MIN_TEXT_CHARACTERS = 200
"""Mean length from which on a column of another name is taken for the texts; ours. Questions,
titles and addresses are shorter."""

_ROWS = 20
_START_BYTES = 64 << 10
_MEMBERS = 20
_ARXIV_MEMBER = re.compile(r"\A(?:.*/)?(?:\d{4}\.\d{4,5}|[a-z-]+\d{7})\.(?:gz|pdf|tar\.gz)$")
_OTHER_TABLE = re.compile(r"-(?:Badges|Comments|PostHistory|PostLinks|Tags|Users|Votes)\.7z$", re.I)
_CRAWL = re.compile(r"\.(?:warc|wet)(?:\.gz)?$|\.warc\.wet(?:\.gz)?$|(?:wet|warc)\.paths(?:\.gz)?$")
_WAT = re.compile(r"\.wat(?:\.gz)?$|wat\.paths(?:\.gz)?$")
_ARCHIVE = re.compile(r"\.(?:tar(?:\.(?:gz|bz2|xz))?|tgz|tbz2?|txz|zip)$", re.I)
_EXPORT = re.compile(r"\.(?:json|jsonl|ndjson)(?:\.gz)?$", re.I)
_README = re.compile(r"(?:readme|license|licence|copying|provenance|changelog)\b", re.I)
_LIMITS = TableLimits(row_bytes=64 << 20, batch_bytes=1 << 28, row_group_bytes=1 << 40)


@dataclasses.dataclass(frozen=True, slots=True)
class Verdict:
    """What a file is.

    Args:
        kind: The kind of source that reads it; None where none does, or none should.
        why: What told the kind, or why there is none.
        options: Options of the source that the file needs, nested ones with a dot in their name.
        folder: The folder that is the input, where the file by itself is not.
    """

    kind: str | None
    why: str
    options: tuple[tuple[str, str], ...] = ()
    folder: str = ""


def ending(path: str) -> str:
    """Return the end of a file's name that tells its format, with that of its compression."""
    name = path.rsplit("/", 1)[-1].lower()
    last = next((suffix for suffix in COMPRESSIONS if name.endswith(suffix)), "")
    stem = name.removesuffix(last)
    for known in (".warc.wet", ".warc.wat"):
        if stem.endswith(known):
            return known + last
    dot = stem.rfind(".")
    inner = stem[dot:] if dot > 0 else ""
    return (inner if re.fullmatch(r"\.[a-z0-9]{1,12}", inner) else "") + last


def judge_file(path: str, size: int) -> Verdict:
    """Tell what a file is; ``size`` is its size in bytes."""
    name = path.rsplit("/", 1)[-1]
    if _WAT.search(name):
        return Verdict(None, "WAT: a crawl's metadata, not its text")
    if _CRAWL.search(name):
        return Verdict("common_crawl", "the name of a crawl's file")
    if "multistream-index" in name:
        return Verdict(None, "the index of a Wikipedia dump, not its text")
    if "pages-articles" in name or "pages-meta-current" in name:
        return Verdict("wikipedia", "the name of a Wikipedia dump")
    if name.lower().endswith(".7z"):
        if _OTHER_TABLE.search(name):
            return Verdict(None, "a table of a StackExchange dump that has no posts")
        return Verdict("stackexchange", "a 7z archive, as StackExchange's dump has them")
    if name.startswith("arXiv_src"):
        return Verdict("arxiv", "the name of a bulk archive of arXiv")
    if _ARCHIVE.search(name):
        return _judge_archive(path)
    return _judge_content(path, size)


def _judge_archive(path: str) -> Verdict:
    names = []
    limits = archives.Limits(member_bytes=1 << 20, total_bytes=256 << 20)
    for member in itertools.islice(archives.read_members(path, limits), _MEMBERS):
        if isinstance(member, Rejected):
            if member.kind == "bad_file":
                break
            names.append(member.locator.removeprefix(f"{path}:"))
        else:
            names.append(member.name)
    if not names:
        return Verdict(None, "an archive that cannot be read, or is empty")
    if any(_ARXIV_MEMBER.fullmatch(name) for name in names):
        return Verdict("arxiv", "an archive of submissions named as arXiv names them")
    if all(name.lower().endswith((".txt", ".htm", ".html")) for name in names):
        return Verdict("books", "an archive of text files")
    if any(is_license_file(n) or code_languages.detect(n, "") is not None for n in names):
        return Verdict("github", "an archive of source files")
    return Verdict(None, f"an archive of files of no known kind, such as {names[0][:100]}")


def _judge_content(path: str, size: int) -> Verdict:
    with storage.open_read(path) as stream:
        try:
            start = compression.decompress(stream).read(_START_BYTES)
        except archives.DAMAGED:
            return Verdict(None, "a damaged file")
    if not start.strip():
        return Verdict(None, "an empty file")
    if start.startswith(b"WARC/"):
        return Verdict("common_crawl", "WARC records")
    if b"<mediawiki" in start[:2000]:
        return Verdict("wikipedia", "a MediaWiki export")
    if b"<posts>" in start[:2000]:
        return Verdict("stackexchange", "the posts of a StackExchange site")
    kind = format_by_name(path) or format_by_content(path)
    if kind == "text" and _README.match(path.rsplit("/", 1)[-1]):
        return Verdict(None, "text that describes the files beside it")
    if kind is None:
        return Verdict(None, "no known format")
    if kind != "text":
        return _judge_rows(InputFile(path, size, kind))
    if b"\0" in start:
        return Verdict(None, "binary data under a text file's name")
    if b"project gutenberg" in start.lower() and path.lower().endswith(".txt"):
        return Verdict("books", "a text of Project Gutenberg")
    return Verdict("documents", "text files")


def _judge_rows(file: InputFile) -> Verdict:
    """Judge a file of rows by its columns."""
    try:
        rows = _first_rows(file)
    except InputError:
        return Verdict(None, "one JSON array; write its elements one a line")
    names = list(dict.fromkeys(name for row in rows for name in row))
    if not names:
        return Verdict(None, "no row that can be read")
    if file.format == "jsonl":
        if {"repo_name", "path", "content"} <= set(names) and _EXPORT.search(file.path):
            return Verdict("github", "rows with repo_name, path and content")
        if set(names) == {"text", "timestamp", "url"}:
            return Verdict("c4", "rows with text, timestamp and url, as C4 has them")
    column = _text_column(rows, names)
    if column is None:
        listed = ", ".join(sorted(names))[:200]
        return Verdict(None, f"rows without a column of texts; there are {listed}")
    if column == "text":
        return Verdict("documents", "rows with a column text")
    return Verdict("documents", f"rows with texts in {column}", (("column_map.text", column),))


def _first_rows(file: InputFile) -> list[dict[str, Any]]:
    if file.format in ("jsonl", "csv", "tsv"):
        return sample_rows(file, TableStyle())
    types = read_types(file.path, file.format) or {}
    strings = [name for name, kind in types.items() if is_text(kind)]
    if not strings:
        return [dict.fromkeys(types)] if types else []
    columns = ColumnMap({"text": strings[0]})
    read = read_parquet if file.format == "parquet" else read_arrow
    records = itertools.islice(read(file.path, columns, _LIMITS), _ROWS)
    rows = [row for _, row in records if not isinstance(row, Rejected)]
    # A file without rows has columns all the same.
    return rows or [dict.fromkeys(strings, "")]


def _text_column(rows: Sequence[Mapping[str, Any]], names: Sequence[str]) -> str | None:
    """Guess the column of texts: one of a usual name, or that of the longest strings."""
    lengths: collections.Counter[str] = collections.Counter()
    for row in rows:
        for name, value in row.items():
            if isinstance(value, (str, bytes)):
                lengths[name] += len(value)
            elif value is not None:
                lengths[name] -= MIN_TEXT_CHARACTERS * len(rows)  # no column of strings
    for name in TEXT_COLUMNS:
        if name in names and lengths[name] >= 0:
            return name
    if not lengths:
        return None
    name, total = max(lengths.items(), key=lambda item: (item[1], item[0]))
    return name if total >= MIN_TEXT_CHARACTERS * len(rows) else None
