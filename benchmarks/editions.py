"""Measure what tells editions of one book from other books: n-grams, words and the measure.

    python -m benchmarks.editions FOLDER [--skip WORK ...] [--only WORK ...]

FOLDER has a folder for each work, with its editions as texts of Project Gutenberg, for example
GITenberg's repositories with their ``old/`` folders. Folders whose names are the same up to the
last ``_`` hold the same work. All texts go through the source; all pairs of one work are compared,
and pairs of different works. Then the whole search runs with the options of the llama recipe.
"""

from __future__ import annotations

import argparse
import itertools
import pathlib
import tempfile

import apache_beam as beam
import numpy as np
import pyarrow as pa

from benchmarks.reporting import markdown_table
from pasture import storage
from pasture.dedup.near import NearDuplicates
from pasture.dedup.shingles import Unit, shingle
from pasture.dedup.verify import Measure, similarity
from pasture.records import DOCUMENT_SCHEMA, Document, to_batches
from pasture.runners.options import LOCAL_RUNNER
from pasture.sources.books.source import Books
from pasture.stages.shards import StageFolder
from pasture.stages.transforms import Deduplicate

RULES: tuple[tuple[Measure, Unit, int], ...] = (
    ("containment", "words", 13),
    ("containment", "words", 5),
    ("coverage", "words", 13),
    ("coverage", "words", 8),
    ("coverage", "words", 5),
    ("coverage", "dash_words", 5),
)
RECIPE = NearDuplicates(
    unit="dash_words", verify="coverage", min_similarity=0.9, keep="cleanest", max_removed=1
)


def read(folder: str, skip: list[str], only: list[str]) -> dict[str, list[Document]]:
    works: dict[str, list[Document]] = {}
    source = Books(inputs=(f"{folder}/**/*.txt",))
    for shard in source.shards():
        for record in source.read(shard):
            if isinstance(record, Document):
                name = record.id.partition(":")[2].partition("/")[0].rpartition("_")[0]
                if name not in skip and (not only or name in only):
                    works.setdefault(name, []).append(record)
    return works


def compare(
    works: dict[str, list[Document]], measure: Measure, unit: Unit, n: int
) -> tuple[object, ...]:
    shingles: dict[str, list[np.ndarray]] = {}
    for name, editions in works.items():
        cut = shingle(pa.array([edition.text for edition in editions]), unit, n)
        of = cut.in_order if measure == "coverage" else cut.of
        shingles[name] = [of(number) for number in range(len(editions))]
    same = [
        similarity(one, other, measure, n)
        for editions in shingles.values()
        for one, other in itertools.combinations(editions, 2)
    ]
    # The first edition of each work stands for it.
    others = [
        similarity(one[0], other[0], measure, n)
        for one, other in itertools.combinations(shingles.values(), 2)
    ]
    under = sum(share < 0.9 for share in same)
    return measure, unit, n, len(same), under, f"{min(same):.3f}", f"{max(others, default=0):.3f}"


def search(works: dict[str, list[Document]]) -> list[str]:
    """Deduplicate as the recipe does; give the ids that stay."""
    documents = [edition for editions in works.values() for edition in editions]
    with tempfile.TemporaryDirectory() as folder:
        path = storage.join(folder, "in.parquet")
        with storage.atomic_parquet(path, DOCUMENT_SCHEMA) as writer:
            for batch in to_batches(documents):
                writer.write_batch(batch)
        output = StageFolder(storage.join(folder, "out"), 1, "benchmark")
        with beam.Pipeline(runner=LOCAL_RUNNER) as pipeline:
            stage = Deduplicate(RECIPE, output, frozenset({0}))
            pipeline | beam.Create([(0, path)]) | stage
        kept = pathlib.Path(output.path, output.shard("documents", 0))
        return [row["id"] for batch in storage.read_batches(str(kept)) for row in batch.to_pylist()]


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("folder")
    parser.add_argument("--skip", nargs="*", default=[], help="works to leave out")
    parser.add_argument("--only", nargs="*", default=[], help="works to take")
    arguments = parser.parse_args()
    works = read(arguments.folder, arguments.skip, arguments.only)
    print(f"{sum(map(len, works.values()))} editions of {len(works)} works: {', '.join(works)}\n")
    header = ("measure", "words", "n", "pairs", "under 0.9", "lowest", "highest of other works")
    print(markdown_table(header, [compare(works, *rule) for rule in RULES]))
    kept = search(works)
    print(f"\n{len(kept)} stay:", *sorted(kept), sep="\n")


if __name__ == "__main__":
    main()
