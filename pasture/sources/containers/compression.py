"""Decompressors as streams, with limits on the memory and the output that a file may ask for."""

from __future__ import annotations

import bz2
import gzip
import io
import lzma
from typing import Any, BinaryIO, cast

from backports import zstd

MAX_DICTIONARY_BYTES = 256 << 20
"""Largest dictionary of xz and 7z, which is allocated as the file asks. Ours: ``xz -9`` takes 64
MiB, 7-Zip's strongest preset 256."""
FREE_BYTES = 384 << 20
"""Up to so many bytes a file may shrink to any size; ours."""
MAX_RATIO = 1_100
"""Most bytes out of one byte beyond ``FREE_BYTES``. gzip reaches 1,032, texts 10; of bzip2 and xz a
bomb makes a million. Ours."""
MAX_BLANK_BYTES = 64 << 20
"""Most bytes of blank lines in a row; ours."""
BUFFER_BYTES = 128 << 10
_CHUNK = 1 << 18


class TooLarge(ValueError):
    """A stream is longer than its limit."""


def decompress(stream: BinaryIO) -> BinaryIO:
    """Wrap a seekable stream in its decompressor, told by its first bytes.

    It knows gzip, bzip2, xz, and zstandard with windows of at most 128 MiB, its own default.
    Reading raises what the standard library raises on damaged data, and ``TooLarge``.
    """
    magic = stream.read(6)
    stream.seek(0)
    content: Any
    if magic.startswith(b"\x1f\x8b"):
        content = gzip.GzipFile(fileobj=stream)
    elif magic.startswith(b"BZh"):
        content = bz2.BZ2File(stream)
    elif magic.startswith(b"\xfd7zXZ\x00"):
        content = _XzReader(stream)
    elif magic.startswith(b"\x28\xb5\x2f\xfd"):
        content = zstd.ZstdFile(stream)
    else:
        return stream
    return cast(BinaryIO, io.BufferedReader(_Bounded(content, stream), BUFFER_BYTES))


def check_ratio(produced: int, consumed: int) -> None:
    """Fail where too many bytes have come out of a compressed file.

    Raises:
        TooLarge: They have.
    """
    if produced > FREE_BYTES and produced > MAX_RATIO * max(consumed, 1):
        raise TooLarge(f"{produced:,} bytes out of {consumed:,}")


class _Bounded(io.RawIOBase):
    """Reads a decompressor for as long as its output is in proportion to its input."""

    def __init__(self, content: Any, compressed: BinaryIO) -> None:
        super().__init__()
        self._content, self._compressed = content, compressed
        self._produced = 0

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        # What there is, and not as much as fits: an error must not take what came before it.
        data = self._content.read1(len(buffer))
        count = len(data)
        buffer[:count] = data
        self._produced += count
        if self._produced > FREE_BYTES:
            check_ratio(self._produced, self._compressed.tell())
        return count


class _XzReader:
    """Reads the streams of an xz file, of which each may ask for so much memory only.

    ``lzma.LZMAFile`` has no such limit.
    """

    def __init__(self, stream: BinaryIO) -> None:
        self._stream = stream
        self._xz = _xz()

    def read1(self, size: int) -> bytes:
        """Return some bytes, none at the end."""
        while True:
            if self._xz.eof:
                raw = self._xz.unused_data.lstrip(b"\0")
                while not raw:
                    raw = self._stream.read(_CHUNK)
                    if not raw:
                        return b""
                    raw = raw.lstrip(b"\0")
                self._xz = _xz()
            else:
                raw = self._stream.read(_CHUNK) if self._xz.needs_input else b""
                if self._xz.needs_input and not raw:
                    raise EOFError("the xz stream breaks off")
            if data := self._xz.decompress(raw, size):
                return data


def _xz() -> lzma.LZMADecompressor:
    return lzma.LZMADecompressor(lzma.FORMAT_XZ, memlimit=MAX_DICTIONARY_BYTES + (16 << 20))


def skip_blank_lines(stream: io.BufferedReader) -> int:
    """Pass over the blank lines that follow, a buffer at a time; return how many there were.

    Raises:
        TooLarge: There is nothing else for too long.
    """
    lines = size = 0
    while True:
        ahead = stream.peek()
        blank = len(ahead) - len(ahead.lstrip(b" \t\r\n"))
        end = ahead.rfind(b"\n", 0, blank) + 1
        if not end:
            return lines
        lines += stream.read(end).count(b"\n")
        size += end
        if size > MAX_BLANK_BYTES:
            raise TooLarge(f"more than {MAX_BLANK_BYTES:,} bytes of blank lines")
