"""Project Gutenberg: plain texts by its catalogue, from a mirror.

A book lies at ``1/2/3/4/12345/`` in up to three encodings; the first that exists is taken, UTF-8
before ASCII before Latin-1. The catalogue does not say which there are, and not every book has a
plain text, so a book that is missing is counted and is no failure.
"""

from __future__ import annotations

import csv
import dataclasses
import re
from typing import ClassVar

from pasture.errors import ConfigError, FetchError
from pasture.fetch.base import Manners, Origin, RemoteFile, Terms, unique
from pasture.fetch.client import Client

_ENDINGS = ("-0.txt", ".txt", "-8.txt")
_COLUMNS = {"Text#", "Type", "Language"}
_ID = re.compile(r"[1-9]\d{0,6}", re.ASCII)

_MAX_LINE = 131_072
"""Longest line of the catalogue, in characters; ours. The csv module's limit is one for all."""


@dataclasses.dataclass(frozen=True)
class BooksOrigin(Origin):
    """Books of Project Gutenberg: the catalogue of its web site, and the files of a mirror.

    Args:
        languages: Codes of languages, such as ``en``; none for all.
        catalogue_url: Where the catalogue is, which is small and offered for programs.
    """

    name: ClassVar[str] = "books"
    terms: ClassVar[Terms] = Terms(
        licence="Most books are in the public domain in the USA; elsewhere you have to check. "
        "Copyrighted ones are dropped by the source. Project Gutenberg is a trademark.",
        url="https://www.gutenberg.org/policy/license.html",
        size="about 15 GB of plain text",
        advice="Project Gutenberg asks programs to use a mirror, slowly. For all books rsync is "
        "kinder and faster: rsync -av --include '*/' --include '*.txt' --exclude '*' "
        "aleph.gutenberg.org::gutenberg raw/books/gutenberg/ (then use the pattern "
        "books/gutenberg/**/*.txt).",
    )
    # "wget -w 2" is what its page for robots shows.
    manners: ClassVar[Manners] = Manners(
        connections=1, interval=2.0, size_probes=4, obey_robots=True
    )
    max_file_bytes: ClassVar[int] = 256 << 20

    base_url: str = "https://gutenberg.pglaf.org"
    languages: tuple[str, ...] = ()
    catalogue_url: str = "https://www.gutenberg.org/cache/epub/feeds/pg_catalog.csv"

    def __post_init__(self) -> None:
        super().__post_init__()
        for code in self.languages:
            if not re.fullmatch(r"[a-z]{2,3}", code):
                raise ConfigError(f"books: --language is {code!r}; give a code such as en")

    def files(self, client: Client) -> list[RemoteFile]:
        """Read the catalogue and choose its texts."""
        url = self.catalogue_url
        body, _ = client.read(url)
        lines = body.decode("utf-8-sig", "replace").splitlines(keepends=True)
        for number, line in enumerate(lines, start=1):
            if len(line) > _MAX_LINE:
                raise FetchError(f"{url}, line {number} is longer than {_MAX_LINE:,} characters")
        rows = csv.DictReader(lines)
        found = []
        try:
            if not set(rows.fieldnames or ()) >= _COLUMNS:
                raise FetchError(f"{url} is no catalogue of Project Gutenberg; try again later")
            for row in rows:
                name = row["Text#"] or ""
                if row["Type"] == "Text" and _ID.fullmatch(name) and self._speaks(row):
                    found.append(self._book(name))
        except csv.Error as error:
            raise FetchError(
                f"{url}, after line {rows.line_num}: {error}; try again later"
            ) from error
        if not found:
            raise FetchError(f"{url} lists no such text; check --language")
        return unique(found, url)[: self.limit]

    def _speaks(self, row: dict[str, str]) -> bool:
        codes = re.split(r"[;,\s]+", (row["Language"] or "").lower())
        return not self.languages or any(code in self.languages for code in codes)

    def _book(self, number: str) -> RemoteFile:
        folder = "/".join([*(number[:-1] or "0"), number])
        return RemoteFile(
            f"books/gutenberg/{number}.txt",
            tuple(self.url(f"{folder}/{number}{ending}") for ending in _ENDINGS),
            optional=True,
        )
