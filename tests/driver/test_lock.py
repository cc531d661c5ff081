"""The lock of an output: one run at a time, and nothing left behind by a killed one."""

from __future__ import annotations

import multiprocessing
import os
import pathlib
import signal
import time

import fsspec
import pytest

from pasture import storage
from pasture.driver import lock
from pasture.driver.lock import output_lock
from pasture.driver.run import run_recipe
from pasture.errors import StageError, StorageError
from pasture.recipes.load import load_recipe

OTHER = r"another run writes to .*\(process \d+ on .+\); wait for its end"


@pytest.fixture(params=["disk", "bucket"])
def output(request, tmp_path) -> str:
    if request.param == "disk":
        return str(tmp_path)
    fs = fsspec.filesystem("memory")
    if fs.exists("/lock"):
        fs.rm("/lock", recursive=True)
    return "memory://lock/out"


def test_the_second_says_who_runs_and_nothing_is_left(output):
    with output_lock(output):
        with pytest.raises(StageError, match=OTHER), output_lock(output):
            pytest.fail("two runs at once")
        # The second one's end must not end the first one's lock.
        with pytest.raises(StageError, match=OTHER), output_lock(output):
            pytest.fail("two runs at once")
    with output_lock(output):
        pass
    assert storage.list_tree(output) == []


def test_an_error_gives_the_lock_back(output):
    with pytest.raises(ZeroDivisionError), output_lock(output):
        raise ZeroDivisionError
    with output_lock(output):
        pass


def hold(folder: str, holding: object) -> None:
    with output_lock(folder):
        holding.set()
        time.sleep(60)


def test_a_killed_run_holds_no_lock_on_a_disk(tmp_path):
    context = multiprocessing.get_context("spawn")
    holding = context.Event()
    process = context.Process(target=hold, args=(str(tmp_path), holding))
    process.start()
    assert holding.wait(30)
    with pytest.raises(StageError, match=rf"process {process.pid} on"), output_lock(str(tmp_path)):
        pytest.fail("two runs at once")
    os.kill(process.pid, signal.SIGKILL)
    process.join()
    with output_lock(str(tmp_path)):
        pass
    assert list(tmp_path.iterdir()) == []


def test_a_killed_run_in_a_bucket_is_told_and_then_forgotten(monkeypatch):
    other = "memory://lock/killed/.lock/other.json"
    body = {"host": "there", "pid": 7, "time": time.time() - 100}
    storage.write_json(other, body)
    with (
        pytest.raises(StageError, match=r"process 7 on there.*killed.* another (199|200) seconds"),
        output_lock("memory://lock/killed"),
    ):
        pytest.fail("two runs at once")
    storage.write_json(other, {**body, "time": time.time() - lock.STALE_SECONDS - 1})
    with output_lock("memory://lock/killed"):
        assert not storage.exists(other)


def test_a_lock_in_a_bucket_is_renewed(monkeypatch):
    monkeypatch.setattr(lock, "RENEW_SECONDS", 0.01)
    with output_lock("memory://lock/renewed"):
        ((path, _),) = storage.glob("memory://lock/renewed/.lock/*")
        first = storage.read_json(path)["time"]
        deadline = time.monotonic() + 10
        while storage.read_json(path)["time"] == first:
            assert time.monotonic() < deadline
            time.sleep(0.01)


def test_a_run_holds_the_lock(raw, tmp_path):
    output = tmp_path / "out"
    output.mkdir()
    recipe = load_recipe(str(raw / "recipe.yaml"))
    with output_lock(str(output)), pytest.raises(StageError, match=OTHER):
        run_recipe(recipe, str(output))
    assert [path.name for path in pathlib.Path(output).iterdir()] == []
    run_recipe(recipe, str(output), until="00-extract")
    assert not (output / lock.LOCK).exists()


def test_a_folder_that_cannot_be_written_is_named(tmp_path):
    with (
        pytest.raises(StorageError, match=r"cannot write .*absent/\.lock"),
        output_lock(str(tmp_path / "absent")),
    ):
        pass
