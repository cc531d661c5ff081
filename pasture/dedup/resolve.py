"""From links to what is dropped: the greedy rule, best-ranked documents first.

Every link points from a document to a better-ranked one. A document without a link is a root,
and stays. A document with a link to a root goes. Few documents have links to non-roots only;
these *rest* are gathered on one worker and decided in the order of their ranks: one goes if it
has a link to one that stays. So each document that goes has a link to one that stays.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Iterator
from typing import Any

import apache_beam as beam
import numpy as np

from pasture.dedup.addresses import Array, DuplicateRows, Ints, concatenate


def most_similar(links: DuplicateRows) -> DuplicateRows:
    """Keep one link a row: the most similar, of equal ones that to the lowest address."""
    order = np.lexsort((links.of_row, links.of_shard, -links.similarity, links.rows))
    rows = links.rows[order]
    is_first = np.ones(len(rows), bool)
    is_first[1:] = rows[1:] != rows[:-1]
    return links.take(order[is_first])


def ask_roots(shard: int, links: DuplicateRows) -> Iterator[tuple[int, tuple[int, DuplicateRows]]]:
    """Send each link to the shard that it points to."""
    for other in np.unique(links.of_shard).tolist():
        yield other, (shard, links.take(links.of_shard == other))


def tell_roots(
    rows: Iterable[Ints], asked: Iterable[tuple[int, DuplicateRows]]
) -> Iterator[tuple[int, tuple[DuplicateRows, Array]]]:
    """Send each link back, with whether it points to a root."""
    linked = np.concatenate([np.empty(0, np.int64), *rows])
    for shard, links in asked:
        yield shard, (links, ~np.isin(links.of_row, linked))


def split_roots(
    parts: Iterable[tuple[DuplicateRows, Array]],
) -> tuple[DuplicateRows, DuplicateRows]:
    """Split a shard's links: of rows that a root beats, its best link; of others, all links."""
    parts = list(parts)
    links = concatenate([part for part, _ in parts])
    to_root = np.concatenate([is_root for _, is_root in parts])
    beaten = np.isin(links.rows, links.rows[to_root])
    return most_similar(links.take(to_root)), links.take(~beaten)


def resolve_rest(rest: Iterable[tuple[int, DuplicateRows]]) -> Iterator[tuple[int, DuplicateRows]]:
    """Decide the documents that no root beats; give what goes, by shard."""
    parts = sorted(rest, key=lambda part: part[0])
    links = concatenate([part for _, part in parts])
    shards = np.repeat([shard for shard, _ in parts], [len(part) for _, part in parts])
    sources = np.stack([shards, links.rows])
    targets = np.stack([links.of_shard.astype(np.int64), links.of_row])
    nodes, numbers = np.unique(np.concatenate([sources, targets], 1), axis=1, return_inverse=True)
    source, target = numbers.reshape(2, -1)

    undecided = np.zeros(nodes.shape[1], bool)
    undecided[source] = True
    # A target that is not of the rest was beaten by a root: it is gone already.
    stays = np.zeros(nodes.shape[1], bool)
    while undecided.any():
        waits = np.zeros_like(stays)
        waits[source[undecided[target]]] = True
        loses = np.zeros_like(stays)
        loses[source[stays[target]]] = True
        stays |= undecided & ~waits & ~loses
        undecided &= waits & ~loses
    lost = stays[target] & ~stays[source]
    for shard in np.unique(shards[lost]).tolist():
        yield shard, most_similar(links.take(lost & (shards == shard)))


def merge_rows(parts: Iterable[DuplicateRows]) -> DuplicateRows:
    """Join the parts of one shard, sorted by row."""
    merged = concatenate(list(parts))
    return merged.take(np.argsort(merged.rows))


@dataclasses.dataclass
class ResolveLinks(beam.PTransform):  # type: ignore[misc]
    """Decides what is dropped: ``(shard, DuplicateRows)``, links, to the same, one a row."""

    def expand(self, links: Any) -> Any:
        """Apply the transform."""
        rows = links | "RowsOfLinks" >> beam.MapTuple(_rows_of)
        asked = links | "AskRoots" >> beam.FlatMapTuple(ask_roots)
        told = (
            {"rows": rows, "asked": asked}
            | "JoinRoots" >> beam.CoGroupByKey()
            | "TellRoots" >> beam.FlatMapTuple(_tell_joined)
            | "GroupByShard" >> beam.GroupByKey()
            | "SplitRoots" >> beam.ParDo(SplitRoots()).with_outputs("rest", main="beaten")
        )
        rest = (
            told.rest
            | "GatherRest" >> beam.GroupByKey()
            | "RestValues" >> beam.Values()
            | "ResolveRest" >> beam.FlatMap(resolve_rest)
        )
        return (
            (told.beaten, rest)
            | "Join" >> beam.Flatten()
            | "GroupRows" >> beam.GroupByKey()
            | "MergeRows" >> beam.MapTuple(_merge_grouped)
        )


class SplitRoots(beam.DoFn):  # type: ignore[misc]
    """Gives the rows that roots beat, and on the side, under one key, the rest."""

    def process(self, element: tuple[int, Iterable[tuple[DuplicateRows, Array]]]) -> Iterator[Any]:
        """Split the links of one shard."""
        shard, parts = element
        beaten, rest = split_roots(parts)
        if len(beaten):
            yield shard, beaten
        if len(rest):
            yield beam.pvalue.TaggedOutput("rest", (0, (shard, rest)))


def _rows_of(shard: int, links: DuplicateRows) -> tuple[int, Ints]:
    return shard, np.unique(links.rows)


def _tell_joined(
    shard: int, joined: dict[str, Any]
) -> Iterator[tuple[int, tuple[DuplicateRows, Array]]]:
    del shard
    return tell_roots(joined["rows"], joined["asked"])


def _merge_grouped(shard: int, parts: Iterable[DuplicateRows]) -> tuple[int, DuplicateRows]:
    return shard, merge_rows(parts)
