"""A whole fetch: what is still missing, whether the disk holds it, and the threads that get it."""

from __future__ import annotations

import dataclasses
import functools
import os
import queue
import shutil
import threading
from collections.abc import Mapping, Sequence
from typing import Protocol

from pasture.errors import FetchError
from pasture.fetch.base import Origin, RemoteFile
from pasture.fetch.client import Client, DiskFull, Missing, Stopped
from pasture.fetch.download import Place, download, is_here

SPARE_BYTES = 64 << 20
"""Room that must be left on the disk for records and for others; ours."""
MAX_FAILURES_IN_A_ROW = 5
"""Files that fail one after the other before the fetch stops asking; ours."""
JOIN_SECONDS = 0.5
"""How long threads are waited for when the fetch is stopped; what they wrote is on disk."""


class Progress(Protocol):
    """What is told while files arrive; called from several threads."""

    def started(self, path: str, size: int | None) -> None:
        """A file's fetch begins."""

    def advanced(self, path: str, count: int) -> None:
        """So many bytes of the file are here."""

    def finished(self, path: str, error: str) -> None:
        """The file is whole, or failed with an error."""


@dataclasses.dataclass(frozen=True)
class Plan:
    """What a fetch would do.

    Args:
        folder: The target folder.
        files: All files that were asked for, in order.
        here: Paths of those that are whole already.
        sizes: Bytes of each file whose size is known, by path.
        kept: Bytes of unfinished files that an earlier fetch left.
        free: Bytes free on the disk of the target folder.
    """

    folder: str
    files: tuple[RemoteFile, ...]
    here: frozenset[str]
    sizes: Mapping[str, int]
    kept: int
    free: int

    @property
    def missing(self) -> list[RemoteFile]:
        """The files still to fetch."""
        return [file for file in self.files if file.path not in self.here]

    @property
    def unknown(self) -> int:
        """How many files of unknown size are missing."""
        return sum(file.path not in self.sizes for file in self.missing)

    @property
    def needed(self) -> int | None:
        """Bytes that the disk must take; files of unknown size count as the mean of the others.

        None where no size is known at all.
        """
        missing = self.missing
        known = [self.sizes[file.path] for file in missing if file.path in self.sizes]
        if missing and not known:
            return None
        mean = sum(known) / len(known) if known else 0.0
        return max(round(sum(known) + mean * self.unknown) - self.kept, 0)

    def check_disk(self) -> None:
        """Check that the disk takes what is missing.

        Raises:
            FetchError: It does not.
        """
        if self.needed is not None and self.needed + SPARE_BYTES > self.free:
            raise FetchError(
                f"{self.folder}: {self.needed:,} bytes are needed and {self.free:,} are free; "
                f"make room, choose another disk with --to, or fetch less with --limit"
            )


@dataclasses.dataclass
class Result:
    """What a fetch did: files fetched, their bytes, and what failed or was not offered."""

    fetched: int = 0
    bytes: int = 0
    here: int = 0
    not_offered: list[str] = dataclasses.field(default_factory=list)
    failed: dict[str, str] = dataclasses.field(default_factory=dict)


def plan_fetch(origin: Origin, folder: str, client: Client, ignore_robots: bool = False) -> Plan:
    """Read the origin's listing and look at what the target folder has.

    Raises:
        FetchError: The listing cannot be read, or another file is in the place of one.
    """
    robots = None if ignore_robots else origin.robots_url()
    if robots is not None:
        client.obey_robots(robots)
    files = origin.files(client)
    places = {file.path: Place(folder, file.path) for file in files}
    here = frozenset(file.path for file in files if is_here(file, places[file.path]))
    missing = [file for file in files if file.path not in here]
    sizes = {file.path: file.size for file in files if file.size is not None}
    sizes.update(_ask_sizes([file for file in missing if file.size is None], client))
    return Plan(
        folder,
        tuple(files),
        here,
        sizes,
        sum(places[file.path].partial_bytes() for file in missing),
        shutil.disk_usage(nearest(folder)).free,
    )


def _ask_sizes(files: Sequence[RemoteFile], client: Client) -> dict[str, int]:
    """Ask for the sizes of a few files, spread over the list."""
    probes = min(client.manners.size_probes, len(files))
    found = {}
    for number in range(probes):
        file = files[number * len(files) // probes]
        for url in file.urls:
            try:
                size = client.size(url)
            except Missing:
                continue
            if size is not None:
                found[file.path] = size
            break
    return found


def nearest(folder: str) -> str:
    """The folder itself, or the nearest path above it that is there."""
    path = os.path.abspath(folder)
    while not os.path.lexists(path):
        path = os.path.dirname(path)
    return path


def fetch(plan: Plan, client: Client, max_bytes: int, progress: Progress) -> Result:
    """Fetch what is missing of a plan, several files at a time.

    A file that fails does not stop the others, but a full disk does, and so do several failures
    one after the other.

    Raises:
        KeyboardInterrupt: The user stopped it; what has arrived is kept.
    """
    missing = plan.missing
    result = Result(here=len(plan.here))
    work: queue.SimpleQueue[RemoteFile] = queue.SimpleQueue()
    done: queue.SimpleQueue[tuple[RemoteFile, int | BaseException]] = queue.SimpleQueue()
    for file in missing:
        work.put(file)

    def get_files() -> None:
        while not client.stop.is_set():
            try:
                file = work.get_nowait()
            except queue.Empty:
                return
            progress.started(file.path, plan.sizes.get(file.path))
            try:
                size = download(
                    file,
                    plan.folder,
                    client,
                    max_bytes,
                    functools.partial(progress.advanced, file.path),
                )
            except BaseException as error:  # the main thread raises what is no FetchError
                done.put((file, error))
            else:
                done.put((file, size))

    threads = [
        # Daemons, so that a connection that went silent cannot hold up the program's end.
        threading.Thread(target=get_files, daemon=True)
        for _ in range(min(client.manners.connections, len(missing)))
    ]
    for thread in threads:
        thread.start()
    try:
        _collect(len(missing), done, result, progress, client.stop)
    finally:
        client.stop.set()
        for thread in threads:
            thread.join(JOIN_SECONDS)
    return result


def _collect(
    count: int,
    done: queue.SimpleQueue[tuple[RemoteFile, int | BaseException]],
    result: Result,
    progress: Progress,
    stop: threading.Event,
) -> None:
    """Take the threads' results until all files are done or the fetch must stop."""
    in_a_row = 0
    for _ in range(count):
        file, outcome = done.get()
        if isinstance(outcome, int):
            result.fetched += 1
            result.bytes += outcome
            in_a_row = 0
            progress.finished(file.path, "")
        elif isinstance(outcome, Missing) and file.optional:
            result.not_offered.append(file.path)
            progress.finished(file.path, "")
        elif isinstance(outcome, FetchError):
            in_a_row += 1
            result.failed[file.path] = str(outcome)
            progress.finished(file.path, str(outcome))
            if isinstance(outcome, DiskFull) or in_a_row >= MAX_FAILURES_IN_A_ROW:
                return
        elif not isinstance(outcome, Stopped):
            raise outcome
