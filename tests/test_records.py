"""The document record and its schema."""

from __future__ import annotations

import datetime

import pyarrow.parquet as pq
from hypothesis import given
from hypothesis import strategies as st

from pasture import records, storage
from pasture.records import DOCUMENT_SCHEMA, Document, to_batches, to_metadata


def test_a_parquet_round_trip_gives_an_equal_schema_and_equal_rows(tmp_path):
    date = datetime.datetime(2019, 2, 15, tzinfo=datetime.timezone.utc)
    document = Document("1", "c4", "text", "http://a", date, "en", 0.5, 2.5, "head", 0.25, "MIT")
    path = str(tmp_path / "x.parquet")
    with storage.atomic_parquet(path, DOCUMENT_SCHEMA) as writer:
        for batch in to_batches([document]):
            writer.write_batch(batch)
    assert pq.read_schema(path).equals(DOCUMENT_SCHEMA)
    (batch,) = storage.read_batches(path)
    assert Document(**batch.to_pylist()[0]) == document


@given(st.lists(st.integers(0, 50)))
def test_batches_concatenate_to_the_input(lengths):
    documents = [Document(str(i), "c4", "x" * n) for i, n in enumerate(lengths)]
    batches = list(to_batches(documents))
    assert [row["text"] for batch in batches for row in batch.to_pylist()] == [
        document.text for document in documents
    ]


def test_batches_are_bounded_in_rows_and_characters(monkeypatch):
    monkeypatch.setattr(records, "MAX_BATCH_ROWS", 3)
    monkeypatch.setattr(records, "MAX_BATCH_BYTES", 10)
    documents = [Document(str(i), "c4", "x" * n) for i, n in enumerate([1, 1, 1, 1, 12, 1])]
    assert [batch.num_rows for batch in to_batches(documents)] == [3, 2, 1]


def test_metadata_is_sorted_json_without_nulls():
    assert to_metadata(b=1, a="é", c=None) == '{"a": "é", "b": 1}'
