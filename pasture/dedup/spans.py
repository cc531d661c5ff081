"""Duplicate spans: C4's deduplication of text as the paper states it.

"We discarded all but one of any three-sentence span occurring more than once in the data set"
(Raffel et al. 2020, section 2.2; the released code compares lines instead, see lines.py). A span
is so many sentences in a row, over the ends of lines; sentences are those that C4's rules count,
and are compared lower-cased and stripped. Of a span that occurs more than once the first
occurrence, by shard, row and place in the text, stays, and the sentences of the others go.

Occurrences are judged by the texts as they come in. So a sentence goes with the one span that it
repeats although it begins another one, whose first occurrence is then no longer whole. Where a
span overlaps its own first occurrence (one sentence many times in a row), what both share stays.
"""

from __future__ import annotations

import dataclasses
import functools
import itertools
import operator
from collections.abc import Callable, Iterator, Sequence
from typing import Any, ClassVar, Literal

import apache_beam as beam
import numpy as np
import pyarrow as pa

from pasture import storage
from pasture.dedup.base import BlockDeduplication
from pasture.dedup.lines import drop_lines, hash_lines
from pasture.dedup.matching import Entries, MatchEntries, Matches
from pasture.dedup.parts import (
    NUMBER_BITS,
    PartsFound,
    RemovedParts,
    found_any,
    to_positions,
)
from pasture.dedup.shingles import polynomial
from pasture.records import RemovedLines
from pasture.text.sentences import split_sentences


@dataclasses.dataclass(frozen=True)
class DuplicateSpans(BlockDeduplication):
    """Drops the sentences of spans that occur more than once, but for the first time (C4).

    Args:
        sentences: Sentences of a span (C4: 3).
        max_removed: Highest share of the text that may go before the run stops and asks.
    """

    name: ClassVar[str] = "duplicate_spans"
    removes: ClassVar[Literal["documents", "text"]] = "text"

    sentences: int = 3
    max_removed: float = dataclasses.field(default=0.8, kw_only=True)

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.sentences < 1:
            raise ValueError(f"sentences is {self.sentences}; give 1 or more")

    def find(self, text_bytes: int, block_starts: tuple[int, ...] = ()) -> beam.PTransform:
        """Return the search."""
        return FindDuplicateSpans(self, text_bytes, block_starts)

    def drop(self, texts: pa.Array, found: PartsFound) -> tuple[pa.Array, RemovedParts]:
        """Remove the sentences that the search found."""
        return drop_sentences(texts, found)

    def reader(self) -> Callable[[str], Entries]:
        """Read the hash of each span."""
        return functools.partial(read_spans, sentences=self.sentences)


def read_spans(path: str, sentences: int) -> Entries:
    """Read a shard as one entry a span; positions are row << 32 | first sentence."""
    keys, positions = [np.empty(0, np.uint64)], [np.empty(0, np.int64)]
    row = 0
    for batch in storage.read_batches(path, columns=["text"]):
        texts = [list(_split_text(text)) for text in batch["text"].to_pylist()]
        counts = np.array([len(text) for text in texts], np.int64)
        hashed, _ = hash_lines(pa.array(itertools.chain(*texts), pa.string()), "c4")
        # A span ends in the text that it begins in.
        numbered = to_positions(counts, row)
        begins = np.flatnonzero(
            PartsFound.of(numbered).numbers + sentences <= np.repeat(counts, counts)
        )
        keys.append(polynomial(hashed, sentences)[begins])
        positions.append(numbered[begins])
        row += batch.num_rows
    return Entries(np.concatenate(keys).reshape(-1, 1), np.concatenate(positions))


def _split_text(text: str) -> Iterator[str]:
    for line in text.split("\n"):
        yield from split_sentences(line)


def to_sentences_found(shard: int, matches: Matches, sentences: int) -> tuple[int, PartsFound]:
    """Turn matched spans into the sentences that go."""
    repeats = matches.beaten(shard)
    spans = repeats.positions[:, np.newaxis] + np.arange(sentences)
    # What a span shares with its own first occurrence stays.
    shared = np.where(repeats.of_shard == shard, repeats.of_position + sentences, 0)
    return shard, PartsFound.of(np.unique(spans[spans >= shared[:, np.newaxis]]))


def drop_sentences(texts: pa.Array, gone: PartsFound) -> tuple[pa.Array, RemovedParts]:
    """Remove sentences from texts, and the lines of which none is left.

    Lines that lose no sentence stay as they are.

    Args:
        texts: Strings.
        gone: The sentences that go; rows are those of ``texts``.

    Returns:
        The texts, and the sentences that went, numbered by their lines.
    """
    left = texts.to_pylist()
    removed = RemovedLines()
    emptied: list[int] = []
    for row, parts in itertools.groupby(gone.to_list(), operator.itemgetter(0)):
        left[row], empty = _cut(left[row], frozenset(number for _, number in parts), removed)
        emptied += (row << NUMBER_BITS | line for line in empty)
    kept, _ = drop_lines(pa.array(left, pa.string()), PartsFound.of(np.array(emptied, np.int64)))
    return kept, RemovedParts(
        gone.rows,
        np.array(removed.numbers, np.int64),
        pa.array(removed.texts, pa.string()),
        pa.array(removed.reasons, pa.string()),
    )


def _cut(text: str, gone: frozenset[int], removed: RemovedLines) -> tuple[str, list[int]]:
    """Remove sentences from a text; give it, and which of its lines are empty for that."""
    lines = text.split("\n")
    emptied: list[int] = []
    number = 0
    for at, line in enumerate(lines):
        sentences = list(split_sentences(line))
        stays = [number + i not in gone for i in range(len(sentences))]
        number += len(sentences)
        if all(stays):
            continue
        for sentence, stay in zip(sentences, stays, strict=True):
            if not stay:
                removed.add(at, sentence.strip(), "duplicate_span")
        lines[at] = "".join(itertools.compress(sentences, stays)).rstrip()
        if not lines[at]:
            emptied.append(at)
    return "\n".join(lines), emptied


@dataclasses.dataclass
class FindDuplicateSpans(beam.PTransform):  # type: ignore[misc]
    """Finds the sentences of repeated spans.

    Takes ``(shard, path)`` and gives ``(shard, PartsFound)``, for shards that have any.

    Args:
        config: Which spans go.
        text_bytes: Bytes of text that are compared with each other, about.
        block_starts: The first shard of each block, as ``config.block_starts`` gives them; empty
            where all shards are compared.
    """

    config: DuplicateSpans = dataclasses.field(default_factory=DuplicateSpans)
    text_bytes: int = 0
    block_starts: Sequence[int] = ()

    def expand(self, shards: Any) -> Any:
        """Apply the transform."""
        choose = functools.partial(to_sentences_found, sentences=self.config.sentences)
        return (
            shards
            | "Match" >> MatchEntries(self.config.reader(), self.block_starts, self.text_bytes)
            | "ToSentencesFound" >> beam.MapTuple(choose)
            | "HasSentences" >> beam.Filter(found_any)
        )
