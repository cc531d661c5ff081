"""A look at the messages of an Arrow stream before the library reads them.

The library trusts the sizes in a message: a few bytes may claim, or unpack to, any amount of
memory. So the messages of a file are walked through first. Only their metadata is read, which
is a flatbuffer (``Message.fbs`` of Arrow): tables of offsets, of which a few fields are needed.
"""

from __future__ import annotations

import struct
from typing import BinaryIO

FILE_MAGIC = b"ARROW1\0\0"
_CONTINUATION = 0xFFFFFFFF
_MAX_METADATA_BYTES = 64 << 20
"""Largest metadata of a message; ours. A schema of a thousand columns takes 0.1 MB."""
_DICTIONARY_BATCH, _RECORD_BATCH = 2, 3
_MAX_BUFFERS = 1_000_000
"""Most buffers of a message; ours: two or three a column."""


class TooMuch(ValueError):
    """A message would take more memory than it may."""


def check_messages(stream: BinaryIO, max_bytes: int) -> None:
    """Walk through an Arrow stream from its start to its end, and leave it there.

    Raises:
        TooMuch: A message holds, or unpacks to, more than ``max_bytes``.
        ValueError: A message's metadata is damaged.
    """
    while True:
        size = _int(stream.read(4), "<I")
        if size == _CONTINUATION:
            size = _int(stream.read(4), "<I")
        if not size:  # the end, or the end of the file
            return
        if size > _MAX_METADATA_BYTES:
            raise TooMuch(f"metadata of {size:,} bytes")
        metadata = stream.read(size)
        try:
            body, buffers = _read_message(metadata)
        except (struct.error, IndexError) as error:
            raise ValueError(f"a message's metadata is damaged: {error}") from error
        if not 0 <= body <= max_bytes:
            raise TooMuch(f"a batch of {body:,} bytes, and {max_bytes:,} are allowed")
        start = stream.tell()
        total = 0
        for offset, length in buffers:
            if length >= 8 and 0 <= offset <= body:
                stream.seek(start + offset)
                # -1 says that the buffer is not compressed after all.
                total += max(_int(stream.read(8), "<q"), 0)
        if total > max_bytes:
            raise TooMuch(f"a batch of {total:,} bytes, and {max_bytes:,} are allowed")
        if stream.seek(start + body) < start + body:
            return  # the file breaks off; the library says so


def _int(data: bytes, kind: str) -> int:
    size = struct.calcsize(kind)
    return int(struct.unpack(kind, data)[0]) if len(data) == size else 0


def _read_message(data: bytes) -> tuple[int, list[tuple[int, int]]]:
    """Read a message: the size of its body, and its buffers where they are compressed."""
    message = _u32(data, 0)
    kind_at, header_at, body_at = (_field(data, message, index) for index in (1, 2, 3))
    kind = data[kind_at] if kind_at else 0
    body = struct.unpack_from("<q", data, body_at)[0] if body_at else 0
    if kind not in (_DICTIONARY_BATCH, _RECORD_BATCH) or not header_at:
        return body, []
    batch = header_at + _u32(data, header_at)
    if kind == _DICTIONARY_BATCH:
        inner = _field(data, batch, 1)
        if not inner:
            return body, []
        batch = inner + _u32(data, inner)
    buffers_at, compression_at = _field(data, batch, 2), _field(data, batch, 3)
    if not buffers_at or not compression_at:
        return body, []
    vector = buffers_at + _u32(data, buffers_at)
    count = _u32(data, vector)
    if count > _MAX_BUFFERS:
        raise TooMuch(f"a batch of {count:,} buffers")
    return body, [struct.unpack_from("<qq", data, vector + 4 + 16 * i) for i in range(count)]


def _u32(data: bytes, at: int) -> int:
    return int(struct.unpack_from("<I", data, at)[0])


def _field(data: bytes, table: int, index: int) -> int:
    """Return where a field of a table is, or 0 where it has its default."""
    virtual = table - struct.unpack_from("<i", data, table)[0]
    size = struct.unpack_from("<H", data, virtual)[0]
    entry = 4 + 2 * index
    if virtual < 0 or entry + 2 > size:
        return 0
    offset = struct.unpack_from("<H", data, virtual + entry)[0]
    return table + offset if offset else 0
