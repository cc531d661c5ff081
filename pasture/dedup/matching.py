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

import bisect
import dataclasses
import functools
import itertools
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any, NamedTuple, Protocol

import apache_beam as beam
import numpy as np
import numpy.typing as npt
import pyarrow as pa

from pasture.dedup.addresses import Floats, Ints
from pasture.dedup.parts import Packed

MIN_BUCKET_BITS, MAX_BUCKET_BITS = 4, 16
BUCKET_BYTES = 512 << 20
"""Text whose keys share a bucket, about (ours): at most ten million lines of 50 bytes."""


def bucket_bits(text_bytes: int) -> int:
    """Choose how many of a key's highest bits name its bucket, the unit of parallel work.

    A bucket's keys must fit in a worker's memory, so there are more where there is more text.
    """
    wanted = (text_bytes // BUCKET_BYTES).bit_length()
    return min(max(wanted, MIN_BUCKET_BITS), MAX_BUCKET_BITS)


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

    def take(self, chosen: Ints) -> Entries:
        """Choose entries by their indices."""
        ranks = None if self.ranks is None else self.ranks.take(chosen)
        return Entries(self.keys.take(chosen, axis=0), self.positions.take(chosen), ranks)

    def __reduce__(self) -> tuple[Any, ...]:
        return _unpack_entries, (self.keys, Packed.of(self.positions), self.ranks)


@dataclasses.dataclass(frozen=True, slots=True, eq=False)
class Matches:
    """Entries of one shard whose key another entry has too, and the best entry of that key.

    Args:
        positions: int64, ascending. The best entry itself is among them, matched to itself, if
            another document has its key.
        of_shard: int32, the shard of the best entry.
        of_position: int64, its position there.
    """

    positions: Ints
    of_shard: npt.NDArray[np.int32]
    of_position: Ints

    def beaten(self, shard: int) -> Matches:
        """Leave out the entries that are the best of their key themselves."""
        return self.take(
            np.flatnonzero((self.of_shard != shard) | (self.of_position != self.positions))
        )

    def take(self, chosen: Ints) -> Matches:
        """Choose matches by their indices."""
        return Matches(
            self.positions.take(chosen),
            self.of_shard.take(chosen),
            self.of_position.take(chosen),
        )

    def __reduce__(self) -> tuple[Any, ...]:
        packed = Packed.of(self.positions), self.of_shard, Packed.of(self.of_position)
        return _unpack_matches, packed


def _unpack_entries(
    keys: npt.NDArray[np.uint64], positions: Packed, ranks: Floats | None
) -> Entries:
    return Entries(keys, positions.unpack(), ranks)


def _unpack_matches(
    positions: Packed, of_shard: npt.NDArray[np.int32], of_position: Packed
) -> Matches:
    return Matches(positions.unpack(), of_shard, of_position.unpack())


class StoredEntries(Protocol):
    """A shard whose entries are read as they are, in place of a path to documents."""

    def entries(self) -> Entries:
        """Read the entries."""


class Repeats(NamedTuple):
    """Entries that a better one of their own shard has the key of.

    They come packed: they wait for what the buckets find.

    Args:
        positions: Where they are, ascending.
        bests: Where the better ones are, ascending; each once.
        best: For each entry, the index of the better one in ``bests``.
    """

    positions: Packed
    bests: Packed
    best: npt.NDArray[np.unsignedinteger[Any]]

    @classmethod
    def of(cls, positions: Ints, best: Ints) -> Repeats:
        """Find them among entries, given the index of the best entry of each one's key."""
        repeated = np.flatnonzero(best != np.arange(len(best)))
        of = best.take(repeated)
        is_best = np.zeros(len(best), bool)
        is_best[of] = True
        bests = np.flatnonzero(is_best)
        number = np.cumsum(is_best, dtype=np.uint32) - np.uint32(1)
        index = number.take(of).astype(np.min_scalar_type(len(bests)))
        return cls(Packed.of(positions.take(repeated)), Packed.of(positions.take(bests)), index)


Part = tuple[int, Entries]


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


def best_of_each_key(keys: npt.NDArray[np.uint64], ranks: Floats | None = None) -> Ints:
    """For each entry, the index of the best entry with the same key; of equal ranks the first."""
    if ranks is None:
        return _first_of_each_key(keys)
    order = np.argsort(ranks, kind="stable")
    best = np.empty_like(order)
    best[order] = order[_first_of_each_key(keys.take(order, axis=0))]
    return best


def _first_of_each_key(keys: npt.NDArray[np.uint64]) -> Ints:
    if keys.shape[1] == 1:  # Arrow numbers integers two to three times as fast as bytes
        values = pa.array(keys[:, 0])
    else:
        data = pa.py_buffer(np.ascontiguousarray(keys))
        values = pa.Array.from_buffers(pa.binary(8 * keys.shape[1]), len(keys), [None, data])
    encoded = values.dictionary_encode()
    number = encoded.indices.to_numpy()
    first = np.empty(len(encoded.dictionary), np.int64)
    first[number[::-1]] = np.arange(len(keys))[::-1]  # of those with one number the last stays
    best: Ints = first[number]
    return best


def deal(entries: Entries, bits: int) -> tuple[list[tuple[int, Entries]], Repeats]:
    """Split a shard's entries by the highest bits of their keys, the best one of each key.

    Args:
        entries: The entries of a shard.
        bits: How many bits, at least ``MIN_BUCKET_BITS``.

    Returns:
        ``(bucket, entries)`` for each bucket that has any, and the other entries.
    """
    parts: list[tuple[int, Entries]] = []
    keys, ranks = entries.keys, entries.ranks
    best = np.empty(len(keys), np.int64)
    # Few buckets first: their keys are told apart in a processor's cache.
    for bucket, chosen in _by_bucket(keys, MIN_BUCKET_BITS):
        ranks_there = None if ranks is None else ranks.take(chosen)
        found = chosen.take(best_of_each_key(keys.take(chosen, axis=0), ranks_there))
        best[chosen] = found
        # An index is many times as fast as the mask that it is made of.
        part = entries.take(chosen.take(np.flatnonzero(found == chosen)))
        if bits == MIN_BUCKET_BITS:
            parts.append((bucket, part))
        else:
            parts += [(number, part.take(few)) for number, few in _by_bucket(part.keys, bits)]
    return parts, Repeats.of(entries.positions, best)


def _by_bucket(keys: npt.NDArray[np.uint64], bits: int) -> Iterator[tuple[int, Ints]]:
    """Give each bucket that has keys, with their indices, ascending."""
    # Numpy sorts 16-bit numbers by radix, in linear time.
    buckets = (keys[:, 0] >> np.uint64(64 - bits)).astype(np.uint16)
    order = np.argsort(buckets, kind="stable")
    ordered = buckets[order]
    starts = np.flatnonzero(np.diff(ordered.astype(np.int32), prepend=-1))
    for start, end in itertools.pairwise([*starts.tolist(), len(buckets)]):
        yield int(ordered[start]), order[start:end]


def match_bucket(parts: Iterable[Part]) -> Iterator[tuple[int, Matches]]:
    """Match one bucket's entries of all shards, each shard's keys distinct."""
    parts = sorted(parts, key=lambda part: part[0])
    entries = concatenate(part for _, part in parts)
    sizes = [len(part.positions) for _, part in parts]
    of_shard = np.repeat(np.array([shard for shard, _ in parts], np.int32), sizes)
    best = best_of_each_key(entries.keys, entries.ranks)
    beaten = np.flatnonzero(best != np.arange(len(best)))
    is_shared = np.zeros(len(best), bool)
    is_shared[beaten] = is_shared[best[beaten]] = True
    end = 0
    for (shard, part), size in zip(parts, sizes, strict=True):
        start, end = end, end + size
        shared = np.flatnonzero(is_shared[start:end])
        if shard >= 0 and len(shared):
            winner = best[start + shared]
            matched = Matches(part.positions[shared], of_shard[winner], entries.positions[winner])
            yield shard, matched


def merge_shard(
    shard: int, matches: Iterable[Matches], repeats: Repeats | None, document_bits: int = 0
) -> Matches:
    """Join what the buckets found of a shard with what repeats inside the shard.

    Args:
        shard: The shard.
        matches: What the buckets found of it.
        repeats: What repeats inside it.
        document_bits: Entries whose positions differ only in so many lowest bits belong to one
            document. By default each entry is a document of its own.
    """
    empty = np.empty(0, np.int64)
    nothing = Matches(empty, empty.astype(np.int32), empty)
    matched = _in_order([nothing, *matches])
    if repeats is None:
        return matched

    # A key that no other shard has: its best entry is the one in this shard.
    local, repeated = repeats.bests.unpack(), repeats.positions.unpack()
    found = np.searchsorted(matched.positions, local)
    is_lonely = np.append(matched.positions, -1)[found] != local
    lonely = _of_themselves(shard, local.compress(is_lonely))
    bests = _in_order([matched, lonely])
    best = np.searchsorted(bests.positions, local)[repeats.best]
    others = Matches(repeated, bests.of_shard[best], bests.of_position[best])
    if document_bits:
        document = local >> document_bits
        elsewhere = np.flatnonzero(repeated >> document_bits != document[repeats.best])
        is_shared = np.zeros(len(local), bool)
        is_shared[repeats.best[elsewhere]] = True
        shared = _of_themselves(shard, local.compress(is_lonely & is_shared))
        bests = _in_order([matched, shared])
    return _in_order([bests, others])


def _of_themselves(shard: int, positions: Ints) -> Matches:
    """Match the best entries of their keys to themselves."""
    return Matches(positions, np.full(len(positions), shard, np.int32), positions)


def _in_order(parts: Sequence[Matches]) -> Matches:
    """Join matches, each part in order already."""
    joined = Matches(
        np.concatenate([part.positions for part in parts]),
        np.concatenate([part.of_shard for part in parts]),
        np.concatenate([part.of_position for part in parts]),
    )
    return joined.take(np.argsort(joined.positions, kind="stable"))


class ReadEntries(beam.DoFn):  # type: ignore[misc]
    """Reads a shard's entries: the distinct ones by bucket, the repeats on the side."""

    def __init__(
        self, read: Callable[[str], Entries], block_starts: Sequence[int], bits: int
    ) -> None:
        self.read, self.block_starts, self.bits = read, block_starts, bits

    def process(self, element: tuple[int, str | StoredEntries]) -> Iterator[Any]:
        """Give ``((block, bucket), (shard, entries))``, and ``(shard, repeats)``."""
        shard, stored = element
        block = bisect.bisect_right(self.block_starts, shard)
        found = self.read(stored) if isinstance(stored, str) else stored.entries()
        if shard < 0:
            found = dataclasses.replace(found, ranks=None)
        parts, repeats = deal(found, self.bits)
        if shard >= 0 and len(repeats.best):
            yield beam.pvalue.TaggedOutput("repeats", (shard, repeats))
        for bucket, part in parts:
            yield (block, bucket), (shard, part)


@dataclasses.dataclass
class MatchEntries(beam.PTransform):  # type: ignore[misc]
    """Finds the entries that share a key: ``(shard, path)`` to ``(shard, Matches)``.

    Gives nothing for a shard without matches.

    Args:
        read: Reads the entries of the shard at a path.
        block_starts: Keys are compared within blocks of consecutive shards, of which these are
            the first, ascending; empty where all shards are one block.
        text_bytes: Bytes of text that are compared with each other, about.
        document_bits: As of ``merge_shard``.
    """

    read: Callable[[str], Entries]
    block_starts: Sequence[int] = ()
    text_bytes: int = 0
    document_bits: int = 0

    def expand(self, shards: Any) -> Any:
        """Apply the transform."""
        reader = ReadEntries(self.read, self.block_starts, bucket_bits(self.text_bytes))
        merge = functools.partial(_merge_joined, document_bits=self.document_bits)
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
            | "MergeShard" >> beam.MapTuple(merge)
        )


def _merge_joined(shard: int, joined: dict[str, Any], document_bits: int) -> tuple[int, Matches]:
    repeats = next(iter(joined["repeats"]), None)
    return shard, merge_shard(shard, joined["matches"], repeats, document_bits)
