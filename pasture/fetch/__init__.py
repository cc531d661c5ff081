"""Fetching the public raw data of the sources, laid out as the built-in recipes expect."""

from __future__ import annotations

from pasture.fetch.arxiv import ArxivOrigin
from pasture.fetch.base import Origin
from pasture.fetch.books import BooksOrigin
from pasture.fetch.c4 import C4Origin
from pasture.fetch.common_crawl import CommonCrawlOrigin
from pasture.fetch.github import GitHubOrigin
from pasture.fetch.stackexchange import StackExchangeOrigin
from pasture.fetch.wikipedia import WikipediaOrigin

ORIGINS: dict[str, type[Origin]] = {
    origin.name: origin
    for origin in (
        CommonCrawlOrigin,
        C4Origin,
        GitHubOrigin,
        WikipediaOrigin,
        BooksOrigin,
        ArxivOrigin,
        StackExchangeOrigin,
    )
}
