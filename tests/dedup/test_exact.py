import datetime
import pickle

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from pasture.dedup.addresses import DuplicateRows
from pasture.dedup.exact import ExactDuplicates, FindExactDuplicates, digest
from pasture.records import Document

FEW = settings(
    max_examples=8,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)


def document(text, **fields):
    return Document("id", "test", text, **fields)


def by_hand(shards):
    """Every row whose text an earlier row has, and that row."""
    first, found = {}, {}
    for shard, texts in enumerate(shards):
        for row, text in enumerate(texts):
            address = first.setdefault(text, (shard, row))
            if address != (shard, row):
                found.setdefault(shard, []).append((row, *address, 1.0))
    return found


@pytest.mark.parametrize(
    "shards",
    [
        [],
        [[]],
        [["a"]],
        [["a", "b"], ["c"]],
        [["a", "a", "b"], ["b", "c", "a"], [], ["c", "c"]],
        [["", " ", ""], ["\u00e9", "e\u0301", "\u00e9"]],
        [["x"] * 300] * 3,
    ],
)
def test_keeps_the_lowest_address(search, shards):
    assert search(FindExactDuplicates(), shards) == by_hand(shards)


@FEW
@given(st.lists(st.lists(st.sampled_from("abcdef"), max_size=12), max_size=5))
def test_equals_a_search_by_hand(search, shards):
    assert search(FindExactDuplicates(), shards) == by_hand(shards)


@pytest.mark.parametrize(
    ("normalise", "found"), [("none", {}), ("whitespace", {1: [(0, 0, 0, 1.0), (1, 0, 0, 1.0)]})]
)
def test_normalises(search, normalise, found):
    shards = [["one two"], ["one  two", " one\n\ttwo "], ["onetwo", "One two"]]
    assert search(FindExactDuplicates(ExactDuplicates(normalise)), shards) == found


def day(number):
    return datetime.datetime(2020, 1, number, tzinfo=datetime.timezone.utc)


@pytest.mark.parametrize(
    ("keep", "column", "values", "best"),
    [
        ("first", "date", [day(2), day(1), day(3)], 0),
        ("oldest", "date", [day(2), day(1), None], 1),
        ("newest", "date", [day(2), day(1), day(3)], 2),
        ("best_reference", "reference_score", [None, 0.25, 0.75], 2),
        ("lowest_perplexity", "perplexity", [300.0, None, 200.0], 2),
        ("lowest_perplexity", "perplexity", [200.0, 200.0, 200.0], 0),
        ("oldest", "date", [None, None, None], 0),
    ],
)
def test_keeps_the_best_copy(search, keep, column, values, best):
    shards = [[document("same", **{column: value})] for value in values]
    found = search(FindExactDuplicates(ExactDuplicates(keep=keep)), shards)
    assert found == {i: [(0, best, 0, 1.0)] for i in range(3) if i != best}


def test_keeps_the_longest_of_the_copies_that_only_differ_in_white_space(search):
    config = ExactDuplicates("whitespace", "longest")
    found = search(FindExactDuplicates(config), [["a b", "a  b"], ["a   b", "a b"]])
    assert found == {0: [(0, 1, 0, 1.0), (1, 1, 0, 1.0)], 1: [(1, 1, 0, 1.0)]}


def test_finds_the_same_in_worker_processes(search):
    shards = [[f"{number % 7}" for number in range(shard, 30)] for shard in range(6)]
    options = ["--direct_running_mode=multi_processing", "--direct_num_workers=2"]
    assert search(FindExactDuplicates(), shards, options) == by_hand(shards)


def test_digest_is_stable():
    """A digest may be kept in an index: the same in every version."""
    assert digest("a\u00e9", "none").hex() == "1b54fd40504419e1902fecfb87efeedd"


def test_duplicate_rows_pickle():
    rows = DuplicateRows(
        np.array([1, 5]),
        np.array([0, 2], np.int32),
        np.array([7, 8]),
        np.array([1.0, 0.5], np.float32),
    )
    assert pickle.loads(pickle.dumps(rows)).to_list() == [(1, 0, 7, 1.0), (5, 2, 8, 0.5)]
