import collections
import hashlib
import re
import sys
import unicodedata

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from pasture.dedup.lines import (
    SLICE_BYTES,
    UNICODE_PUNCTUATION,
    DuplicateLines,
    FindDuplicateLines,
    drop_lines,
    hash_lines,
    split_lines,
)
from pasture.dedup.parts import WHITE, PartsFound, find_blank, hash_parts
from pasture.records import Document

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


def c4(line):
    """The rule of C4's code."""
    return line.strip().lower()


def same_keys(lines, want, form="ccnet"):
    """Tell whether lines are compared as what is wanted of them; None stands for a blank line."""
    keys, present = hash_lines(pa.array(lines, pa.string()), form)
    wanted = hash_parts([(normal or "").encode() for normal in want])
    is_there = [normal is not None for normal in want]
    return present.tolist() == is_there and np.array_equal(keys[present], wanted[present])


@pytest.mark.parametrize(
    ("line", "normal"),
    [
        ("", None),
        (" \t\x1c\xa0\u2028", None),
        ("\u2026", ""),
        ("\x00", ""),
        ("  Home | About us  ", "home | about us"),
        ("Page 12 of 345", "page 00 of 000"),
        ("\u0661\u0662 \uff11 \u00b2", "00 0 \u00b2"),
        ("\u201cQuoted\u201d \u2014 caf\u00e9\u2026", "quoted  caf\u00e9"),
        ('It\'s "plain" ASCII, kept!', 'it\'s "plain" ascii, kept!'),
        ("tab\tand\x00null\x7f\x9f", "tabandnull"),
        ("\x1d\x00 kept space", " kept space"),
        ("\x1d\x00 kept \u00a0space\u3000", " kept \u00a0space"),
        ("\u039f\u0394\u039f\u03a3", "\u03bf\u03b4\u03bf\u03c2"),
        ("\u0130stanbul \u212a", "i\u0307stanbul k"),
    ],
)
def test_normalises_as_ccnet(line, normal):
    assert same_keys([line], [normal])
    assert ccnet(line) == (normal or "")


def test_c4_only_lower_cases():
    lines = [" It Was 5\u2026\t ", "\x1fCAF\u00c9\x00 1", "\u00a0\u039f\u03a3 \u0130"]
    assert same_keys(lines, ["it was 5\u2026", "caf\u00e9\x00 1", "\u03bf\u03c2 i\u0307"], "c4")


def test_every_character_is_normalised_as_ccnet():
    """Each alone, so that it may be white space, and between letters."""
    characters = [
        chr(code)
        for code in range(sys.maxunicode + 1)
        if chr(code) != "\n" and unicodedata.category(chr(code)) not in ("Cs", "Co", "Cn")
    ]
    for lines in (characters, [f"x{character}Y" for character in characters]):
        want = [ccnet(line) if line.strip() else None for line in lines]
        assert same_keys(lines, want)


LINES = st.text(
    st.one_of(
        st.characters(exclude_categories=["Cs"], exclude_characters="\n"),
        st.sampled_from(UNICODE_PUNCTUATION + "\x00\x1c\x7f\x85\x9f\xa0\u03a3\u0130 \t9A"),
    ),
    max_size=12,
)


@given(st.lists(LINES, max_size=5))
def test_normalises_every_line_alone(lines):
    present = [line if line.strip() else None for line in lines]
    assert same_keys(lines, [None if line is None else ccnet(line) for line in present])
    assert same_keys(lines, [None if line is None else c4(line) for line in present], "c4")


@given(st.lists(st.lists(LINES, min_size=1, max_size=4), min_size=1, max_size=4))
def test_splits_a_column_into_the_lines_of_its_texts(texts):
    column = pa.array(["never", *("\n".join(lines) for lines in texts)])[1:]
    lines, counts = split_lines(column)
    assert lines.to_pylist() == [
        line if number == len(text) else f"{line}\n"
        for text in texts
        for number, line in enumerate(text, 1)
    ]
    assert counts.tolist() == [len(text) for text in texts]


def by_hand(shards, scope, keep, normal=ccnet):
    """The repeated lines: all that another page of the block has, and all but a page's first."""
    places = collections.defaultdict(list)
    for shard, texts in enumerate(shards):
        for row, text in enumerate(texts):
            for number, line in enumerate(text.split("\n")):
                if line.strip():
                    block = shard // scope if scope else 0
                    places[block, normal(line)].append((shard, row, number))
    found = collections.defaultdict(list)
    for copies in places.values():
        pages = {(shard, row) for shard, row, _ in copies}
        for shard, row, number in copies[0 if keep == "none" and len(pages) > 1 else 1 :]:
            found[shard].append((row, number))
    return {shard: sorted(lines) for shard, lines in sorted(found.items())}


def find_lines(num_shards, scope, keep):
    config = DuplicateLines(scope_shards=scope, keep=keep)
    starts = config.block_starts([1] * num_shards, [1] * num_shards)
    return FindDuplicateLines(config, block_starts=starts)


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
        [["verse\nCHORUS\nverse 1\nchorus\nchorus", "other\nchorus 2"], ["chorus", "x\nx"]],
    ],
)
def test_finds_every_repeated_line(search, shards, scope, keep):
    found = search(find_lines(len(shards), scope, keep), shards)
    assert found == by_hand(shards, scope, keep)


@pytest.mark.parametrize(
    ("shards", "gone"),
    [
        ([["song\nla la\nverse\nLa la\nla la"]], {0: [(0, 3), (0, 4)]}),
        ([["a\na", "b\nb"]], {0: [(0, 1), (1, 1)]}),
        ([["a\na", "b\na"]], {0: [(0, 0), (0, 1), (1, 1)]}),
        ([["a\na", "b"], ["c\na"]], {0: [(0, 0), (0, 1)], 1: [(0, 1)]}),
        ([["b"], ["a\nb2\na"]], {1: [(0, 2)]}),
    ],
)
def test_a_line_that_one_page_alone_repeats_stays_there_once(search, shards, gone):
    """As in cc_net, whose set of hashes flags what several pages have."""
    assert search(FindDuplicateLines(DuplicateLines()), shards) == gone


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
    assert search(find_lines(len(shards), scope, keep), texts) == by_hand(texts, scope, keep)


def test_c4_compares_lower_cased_lines(search):
    shards = [["Page 1\nSame\u2026", "page 2\nsame"], ["PAGE 1\nsame\u2026"]]
    found = search(FindDuplicateLines(DuplicateLines(keep="first", normalise="c4")), shards)
    assert found == by_hand(shards, 0, "first", c4) == {1: [(0, 0), (0, 1)]}


def md5(url):
    return hashlib.md5(url.encode()).hexdigest()


def test_c4_keeps_a_line_on_the_page_whose_url_has_the_lowest_hash(search):
    """As C4's code: one page for each line, by a hash, and one copy of the line there."""
    urls = [f"https://www.site{i}.example/" for i in range(6)]
    first = min(range(6), key=lambda i: md5(f"site{i}.example"))
    documents = [
        Document(str(i), "c4", "Menu\nmenu\n \nown" + "x" * i, url=u) for i, u in enumerate(urls)
    ]
    documents.append(Document("no-url", "c4", "Menu"))
    config = DuplicateLines(keep="lowest_url_hash", normalise="c4")
    found = search(FindDuplicateLines(config), [documents[:3], documents[3:]])
    gone = {(i // 3, i % 3, line) for i in range(6) for line in (0, 1)} | {(1, 3, 0)}
    gone.remove((first // 3, first % 3, 0))
    assert {(shard, *place) for shard, places in found.items() for place in places} == gone


def test_texts_longer_than_a_slice_keep_their_places(search):
    long = "\n".join(f"line {'a' * 50}{number:x}" for number in range(SLICE_BYTES // 25))
    shards = [["first\nmenu", long, "menu\nlast"]]
    assert search(FindDuplicateLines(DuplicateLines()), shards) == by_hand(shards, 0, "none")


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
        ("  a \n\tb", [0], "\tb"),
        ("a\n\n\nb\n\nc\n", [3], "a\n\n\nc"),
        (" \na\nb", [1], "b"),
        ("\n\n", [], "\n\n"),
    ],
)
def test_drop_lines(text, lines, left):
    assert dropped([text], [lines]) == [left]


def dropped(texts, lines):
    """Drop lines of texts; check what went."""
    rows = np.repeat(np.arange(len(texts)), list(map(len, lines)))
    numbers = np.array([number for part in lines for number in part], np.int64)
    left, removed = drop_lines(pa.array(texts, pa.string()), PartsFound(rows, numbers))
    assert removed.rows.tolist() == rows.tolist()
    assert removed.numbers.tolist() == numbers.tolist()
    assert removed.reasons.to_pylist() == ["duplicate_line"] * len(rows)
    split = [text.split("\n") for text in texts]
    assert removed.texts.to_pylist() == [
        split[row][number] for row, number in zip(rows, numbers, strict=True)
    ]
    return left.to_pylist()


def dropped_by_hand(text, numbers):
    """The rule for blank lines, a line at a time."""
    if not numbers:
        return text
    kept, after_cut = [], True
    for number, line in enumerate(text.split("\n")):
        is_blank = not line.strip()
        if number in numbers:
            after_cut = True
        elif not (is_blank and after_cut and not (kept and kept[-1].strip())):
            kept.append(line)
            after_cut = after_cut and is_blank
    while kept and not kept[-1].strip():
        kept.pop()
    return "\n".join(kept)


PLACED = st.tuples(st.sampled_from(["a", "b", "\u00e9 ", "", "", " \x1c", "\u3000"]), st.booleans())


@settings(max_examples=300, deadline=None)
@given(st.lists(st.lists(PLACED, min_size=1, max_size=10), max_size=4))
def test_drops_lines_of_many_texts_as_by_hand(rows):
    texts = ["\n".join(line for line, _ in row) for row in rows]
    lines = [[i for i, (_, goes) in enumerate(row) if goes] for row in rows]
    assert dropped(texts, lines) == list(map(dropped_by_hand, texts, lines))


def test_knows_what_python_takes_for_white_space():
    assert sorted(WHITE) == [c for c in map(chr, range(sys.maxunicode + 1)) if c.isspace()]


@given(st.lists(st.text(st.sampled_from(WHITE + "a\u00e9\u2029\x00"), max_size=4)))
def test_finds_blank_texts_as_strip_does(texts):
    column = pa.array(["never", *texts])[1:]
    assert find_blank(column).tolist() == [not text.strip() for text in texts]


@pytest.mark.parametrize("texts", [[], [""], ["", ""], ["\n", "", "a"]])
def test_splits_texts_without_characters(texts):
    lines, counts = split_lines(pa.array(texts, pa.string()))
    assert "".join(lines.to_pylist()) == "".join(texts)
    assert counts.tolist() == [text.count("\n") + 1 for text in texts]
    left, removed = drop_lines(pa.array(texts, pa.string()), PartsFound.of(np.empty(0, np.int64)))
    assert (left.to_pylist(), len(removed.rows)) == (texts, 0)
