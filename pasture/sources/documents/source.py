"""Documents of one's own: JSON lines, Parquet, Arrow, CSV, datasets' folders and text files.

A row is a document, or a text file is one. The column map says which column is the text, the
id, and so on; the rest of a row is metadata. Small files are read together; a large Parquet file
is cut at its row groups, and a large plain file of JSON lines at any byte.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Mapping
from typing import Any, ClassVar, Literal

import xxhash

from pasture import storage
from pasture.errors import ConfigError
from pasture.records import Columns, Document
from pasture.sources.base import InputShard, Rejected, Source, SourceInfo, group_files
from pasture.sources.containers import archives, compression
from pasture.sources.documents.check import check_files
from pasture.sources.documents.columns import BadRow, ColumnMap, Fields
from pasture.sources.documents.formats import (
    COMPRESSIONS,
    InputFile,
    base_folder,
    find_folders,
    folder_pattern,
    list_files,
    tell_format,
)
from pasture.sources.documents.lines import (
    PREVIEW,
    Row,
    TableStyle,
    read_json_lines,
    read_table,
)
from pasture.sources.documents.tables import TableLimits, cut_parquet, read_arrow, read_parquet
from pasture.sources.github.rows import printable

KNOWN_IDS = 1 << 20
"""So many ids of a unit of work are compared with each other, the first ones; ours. They take
about 100 MB."""


@dataclasses.dataclass(frozen=True)
class Documents(Source):
    """Documents that somebody else has made: rows of text in any of the usual files.

    Args:
        inputs: Files, patterns or folders.
        format: The format of all files; ``auto`` goes by each file's name, then by its first
            bytes.
        split: The split of a Hugging Face dataset that is read, or ``all``; needed where a
            folder has several.
        column_map: The column of a field (``text``, ``id``, ``url``, ``date``, ``language``,
            ``license``) or of an extra column, with dots for nested ones; empty for none.
        columns: Extra columns, each with its type (``COLUMN_TYPES``).
        metadata: The columns that are kept as metadata; None keeps all that are left.
        ids: What a document is called: ``column`` is the row's id, ``file`` the file's name and
            the row's id, ``place`` the file's name and the row's number. A row without an id is
            called by its place.
        delimiter: What stands between the fields of a CSV file; empty for a comma, and for a
            tab in TSV files.
        quote: What stands around a field of a CSV file; empty for nothing.
        header: Names of the columns of CSV files that have no header.
        shard_bytes: Raw bytes of a unit of work: small files together, or a part of a large
            one; ours.
        max_row_bytes: Largest row or text file; ours.
        max_batch_bytes: Largest record batch of an Arrow file, unpacked; ours. `datasets`
            writes 1,000 rows a batch.
        max_row_group_bytes: Largest row group of a Parquet file, unpacked; ours.
    """

    name = "documents"
    info: ClassVar[SourceInfo] = SourceInfo(
        title="Your own documents",
        homepage="https://huggingface.co/docs/hub/datasets-adding",
        licence="the data's own; a column may name it",
        paper_section="none",
        raw_size="any",
        formats="JSON lines, CSV, TSV, text (plain, gzip, zstd, bzip2, xz); Parquet; Arrow",
    )

    format: Literal["auto", "jsonl", "parquet", "arrow", "csv", "tsv", "text"] = "auto"
    split: str = ""
    column_map: Mapping[str, str] = dataclasses.field(default_factory=dict)
    columns: Columns = dataclasses.field(default_factory=dict)
    metadata: tuple[str, ...] | None = None
    ids: Literal["column", "file", "place"] = "column"
    delimiter: str = ""
    quote: str = '"'
    header: tuple[str, ...] = ()
    shard_bytes: int = 128 << 20
    max_row_bytes: int = 64 << 20
    max_batch_bytes: int = 1 << 30
    max_row_group_bytes: int = 16 << 30

    def __post_init__(self) -> None:
        for option in ("shard_bytes", "max_row_bytes", "max_batch_bytes", "max_row_group_bytes"):
            if getattr(self, option) < 1:
                raise ConfigError(f"{option} is {getattr(self, option)}; it must be at least 1")
        for option in ("delimiter", "quote"):
            if len(getattr(self, option)) > 1 or getattr(self, option) in ("\r", "\n"):
                raise ConfigError(f"{option} is {getattr(self, option)!r}; it must be a character")
        if self.ids == "place" and self.column_map.get("id"):
            raise ConfigError("ids is place, so no column is the id; leave out column_map.id")
        self._columns()  # finds out whether they make sense

    def _columns(self) -> ColumnMap:
        names = {**self.column_map, **({"id": ""} if self.ids == "place" else {})}
        return ColumnMap(names, self.columns, self.metadata)

    def new_columns(self) -> Columns:
        """Return the extra columns, in the order of the recipe."""
        return self.columns

    def files(self) -> list[tuple[str, int]]:
        """List the raw files as ``(path, bytes)``, sorted; each once.

        Raises:
            InputError: An input matches nothing, or a file's format cannot be told.
        """
        return [(file.path, file.bytes) for file in self._files()]

    def versions(self) -> dict[str, str]:
        """Tell the versions of the raw files, where there are any (``storage.versions``)."""
        found = super().versions()
        for pattern in self.inputs:
            for folder in find_folders(pattern):
                found.update(storage.versions(folder_pattern(folder)))
        return found

    def shards(self) -> list[InputShard]:
        """List the units of work: small files in groups, then the parts of each large one.

        Raises:
            ConfigError: A needed column is in none of the files that are looked at.
            InputError: An input matches nothing, or a file's format cannot be told.
        """
        files = self._files()
        check_files(files, self._columns(), self._style, unique_ids=self.ids == "column")
        cuts = {file.path: self._cut(file) for file in files if file.bytes > self.shard_bytes}
        whole = [(f.path, f.bytes) for f in files if len(cuts.get(f.path, ())) < 2]
        shards = group_files(whole, self.shard_bytes)
        for file in files:
            ranges = cuts.get(file.path, [])
            for start, end in ranges if len(ranges) > 1 else ():
                size = (file.bytes if end is None else end) - start
                shards.append(InputShard((file.path,), start, end, size))
        return shards

    def read(self, shard: InputShard) -> Iterator[Document | Rejected]:
        """Yield the document of every row of a shard."""
        base, columns = base_folder(self.inputs), self._columns()
        seen: set[bytes] = set()
        for path in shard.paths:
            name = printable(path.removeprefix(base))
            for place, row in self._rows(path, name, shard, columns):
                if isinstance(row, Rejected):
                    yield row
                    continue
                locator = f"{name}:{place}" if place else name
                try:
                    fields = columns.fields(row)
                    yield self._document(fields, locator, name, seen)
                except BadRow as error:
                    kind: Literal["rule", "bad_record"] = "rule" if error.is_rule else "bad_record"
                    text = error.text[:PREVIEW]
                    yield Rejected(locator, error.reason, kind, error.detail, text)

    def _files(self) -> list[InputFile]:
        given = None if self.format == "auto" else self.format
        return list_files(self.inputs, self.name, given, self.split)

    @property
    def _style(self) -> TableStyle:
        return TableStyle(self.delimiter, self.quote, self.header)

    def _cut(self, file: InputFile) -> list[tuple[int, int | None]]:
        """Cut a large file into ranges, if it can be."""
        if file.format == "parquet":
            return cut_parquet(file.path, file.bytes, self.shard_bytes)
        if file.format != "jsonl" or _is_compressed(file.path):
            return [(0, None)]
        starts = range(0, file.bytes, self.shard_bytes)
        return list(zip(starts, [*starts[1:], None], strict=True))

    def _rows(self, path: str, name: str, shard: InputShard, columns: ColumnMap) -> Iterator[Row]:
        limits = TableLimits(self.max_row_bytes, self.max_batch_bytes, self.max_row_group_bytes)
        kind = tell_format(path) if self.format == "auto" else self.format
        if kind == "parquet":
            yield from read_parquet(path, columns, limits, shard.start, shard.end)
        elif kind == "arrow":
            yield from read_arrow(path, columns, limits)
        elif kind in ("csv", "tsv"):
            yield from read_table(path, name, self.max_row_bytes, self._style, kind)
        elif kind == "text":
            yield "", self._read_text(path, name, columns)
        else:
            yield from read_json_lines(path, name, self.max_row_bytes, shard.start, shard.end)

    def _read_text(self, path: str, name: str, columns: ColumnMap) -> dict[str, Any] | Rejected:
        """Read a text file as a row with one column."""
        (column,) = columns.sources("text")
        try:
            with storage.open_read(path) as raw:
                data = archives.read_limited(compression.decompress(raw), self.max_row_bytes)
            text = data.decode("utf-8-sig")
        except compression.TooLarge as error:
            return Rejected(name, "row_too_large", "bad_record", str(error))
        except UnicodeDecodeError as error:
            return Rejected(name, "not_utf8", "bad_record", str(error))
        except archives.DAMAGED as error:
            return Rejected(path, "damaged_file", "bad_file", repr(error))
        if "\0" in text:
            return Rejected(name, "binary_file", "bad_record", f"NUL at {text.index(chr(0)):,}")
        return {column: text}

    def _document(self, fields: Fields, locator: str, name: str, seen: set[bytes]) -> Document:
        metadata = fields.to_metadata(file=name)
        size = max(len(fields.text), len(metadata))
        if size > self.max_row_bytes:
            raise BadRow("row_too_large", f"{size:,} characters", text=fields.text)
        return Document(
            id=self._id(fields, locator, name, seen),
            source=self.name,
            text=fields.text,
            url=fields.url,
            date=fields.date,
            language=fields.language,
            license=fields.license,
            metadata=metadata,
            extra=fields.extra or None,
        )

    def _id(self, fields: Fields, locator: str, name: str, seen: set[bytes]) -> str:
        if fields.id is None:
            return locator
        found = f"{name}:{fields.id}" if self.ids == "file" else fields.id
        digest = xxhash.xxh3_128_digest(found)
        if digest in seen:
            detail = f"{found[:200]}; options.ids may be file or place"
            raise BadRow("duplicate_id", detail, text=fields.text)
        if len(seen) < KNOWN_IDS:
            seen.add(digest)
        return found


def _is_compressed(path: str) -> bool:
    if path.lower().endswith(COMPRESSIONS):
        return True
    with storage.open_read(path) as stream:
        try:
            return compression.decompress(stream) is not stream
        except archives.DAMAGED:
            return True
