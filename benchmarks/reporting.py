"""What every benchmark prints besides its figures: the machine, and tables in Markdown."""

from __future__ import annotations

import os
import pathlib
import platform
import resource
import time
from collections.abc import Callable, Iterable, Mapping, Sequence


def machine() -> str:
    """Name the processor, its cores and Python's version."""
    info = pathlib.Path("/proc/cpuinfo")
    lines = info.read_text().splitlines() if info.exists() else []
    models = [line.split(":", 1)[1].strip() for line in lines if line.startswith("model name")]
    model = models[0] if models else platform.processor()
    return f"{model}, {os.cpu_count()} cores, Python {platform.python_version()}"


def markdown_table(header: Sequence[str], rows: Iterable[Sequence[object]]) -> str:
    """Lay out a table in Markdown: the first column to the left, the others to the right."""
    lines = [header, ["---", *["---:"] * (len(header) - 1)], *rows]
    return "\n".join(f"| {' | '.join(str(cell) for cell in line)} |" for line in lines)


def peak_memory() -> int:
    """Return the most bytes of memory that this process has held.

    Linux carries the peak of ``getrusage`` over from the parent process, so the status is read.
    """
    status = pathlib.Path("/proc/self/status")
    if status.exists():
        line = next(line for line in status.read_text().splitlines() if line.startswith("VmHWM"))
        return int(line.split()[1]) << 10
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss


def fastest(work: Callable[[], object], rounds: int) -> float:
    """Time some rounds, in processor seconds; return the shortest."""
    taken = []
    for _ in range(rounds):
        start = time.process_time()
        work()
        taken.append(time.process_time() - start)
    return min(taken)


def fastest_runs(
    run: Callable[[str], Mapping[str, float]], names: Iterable[str], rounds: int
) -> dict[str, Mapping[str, float]]:
    """Run each candidate in turn, some rounds; keep of each the run with the fewest seconds."""
    best: dict[str, Mapping[str, float]] = {}
    for name in [*names] * rounds:
        found = run(name)
        best[name] = min(best.get(name, found), found, key=lambda facts: facts["seconds"])
    return best
