"""The process that reads 7z archives for ``seven_zip``: py7zr within limits of the system.

What a header asks for is allocated by py7zr and liblzma before anybody can look at it, so this
process limits its own memory, and the processor time of each header. It opens no file: its parent
sends it the bytes that it asks for. It is run as a program and imports nothing of Pasture.

Standard input: for each archive a command (``L`` to list, ``X`` to extract Posts.xml) and its size,
then the answers to reads. Standard output: messages of a kind, two numbers, and data.
"""

from __future__ import annotations

import io
import resource
import signal
import struct
import sys
from typing import Any, NoReturn

import py7zr
from py7zr.io import Py7zIO, WriterFactory

MEMORY_BYTES = 1 << 30
"""What reading an archive may allocate. A dictionary takes up to 256 MiB of it; ours."""
HEADER_SECONDS = 20.0
"""Processor time for a header; ours. That of the largest site's archive takes milliseconds."""
MESSAGE = struct.Struct(">cQQ")
COMMAND = struct.Struct(">cQQQ")
SLICE = 1 << 20


def send(kind: bytes, first: int = 0, second: int = 0, data: bytes = b"") -> None:
    """Send a message to the parent."""
    sys.stdout.buffer.write(MESSAGE.pack(kind, first, second) + data)
    sys.stdout.buffer.flush()


def receive(size: int) -> bytes:
    """Read what the parent sends, or end where it has gone."""
    data = sys.stdin.buffer.read(size)
    if len(data) < size:
        raise SystemExit(0)
    return data


class Archive(io.RawIOBase):
    """The file, as the parent reads it."""

    def __init__(self, size: int) -> None:
        super().__init__()
        self._size, self._position = size, 0

    def readable(self) -> bool:
        """Tell that it can be read."""
        return True

    def seekable(self) -> bool:
        """Tell that it can be read at any place."""
        return True

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        """Go to a place."""
        start = {io.SEEK_SET: 0, io.SEEK_CUR: self._position, io.SEEK_END: self._size}[whence]
        if start + offset < 0:
            raise OSError("a place before the file")
        self._position = min(start + offset, self._size)
        return self._position

    def readinto(self, buffer: Any) -> int:
        """Ask the parent for bytes."""
        size = min(len(buffer), self._size - self._position, SLICE)
        if size <= 0:
            return 0
        send(b"R", self._position, size)
        data = receive(size)
        buffer[:size] = data
        self._position += size
        return size


class Sender(Py7zIO):  # type: ignore[misc]
    """What py7zr writes a member into: the parent."""

    def write(self, data: bytes) -> int:
        """Send bytes."""
        view = memoryview(data)
        for begin in range(0, len(view), SLICE):
            part = view[begin : begin + SLICE]
            send(b"D", len(part), 0, bytes(part))
        return len(data)

    def read(self, size: int | None = None) -> bytes:
        """Give nothing: it is written only."""
        return b""

    def seek(self, offset: int, whence: int = 0) -> int:
        """Stay."""
        return 0

    def flush(self) -> None:
        """Do nothing."""

    def size(self) -> int:
        """Tell no size."""
        return 0


class Senders(WriterFactory):  # type: ignore[misc]
    """Makes them."""

    def create(self, filename: str) -> Sender:
        """Make one for a member."""
        return Sender()


def is_posts(info: Any) -> bool:
    """Tell whether a member is Posts.xml."""
    name = info.filename.replace("\\", "/").rpartition("/")[2].lower()
    return bool(info.is_file) and name == "posts.xml"


def largest_dictionary(archive: Any) -> int:
    """Find the largest dictionary that an LZMA coder of the archive asks for."""
    largest = 0
    streams = archive.header.main_streams
    for folder in streams.unpackinfo.folders if streams else ():
        for coder in folder.coders:
            method, properties = coder["method"], coder.get("properties") or b""
            if method == b"\x21" and properties:  # LZMA2
                bits = properties[0]
                largest = max(largest, (2 | bits & 1) << (bits // 2 + 11))
            elif method == b"\x03\x01\x01" and len(properties) >= 5:  # LZMA
                largest = max(largest, int.from_bytes(properties[1:5], "little"))
    return largest


def read_archive(command: bytes, size: int, most: int, dictionary: int) -> None:
    """Read one archive: its listing, or its Posts.xml.

    Args:
        command: ``L`` or ``X``.
        size: Bytes of the archive.
        most: Most bytes that its members may hold.
        dictionary: Largest dictionary that its coders may ask for, in bytes.
    """
    signal.setitimer(signal.ITIMER_VIRTUAL, HEADER_SECONDS)  # its signal ends this process
    with py7zr.SevenZipFile(io.BufferedReader(Archive(size), SLICE)) as archive:
        members = archive.list()
        signal.setitimer(signal.ITIMER_VIRTUAL, 0)
        posts = [info for info in members if is_posts(info)]
        if command == b"L":
            send(b"Z", posts[0].uncompressed if posts else 0)
            return
        total = sum(info.uncompressed for info in members)
        wanted = largest_dictionary(archive)
        if total > most:
            fail("archive_over_limit", f"{total:,} bytes from {size:,}; at most {most:,} are read")
        elif wanted > dictionary:
            fail("archive_over_limit", f"a dictionary of {wanted:,} bytes; at most {dictionary:,}")
        elif not posts:
            fail("no_posts", "the archive holds no Posts.xml")
        else:
            archive.extract(targets=[posts[0].filename], factory=Senders())
            send(b"Z")


def fail(reason: str, detail: str) -> None:
    """Say why an archive gives nothing, or nothing more."""
    said = f"{reason}\n{detail[:1000]}".encode("utf-8", "replace")
    send(b"E", len(said), 0, said)


def limit_memory() -> None:
    """Limit what this process may allocate from now on."""
    with open("/proc/self/statm") as status:  # noqa: PTH123 (this program imports little)
        pages = int(status.read().split()[5])  # data and stack
    most = pages * resource.getpagesize() + MEMORY_BYTES
    resource.setrlimit(resource.RLIMIT_DATA, (most, most))


def main() -> NoReturn:
    """Read archives until the parent ends."""
    if sys.platform == "linux":
        limit_memory()
    while True:
        command, size, most, dictionary = COMMAND.unpack(receive(COMMAND.size))
        try:
            read_archive(command, size, most, dictionary)
        except MemoryError:
            fail("memory_limit", f"more than {MEMORY_BYTES:,} bytes of memory")
        except Exception as error:  # whatever py7zr raises on a damaged archive
            fail("damaged_archive", repr(error))


if __name__ == "__main__":
    main()
