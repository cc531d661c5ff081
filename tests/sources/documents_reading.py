"""Reading documents in tests: units in turn, and what comes out of them."""

from __future__ import annotations

import json

from pasture.records import Document
from pasture.sources.documents.source import Documents


def lines(*rows: object) -> bytes:
    return b"".join(json.dumps(row).encode() + b"\n" for row in rows)


def read(*inputs: object, **options: object) -> tuple[list[Document], list[tuple[str, str, str]]]:
    """What a source reads, unit by unit, and what it rejects: locator, reason, kind."""
    source = Documents(inputs=tuple(map(str, inputs)), **options)
    documents, rejected = [], []
    for shard in source.shards():
        for record in source.read(shard):
            if isinstance(record, Document):
                documents.append(record)
            else:
                rejected.append((record.locator, record.reason, record.kind))
    return documents, rejected


def texts(*inputs: object, **options: object) -> list[str]:
    documents, rejected = read(*inputs, **options)
    assert rejected == []
    return [document.text for document in documents]
