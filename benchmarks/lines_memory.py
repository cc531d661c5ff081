"""Measure the memory that a block of line deduplication takes on the local runner.

    python -m benchmarks.lines_memory [--files 8 16 32] [--lines 250000] [--block-files 2000]

Makes files of so many lines, of which 60% stand nowhere else and the others are of a pool that
all files share, and runs ``duplicate_lines`` over all of them as one block, each time in a
process of its own with one worker. The memory grows with the distinct lines of each file: the
slope gives the bytes of one of them, and so what a block of CCNet's 2,000 files takes.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
import tempfile

import apache_beam as beam
import numpy as np

from benchmarks.reporting import machine, markdown_table, peak_memory
from pasture import storage
from pasture.dedup.lines import DuplicateLines
from pasture.records import DOCUMENT_SCHEMA, Document, to_batches
from pasture.runners.options import LOCAL_RUNNER
from pasture.stages.shards import StageFolder
from pasture.stages.transforms import Deduplicate

LETTERS = str.maketrans("0123456789", "abcdefghij")
PAGE_LINES, OWN_SHARE, POOL = 100, 0.6, 20_000
WET_LINES = 4_000_000
"""Lines of a WET file of the crawl, about."""


def letters(number: int) -> str:
    """Write a number in letters: digits are compared as equal."""
    return str(number).translate(LETTERS)


def make_file(path: str, number: int, lines: int) -> int:
    """Write a shard of documents; give its number of distinct lines."""
    random = np.random.default_rng(number)
    is_own = random.random(lines) < OWN_SHARE
    pooled = random.integers(POOL, size=lines)
    texts = [
        f"{letters(number)} own {letters(line)} and ten words or so"
        if own
        else f"menu {letters(word)} of many pages"
        for line, (own, word) in enumerate(zip(is_own.tolist(), pooled.tolist(), strict=True))
    ]
    pages = [
        Document(f"{number}-{start}", "common_crawl", "\n".join(texts[start : start + PAGE_LINES]))
        for start in range(0, lines, PAGE_LINES)
    ]
    with storage.atomic_parquet(path, DOCUMENT_SCHEMA) as writer:
        for batch in to_batches(pages):
            writer.write_batch(batch)
    return len(set(texts))


def run(folder: str, files: int) -> None:
    """Deduplicate, in this process, and print the peak of its memory."""
    shards = [(i, storage.join(folder, storage.shard_name("in", i, files))) for i in range(files)]
    output = StageFolder(storage.join(folder, "out"), files, "benchmark", audit_lines=0)
    with beam.Pipeline(runner=LOCAL_RUNNER) as pipeline:
        stage = Deduplicate(DuplicateLines(max_removed=1), output, frozenset(range(files)))
        pipeline | beam.Create(shards) | stage
    print(peak_memory())


def measure(files: int, lines: int) -> tuple[int, int]:
    """Give the distinct lines, summed over the files, and the bytes of memory."""
    with tempfile.TemporaryDirectory() as folder:
        distinct = sum(
            make_file(storage.join(folder, storage.shard_name("in", i, files)), i, lines)
            for i in range(files)
        )
        command = [sys.executable, "-m", "benchmarks.lines_memory", "--run", folder]
        done = subprocess.run([*command, "--files", str(files)], check=True, capture_output=True)
        return distinct, int(done.stdout)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--files", type=int, nargs="+", default=[8, 16, 32])
    parser.add_argument("--lines", type=int, default=250_000, help="lines of a file")
    parser.add_argument("--block-files", type=int, default=2000, help="files to project for")
    parser.add_argument("--run", help=argparse.SUPPRESS)
    args = parser.parse_args()
    if args.run:
        run(args.run, args.files[0])
        return
    found = [measure(files, args.lines) for files in args.files]
    rows = [
        (files, f"{distinct / 1e6:.2f}", f"{peak / 1e6:.0f}")
        for files, (distinct, peak) in zip(args.files, found, strict=True)
    ]
    print(f"{machine()}, one worker.\n")
    print(markdown_table(["files", "M lines, distinct in their file", "peak, MB"], rows))
    slope, base = np.polyfit(*np.array(found, float).T, 1)
    share = found[-1][0] / (args.files[-1] * args.lines)
    block = base + slope * share * WET_LINES * args.block_files
    print(
        f"\n{slope:.0f} bytes for each of these lines; a block of {args.block_files} files of "
        f"{WET_LINES / 1e6:.0f} M lines, {share:.0%} of them distinct: {block / 1e9:.0f} GB"
    )


if __name__ == "__main__":
    main()
