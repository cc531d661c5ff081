"""The interface that every source implements.

A source lists units of work (``shards``) and reads each as documents (``read``). It parses
and cleans markup; it never judges quality, and never imports Beam. Whatever is not a document
is yielded as a ``Rejected``, so that records in = documents + rejected, always.
"""

from __future__ import annotations

import abc
import dataclasses
from collections.abc import Iterator, Sequence
from typing import ClassVar, Literal

from pasture import storage
from pasture.errors import InputError
from pasture.records import Document


@dataclasses.dataclass(frozen=True, slots=True)
class InputShard:
    """A unit of work: one raw file, a range of one giant file, or several small files.

    Args:
        paths: The raw files, in the order in which they are read.
        start: First byte of the range.
        end: Byte after the range; None means the end of the file.
        bytes: Size of the unit in raw bytes, for plans and progress.
        sizes: Bytes of each path when it was listed, where that is known; a run that finds
            another size fails rather than mix two states of its input.
    """

    paths: tuple[str, ...]
    start: int = 0
    end: int | None = None
    bytes: int = 0
    sizes: tuple[int | None, ...] = ()

    def check_unchanged(self) -> None:
        """Compare the sizes of the raw files with the listing.

        Raises:
            InputError: A file is gone, or has another size.
        """
        for path, listed in zip(self.paths, self.sizes, strict=False):
            now = storage.size(path) if listed is not None else listed
            if now != listed:
                state = "gone" if now is None else f"{now:,} bytes"
                raise InputError(
                    f"{path} changed during the run: it had {listed:,} bytes when it was listed, "
                    f"and is {state} now; start again when the input stays as it is"
                )


@dataclasses.dataclass(frozen=True, slots=True)
class Rejected:
    """A raw record that gave no document, and why.

    Args:
        locator: What the record is called: its id, or ``file:offset``.
        reason: A snake_case fact, such as ``redirect`` or ``not_utf8``.
        kind: ``rule`` where a rule of the source left a sound record out (a redirect, a
            licence that is not permissive); ``bad_record`` where the record is broken;
            ``bad_file`` where the rest of a file could not be read. The last two count
            against the recipe's budget of bad records and bad files.
        detail: What exactly was wrong: the parser's message, the byte offset.
        text: The record's text, or its start, where it is at hand, for the audit.
    """

    locator: str
    reason: str
    kind: Literal["rule", "bad_record", "bad_file"] = "rule"
    detail: str = ""
    text: str = ""


@dataclasses.dataclass(frozen=True, slots=True)
class SourceInfo:
    """What a user should know of a source before using it.

    Args:
        title: Name for people.
        homepage: Where the raw data is described.
        licence: Terms of the raw data, in a few words.
        paper_section: Where the LLaMA paper (arXiv:2302.13971) treats it.
        raw_size: Size of the raw input at full scale, in words.
        formats: The raw containers that the source reads.
    """

    title: str
    homepage: str
    licence: str
    paper_section: str
    raw_size: str
    formats: str


@dataclasses.dataclass(frozen=True)
class Source(abc.ABC):
    """A corpus that can be listed as shards and read as documents.

    A subclass is a frozen dataclass; its fields are its options, with the paper's rules as
    defaults.

    Args:
        inputs: Files or glob patterns, local or remote.
    """

    name: ClassVar[str]
    info: ClassVar[SourceInfo]

    inputs: tuple[str, ...]

    @abc.abstractmethod
    def shards(self) -> list[InputShard]:
        """List the units of work in a fixed order. Reads listings only, no document."""

    @abc.abstractmethod
    def read(self, shard: InputShard) -> Iterator[Document | Rejected]:
        """Yield every record of a shard, in file order."""

    def files(self) -> list[tuple[str, int]]:
        """List the raw files as ``(path, bytes)``, sorted; each once.

        Raises:
            InputError: A pattern matches no file.
        """
        found: dict[str, int] = {}
        for pattern in self.inputs:
            matches = storage.glob(pattern)
            if not matches:
                raise InputError(
                    f"{self.name}: no file matches {pattern}; check the recipe's inputs, "
                    f"or name the folder that holds them with --input"
                )
            found.update(matches)
        return sorted(found.items())


def one_shard_each(files: Sequence[tuple[str, int]]) -> list[InputShard]:
    """Make each file a shard of its own."""
    return [InputShard((path,), bytes=size) for path, size in files]


def group_files(files: Sequence[tuple[str, int]], target_bytes: int) -> list[InputShard]:
    """Group small files, in order, into shards of about ``target_bytes`` raw bytes."""
    shards: list[InputShard] = []
    paths: list[str] = []
    total = 0
    for path, size in files:
        if paths and total + size > target_bytes:
            shards.append(InputShard(tuple(paths), bytes=total))
            paths, total = [], 0
        paths.append(path)
        total += size
    if paths:
        shards.append(InputShard(tuple(paths), bytes=total))
    return shards
