"""How fast every source reads a folder of real input, here and in another checkout, in one run.

    python benchmarks/sources.py DATA [--other CHECKOUT] [--rounds 5]

DATA has a subfolder for each source. Each measurement is a process of its own; the two checkouts
take turns, and the least CPU time of each counts. The texts of both are hashed, so a line also
says whether the two yield the same records.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import os
import pathlib
import subprocess
import sys
import time

PATTERNS = {
    "common_crawl": ["common_crawl/*.warc.gz", "common_crawl/*.wet.gz"],
    "c4": ["c4/*.json.gz"],
    "github": ["github/*.json.gz"],
    "wikipedia": ["wikipedia/*.bz2"],
    "books": ["books/**/*.txt", "books/*.tar.gz"],
    "arxiv": ["arxiv/*.tar"],
    "stackexchange": ["stackexchange/*.7z"],
}


def measure(source: str, data: pathlib.Path, repeats: int) -> None:
    """Read a source ``repeats`` times in this process; print the least CPU seconds as JSON."""
    from pasture.sources import SOURCES
    from pasture.sources.base import Rejected

    reader = SOURCES[source](inputs=tuple(f"{data}/{pattern}" for pattern in PATTERNS[source]))
    seconds = []
    for _ in range(repeats):
        hashed, records = hashlib.sha256(), 0
        start = time.process_time() + _children()
        for unit in reader.shards():
            for record in reader.read(unit):
                text = "" if isinstance(record, Rejected) else record.text
                hashed.update(text.encode())
                records += 1
        seconds.append(time.process_time() + _children() - start)
    print(json.dumps([min(seconds), records, hashed.hexdigest()]))


def _children() -> float:
    used = os.times()
    return used.children_user + used.children_system


def main() -> None:
    """Compare the checkouts."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n", 1)[0])
    parser.add_argument("data", type=pathlib.Path)
    parser.add_argument("--other", type=pathlib.Path, help="another checkout, such as the release")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--measure", choices=sorted(PATTERNS), help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.measure:
        measure(options.measure, options.data, 2)
        return
    here = pathlib.Path(__file__).parent.parent
    checkouts = [options.other, here] if options.other else [here]
    for source, patterns in PATTERNS.items():
        size = sum(p.stat().st_size for each in patterns for p in options.data.glob(each))
        best: dict[pathlib.Path, list[object]] = {}
        for _ in range(options.rounds):
            for checkout in checkouts:
                command = [sys.executable, __file__, str(options.data), "--measure", source]
                environment = {**os.environ, "PYTHONPATH": str(checkout)}
                done = subprocess.run(command, env=environment, capture_output=True, check=True)
                found = json.loads(done.stdout)
                best[checkout] = min(best.get(checkout, found), found)
        seconds = [float(str(best[checkout][0])) for checkout in checkouts]
        same = len({str(found[1:]) for found in best.values()}) == 1
        rates = "  ".join(f"{s:7.3f} s {size / s / 1e6:7.2f} MB/s" for s in seconds)
        change = f"  {seconds[-1] / seconds[0] - 1:+.1%}" if options.other else ""
        print(f"{source:14} {rates}{change}  {'same texts' if same else 'OTHER TEXTS'}")


if __name__ == "__main__":
    main()
