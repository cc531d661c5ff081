"""The processes below one, for tests that look at them or kill them. Linux only."""

from __future__ import annotations

import collections
import contextlib
import pathlib


def descendants(pid: int) -> list[int]:
    """The ids of a process and of all its descendants."""
    children = collections.defaultdict(list)
    for stat in pathlib.Path("/proc").glob("[0-9]*/stat"):
        with contextlib.suppress(FileNotFoundError, ProcessLookupError):  # it ended just now
            parent = stat.read_text().rsplit(")", 1)[1].split()[1]
            children[int(parent)].append(int(stat.parent.name))
    found = [pid]
    for known in found:
        found += children[known]
    return found


def running(pid: int, command: str) -> list[int]:
    """The ids of a process's descendants whose command line holds a text."""
    found = []
    for child in descendants(pid):
        with contextlib.suppress(FileNotFoundError, ProcessLookupError):
            if command.encode() in pathlib.Path(f"/proc/{child}/cmdline").read_bytes():
                found.append(child)
    return found
