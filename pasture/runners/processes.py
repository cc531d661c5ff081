"""The processes that a process has started, read from Linux's /proc."""

from __future__ import annotations

import collections
import contextlib
import dataclasses
import os
import pathlib

_TICKS = os.sysconf("SC_CLK_TCK")


@dataclasses.dataclass(frozen=True)
class Process:
    """A process.

    Args:
        pid: Its number.
        parent: The number of the process that started it.
        cpu_seconds: Processor time of it, and of those of its children that have ended.
    """

    pid: int
    parent: int
    cpu_seconds: float


def process_tree(pid: int) -> list[Process]:
    """Look at a process and its descendants; the process itself comes first.

    Gives nothing where there is no /proc.
    """
    known: dict[int, Process] = {}
    children: dict[int, list[int]] = collections.defaultdict(list)
    for folder in pathlib.Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError):  # it ended just now
            fields = (folder / "stat").read_text().rpartition(")")[2].split()
            cpu_seconds = sum(map(int, fields[11:15])) / _TICKS
            found = Process(int(folder.name), int(fields[1]), cpu_seconds)
            known[found.pid] = found
            children[found.parent].append(found.pid)
    tree = [pid] if pid in known else []
    for member in tree:
        tree += children[member]
    return [known[member] for member in tree]


def command_line(pid: int) -> list[str]:
    """The program of a process and its arguments; nothing where it has ended."""
    try:
        line = pathlib.Path(f"/proc/{pid}/cmdline").read_bytes()
    except OSError:
        return []
    return line.decode("utf-8", "replace").split("\0")[:-1]
