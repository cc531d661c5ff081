"""7z archives, read in a process of its own, because py7zr cannot be bounded within this one.

The process (``seven_zip_child``) gets the archive's bytes from here, where the storage is, and
sends what it decompresses. If it is killed for the memory or the time that an archive takes, that
archive is rejected, and the next one gets another process.
"""

from __future__ import annotations

import pathlib
import signal
import subprocess
import sys
import types
from collections.abc import Callable
from typing import TYPE_CHECKING, BinaryIO

from pasture.sources.containers import seven_zip_child as child
from pasture.sources.containers.compression import MAX_DICTIONARY_BYTES

if TYPE_CHECKING:
    from typing_extensions import Self


class ArchiveError(Exception):
    """An archive that gives nothing, or nothing more: the reason, and what was wrong."""

    def __init__(self, reason: str, detail: str) -> None:
        super().__init__(detail)
        self.reason, self.detail = reason, detail


class SevenZipReader:
    """Reads Posts.xml out of archives, one after the other; a context manager."""

    def __init__(self) -> None:
        self._process: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: types.TracebackType | None,
    ) -> None:
        self._end()

    def posts_bytes(self, stream: BinaryIO) -> int:
        """Return the size of an archive's Posts.xml by its listing; 0 where it has none.

        Raises:
            ArchiveError: It cannot be read.
        """
        return self._read(b"L", stream, 0, lambda data: None)

    def extract_posts(self, stream: BinaryIO, most: int, sink: Callable[[bytes], None]) -> None:
        """Decompress an archive's Posts.xml into ``sink``.

        Args:
            stream: The archive, seekable.
            most: Most bytes that all its members may hold.
            sink: Called with each piece.

        Raises:
            ArchiveError: It cannot be read, or not to its end.
        """
        self._read(b"X", stream, most, sink)

    def _read(
        self, command: bytes, stream: BinaryIO, most: int, sink: Callable[[bytes], None]
    ) -> int:
        size = stream.seek(0, 2)
        process = self._process = self._process or _start()
        whole = False
        try:
            _send(process, child.COMMAND.pack(command, size, most, MAX_DICTIONARY_BYTES))
            while True:
                kind, first, second = child.MESSAGE.unpack(_receive(process, child.MESSAGE.size))
                if kind == b"R":
                    stream.seek(first)
                    _send(process, stream.read(second))
                elif kind == b"D":
                    sink(_receive(process, first))
                elif kind == b"E":
                    whole = True
                    reason, _, detail = _receive(process, first).decode().partition("\n")
                    raise ArchiveError(reason, detail)
                else:
                    whole = True
                    return int(first)
        finally:
            if not whole:
                self._end()

    def _end(self) -> None:
        if self._process is not None:
            self._process.kill()
            self._process.communicate()
            self._process = None


def _start() -> subprocess.Popen[bytes]:
    # By its text, and not as a module of this package, whose import takes longer than the work.
    program = pathlib.Path(child.__file__).read_text(encoding="utf-8")
    command = [sys.executable, "-c", program]
    return subprocess.Popen(  # noqa: S603 (this Python, no shell)
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, cwd="/"
    )


def _send(process: subprocess.Popen[bytes], data: bytes) -> None:
    assert process.stdin
    try:
        process.stdin.write(data)
        process.stdin.flush()
    except BrokenPipeError:
        raise _killed(process) from None


def _receive(process: subprocess.Popen[bytes], size: int) -> bytes:
    assert process.stdout
    data = process.stdout.read(size)
    if len(data) < size:
        raise _killed(process)
    return data


def _killed(process: subprocess.Popen[bytes]) -> ArchiveError:
    """Say what ended the process in the middle of an archive."""
    status = process.wait()
    if status == -signal.SIGVTALRM:
        return ArchiveError("time_limit", f"its header takes over {child.HEADER_SECONDS:g} s")
    if status == -signal.SIGKILL:
        return ArchiveError("memory_limit", "its reader was killed, most likely for its memory")
    return ArchiveError("damaged_archive", f"its reader ended with status {status}")
