"""The lifetime of a training: one trainer a folder, and a stop that loses no step."""

from __future__ import annotations

import contextlib
import fcntl
import os
import signal
import threading
from collections.abc import Iterator
from types import FrameType

from pasture.errors import StageError
from pasture.trainer.parallel import Ranks


@contextlib.contextmanager
def only_trainer(folder: str) -> Iterator[None]:
    """Hold the folder of a run's checkpoints, so that no other trainer writes there.

    The operating system lets go of it when the process ends, however it ends. A second trainer on
    another machine is only seen where the file system shares its locks.

    Raises:
        StageError: Another trainer holds it.
    """
    os.makedirs(folder, exist_ok=True)
    held = os.open(folder, os.O_RDONLY)
    try:
        try:
            fcntl.flock(held, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise StageError(
                f"{folder}: another training writes here; wait until it ends, or stop it"
            ) from error
        yield
    finally:
        os.close(held)


class StopRequest:
    """Notes a SIGTERM, so that the training can save before it ends."""

    def __init__(self) -> None:
        self._received = False

    def __enter__(self) -> StopRequest:
        # Only the main thread may handle signals; in another, the training is its caller's to stop.
        self._handled = threading.current_thread() is threading.main_thread()
        if self._handled:
            self._before = signal.signal(signal.SIGTERM, self._receive)
        return self

    def __exit__(self, *error: object) -> None:
        if self._handled:
            signal.signal(signal.SIGTERM, self._before)

    def _receive(self, number: int, frame: FrameType | None) -> None:
        self._received = True

    def received(self, ranks: Ranks) -> bool:
        """Return whether any of the processes was asked to stop; all of them ask together."""
        return ranks.any(self._received)
