"""StackExchange: questions with their answers, from the dumps."""

from __future__ import annotations

from pasture.sources.stackexchange.source import StackExchange

__all__ = ["StackExchange"]
