"""GitHub: code under permissive licences, from rows, archives and folders."""

from __future__ import annotations

from pasture.sources.github.source import GitHub

__all__ = ["GitHub"]
