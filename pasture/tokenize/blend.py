"""The order of sources in a run: which source each sequence comes from, and which of its sequences.

``Blend`` draws each source as evenly as whole sequences allow: after any number of sequences, a
source has been drawn less than one sequence more or less than its proportion asks for, and its
sequences come in ascending order, so that its epochs follow one another. The j-th sequence of a
source with proportion p may come from place (j - 1) / p on and must come by j / p; of those that
may come, the one that must come first is taken (Tijdeman, 1980; "earliest deadline first").

The counts at each block's end are the largest remainders of the proportions. So a block needs no
other block, and any step can be drawn without those before it. That a block of such ends always
meets the bound within it is tested on random mixtures, not proven; without it the bound is two.
"""

from __future__ import annotations

import heapq
from collections.abc import Mapping
from typing import Any, Protocol

import numpy as np

from pasture.errors import ConfigError
from pasture.tokenize.permutation import Array, derive_key, permute

SCALE_BITS = 40
"""Proportions are rounded to multiples of 2^-40, so that all sums are exact in whole numbers."""
KEPT_BLOCKS = 8
"""Blocks that are kept: a step's batch lies in one or two."""


class Order(Protocol):
    """Assigns the sequences of a run to sources."""

    def draw(self, numbers: Array) -> tuple[Array, Array]:
        """Return the source of each sequence, and which of the source's sequences it is."""
        ...

    def counts(self, total: int) -> Array:
        """Return how many of the first ``total`` sequences come from each source."""
        ...


class Blend:
    """Draws every source evenly.

    Args:
        proportions: Share of the sequences for each source.
        block: Sequences of a block.

    Raises:
        ConfigError: A proportion is less than one sequence of a block, or they do not sum to 1.
    """

    def __init__(self, proportions: Mapping[str, float], block: int) -> None:
        names = sorted(proportions)
        weights = apportion(proportions, 1 << SCALE_BITS)
        self._weights = [weights[name] for name in names]
        self._block = block
        self._blocks: dict[int, tuple[Array, Array]] = {}
        for name, weight in zip(names, self._weights, strict=True):
            if weight * block < 1 << SCALE_BITS:
                raise _too_small(name, proportions[name], block)

    def __getstate__(self) -> dict[str, Any]:
        """Leave the blocks out of a pickle: they are computed again."""
        return {**self.__dict__, "_blocks": {}}

    def draw(self, numbers: Array) -> tuple[Array, Array]:
        """Return the source of each sequence, and which of the source's sequences it is."""
        blocks, places = np.divmod(numbers, self._block)
        sources, ordinals = np.empty_like(numbers), np.empty_like(numbers)
        for index in np.unique(blocks).tolist():
            here = blocks == index
            block_sources, block_ordinals = self._scheduled(index)
            sources[here] = block_sources[places[here]]
            ordinals[here] = block_ordinals[places[here]]
        return sources, ordinals

    def counts(self, total: int) -> Array:
        """Return how many of the first ``total`` sequences come from each source."""
        index, rest = divmod(total, self._block)
        counts = np.array(self._counts_at(index * self._block), np.int64)
        if rest:
            counts += np.bincount(self._scheduled(index)[0][:rest], minlength=len(counts))
        return counts

    def _counts_at(self, total: int) -> list[int]:
        """Count the sequences of each source before a block: largest remainders."""
        products = [weight * total for weight in self._weights]
        counts = [product >> SCALE_BITS for product in products]
        remainders = [product & ((1 << SCALE_BITS) - 1) for product in products]
        by_remainder = sorted(range(len(counts)), key=lambda source: (-remainders[source], source))
        for source in by_remainder[: total - sum(counts)]:
            counts[source] += 1
        return counts

    def _scheduled(self, index: int) -> tuple[Array, Array]:
        if index not in self._blocks:
            if len(self._blocks) == KEPT_BLOCKS:
                del self._blocks[next(iter(self._blocks))]
            self._blocks[index] = self._schedule(index)
        return self._blocks[index]

    def _schedule(self, index: int) -> tuple[Array, Array]:
        """Order the sequences of a block: of those that may come, the one that is due first."""
        first, last = index * self._block, (index + 1) * self._block
        drawn, ends = self._counts_at(first), self._counts_at(last)
        waiting = [
            (self._release(source, drawn[source]), source)
            for source in range(len(drawn))
            if drawn[source] < ends[source]
        ]
        heapq.heapify(waiting)
        ready: list[tuple[int, int]] = []
        sources, ordinals = np.empty((2, self._block), np.int64)
        for place in range(self._block):
            while waiting and (waiting[0][0] <= first + place or not ready):
                _, source = heapq.heappop(waiting)
                due = -((-(drawn[source] + 1) << SCALE_BITS) // self._weights[source])
                heapq.heappush(ready, (min(due, last), source))
            _, source = heapq.heappop(ready)
            sources[place], ordinals[place] = source, drawn[source]
            drawn[source] += 1
            if drawn[source] < ends[source]:
                heapq.heappush(waiting, (self._release(source, drawn[source]), source))
        return sources, ordinals

    def _release(self, source: int, drawn: int) -> int:
        """Return the first place at which one more than ``drawn`` is not one too many."""
        return (drawn << SCALE_BITS) // self._weights[source]


class ShuffledBlocks:
    """The order of runs that Pasture began before ``Blend``: blocks of fixed counts, shuffled.

    A source's sequences are shuffled within a block, so that the epochs of a small source mix.

    Args:
        proportions: Share of the sequences for each source.
        block: Sequences of a block.
        seed: Seed of the order.

    Raises:
        ConfigError: A proportion is less than one sequence of a block, or they do not sum to 1.
    """

    def __init__(self, proportions: Mapping[str, float], block: int, seed: int) -> None:
        counts = apportion(proportions, block)
        for name, count in counts.items():
            if count == 0:
                raise _too_small(name, proportions[name], block)
        self._block, self._seed = block, seed
        self._counts = np.array(list(counts.values()), np.int64)
        self._ends = np.cumsum(self._counts)

    def draw(self, numbers: Array) -> tuple[Array, Array]:
        """Return the source of each sequence, and which of the source's sequences it is."""
        blocks, places = np.divmod(numbers, self._block)
        sizes = np.full_like(places, self._block)
        slots = permute(places, sizes, derive_key(self._seed, 0, blocks))
        sources = np.searchsorted(self._ends, slots, side="right")
        counts = self._counts[sources]
        return sources, blocks * counts + slots - (self._ends[sources] - counts)

    def counts(self, total: int) -> Array:
        """Return how many of the first ``total`` sequences come from each source."""
        blocks, rest = divmod(total, self._block)
        first = blocks * self._block
        partial = self.draw(np.arange(first, first + rest))[0]
        return blocks * self._counts + np.bincount(partial, minlength=len(self._counts))


def _too_small(name: str, proportion: float, block: int) -> ConfigError:
    return ConfigError(
        f"{name}: a proportion of {proportion} is less than one sequence in a "
        f"block of {block}; raise it, or block_bits, or leave the source out"
    )


def apportion(proportions: Mapping[str, float], seats: int) -> dict[str, int]:
    """Share out whole seats by proportions: largest remainder, ties to the first name.

    Raises:
        ConfigError: A proportion is not positive, or they do not sum to 1 within 1e-9.
    """
    if not proportions or not all(0 < p <= 1 for p in proportions.values()):
        raise ConfigError(f"proportions must be over 0 and at most 1, got {dict(proportions)}")
    if abs(sum(proportions.values()) - 1) > 1e-9:
        raise ConfigError(f"proportions must sum to 1, not to {sum(proportions.values()):.12g}")
    quotas = {name: proportions[name] * seats for name in sorted(proportions)}
    counts = {name: int(quota) for name, quota in quotas.items()}
    by_remainder = sorted(quotas, key=lambda name: (counts[name] - quotas[name], name))
    for name in by_remainder[: seats - sum(counts.values())]:
        counts[name] += 1
    return counts
