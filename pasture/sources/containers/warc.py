"""WARC records, read with FastWARC: from a file to the blocks of its records.

Knows the container only; what the blocks hold is for ``crawl_pages``. The one thing that FastWARC
does not do is to tell a file that ends from one that breaks off, so the end is checked here.
"""

from __future__ import annotations

import dataclasses
import datetime
import posixpath
import re
import zlib
from collections.abc import Iterator
from typing import Any, BinaryIO

from pasture import storage
from pasture.sources.base import Rejected

HEADER_END = re.compile(rb"\r?\n\r?\n")
MAX_HEADER_BYTES = 64 << 10

_GZIP_MAGIC = b"\x1f\x8b"
_CHUNK = 1 << 20
# The magic, deflate, and flags without the reserved bits.
_MEMBER = re.compile(rb"\x1f\x8b\x08[\x00-\x1f]")
_MEMBER_BYTES = 4
_HEAD = 4096
_MAX_ATTEMPTS = 10_000
"""How many places in a damaged file may be tried, so that a hostile one takes seconds; ours."""
_MAX_WASTED = 512 << 20
"""Most bytes of a damaged file that may be read more than once, compressed; ours."""
_SEARCHED = 64 << 10
"""How much of a file is searched at once for the beginning of a member."""


@dataclasses.dataclass(frozen=True, slots=True)
class Record:
    """One WARC record.

    Args:
        id: ``WARC-Record-ID`` without its brackets, or ``file:offset`` where it is missing.
        kind: ``WARC-Type``: ``response``, ``conversion``, and so on.
        url: ``WARC-Target-URI``, None where it is missing.
        date: ``WARC-Date`` in UTC, None where it is missing or no date.
        mime: Type of the block, lower case, with its parameters.
        place: ``file:offset``, for whoever looks for it.
        headers: All headers; names in lower case.
        block: The record's content, cut off one byte past the limit that was asked for; empty
            where the kind was not asked for.
    """

    id: str
    kind: str
    url: str | None
    date: datetime.datetime | None
    mime: str
    place: str
    headers: dict[str, str]
    block: bytes


class _TruncatedError(ValueError):
    """The file breaks off before its last record ends."""


def read_records(path: str, kinds: frozenset[str], max_bytes: int) -> Iterator[Record | Rejected]:
    """Yield the records of a WARC file, plain or gzip, in file order.

    A damaged or truncated file gives its whole records up to there, then one ``Rejected`` of kind
    ``bad_file``. Its offset is the one of the last record that was begun: in the compressed file
    where each record is a gzip member of its own, as the crawls have it. Of such a file the
    records after the damage are read too, from the next member that holds a WARC header.

    Args:
        path: The file.
        kinds: The kinds of records whose blocks are wanted.
        max_bytes: Most bytes of a block that are read.
    """
    with storage.open_read(path) as stream:
        magic = stream.read(len(_GZIP_MAGIC))
        if not magic:
            yield Rejected(f"{path}:0", "empty_file", "bad_file", "the file has no bytes")
            return
        stream.seek(0)
        place = _Place(posixpath.basename(path), is_gzip=magic == _GZIP_MAGIC)
        start = 0
        damage: Rejected | None = None
        while True:
            stream.seek(start)
            try:
                for record in _read_records(stream, place, kinds, max_bytes):
                    if damage is not None:
                        detail = f"{damage.detail}; read on at byte {place.offset:,}"
                        yield dataclasses.replace(damage, detail=detail)
                        damage = None
                    yield record
                break
            except (_TruncatedError, OSError) as error:
                damage = damage or _to_rejected(path, place, error)
                place.wasted += max(0, stream.tell() - max(start, place.offset))
                found = _next_member(stream, max(start, place.offset) + 1, place)
                if found is None:
                    break
                start = found
        if damage is not None:
            yield damage


def _to_rejected(path: str, place: _Place, error: Exception) -> Rejected:
    locator = f"{path}:{place.offset}"
    if isinstance(error, _TruncatedError):
        return Rejected(locator, "truncated_file", "bad_file", str(error))
    detail = f"in or after the record at byte {place.offset:,}: {error}"
    return Rejected(locator, "damaged_file", "bad_file", detail)


def _next_member(stream: BinaryIO, start: int, place: _Place) -> int | None:
    """Find the next gzip member that begins with a WARC header; None where there is none.

    None, too, after too much looking: each place that only seems to begin a record is read on from
    in vain, and a file may be full of them.
    """
    for offset in _find_members(stream, start) if place.is_gzip else ():
        place.attempts += 1
        place.wasted += _SEARCHED
        if place.attempts > _MAX_ATTEMPTS or place.wasted > _MAX_WASTED:
            return None
        stream.seek(offset)
        try:
            head = zlib.decompressobj(zlib.MAX_WBITS | 16).decompress(stream.read(_HEAD), 5)
        except zlib.error:
            continue
        if head == b"WARC/":
            return offset
    return None


def _find_members(stream: BinaryIO, start: int) -> Iterator[int]:
    """Yield the places where a gzip member may begin."""
    stream.seek(start)
    while len(data := stream.read(_SEARCHED)) >= _MEMBER_BYTES:
        for match in _MEMBER.finditer(data):
            yield start + match.start()
        start += len(data) - _MEMBER_BYTES + 1  # one may lie across
        stream.seek(start)


@dataclasses.dataclass
class _Place:
    """Where the reader stands: the last record that was begun, and what looking for it cost."""

    file: str
    is_gzip: bool
    offset: int = 0
    records: int = 0
    records_in_member: int = 0
    attempts: int = 0
    wasted: int = 0

    def move(self, offset: int) -> None:
        same = self.records > 0 and offset == self.offset
        self.records_in_member = self.records_in_member + 1 if same else 0
        self.offset = offset
        self.records += 1

    def __str__(self) -> str:
        # Records that share one gzip member share its offset.
        count = f"+{self.records_in_member}" if self.records_in_member else ""
        return f"{self.file}:{self.offset}{count}"


def _read_records(
    stream: BinaryIO, place: _Place, kinds: frozenset[str], max_bytes: int
) -> Iterator[Record]:
    from fastwarc.stream_io import GzipReader
    from fastwarc.warc import ArchiveIterator

    source: Any = GzipReader(stream) if place.is_gzip else stream
    length = 0
    for record in ArchiveIterator(source, parse_http=False, stream_detect=False):
        place.move(source.frame_start_position() if place.is_gzip else record.stream_pos)
        headers = {name.lower(): value for name, value in record.headers.items()}
        length = _content_length(headers, place)
        kind = headers.get("warc-type", "").lower()
        block = record.reader.read(max_bytes + 1) if kind in kinds else b""
        if kind in kinds and len(block) < min(length, max_bytes + 1):
            raise _TruncatedError(
                f"the record at byte {place.offset:,} has {length:,} bytes by its header"
            )
        yield Record(
            id=headers.get("warc-record-id", "").strip("<> ") or str(place),
            kind=kind,
            url=headers.get("warc-target-uri", "").strip("<> ") or None,
            date=record.record_date,
            mime=headers.get("content-type", "").lower(),
            place=str(place),
            headers=headers,
            block=block,
        )
    if place.is_gzip and place.records == 0:
        raise OSError("it holds no WARC record")
    if place.is_gzip:
        _check_gzip_end(stream, place)
    else:
        _check_plain_end(stream, place, length)


def _content_length(headers: dict[str, str], place: _Place) -> int:
    value = headers.get("content-length", "")
    if not (value.isascii() and value.isdigit() and len(value) <= 18):
        raise OSError(f"the record at byte {place.offset:,} has the length {value!r}")
    return int(value)


def _check_gzip_end(stream: BinaryIO, place: _Place) -> None:
    """Decompress the last member again: FastWARC takes a member that breaks off for the end."""
    stream.seek(place.offset)
    member = zlib.decompressobj(zlib.MAX_WBITS | 16)
    try:
        while chunk := member.unused_data or member.unconsumed_tail or stream.read(_CHUNK):
            if member.eof:
                member = zlib.decompressobj(zlib.MAX_WBITS | 16)
            member.decompress(chunk, _CHUNK)
    except zlib.error as error:
        raise OSError(str(error)) from error
    if not member.eof:
        raise _TruncatedError("the gzip stream breaks off")


def _check_plain_end(stream: BinaryIO, place: _Place, length: int) -> None:
    stream.seek(place.offset)
    header = HEADER_END.search(stream.read(MAX_HEADER_BYTES))
    if place.records == 0 or header is None:
        raise _TruncatedError("the first record breaks off")
    end = place.offset + header.end() + length
    stream.seek(end - 1)
    last, rest = stream.read(1), stream.read(_CHUNK)
    if not last:
        raise _TruncatedError(
            f"the record at byte {place.offset:,} has {length:,} bytes by its header"
        )
    if rest.strip():
        raise _TruncatedError("a record's header breaks off")
