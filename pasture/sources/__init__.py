"""The sources. A new one is a module and a line here."""

from __future__ import annotations

from pasture.config import one_of
from pasture.sources.arxiv.source import Arxiv
from pasture.sources.base import Source
from pasture.sources.books.source import Books
from pasture.sources.c4.source import C4
from pasture.sources.common_crawl.source import CommonCrawl
from pasture.sources.documents.source import Documents
from pasture.sources.github.source import GitHub
from pasture.sources.stackexchange.source import StackExchange
from pasture.sources.wikipedia.source import Wikipedia

SOURCES: dict[str, type[Source]] = {
    source.name: source
    for source in (CommonCrawl, C4, GitHub, Wikipedia, Books, Arxiv, StackExchange, Documents)
}


def get_source(name: str) -> type[Source]:
    """Return a source by its registry name.

    Raises:
        ConfigError: There is none of that name.
    """
    return SOURCES[one_of(name, SOURCES, "source", "name")]
