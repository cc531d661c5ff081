"""The rows of a BigQuery export of GitHub: one JSON object a line, one file of a repository each.

Numbers may come as strings, as BigQuery writes 64-bit ones. A repository's licence files stand
among its rows in any order, so ``row_licenses`` collects them before the files are read.
"""

from __future__ import annotations

import dataclasses
import io
import json
import re
from collections.abc import Iterator
from typing import Any, cast

from pasture import storage
from pasture.sources.base import Rejected
from pasture.sources.containers.archives import DAMAGED
from pasture.sources.containers.compression import decompress, skip_blank_lines
from pasture.sources.github import spdx
from pasture.sources.github.license_tree import Found, speaks_of_license

MAX_ROW_BYTES = 64 << 20
"""Longest row of an export that is read; ours. BigQuery holds no file above 1 MiB as text."""

LICENSE_TEXT_BYTES = 1 << 20
"""Largest licence or metadata file that is read; ours."""

_ROW_PATH = re.compile(rb'"path"\s*:\s*"((?:[^"\\]|\\.){1,2000})"')


@dataclasses.dataclass(frozen=True, slots=True)
class SourceFile:
    """One file of a repository, decoded."""

    repo: str
    path: str
    text: str
    size: int
    ref: str | None = None
    encoding: str | None = None


def printable(name: str) -> str:
    """A name with its undecodable bytes written out, so that it can be stored."""
    return name.encode("utf-8", "backslashreplace").decode()


def parse_row(line: bytes, locator: str) -> tuple[SourceFile, Found | None] | Rejected:
    """Parse a row of the export: a file, and what the ``license`` column says of it."""
    try:
        row: Any = json.loads(line)
    except (ValueError, RecursionError) as error:
        return Rejected(locator, "broken_row", "bad_record", repr(error)[:200])
    if not isinstance(row, dict):
        return Rejected(locator, "broken_row", "bad_record", "not a JSON object")
    repo, path, content = row.get("repo_name"), row.get("path"), row.get("content")
    if not isinstance(repo, str) or not isinstance(path, str) or not repo or not path:
        return Rejected(locator, "broken_row", "bad_record", "no repo_name or no path")
    locator = printable(f"{repo}@{path}")
    if locator != f"{repo}@{path}":
        return Rejected(locator, "bad_path", "bad_record", "the name is not UTF-8")
    if str(row.get("mode")) == "40960" or row.get("symlink_target"):
        return Rejected(locator, "symlink")
    if row.get("binary") in (True, "true"):
        return Rejected(locator, "binary")
    if content is None:
        return Rejected(locator, "no_content", detail=f"size {row.get('size')}")
    if not isinstance(content, str):
        return Rejected(locator, "broken_row", "bad_record", "content is not a string")
    try:
        size = len(content.encode())
    except UnicodeEncodeError as error:
        return Rejected(locator, "broken_row", "bad_record", str(error)[:200])
    ref, license_ = row.get("ref"), row.get("license")
    stated = spdx.parse(license_) if isinstance(license_, str) else None
    file = SourceFile(
        repo, path, content.removeprefix("\ufeff"), size, ref if isinstance(ref, str) else None
    )
    return file, Found(stated, "license column") if stated is not None else None


def read_rows(path: str) -> Iterator[tuple[str, bytes | Rejected]]:
    """Yield the rows of an export with their locators; what is damaged, as ``Rejected``."""
    number = 0
    try:
        with storage.open_read(path) as raw, decompress(raw) as stream:
            while line := stream.readline(MAX_ROW_BYTES):
                number += 1
                locator = f"{path}:{number}"
                if len(line) == MAX_ROW_BYTES and not line.endswith(b"\n"):
                    while (rest := stream.readline(MAX_ROW_BYTES)) and not rest.endswith(b"\n"):
                        pass
                    detail = f"more than {MAX_ROW_BYTES:,} bytes"
                    yield locator, Rejected(locator, "row_too_long", "bad_record", detail)
                elif line := line.strip():
                    yield locator, line
                else:
                    number += skip_blank_lines(cast(io.BufferedReader, stream))
    except DAMAGED as error:
        yield path, Rejected(path, "damaged_file", "bad_file", f"after row {number}: {error!r}")


def row_licenses(path: str) -> dict[str, dict[str, str]]:
    """Collect the licence and metadata files among the rows of an export, by repository."""
    found: dict[str, dict[str, str]] = {}
    for locator, line in read_rows(path):
        match = _ROW_PATH.search(line) if isinstance(line, bytes) else None
        if match is None or isinstance(line, Rejected):
            continue
        if speaks_of_license(match[1].decode("utf-8", "replace")):
            row = parse_row(line, locator)
            if not isinstance(row, Rejected) and row[0].size <= LICENSE_TEXT_BYTES:
                found.setdefault(row[0].repo, {})[row[0].path] = row[0].text
    return found
