import itertools
import sys

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pasture.dedup.shingles import shingle, slices

ANY_TEXT = st.text(st.characters(exclude_categories=["Cs"]), max_size=40)
FEW_WORDS = st.lists(st.sampled_from(["a", "b", "C", "c.", "--", "\u00e9t\u00e9", " "])).map(
    " ".join
)


def words_by_hand(text, n):
    words = ["".join(filter(str.isalnum, word.casefold())) for word in text.split()]
    return n_grams_by_hand(list(filter(None, words)), n)


def characters_by_hand(text, n):
    return n_grams_by_hand(" ".join(text.casefold().split()), n)


def n_grams_by_hand(values, n):
    return [tuple(values[i : i + n]) for i in range(max(len(values) - n + 1, min(len(values), 1)))]


@pytest.mark.parametrize(
    ("unit", "by_hand"), [("words", words_by_hand), ("characters", characters_by_hand)]
)
@pytest.mark.parametrize("n", [1, 2, 5])
@given(texts=st.lists(st.one_of(ANY_TEXT, FEW_WORDS), max_size=6))
def test_equal_n_grams_have_equal_hashes_and_no_others(unit, by_hand, n, texts):
    """The hashes of all texts stand in the order of their n-grams, one to one."""
    found = shingle(pa.array(texts, pa.string()), unit, n)
    wanted = [by_hand(text, n) for text in texts]
    assert np.diff(found.starts).tolist() == [len(grams) for grams in wanted]
    pairs = set(zip(itertools.chain(*wanted), found.hashes.tolist(), strict=True))
    assert len(pairs) == len({gram for gram, _ in pairs}) == len({value for _, value in pairs})


def test_a_short_text_is_one_shingle_of_all_its_words():
    texts = ["one two", "one two three", "One, two!", "two one", "", " \n"]
    found = shingle(pa.array(texts), "words", 3)
    assert np.diff(found.starts).tolist() == [1, 1, 1, 1, 0, 0]
    hashes = found.hashes.tolist()
    assert hashes[0] == hashes[2]
    assert len(set(hashes)) == 3


def test_arrow_splits_at_pythons_white_space():
    characters = [chr(point) for point in range(sys.maxunicode + 1) if not 0xD800 <= point < 0xE000]
    is_space = pc.utf8_is_space(pa.array(characters)).to_pylist()
    assert [c for c, space in zip(characters, is_space, strict=True) if space != c.isspace()] == []


def test_slices_are_bounded_and_whole():
    texts = pa.array(["aaaa", "bbbb", "cccc", "d" * 50, "", "e"])
    parts = [part.to_pylist() for part in slices(texts, 10)]
    assert parts == [["aaaa", "bbbb", "cccc"], ["d" * 50], ["", "e"]]
    assert list(slices(pa.array([], pa.string()))) == []


def test_hashes_are_stable():
    """Hashes may be kept in an index: the same in every version and on every machine."""
    found = shingle(pa.array(["The quick brown fox", "na\u00efve"]), "words", 3)
    assert found.hashes.tolist() == [56860533, 3785888260, 3301249364]
    found = shingle(pa.array(["abc"]), "characters", 2)
    assert found.hashes.tolist() == [240317260, 728386678]
