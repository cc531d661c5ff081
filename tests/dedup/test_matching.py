import collections
import pickle

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pasture.dedup.matching import (
    Entries,
    Matches,
    bucket_bits,
    deal,
    match_bucket,
    merge_shard,
)

SPREAD = 0x9E3779B97F4A7C15  # 2^64 divided by the golden ratio: small keys in many buckets
ENTRY = st.tuples(st.integers(0, 6), st.sampled_from([0.0, 1.0, float("nan")]))
SHARDS = st.lists(st.lists(ENTRY, max_size=12), max_size=5)


def find(shards, ranked, bits, document_bits=0):
    """Match shards of ``(key, rank)`` as the transform does, without Beam."""
    buckets, repeats = collections.defaultdict(list), {}
    for shard, rows in enumerate(shards):
        keys = np.array([key * SPREAD % (1 << 64) for key, _ in rows], np.uint64)
        ranks = np.array([rank for _, rank in rows], np.float64) if ranked else None
        entries = Entries(keys.reshape(-1, 1), np.arange(len(rows)) * 3, ranks)
        dealt, repeats[shard] = deal(entries, bits)
        for bucket, part in dealt:
            buckets[bucket].append((shard, pickle.loads(pickle.dumps(part))))
    matches = collections.defaultdict(list)
    for parts in buckets.values():
        for shard, matched in match_bucket(parts):
            matches[shard].append(pickle.loads(pickle.dumps(matched)))
    return {
        shard: merge_shard(shard, matches[shard], repeats[shard], document_bits)
        for shard in repeats
    }


def find_by_hand(shards, ranked, document_bits=0):
    copies = collections.defaultdict(list)
    for shard, rows in enumerate(shards):
        for number, (key, rank) in enumerate(rows):
            order = (np.isnan(rank), np.nan_to_num(rank)) if ranked else ()
            copies[key].append((order, shard, number * 3))
    found = {shard: [] for shard in range(len(shards))}
    for same in copies.values():
        best = min(same)[1:]
        documents = {(shard, position >> document_bits) for _, shard, position in same}
        for _, shard, position in same:
            if (shard, position) != best or len(documents) > 1:
                found[shard].append((position, *best))
    return {shard: sorted(rows) for shard, rows in found.items()}


@pytest.mark.parametrize("bits", [4, 8, 16])
@pytest.mark.parametrize("ranked", [False, True])
@settings(max_examples=50, deadline=None)
@given(shards=SHARDS, document_bits=st.integers(0, 4))
def test_equal_keys_are_matched_to_their_best_entry(bits, ranked, shards, document_bits):
    """In any buckets; a best entry is matched only where another document has its key."""
    found = {
        shard: list(zip(m.positions, m.of_shard, m.of_position, strict=True))
        for shard, m in find(shards, ranked, bits, document_bits).items()
    }
    assert found == find_by_hand(shards, ranked, document_bits)


def test_the_best_entry_is_not_beaten():
    ints = np.array([0, 3, 6])
    matches = Matches(ints, np.array([0, 0, 1], np.int32), np.array([0, 0, 6]))
    assert matches.beaten(0).positions.tolist() == [3, 6]
    assert matches.beaten(1).positions.tolist() == [0, 3]


@pytest.mark.parametrize(
    ("text_bytes", "buckets"),
    [(0, 16), (1 << 32, 16), (1 << 33, 32), (5 * 10**12, 16384), (10**15, 65536)],
)
def test_there_are_more_buckets_where_there_is_more_text(text_bytes, buckets):
    assert 1 << bucket_bits(text_bytes) == buckets


def shuffled_bytes(keys):
    """What a shard sends: its distinct entries by bucket, and the positions of the others."""
    return len(pickle.dumps(deal(Entries(keys, np.arange(len(keys))), 8)))


def test_a_key_that_a_shard_repeats_costs_less_than_others():
    bands, documents = 18, 5000
    random = np.random.default_rng(0)
    keys = random.integers(0, 1 << 64, (bands * documents, 1), np.uint64)
    one_text = np.tile(keys[:bands], (documents, 1))
    assert shuffled_bytes(keys) < 11 * len(keys)
    assert shuffled_bytes(one_text) < 3 * len(keys)
