"""Searches against documents that stay: those of other shards, and those of an index."""

from __future__ import annotations

import pathlib
import random
import tempfile

import numpy as np
import pyarrow.parquet as pq
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from pasture.dedup.exact import ExactDuplicates, FindExactDuplicates
from pasture.dedup.index import (
    SHINGLES_SCHEMA,
    IndexShard,
    entries_schema,
    write_entries,
    write_shingles,
)
from pasture.dedup.lines import DuplicateLines, FindDuplicateLines
from pasture.dedup.near import FindNearDuplicates, NearDuplicates

SEARCHES = {
    ExactDuplicates: FindExactDuplicates,
    NearDuplicates: FindNearDuplicates,
    DuplicateLines: FindDuplicateLines,
}
FEW = settings(
    max_examples=5, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
WORKERS = ["--direct_running_mode=multi_processing", "--direct_num_workers=2"]


def write_index(config, path: str) -> IndexShard:
    """Index a shard of documents."""
    entries, shingles = f"{path}.entries", f"{path}.shingles"
    write_entries(config.reader()(path), entries)
    if not isinstance(config, NearDuplicates):
        return IndexShard(entries)
    in_order = config.verify == "coverage"
    write_shingles(path, shingles, config.unit, config.ngram, in_order=in_order)
    return IndexShard(entries, shingles)


@pytest.fixture
def search_new(tmp_path, write, run):
    """Search new shards against old ones, as documents or as an index."""

    def find(config, old, new, indexed=False, options=()):
        folder = pathlib.Path(tempfile.mkdtemp(dir=tmp_path))
        (folder / "old").mkdir()
        standing = [
            (number - len(old), write_index(config, path) if indexed else path)
            for number, path in write(folder / "old", old)
        ]
        paths = [*write(folder, new), *standing]
        found = run(SEARCHES[type(config)](config), paths, folder, options)
        return {shard: part.to_list() for shard, part in sorted(found.items())}

    return find


def exact_by_hand(old, new):
    """Every new row whose text an old or an earlier new row has, and that row."""
    first, found = {}, {}
    shards = [*((n - len(old), texts) for n, texts in enumerate(old)), *enumerate(new)]
    for shard, texts in shards:
        for row, text in enumerate(texts):
            address = first.setdefault(text, (shard, row))
            if shard >= 0 and address != (shard, row):
                found.setdefault(shard, []).append((row, *address, 1.0))
    return found


texts = st.lists(st.lists(st.sampled_from("abcdefgh"), max_size=8), max_size=3)


@FEW
@given(texts, texts, st.booleans())
def test_exact_equals_a_search_by_hand(search_new, old, new, indexed):
    assert search_new(ExactDuplicates(), old, new, indexed) == exact_by_hand(old, new)


def test_an_old_document_wins_whatever_the_rank(search_new):
    old, new = [["a  b"]], [["a     b", "c"], ["a b", "c"]]
    config = ExactDuplicates("whitespace", "longest")
    for indexed in (False, True):
        found = search_new(config, old, new, indexed)
        assert found == {0: [(0, -1, 0, 1.0)], 1: [(0, -1, 0, 1.0), (1, 0, 1, 1.0)]}


def family(number: int, draw: random.Random, copies: int) -> list[str]:
    """A text and lightly edited copies of it: two of them are alike by 0.7 at least."""
    original = [f"f{number}w{draw.randrange(5000)}" for _ in range(120)]
    texts = []
    for _ in range(copies):
        words = list(original)
        for _ in range(draw.randrange(3)):
            words[draw.randrange(120)] = f"x{draw.randrange(10**6)}"
        texts.append(" ".join(words))
    return texts


def near_corpus(seed: int) -> tuple[list[str], list[str], dict[str, int]]:
    """Old texts without near duplicates, new ones with many, and the family of each text."""
    draw = random.Random(seed)
    families = [family(number, draw, draw.randrange(1, 5)) for number in range(24)]
    old = [texts.pop() for texts in families[::2]]
    new = [text for texts in families for text in texts]
    of = {text: n for n, texts in enumerate(families) for text in texts}
    of.update({text: 2 * n for n, text in enumerate(old)})
    return old, draw.sample(new, len(new)), of


def deal(texts: list[str], count: int) -> list[list[str]]:
    """Cut texts into shards of consecutive rows."""
    size = -(-len(texts) // count)
    return [texts[i * size : (i + 1) * size] for i in range(count)]


@pytest.mark.parametrize("seed", range(2))
def test_near_keeps_of_new_documents_what_neither_old_nor_earlier_ones_repeat(search_new, seed):
    config = NearDuplicates(min_similarity=0.6)
    old, new, of = near_corpus(seed)
    seen, kept = {of[text] for text in old}, []
    for text in new:
        if of[text] not in seen:
            kept.append(text)
        seen.add(of[text])
    draw = random.Random(seed)
    for indexed, num_old, num_new in [(False, 1, 3), (True, 4, 2), (True, 1, 1)]:
        shards = deal(new, num_new)
        mixed = draw.sample(old, len(old))
        found = search_new(config, deal(mixed, num_old), shards, indexed)
        gone = {(s, row) for s, rows in found.items() for row, *_ in rows}
        assert [
            text
            for s, rows in enumerate(shards)
            for r, text in enumerate(rows)
            if (s, r) not in gone
        ] == kept


@pytest.mark.parametrize(
    ("keep", "verify"), [("first", "jaccard"), ("longest", "jaccard"), ("cleanest", "coverage")]
)
def test_near_finds_the_same_from_documents_and_from_an_index(search_new, keep, verify):
    config = NearDuplicates(ngram=3, min_similarity=0.6, keep=keep, verify=verify)
    old, new, _ = near_corpus(7)
    args = config, deal(old, 3), deal(new, 4)
    found = search_new(*args)
    assert any(of_shard < 0 for rows in found.values() for _, of_shard, *_ in rows)
    assert any(of_shard >= 0 for rows in found.values() for _, of_shard, *_ in rows)
    options = WORKERS if keep == "first" else []
    assert search_new(*args, indexed=True, options=options) == found


def test_an_incremental_search_drops_what_one_over_all_drops(search, search_new):
    """Where the old documents are no duplicates of each other, they all stay in both."""
    config = NearDuplicates(min_similarity=0.6)
    old, new, _ = near_corpus(11)
    shards_old, shards_new = deal(old, 2), deal(new, 3)
    both = search(FindNearDuplicates(config), [*shards_old, *shards_new])
    assert not {0, 1} & set(both)
    incremental = search_new(config, shards_old, shards_new, indexed=True)
    assert incremental == {
        shard - 2: [(row, of_shard - 2, *rest) for row, of_shard, *rest in rows]
        for shard, rows in both.items()
    }


def lines_by_hand(old, new, keep):
    seen = {line for shard in old for text in shard for line in text.split("\n")}
    pages = [set(text.split("\n")) for shard in new for text in shard]
    found: dict[int, list[tuple[int, int]]] = {}
    for shard, rows in enumerate(new):
        for row, text in enumerate(rows):
            lines = text.split("\n")
            for number, line in enumerate(lines):
                is_shared = keep == "none" and sum(line in page for page in pages) > 1
                if line and (line in seen or is_shared or line in lines[:number]):
                    found.setdefault(shard, []).append((row, number))
                seen.add(line) if keep == "first" else None
    return found


pages = st.lists(
    st.lists(st.lists(st.sampled_from("abcdefghij"), max_size=4).map("\n".join), max_size=3),
    max_size=3,
)


@FEW
@given(pages, pages, st.sampled_from(["none", "first"]), st.booleans())
def test_lines_equal_a_search_by_hand(search_new, old, new, keep, indexed):
    config = DuplicateLines(scope_files=0, keep=keep)
    assert search_new(config, old, new, indexed) == lines_by_hand(old, new, keep)


def test_an_index_is_parquet_with_the_keys_and_the_shingles(tmp_path, write):
    ((_, path),) = write(tmp_path, [["a b c", "", "c b a", "a b c"]])
    shard = write_index(NearDuplicates(ngram=1, bands=4, rows=2), path)
    assert pq.read_schema(shard.entries_path).equals(entries_schema(1))
    assert pq.read_schema(shard.shingles_path).equals(SHINGLES_SCHEMA)
    # All but the empty one have the same words: the first stands for all.
    assert shard.entries().positions.tolist() == [0, 1, 2, 3]
    found = shard.shingles_of_rows(np.array([3, 0, 1, 3]))
    assert sorted(found) == [0, 1, 3]
    assert found[0].tolist() == found[3].tolist() == sorted(found[0].tolist())
    assert (len(found[0]), len(found[1])) == (3, 0)


def test_an_index_of_nothing_matches_nothing(search_new):
    for config in (ExactDuplicates(), NearDuplicates(), DuplicateLines(scope_files=0)):
        assert search_new(config, [[], []], [["a"]], indexed=True) == {}


def test_refuses_blocks_beside_an_index():
    with pytest.raises(ValueError, match="set scope_files to 0"):
        DuplicateLines(index=("old",))
    with pytest.raises(ValueError, match="max_removed is 2"):
        ExactDuplicates(max_removed=2)
