"""Duplicate lines: CCNet's paragraph-level deduplication of crawled pages.

Reads the ``text`` of each shard, and gives the lines that occur more than once within a block
of shards. What is shuffled is 64-bit hashes and positions. The rule is CCNet's (Wenzek et al.,
2020, section 3.1 and its published code): a line is compared lower-cased, with every digit as 0
and without a fixed list of Unicode punctuation; ASCII punctuation, accents and inner spaces
stay. Menus, cookie notices and licences go; what a page alone says stays.
"""

from __future__ import annotations

import dataclasses
import functools
import hashlib
import re
from collections.abc import Iterable, Sequence
from typing import Any, ClassVar, Literal

import apache_beam as beam
import numpy as np
import numpy.typing as npt

from pasture import storage
from pasture.dedup.addresses import Ints
from pasture.dedup.matching import Entries, MatchEntries, Matches

UNICODE_PUNCTUATION = "，。、„”“«»１」「《》´∶：？！（）；–—．～’…━〈〉【】％►"
"""The marks that CCNet deletes (its list holds a full-width 1, which is a digit by then)."""

_CONTROLS = bytes({*range(32), 127} - {ord("\n")})
_ZERO_DIGITS = bytes.maketrans(b"123456789", b"000000000")
_OTHER_DIGIT = re.compile(r"[^\D0-9]")
_DELETED = re.compile(f"[{re.escape(UNICODE_PUNCTUATION)}\x80-\x9f]")


@dataclasses.dataclass(frozen=True)
class DuplicateLines:
    """Drops lines that several pages share (paper, section 2.1, CommonCrawl; CCNet).

    Args:
        scope_shards: Lines are compared within blocks of so many consecutive shards (CCNet: 50
            of a dump's 1,600, about 3%); 0 compares all shards.
        keep: ``none`` removes every copy of a repeated line (CCNet); ``first`` leaves the one
            at the lowest address.
    """

    name: ClassVar[str] = "duplicate_lines"

    scope_shards: int = 50
    keep: Literal["none", "first"] = "none"

    def __post_init__(self) -> None:
        if self.scope_shards < 0:
            raise ValueError(
                f"scope_shards is {self.scope_shards}; give 1 or more, or 0 for all shards"
            )


@dataclasses.dataclass(frozen=True, slots=True, eq=False)
class DuplicateLinesFound:
    """Lines of one shard that go: parallel arrays, sorted by row and line.

    Args:
        rows: int64, the rows of the shard.
        lines: int32, the lines of their texts, from 0.
    """

    rows: Ints
    lines: npt.NDArray[np.int32]

    def to_list(self) -> list[tuple[int, int]]:
        """Give ``(row, line)`` for each line, as Python values."""
        return list(zip(self.rows.tolist(), self.lines.tolist(), strict=True))


def normalise_lines(lines: Iterable[str]) -> list[bytes]:
    """Normalise lines, which hold no line break, as CCNet does; as UTF-8, in order."""
    stripped = map(str.strip, lines)
    text = "\n".join([line if line.isascii() else _normalise(line) for line in stripped])
    return text.encode().lower().translate(_ZERO_DIGITS, _CONTROLS).split(b"\n")


def _normalise(line: str) -> str:
    # What ASCII needs besides is done for all lines at once: lower(), digits, controls.
    return _DELETED.sub("", _OTHER_DIGIT.sub("0", line.lower()))


def hash_lines(lines: Iterable[str]) -> npt.NDArray[np.uint64]:
    """Hash lines: the first 8 bytes of the SHA-1 of the normal form, little-endian."""
    sha1 = hashlib.sha1
    digests = [sha1(line).digest()[:8] for line in normalise_lines(lines)]
    return np.frombuffer(b"".join(digests), "<u8").astype(np.uint64)


def read_lines(path: str) -> Entries:
    """Read a shard as one entry a line that is not blank; positions are row << 32 | line."""
    keys, positions = [np.empty(0, np.uint64)], [np.empty(0, np.int64)]
    row = 0
    for batch in storage.read_batches(path, columns=["text"]):
        for text in batch["text"].to_pylist():
            lines = text.split("\n")
            numbers = [number for number, line in enumerate(lines) if line and not line.isspace()]
            if numbers:
                keys.append(hash_lines([lines[number] for number in numbers]))
                positions.append(np.array(numbers, np.int64) | (row << 32))
            row += 1
    return Entries(np.concatenate(keys).reshape(-1, 1), np.concatenate(positions))


def to_lines_found(shard: int, matches: Matches, keep: str) -> tuple[int, DuplicateLinesFound]:
    """Turn matched lines into the lines that go."""
    positions = (matches if keep == "none" else matches.beaten(shard)).positions
    return shard, DuplicateLinesFound(positions >> 32, (positions & 0xFFFFFFFF).astype(np.int32))


def drop_lines(text: str, lines: Sequence[int] | npt.NDArray[np.integer[Any]]) -> str:
    """Remove lines from a text, and the blank lines that would then stand twice or at an end.

    The other lines stay as they are. Gives the empty string where nothing but white space is
    left.
    """
    gone = {int(line) for line in lines}
    if not gone:
        return text
    kept: list[str] = []
    after_cut = True
    for number, line in enumerate(text.split("\n")):
        is_blank = not line.strip()
        if number in gone:
            after_cut = True
        elif not (is_blank and after_cut and not (kept and kept[-1].strip())):
            kept.append(line)
            after_cut = after_cut and is_blank
    while kept and not kept[-1].strip():
        kept.pop()
    return "\n".join(kept)


@dataclasses.dataclass
class FindDuplicateLines(beam.PTransform):  # type: ignore[misc]
    """Finds the lines that occur more than once.

    Takes ``(shard, path)`` and gives ``(shard, DuplicateLinesFound)``, for shards that have any.
    """

    config: DuplicateLines = dataclasses.field(default_factory=DuplicateLines)

    def expand(self, shards: Any) -> Any:
        """Apply the transform."""
        return (
            shards
            | "Match" >> MatchEntries(read_lines, self.config.scope_shards)
            | "ToLinesFound"
            >> beam.MapTuple(functools.partial(to_lines_found, keep=self.config.keep))
            | "HasLines" >> beam.Filter(_has_lines)
        )


def _has_lines(element: tuple[int, DuplicateLinesFound]) -> bool:
    return len(element[1].rows) > 0
