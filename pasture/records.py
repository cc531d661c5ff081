"""The document record: one row type and one Arrow schema, used by every stage.

Only types that Parquet gives back unchanged are used: ``timestamp[s]`` would come back as
``ms`` and ``map<>`` with another child name, and break the next stage's strict writer.
"""

from __future__ import annotations

import dataclasses
import datetime
import json
from collections.abc import Iterable, Iterator

import pyarrow as pa

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
DROPPED_SCHEMA = DOCUMENT_SCHEMA.append(pa.field("drop_filter", pa.string())).append(
    pa.field("drop_reason", pa.string())
)
REMOVED_LINE_SCHEMA = pa.schema(
    [
        pa.field("id", pa.string(), nullable=False),
        pa.field("line", pa.int32(), nullable=False),
        pa.field("text", pa.string(), nullable=False),
        pa.field("drop_filter", pa.string(), nullable=False),
        pa.field("drop_reason", pa.string(), nullable=False),
    ]
)

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


def to_metadata(**values: object) -> str:
    """Encode a document's metadata: a JSON object, keys sorted, null values left out."""
    present = {key: value for key, value in values.items() if value is not None}
    return json.dumps(present, sort_keys=True, ensure_ascii=False)


def documents_to_batch(documents: list[Document]) -> pa.RecordBatch:
    """Turn documents into one batch of ``DOCUMENT_SCHEMA``."""
    return pa.RecordBatch.from_arrays(
        [
            pa.array([getattr(document, field.name) for document in documents], field.type)
            for field in DOCUMENT_SCHEMA
        ],
        schema=DOCUMENT_SCHEMA,
    )


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
