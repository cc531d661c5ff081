"""One file, from its host to its place: resumed where it can be, checked, then renamed.

What has arrived lies in ``.fetch/PATH.partial`` under the target folder, beside a record of where
it came from and in which version. The file gets its own name when its length and the publisher's
checksum hold, so that a name of a recipe's pattern always stands for a whole file. The record
stays: it says later where each file came from. Nothing that Pasture did not fetch is overwritten.
"""

from __future__ import annotations

import contextlib
import dataclasses
import errno
import fcntl
import io
import os
import re
import time
from collections.abc import Callable, Iterator
from typing import Any

import urllib3

from pasture import storage
from pasture.errors import FetchError, StorageError
from pasture.fetch.base import RemoteFile
from pasture.fetch.client import (
    CHUNK_BYTES,
    Attempts,
    Client,
    DiskFull,
    Missing,
    Transient,
    content_length,
)

STATE = ".fetch"
"""Folder of partial files and records; no pattern of a recipe matches what lies in it."""
PARTIAL = ".partial"
MISMATCHES = 2
"""How often a file may differ from its listing before it is given up: a bad copy is fetched once
more, because caches err."""
_FULL = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)
_RANGE = re.compile(r"bytes (\d{1,18})-(\d{1,18})/(\d{1,18}|\*)")


@dataclasses.dataclass(frozen=True)
class Record:
    """Where a file, or the start of it, came from.

    Args:
        url: Address that it was fetched from.
        etag: The version that the host named; empty where it named none.
        last_modified: When the host said that it changed; empty where it did not.
        length: Bytes of the whole file, where the host or the listing told.
        checksum: The publisher's checksum, as the listing stated it.
        done: Whether the file is whole and was checked.
    """

    url: str
    etag: str = ""
    last_modified: str = ""
    length: int | None = None
    checksum: str = ""
    done: bool = False

    def validator(self) -> str:
        """The value of If-Range that holds while the file is the same; empty without one."""
        # A weak ETag promises the same meaning, not the same bytes (RFC 9110, 13.1.5).
        return self.last_modified if self.etag.startswith("W/") else self.etag or self.last_modified

    def can_go_on(self) -> bool:
        """Whether bytes of two requests may be joined; else two versions could mix unseen."""
        return bool(self.validator() or self.checksum)


@dataclasses.dataclass(frozen=True)
class Place:
    """Where a file, its partial and its record lie.

    Args:
        folder: The target folder.
        path: The file's path below it.
    """

    folder: str
    path: str

    @property
    def final(self) -> str:
        """The whole file."""
        return os.path.join(self.folder, self.path)

    @property
    def partial(self) -> str:
        """What has arrived."""
        return os.path.join(self.folder, STATE, self.path + PARTIAL)

    @property
    def record(self) -> str:
        """The record of either."""
        return os.path.join(self.folder, STATE, self.path + ".json")

    def read_record(self) -> Record | None:
        """Read the record, if there is a sound one."""
        if not os.path.exists(self.record):
            return None
        try:
            body = storage.read_json(self.record)
            return Record(**body) if isinstance(body, dict) else None
        except (StorageError, TypeError):
            return None  # of another version, or damaged: the file is fetched anew

    def write_record(self, record: Record) -> None:
        """Replace the record."""
        storage.write_json(self.record, dataclasses.asdict(record))

    def partial_bytes(self) -> int:
        """Count the bytes that have arrived."""
        try:
            return os.path.getsize(self.partial)
        except OSError:  # not there, or not to be reached: writing it will tell
            return 0


def is_here(file: RemoteFile, place: Place) -> bool:
    """Tell whether a file is whole already, by its record, or by its checksum or size.

    Raises:
        FetchError: Another file has its place.
    """
    if not os.path.exists(place.final):
        return False
    size = os.path.getsize(place.final)
    record = place.read_record()
    if record is not None:
        # A partial file beside a finished record was not renamed yet.
        whole = record.done and record.length == size and not place.partial_bytes()
        if whole and _is_listed(file, record):
            return True
        if record.url in file.urls:
            return False  # the publisher changed it
    elif file.checksum:
        if _digest(place.final, file.checksum) == file.checksum:
            return True
    elif file.size == size:
        return True
    raise FetchError(
        f"{place.final} is another file than {file.urls[0]}; "
        f"move it away, or choose another folder with --to"
    )


def _is_listed(file: RemoteFile, record: Record) -> bool:
    """Whether a record fits what the listing says now."""
    if file.checksum:
        return record.checksum == file.checksum
    return record.url in file.urls and file.size in (None, record.length)


def download(
    file: RemoteFile,
    folder: str,
    client: Client,
    max_bytes: int,
    advanced: Callable[[int], None] = lambda count: None,
) -> int:
    """Fetch a file to its place, from where an earlier fetch stopped; return its bytes.

    Args:
        file: What to fetch.
        folder: The target folder.
        client: Makes the requests.
        max_bytes: Largest file where nobody announces a size.
        advanced: Called with the bytes that have arrived of the whole file.

    Raises:
        FetchError: The file cannot be fetched; the message names the address and a remedy.
        DiskFull: The disk takes no more bytes; what has arrived is kept.
        Stopped: The fetch was asked to stop; what has arrived is kept.
    """
    place = Place(folder, file.path)
    try:
        for path in (place.final, place.partial):
            os.makedirs(os.path.dirname(path), exist_ok=True)
        with _locked(place) as stream:
            if is_here(file, place):
                os.unlink(place.partial)
                return os.path.getsize(place.final)
            return _Download(file, place, client, max_bytes, advanced, stream).run()
    except (OSError, StorageError) as error:
        raise _write_error(error, place) from error


def _write_error(error: OSError | StorageError, place: Place) -> FetchError:
    cause = error if isinstance(error, OSError) else error.__cause__
    said = cause.strerror if isinstance(cause, OSError) and cause.strerror else str(error)
    if isinstance(cause, OSError) and cause.errno in _FULL:
        return DiskFull(
            f"cannot write {place.partial}: {said}; make room and run the same command again: "
            f"what has arrived is kept"
        )
    return FetchError(f"cannot write {place.final}: {said}; choose another folder with --to")


@contextlib.contextmanager
def _locked(place: Place) -> Iterator[io.FileIO]:
    """Open the partial file for this process alone; the kernel ends the lock with the process."""
    while True:
        with io.FileIO(place.partial, "ab") as stream:
            try:
                fcntl.flock(stream, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                raise FetchError(
                    f"another fetch is writing {place.final}; wait for its end, or stop it"
                ) from None
            # Another fetch may have renamed the file between our opening and locking it.
            if os.path.exists(place.partial) and os.path.samestat(
                os.fstat(stream.fileno()), os.stat(place.partial)
            ):
                yield stream
                return


class _Download:
    """The tries of one file."""

    def __init__(
        self,
        file: RemoteFile,
        place: Place,
        client: Client,
        max_bytes: int,
        advanced: Callable[[int], None],
        stream: io.FileIO,
    ) -> None:
        self._file, self._place, self._client = file, place, client
        self._max_bytes, self._advanced, self._stream = max_bytes, advanced, stream
        self._urls = list(file.urls)
        self._mismatches = 0
        self._record = self._kept()

    def run(self) -> int:
        """Try until the file is whole and right."""
        attempts = Attempts(self._client, self._file.urls[0])
        best = self._offset()
        while True:
            try:
                self._try()
                return self._publish()
            except Missing:
                del self._urls[0]
                if not self._urls:
                    raise
                self._restart()
            except Transient as error:
                if self._offset() >= best + self._client.manners.progress_bytes:
                    best = self._offset()
                    attempts.progressed()
                attempts.failed(error)

    def _kept(self) -> Record | None:
        """The record of the bytes that an earlier fetch left, if they can be used."""
        record = self._place.read_record()
        usable = (
            record is not None
            and record.url in self._file.urls
            and record.checksum == self._file.checksum
            and self._file.size in (None, record.length)
            and record.can_go_on()
        )
        if not usable or (record and record.length is not None and self._offset() > record.length):
            self._restart()
            return None
        if record is not None:
            self._urls.sort(key=lambda url: url != record.url)
        return record

    def _offset(self) -> int:
        return os.fstat(self._stream.fileno()).st_size

    def _restart(self) -> None:
        """Drop what has arrived."""
        self._stream.truncate(0)
        self._record = None

    def _try(self) -> None:
        """Request what is missing and write it."""
        record, offset = self._record, self._offset()
        if record is not None and offset == record.length:
            return
        url, headers = self._urls[0], {}
        if record is not None and offset and record.can_go_on():
            headers["Range"] = f"bytes={offset}-"
            if validator := record.validator():
                headers["If-Range"] = validator
        with self._client.open(url, headers) as response:
            if response.status == 200:
                self._begin(url, response)
            elif response.status == 416 or not self._continues(response, offset):
                self._restart()
                raise Transient("the file changed at its origin")
            self._receive(response)

    def _continues(self, response: urllib3.BaseHTTPResponse, offset: int) -> bool:
        """Whether a partial response goes on where we stopped, in the same version."""
        match = _RANGE.fullmatch(response.headers.get("Content-Range", ""))
        record = self._record
        if match is None or record is None or int(match[1]) != offset:
            return False
        etag = response.headers.get("ETag", "")
        same = not etag or not record.etag or etag == record.etag
        return same and (record.length is None or match[3] in ("*", str(record.length)))

    def _begin(self, url: str, response: urllib3.BaseHTTPResponse) -> None:
        """Start the file anew, and record its version before its first byte."""
        if self._offset():
            self._client.note(f"{url}: starting over; the host did not go on where it stopped")
        self._restart()
        announced = content_length(response)
        if announced is not None and self._file.size not in (None, announced):
            raise self._mismatch(
                f"the host announces {announced:,} bytes, the listing {self._file.size:,}"
            )
        self._record = Record(
            url,
            etag=response.headers.get("ETag", ""),
            last_modified=response.headers.get("Last-Modified", ""),
            length=announced if self._file.size is None else self._file.size,
            checksum=self._file.checksum,
        )
        self._place.write_record(self._record)

    def _receive(self, response: urllib3.BaseHTTPResponse) -> None:
        manners = self._client.manners
        length = None if self._record is None else self._record.length
        most = self._max_bytes if length is None else length
        offset = self._offset()
        since, count = time.monotonic(), 0
        while chunk := response.read1(CHUNK_BYTES, decode_content=False):
            if offset + len(chunk) > most:
                raise self._mismatch(f"the host sends more than {most:,} bytes")
            self._write(chunk)
            offset += len(chunk)
            count += len(chunk)
            self._advanced(offset)
            self._client.received(len(chunk))
            self._client.wait(0)
            now = time.monotonic()
            if now - since > manners.stall_seconds:
                if count < manners.stall_bytes:
                    raise Transient("the connection is too slow")
                since, count = now, 0
        if length is not None and offset != length:
            raise Transient(f"the host sent {offset:,} of {length:,} bytes")

    def _write(self, chunk: bytes) -> None:
        view = memoryview(chunk)
        while view:
            view = view[self._stream.write(view) :]

    def _mismatch(self, what: str) -> Transient:
        """Drop what arrived, because it is not what was listed; a second time is once too often.

        Raises:
            FetchError: It happened before.
        """
        self._restart()
        self._mismatches += 1
        if self._mismatches >= MISMATCHES:
            raise FetchError(
                f"{self._urls[0]}: {what}, {self._mismatches} times; nothing of it is kept; "
                f"run the command again for a new listing, or name a mirror with --base-url"
            )
        return Transient(what)

    def _publish(self) -> int:
        """Check the file against its checksum, and give it its name."""
        size, record = self._offset(), self._record
        expected = self._file.checksum
        if expected and (found := _digest(self._place.partial, expected)) != expected:
            raise self._mismatch(f"the file has the checksum {found}, the listing {expected}")
        if record is None:
            raise AssertionError("a file is published only after its record was written")
        os.fsync(self._stream.fileno())
        # Killed between these two, the next fetch finds a whole partial file, and renames it.
        self._place.write_record(dataclasses.replace(record, length=size, done=True))
        os.replace(self._place.partial, self._place.final)
        return size


def _digest(path: str, checksum: str) -> str:
    """Hash a file by the algorithm of a checksum."""
    algorithm = checksum.partition(":")[0]
    return f"{algorithm}:{storage.digest(path, algorithm)}"


def as_row(file: RemoteFile, size: int | None) -> dict[str, Any]:
    """A file as it is shown: path, address, bytes and checksum."""
    return {"path": file.path, "url": file.urls[0], "bytes": size, "checksum": file.checksum}
