"""kill -9 at random moments: the next run goes on, and the result is the same to the byte."""

from __future__ import annotations

import contextlib
import os
import pathlib
import random
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator

import pytest
import yaml

from pasture.driver.run import run_recipe
from pasture.recipes.load import load_recipe
from pasture.runners.local import worker_processes
from tests.trees import differences

KILLS = 30
PARENT = """
import os, sys
from pasture.recipes.load import load_recipe
from pasture.driver.run import run_recipe

for line in sys.stdin:
    raw, output = line.split()
    child = os.fork()
    if child == 0:
        status = 1
        try:
            run_recipe(load_recipe(raw + "/recipe.yaml"), output)
            status = 0
        finally:
            os._exit(status)
    print(child, flush=True)
    print(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]), flush=True)
"""


class Driver:
    """Starts runs in processes of their own that need not import anything any more."""

    def __init__(self) -> None:
        self._parent = subprocess.Popen(
            [sys.executable, "-c", PARENT],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
        )

    def start(self, raw: pathlib.Path, output: pathlib.Path) -> int:
        """Start a run; give its process."""
        assert self._parent.stdin
        self._parent.stdin.write(f"{raw} {output}\n")
        self._parent.stdin.flush()
        return self._answer()

    def wait(self) -> int:
        """Wait for the end of the run; give its exit status, negative for a signal."""
        return self._answer()

    def _answer(self) -> int:
        assert self._parent.stdout
        return int(self._parent.stdout.readline())

    def close(self) -> None:
        """End it."""
        self._parent.kill()
        self._parent.communicate()


@pytest.fixture
def driver() -> Iterator[Driver]:
    driver = Driver()
    yield driver
    driver.close()


@pytest.fixture
def busy_raw(raw, recipe_body) -> pathlib.Path:
    """The small corpus with a stage of every kind."""
    stages = recipe_body["sources"]["c4"]["stages"]
    stages["05-lines"] = {"duplicate_lines": {"keep": "first"}}
    stages["30-near"] = {"near_duplicates": {"verify": "jaccard"}}
    stages["40-rules"] = {"steps": ["c4_lines"]}
    (raw / "recipe.yaml").write_text(yaml.safe_dump(recipe_body))
    return raw


def unfinished(output: pathlib.Path) -> set[str]:
    """The stages and models that are half-written, or wait for the rest of their shards."""
    found = set()
    for folder, _, files in os.walk(output):  # it passes over what is removed meanwhile
        place = os.path.relpath(folder, output).replace("audit/", "documents/", 1)
        if any(".partial-" in name for name in files):
            found.add(place)
        if files and place.endswith("/_records"):
            found.add(os.path.dirname(place))
    return found


@pytest.mark.timeout(900)
def test_a_run_that_is_killed_again_and_again_ends_with_the_same_bytes(busy_raw, driver, tmp_path):
    whole, output = tmp_path / "whole", tmp_path / "output"
    start = time.monotonic()
    driver.start(busy_raw, whole)
    assert driver.wait() == 0
    seconds = time.monotonic() - start

    moments = random.Random(20230227)
    reached: set[str] = set()
    killed = 0
    while killed < KILLS:
        process = driver.start(busy_raw, output)
        time.sleep(moments.uniform(0, seconds))
        while killed % 2 and alive(process) and not unfinished(output):
            time.sleep(0.002)  # every second one dies while it writes a stage
        with contextlib.suppress(ProcessLookupError):  # it may have ended
            os.kill(process, signal.SIGKILL)
        if driver.wait() == 0:  # it was at its end before the signal came
            assert differences(output, whole) == []
            shutil.rmtree(output)
            continue
        killed += 1
        reached |= unfinished(output)
    driver.start(busy_raw, output)
    assert driver.wait() == 0
    assert differences(output, whole) == []
    assert len(reached) > 3, "too few runs were killed in the middle of a stage"


def alive(process: int) -> bool:
    try:
        status = pathlib.Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()[0]
    except FileNotFoundError:
        return False
    return status != "Z"


def start_with_workers(raw: pathlib.Path, output: pathlib.Path) -> subprocess.Popen[str]:
    command = [sys.executable, "-m", "pasture.cli", "run", f"{raw}/recipe.yaml", "--json"]
    return subprocess.Popen(
        [*command, "--output", str(output), "--workers", "2"],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
    )


def wait_for_workers(run: subprocess.Popen[str]) -> list[int]:
    while run.poll() is None:
        found = worker_processes(run.pid)
        if len(found) == 2:
            return found
        time.sleep(0.02)
    return []


@pytest.mark.timeout(900)
def test_a_worker_that_is_killed_ends_the_run_and_the_next_one_goes_on(busy_raw, tmp_path):
    moments = random.Random(20230228)
    output = tmp_path / "output"
    killed = 0
    while killed < 4:
        run = start_with_workers(busy_raw, output)
        workers = wait_for_workers(run)
        time.sleep(moments.uniform(0, 1.5))
        if not workers or not alive(workers[0]):
            run.communicate()
            shutil.rmtree(output)
            continue
        os.kill(moments.choice(workers), signal.SIGKILL)
        _, errors = run.communicate(timeout=120)
        if run.returncode == 0:  # the job was done already
            continue
        killed += 1
        assert run.returncode == 1
        assert "a worker process was killed" in errors
        assert not any(map(alive, workers))
    run = start_with_workers(busy_raw, output)
    run.communicate()
    assert run.returncode == 0
    run_recipe(load_recipe(str(busy_raw / "recipe.yaml")), str(tmp_path / "whole"))
    assert differences(output, tmp_path / "whole") == []


@pytest.mark.timeout(300)
def test_workers_end_with_a_run_that_is_killed(busy_raw, tmp_path):
    run = start_with_workers(busy_raw, tmp_path / "output")
    workers = wait_for_workers(run)
    assert workers
    run.kill()
    run.communicate()
    deadline = time.monotonic() + 30
    while any(map(alive, workers)):
        assert time.monotonic() < deadline, "a worker outlives its run"
        time.sleep(0.05)
