"""Executors that die where an external shuffle service keeps what they wrote: nothing fails.

Spark's service listens on all addresses: the tests run in a network namespace of their own.
"""

from __future__ import annotations

import os
import pathlib
import shutil
import subprocess
import sys

import pytest

pytestmark = pytest.mark.timeout(1200)

MOMENTS = (3, 6, 9)
"""Of the ten of ``test_runner.py``: 3 and 9 with random keys, 6 with a hash."""


@pytest.mark.skipif(
    os.geteuid() != 0 or not shutil.which("unshare"), reason="needs root and unshare"
)
def test_every_job_ends_right(tmp_path):
    file = pathlib.Path(__file__).with_name("test_runner.py")
    name = "test_an_executor_that_dies_loses_and_doubles_nothing"
    tests = [f"{file}::{name}[{moment}]" for moment in MOMENTS]
    pytest_ = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", *tests]
    done = subprocess.run(
        ["unshare", "-n", "sh", "-c", 'ip link set lo up && exec "$@"', "sh", *pytest_],
        cwd=file.parents[3],
        env={**os.environ, "PASTURE_SHUFFLE_SERVICE": "1"},
        capture_output=True,
        text=True,
        check=False,
        timeout=1100,
    )
    assert done.returncode == 0, done.stdout[-4000:]
    assert f"{len(MOMENTS)} passed" in done.stdout
