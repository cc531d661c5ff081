"""C4's deduplication of spans of sentences, against a search by hand."""

import collections

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from pasture.dedup.parts import PartsFound
from pasture.dedup.spans import DuplicateSpans, FindDuplicateSpans, drop_sentences
from pasture.text.sentences import split_sentences

FEW = settings(
    max_examples=8,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)


def by_hand(shards, n=3, scope=0):
    """The sentences of every span but the first of its kind, one after the other."""
    texts = [
        (
            shard,
            row,
            [s.strip().lower() for line in text.split("\n") for s in split_sentences(line)],
        )
        for shard, rows in enumerate(shards)
        for row, text in enumerate(rows)
    ]
    first = {}
    gone = collections.defaultdict(set)
    for shard, row, sentences in texts:
        for at in range(len(sentences) - n + 1):
            block = shard // scope if scope else 0
            key = (block, *sentences[at : at + n])
            occurrence = [(shard, row, number) for number in range(at, at + n)]
            for place in occurrence:
                if place not in first.setdefault(key, occurrence):
                    gone[shard].add(place[1:])
    return {shard: sorted(places) for shard, places in sorted(gone.items())}


def text_of(sentences):
    """A text of one-letter sentences; a line for each word."""
    return "\n".join(" ".join(f"{letter} is one." for letter in word) for word in sentences.split())


@pytest.mark.parametrize(
    ("shards", "expected"),
    [
        ([], {}),
        ([["", "ab", "ab"]], {}),
        ([["abc", "xabcy"]], {0: [(1, 1), (1, 2), (1, 3)]}),
        ([["abc"], ["ABC"]], {1: [(0, 0), (0, 1), (0, 2)]}),
        ([["a b c", "ab", "cab abc"]], {0: [(2, 3), (2, 4), (2, 5)]}),
        # Longer than a span.
        ([["abcde", "xabcde"]], {0: [(1, 1), (1, 2), (1, 3), (1, 4), (1, 5)]}),
        ([["abcde", "bcd"]], {0: [(1, 0), (1, 1), (1, 2)]}),
        # Twice in one text.
        ([["abcabc"]], {0: [(0, 3), (0, 4), (0, 5)]}),
        ([["abcxabc"]], {0: [(0, 4), (0, 5), (0, 6)]}),
        # A span that overlaps its own first occurrence.
        ([["aaa"]], {}),
        ([["aaaa"]], {0: [(0, 3)]}),
        ([["aaaaaa", "aaa"]], {0: [(0, 3), (0, 4), (0, 5), (1, 0), (1, 1), (1, 2)]}),
        ([["ababab"]], {0: [(0, 3), (0, 4), (0, 5)]}),
        # The first occurrence of cde begins with the end of a repeat of abc.
        ([["abc", "abcde", "cde"]], {0: [(1, 0), (1, 1), (1, 2), (2, 0), (2, 1), (2, 2)]}),
    ],
)
def test_finds_the_sentences_of_every_span_but_the_first(search, shards, expected):
    texts = [[text_of(sentences) for sentences in rows] for rows in shards]
    found = search(FindDuplicateSpans(), texts)
    assert found == expected
    assert found == by_hand(texts)


SHARDS = st.lists(
    st.lists(st.text(st.sampled_from("aAbcd "), max_size=9), max_size=4), min_size=1, max_size=4
)


@FEW
@given(SHARDS, st.integers(1, 4), st.sampled_from([0, 1, 2]))
def test_equals_a_search_by_hand(search, shards, n, scope):
    texts = [[text_of(sentences) for sentences in rows] for rows in shards]
    config = DuplicateSpans(sentences=n, scope_shards=scope)
    find = FindDuplicateSpans(config, block_starts=config.block_starts([1] * len(texts), []))
    assert search(find, texts) == by_hand(texts, n, scope)


@FEW
@given(SHARDS)
def test_the_shards_do_not_matter(search, shards):
    """The same rows in one shard, or in several on two workers: the same sentences go."""
    rows = [text_of(sentences) for rows in shards for sentences in rows]
    places = [(shard, row) for shard, rows in enumerate(shards) for row in range(len(rows))]
    texts = [[text_of(sentences) for sentences in rows] for rows in shards]
    options = ["--direct_num_workers=2", "--direct_running_mode=multi_threading"]
    split = search(FindDuplicateSpans(), texts, options)
    whole = search(FindDuplicateSpans(), [rows]).get(0, [])
    assert whole == [
        (places.index((shard, row)), number)
        for shard, found in split.items()
        for row, number in found
    ]


@pytest.mark.parametrize(
    ("text", "numbers", "left", "removed"),
    [
        ("A one. B two. C three.", [], "A one. B two. C three.", []),
        ("A one. B two. C three.", [1], "A one. C three.", [(0, "B two.")]),
        ("A one. B two. C three.", [0], "B two. C three.", [(0, "A one.")]),
        ("A one.  B two. C three. ", [2], "A one.  B two.", [(0, "C three.")]),
        ("A one.\nB two.\nC three.", [1], "A one.\nC three.", [(1, "B two.")]),
        ("A one.\n\nB two.\n\nC three.", [1], "A one.\n\nC three.", [(2, "B two.")]),
        ("A one.\n\n\nB two. C three. ", [2], "A one.\n\n\nB two.", [(3, "C three.")]),
        (
            "A one. B two.\nC three. D four.",
            [1, 2],
            "A one.\nD four.",
            [(0, "B two."), (1, "C three.")],
        ),
        ("A one. B two.", [0, 1], "", [(0, "A one."), (0, "B two.")]),
        (" Kept as it is. \nB two.", [1], " Kept as it is. ", [(1, "B two.")]),
        ("\u00c0 un.\u2003B deux.", [0], "B deux.", [(0, "\u00c0 un.")]),
    ],
)
def test_drop_sentences(text, numbers, left, removed):
    assert dropped([text], [numbers]) == ([left], [(0, *part) for part in removed])
    texts, parts = dropped(["Before. ", text, text], [[0], numbers, []])
    assert texts == ["", left, text]
    assert parts == [(0, 0, "Before."), *((1, *part) for part in removed)]


def dropped(texts, numbers):
    """Drop sentences of texts; tell what went by row and line."""
    rows = np.repeat(np.arange(len(texts)), list(map(len, numbers)))
    gone = PartsFound(rows, np.array([n for part in numbers for n in part], np.int64))
    left, removed = drop_sentences(pa.array(texts, pa.string()), gone)
    assert removed.reasons.to_pylist() == ["duplicate_span"] * len(rows)
    columns = (removed.rows.tolist(), removed.numbers.tolist(), removed.texts.to_pylist())
    return left.to_pylist(), list(zip(*columns, strict=True))


@given(
    st.lists(
        st.sampled_from(["One is here.", "Two!", "  ", "", "three", "Dr. Four goes. "]), max_size=8
    ),
    st.sets(st.integers(0, 12)),
)
def test_what_is_left_are_the_other_sentences(lines, numbers):
    text = "\n".join(lines)
    sentences = [s.strip() for line in lines for s in split_sentences(line)]
    numbers = sorted(number for number in numbers if number < len(sentences))
    (left,), removed = dropped([text], [numbers])
    rest = [s.strip() for line in left.split("\n") for s in split_sentences(line)]
    assert rest == [s for number, s in enumerate(sentences) if number not in numbers]
    assert [part for _, _, part in removed] == [sentences[number] for number in numbers]


@pytest.mark.parametrize(
    ("options", "message"),
    [({"sentences": 0}, "sentences is 0"), ({"scope_shards": -1}, "scope_shards is -1")],
)
def test_refuses_what_cannot_work(options, message):
    with pytest.raises(ValueError, match=message):
        DuplicateSpans(**options)
