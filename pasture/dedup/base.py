"""What every kind of deduplication has: the options that do not change how duplicates are found."""

from __future__ import annotations

import abc
import dataclasses
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, ClassVar, Literal

import apache_beam as beam
import pyarrow as pa

from pasture import config, storage
from pasture.dedup.index import write_entries
from pasture.dedup.matching import Entries
from pasture.dedup.parts import PartsFound, RemovedParts


@dataclasses.dataclass(frozen=True, kw_only=True)
class Deduplication(abc.ABC):
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

    @abc.abstractmethod
    def find(self, text_bytes: int, block_starts: tuple[int, ...] = ()) -> beam.PTransform:
        """Return the search: shards, ``(index, path)``, to what it finds in each.

        Args:
            text_bytes: Bytes of text that are compared with each other, about.
            block_starts: The first shard of each block; empty where all shards are compared.
        """

    @abc.abstractmethod
    def reader(self) -> Callable[[str], Entries]:
        """Return what reads the shard of documents at a path as the entries that are compared."""

    def write_index(self, documents: str, folder: str, names: list[str]) -> list[str]:
        """Write what the search reads of a shard of documents; return the files' names.

        Args:
            documents: Path of the shard.
            folder: Where the files go.
            names: Names for the entries and for the shingles, where there are any.
        """
        entries, _ = names
        write_entries(self.reader()(documents), storage.join(folder, entries))
        return [entries]

    def block_starts(self, files: Sequence[int], text_bytes: Sequence[int]) -> tuple[int, ...]:
        """Number the first shard of each block; empty where all shards are one block.

        Args:
            files: For each shard, how many input files it has that no shard before it has.
            text_bytes: For each shard, the bytes of its text.
        """
        return ()

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


@dataclasses.dataclass(frozen=True, kw_only=True)
class BlockDeduplication(Deduplication):
    """A deduplication of lines or spans, which may compare them within blocks of shards only.

    At most one of the options is given. 0 compares all shards.

    Args:
        scope_files: Most input files of a block. A file that has several shards is not split.
        scope_bytes: Most bytes of text of a block, as it comes into the stage. A larger shard is
            a block of its own.
        scope_shards: Most shards of a block.
    """

    default_scope_files: ClassVar[int] = 0

    scope_files: int | None = None
    scope_bytes: int | None = None
    scope_shards: int | None = None

    def __post_init__(self) -> None:
        super().__post_init__()
        given = {name: size for name, size in self._scopes().items() if size is not None}
        for name, size in given.items():
            if size < 0:
                raise ValueError(f"{name} is {size}; give 1 or more, or 0 for all shards")
        if len(given) > 1:
            names = " and ".join(f"{name} ({size})" for name, size in given.items())
            raise ValueError(f"{names} are given; give one of them, and set the other to null")
        if not given:
            # So that every manifest names the scope.
            object.__setattr__(self, "scope_files", self.default_scope_files)
        if (self.against or self.index) and any(self._scopes().values()):
            raise ValueError("against and index compare all shards: set scope_files to 0")

    @abc.abstractmethod
    def drop(self, texts: pa.Array, found: PartsFound) -> tuple[pa.Array, RemovedParts]:
        """Remove the parts that the search found from a column of texts.

        Returns:
            The texts that are left, and the removed parts.
        """

    def _scopes(self) -> dict[str, int | None]:
        names = ("scope_files", "scope_bytes", "scope_shards")
        return {name: getattr(self, name) for name in names}

    def block_starts(self, files: Sequence[int], text_bytes: Sequence[int]) -> tuple[int, ...]:
        """Number the first shard of each block; empty where all shards are one block."""
        weights = {
            "scope_files": files,
            "scope_bytes": text_bytes,
            "scope_shards": [1] * len(files),
        }
        for name, scope in self._scopes().items():
            if scope:
                return tuple(_starts(weights[name], scope))
        return ()


def _starts(weights: Sequence[int], scope: int) -> Iterator[int]:
    """Fill each block up to its scope; give the first number of each."""
    total = 0
    for number, weight in enumerate(weights):
        total += weight
        # A shard without weight holds the rest of a file, or no text: it stays where it is.
        if number == 0 or (weight and total > scope):
            yield number
            total = weight
