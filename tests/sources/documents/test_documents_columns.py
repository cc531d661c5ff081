"""The column map on rows, and the names and splits of files."""

from __future__ import annotations

import datetime

import pytest

from pasture.sources.documents.columns import BadRow, ColumnMap, parse_date
from pasture.sources.documents.formats import base_folder, format_by_name, split_of

UTC = datetime.timezone.utc


def fields(row: dict[str, object], **names: str) -> dict[str, object]:
    found = ColumnMap(names).fields({"text": "A", **row})
    values = {name: getattr(found, name) for name in ("id", "url", "date", "language", "license")}
    return {key: value for key, value in values.items() if value is not None} | found.metadata


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("2019-04-25T12:57:54Z", datetime.datetime(2019, 4, 25, 12, 57, 54, tzinfo=UTC)),
        ("2019-04-25 12:57:54", datetime.datetime(2019, 4, 25, 12, 57, 54, tzinfo=UTC)),
        ("2019-04-25T14:57:54+02:00", datetime.datetime(2019, 4, 25, 12, 57, 54, tzinfo=UTC)),
        ("2019-04-25", datetime.datetime(2019, 4, 25, tzinfo=UTC)),
        (datetime.date(2019, 4, 25), datetime.datetime(2019, 4, 25, tzinfo=UTC)),
        (1556197074, datetime.datetime(2019, 4, 25, 12, 57, 54, tzinfo=UTC)),
        (1556197074.5, datetime.datetime(2019, 4, 25, 12, 57, 54, 500_000, tzinfo=UTC)),
        (1556197074000, datetime.datetime(2019, 4, 25, 12, 57, 54, tzinfo=UTC)),
    ],
)
def test_dates(value, expected):
    assert parse_date(value) == expected


@pytest.mark.parametrize("value", ["spring 2019", "", True, float("nan"), 1e300, [], {}])
def test_no_dates(value):
    with pytest.raises((ValueError, OverflowError)):
        parse_date(value)


@pytest.mark.parametrize(
    ("row", "names", "expected"),
    [
        ({"id": 7, "url": "u", "language": "en"}, {}, {"id": "7", "url": "u", "language": "en"}),
        ({"license": ["MIT", "BSD"]}, {}, {"license": "MIT AND BSD"}),
        # What does not fit a usual name is metadata.
        ({"date": "spring"}, {}, {"date": "spring"}),
        (
            {"date": "spring", "created": "2019-04-25"},
            {"date": ""},
            {"date": "spring", "created": "2019-04-25"},
        ),
        ({"id": 1.5, "url": 7}, {}, {"id": 1.5, "url": 7}),
        # Nested columns; one of exactly the name is preferred.
        ({"metadata": {"url": "u", "x": 1}}, {}, {"url": "u", "x": 1}),
        ({"metadata": '{"url": "u", "x": 1}'}, {}, {"url": "u", "x": 1}),
        ({"metadata": "{broken"}, {}, {"metadata": "{broken"}),
        ({"metadata": {"x": 1}, "x": 2}, {}, {"x": 2, "metadata.x": 1}),
        ({"a.b": "1", "a": {"b": "2"}}, {"id": "a.b"}, {"id": "1", "a": {"b": "2"}}),
        ({"a": {"b": {"c": "1"}}}, {"id": "a.b.c"}, {"id": "1", "a": {"b": {}}}),
        ({"a": {"b.c": "1"}}, {"id": "a.b.c"}, {"id": "1", "a": {}}),
        ({"a.b": {"c": "1"}}, {"id": "a.b.c"}, {"id": "1", "a.b": {}}),
    ],
)
def test_fields_of_a_row(row, names, expected):
    assert fields(row, **names) == expected


def test_a_column_that_is_named_and_one_that_is_not_keep_apart():
    found = ColumnMap({"id": "key"}).fields({"text": "A", "id": "x", "key": "y"})
    assert (found.id, found.metadata) == ("y", {"id": "x"})


@pytest.mark.parametrize(
    ("row", "names", "reason"),
    [
        ({"day": "spring"}, {"date": "day"}, "bad_date"),
        ({"key": 1.5}, {"id": "key"}, "bad_id"),
        ({"link": 7}, {"url": "link"}, "bad_url"),
        ({"l": ["en"]}, {"language": "l"}, "bad_language"),
        ({"l": {"spdx": "MIT"}}, {"license": "l"}, "bad_license"),
        ({"text": None}, {}, "empty"),
        ({"text": 7}, {}, "not_a_string"),
        ({"text": b"\xff"}, {}, "not_utf8"),
    ],
)
def test_bad_rows(row, names, reason):
    with pytest.raises(BadRow) as caught:
        fields(row, **names)
    assert caught.value.reason == reason


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        ("data/train-00000-of-00002.parquet", "train"),
        ("test.csv", "test"),
        ("my_validation_file.jsonl", "validation"),
        ("valid/x.jsonl", "validation"),
        ("dev1.jsonl", "validation"),
        ("evaluation/x.csv", "test"),
        ("training/test.csv", "test"),
        ("trains.jsonl", None),
        ("latest.jsonl", None),
        ("contest/x.jsonl", None),
        ("devices.jsonl", None),
    ],
)
def test_splits(path, expected):
    assert split_of(path) == expected


@pytest.mark.parametrize(
    ("patterns", "expected"),
    [
        (["/d/a/*.jsonl"], "/d/a/"),
        (["/d/a/x.jsonl"], "/d/a/"),
        (["/d/a"], "/d/"),
        (["/d/a/"], "/d/"),
        (["/d/a*/x.jsonl", "/d/b/**"], "/d/"),
        (["/d/a/*", "/e/*"], "/"),
        (["s3://bucket/a/*.gz", "s3://bucket/b/x.gz"], "s3://bucket/"),
        (["s3://bucket/a/*", "/d/*"], ""),
    ],
)
def test_base_folder(patterns, expected):
    assert base_folder(patterns) == expected


def test_formats_by_name():
    names = ["x.JSONL.GZ", "x.json.zst", "x.pq", "x.tsv.bz2", "x.md", "x.tar.gz", "x", ".jsonl"]
    assert [format_by_name(name) for name in names] == [
        *("jsonl", "jsonl", "parquet", "tsv", "text", None, None, "jsonl"),
    ]
