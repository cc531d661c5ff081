"""kill -9 inside a cluster of Spark that runs the sample: right, or an error and then right.

``PASTURE_SPARK_KILLS`` is how many executors are killed; 2 by default.
"""

from __future__ import annotations

import os
import pathlib
import random
import signal
import subprocess
import sys
import time

import pytest

from tests.processes import running
from tests.trees import differences

pytestmark = pytest.mark.timeout(1800)

FLAGS = [
    "--runner=spark",
    "--spark_conf=spark.executor.memory=512m",
    "--spark_conf=spark.executor.extraJavaOptions=-XX:+UseSerialGC -XX:TieredStopAtLevel=1",
]
EXECUTOR = "CoarseGrainedExecutorBackend"
WORKER = "deploy.worker.Worker"
VICTIMS = [EXECUTOR] * int(os.environ.get("PASTURE_SPARK_KILLS", "2")) + [WORKER]
"""What is killed, one in each run. A daemon comes last: nobody starts it again."""


def start(master: str, raw: pathlib.Path, output: pathlib.Path) -> subprocess.Popen[str]:
    command = [sys.executable, "-m", "pasture.cli", "run", f"{raw}/recipe.yaml", "--json"]
    return subprocess.Popen(
        [*command, "--output", str(output), "--", *FLAGS, f"--spark_master={master}"],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
    )


def wait_for_an_executor(run: subprocess.Popen[str]) -> None:
    while run.poll() is None and not running(os.getpid(), EXECUTOR):
        time.sleep(0.05)


def test_the_next_run_gives_the_same_bytes(
    spark_master, sample_raw, sample_output, tmp_path, record_property
):
    output = tmp_path / "output"
    moments = random.Random(20230301)
    killed = []
    tries = 0
    while len(killed) < len(VICTIMS):
        assert tries < 20, "the runs end before anything is killed"
        tries += 1
        run = start(spark_master, sample_raw, output)
        wait_for_an_executor(run)
        time.sleep(moments.uniform(0, 20))
        victims = running(os.getpid(), VICTIMS[len(killed)])
        if run.poll() is None and victims:
            os.kill(moments.choice(victims), signal.SIGKILL)
            killed.append(VICTIMS[len(killed)])
        _, errors = run.communicate(timeout=900)
        record_property(f"run {tries}", (len(killed), run.returncode, errors[-200:]))
        if run.returncode == 0:
            assert differences(sample_output, output) == []
            if len(killed) < len(VICTIMS):
                output.rename(tmp_path / f"whole-{tries}")
        else:
            assert "Spark" in errors, errors[-3000:]
            assert "Traceback" not in errors, errors[-3000:]
    run = start(spark_master, sample_raw, output)
    _, errors = run.communicate(timeout=900)
    assert run.returncode == 0, errors[-3000:]
    assert differences(sample_output, output) == []
