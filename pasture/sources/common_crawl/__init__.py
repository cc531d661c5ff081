"""CommonCrawl: pages of crawls, from WET or WARC files."""

from __future__ import annotations

from pasture.sources.common_crawl.source import CommonCrawl

__all__ = ["CommonCrawl"]
