"""Verification of candidates: the true similarity of two documents' shingles.

A link stands with the shard of the document that may go. That shard asks the other shard for
the shingles of the document that would stay, which come as 32-bit hashes; a document
that is asked for is sent once to each shard that asks, however many links point to it. Texts
are read where they lie. A worker holds the shingles of one shard's candidates, and those that
came from one other shard at a time.
"""

from __future__ import annotations

import dataclasses
import functools
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, Literal

import apache_beam as beam
import numpy as np
import numpy.typing as npt
import pyarrow as pa

from pasture import storage
from pasture.dedup.addresses import DuplicateRows, Ints, concatenate
from pasture.dedup.index import IndexShard
from pasture.dedup.shingles import Unit, shingle, slices

Uint32s = npt.NDArray[np.uint32]
Measure = Literal["jaccard", "containment", "coverage"]


@dataclasses.dataclass(frozen=True, slots=True, eq=False)
class ShingleSets:
    """The shingles of some rows of a shard, for the shard that asked.

    Args:
        shard: Where the rows are.
        rows: int64, ascending.
        starts: int64, one more than rows: where each row's hashes start.
        hashes: uint32, of each row as ``shingles_of_rows`` gives them.
    """

    shard: int
    rows: Ints
    starts: Ints
    hashes: Uint32s

    def of(self, row: int) -> Uint32s:
        """The shingles of one row."""
        index = int(np.searchsorted(self.rows, row))
        return self.hashes[self.starts[index] : self.starts[index + 1]]


def similarity(first: Uint32s, second: Uint32s, measure: Measure, n: int) -> float:
    """Compare two documents by their shingles of n words or characters; 0.0 if one has none.

    Coverage is the share of the shorter document's words that stand in an n-gram which the other
    one has too. A text of fewer words than n is one n-gram.

    Args:
        first: Shingles, in order for coverage, else sorted and distinct.
        second: The same of the other document.
        measure: What is computed.
        n: Length of a shingle.
    """
    if not len(first) or not len(second):
        return 0.0
    if measure == "coverage":
        shorter, longer = (second, first) if len(second) < len(first) else (first, second)
        is_shared = np.isin(shorter, longer).astype(np.int8)
        steps = np.zeros(len(shorter) + n, np.int8)
        steps[: len(shorter)] += is_shared
        steps[n:] -= is_shared
        return float(np.mean(np.cumsum(steps, dtype=np.int32)[:-1] > 0))
    shared = len(np.intersect1d(first, second, assume_unique=True))
    if measure == "containment":
        return shared / min(len(first), len(second))
    return shared / (len(first) + len(second) - shared)


def shingles_of_rows(
    shard: str | IndexShard, rows: Ints, unit: Unit, n: int, *, in_order: bool = False
) -> dict[int, Uint32s]:
    """Read some rows of a shard and shingle them, or read their shingles from an index.

    Args:
        shard: A shard of documents or of an index.
        rows: Which rows.
        unit: What an n-gram is made of.
        n: Length of an n-gram.
        in_order: Give the shingles in the order of the text, with repeats; else the distinct
            ones, sorted. An index gives them as it keeps them.
    """
    if isinstance(shard, IndexShard):
        return shard.shingles_of_rows(rows)
    wanted = np.unique(rows)
    found: dict[int, Uint32s] = {}
    first = 0
    for batch in storage.read_batches(shard, columns=["text"]):
        start, end = np.searchsorted(wanted, [first, first + batch.num_rows])
        chosen = wanted[start:end]
        texts = batch["text"].take(pa.array(chosen - first))
        done = start
        for part in slices(texts):
            shingles = shingle(part, unit, n)
            for text in range(len(part)):
                row = int(wanted[done + text])
                found[row] = shingles.in_order(text) if in_order else shingles.of(text)
            done += len(part)
        first += batch.num_rows
    return found


def asks(shard: int, links: DuplicateRows) -> Iterator[tuple[int, tuple[int, Ints]]]:
    """Say which rows of which other shards a shard's links need."""
    for other in np.unique(links.of_shard[links.of_shard != shard]).tolist():
        yield other, (shard, np.unique(links.of_row[links.of_shard == other]))


def answer(
    shard: int,
    path: str | IndexShard,
    asked: Iterable[tuple[int, Ints]],
    verifier: Verifier,
) -> Iterator[tuple[int, ShingleSets]]:
    """Give each shard that asked the shingles of the rows that it asked for."""
    asked = sorted(asked, key=lambda ask: ask[0])
    if not asked:
        return
    found = verifier.shingles(path, np.concatenate([rows for _, rows in asked]))
    for asker, rows in asked:
        sets = [found[row] for row in rows.tolist()]
        starts = np.concatenate([[0], np.cumsum([len(hashes) for hashes in sets])])
        yield asker, ShingleSets(shard, rows, starts, np.concatenate(sets))


@dataclasses.dataclass(frozen=True)
class Verifier:
    """Verifies the links of one shard.

    Args:
        unit: What an n-gram is made of.
        n: Length of an n-gram.
        measure: Jaccard similarity, containment of the smaller set, or coverage of the shorter
            document.
        min_similarity: Links below it are left out.
    """

    unit: Unit
    n: int
    measure: Measure
    min_similarity: float

    def shingles(self, shard: str | IndexShard, rows: Ints) -> dict[int, Uint32s]:
        """Read the shingles of some rows of a shard, as the measure needs them."""
        return shingles_of_rows(shard, rows, self.unit, self.n, in_order=self.measure == "coverage")

    def verify(
        self, shard: int, path: str, links: DuplicateRows, answers: Iterable[ShingleSets]
    ) -> DuplicateRows:
        """Measure every link, and keep those that are similar enough."""
        here = links.of_row[links.of_shard == shard]
        own = self.shingles(path, np.concatenate([links.rows, here]))
        parts = [self._measure(links, shard, own, own)]
        for sets in answers:
            theirs = {row: sets.of(row) for row in sets.rows.tolist()}
            parts.append(self._measure(links, sets.shard, own, theirs))
        measured = concatenate(parts)
        return measured.take(measured.similarity >= np.float32(self.min_similarity))

    def _measure(
        self,
        links: DuplicateRows,
        other: int,
        own: Mapping[int, Uint32s],
        theirs: Mapping[int, Uint32s],
    ) -> DuplicateRows:
        chosen = links.take(links.of_shard == other)
        pairs = zip(chosen.rows.tolist(), chosen.of_row.tolist(), strict=True)
        measured = [similarity(own[row], theirs[of], self.measure, self.n) for row, of in pairs]
        return dataclasses.replace(chosen, similarity=np.array(measured, np.float32))


@dataclasses.dataclass
class VerifyLinks(beam.PTransform):  # type: ignore[misc]
    """Verifies links: ``{"path": (shard, path), "links": (shard, DuplicateRows)}`` to links."""

    unit: Unit
    n: int
    measure: Measure
    min_similarity: float

    def expand(self, inputs: Any) -> Any:
        """Apply the transform."""
        paths, links = inputs["path"], inputs["links"]
        verifier = Verifier(self.unit, self.n, self.measure, self.min_similarity)
        asked = links | "Ask" >> beam.FlatMapTuple(asks)
        answers = (
            {"path": paths, "asked": asked}
            | "JoinAsked" >> beam.CoGroupByKey()
            | "Answer" >> beam.FlatMapTuple(functools.partial(_answer_joined, verifier=verifier))
        )
        return (
            {"path": paths, "links": links, "answers": answers}
            | "JoinAnswers" >> beam.CoGroupByKey()
            | "VerifyShard"
            >> beam.FlatMapTuple(functools.partial(_verify_joined, verifier=verifier))
        )


def _answer_joined(
    shard: int, joined: dict[str, Any], verifier: Verifier
) -> Iterator[tuple[int, ShingleSets]]:
    (path,) = joined["path"]
    yield from answer(shard, path, joined["asked"], verifier)


def _verify_joined(
    shard: int, joined: dict[str, Any], verifier: Verifier
) -> Iterator[tuple[int, DuplicateRows]]:
    (path,) = joined["path"]
    for links in joined["links"]:
        verified = verifier.verify(shard, path, links, joined["answers"])
        if len(verified):
            yield shard, verified
