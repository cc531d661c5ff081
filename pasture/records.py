"""The document record: one row type and one Arrow schema, used by every stage.

Only types that Parquet gives back unchanged are used: ``timestamp[s]`` would come back as
``ms`` and ``map<>`` with another child name, and break the next stage's strict writer.
"""

from __future__ import annotations

import dataclasses
import datetime
import json
import re
from collections.abc import Iterable, Iterator, Mapping

import pyarrow as pa

from pasture.errors import ConfigError

DOCUMENT_SCHEMA = pa.schema(
    [
        pa.field("id", pa.string(), nullable=False),
        pa.field("source", pa.string(), nullable=False),
        pa.field("text", pa.string(), nullable=False),
        pa.field("url", pa.string()),
        pa.field("date", pa.timestamp("us", tz="UTC")),
        pa.field("language", pa.string()),
        pa.field("language_score", pa.float32()),
        pa.field("perplexity", pa.float32()),
        pa.field("perplexity_bucket", pa.string()),
        pa.field("reference_score", pa.float32()),
        pa.field("license", pa.string()),
        pa.field("metadata", pa.string()),
    ]
)
DROP_FIELDS = (pa.field("drop_filter", pa.string()), pa.field("drop_reason", pa.string()))
DROPPED_SCHEMA = pa.schema([*DOCUMENT_SCHEMA, *DROP_FIELDS])
REMOVED_LINE_SCHEMA = pa.schema(
    [
        pa.field("id", pa.string(), nullable=False),
        pa.field("line", pa.int32(), nullable=False),
        pa.field("text", pa.string(), nullable=False),
        pa.field("drop_filter", pa.string(), nullable=False),
        pa.field("drop_reason", pa.string(), nullable=False),
    ]
)

COLUMN_TYPES = {
    "string": pa.string(),
    "bool": pa.bool_(),
    "int32": pa.int32(),
    "int64": pa.int64(),
    "float32": pa.float32(),
    "float64": pa.float64(),
    "timestamp": pa.timestamp("us", tz="UTC"),
    "list<string>": pa.list_(pa.string()),
    "list<float32>": pa.list_(pa.float32()),
}
"""The types that an extra column may have, by the name that a recipe calls them."""
Columns = Mapping[str, str]
"""Extra columns beyond the fixed schema: name to a key of ``COLUMN_TYPES``; all are nullable."""
_WORD_START = re.compile(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])")
_COLUMN_NAME = re.compile(r"[a-z][a-z0-9_]{0,62}")

MAX_BATCH_ROWS = 1024
MAX_BATCH_BYTES = 32 << 20


@dataclasses.dataclass(frozen=True, slots=True)
class Document:
    """One training document, as a source yields it.

    Args:
        id: Stable and unique within the source (WARC-Record-ID, page id, ``repo@path``).
        source: Registry name of the source.
        text: The cleaned text; valid Unicode, without lone surrogates.
        url: The native locator.
        date: When the document was crawled, revised or published, in UTC.
        language: ISO 639 code, null until language identification unless the source knows it.
        language_score: Probability of ``language``, 0 to 1.
        perplexity: Perplexity under the n-gram model of the language.
        perplexity_bucket: ``head``, ``middle``, ``tail`` or ``all`` (CCNet).
        reference_score: Probability of being a page that Wikipedia cites, 0 to 1.
        license: SPDX expression, where the source has one for each document.
        metadata: A JSON object with sorted keys, see ``to_metadata``.
        extra: Values of the extra columns that the source declares, by column.
    """

    id: str
    source: str
    text: str
    url: str | None = None
    date: datetime.datetime | None = None
    language: str | None = None
    language_score: float | None = None
    perplexity: float | None = None
    perplexity_bucket: str | None = None
    reference_score: float | None = None
    license: str | None = None
    metadata: str | None = None
    extra: Mapping[str, object] | None = None


@dataclasses.dataclass(frozen=True, slots=True)
class RemovedLines:
    """Lines, or parts of them, that a step removed from a document: parallel lists, in order.

    A crawl loses most of its lines, and an object for each would cost more than finding them.

    Args:
        numbers: Which line of the text as it was, from 0.
        texts: What was removed.
        reasons: Why, snake_case facts.
    """

    numbers: list[int] = dataclasses.field(default_factory=list)
    texts: list[str] = dataclasses.field(default_factory=list)
    reasons: list[str] = dataclasses.field(default_factory=list)

    def __len__(self) -> int:
        return len(self.numbers)

    def add(self, number: int, text: str, reason: str) -> None:
        """Add one at the end."""
        self.numbers.append(number)
        self.texts.append(text)
        self.reasons.append(reason)


def snake_case(name: str) -> str:
    """Turn a class name into the name that a recipe uses: ``ShortTitles``, ``short_titles``."""
    return _WORD_START.sub("_", name).lower()


def to_metadata(**values: object) -> str:
    """Encode a document's metadata: a JSON object, keys sorted, null values left out."""
    present = {key: value for key, value in values.items() if value is not None}
    return json.dumps(present, sort_keys=True, ensure_ascii=False)


def check_columns(columns: Columns) -> None:
    """Check the names and types of extra columns.

    Raises:
        ConfigError: A name is taken or not in snake_case, or a type is unknown.
    """
    for name, kind in columns.items():
        if not _COLUMN_NAME.fullmatch(name):
            raise ConfigError(
                f"the column {name!r} is not called in snake_case, with up to 63 characters"
            )
        if name in DROPPED_SCHEMA.names:
            raise ConfigError(f"the column {name} is one that every document has; rename yours")
        if kind not in COLUMN_TYPES:
            raise ConfigError(f"the column {name}: {kind!r} is none of {', '.join(COLUMN_TYPES)}")


def document_schema(columns: Columns) -> pa.Schema:
    """Return the schema of documents with extra columns behind the fixed ones, by name."""
    extra = [pa.field(name, COLUMN_TYPES[kind]) for name, kind in sorted(columns.items())]
    return pa.schema([*DOCUMENT_SCHEMA, *extra])


def dropped_schema(columns: Columns) -> pa.Schema:
    """Return the schema of dropped documents with extra columns."""
    return pa.schema([*document_schema(columns), *DROP_FIELDS])


def documents_to_batch(documents: list[Document], columns: Columns | None = None) -> pa.RecordBatch:
    """Turn documents into one batch of ``DOCUMENT_SCHEMA``, with extra columns where asked.

    Raises:
        pa.ArrowInvalid: The value of an extra column has another type than it was declared with.
        pa.ArrowTypeError: Likewise.
    """
    arrays = [
        pa.array([getattr(document, field.name) for document in documents], field.type)
        for field in DOCUMENT_SCHEMA
    ]
    for name, kind in sorted((columns or {}).items()):
        values = [(document.extra or {}).get(name) for document in documents]
        arrays.append(pa.array(values, COLUMN_TYPES[kind]))
    return pa.RecordBatch.from_arrays(arrays, schema=document_schema(columns or {}))


def with_columns(batch: pa.RecordBatch, columns: Columns) -> pa.RecordBatch:
    """Return the batch with null values for the extra columns that it lacks, in their order."""
    if not columns:
        return batch
    schema = document_schema(columns)
    arrays = [
        batch[field.name]
        if batch.schema.get_field_index(field.name) >= 0
        else pa.nulls(batch.num_rows, field.type)
        for field in schema
    ]
    return pa.RecordBatch.from_arrays(arrays, schema=schema)


def to_batches(documents: Iterable[Document]) -> Iterator[pa.RecordBatch]:
    """Group documents into batches bounded in rows and in characters of text."""
    rows: list[Document] = []
    size = 0
    for document in documents:
        rows.append(document)
        size += len(document.text)
        if len(rows) >= MAX_BATCH_ROWS or size >= MAX_BATCH_BYTES:
            yield documents_to_batch(rows)
            rows, size = [], 0
    if rows:
        yield documents_to_batch(rows)


def replace_column(batch: pa.RecordBatch, name: str, values: pa.Array) -> pa.RecordBatch:
    """Return the batch with one column replaced, its type and nullability unchanged."""
    index = batch.schema.get_field_index(name)
    field = batch.schema.field(index)
    return batch.set_column(index, field, values.cast(field.type))
