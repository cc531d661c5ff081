"""Repeated n-grams: the numpy code against a plain count."""

from __future__ import annotations

import collections

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pasture.filters.word_ngrams import RepeatedNGrams
from pasture.text.words import Words

WORDS = st.lists(st.sampled_from(["a", "bb", "ccc", "d"]), max_size=60)


def shares_by_hand(sample: list[str], n: int) -> tuple[float, float]:
    """The share of the most frequent n-gram, and of those that came before."""
    grams = [tuple(sample[i : i + n]) for i in range(len(sample) - n + 1)]
    counts = collections.Counter(grams)
    top = max(counts.values(), default=0)
    if top < 2:
        return 0.0, 0.0
    longest = max(len("".join(gram)) for gram, count in counts.items() if count == top)
    copies = {i + word for i, gram in enumerate(grams) if gram in grams[:i] for word in range(n)}
    total = sum(map(len, sample))
    return top * longest / total, sum(len(sample[i]) for i in copies) / total


def test_texts_are_looked_at_one_by_one():
    """What ends one text and begins the next is no run, and two texts repeat nothing together."""
    words = Words.of(pa.array(["x a b a", "b", "a b x", "b a b a"]))
    (pairs,) = RepeatedNGrams.of_each_length(words, 10)
    assert (pairs.n, pairs.places.tolist(), pairs.is_copy.tolist()) == (2, [8, 10], [False, True])


@settings(max_examples=50)
@given(st.lists(WORDS, max_size=4))
def test_the_shares_are_those_of_a_plain_count(samples):
    words = Words.of(pa.array([" ".join(sample) for sample in samples], pa.string()))
    found = {ngrams.n: ngrams for ngrams in RepeatedNGrams.of_each_length(words, 10)}
    for n in range(2, 11):
        shares = [shares_by_hand(sample, n) for sample in samples]
        assert (n in found) == any(top > 0 for top, _ in shares)
        if n in found:
            assert found[n].top_shares().tolist() == pytest.approx([top for top, _ in shares])
            assert found[n].duplicate_shares().tolist() == pytest.approx(
                [copy for _, copy in shares]
            )
