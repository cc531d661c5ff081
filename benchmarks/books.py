r"""Measure the cleaning of books: MB/s of one core, step by step, and the peak memory.

    python -m benchmarks.books FILE... [--rounds 3] [--repeat 5]

FILEs are texts of Project Gutenberg, or archives in the layout of Books3. Each round runs each
step over all books in turn, in a process of its own, so that a step's peak memory is its own; CPU
time counts, without imports and reading, and of each step the fastest round. ``decode`` is a bare
``bytes.decode`` of the same bytes, the least that any reader does.
"""

from __future__ import annotations

import argparse
import json
import pathlib
import subprocess
import sys
import time
from collections.abc import Callable, Sequence

from benchmarks.reporting import fastest_runs, machine, markdown_table, peak_memory
from pasture.sources.base import Rejected
from pasture.sources.books import gutenberg, gutenberg_notes
from pasture.sources.books.source import Books, tidy
from pasture.sources.containers.archives import read_members


def read_files(paths: Sequence[str]) -> list[bytes]:
    """Read the books' bytes."""
    books: list[bytes] = []
    for path in paths:
        if path.endswith(".txt"):
            books.append(pathlib.Path(path).read_bytes())
        else:
            members = read_members(path)
            books += [member.data for member in members if not isinstance(member, Rejected)]
    return books


def cut(data: bytes) -> None:
    """Decode a book and cut off its wrapping."""
    gutenberg.cut(gutenberg.decode(data))


def clean(data: bytes) -> None:
    """Do all that the source does to a book's text."""
    parts = gutenberg.cut(gutenberg.decode(data))
    gutenberg.parse_header(parts.header)
    text = tidy("\n\n\n".join(map(gutenberg_notes.strip_notes, parts.bodies)))
    gutenberg.find_leak(text)


STEPS: dict[str, Callable[[bytes], object]] = {
    "bare decode": lambda data: data.decode("utf-8", "replace"),
    "decode, cut": cut,
    "decode, cut, header, notes, blanks": clean,
}
SOURCE = "the source, with reading"


def measure(step: str, paths: Sequence[str], repeat: int) -> dict[str, float]:
    """Run one step over the books; give megabytes, CPU seconds and peak megabytes."""
    books = read_files(paths)
    size = sum(map(len, books)) * repeat
    start = time.process_time()
    if step == SOURCE:
        del books
        source = Books(inputs=tuple(paths))
        for _ in range(repeat):
            for shard in source.shards():
                for _ in source.read(shard):
                    pass
    else:
        for _ in range(repeat):
            for data in books:
                STEPS[step](data)
    seconds = time.process_time() - start
    return {"size": size / 1e6, "seconds": seconds, "memory": peak_memory() / 1e6}


def main() -> None:
    """Read the arguments and measure."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n", 1)[0])
    parser.add_argument("files", nargs="+")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--repeat", type=int, default=5, help="runs over the books a round")
    parser.add_argument("--step", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.step:
        print(json.dumps(measure(options.step, options.files, options.repeat)))
        return
    command = [sys.executable, "-m", "benchmarks.books", *options.files]
    command += ["--repeat", str(options.repeat)]
    best = fastest_runs(
        lambda step: json.loads(subprocess.check_output([*command, "--step", step])),
        (*STEPS, SOURCE),
        options.rounds,
    )
    print(f"{machine()}\n\n{best[SOURCE]['size'] / options.repeat:.1f} MB of books\n")
    rows = [
        (step, f"{run['size'] / run['seconds']:,.0f}", f"{run['memory']:.0f}")
        for step, run in best.items()
    ]
    print(markdown_table(("step", "MB/s of one core", "peak memory (MB)"), rows))


if __name__ == "__main__":
    main()
