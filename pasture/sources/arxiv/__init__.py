"""ArXiv: papers in LaTeX, from the bulk archives."""

from __future__ import annotations

from pasture.sources.arxiv.source import Arxiv

__all__ = ["Arxiv"]
