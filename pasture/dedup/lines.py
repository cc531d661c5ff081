"""Duplicate lines: the paragraph-level deduplication of CCNet, and that of C4's code.

Reads the ``text`` of each shard, and gives the lines that occur more than once within a block
of shards. What is shuffled is 64-bit hashes and positions. CCNet (Wenzek et al., 2020, section
3.1 and its published code) removes every copy of a line that several pages have; of a line that
one page alone repeats it keeps the first copy. It compares lines lower-cased, with every digit as
0 and without a fixed list of Unicode punctuation; ASCII punctuation, accents and inner spaces
count. C4's code compares them lower-cased.

Lines are normalised for many texts at once by Arrow and as bytes; only those that are not ASCII
are looked at as characters. The hash is XXH3 instead of CCNet's SHA-1, of which CCNet keeps 64
bits too: among 10^9 different lines two share a hash with a chance of 3%, and among 10^10 about
three pairs do. One who wants a line of somebody else's page removed
need not look for a collision: a copy of the line will do.
"""

from __future__ import annotations

import dataclasses
import functools
import hashlib
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
from pasture.dedup.addresses import Floats, Ints, Mask
from pasture.dedup.base import BlockDeduplication
from pasture.dedup.matching import Entries, MatchEntries, Matches
from pasture.dedup.parts import (
    NUMBER_BITS,
    WHITE,
    WHITE_ASCII,
    PartsFound,
    RemovedParts,
    find_blank,
    find_byte,
    found_any,
    from_ends,
    hash_parts,
    text_buffer,
    text_ends,
    to_positions,
)
from pasture.dedup.shingles import slices
from pasture.text.urls import normalise_url

Form = Literal["ccnet", "c4"]

UNICODE_PUNCTUATION = "，。、„”“«»１」「《》´∶：？！（）；–—．～’…━〈〉【】％►"
"""The marks that CCNet deletes (its list holds a full-width 1, which is a digit by then)."""

_CONTROLS = bytes({*range(32), 127} - {ord("\n")})
_ASCII_TO_CCNET = bytes.maketrans(
    b"123456789" + string.ascii_uppercase.encode(), b"000000000" + string.ascii_lowercase.encode()
)
_ANY_DIGIT = re.compile(r"\d")
# Lower-casing looks at the neighbours of the one, and makes two characters of the other.
_CAPITAL_SIGMA, _DOTTED_I = "\u03a3", "\u0130"
CCNET_SCOPE_FILES = 2000
"""Input files of a block: CCNet compares 50 of a dump's 1,600 shards, and a dump of its time has
about 64,000 WET files."""
SLICE_BYTES = 1 << 19
"""Text that is hashed at once, about (ours): measured, as much as stays in a processor's cache."""


@dataclasses.dataclass(frozen=True)
class DuplicateLines(BlockDeduplication):
    """Drops lines that several pages share (paper, section 2.1, CommonCrawl; CCNet).

    Args:
        keep: ``none`` removes every copy of a line that several pages have, and all but the
            first of a line that one page alone repeats (CCNet); ``first`` leaves the copy at the
            lowest address; ``lowest_url_hash`` the one on the page whose normalised URL has the
            lowest MD5 (C4's code, which so favours no site).
        normalise: The form in which lines are compared: ``ccnet``, or ``c4``, lower-cased only.
        max_removed: Highest share of the text that may go before the run stops and asks.
    """

    name: ClassVar[str] = "duplicate_lines"
    removes: ClassVar[Literal["documents", "text"]] = "text"
    default_scope_files: ClassVar[int] = CCNET_SCOPE_FILES

    keep: Literal["none", "first", "lowest_url_hash"] = "none"
    normalise: Form = "ccnet"
    max_removed: float = dataclasses.field(default=0.8, kw_only=True)

    def find(self, text_bytes: int, block_starts: tuple[int, ...] = ()) -> beam.PTransform:
        """Return the search."""
        return FindDuplicateLines(self, text_bytes, block_starts)

    def drop(self, texts: pa.Array, found: PartsFound) -> tuple[pa.Array, RemovedParts]:
        """Remove the lines that the search found."""
        return drop_lines(texts, found)

    def reader(self) -> Callable[[str], Entries]:
        """Read the hash of each line."""
        return functools.partial(read_lines, config=self)


def split_lines(texts: pa.Array) -> tuple[pa.Array, Ints]:
    """Split a column of texts into lines, one text after the other; count each text's lines.

    The lines are views of the texts. Each holds the line break that ends it.
    """
    ends, data = text_ends(texts), text_buffer(texts)
    start = int(ends[0])
    breaks = find_byte(data[start : ends[-1]], b"\n") + (start + 1)
    before = np.searchsorted(breaks, ends[1:], side="right")
    lines = from_ends(np.append(start, np.insert(breaks, before, ends[1:])), texts)
    return lines, np.diff(before, prepend=0) + 1


def hash_lines(lines: pa.Array, form: Form) -> tuple[npt.NDArray[np.uint64], Mask]:
    """Hash the form in which lines are compared; tell which hold more than white space."""
    lines = pc.ascii_trim(lines, WHITE_ASCII)
    present = pc.binary_length(lines).to_numpy() > 0
    is_ascii = pc.string_is_ascii(lines)
    is_unicode = ~is_ascii.to_numpy(zero_copy_only=False)
    unicode = pc.utf8_trim(lines.filter(pa.array(is_unicode)), WHITE)
    present[is_unicode] = pc.binary_length(unicode).to_numpy() > 0
    keys = np.empty(len(lines), np.uint64)
    keys[is_unicode] = hash_parts(_normalise(unicode, form, is_ascii=False))
    keys[~is_unicode] = hash_parts(_normalise(lines.filter(is_ascii), form, is_ascii=True))
    return keys, present


def _normalise(lines: pa.Array, form: Form, is_ascii: bool) -> list[bytes]:
    """Bring lines, trimmed and so without a line break, into the form that is compared."""
    if not len(lines):
        return []
    joined = pc.binary_join(pa.ListArray.from_arrays([0, len(lines)], lines), "\n")
    normal = bytes(joined[0].as_buffer())
    if not is_ascii:
        text = normal.decode()
        normal = (text.lower() if form == "c4" else _unicode_to_ccnet(text)).encode()
    normal = normal.lower() if form == "c4" else normal.translate(_ASCII_TO_CCNET, _CONTROLS)
    return normal.split(b"\n")


def _unicode_to_ccnet(text: str) -> str:
    """Normalise what is not ASCII, character by character; what CCNet deletes becomes a NUL."""
    if _CAPITAL_SIGMA in text or _DOTTED_I in text:
        text = text.lower()
    codes = np.frombuffer(bytearray(text.encode("utf-32-le")), "<u4")
    unicode = np.flatnonzero(codes > 127)
    codes[unicode] = _table()[codes[unicode]]
    return codes.tobytes().decode("utf-32-le")


@functools.lru_cache(maxsize=1)
def _table() -> npt.NDArray[np.uint32]:
    """What each character becomes: another one, itself, or NUL where CCNet deletes it."""
    surrogates = range(0xD800, 0xE000)
    absent = [ord(_CAPITAL_SIGMA), ord(_DOTTED_I), *surrogates]
    codes = np.delete(np.arange(sys.maxunicode + 1, dtype="<u4"), absent)
    plain = _ANY_DIGIT.sub("0", codes.tobytes().decode("utf-32-le").lower())
    table = np.zeros(sys.maxunicode + 1, "<u4")
    table[codes] = np.frombuffer(plain.encode("utf-32-le"), "<u4")
    table[np.isin(table, [*range(0x80, 0xA0), *map(ord, UNICODE_PUNCTUATION)])] = 0
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
            hashed, present = hash_lines(lines, config.normalise)
            keys.append(hashed[present])
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


def drop_lines(texts: pa.Array, gone: PartsFound) -> tuple[pa.Array, RemovedParts]:
    """Remove lines from texts, and the blank lines that would then stand twice or at an end.

    The other lines stay as they are, and so do texts that lose none.

    Args:
        texts: Strings.
        gone: The lines that go; rows are those of ``texts``.

    Returns:
        The texts, and the lines that went. A text of which nothing but white space is left is
        empty.
    """
    lines, counts = split_lines(texts)
    ends = np.cumsum(counts)
    goes = np.zeros(len(lines), bool)
    goes[(ends - counts)[gone.rows] + gone.numbers] = True
    stays = ~goes
    stays[_gaps(lines, ends, goes)] = False
    kept = lines.filter(pa.array(stays))
    left = from_ends(text_ends(kept)[np.append(0, np.cumsum(stays)[ends - 1])], kept)
    # What is a text's last line now ends with a line break where its last one went.
    left = pc.if_else(pa.array(stays[ends - 1]), left, pc.ascii_rtrim(left, "\n"))
    removed = pc.ascii_rtrim(lines.filter(pa.array(goes)), "\n")
    reasons = pa.repeat("duplicate_line", len(gone))
    return left, RemovedParts(gone.rows, gone.numbers, removed, reasons)


def _gaps(lines: pa.Array, ends: Ints, goes: Mask) -> Ints:
    """Find the blank lines that would stand beside another one, or at an end of a text.

    Between two other lines that stay, where lines go, the blank ones before the first that goes
    stay as they are; where there are none, one of those after it stays.
    """
    is_blank = find_blank(lines)
    blank = np.flatnonzero(is_blank & ~goes)
    if not len(blank):
        return blank
    number = np.arange(len(lines))
    solid = np.maximum.accumulate(np.where(is_blank | goes, -1, number))
    num_gone = np.cumsum(goes)
    text = np.searchsorted(ends, blank, side="right")
    last = ends[text] - 1
    start = np.append(0, ends)[text]

    before = solid[blank]
    is_inside = (before >= start) & (blank < solid[last])
    is_first = np.diff(before, prepend=-2) != 0
    stays = is_inside & (is_first | (num_gone[blank] == num_gone[before]))
    loses = num_gone[last] > np.append(0, num_gone)[start]
    gaps: Ints = blank[loses & ~stays]
    return gaps


@dataclasses.dataclass
class FindDuplicateLines(beam.PTransform):  # type: ignore[misc]
    """Finds the lines that occur more than once.

    Takes ``(shard, path)`` and gives ``(shard, PartsFound)``, for shards that have any.

    Args:
        config: Which lines go.
        text_bytes: Bytes of text that are compared with each other, about.
        block_starts: The first shard of each block, as ``config.block_starts`` gives them; empty
            where all shards are compared.
    """

    config: DuplicateLines = dataclasses.field(default_factory=DuplicateLines)
    text_bytes: int = 0
    block_starts: Sequence[int] = ()

    def expand(self, shards: Any) -> Any:
        """Apply the transform."""
        keep = self.config.keep
        match = MatchEntries(
            self.config.reader(),
            self.block_starts,
            self.text_bytes,
            NUMBER_BITS if keep == "none" else 0,
        )
        choose = functools.partial(to_lines_found, keep=keep)
        return (
            shards
            | "Match" >> match
            | "ToLinesFound" >> beam.MapTuple(choose)
            | "HasLines" >> beam.Filter(found_any)
        )
