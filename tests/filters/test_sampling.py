from __future__ import annotations

import io
import math

from pasture.filters.sampling import TextSample


def draw(texts: list[str], size: int, seed: int = 0) -> list[str]:
    sample = TextSample(io.BytesIO(), size, seed=seed)
    for text in texts:
        sample.add(text)
    assert len(sample) == len(list(sample))
    return list(sample)


TEXTS = [f"text {i} é" for i in range(1000)]


def test_the_order_of_the_input_changes_nothing() -> None:
    drawn = draw(TEXTS, 100)
    assert len(set(drawn)) == 100
    assert draw(TEXTS[::-1], 100) == drawn
    assert draw(TEXTS * 2, 100) == drawn


def test_another_seed_draws_other_texts() -> None:
    assert len(set(draw(TEXTS, 100)) & set(draw(TEXTS, 100, seed=1))) < 30


def test_few_texts_are_all_in_the_sample_once() -> None:
    assert sorted(draw(["b", "a", "", "a"], 100)) == ["", "a", "b"]


def test_an_empty_sample() -> None:
    assert draw([], 100) == []


def test_a_text_is_in_the_sample_or_not() -> None:
    sample = TextSample(io.BytesIO(), 1)
    for text in ("a", "b"):
        sample.add(text)
    assert [text in sample for text in ("a", "b", "c")].count(True) == 1


def test_the_spool_stays_small() -> None:
    spool = io.BytesIO()
    sample = TextSample(spool, 10)
    for text in (f"{i:08d}" for i in range(10_000)):
        sample.add(text)
    assert len(spool.getvalue()) < 8 * 10 * (1 + math.log(1000)) * 2
