"""The memory of a run: of this process and of all that it started, read from Linux's /proc."""

from __future__ import annotations

import contextlib
import dataclasses
import os
import pathlib
import threading

_TICKS = os.sysconf("SC_CLK_TCK")


@dataclasses.dataclass(frozen=True)
class ProcessUse:
    """What one process holds and has used.

    Args:
        pid: Its number.
        memory: Proportional set size, in bytes: pages that several processes share are divided
            among them, so that the sum over processes is what they hold together.
        cpu_seconds: Processor time of it, and of those of its children that have ended.
    """

    pid: int
    memory: int
    cpu_seconds: float


def process_tree(pid: int) -> list[ProcessUse]:
    """Look at a process and its descendants; the process itself comes first.

    Gives nothing where there is no /proc.
    """
    children: dict[int, list[int]] = {}
    cpu: dict[int, float] = {}
    for folder in pathlib.Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError):  # it ended just now
            fields = (folder / "stat").read_text().rpartition(")")[2].split()
            children.setdefault(int(fields[1]), []).append(int(folder.name))
            cpu[int(folder.name)] = sum(map(int, fields[11:15])) / _TICKS
    found = []
    pending = [pid]
    while pending:
        process = pending.pop(0)
        pending += children.get(process, [])
        with contextlib.suppress(OSError):
            found.append(ProcessUse(process, _memory(process), cpu.get(process, 0.0)))
    return found


def _memory(pid: int) -> int:
    for line in pathlib.Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines():
        if line.startswith("Pss:"):
            return int(line.split()[1]) << 10
    return 0


class MemoryPeak:
    """Watches the memory of this process and its descendants from a thread."""

    def __init__(self, interval: float = 0.5) -> None:
        self._interval = interval
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._watch, daemon=True)
        self._peak = 0

    def __enter__(self) -> MemoryPeak:
        self._thread.start()
        return self

    def __exit__(self, *error: object) -> None:
        self._stop.set()
        self._thread.join()

    def take(self) -> int:
        """Return the most bytes held at one time since the last call."""
        self._look()
        peak, self._peak = self._peak, 0
        return peak

    def _watch(self) -> None:
        while not self._stop.wait(self._interval):
            self._look()

    def _look(self) -> None:
        held = sum(process.memory for process in process_tree(os.getpid()))
        self._peak = max(self._peak, held)
