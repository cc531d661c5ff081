"""Permutations: one to one, and spread evenly."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from pasture.tokenize.permutation import permute


@given(st.integers(1, 3000), st.integers(0, 2**64 - 1))
def test_a_permutation_is_one_to_one(size: int, key: int) -> None:
    places = np.arange(size)
    sizes, keys = np.full(size, size), np.full(size, key, np.uint64)
    assert sorted(permute(places, sizes, keys).tolist()) == places.tolist()


def test_permutations_spread_evenly() -> None:
    """Where the first and the second place go, over many keys: each about equally often."""
    keys = np.arange(20_000, dtype=np.uint64) * np.uint64(0x9E3779B97F4A7C15)
    for size in (3, 7, 16):
        sizes = np.full(len(keys), size)
        first = permute(np.zeros(len(keys), np.int64), sizes, keys)
        second = permute(np.ones(len(keys), np.int64), sizes, keys)
        pairs = np.bincount(first * size + second, minlength=size * size).reshape(size, size)
        off_diagonal = pairs[~np.eye(size, dtype=bool)]
        expected = len(keys) / (size * (size - 1))
        assert (np.diag(pairs) == 0).all()
        assert (abs(off_diagonal - expected) < 6 * expected**0.5).all()


def test_permutation_of_a_trillion_places_takes_no_memory() -> None:
    places = np.arange(5)
    out = permute(places, np.full(5, 10**12), np.full(5, 3, np.uint64))
    assert len(set(out.tolist())) == 5
    assert ((out >= 0) & (out < 10**12)).all()
