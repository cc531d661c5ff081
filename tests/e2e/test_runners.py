"""The bundled sample on every runner: the same bytes in every file."""

from __future__ import annotations

import pathlib
import subprocess
import sys

import pytest

from pasture.pipeline.options import LOCAL_RUNNER
from tests.trees import contents

# Where many share the machine, Java takes its time to start.
pytestmark = pytest.mark.timeout(1200)

SPARK = [
    "--runner=spark",
    "--spark_conf=spark.executor.memory=512m",
    "--spark_conf=spark.executor.extraJavaOptions=-XX:+UseSerialGC -XX:TieredStopAtLevel=1",
]


def run(sample_raw: pathlib.Path, output: pathlib.Path, *arguments: str) -> None:
    """Run the sample by the command line, in a process of its own."""
    command = [sys.executable, "-m", "pasture.cli", "run", f"{sample_raw}/recipe.yaml"]
    done = subprocess.run(
        [*command, "--output", str(output), "--json", *arguments],
        capture_output=True,
        text=True,
        check=False,
        timeout=1000,
    )
    assert done.returncode == 0, done.stderr[-3000:]


def assert_same(one: pathlib.Path, other: pathlib.Path) -> None:
    first, second = contents(one), contents(other)
    assert sorted(first) == sorted(second)
    assert [name for name in first if first[name] != second[name]] == []


@pytest.mark.parametrize("workers", [1, 2, 3])
def test_worker_processes(workers, sample_raw, sample_output, tmp_path):
    processes = "--direct_running_mode=multi_processing", f"--direct_num_workers={workers}"
    run(sample_raw, tmp_path / "out", "--", f"--runner={LOCAL_RUNNER}", *processes)
    assert_same(sample_output, tmp_path / "out")


@pytest.mark.parametrize("workers", [1, 2])
def test_spark(workers, spark_master, sample_raw, sample_output, tmp_path):
    """One worker: the application may have only one of the cluster's two cores."""
    cores = f"--spark_conf=spark.cores.max={workers}"
    run(sample_raw, tmp_path / "out", "--", *SPARK, f"--spark_master={spark_master}", cores)
    assert_same(sample_output, tmp_path / "out")
