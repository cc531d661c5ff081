"""One run at a time for each output: the second says so, and stops.

On a local disk the lock is the kernel's, and ends with its process, however that ends. A bucket
has no locks: there each run puts an object of its own, renews it, and stops if it then sees
another's that is alive. Of two runs that start at the same moment, one or neither goes on.
"""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
import socket
import threading
import time
import uuid
from collections.abc import Iterator
from typing import Any

from pasture import storage
from pasture.errors import StageError, StorageError

LOCK = ".lock"
RENEW_SECONDS = 30.0
STALE_SECONDS = 300.0
"""Age at which a bucket's lock counts no more; clocks must agree better than this."""


def output_lock(output: str) -> contextlib.AbstractContextManager[None]:
    """Hold the lock of an output: a folder, which must be there, or a bucket.

    Raises:
        StageError: Another run holds it; the message says which.
    """
    path = storage.join(output, LOCK)
    return _remote_lock(path) if storage.is_url(path) else _local_lock(path)


def _me() -> dict[str, Any]:
    return {"host": socket.gethostname(), "pid": os.getpid(), "time": time.time()}


def _refusal(path: str, holder: dict[str, Any], more: str = "") -> StageError:
    return StageError(
        f"another run writes to {path.removesuffix(LOCK)} (process {holder.get('pid', '?')} on "
        f"{holder.get('host', '?')}); wait for its end, or choose another output{more}"
    )


@contextlib.contextmanager
def _local_lock(path: str) -> Iterator[None]:
    with contextlib.ExitStack() as stack:
        while True:
            try:
                file = os.open(path, os.O_RDWR | os.O_CREAT, 0o644)
            except OSError as error:
                raise StorageError(f"cannot write {path}: {error}") from error
            closing = stack.enter_context(contextlib.ExitStack())
            closing.callback(os.close, file)
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                raise _refusal(path, _parse(os.read(file, 1000))) from None
            if _is_at(file, path):
                break
            closing.close()  # its holder removed it just before we had it
        os.ftruncate(file, 0)
        os.write(file, json.dumps(_me()).encode())
        try:
            yield
        finally:
            os.unlink(path)


def _is_at(file: int, path: str) -> bool:
    try:
        return os.path.samestat(os.fstat(file), os.stat(path))
    except FileNotFoundError:
        return False


def _parse(body: bytes) -> dict[str, Any]:
    try:
        holder: dict[str, Any] = json.loads(body)
    except ValueError:  # it has the lock, and is about to write this
        return {}
    return holder


@contextlib.contextmanager
def _remote_lock(path: str) -> Iterator[None]:
    mine = storage.join(path, f"{uuid.uuid4().hex}.json")
    stop = threading.Event()

    def renew() -> None:
        while not stop.wait(RENEW_SECONDS):
            # A bucket that is out of reach now fails the run where it matters.
            with contextlib.suppress(StorageError):
                storage.write_json(mine, _me())

    storage.write_json(mine, _me())
    renewal = threading.Thread(target=renew, daemon=True)
    renewal.start()
    try:
        _check_others(path, mine)
        yield
    finally:
        stop.set()
        renewal.join()
        storage.remove_tree(mine)


def _check_others(path: str, mine: str) -> None:
    """Refuse where another run is alive; remove what a killed one left."""
    for other, _ in storage.glob(storage.pattern(path, "*.json")):
        if other.endswith(mine.rsplit("/", 1)[-1]):
            continue
        try:
            holder = storage.read_json(other)
        except StorageError:
            if storage.exists(other):
                raise
            continue  # it ended just now
        left = STALE_SECONDS - (time.time() - holder["time"])
        if left > 0:
            more = f"; if it was killed, its lock counts for another {left:.0f} seconds"
            raise _refusal(path, holder, more)
        storage.remove_tree(other)
