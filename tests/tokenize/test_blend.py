"""Orders of sources: as even as whole sequences allow at every step, from any step on."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pasture.errors import ConfigError
from pasture.tokenize.blend import SCALE_BITS, Blend, ShuffledBlocks, apportion

LLAMA = dict(zip("abcdefg", (0.67, 0.15, 0.045, 0.045, 0.045, 0.025, 0.02), strict=True))


def strays(
    proportions: dict[str, float], first: int, sources: np.ndarray, before: list[int]
) -> float:
    """Return the most that a source's count differs from its share, after each sequence."""
    weights = list(apportion(proportions, 1 << SCALE_BITS).values())
    counts = list(before)
    most = 0
    for number, source in enumerate(sources.tolist(), first + 1):
        counts[source] += 1
        most = max(
            most,
            *(
                abs((count << SCALE_BITS) - weight * number)
                for count, weight in zip(counts, weights, strict=True)
            ),
        )
    return most / (1 << SCALE_BITS)


shares = st.lists(st.integers(20, 1000), min_size=1, max_size=12).map(
    lambda weights: {f"{i:02}": weight / sum(weights) for i, weight in enumerate(weights)}
)


@settings(max_examples=150, deadline=None)
@given(shares, st.integers(0, 2**40))
def test_counts_stray_from_the_plan_by_less_than_one_sequence(
    proportions: dict[str, float], block: int
) -> None:
    """Across the end of a block, wherever it lies."""
    blend = Blend(proportions, 1024)
    first = block * 1024
    sources, _ = blend.draw(np.arange(first, first + 1100))
    assert strays(proportions, first, sources, blend.counts(first).tolist()) < 1


def test_llamas_mixture_strays_by_less_than_one_sequence() -> None:
    sources, _ = Blend(LLAMA, 4096).draw(np.arange(20_000))
    assert strays(LLAMA, 0, sources, [0] * 7) < 1


def test_sources_alternate() -> None:
    blend = Blend({"a": 0.5, "b": 0.25, "c": 0.25}, 8)
    sources, ordinals = blend.draw(np.arange(12))
    assert sources.tolist() == [0, 1, 0, 2, 0, 1, 0, 2, 0, 1, 0, 2]
    assert ordinals.tolist() == [0, 0, 1, 0, 2, 1, 3, 1, 4, 2, 5, 2]


@settings(max_examples=50, deadline=None)
@given(shares, st.integers(0, 10_000), st.randoms(use_true_random=False))
def test_any_sequence_is_found_without_those_before_it(
    proportions: dict[str, float], first: int, random: object
) -> None:
    blend = Blend(proportions, 1024)
    sources, ordinals = blend.draw(np.arange(first, first + 50))
    counts = blend.counts(first)
    for number, source, ordinal in zip(
        range(first, first + 50), sources.tolist(), ordinals.tolist(), strict=True
    ):
        assert ordinal == counts[source]
        counts[source] += 1
        alone = Blend(proportions, 1024).draw(np.array([number])) if number % 25 == 0 else None
        assert alone is None or (alone[0][0], alone[1][0]) == (source, ordinal)
    assert blend.counts(first + 50).tolist() == counts.tolist()


def test_more_blocks_than_are_kept() -> None:
    blend = Blend(LLAMA, 64)
    whole = blend.draw(np.arange(64 * 20))[0]
    assert whole[:64].tolist() == blend.draw(np.arange(64))[0].tolist()
    assert np.bincount(whole).tolist() == blend.counts(64 * 20).tolist()


def test_shuffled_blocks_hold_fixed_counts() -> None:
    order = ShuffledBlocks({"arxiv": 0.2, "books": 0.5, "c4": 0.3}, 64, seed=5)
    sources, ordinals = order.draw(np.arange(60, 68))
    assert sources.tolist() == [2, 1, 0, 1, 1, 0, 2, 2]
    assert ordinals.tolist() == [13, 6, 10, 10, 51, 13, 35, 33]
    for block in range(20):
        sources = order.draw(np.arange(64 * block, 64 * (block + 1)))[0]
        assert np.bincount(sources).tolist() == [13, 32, 19]


@pytest.mark.parametrize("make", [Blend, lambda shares, block: ShuffledBlocks(shares, block, 0)])
def test_a_source_of_less_than_one_sequence_of_a_block_is_refused(make: type[Blend]) -> None:
    with pytest.raises(ConfigError, match=r"b: a proportion of 0\.001 is less than one sequence"):
        make({"a": 0.999, "b": 0.001}, 64)


@given(
    st.dictionaries(st.text(max_size=3), st.integers(1, 1000), min_size=1, max_size=9),
    st.integers(1, 5000),
)
def test_apportionment_is_exact_and_fair(weights: dict[str, int], seats: int) -> None:
    total = sum(weights.values())
    counts = apportion({name: weight / total for name, weight in weights.items()}, seats)
    assert sum(counts.values()) == seats
    for name, weight in weights.items():
        assert abs(counts[name] - seats * weight / total) < 1 + 1e-9


def test_apportionment_breaks_ties_by_name() -> None:
    assert apportion({"b": 0.25, "a": 0.25, "c": 0.5}, 2) == {"a": 1, "b": 0, "c": 1}


def test_llamas_mixture_in_a_block() -> None:
    proportions = dict(zip("abcdefg", (0.67, 0.15, 0.045, 0.045, 0.045, 0.025, 0.02), strict=True))
    counts = apportion(proportions, 4096)
    assert list(counts.values()) == [2744, 615, 184, 184, 184, 103, 82]
