"""The memory of a run: of this process and of all that it started, read from Linux's /proc."""

from __future__ import annotations

import contextlib
import os
import pathlib
import threading

from pasture.runners.processes import process_tree


def held_bytes(pid: int) -> int:
    """What a process holds; 0 where it has ended.

    It is the proportional set size: pages that several processes share are divided among them, so
    that the sum over processes is what they hold together.
    """
    with contextlib.suppress(OSError):
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
        held = sum(held_bytes(process.pid) for process in process_tree(os.getpid()))
        self._peak = max(self._peak, held)
