import collections
import hashlib
import re

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from pasture.dedup.lines import (
    UNICODE_PUNCTUATION,
    DuplicateLines,
    FindDuplicateLines,
    drop_lines,
    hash_lines,
    normalise_lines,
)

FEW = settings(
    max_examples=8,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)


def ccnet(line):
    """The rule as CCNet states it, one line and one step at a time."""
    line = re.sub(r"\d", "0", line.strip().lower())
    deleted = {*UNICODE_PUNCTUATION, *map(chr, range(32)), *map(chr, range(127, 160))}
    return "".join(character for character in line if character not in deleted)


@pytest.mark.parametrize(
    ("line", "normal"),
    [
        ("", ""),
        ("  Home | About us  ", "home | about us"),
        ("Page 12 of 345", "page 00 of 000"),
        ("\u0661\u0662 \uff11 \u00b2", "00 0 \u00b2"),
        ("\u201cQuoted\u201d \u2014 caf\u00e9\u2026", "quoted  caf\u00e9"),
        ('It\'s "plain" ASCII, kept!', 'it\'s "plain" ascii, kept!'),
        ("tab\tand\x00null\x7f\x9f", "tabandnull"),
        ("\x00 kept space", " kept space"),
        ("\u039f\u0394\u039f\u03a3", "\u03bf\u03b4\u03bf\u03c2"),
    ],
)
def test_normalises_as_ccnet(line, normal):
    assert normalise_lines([line]) == [normal.encode()]
    assert ccnet(line) == normal


LINES = st.text(
    st.one_of(
        st.characters(exclude_categories=["Cs"], exclude_characters="\n"),
        st.sampled_from(UNICODE_PUNCTUATION + "\x00\x1c\x7f\x85\x9f\u03a3 \t9"),
    ),
    max_size=12,
)


@given(st.lists(LINES, min_size=1, max_size=5))
def test_normalises_every_line_alone(lines):
    assert normalise_lines(lines) == [ccnet(line).encode() for line in lines]


def test_hash_is_the_start_of_sha1():
    want = [int.from_bytes(hashlib.sha1(line).digest()[:8], "little") for line in (b"a0", b"")]
    assert hash_lines(["A7", "\u2026"]).tolist() == want


def by_hand(shards, scope, keep):
    """Every line that another line of its block equals."""
    places = collections.defaultdict(list)
    for shard, texts in enumerate(shards):
        for row, text in enumerate(texts):
            for number, line in enumerate(text.split("\n")):
                if line.strip():
                    block = shard // scope if scope else 0
                    places[block, ccnet(line)].append((shard, row, number))
    found = collections.defaultdict(list)
    for copies in places.values():
        if len(copies) > 1:
            for shard, row, number in copies[1 if keep == "first" else 0 :]:
                found[shard].append((row, number))
    return {shard: sorted(lines) for shard, lines in sorted(found.items())}


@pytest.mark.parametrize("keep", ["none", "first"])
@pytest.mark.parametrize("scope", [0, 1, 2])
@pytest.mark.parametrize(
    "shards",
    [
        [],
        [["one\ntwo"]],
        [["menu\nfirst story\n\nmenu", "menu\nsecond story\n\nfooter 1"], ["FOOTER 2\nthird"]],
        [["a"], ["b"], ["a\nb"], ["b"]],
        [["\n\n", ""], ["\u2026\nx", "\u2014"]],
    ],
)
def test_finds_every_repeated_line(search, shards, scope, keep):
    found = search(FindDuplicateLines(DuplicateLines(scope, keep)), shards)
    assert found == by_hand(shards, scope, keep)


@FEW
@given(
    st.lists(
        st.lists(st.lists(st.sampled_from(["a", "b", "C1", "c2", "d", ""])), max_size=4), max_size=5
    ),
    st.sampled_from([0, 1, 2, 50]),
    st.sampled_from(["none", "first"]),
)
def test_equals_a_search_by_hand(search, shards, scope, keep):
    texts = [["\n".join(lines) for lines in rows] for rows in shards]
    config = DuplicateLines(scope, keep)
    assert search(FindDuplicateLines(config), texts) == by_hand(texts, scope, keep)


@pytest.mark.parametrize(
    ("text", "lines", "left"),
    [
        ("a\nb\nc", [], "a\nb\nc"),
        ("a\nb\nc", [1], "a\nc"),
        ("a\nb\nc", [0, 2], "b"),
        ("a\nb", [0, 1], ""),
        ("a\n\nb\n\nc", [2], "a\n\nc"),
        ("a\n\nb", [0], "b"),
        ("a\n\nb", [2], "a"),
        ("a\n \n\nb\nc", [4], "a\n \n\nb"),
        ("  a \n\tb", np.array([0], np.int32), "\tb"),
        ("\n\n", [], "\n\n"),
    ],
)
def test_drop_lines(text, lines, left):
    assert drop_lines(text, lines) == left


def test_refuses_a_negative_scope():
    with pytest.raises(ValueError, match="scope_shards is -1"):
        DuplicateLines(scope_shards=-1)
