"""What every kind of deduplication has: the options that do not change how duplicates are found."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping
from typing import Any, ClassVar, Literal

from pasture import config
from pasture.dedup.matching import Entries


@dataclasses.dataclass(frozen=True, kw_only=True)
class Deduplication:
    """One deduplication of a recipe, a stage of its own.

    Args:
        max_removed: Highest share of the source, 0 to 1, that may go before the run stops and
            asks. It counts documents, or the bytes of text where lines are removed.
        against: Other sources of the recipe, or ``source/stage``; what repeats one of their
            documents goes, and they stay as they are.
        index: Folders with indexes that earlier runs kept; what repeats a document in them goes.
        keep_index: Keep an index of the documents that stay, for later runs.
    """

    name: ClassVar[str]
    removes: ClassVar[Literal["documents", "text"]] = "documents"

    max_removed: float = 0.5
    against: tuple[str, ...] = ()
    index: tuple[str, ...] = ()
    keep_index: bool = False

    def __post_init__(self) -> None:
        if not 0 <= self.max_removed <= 1:
            raise ValueError(f"max_removed is {self.max_removed}; give a share of 0 to 1")
        if (self.against or self.index) and getattr(self, "scope_shards", None):
            raise ValueError("against and index look at all shards: set scope_shards to 0")

    def reader(self) -> Callable[[str], Entries]:
        """What reads the shard of documents at a path as the entries that are compared."""
        raise NotImplementedError

    def plain(self) -> dict[str, Any]:
        """The options that the output depends on, as plain values; without the indexes."""
        body: dict[str, Any] = config.plain(self)
        for name in ("max_removed", "index", "keep_index"):
            del body[name]
        return body

    def share_removed(self, totals: Mapping[str, Any]) -> float:
        """The share that a stage removed, by the totals of its manifest."""
        documents = self.removes == "documents"
        before, after = ("rows_in", "rows") if documents else ("bytes_in", "text_bytes")
        return 1 - totals[after] / totals[before] if totals[before] else 0.0
