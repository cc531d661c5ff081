"""Rows of JSON and of CSV, read line by line.

A row is called by its line, from 1. In a file that is read in ranges of bytes nobody knows a
line's number without reading all that is before it, so there a row is called ``@`` and the
offset of its first byte.
"""

from __future__ import annotations

import csv
import dataclasses
import json
from collections.abc import Iterable, Iterator, Sequence
from typing import Any, BinaryIO

from pasture import storage
from pasture.sources.base import Rejected
from pasture.sources.containers import archives, compression
from pasture.sources.documents.columns import BadRow

PREVIEW = 2000
"""Characters of a bad row that are kept for the audit."""
_SKIP_BYTES = 1 << 20
_BOM = b"\xef\xbb\xbf"
# NaN and the infinities are no JSON, but Python writes them.
_JSON = json.JSONDecoder(parse_constant=lambda _: None)

Row = tuple[str, "dict[str, Any] | Rejected"]
"""What a row is called within its file, and its values, or why it has none."""


@dataclasses.dataclass(frozen=True, slots=True)
class TableStyle:
    """How CSV and TSV files are written.

    Args:
        delimiter: What stands between two fields; empty for a comma, and for a tab in TSV files.
        quote: What stands around a field with delimiters in it; empty for nothing.
        header: Names of the columns; empty where the first record has them.
    """

    delimiter: str = ""
    quote: str = '"'
    header: tuple[str, ...] = ()

    def reader(self, lines: Iterable[str], kind: str, *, strict: bool) -> Iterator[list[str]]:
        """Read records; ``kind`` is ``csv`` or ``tsv``."""
        return csv.reader(
            lines,
            delimiter=self.delimiter or ("\t" if kind == "tsv" else ","),
            quotechar=self.quote or None,
            quoting=csv.QUOTE_MINIMAL if self.quote else csv.QUOTE_NONE,
            strict=strict,
        )


def read_json_lines(
    path: str, name: str, max_bytes: int, start: int = 0, end: int | None = None
) -> Iterator[Row]:
    """Yield the rows of a file of JSON objects, one a line; blank lines are passed over.

    Args:
        path: The file.
        name: What it is called in ids.
        max_bytes: Longest line.
        start: First byte of the range; the line that holds it belongs to the range before.
        end: Byte after the range; None for the end of the file. Ranges are of plain files.
    """
    for place, line in read_lines(path, name, max_bytes, start, end):
        if isinstance(line, Rejected):
            yield place, line
            continue
        try:
            yield place, parse_json(line)
        except BadRow as error:
            text = line[:PREVIEW].decode("utf-8", "replace")
            yield place, Rejected(f"{name}:{place}", error.reason, "bad_record", error.detail, text)


def parse_json(line: bytes) -> dict[str, Any]:
    """Parse one JSON object.

    Raises:
        BadRow: It is none.
    """
    try:
        row = _JSON.decode(line.decode("utf-8"))
    except UnicodeDecodeError as error:
        raise BadRow("not_utf8", str(error)) from error
    except RecursionError as error:
        raise BadRow("too_nested", str(error)) from error
    except ValueError as error:
        raise BadRow("not_json", str(error)) from error
    if not isinstance(row, dict):
        raise BadRow("not_an_object", type(row).__name__)
    return row


def read_lines(
    path: str, name: str, max_bytes: int, start: int = 0, end: int | None = None
) -> Iterator[tuple[str, bytes | Rejected]]:
    """Yield the lines of a file that are not blank, and what is wrong with it."""
    in_ranges = start > 0 or end is not None
    number, place = 0, ""
    with storage.open_read(path) as raw:
        try:
            if in_ranges:
                position = _seek_line(raw, start)
                stream = raw
            else:
                position = 0
                stream = compression.decompress(raw)
            while end is None or position < end:
                line = stream.readline(max_bytes + 1)
                if not line:
                    break
                number += 1
                place = f"@{position}" if in_ranges else str(number)
                position += len(line)
                if len(line) > max_bytes and line[max_bytes:] != b"\n":
                    position += _skip_line(stream, line)
                    shown = line[:PREVIEW].decode("utf-8", "replace")
                    detail = f"more than {max_bytes:,} bytes"
                    locator = f"{name}:{place}"
                    yield place, Rejected(locator, "row_too_large", "bad_record", detail, shown)
                    continue
                if number == 1 and start == 0:
                    line = line.removeprefix(_BOM)
                if not line.isspace() and line:
                    yield place, line
        except archives.DAMAGED as error:
            detail = f"after line {place or 0}: {error!r}"
            yield place, Rejected(path, "damaged_file", "bad_file", detail)
        else:
            if number == 0 and not in_ranges:
                yield "0", Rejected(path, "empty_file", "bad_file", "the file holds no line")


def _seek_line(stream: BinaryIO, start: int) -> int:
    """Go to the first line that begins at a byte or after it; return where that is."""
    if start == 0:
        return 0
    position = stream.seek(start - 1)
    while part := stream.readline(_SKIP_BYTES):
        position += len(part)
        if part.endswith(b"\n"):
            break
    return position


def _skip_line(stream: BinaryIO, line: bytes) -> int:
    """Read to the end of a line; return how many bytes that are."""
    skipped = 0
    while line and not line.endswith(b"\n"):
        line = stream.readline(_SKIP_BYTES)
        skipped += len(line)
    return skipped


class _Lines:
    """The lines of a table as strings, with a limit on how many bytes a record may take.

    The csv module asks for more lines as long as a quote is open; one that is never closed would
    make it read the rest of the file.
    """

    def __init__(self, path: str, name: str, max_bytes: int, stream: BinaryIO) -> None:
        self._path, self._name, self._max, self._stream = path, name, max_bytes, stream
        self.number = self._taken = 0

    def __iter__(self) -> _Lines:
        return self

    def __next__(self) -> str:
        line = self._stream.readline(self._max - self._taken + 1)
        self._taken += len(line)
        if self._taken > self._max:
            raise compression.TooLarge(f"more than {self._max:,} bytes")
        if not line:
            raise StopIteration
        if self.number == 0:
            line = line.removeprefix(_BOM)
        self.number += 1
        # What is no UTF-8 becomes lone surrogates, which are found in the record.
        return line.decode("utf-8", "surrogateescape")

    def next_record(self) -> None:
        """Begin to count anew."""
        self._taken = 0


def read_table(path: str, name: str, max_bytes: int, style: TableStyle, kind: str) -> Iterator[Row]:
    """Yield the rows of a CSV or TSV file; a record is called by the line that it begins on.

    Args:
        path: The file.
        name: What it is called in ids.
        max_bytes: Largest record.
        style: How it is written.
        kind: ``csv`` or ``tsv``.
    """
    # The module's limit counts characters of a field and holds for the whole process.
    csv.field_size_limit(max(csv.field_size_limit(), max_bytes))
    line = 0
    with storage.open_read(path) as raw:
        try:
            lines = _Lines(path, name, max_bytes, compression.decompress(raw))
            records = style.reader(lines, kind, strict=True)
            names = list(style.header)
            while True:
                line = lines.number + 1
                lines.next_record()
                try:
                    record = next(records, None)
                except csv.Error as error:
                    yield str(line), _bad(name, line, "bad_csv", str(error))
                    continue
                if record is None:
                    break
                if not record:
                    continue
                if not names:
                    names = record
                    if len(set(names)) < len(names):
                        detail = f"the header names a column twice: {', '.join(names)[:500]}"
                        yield str(line), Rejected(path, "bad_header", "bad_file", detail)
                        return
                    continue
                yield str(line), _to_row(names, record, name, line)
        except compression.TooLarge as error:
            detail = f"the record at line {line}: {error}; a quote may be open"
            yield str(line), Rejected(path, "row_too_large", "bad_file", detail)
        except archives.DAMAGED as error:
            detail = f"after line {line}: {error!r}"
            yield str(line), Rejected(path, "damaged_file", "bad_file", detail)
        else:
            if lines.number == 0:
                yield "0", Rejected(path, "empty_file", "bad_file", "the file holds no line")


def _to_row(
    names: Sequence[str], record: list[str], name: str, line: int
) -> dict[str, Any] | Rejected:
    if len(record) != len(names):
        detail = f"{len(record)} fields, and {len(names)} columns"
        return _bad(name, line, "wrong_number_of_fields", detail)
    try:
        for field in record:
            field.encode()
    except UnicodeEncodeError as error:
        return _bad(name, line, "not_utf8", str(error))
    return dict(zip(names, record, strict=True))


def _bad(name: str, line: int, reason: str, detail: str) -> Rejected:
    return Rejected(f"{name}:{line}", reason, "bad_record", detail)
