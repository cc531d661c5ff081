"""Shingles: the overlapping n-grams that two texts are compared by, as 32-bit hashes.

A word is a run without white space, lower-cased (case-folded) and without everything that is
neither letter nor digit; what is left empty is no word. So editions and pages that differ in
punctuation, quotes and case have the same words. ``dash_words`` are separated by dashes too, as
editions set off clauses with or without white space around the dash. A text of fewer than n
words is one shingle of all its words; a text without words has no shingle, and is nobody's near
duplicate.

Texts are split and numbered by Arrow, and each distinct word of a batch is hashed once.
"""

from __future__ import annotations

import dataclasses
import itertools
from collections.abc import Iterator
from typing import Literal

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc
import xxhash

from pasture.dedup.addresses import Ints
from pasture.text.words import split_words

Unit = Literal["words", "dash_words", "characters"]

_DASHES = "--+|[\u2012-\u2015]"

_ODD = np.uint64(0x9E3779B97F4A7C15)  # 2^64 divided by the golden ratio
SLICE_BYTES = 4 << 20


@dataclasses.dataclass(frozen=True, slots=True, eq=False)
class Shingles:
    """The shingles of several texts, one text after the other.

    Args:
        hashes: uint32, in the order of the text, with repeats.
        starts: int64, one more than there are texts: where each text's hashes start.
    """

    hashes: npt.NDArray[np.uint32]
    starts: Ints

    def of(self, text: int) -> npt.NDArray[np.uint32]:
        """The distinct shingles of one text, sorted."""
        return np.unique(self.in_order(text))

    def in_order(self, text: int) -> npt.NDArray[np.uint32]:
        """The shingles of one text as they follow each other, with repeats."""
        return self.hashes[self.starts[text] : self.starts[text + 1]]


def slices(texts: pa.Array, size: int = SLICE_BYTES) -> Iterator[pa.Array]:
    """Split a column of texts into runs of about ``size`` bytes, one text at least."""
    sizes = pc.binary_length(texts).to_numpy(zero_copy_only=False)
    run = (np.cumsum(sizes) - sizes) // size
    starts = np.flatnonzero(np.diff(run, prepend=-1))
    for start, end in itertools.pairwise([*starts, len(texts)]):
        yield texts.slice(start, end - start)


def shingle(texts: pa.Array, unit: Unit, n: int) -> Shingles:
    """Cut texts into hashed n-grams of words or of characters."""
    if unit == "dash_words":
        texts = pc.replace_substring_regex(texts, _DASHES, " ")
    values, counts = (_characters if unit == "characters" else _words)(texts)
    return _n_grams(values, counts, n)


def _words(texts: pa.Array) -> tuple[npt.NDArray[np.uint64], Ints]:
    """Hash the words of all texts; count them by text."""
    words, indices, counts = split_words(texts)
    hashes = np.fromiter(map(xxhash.xxh3_64_intdigest, words), np.uint64, len(words))
    return hashes[indices], counts


def _characters(texts: pa.Array) -> tuple[npt.NDArray[np.uint64], Ints]:
    """Number the characters of all texts, case-folded, white space as one space."""
    folded = [" ".join(text.casefold().split()) for text in texts.to_pylist()]
    points = np.frombuffer("".join(folded).encode("utf-32-le"), "<u4")
    return _mix(points.astype(np.uint64)), np.array([len(text) for text in folded], np.int64)


def _n_grams(values: npt.NDArray[np.uint64], counts: Ints, n: int) -> Shingles:
    ends = np.cumsum(counts)
    begins = ends - counts
    rolled = polynomial(values, n)
    # A window that starts in the last n - 1 values of a text would run into the next one,
    # except that a short text's one window is put where the text begins.
    inside = np.ones(len(values), bool)
    for step in range(1, n):
        inside[(ends - step)[counts >= step]] = False
    short = np.flatnonzero((counts > 0) & (counts < n))
    inside[begins[short]] = True
    hashes = np.zeros(len(values), np.uint64)
    hashes[: len(rolled)] = rolled
    for text in short:
        hashes[begins[text]] = polynomial(values[begins[text] : ends[text]], counts[text])[0]
    sizes = np.where(counts < n, np.minimum(counts, 1), counts - n + 1)
    starts = np.concatenate([[0], np.cumsum(sizes)])
    return Shingles((_mix(hashes[inside]) >> np.uint64(32)).astype(np.uint32), starts)


def polynomial(values: npt.NDArray[np.uint64], n: int) -> npt.NDArray[np.uint64]:
    """Hash each window of n values, modulo 2^64."""
    size = max(len(values) - n + 1, 0)
    total = values[:size].copy()
    for offset in range(1, n):
        total *= _ODD
        total += values[offset : offset + size]
    return total


def _mix(values: npt.NDArray[np.uint64]) -> npt.NDArray[np.uint64]:
    """Spread the bits of 64-bit values (the finalizer of MurmurHash3), a bijection."""
    values = values ^ (values >> np.uint64(33))
    values *= np.uint64(0xFF51AFD7ED558CCD)
    values ^= values >> np.uint64(33)
    values *= np.uint64(0xC4CEB9FE1A85EC53)
    return values ^ (values >> np.uint64(33))
