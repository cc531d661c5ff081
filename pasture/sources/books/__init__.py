"""Books: Project Gutenberg's texts, and archives shaped as Books3."""

from __future__ import annotations

from pasture.sources.books.source import Books

__all__ = ["Books"]
