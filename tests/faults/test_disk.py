"""Disks that are full, read-only or closed to us: a clear error, and nothing half-written."""

from __future__ import annotations

import os
import pathlib
import shlex
import shutil
import subprocess
import sys

import pytest

pytestmark = pytest.mark.skipif(
    os.geteuid() != 0 or not shutil.which("unshare") or not shutil.which("setpriv"),
    reason="needs root, unshare and setpriv",
)


def sh(script: str) -> subprocess.CompletedProcess[str]:
    """Run a script with mounts of its own."""
    command = ["unshare", "-m", "bash", "-c", f"set -eu\n{script}"]
    return subprocess.run(command, capture_output=True, text=True, check=False)


def run_command(raw: pathlib.Path, output: pathlib.Path) -> str:
    return shlex.join(
        [sys.executable, "-m", "pasture.cli", "run", f"{raw}/recipe.yaml", "--output", str(output)]
    )


def test_a_full_disk_stops_the_run_and_leaves_only_whole_files(raw, tmp_path):
    output = tmp_path / "disk"
    output.mkdir()
    done = sh(
        f"mount -t tmpfs -o size=128k tmpfs {output}\n"
        f"{run_command(raw, output)} && exit 9 || status=$?\n"
        f"find {output} -name '*.partial-*'\n"
        f"mount -o remount,size=64m {output}\n"
        f"{run_command(raw, output)} --json >/dev/null\n"
        f"cd {output}; find . -type f | sort | xargs sha256sum\n"
        "exit $status"
    )
    assert done.returncode == 1, done.stderr
    assert "No space left on device" in done.stderr
    assert f"error: cannot write {output}/" in done.stderr
    assert "Traceback" not in done.stderr
    whole = tmp_path / "whole"
    again = sh(
        f"{run_command(raw, whole)} --json >/dev/null\n"
        f"cd {whole}; find . -type f | sort | xargs sha256sum"
    )
    assert again.returncode == 0
    assert done.stdout == again.stdout  # and so there was no partial file after the first run


def test_a_read_only_output_is_refused_before_any_work(raw, tmp_path):
    output = tmp_path / "disk"
    output.mkdir()
    done = sh(f"mount -t tmpfs -o ro tmpfs {output}\n{run_command(raw, output)}")
    assert done.returncode == 1
    assert f"error: cannot write {output}" in done.stderr
    assert "Read-only file system" in done.stderr


# Root may do anything, unless these capabilities are taken away.
AS_OTHERS = "setpriv --bounding-set=-dac_override,-dac_read_search --inh-caps=-all "


def test_an_output_that_we_may_not_write_is_refused(raw, tmp_path):
    output = tmp_path / "closed"
    output.mkdir(mode=0o555)
    done = sh(AS_OTHERS + run_command(raw, output))
    assert done.returncode == 1
    assert f"error: cannot write {output}" in done.stderr
    assert "Permission denied" in done.stderr
    assert list(output.iterdir()) == []


def test_an_input_that_we_may_not_read_is_named(raw, tmp_path):
    closed = raw / "c4" / "c4-train.00001-of-00003.json.gz"
    closed.chmod(0)
    done = sh(AS_OTHERS + run_command(raw, tmp_path / "output"))
    assert done.returncode == 1
    assert f"error: cannot read {closed}: Permission denied" in done.stderr
    assert not list((tmp_path / "output" / "audit").rglob("MANIFEST.json"))
