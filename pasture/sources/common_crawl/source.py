"""Common Crawl: WET files, or WARC files whose HTML is extracted here.

One file is one shard. A crawl's listing (``wet.paths.gz``, ``warc.paths.gz``) may stand for its
files. WET pages are read as CCNet reads them (Wenzek et al. 2020): lines stripped, blank ones
dropped, the first one the title.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from typing import ClassVar

from pasture.errors import ConfigError
from pasture.records import Document, to_metadata
from pasture.sources.base import InputShard, Rejected, Source, SourceInfo, one_shard_each
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


@dataclasses.dataclass(frozen=True)
class CommonCrawl(Source):
    """The pages of one or more crawls (LLaMA, section 2.1).

    Args:
        inputs: WET or WARC files, plain or gzip, or the crawl's listings of them
            (``wet.paths.gz``), as paths, URLs or patterns.
        root: Folder, bucket or address before each line of a listing.
        first_line_is_title: Take the first line of a WET page as its title and out of its text
            (CCNet). The title of HTML is its title element.
        min_characters: Shortest text, in characters, without the title (CCNet).
        extractor: What turns HTML into text: ``auto``, ``trafilatura``, ``trafilatura_fast`` or
            ``resiliparse``. WET pages are text already.
        max_page_bytes: Largest page, in bytes after HTTP decoding.
    """

    name = "common_crawl"
    info: ClassVar[SourceInfo] = SourceInfo(
        title="Common Crawl",
        homepage="https://commoncrawl.org",
        licence="Common Crawl terms of use; pages belong to their authors",
        paper_section="2.1, English CommonCrawl",
        raw_size="5 crawls: about 40 TB of WET or 350 TB of WARC, gzip",
        formats="WET (.warc.wet.gz), WARC (.warc.gz), plain or gzip; wet.paths.gz listings",
    )

    root: str = CRAWL_ROOT
    first_line_is_title: bool = True
    min_characters: int = 300
    extractor: Extractor = "auto"
    max_page_bytes: int = MAX_PAGE_BYTES

    def __post_init__(self) -> None:
        if self.max_page_bytes < 1:
            raise ConfigError(f"max_page_bytes is {self.max_page_bytes}; it must be at least 1")

    def files(self) -> list[tuple[str, int]]:
        """List the files, with those that a listing names in its place; sorted, each once."""
        return expand_listings(super().files(), self.root)

    def shards(self) -> list[InputShard]:
        """Make each file a shard."""
        return one_shard_each(self.files())

    def read(self, shard: InputShard) -> Iterator[Document | Rejected]:
        """Yield the pages of each file."""
        for path in shard.paths:
            yield from contained_file(path, self._read(path))

    def _read(self, path: str) -> Iterator[Document | Rejected]:
        for page in read_pages(path, self.extractor, self.max_page_bytes):
            if isinstance(page, TextPage):
                yield contained(page.id, path, self.document, page)
            else:
                yield page

    def document(self, page: TextPage) -> Document | Rejected:
        """Make a document of a page, or reject it for its length."""
        lines = text_lines(page.text)
        title = page.title
        if title is None and self.first_line_is_title:
            title, lines = (lines[0], lines[1:]) if lines else ("", [])
        text = "\n".join(lines)
        if len(text) < max(self.min_characters, 1):
            return Rejected(page.id, "too_short", detail=f"{len(text)} characters", text=text)
        return Document(
            id=page.id,
            source=self.name,
            text=text,
            url=page.url,
            date=page.date,
            metadata=to_metadata(
                title=title or None, file=page.file, crawl_languages=page.languages
            ),
        )
