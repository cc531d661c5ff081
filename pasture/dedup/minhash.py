"""MinHash signatures and their bands, as pure functions of arrays.

The definition is datasketch's ``affine32``: 32-bit shingle hashes are mixed once, and each
permutation is ``a * h + b`` modulo 2^32 with an odd ``a``; a test asserts equal signatures.
Two texts agree in a position with a probability equal to their Jaccard similarity.
"""

from __future__ import annotations

import functools

import numpy as np
import numpy.typing as npt

from pasture.dedup.shingles import Shingles

Uint32s = npt.NDArray[np.uint32]

CHUNK = 1 << 17
"""Shingles handled at once, so that they stay in the cache; measured, flat from 2^16 on."""


def permutations(count: int, seed: int) -> tuple[Uint32s, Uint32s]:
    """Draw the factors (odd) and the offsets of the permutations."""
    # RandomState, unlike Generator, promises the same stream in every version of numpy.
    random = np.random.RandomState(seed)
    half = random.randint(0, 1 << 31, count, dtype=np.uint32)
    offsets = random.randint(0, 1 << 32, count, dtype=np.uint32)
    return half * np.uint32(2) + np.uint32(1), offsets


def mix(hashes: Uint32s) -> Uint32s:
    """Spread the bits of 32-bit hashes (the finalizer of MurmurHash3), a bijection."""
    hashes = hashes ^ (hashes >> np.uint32(16))
    hashes *= np.uint32(0x85EBCA6B)
    hashes ^= hashes >> np.uint32(13)
    hashes *= np.uint32(0xC2B2AE35)
    return hashes ^ (hashes >> np.uint32(16))


def signatures(shingles: Shingles, factors: Uint32s, offsets: Uint32s) -> Uint32s:
    """Compute one signature a text: uint32 of shape (texts, permutations).

    A text without shingles gets the highest value everywhere.
    """
    sizes = np.diff(shingles.starts)
    result = np.full((len(factors), len(sizes)), 0xFFFFFFFF, np.uint32)
    texts = np.flatnonzero(sizes)
    hashes = mix(shingles.hashes)
    starts = shingles.starts[texts]
    chunk_of = starts // CHUNK
    for chunk in np.unique(chunk_of):
        part = np.flatnonzero(chunk_of == chunk)
        first, last = part[0], part[-1]
        begin, end = starts[first], shingles.starts[texts[last] + 1]
        mixed = hashes[begin:end]
        permuted = np.empty_like(mixed)
        within = starts[part] - begin
        for index, (factor, offset) in enumerate(zip(factors, offsets, strict=True)):
            np.multiply(mixed, factor, out=permuted)
            np.add(permuted, offset, out=permuted)
            result[index, texts[part]] = np.minimum.reduceat(permuted, within)
    return result.T


def band_keys(signature: Uint32s, bands: int, rows: int) -> npt.NDArray[np.uint64]:
    """Hash each band of each signature: uint64 of shape (texts, bands).

    The number of the band is part of the hash, so that equal keys mean the same band.
    """
    banded = signature[:, : bands * rows].reshape(len(signature), bands, rows).astype(np.uint64)
    keys = np.arange(1, bands + 1, dtype=np.uint64) * np.uint64(0x9E3779B97F4A7C15)
    keys = np.broadcast_to(keys, banded.shape[:2]).copy()
    for row in range(rows):
        keys ^= banded[:, :, row]
        keys *= np.uint64(0xFF51AFD7ED558CCD)
        keys ^= keys >> np.uint64(32)
    keys *= np.uint64(0xC4CEB9FE1A85EC53)
    return keys ^ (keys >> np.uint64(29))


def match_probability(similarity: npt.ArrayLike, bands: int, rows: int) -> npt.NDArray[np.float64]:
    """How likely two texts of a Jaccard similarity share a band."""
    return np.asarray(1 - (1 - np.asarray(similarity, np.float64) ** rows) ** bands)


@functools.cache
def best_layout(threshold: float, num_permutations: int) -> tuple[int, int]:
    """Choose bands and rows for a Jaccard threshold, as datasketch does.

    Minimises the mean of the false-positive area below the threshold and the false-negative
    area above it.
    """
    nodes, weights = np.polynomial.legendre.leggauss(64)
    below, above = (nodes + 1) / 2 * threshold, threshold + (nodes + 1) / 2 * (1 - threshold)

    def error(layout: tuple[int, int]) -> float:
        positives = weights @ match_probability(below, *layout) * threshold
        negatives = weights @ (1 - match_probability(above, *layout)) * (1 - threshold)
        return float(positives + negatives)

    layouts = [
        (bands, rows)
        for bands in range(1, num_permutations + 1)
        for rows in range(1, num_permutations // bands + 1)
    ]
    return min(layouts, key=error)
