"""Near duplicates: documents that share most of their words, by MinHash with verification.

One pass, in three steps. *Candidates*: in each bucket of the LSH, every document is linked to
the best-ranked one (a star), so a bucket of a million copies gives a million links and no more.
*Verification* (verify.py): a link stays if the true Jaccard similarity, containment or coverage
of the two documents' shingles is high enough. *Resolution* (resolve.py): best-ranked first, a
document is dropped if it has a link to one that is kept. So what goes always has a verified better
copy that stays; similarity is never chained from document to document.
"""

from __future__ import annotations

import dataclasses
import functools
from collections.abc import Callable
from typing import Any, ClassVar, Literal

import apache_beam as beam
import numpy as np

from pasture import storage
from pasture.dedup.addresses import DuplicateRows, Floats, Keep, rank_columns, ranks
from pasture.dedup.base import Deduplication
from pasture.dedup.index import write_shingles
from pasture.dedup.matching import Entries, MatchEntries, Matches
from pasture.dedup.minhash import band_keys, best_layout, permutations, signatures
from pasture.dedup.resolve import ResolveLinks
from pasture.dedup.shingles import Unit, shingle, slices
from pasture.dedup.verify import VerifyLinks


@dataclasses.dataclass(frozen=True)
class NearDuplicates(Deduplication):
    """Drops documents that nearly repeat a better-ranked one.

    For the paper's books (section 2.1: more than 90% content overlap) use
    ``unit="dash_words"``, ``verify="coverage"``, ``min_similarity=0.9``.

    Args:
        unit: What an n-gram is made of.
        ngram: Length of an n-gram; 5 words are FineWeb's.
        num_permutations: Length of a signature.
        threshold: Jaccard similarity that bands and rows are chosen for, by datasketch's rule,
            where they are not given. None: so low that few duplicates are missed, 3/4 of
            ``min_similarity`` (0.6, 18 bands of 7 rows: finds 98.6% of pairs at 0.8), or 1/8 of
            it for ``containment`` and ``coverage`` (0.11, 64 bands of 2 rows: finds a text in one
            of four times its length with 95%, of twice its length always).
        bands: Bands of the signature; None: by ``threshold``.
        rows: Rows of a band; None: by ``threshold``.
        seed: Seed of the permutations.
        verify: How candidates are checked: ``jaccard``, the share of common n-grams in all;
            ``containment``, the share of the shorter document's n-grams that the longer one
            has too; ``coverage``, the share of the shorter document's words that stand in such
            n-grams; ``none`` takes every candidate.
        min_similarity: Lowest similarity of a duplicate, 0 to 1.
        keep: Which copy stays; ties go to the lowest shard and row.
    """

    name: ClassVar[str] = "near_duplicates"

    unit: Unit = "words"
    ngram: int = 5
    num_permutations: int = 128
    threshold: float | None = None
    bands: int | None = None
    rows: int | None = None
    seed: int = 1
    verify: Literal["jaccard", "containment", "coverage", "none"] = "jaccard"
    min_similarity: float = 0.8
    keep: Keep = "first"

    def __post_init__(self) -> None:
        super().__post_init__()
        for name in ("ngram", "num_permutations"):
            if getattr(self, name) < 1:
                raise ValueError(f"{name} is {getattr(self, name)}; give 1 or more")
        for name in ("threshold", "min_similarity"):
            value = getattr(self, name)
            if value is not None and not 0 < value <= 1:
                raise ValueError(f"{name} is {value}; give a share above 0, up to 1")
        if not 0 <= self.seed < 1 << 32:
            raise ValueError(f"seed is {self.seed}; give 0 to 4294967295")
        if (self.bands is None) != (self.rows is None):
            raise ValueError("give both bands and rows, or neither")
        if self.bands is not None and self.rows is not None:
            if min(self.bands, self.rows) < 1:
                raise ValueError(f"bands and rows are {self.bands} and {self.rows}; give 1 or more")
            if self.bands * self.rows > self.num_permutations:
                raise ValueError(
                    f"{self.bands} bands of {self.rows} rows need {self.bands * self.rows} "
                    f"permutations, and num_permutations is {self.num_permutations}"
                )

    def find(self, text_bytes: int, block_starts: tuple[int, ...] = ()) -> beam.PTransform:
        """Return the search."""
        return FindNearDuplicates(self, text_bytes)

    def write_index(self, documents: str, folder: str, names: list[str]) -> list[str]:
        """Write the entries, and the shingles for the verification."""
        entries = super().write_index(documents, folder, names)
        _, shingles = names
        path, in_order = storage.join(folder, shingles), self.verify == "coverage"
        write_shingles(documents, path, self.unit, self.ngram, in_order=in_order)
        return [*entries, shingles]

    def reader(self) -> Callable[[str], Entries]:
        """Read the bands of each signature."""
        return functools.partial(read_bands, config=self)

    def layout(self) -> tuple[int, int]:
        """The numbers of bands and rows."""
        if self.bands is not None and self.rows is not None:
            return self.bands, self.rows
        fraction = 1 / 8 if self.verify in ("containment", "coverage") else 3 / 4
        return best_layout(self.threshold or fraction * self.min_similarity, self.num_permutations)


def read_bands(path: str, config: NearDuplicates) -> Entries:
    """Read a shard as one entry a band of each document; positions are row * bands + band."""
    bands, rows = config.layout()
    factors, offsets = permutations(config.num_permutations, config.seed)
    columns = list(dict.fromkeys(["text", *rank_columns(config.keep)]))
    keys, positions = [np.empty((0, 1), np.uint64)], [np.empty(0, np.int64)]
    found: list[Floats] = []
    first = 0
    for batch in storage.read_batches(path, columns=columns):
        ranked = ranks(batch, config.keep)
        done = 0
        for texts in slices(batch["text"]):
            shingles = shingle(texts, config.unit, config.ngram)
            some = np.flatnonzero(np.diff(shingles.starts))
            banded = band_keys(signatures(shingles, factors, offsets)[some], bands, rows)
            keys.append(banded.reshape(-1, 1))
            position = (first + done + some)[:, None] * bands + np.arange(bands)
            positions.append(position.reshape(-1))
            if ranked is not None:
                found.append(np.repeat(ranked[done + some], bands))
            done += len(texts)
        first += batch.num_rows
    return Entries(
        np.concatenate(keys),
        np.concatenate(positions),
        np.concatenate(found) if config.keep != "first" and found else None,
    )


def to_links(shard: int, matches: Matches, config: NearDuplicates) -> tuple[int, DuplicateRows]:
    """Turn matched bands into distinct links from rows to the best rows of their buckets."""
    bands, rows = config.layout()
    beaten = matches.beaten(shard)
    pairs = np.stack(
        [beaten.positions // bands, beaten.of_shard.astype(np.int64), beaten.of_position // bands]
    )
    pairs = np.unique(pairs, axis=1)
    # Without verification, the similarity at which the LSH begins to match stands for all.
    assumed = np.full(pairs.shape[1], (1 / bands) ** (1 / rows), np.float32)
    return shard, DuplicateRows(pairs[0], pairs[1].astype(np.int32), pairs[2], assumed)


@dataclasses.dataclass
class FindNearDuplicates(beam.PTransform):  # type: ignore[misc]
    """Finds rows that nearly repeat a better-ranked row.

    Takes ``(shard, path)`` and gives ``(shard, DuplicateRows)``, for shards that have any.
    """

    config: NearDuplicates = dataclasses.field(default_factory=NearDuplicates)
    text_bytes: int = 0

    def expand(self, shards: Any) -> Any:
        """Apply the transform."""
        config = self.config
        links = (
            shards
            | "MatchBands" >> MatchEntries(config.reader(), text_bytes=self.text_bytes)
            | "ToLinks" >> beam.MapTuple(functools.partial(to_links, config=config))
        )
        if config.verify != "none":
            links = {"path": shards, "links": links} | "Verify" >> VerifyLinks(
                config.unit, config.ngram, config.verify, config.min_similarity
            )
        return links | "Resolve" >> ResolveLinks()
