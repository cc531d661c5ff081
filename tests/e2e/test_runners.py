"""The bundled sample and real files on every runner: the same bytes in every file."""

from __future__ import annotations

import os
import pathlib
import subprocess
import sys

import pytest

from pasture.runners.options import LOCAL_RUNNER
from tests.plugin_code import install, write_package, write_poems
from tests.trees import differences

# Where many share the machine, Java takes its time to start.
pytestmark = pytest.mark.timeout(2400)

SPARK = [
    "--runner=spark",
    "--spark_conf=spark.executor.memory=512m",
    "--spark_conf=spark.executor.extraJavaOptions=-XX:+UseSerialGC -XX:TieredStopAtLevel=1",
]


def run(raw: pathlib.Path, output: pathlib.Path, *arguments: str) -> None:
    """Run a recipe by the command line, in a process of its own."""
    command = [sys.executable, "-m", "pasture.cli", "run", f"{raw}/recipe.yaml"]
    done = subprocess.run(
        [*command, "--output", str(output), "--json", *arguments],
        capture_output=True,
        text=True,
        check=False,
        timeout=2000,
    )
    assert done.returncode == 0, done.stderr[-3000:]


@pytest.mark.parametrize("workers", [1, 2, 3])
def test_worker_processes(workers, corpus, tmp_path):
    processes = "--direct_running_mode=multi_processing", f"--direct_num_workers={workers}"
    run(corpus.raw, tmp_path / "out", "--", f"--runner={LOCAL_RUNNER}", *processes)
    assert differences(corpus.output, tmp_path / "out") == []


@pytest.mark.parametrize("workers", [1, 2])
def test_spark(workers, spark_master, corpus, tmp_path):
    """One worker: the application may have only one of the cluster's two cores."""
    cores = f"--spark_conf=spark.cores.max={workers}"
    run(corpus.raw, tmp_path / "out", "--", *SPARK, f"--spark_master={spark_master}", cores)
    assert differences(corpus.output, tmp_path / "out") == []


@pytest.mark.parametrize("as_file", [True, False], ids=["file", "package"])
def test_plug_ins_on_spark(as_file, spark_master, tmp_path, monkeypatch):
    """The executors get the classes of a file with the job; a package is installed for them."""
    write_poems(tmp_path / "raw", as_file=as_file)
    flags = [*SPARK, f"--spark_master={spark_master}"]
    if not as_file:
        write_package(tmp_path / "package")
        install(tmp_path / "package", tmp_path / "site")
        path = os.pathsep.join([str(tmp_path / "site"), *filter(None, sys.path)])
        monkeypatch.setenv("PYTHONPATH", path)
        flags.append(f"--spark_conf=spark.executorEnv.PYTHONPATH={path}")
    run(tmp_path / "raw", tmp_path / "local", "--until", "documents")
    run(tmp_path / "raw", tmp_path / "spark", "--until", "documents", "--", *flags)
    assert differences(tmp_path / "local", tmp_path / "spark") == []
