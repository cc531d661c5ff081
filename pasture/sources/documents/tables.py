"""Rows of Parquet and Arrow files. Rows are counted from 0, as these files' libraries count.

A Parquet file is read page by page, some rows at a time, so that a row group may be larger than
memory. What a crafted file could unpack to is bounded by limits that are looked at before
anything is unpacked.
"""

from __future__ import annotations

import dataclasses
import itertools
from collections.abc import Iterator
from typing import Any, BinaryIO

import pyarrow as pa
import pyarrow.parquet as pq

from pasture import storage
from pasture.sources.base import Rejected
from pasture.sources.containers import archives
from pasture.sources.documents.arrow_messages import FILE_MAGIC, TooMuch, check_messages
from pasture.sources.documents.columns import ColumnMap, Undecodable

BATCH_ROWS = 1024
"""Most rows that are unpacked at once; ours."""
BATCH_BYTES = 64 << 20
"""About the most bytes that are unpacked at once, where rows are of one size; ours."""
MAX_WEIGHTLESS = 16_000_000
"""Most elements of a batch that take no bytes in an Arrow file; ours."""
BUFFER_BYTES = 1 << 20
"""Bytes of a column's chunk that are read at once; ours."""
DAMAGED = (pa.ArrowException, MemoryError, *archives.DAMAGED)
"""What the library raises on damaged files."""

Row = tuple[str, "dict[str, Any] | Rejected"]


@dataclasses.dataclass(frozen=True, slots=True)
class TableLimits:
    """What a Parquet or Arrow file may unpack to.

    Args:
        row_bytes: Largest row.
        batch_bytes: Largest record batch of an Arrow file; largest dictionary of a Parquet file.
        row_group_bytes: Largest row group of a Parquet file.
    """

    row_bytes: int
    batch_bytes: int
    row_group_bytes: int


@dataclasses.dataclass(frozen=True, slots=True)
class RowGroup:
    """A row group of a Parquet file.

    Args:
        index: Its place in the file.
        offset: Its first byte in the file.
        bytes: Its bytes in the file.
        first_row: How many rows are before it.
        rows: How many rows it has.
    """

    index: int
    offset: int
    bytes: int
    first_row: int
    rows: int


def row_groups(metadata: pq.FileMetaData) -> list[RowGroup]:
    """List the row groups of a file.

    Raises:
        ValueError: The numbers make no sense.
    """
    found: list[RowGroup] = []
    first = 0
    for index in range(metadata.num_row_groups):
        group = metadata.row_group(index)
        chunks = [group.column(i) for i in range(group.num_columns)]
        offset = max(min(map(_chunk_offset, chunks), default=0), 0)
        size = sum(max(chunk.total_compressed_size, 0) for chunk in chunks)
        if group.num_rows < 0:
            raise ValueError(f"row group {index} has {group.num_rows} rows")
        found.append(RowGroup(index, offset, size, first, group.num_rows))
        first += group.num_rows
    return found


def _chunk_offset(chunk: pq.ColumnChunkMetaData) -> int:
    offsets = [chunk.data_page_offset]
    if chunk.has_dictionary_page and chunk.dictionary_page_offset:
        offsets.append(chunk.dictionary_page_offset)
    return int(min(offsets))


def cut_parquet(path: str, size: int, target_bytes: int) -> list[tuple[int, int | None]]:
    """Cut a Parquet file into ranges of bytes at its row groups; the last one has no end.

    A row group belongs to the range that holds its first byte. A damaged file is one range.
    """
    with storage.open_read(path) as stream:
        try:
            groups = row_groups(pq.ParquetFile(stream).metadata)
        except DAMAGED:
            return [(0, None)]
    starts = [0]
    taken = 0
    for group in sorted(groups, key=lambda group: group.offset):
        if taken and taken + group.bytes > target_bytes and starts[-1] < group.offset < size:
            starts.append(group.offset)
            taken = 0
        taken += group.bytes
    return list(zip(starts, [*starts[1:], None], strict=True))


def read_parquet(
    path: str,
    columns: ColumnMap,
    limits: TableLimits,
    start: int = 0,
    end: int | None = None,
) -> Iterator[Row]:
    """Yield the rows of the row groups that begin in a range of bytes."""
    row = 0
    with storage.open_read(path) as stream:
        try:
            # Without the first two it would read whole chunks, and all of a row group ahead.
            file = pq.ParquetFile(
                stream,
                buffer_size=BUFFER_BYTES,
                pre_buffer=False,
                page_checksum_verification=True,
            )
            bad = check_schema(path, file.schema_arrow, columns)
            if bad:
                yield "0", bad
                return
            wanted = columns.top_level(file.schema_arrow.names)
            for group in row_groups(file.metadata):
                if group.offset < start or (end is not None and group.offset >= end):
                    continue
                row = group.first_row
                for batch in file.iter_batches(
                    _batch_rows(stream, file.metadata, group.index, limits),
                    row_groups=[group.index],
                    columns=wanted,
                    use_threads=False,
                ):
                    yield from _rows(batch, row)
                    row += batch.num_rows
        except TooMuch as error:
            detail = f"after row {row}: {error}"
            yield str(row), Rejected(path, "row_group_too_large", "bad_file", detail)
        except DAMAGED as error:
            yield str(row), _damaged(path, row, error)


def _batch_rows(
    stream: BinaryIO, metadata: pq.FileMetaData, index: int, limits: TableLimits
) -> int:
    """Tell how many rows of a row group may be unpacked at once.

    A value of a dictionary takes its place in the file once, and in memory once a row.

    Raises:
        TooMuch: Even one is too many, by what the file says of itself.
    """
    group = metadata.row_group(index)
    chunks = [group.column(i) for i in range(group.num_columns)]
    # Runs of nulls take no bytes in a file.
    total = sum(max(chunk.total_uncompressed_size, 8 * chunk.num_values, 0) for chunk in chunks)
    if total > limits.row_group_bytes:
        raise TooMuch(
            f"row group {index} unpacks to {total:,} bytes, and {limits.row_group_bytes:,} are "
            f"allowed"
        )
    mean = total // max(group.num_rows, 1)
    if mean > limits.row_bytes:
        raise TooMuch(f"the {group.num_rows} rows of row group {index} have {mean:,} bytes each")
    # The library goes to the place that it wants before it reads.
    largest = max(
        (_dictionary_bytes(stream, chunk) for chunk in chunks if _is_bytes(chunk)), default=0
    )
    if largest > limits.batch_bytes:
        raise TooMuch(f"a dictionary of row group {index} has {largest:,} bytes")
    rows = min(BATCH_ROWS, BATCH_BYTES // max(mean, 1), 4 * BATCH_BYTES // max(largest, 1))
    return max(1, int(rows))


def _is_bytes(chunk: pq.ColumnChunkMetaData) -> bool:
    return chunk.physical_type in ("BYTE_ARRAY", "FIXED_LEN_BYTE_ARRAY")


def _dictionary_bytes(stream: BinaryIO, chunk: pq.ColumnChunkMetaData) -> int:
    """Read the unpacked size of a chunk's dictionary off the header of its first page.

    The header is a struct in Thrift's compact protocol, whose first two fields are the page's
    type (2 is a dictionary) and its unpacked size, both 32-bit integers.
    """
    stream.seek(max(_chunk_offset(chunk), 0))
    data = stream.read(16)
    kind, at = _thrift_int(data, 0)
    size, _ = _thrift_int(data, at)
    return size if kind == 2 else 0


def _thrift_int(data: bytes, at: int) -> tuple[int, int]:
    """Read the next field of a struct, a 32-bit integer: its value, and where it ends."""
    if data[at : at + 1] != b"\x15":  # the next field, of type i32
        raise ValueError("a page's header is damaged")
    value = 0
    for shift, byte in enumerate(data[at + 1 : at + 6]):
        value |= (byte & 0x7F) << (7 * shift)
        if byte < 0x80:
            return (value >> 1) ^ -(value & 1), at + 2 + shift
    raise ValueError("a page's header is damaged")


def read_arrow(path: str, columns: ColumnMap, limits: TableLimits) -> Iterator[Row]:
    """Yield the rows of an Arrow file, of the IPC file format or the stream format.

    The file format is the stream format between a magic number and a table of contents, and is
    read as that: a table of contents may point anywhere.
    """
    row = 0
    with storage.open_read(path) as stream:
        try:
            start = len(FILE_MAGIC) if stream.read(len(FILE_MAGIC)) == FILE_MAGIC else 0
            stream.seek(start)
            check_messages(stream, limits.batch_bytes)
            stream.seek(start)
            with pa.ipc.open_stream(stream) as reader:
                bad = check_schema(path, reader.schema, columns)
                if bad:
                    yield "0", bad
                    return
                wanted = columns.top_level(reader.schema.names)
                for batch in reader:
                    batch.validate(full=True)  # its offsets may point anywhere
                    batch = batch if wanted is None else batch.select(wanted)
                    if sum(map(_weightless, batch.columns)) > MAX_WEIGHTLESS:
                        raise TooMuch(f"more than {MAX_WEIGHTLESS:,} empty elements in a batch")
                    for at in range(0, batch.num_rows, BATCH_ROWS):
                        yield from _rows(batch.slice(at, BATCH_ROWS), row + at)
                    row += batch.num_rows
        except TooMuch as error:
            detail = f"after row {row}: {error}"
            yield str(row), Rejected(path, "batch_too_large", "bad_file", detail)
        except DAMAGED as error:
            yield str(row), _damaged(path, row, error)


def _damaged(path: str, row: int, error: BaseException) -> Rejected:
    detail = f"after row {row}: {type(error).__name__}: {str(error)[:300]}"
    return Rejected(path, "damaged_file", "bad_file", detail)


def read_types(path: str, kind: str) -> dict[str, pa.DataType] | None:
    """Read the columns of a Parquet or Arrow file and their types; None where it is damaged."""
    with storage.open_read(path) as stream:
        try:
            if kind == "parquet":
                return column_types(pq.ParquetFile(stream).schema_arrow)
            start = len(FILE_MAGIC) if stream.read(len(FILE_MAGIC)) == FILE_MAGIC else 0
            stream.seek(start)
            with pa.ipc.open_stream(stream) as reader:
                return column_types(reader.schema)
        except DAMAGED:
            return None


def check_schema(path: str, schema: pa.Schema, columns: ColumnMap) -> Rejected | None:
    """Say what is wrong with the columns of a file, if anything is."""
    found = column_types(schema)
    field = columns.missing(found)
    if field:
        detail = f"no {' or '.join(columns.sources(field))}; there are {', '.join(found)[:1000]}"
        return Rejected(path, "missing_column", "bad_file", detail)
    (text,) = columns.sources("text")
    if not is_text(found[text]):
        return Rejected(path, "not_a_string", "bad_file", f"the column {text} is {found[text]}")
    return None


def column_types(schema: pa.Schema) -> dict[str, pa.DataType]:
    """List the columns with their types; those of structs follow them, with dotted names."""
    found: dict[str, pa.DataType] = {}
    waiting = [(field.name, field.type, 1) for field in schema]
    while waiting:
        name, kind, depth = waiting.pop(0)
        found[name] = kind
        if pa.types.is_struct(kind) and depth < 8:
            waiting[:0] = [(f"{name}.{field.name}", field.type, depth + 1) for field in kind]
    return found


def is_text(kind: pa.DataType) -> bool:
    """Tell whether values of a type are strings, or bytes that may be some."""
    if pa.types.is_dictionary(kind):
        kind = kind.value_type
    types = pa.types
    checks = (types.is_string, types.is_large_string, types.is_string_view, types.is_binary)
    return any(check(kind) for check in (*checks, types.is_large_binary, types.is_binary_view))


def _rows(batch: pa.RecordBatch, first: int) -> Iterator[Row]:
    columns = [_values(column) for column in batch.columns]
    names = batch.schema.names
    rows = zip(*columns, strict=True) if columns else iter(())
    for number, values in zip(itertools.count(first), rows, strict=False):
        yield str(number), dict(zip(names, values, strict=True))


def _values(array: pa.Array) -> list[Any]:
    """Turn a column into Python values; those that none can hold become ``Undecodable``."""
    if isinstance(array, pa.DictionaryArray):  # one object for all rows that share a value
        shared = _values(array.dictionary)
        indices = array.indices.to_pylist()
        return [None if index is None else shared[index] for index in indices]
    try:
        return list(array.to_pylist())
    except (ValueError, OverflowError, pa.ArrowException):
        return [_value(array, index) for index in range(len(array))]


def _value(array: pa.Array, index: int) -> Any:
    try:
        return array[index].as_py()
    except UnicodeDecodeError as error:
        return Undecodable("not_utf8", str(error))
    except (ValueError, OverflowError, pa.ArrowException) as error:
        return Undecodable("bad_value", f"{array.type}: {error}")


def _weightless(array: pa.Array) -> int:
    """Count the elements that take no memory in a file, but do in Python.

    Those are of the null type, or run-end encoded.
    """
    kind, types = array.type, pa.types
    if types.is_null(kind) or types.is_run_end_encoded(kind):
        return len(array)
    if isinstance(array, pa.ExtensionArray):
        return _weightless(array.storage)
    if types.is_dictionary(kind):
        return _weightless(array.dictionary)
    if types.is_struct(kind) or types.is_union(kind):
        return sum(_weightless(array.field(i)) for i in range(kind.num_fields))
    if types.is_map(kind):
        return _weightless(array.keys) + _weightless(array.items)
    return _weightless(array.values) if kind.num_fields else 0
