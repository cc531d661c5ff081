"""The files of a Stack Exchange dump: a site's archive, the rows of its Posts.xml, one post each.

A 7z archive is decompressed as it is read (``seven_zip``); nothing is unpacked to disk, though an
archive that holds other tables before the posts has to be decompressed up to them.

Posts.xml is one ``<row .../>`` for each post, and ``<`` cannot stand within a row: so rows are
found by their ``<``, and each is parsed as XML by itself. A broken row costs that row only, and
since the parser never sees a prologue, there is no DTD and no entity to expand.
"""

from __future__ import annotations

import contextlib
import dataclasses
import datetime
import re
from collections.abc import Callable, Iterator
from typing import Literal

from lxml import etree

from pasture import storage
from pasture.sources.base import Rejected
from pasture.sources.containers.archives import DAMAGED, Limits
from pasture.sources.containers.compression import decompress
from pasture.sources.containers.seven_zip import ArchiveError, SevenZipReader
from pasture.sources.dates import parse_utc

QUESTION, ANSWER = 1, 2
POST_TYPES = {
    1: "question", 2: "answer", 3: "orphaned tag wiki", 4: "tag wiki excerpt", 5: "tag wiki",
    6: "moderator nomination", 7: "wiki placeholder", 8: "privilege wiki",
}  # fmt: skip

# When each licence began; contributions before the first are CC BY-SA 2.5. Stack Exchange,
# "What is the license for the content I post?"
_CC_3 = datetime.datetime(2011, 4, 8, tzinfo=datetime.timezone.utc)
_CC_4 = datetime.datetime(2018, 5, 2, tzinfo=datetime.timezone.utc)
_LICENSE = re.compile(r"CC BY-SA ([0-9]\.[0-9])")

DUMP_LIMITS = Limits(member_bytes=1 << 40, total_bytes=4 << 40)
"""Posts.xml of Stack Overflow, the largest, holds about 100 GB."""
_MAX_RATIO = 500
"""Most bytes out of one byte of archive. Posts shrink to about a fifth; ours."""
_FREE_BYTES = 64 << 20  # below this an archive may have any ratio
_MAX_ROW = 4 << 20
"""Longest row. A body is at most 30,000 characters (65,000 in old posts); ours."""
_SLICE = 1 << 20
_ROW = re.compile(rb"<row[\s/>]")
_ROW_PARSER = etree.XMLParser(resolve_entities=False, no_network=True, load_dtd=False)
_INTEGER = re.compile(r"-?[0-9]{1,18}", re.A)
# References to characters that XML forbids, which dumps of some years hold.
_FORBIDDEN = re.compile(
    rb"&#(?:0*(?:[0-8]|1[124-9]|2[0-9]|3[01])|x0*(?:[0-8bcef]|1[0-9a-f]|fff[ef]));", re.I
)


@dataclasses.dataclass(frozen=True, slots=True)
class Post:
    """A question or an answer.

    Args:
        id: The post's number on its site.
        question: The question's number: its own, or the one that is answered.
        kind: ``QUESTION`` or ``ANSWER``.
        score: Votes up less votes down.
        body: HTML.
        title: Title of a question.
        tags: Tags of a question, as the dump spells them.
        accepted: Number of the accepted answer of a question.
        date: When it was posted, ISO 8601, UTC.
        license: SPDX identifier.
        owner: Number of the user who posted it, or the name where the account is gone.
    """

    id: int
    question: int
    kind: int
    score: int
    body: str
    title: str | None
    tags: str | None
    accepted: int | None
    date: str
    license: str
    owner: str | None


Sink = Callable[[bytes], None]


def is_7z(path: str) -> bool:
    """Tell whether a file is a 7z archive, by its name."""
    return path.lower().endswith(".7z")


def feed_posts(path: str, sink: Sink) -> Rejected | None:
    """Decompress a site's Posts.xml into ``sink``; return what went wrong, if anything did."""
    try:
        with storage.open_read(path) as stream:
            if is_7z(path):
                size = stream.seek(0, 2)
                most = max(_FREE_BYTES, min(DUMP_LIMITS.total_bytes, size * _MAX_RATIO))
                with SevenZipReader() as reader:
                    reader.extract_posts(stream, most, sink)
                return None
            plain = decompress(stream)
            while data := plain.read(_SLICE):
                sink(data)
    except ArchiveError as error:
        return Rejected(path, error.reason, "bad_file", error.detail)
    except DAMAGED as error:
        return Rejected(path, "damaged_archive", "bad_file", repr(error))
    return None


class RowSplitter:
    """Cuts a stream of bytes into the rows of a table, holding one row at most."""

    def __init__(self) -> None:
        self._buffer = b""
        self._offset = 0  # of the buffer within the stream
        self._too_long: int | None = None
        self._ended = False

    def feed(self, data: bytes) -> Iterator[tuple[int, bytes | None]]:
        """Yield ``(offset, row)`` for each row that ends in the data; None for one too long."""
        buffer = self._buffer + data
        position = 0
        if self._too_long is not None:
            position = buffer.find(b"<")
            if position < 0:
                self._keep(buffer, len(buffer))
                return
            yield self._too_long, None
            self._too_long = None
        while match := _ROW.search(buffer, position):
            end = buffer.find(b"<", match.end())
            if end < 0:
                if len(buffer) - match.start() > _MAX_ROW:
                    self._too_long = self._offset + match.start()
                    self._keep(buffer, len(buffer))
                else:
                    self._keep(buffer, match.start())
                return
            row = buffer[match.start() : end]
            yield self._offset + match.start(), row if len(row) <= _MAX_ROW else None
            position = end
        self._ended = self._ended or b"</posts>" in buffer[position:]
        self._keep(buffer, max(position, len(buffer) - 8))

    def _keep(self, buffer: bytes, begin: int) -> None:
        self._offset += begin
        self._buffer = buffer[begin:]

    def finish(self) -> str | None:
        """Say what is missing at the end of the stream, if anything is."""
        if self._ended:
            return None
        return f"the file breaks off at byte {self._offset + len(self._buffer):,}, before </posts>"


def parse_row(row: bytes, locator: str) -> Post | Rejected:
    """Turn a row into a post."""
    try:
        attributes = etree.fromstring(row, _ROW_PARSER).attrib
    except etree.XMLSyntaxError as error:
        cleaned = _FORBIDDEN.sub(b"", row)
        if cleaned != row:
            return parse_row(cleaned, locator)
        return _bad_row(locator, str(error), row)
    kind, number = _integer(attributes, "PostTypeId"), _integer(attributes, "Id")
    if number is None or number < 0 or kind is None:
        return _bad_row(locator, "no Id or PostTypeId", row)
    if kind not in (QUESTION, ANSWER):
        detail = POST_TYPES.get(kind, f"PostTypeId {kind}")
        return Rejected(locator, "not_a_question_or_answer", detail=detail)
    score = _integer(attributes, "Score")
    question = number if kind == QUESTION else _integer(attributes, "ParentId")
    date = _date(attributes.get("CreationDate", ""))
    if score is None or question is None or date is None:
        return _bad_row(locator, "no Score, ParentId or CreationDate, or a bad one", row)
    return Post(
        id=number,
        question=question,
        kind=kind,
        score=score,
        body=attributes.get("Body", ""),
        title=attributes.get("Title"),
        tags=attributes.get("Tags"),
        accepted=_integer(attributes, "AcceptedAnswerId"),
        date=date.isoformat(),
        license=_license(attributes.get("ContentLicense"), date),
        owner=attributes.get("OwnerUserId") or attributes.get("OwnerDisplayName"),
    )


def _bad_row(locator: str, detail: str, row: bytes) -> Rejected:
    kind: Literal["bad_record"] = "bad_record"
    return Rejected(locator, "bad_row", kind, detail, row[:2000].decode("utf-8", "replace"))


def _integer(attributes: etree._Attrib, name: str) -> int | None:
    value = attributes.get(name, "")
    return int(value) if _INTEGER.fullmatch(value) else None


def _date(value: str) -> datetime.datetime | None:
    with contextlib.suppress(ValueError):
        return parse_utc(value)
    return None


def _license(declared: str | None, date: datetime.datetime) -> str:
    """Return a post's licence: as the dump declares it, else by its date."""
    if match := _LICENSE.fullmatch(declared or ""):
        return f"CC-BY-SA-{match[1]}"
    version = "2.5" if date < _CC_3 else "3.0" if date < _CC_4 else "4.0"
    return f"CC-BY-SA-{version}"
