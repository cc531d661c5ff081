"""A look at some files before any work: are the columns there that the column map names?

Files of one folder and format are taken to be alike, so the first and the last of them are
looked at. What differs in between is found when it is read, and is a bad file then. A file that
cannot be read is passed over here, for the same reason.
"""

from __future__ import annotations

import csv
import io
import itertools
import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from pasture import storage
from pasture.errors import ConfigError, InputError
from pasture.sources.containers import archives, compression
from pasture.sources.documents.columns import BadRow, ColumnMap
from pasture.sources.documents.formats import InputFile
from pasture.sources.documents.lines import TableStyle, parse_json
from pasture.sources.documents.tables import DAMAGED, is_text, read_types

CHECKED_GROUPS = 32
"""Most groups of files that are looked at, the first ones; ours."""
_SAMPLE_BYTES = 1 << 20
_SAMPLE_ROWS = 100
_ARRAY = re.compile(rb"\A(?:\xef\xbb\xbf)?\s*\[\s*\{")
_MAX_LISTED = 60


def check_files(
    files: Sequence[InputFile], columns: ColumnMap, style: TableStyle, *, unique_ids: bool
) -> None:
    """Check the columns of some of the files.

    Args:
        files: All files, sorted.
        columns: The column map.
        style: How CSV files are written.
        unique_ids: Whether the ids of rows must be unique over all files.

    Raises:
        ConfigError: A needed column is not there, or two files begin with the same id.
        InputError: A file is one JSON array.
    """
    groups: dict[tuple[str, str], list[InputFile]] = {}
    for file in files:
        groups.setdefault((file.path.rpartition("/")[0], file.format), []).append(file)
    ids: dict[str, str] = {}
    for group in itertools.islice(groups.values(), CHECKED_GROUPS):
        for file in {group[0].path: group[0], group[-1].path: group[-1]}.values():
            found = find_columns(file, style)
            if found is None:
                continue
            _check_columns(file, found, columns)
            if unique_ids:
                _check_first_id(file, columns, style, ids)


def find_columns(file: InputFile, style: TableStyle) -> dict[str, str] | None:
    """List the columns of a file with the names of their types; None where none can be read."""
    if file.format == "text":
        return None
    if file.format in ("parquet", "arrow"):
        types = read_types(file.path, file.format)
        if types is None:
            return None
        return {name: _type_name(kind) for name, kind in types.items()}
    rows = sample_rows(file, style)
    found: dict[str, str] = {}
    for row in rows:
        _note_types(row, "", found)
    return found or None


def _type_name(kind: pa.DataType) -> str:
    return "string" if is_text(kind) else str(kind)[:60]


def sample_rows(file: InputFile, style: TableStyle) -> list[dict[str, Any]]:
    """Read the first rows of a JSON or CSV file; those that cannot be read are left out.

    Raises:
        InputError: The file is one JSON array.
    """
    with storage.open_read(file.path) as raw:
        try:
            stream = compression.decompress(raw)
            data = stream.read(_SAMPLE_BYTES)
            is_whole = len(data) < _SAMPLE_BYTES
        except archives.DAMAGED:
            return []
    lines = data.splitlines(keepends=True)
    if not is_whole:
        del lines[-1:]
    if file.format in ("csv", "tsv"):
        return _sample_table(b"".join(lines), style, file.format)
    if _ARRAY.match(data):
        raise InputError(
            f"{file.path} is one JSON array; write its elements one a line, such as by jq -c '.[]'"
        )
    rows = []
    for line in lines[:_SAMPLE_ROWS]:
        try:
            rows.append(parse_json(line.removeprefix(b"\xef\xbb\xbf")))
        except BadRow:
            continue
    return rows


def _sample_table(data: bytes, style: TableStyle, kind: str) -> list[dict[str, Any]]:
    text = data.decode("utf-8-sig", "replace")
    reader = style.reader(io.StringIO(text, newline=""), kind, strict=False)
    try:
        records = list(itertools.islice(reader, _SAMPLE_ROWS))
    except csv.Error:
        return []
    names = list(style.header) or (records.pop(0) if records else [])
    sound = [record for record in records if len(record) == len(names)]
    # A file with a header only has columns all the same.
    return [dict(zip(names, record, strict=True)) for record in sound or [[""] * len(names)]]


def _note_types(row: Mapping[str, Any], prefix: str, found: dict[str, str], depth: int = 1) -> None:
    for key, value in row.items():
        name = f"{prefix}{key}"
        kind = "string" if isinstance(value, str) else type(value).__name__
        if value is not None and found.get(name) != "string":
            found[name] = kind
        found.setdefault(name, "null")
        if isinstance(value, dict) and depth < 4:
            _note_types(value, f"{name}.", found, depth + 1)


def _check_columns(file: InputFile, found: Mapping[str, str], columns: ColumnMap) -> None:
    is_open = file.format == "jsonl"  # a row may lack what another one has
    field = columns.missing(found, all_rows=not is_open)
    if field:
        names = " or ".join(columns.sources(field))
        option = f"columns.{field}" if field in columns.types else f"column_map.{field}"
        raise ConfigError(
            f"{file.path} has no column {names}, which would be the {field}; it has "
            f"{_listed(found)}: set options.{option} to the one that is meant"
        )
    (text,) = columns.sources("text")
    if found[text] not in ("string", "null"):
        raise ConfigError(
            f"{file.path}: the column {text}, which would be the text, holds no strings but "
            f"{found[text]}; the columns are {_listed(found)}: set options.column_map.text"
        )


def _listed(found: Mapping[str, str]) -> str:
    names = [f"{name} ({kind})" for name, kind in [*found.items()][:_MAX_LISTED]]
    more = len(found) - len(names)
    return ", ".join(names) + (f" and {more} more" if more else "")


def _check_first_id(
    file: InputFile, columns: ColumnMap, style: TableStyle, ids: dict[str, str]
) -> None:
    row = _first_row(file, columns, style)
    if row is None:
        return
    try:
        found = columns.fields(row).id
    except BadRow:
        return
    if found is None:
        return
    other = ids.setdefault(found, file.path)
    if other != file.path:
        raise ConfigError(
            f"{other} and {file.path} both begin with the id {found[:100]!r}, so ids are not "
            f"unique over all files: set options.ids to file (a file's ids are unique) or to "
            f"place (its name and the row's number)"
        )


def _first_row(file: InputFile, columns: ColumnMap, style: TableStyle) -> dict[str, Any] | None:
    if file.format == "parquet":
        return _first_parquet_row(file.path, columns)
    if file.format == "arrow":
        return None
    return next(iter(sample_rows(file, style)), None)


def _first_parquet_row(path: str, columns: ColumnMap) -> dict[str, Any] | None:
    names: Iterable[str] = (*columns.sources("text"), *columns.sources("id"))
    with storage.open_read(path) as stream:
        try:
            file = pq.ParquetFile(stream, buffer_size=_SAMPLE_BYTES, pre_buffer=False)
            top = [n for n in file.schema_arrow.names if n in {x.split(".")[0] for x in names}]
            for batch in file.iter_batches(1, columns=top, use_threads=False):
                return dict(batch.to_pylist()[0])
        except DAMAGED:
            return None
    return None
