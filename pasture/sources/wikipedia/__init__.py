"""Wikipedia: articles from the dumps, as text."""

from __future__ import annotations

from pasture.sources.wikipedia.source import Wikipedia

__all__ = ["Wikipedia"]
