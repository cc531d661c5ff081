"""How much memory one key of 600 MB needs on Spark: ``python -m benchmarks.spark_hot_key``.

Starts a cluster of two workers on loopback (scripts/spark-cluster). The values of the key are
grouped, and read twice. Told is the peak of the resident memory of the Python process that reads
them, before and after; Linux only.
"""

from __future__ import annotations

import argparse
import json
import pathlib
import random
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterable, Iterator

import apache_beam as beam

from benchmarks.reporting import machine, markdown_table
from pasture.runners.options import beam_options

PARTS = 60
VALUE_BYTES = 200


def values(part: int, count: int) -> Iterator[tuple[str, bytes]]:
    draw = random.Random(part)
    return (("hot", draw.randbytes(VALUE_BYTES)) for _ in range(count))


def status(field: str) -> int:
    """A field of this process's memory, in MiB."""
    lines = pathlib.Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith(field)) >> 10


class ReadTwice(beam.DoFn):  # type: ignore[misc]
    def __init__(self, path: str) -> None:
        self.path = path

    def setup(self) -> None:
        pathlib.Path("/proc/self/clear_refs").write_text("5")
        self.before = status("VmRSS")

    def process(self, group: tuple[str, Iterable[bytes]]) -> None:
        once, twice = (sum(map(len, group[1])) for _ in range(2))
        found = {"bytes": once, "same": once == twice, "before": self.before}
        pathlib.Path(self.path).write_text(json.dumps({**found, "peak": status("VmHWM")}))


def measure(megabytes: int, memory: str, master: str) -> list[object]:
    """Run it once; give a line of the table."""
    flags = [f"--spark_master={master}", f"--spark_conf=spark.python.worker.memory={memory}"]
    start = time.monotonic()
    with tempfile.TemporaryDirectory() as folder:
        path = f"{folder}/found.json"
        with beam.Pipeline(options=beam_options(["--runner=spark", *flags])) as p:
            (
                p
                | beam.Create(range(PARTS), reshuffle=True)
                | beam.FlatMap(values, megabytes * 1_000_000 // PARTS // VALUE_BYTES)
                | beam.GroupByKey()
                | beam.ParDo(ReadTwice(path))
            )
        found = json.loads(pathlib.Path(path).read_text())
    assert found["same"]
    seconds = f"{time.monotonic() - start:.0f}"
    return [memory, found["bytes"] // 1_000_000, found["before"], found["peak"], seconds]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--megabytes", type=int, default=600)
    parser.add_argument("--memory", default="64m", help="spark.python.worker.memory")
    options = parser.parse_args()
    script = pathlib.Path(__file__).parent.parent / "scripts" / "spark-cluster"
    with subprocess.Popen(
        [sys.executable, str(script)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as cluster:
        assert cluster.stdin is not None
        assert cluster.stdout is not None
        line = measure(options.megabytes, options.memory, cluster.stdout.readline().strip())
        cluster.stdin.close()
    header = ["sort memory", "MB of the key", "MiB before", "MiB at the peak", "s"]
    print(f"{machine()}; python -m benchmarks.spark_hot_key\n")
    print(markdown_table(header, [line]))


if __name__ == "__main__":
    main()
