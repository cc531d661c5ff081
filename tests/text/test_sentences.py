"""Where sentences end."""

import gzip
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pasture.text.sentences import count_sentences, split_sentences


@pytest.mark.parametrize(
    ("text", "count"),
    [
        ("", 0),
        ("   ", 0),
        ("No mark at all", 1),
        ("One.", 1),
        ("One. Two.", 2),
        ("One! Two? Three.", 3),
        ("One. and lower case.", 2),
        ("He said \u201cOne.\u201d Then two.", 2),
        ('He said "One." Then two.', 2),
        ("(One.) Two.", 2),
        ("Mr. Smith met Dr. Jones on St. Mark's.", 1),
        ("It was e.g. here, i.e. in the U.S. and so on.", 1),
        ("It costs 3.50 at example.org today.", 1),
        ("J. R. Smith was here.", 1),
        ("So did I. Then two.", 2),
        ("Give it to us. Then go.", 2),
        ("I said no. Then two.", 2),
        ("Well... maybe. Well... Maybe.", 3),
        ("What?! Yes!!! Fine", 3),
        ("One.Two.Three.", 1),
    ],
)
def test_counts_sentences(text, count):
    assert count_sentences(text) == count


@pytest.mark.parametrize(
    ("line", "sentences"),
    [
        ("", []),
        (" \t", []),
        ("One.", ["One."]),
        (" One.  Two.\tThree ", [" One.  ", "Two.\t", "Three "]),
        ("One... and on. Two", ["One... and on. ", "Two"]),
        ("Dr. One. (Two!) ", ["Dr. One. ", "(Two!) "]),
    ],
)
def test_splits_a_line_into_its_sentences(line, sentences):
    assert list(split_sentences(line)) == sentences


@given(st.text(st.sampled_from(" .!?\u2026\"')aAI\t\n\xa0")))
def test_the_sentences_are_the_line(line):
    sentences = list(split_sentences(line))
    assert "".join(sentences) == (line if line.strip() else "")
    assert all(sentence.strip() for sentence in sentences)
    assert count_sentences(line) == len(sentences)


@pytest.mark.parametrize("line", ["." * 1_000_000, "a.\t" * 300_000, '.."' * 300_000])
def test_a_hostile_line_takes_linear_time(line):
    """Quadratic time would be hours."""
    assert count_sentences(line) > 0


@pytest.mark.real_data
def test_pages_of_the_release_have_three_sentences(real_data):
    """All but 2 of 700, by which NLTK's punkt counts each mark of a run such as "!!!"."""
    texts = [
        json.loads(line)["text"]
        for path in sorted((real_data / "c4").glob("*.json.gz"))
        for line in gzip.decompress(path.read_bytes()).splitlines()
    ]
    counts = [sum(map(count_sentences, text.splitlines())) for text in texts]
    assert sum(count < 3 for count in counts) == 2
