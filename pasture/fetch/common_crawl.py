"""Common Crawl: the WET or WARC files of one crawl, by the crawl's own listing."""

from __future__ import annotations

import dataclasses
import re
from typing import ClassVar, Literal

from pasture.errors import ConfigError, FetchError
from pasture.fetch.base import (
    Manners,
    Origin,
    RemoteFile,
    Terms,
    checked_path,
    gunzip,
    printable,
    unique,
)
from pasture.fetch.client import Client

_CRAWL = re.compile(r"CC-MAIN-\d{4}(?:-\d{2,4})*")


@dataclasses.dataclass(frozen=True)
class CommonCrawlOrigin(Origin):
    """The files of a crawl, at https://data.commoncrawl.org or a mirror.

    Args:
        crawl: Name of the crawl, such as ``CC-MAIN-2019-09``.
        kind: ``wet`` for the texts, which the recipes read, or ``warc`` for the HTML.
        segments: Only the first so many segments of the crawl; a crawl has about 100.
    """

    name: ClassVar[str] = "common_crawl"
    terms: ClassVar[Terms] = Terms(
        licence="The crawls are free to use under Common Crawl's terms of use. The pages belong "
        "to their authors.",
        url="https://commoncrawl.org/terms-of-use",
        size="a crawl: 7 to 9 TB of WET, 60 to 90 TB of WARC; a file: about 100 MB or 1 GB",
        advice="Within AWS, read s3://commoncrawl/ in place of fetching (docs/sources).",
    )
    # "Retrying no more than once per second is polite enough": status.commoncrawl.org
    manners: ClassVar[Manners] = Manners(retries=30, backoff=1.0, obey_robots=True)
    max_file_bytes: ClassVar[int] = 16 << 30

    base_url: str = "https://data.commoncrawl.org"
    crawl: str = ""
    kind: Literal["wet", "warc"] = "wet"
    segments: int | None = None

    def __post_init__(self) -> None:
        super().__post_init__()
        if not _CRAWL.fullmatch(self.crawl):
            raise ConfigError(
                f"common_crawl: --crawl is {self.crawl!r}; give one such as CC-MAIN-2019-09 "
                f"(https://index.commoncrawl.org/collinfo.json lists them)"
            )
        if self.kind not in ("wet", "warc"):
            raise ConfigError(f"common_crawl: --kind is {self.kind!r}; give wet or warc")
        if self.segments is not None and self.segments < 1:
            raise ConfigError(f"--segments is {self.segments}; it must be at least 1")

    def robots_url(self) -> str | None:
        """The listing's address stands for all files of the crawl."""
        return self._listing()

    def _listing(self) -> str:
        return self.url(f"crawl-data/{self.crawl}/{self.kind}.paths.gz")

    def files(self, client: Client) -> list[RemoteFile]:
        """Read the crawl's listing."""
        url = self._listing()
        body, _ = client.read(url)
        names = gunzip(body, url).decode("utf-8", "replace").split("\n")
        suffix = r"\.warc\.wet\.gz" if self.kind == "wet" else r"\.warc\.gz"
        expected = re.compile(
            rf"crawl-data/{self.crawl}/segments/([\w.]+)/{self.kind}/[\w.-]+{suffix}", re.ASCII
        )
        found, segments = [], set[str]()
        for name in names:
            if not name:
                continue
            path = checked_path(name, url)
            match = expected.fullmatch(path)
            if match is None:
                raise FetchError(
                    f"{url}: {printable(name)} is no {self.kind} file of {self.crawl}; "
                    f"try again later, or name a mirror with --base-url"
                )
            segments.add(match[1])
            if self.segments is not None and len(segments) > self.segments:
                break
            found.append(RemoteFile(f"common_crawl/{path}", (self.url(path),)))
        if not found:
            raise FetchError(f"{url} lists no file; try again later")
        return unique(found, url)[: self.limit]
