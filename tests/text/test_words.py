import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pasture.text.words import normalise_words, split_words

ANY_TEXT = st.text(st.characters(exclude_categories=["Cs"]), max_size=40)


def normalise_by_hand(word):
    return "".join(filter(str.isalnum, word.casefold()))


@pytest.mark.parametrize(
    ("word", "normal"),
    [
        ("Word", "word"),
        ("\u201cdon\u2019t,\u201d", "dont"),
        ("_emphasis_", "emphasis"),
        ("STRASSE", "strasse"),
        ("stra\u00dfe", "strasse"),
        ("1,234.5", "12345"),
        ("\u2014", ""),
        ("\x00a\x7f", "a"),
        ("", ""),
    ],
)
def test_normalises_words(word, normal):
    assert normalise_words(pa.array(["x", word])) == ["x", normal]


def test_normalises_no_words():
    assert normalise_words(pa.array([], pa.string())) == []


@given(st.lists(ANY_TEXT, max_size=6))
def test_splits_texts_into_what_is_left_of_words(texts):
    words, places, counts = split_words(pa.array(texts, pa.string()))
    wanted = [list(filter(None, map(normalise_by_hand, text.split()))) for text in texts]
    assert counts.tolist() == [len(found) for found in wanted]
    assert [words[place] for place in places] == [word for found in wanted for word in found]
