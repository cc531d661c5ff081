"""Duplicate lines: the paragraph-level deduplication of CCNet, and that of C4's code.

Reads the ``text`` of each shard, and gives the lines that occur more than once within a block
of shards. What is shuffled is 64-bit hashes and positions. By CCNet's rule (Wenzek et al., 2020,
section 3.1 and its published code) a line is compared lower-cased, with every digit as 0 and
without a fixed list of Unicode punctuation; ASCII punctuation, accents and inner spaces stay.
By C4's it is compared lower-cased.

Lines are normalised for many texts at once by Arrow and as bytes; only those that are not ASCII
are looked at as characters. The hash is XXH3 instead of CCNet's SHA-1, of which CCNet keeps 64
bits too: among 10^9 different lines, which is a block of CCNet's, two share a hash with a chance
of 3%, and among 10^11 about 270 pairs do. One who wants a line of somebody else's page removed
need not look for a collision: a copy of the line will do.
"""

from __future__ import annotations

import dataclasses
import functools
import hashlib
import itertools
import re
import string
import sys
from collections.abc import Callable, Iterable, Sequence
from typing import Any, ClassVar, Literal

import apache_beam as beam
import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from pasture import storage
from pasture.dedup.addresses import Floats, Ints
from pasture.dedup.base import Deduplication
from pasture.dedup.matching import Entries, MatchEntries, Matches
from pasture.dedup.parts import (
    NUMBER_BITS,
    PartsFound,
    check_scope,
    found_any,
    hash_parts,
    to_positions,
)
from pasture.dedup.shingles import slices
from pasture.records import RemovedLines
from pasture.urls import normalise_url

Form = Literal["ccnet", "c4"]

UNICODE_PUNCTUATION = "，。、„”“«»１」「《》´∶：？！（）；–—．～’…━〈〉【】％►"
"""The marks that CCNet deletes (its list holds a full-width 1, which is a digit by then)."""

_WHITE = " \t\n\r\v\f\x1c\x1d\x1e\x1f"  # the ASCII characters that str.strip strips
_CONTROLS = bytes({*range(32), 127} - {ord("\n")})
_ASCII_TO_CCNET = bytes.maketrans(
    b"123456789" + string.ascii_uppercase.encode(), b"000000000" + string.ascii_lowercase.encode()
)
_ANY_DIGIT = re.compile(r"\d")
# Lower-casing looks at the neighbours of the one, and makes two characters of the other.
_CAPITAL_SIGMA, _DOTTED_I = "\u03a3", "\u0130"
_DELETED = sys.maxunicode + 1  # a mark in the table of characters
SLICE_BYTES = 256 << 10
"""Text that is hashed at once, about: what the processor's cache holds in every form."""


@dataclasses.dataclass(frozen=True)
class DuplicateLines(Deduplication):
    """Drops lines that several pages share (paper, section 2.1, CommonCrawl; CCNet).

    Args:
        scope_shards: Lines are compared within blocks of so many consecutive shards (CCNet: 50
            of a dump's 1,600, about 3%); 0 compares all shards (C4).
        keep: ``none`` removes every copy of a repeated line (CCNet); ``first`` leaves the one
            at the lowest address; ``lowest_url_hash`` the one on the page whose normalised URL
            has the lowest MD5 (C4's code, which so favours no site).
        normalise: The form in which lines are compared: ``ccnet``, or ``c4``, lower-cased only.
        max_removed: Highest share of the text that may go before the run stops and asks.
    """

    name: ClassVar[str] = "duplicate_lines"
    removes: ClassVar[Literal["documents", "text"]] = "text"

    scope_shards: int = 50
    keep: Literal["none", "first", "lowest_url_hash"] = "none"
    normalise: Form = "ccnet"
    max_removed: float = dataclasses.field(default=0.8, kw_only=True)

    def __post_init__(self) -> None:
        super().__post_init__()
        check_scope(self.scope_shards)

    def reader(self) -> Callable[[str], Entries]:
        """Read the hash of each line."""
        return functools.partial(read_lines, config=self)


def split_lines(texts: pa.Array) -> tuple[pa.Array, Ints]:
    """Split a column of texts into lines, one text after the other; count each text's lines."""
    lines = pc.split_pattern(texts, "\n")
    return lines.flatten(), pc.list_value_length(lines).to_numpy().astype(np.int64)


def normalise_lines(lines: pa.Array, form: Form) -> tuple[list[bytes], npt.NDArray[np.bool_]]:
    """Bring lines, which hold no line break, into the form that is compared.

    Gives the forms, and which lines hold more than white space.
    """
    lines = pc.ascii_trim(lines, _WHITE)
    is_unicode = pc.invert(pc.string_is_ascii(lines))
    present = pc.binary_length(lines).to_numpy() > 0
    if not len(lines):
        return [], present
    unicode = [line.strip() for line in lines.filter(is_unicode).to_pylist()]
    if unicode:
        present[is_unicode.to_numpy(zero_copy_only=False)] = list(map(bool, unicode))
        text = "\n".join(unicode)
        text = text.lower() if form == "c4" else _to_ccnet(text)
        lines = pc.replace_with_mask(lines, is_unicode, pa.array(text.split("\n")))
    joined = pc.binary_join(pa.ListArray.from_arrays([0, len(lines)], lines), "\n")
    normal = joined[0].as_buffer().to_pybytes()
    normal = normal.lower() if form == "c4" else normal.translate(_ASCII_TO_CCNET, _CONTROLS)
    return normal.split(b"\n"), present


def _to_ccnet(text: str) -> str:
    """Normalise lines character by character."""
    if _CAPITAL_SIGMA in text or _DOTTED_I in text:
        text = text.lower()
    codes = _table().take(np.frombuffer(text.encode("utf-32-le"), "<u4"))
    kept: bytes = codes[codes != _DELETED].tobytes()
    return kept.decode("utf-32-le")


@functools.lru_cache(maxsize=1)
def _table() -> npt.NDArray[np.uint32]:
    """What each character becomes: another one, itself, or ``_DELETED``."""
    surrogates = range(0xD800, 0xE000)
    absent = [ord(_CAPITAL_SIGMA), ord(_DOTTED_I), *surrogates]
    codes = np.delete(np.arange(sys.maxunicode + 1, dtype="<u4"), absent)
    plain = _ANY_DIGIT.sub("0", codes.tobytes().decode("utf-32-le").lower())
    table = np.full(sys.maxunicode + 1, _DELETED, "<u4")
    table[codes] = np.frombuffer(plain.encode("utf-32-le"), "<u4")
    deleted = [*_CONTROLS, *range(0x80, 0xA0), *map(ord, UNICODE_PUNCTUATION)]
    table[np.isin(table, deleted)] = _DELETED
    return table


def read_lines(path: str, config: DuplicateLines) -> Entries:
    """Read a shard as one entry a line that is not blank; positions are row << 32 | line."""
    by_url = config.keep == "lowest_url_hash"
    keys, positions = [np.empty(0, np.uint64)], [np.empty(0, np.int64)]
    ranks = [np.empty(0, np.float64)]
    row = 0
    for batch in storage.read_batches(path, columns=["text", "url"] if by_url else ["text"]):
        if by_url:
            ranks.append(_rank_urls(batch["url"].to_pylist()))
        for texts in slices(batch["text"], SLICE_BYTES):
            lines, counts = split_lines(texts)
            normal, present = normalise_lines(lines, config.normalise)
            keys.append(hash_parts(normal)[present])
            positions.append(to_positions(counts, row)[present])
            row += len(texts)
    found = np.concatenate(positions)
    return Entries(
        np.concatenate(keys).reshape(-1, 1),
        found,
        np.concatenate(ranks)[found >> NUMBER_BITS] if by_url else None,
    )


def _rank_urls(urls: Iterable[str | None]) -> Floats:
    """Rank pages by the MD5 of their URL, of which a float holds 53 bits; no URL is the worst."""
    return np.array([_rank_url(url) if url else np.nan for url in urls], np.float64)


def _rank_url(url: str) -> float:
    digest = hashlib.md5(normalise_url(url).encode(), usedforsecurity=False).digest()
    return float(int.from_bytes(digest[:8], "big") >> 11)


def to_lines_found(shard: int, matches: Matches, keep: str) -> tuple[int, PartsFound]:
    """Turn matched lines into the lines that go."""
    return shard, PartsFound.of((matches if keep == "none" else matches.beaten(shard)).positions)


def drop_lines(text: str, numbers: list[int]) -> tuple[str, RemovedLines]:
    """Remove lines from a text, and the blank lines that would then stand twice or at an end.

    The other lines stay as they are. Gives the text and the lines that went; the empty string
    where nothing but white space is left.
    """
    if not numbers:
        return text, RemovedLines()
    lines = text.split("\n")
    stays = [True] * len(lines)
    for number in numbers:
        stays[number] = False
    has_blank = not all(map(str.strip, lines))
    kept = _without_gaps(lines, stays) if has_blank else itertools.compress(lines, stays)
    removed = [lines[number] for number in numbers]
    return "\n".join(kept), RemovedLines(numbers, removed, ["duplicate_line"] * len(numbers))


def _without_gaps(lines: Sequence[str], stays: Sequence[bool]) -> list[str]:
    kept: list[str] = []
    after_cut = True
    for line, stay in zip(lines, stays, strict=True):
        is_blank = not line.strip()
        if not stay:
            after_cut = True
        elif not (is_blank and after_cut and not (kept and kept[-1].strip())):
            kept.append(line)
            after_cut = after_cut and is_blank
    while kept and not kept[-1].strip():
        kept.pop()
    return kept


@dataclasses.dataclass
class FindDuplicateLines(beam.PTransform):  # type: ignore[misc]
    """Finds the lines that occur more than once.

    Takes ``(shard, path)`` and gives ``(shard, PartsFound)``, for shards that have any.
    """

    config: DuplicateLines = dataclasses.field(default_factory=DuplicateLines)

    def expand(self, shards: Any) -> Any:
        """Apply the transform."""
        choose = functools.partial(to_lines_found, keep=self.config.keep)
        return (
            shards
            | "Match" >> MatchEntries(self.config.reader(), self.config.scope_shards)
            | "ToLinesFound" >> beam.MapTuple(choose)
            | "HasLines" >> beam.Filter(found_any)
        )
