"""The document record and its schema."""

from __future__ import annotations

import datetime

import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pasture import records, storage
from pasture.errors import ConfigError
from pasture.records import (
    DOCUMENT_SCHEMA,
    Document,
    check_columns,
    document_schema,
    documents_to_batch,
    to_batches,
    to_metadata,
    with_columns,
)


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


def test_extra_columns_follow_the_fixed_ones_by_name():
    document = Document("1", "s", "x", extra={"b": 2, "a": ["x"]})
    batch = documents_to_batch([document], {"b": "int32", "a": "list<string>"})
    assert batch.schema.names == [*DOCUMENT_SCHEMA.names, "a", "b"]
    assert batch.to_pylist()[0]["b"] == 2
    wider = with_columns(batch, {"c": "float32", "b": "int32", "a": "list<string>"})
    assert wider.schema == document_schema({"c": "float32", "b": "int32", "a": "list<string>"})
    assert wider["c"].null_count == 1
    assert with_columns(batch, {}) is batch


@pytest.mark.parametrize(
    ("columns", "message"),
    [
        ({"text": "string"}, "the column text is one that every document has"),
        ({"drop_reason": "string"}, "the column drop_reason is one that every document has"),
        ({"Score": "float32"}, "the column 'Score' is not called in snake_case"),
        ({"score": "double"}, "the column score: 'double' is none of string, bool"),
    ],
)
def test_columns_that_cannot_be_are_refused(columns, message):
    with pytest.raises(ConfigError, match=message):
        check_columns(columns)
