"""Equal keys across shards: which entries share a key, and which of them is the best.

All searches for duplicates come down to this: a shard is read as entries with 64- or 128-bit
keys (digests of texts, hashes of lines, bands of signatures). What travels between workers is
packed: one array for each shard and bucket of keys, not one element for each key. A shard sends
each of its keys once, so a key that stands in a shard a million times costs no more than others,
and a hot key costs at most one entry a shard.

A shard with a negative number is only looked at: its entries beat all others, and nothing is
given for it. Such shards hold documents of other sources, or entries that an index kept.
"""

from __future__ import annotations

import dataclasses
import itertools
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any, NamedTuple, Protocol

import apache_beam as beam
import numpy as np
import numpy.typing as npt
import pyarrow as pa

from pasture.dedup.addresses import Array, Floats, Ints
from pasture.dedup.parts import NUMBER_BITS, NUMBER_MASK

MIN_BUCKET_BITS, MAX_BUCKET_BITS = 4, 16
BUCKET_BYTES = 512 << 20
"""Text whose keys share a bucket, about (ours): at most ten million lines of 50 bytes."""


def bucket_bits(text_bytes: int) -> int:
    """Choose how many of a key's highest bits name its bucket, the unit of parallel work.

    A bucket's keys must fit in a worker's memory, so there are more where there is more text.
    """
    wanted = (text_bytes // BUCKET_BYTES).bit_length()
    return min(max(wanted, MIN_BUCKET_BITS), MAX_BUCKET_BITS)


class Packed(NamedTuple):
    """Positions that differ little from their neighbours, as few bytes.

    Rows and numbers within them, which a position of a line has in its halves, are packed apart:
    where the row changes, the whole position takes a long step.

    Args:
        first: The first position, if there is one.
        rows: The steps from each upper half to the next, of the shortest type that holds them;
            empty where all are the same.
        numbers: Those of the lower halves.
    """

    first: Ints
    rows: npt.NDArray[np.signedinteger[Any]]
    numbers: npt.NDArray[np.signedinteger[Any]]

    @classmethod
    def of(cls, positions: Ints) -> Packed:
        """Pack positions: one or two bytes for each half, where they stand close together."""
        rows = _shortest(np.diff(positions >> NUMBER_BITS))
        rows = rows if rows.any() else rows[:0]
        return cls(positions[:1], rows, _shortest(np.diff(positions & NUMBER_MASK)))

    def unpack(self) -> Ints:
        """Give the positions."""
        numbers = np.cumsum(np.concatenate([self.first & NUMBER_MASK, self.numbers]))
        first = self.first >> NUMBER_BITS
        rows = np.cumsum(np.concatenate([first, self.rows])) if len(self.rows) else first
        positions: Ints = numbers | rows << NUMBER_BITS
        return positions


def _shortest(steps: Ints) -> npt.NDArray[np.signedinteger[Any]]:
    """Change numbers to the shortest type that holds them."""
    least, most = int(steps.min(initial=0)), int(steps.max(initial=0))
    # ~most is negative, and needs as many bytes as most does with a sign.
    return steps.astype(np.min_scalar_type(min(least, ~most)))


@dataclasses.dataclass(frozen=True, slots=True, eq=False)
class Entries:
    """The entries of one shard, or some of them: parallel arrays in order of position.

    Args:
        keys: uint64, of shape (n, 1) or (n, 2): uniformly distributed hashes.
        positions: int64, ascending: what an entry is called within its shard.
        ranks: float64, the lowest is the best; None where the address alone decides.
    """

    keys: npt.NDArray[np.uint64]
    positions: Ints
    ranks: Floats | None = None

    def take(self, chosen: Array | slice) -> Entries:
        """Choose entries by a mask, by index or by a slice."""
        ranks = None if self.ranks is None else self.ranks[chosen]
        return Entries(self.keys[chosen], self.positions[chosen], ranks)

    def __reduce__(self) -> tuple[Any, ...]:
        return _unpack_entries, (self.keys, Packed.of(self.positions), self.ranks)


@dataclasses.dataclass(frozen=True, slots=True, eq=False)
class Matches:
    """Entries of one shard whose key another entry has too, and the best entry of that key.

    Args:
        positions: int64, ascending. The best entry itself is among them, matched to itself.
        of_shard: int32, the shard of the best entry.
        of_position: int64, its position there.
    """

    positions: Ints
    of_shard: npt.NDArray[np.int32]
    of_position: Ints

    def beaten(self, shard: int) -> Matches:
        """Leave out the entries that are the best of their key themselves."""
        beaten = (self.of_shard != shard) | (self.of_position != self.positions)
        return Matches(self.positions[beaten], self.of_shard[beaten], self.of_position[beaten])


def _unpack_entries(
    keys: npt.NDArray[np.uint64], positions: Packed, ranks: Floats | None
) -> Entries:
    return Entries(keys, positions.unpack(), ranks)


class StoredEntries(Protocol):
    """A shard whose entries are read as they are, in place of a path to documents."""

    def entries(self) -> Entries:
        """Read the entries."""


Part = tuple[int, Entries]
Repeats = tuple[Packed, Packed]


def concatenate(parts: Iterable[Entries]) -> Entries:
    """Join entries in order; where some have ranks, those without are better than all."""
    parts = list(parts)
    ranks = [
        np.full(len(part.positions), -np.inf) if part.ranks is None else part.ranks
        for part in parts
    ]
    return Entries(
        np.concatenate([part.keys for part in parts]),
        np.concatenate([part.positions for part in parts]),
        None if all(part.ranks is None for part in parts) else np.concatenate(ranks),
    )


def best_of_each_key(entries: Entries) -> tuple[Ints, Ints]:
    """For each entry, the index of the best entry with the same key, and how many have it.

    Of equal ranks the first entry wins.
    """
    if entries.ranks is None:
        return _first_of_each_key(entries.keys)
    order = np.argsort(entries.ranks, kind="stable")
    first, count = _first_of_each_key(entries.keys[order])
    given = np.argsort(order)
    return order[first][given], count[given]


def _first_of_each_key(keys: npt.NDArray[np.uint64]) -> tuple[Ints, Ints]:
    if keys.shape[1] == 1:  # Arrow numbers integers two to three times as fast as bytes
        values = pa.array(keys[:, 0])
    else:
        data = pa.py_buffer(np.ascontiguousarray(keys))
        values = pa.Array.from_buffers(pa.binary(8 * keys.shape[1]), len(keys), [None, data])
    # Arrow numbers the distinct keys as it meets them.
    number = values.dictionary_encode().indices.to_numpy()
    first = np.flatnonzero(np.diff(np.maximum.accumulate(number), prepend=-1))
    return first[number], np.bincount(number)[number]


def collapse(entries: Entries) -> tuple[Entries, Repeats]:
    """Keep the best entry of each key in a shard; give the others' positions and its position.

    Both come packed: they wait for what the buckets find.
    """
    best, _ = best_of_each_key(entries)
    is_best = best == np.arange(len(best))
    repeated, of = entries.positions[~is_best], entries.positions[best[~is_best]]
    return entries.take(is_best), (Packed.of(repeated), Packed.of(of))


def deal(entries: Entries, bits: int) -> Iterator[tuple[int, Entries]]:
    """Split entries by the highest bits of their keys."""
    # Numpy sorts 16-bit numbers by radix, in linear time.
    buckets = (entries.keys[:, 0] >> np.uint64(64 - bits)).astype(np.uint16)
    order = np.argsort(buckets, kind="stable")
    buckets, dealt = buckets[order], entries.take(order)
    starts = np.flatnonzero(np.diff(buckets.astype(np.int32), prepend=-1))
    for start, end in itertools.pairwise([*starts.tolist(), len(buckets)]):
        yield int(buckets[start]), dealt.take(slice(start, end))


def match_bucket(parts: Iterable[Part]) -> Iterator[tuple[int, Matches]]:
    """Match one bucket's entries of all shards, each shard's keys distinct."""
    parts = sorted(parts, key=lambda part: part[0])
    entries = concatenate(part for _, part in parts)
    sizes = [len(part.positions) for _, part in parts]
    of_shard = np.repeat(np.array([shard for shard, _ in parts], np.int32), sizes)
    best, count = best_of_each_key(entries)
    end = 0
    for (shard, part), size in zip(parts, sizes, strict=True):
        start, end = end, end + size
        shared = np.flatnonzero(count[start:end] > 1)
        if shard >= 0 and len(shared):
            winner = best[start + shared]
            matched = Matches(part.positions[shared], of_shard[winner], entries.positions[winner])
            yield shard, matched


def merge_shard(shard: int, matches: Iterable[Matches], repeats: Iterable[Repeats]) -> Matches:
    """Join what the buckets found of a shard with what repeats inside the shard."""
    empty = np.empty(0, np.int64)
    nothing = Matches(empty, empty.astype(np.int32), empty)
    matched = _in_order([nothing, *matches])
    packed = itertools.chain.from_iterable(repeats)
    repeated, local_best = [numbers.unpack() for numbers in packed] or (empty, empty)

    # A key that no other shard has: its best entry is the one in this shard.
    encoded = pa.array(local_best).dictionary_encode()
    distinct, of_repeat = encoded.dictionary.to_numpy(), encoded.indices.to_numpy()
    found = np.searchsorted(matched.positions, distinct)
    lonely = np.sort(distinct[np.append(matched.positions, -1)[found] != distinct])
    own = np.full(len(lonely), shard, np.int32)
    bests = _in_order([matched, Matches(lonely, own, lonely)])
    best = np.searchsorted(bests.positions, distinct)[of_repeat]
    return _in_order([bests, Matches(repeated, bests.of_shard[best], bests.of_position[best])])


def _in_order(parts: Sequence[Matches]) -> Matches:
    """Join matches, each part in order already."""
    positions = np.concatenate([part.positions for part in parts])
    order = np.argsort(positions, kind="stable")
    return Matches(
        positions[order],
        np.concatenate([part.of_shard for part in parts])[order],
        np.concatenate([part.of_position for part in parts])[order],
    )


class ReadEntries(beam.DoFn):  # type: ignore[misc]
    """Reads a shard's entries: the distinct ones by bucket, the repeats on the side."""

    def __init__(self, read: Callable[[str], Entries], scope_shards: int, bits: int) -> None:
        self.read, self.scope_shards, self.bits = read, scope_shards, bits

    def process(self, element: tuple[int, str | StoredEntries]) -> Iterator[Any]:
        """Give ``((block, bucket), (shard, entries))``, and ``(shard, repeats)``."""
        shard, stored = element
        block = shard // self.scope_shards if self.scope_shards else 0
        found = self.read(stored) if isinstance(stored, str) else stored.entries()
        if shard < 0:
            found = dataclasses.replace(found, ranks=None)
        entries, repeats = collapse(found)
        if shard >= 0 and len(repeats[0].first):
            yield beam.pvalue.TaggedOutput("repeats", (shard, repeats))
        for bucket, part in deal(entries, self.bits):
            yield (block, bucket), (shard, part)


@dataclasses.dataclass
class MatchEntries(beam.PTransform):  # type: ignore[misc]
    """Finds the entries that share a key: ``(shard, path)`` to ``(shard, Matches)``.

    Gives nothing for a shard without matches.

    Args:
        read: Reads the entries of the shard at a path.
        scope_shards: Keys are compared within blocks of so many consecutive shards; 0: all.
        text_bytes: Bytes of text that are compared with each other, about.
    """

    read: Callable[[str], Entries]
    scope_shards: int = 0
    text_bytes: int = 0

    def expand(self, shards: Any) -> Any:
        """Apply the transform."""
        reader = ReadEntries(self.read, self.scope_shards, bucket_bits(self.text_bytes))
        entries = shards | "ReadEntries" >> beam.ParDo(reader).with_outputs("repeats", main="parts")
        matches = (
            entries.parts
            | "GroupByBucket" >> beam.GroupByKey()
            | "Values" >> beam.Values()
            | "MatchBucket" >> beam.FlatMap(match_bucket)
        )
        return (
            {"matches": matches, "repeats": entries.repeats}
            | "JoinByShard" >> beam.CoGroupByKey()
            | "MergeShard" >> beam.MapTuple(_merge_joined)
        )


def _merge_joined(shard: int, joined: dict[str, Any]) -> tuple[int, Matches]:
    return shard, merge_shard(shard, joined["matches"], list(joined["repeats"]))
