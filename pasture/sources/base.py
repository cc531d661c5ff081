"""The interface that every source implements.

A source lists units of work (``shards``) and reads each as documents (``read``). It parses
and cleans markup; it never judges quality, and never imports Beam. Whatever is not a document
is yielded as a ``Rejected``, so that records in = documents + rejected, always.
"""

from __future__ import annotations

import abc
import dataclasses
import itertools
import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, ClassVar, Literal

from pasture import storage
from pasture.errors import InputError
from pasture.records import Columns, Document, snake_case

ALGORITHMS = {32: "md5", 40: "sha1", 64: "sha256", 128: "sha512"}
"""How a checksum was made, by its length in hexadecimal digits."""
_CHECKSUM = re.compile(r"\A([0-9a-fA-F]{32,128}) [ *](.+)")


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
        versions: What stood for its version then (``storage.versions``), likewise.
        checksums: What it must hash to, in hexadecimal, where the user has said so.
    """

    paths: tuple[str, ...]
    start: int = 0
    end: int | None = None
    bytes: int = 0
    sizes: tuple[int | None, ...] = ()
    versions: tuple[str | None, ...] = ()
    checksums: tuple[str | None, ...] = ()

    def check_contents(self) -> None:
        """Hash the raw files that have a checksum. The first range of a file stands for all.

        Raises:
            InputError: A file has other contents.
        """
        for path, expected in zip(self.paths, self.checksums, strict=False):
            if expected is None or self.start > 0:
                continue
            found = storage.digest(path, ALGORITHMS[len(expected)])
            if found != expected:
                raise InputError(
                    f"{path} is not what its checksum says: it hashes to {found}, not to "
                    f"{expected}; fetch it again, or correct sources.NAME.checksums"
                )

    def check_unchanged(self) -> None:
        """Compare the sizes and versions of the raw files with the listing.

        Raises:
            InputError: A file is gone, or another one.
        """
        for path, size, version in itertools.zip_longest(self.paths, self.sizes, self.versions):
            if size is None and version is None:
                continue
            now = storage.state(path)
            if now is None:
                said = "is gone now"
            elif size is not None and now[0] != size:
                said = f"is {now[0]:,} bytes now"
            elif version is not None and now[1] != version:
                said = "was written anew"
            else:
                continue
            listed = "" if size is None else f" with {size:,} bytes"
            raise InputError(
                f"{path} changed during the run: it was listed{listed}, and {said}; start again "
                f"when the input stays as it is"
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

    @classmethod
    def of_docstring(cls, source: type) -> SourceInfo:
        """Describe a source that says nothing of itself but its docstring."""
        title = (source.__doc__ or source.__name__).strip().partition("\n")[0]
        return cls(title, homepage="", licence="", paper_section="", raw_size="", formats="")


@dataclasses.dataclass(frozen=True)
class Source(abc.ABC):
    """A corpus that can be listed as shards and read as documents.

    A subclass is a frozen dataclass; its fields are its options, with the paper's rules as
    defaults.

    Args:
        inputs: Files or glob patterns, local or remote.
    """

    name: ClassVar[str]
    """The kind's name: what a recipe gives as ``kind:``; by default the class's in snake_case."""
    info: ClassVar[SourceInfo]

    inputs: tuple[str, ...]

    def __init_subclass__(cls, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        if "name" not in cls.__dict__:
            cls.name = snake_case(cls.__name__)
        if not hasattr(cls, "info"):
            cls.info = SourceInfo.of_docstring(cls)

    def new_columns(self) -> Columns:
        """Return the columns beyond the fixed schema that the documents have (``extra``)."""
        return {}

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
        return storage.find_files(self.inputs, self.name)

    def versions(self) -> dict[str, str]:
        """Tell the versions of the raw files, where there are any (``storage.versions``)."""
        found: dict[str, str] = {}
        for pattern in self.inputs:
            found.update(storage.versions(pattern))
        return found


def read_checksums(path: str) -> dict[str, str]:
    """Read a list as ``sha256sum``, ``sha1sum`` or ``md5sum`` write it: path to checksum.

    Names in it are relative to the list's own folder.

    Raises:
        InputError: A line is none of a list.
    """
    folder = path.rpartition("/")[0] or "."
    with storage.open_read(path) as stream:
        lines = stream.read().decode("utf-8", "replace").splitlines()
    found = {}
    for number, line in enumerate(lines, start=1):
        if not line.strip():
            continue
        match = _CHECKSUM.fullmatch(line)
        if match is None or len(match[1]) not in ALGORITHMS:
            raise InputError(
                f"{path}, line {number}: {line[:100]!r} is not a checksum and a name, as "
                f"sha256sum writes them"
            )
        name = match[2].removeprefix("./")
        found[storage.absolute(storage.join(folder, name))] = match[1].lower()
    return found


def checksums_of(
    files: Sequence[tuple[str, int]], checksums: Mapping[str, str], where: str
) -> dict[str, str]:
    """Keep the checksums of raw files.

    Raises:
        InputError: A file has none.
    """
    without = [path for path, _ in files if path not in checksums]
    if without:
        raise InputError(f"{where} has no checksum of {without[0]} ({len(without)} have none)")
    return {path: checksums[path] for path, _ in files}


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
