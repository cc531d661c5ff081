"""C4: the released files, or pages of a crawl."""

from __future__ import annotations

from pasture.sources.c4.source import C4

__all__ = ["C4"]
