"""Wikipedia: the dumps of the Wikimedia Foundation, with their published SHA-1 sums."""

from __future__ import annotations

import dataclasses
import re
from typing import ClassVar

from pasture.errors import ConfigError, FetchError
from pasture.fetch.base import Manners, Origin, RemoteFile, Terms
from pasture.fetch.client import Client
from pasture.sources.wikipedia.wiki_languages import LANGUAGES

_LATEST = "latest"


@dataclasses.dataclass(frozen=True)
class WikipediaOrigin(Origin):
    """Dumps of articles, at https://dumps.wikimedia.org or a mirror.

    ``limit`` counts wikis here, because a dump without its index is of less use.

    Args:
        languages: Codes of the wikis; the default is the paper's 20.
        date: Date of the dumps, such as ``20220801``, or ``latest``.
        multistream: Fetch the dump in many streams with its index, which several workers read
            at once; without it the smaller dump in one stream.
    """

    name: ClassVar[str] = "wikipedia"
    terms: ClassVar[Terms] = Terms(
        licence="CC BY-SA 4.0 (before 29 June 2023: 3.0) and GFDL. Attribution and share-alike "
        "bind whoever passes the texts on.",
        url="https://dumps.wikimedia.org/legal.html",
        size="about 70 GB for the 20 languages",
        advice="Wikimedia keeps a dump for some months only, and asks for a user agent with an "
        "address: --contact you@example.org. Older dumps are at mirrors.",
    )
    # Wikimedia allows few connections from one address: two.
    manners: ClassVar[Manners] = Manners(connections=2, interval=0.5)

    base_url: str = "https://dumps.wikimedia.org"
    languages: tuple[str, ...] = tuple(sorted(LANGUAGES))
    date: str = _LATEST
    multistream: bool = True

    def __post_init__(self) -> None:
        super().__post_init__()
        for code in self.languages:
            if code not in LANGUAGES:
                raise ConfigError(
                    f"wikipedia: --language is {code!r}; there are cleaning rules "
                    f"for {' '.join(sorted(LANGUAGES))}"
                )
        if self.date != _LATEST and not re.fullmatch(r"20\d{6}", self.date, re.ASCII):
            raise ConfigError(f"wikipedia: --date is {self.date!r}; give one such as 20220801")

    def files(self, client: Client) -> list[RemoteFile]:
        """Read the checksums of each wiki's dump."""
        languages = list(dict.fromkeys(self.languages))[: self.limit]
        return [file for code in languages for file in self._dump(client, f"{code}wiki")]

    def _dump(self, client: Client, wiki: str) -> list[RemoteFile]:
        url = self.url(f"{wiki}/{self.date}/{wiki}-{self.date}-sha1sums.txt")
        body, _ = client.read(url)
        tails = ["pages-articles.xml.bz2"]
        if self.multistream:
            tails = [
                "pages-articles-multistream.xml.bz2",
                "pages-articles-multistream-index.txt.bz2",
            ]
        sums = _checksums(body.decode("utf-8", "replace"), wiki)
        dates = sorted({date for date, _ in sums}, reverse=True)
        # The folder "latest" may mix the dumps of two dates while one is being made.
        for date in dates:
            if all((date, tail) in sums for tail in tails):
                return [
                    RemoteFile(
                        f"wikipedia/{wiki}-{date}-{tail}",
                        # By date, so that a fetch of "latest" can go on after a newer dump.
                        (self.url(f"{wiki}/{date}/{wiki}-{date}-{tail}"),),
                        checksum=f"sha1:{sums[date, tail]}",
                    )
                    for tail in tails
                ]
        raise FetchError(
            f"{url} does not list {wiki}-DATE-{tails[0]}; the dump may be unfinished: "
            f"name another with --date, or take --single-stream"
        )


def _checksums(text: str, wiki: str) -> dict[tuple[str, str], str]:
    """Read the checksums of a wiki's dump by date and the name's end."""
    line = re.compile(rf"([0-9a-f]{{40}})  {wiki}-(\d{{8}})-([\w.-]+)", re.ASCII)
    matches = (line.fullmatch(each.strip()) for each in text.split("\n"))
    return {(match[2], match[3]): match[1] for match in matches if match}
