"""Permutations that are computed place by place and never stored."""

from __future__ import annotations

from typing import TypeAlias

import numpy as np
import numpy.typing as npt

Array: TypeAlias = npt.NDArray[np.int64]


def permute(places: Array, sizes: Array, keys: npt.NDArray[np.uint64]) -> Array:
    """Send each place below its size to another, one to one for a given size and key.

    A Feistel network over a grid that is little larger than the size (Black and Rogaway, 2002):
    each round adds a hash of one coordinate to the other, modulo the other's side. A place that
    lands behind the size is sent on until it lands before it.
    """
    sides = np.ceil(np.sqrt(sizes)).astype(np.int64)
    others = -(-sizes // sides)
    out = places.copy()
    todo = np.arange(len(places))
    while len(todo):
        side, other, key = sides[todo], others[todo], keys[todo]
        left, right = np.divmod(out[todo], other)
        for turn in range(3):
            left = (left + _hash(key, 2 * turn, right) % side) % side
            right = (right + _hash(key, 2 * turn + 1, left) % other) % other
        out[todo] = left * other + right
        todo = todo[out[todo] >= sizes[todo]]
    return out


def _hash(keys: npt.NDArray[np.uint64], turn: int, values: Array) -> Array:
    mixed = mix(keys ^ mix(values.astype(np.uint64) * np.uint64(8) + np.uint64(turn)))
    return (mixed >> np.uint64(1)).astype(np.int64)


def derive_key(seed: int, stream: npt.ArrayLike, index: Array) -> npt.NDArray[np.uint64]:
    """Derive a key from a seed and two numbers."""
    first = mix(np.array([seed], np.int64).astype(np.uint64) + np.asarray(stream, np.uint64))
    return mix(first ^ mix(index.astype(np.uint64)))


def mix(values: npt.NDArray[np.uint64]) -> npt.NDArray[np.uint64]:
    """Scramble 64-bit numbers one to one (the output function of SplitMix64)."""
    values = values + np.uint64(0x9E3779B97F4A7C15)
    values = (values ^ (values >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    values = (values ^ (values >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return values ^ (values >> np.uint64(31))
