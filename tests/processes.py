"""The processes below one, for tests that look at them or kill them. Linux only."""

from __future__ import annotations

from pasture.runners.processes import command_line, process_tree


def descendants(pid: int) -> list[int]:
    """The ids of a process and of all its descendants."""
    return [process.pid for process in process_tree(pid)]


def running(pid: int, command: str) -> list[int]:
    """The ids of a process's descendants whose command line holds a text."""
    return [child for child in descendants(pid) if command in " ".join(command_line(child))]
