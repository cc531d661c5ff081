"""What is rejected, before a run or row by row; extra columns; limits."""

from __future__ import annotations

import collections
import datetime
import decimal
import io
import json
import pathlib
import random

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from benchmarks.reporting import peak_memory
from pasture.errors import ConfigError, InputError
from pasture.records import documents_to_batch
from pasture.sources.documents.source import Documents
from tests.sources.documents_reading import lines, read, texts

UTC = datetime.timezone.utc

ROWS = [{"text": f"Text number {i}, in short.", "id": f"row-{i}", "score": i / 4} for i in range(5)]


def test_a_column_that_is_not_there(tmp_path):
    row = {"content": "A text.", "id": 1, "meta": {"link": "https://a.example"}}
    (tmp_path / "x.jsonl").write_bytes(lines(row))
    (tmp_path / "x.csv").write_text("id,content\n1,A text.\n")
    pq.write_table(pa.Table.from_pylist([row]), tmp_path / "x.parquet")
    with pa.ipc.new_stream(str(tmp_path / "x.arrow"), pa.Table.from_pylist([row]).schema) as writer:
        writer.write_table(pa.Table.from_pylist([row]))
    for path in sorted(tmp_path.iterdir()):
        source = Documents(inputs=(str(path),))
        with pytest.raises(
            ConfigError,
            match=r"has no column text, which would be the text; it has .*content \(string\)",
        ):
            source.shards()
        mapped = {"text": "content", "url": "meta.lnk"}
        with pytest.raises(ConfigError, match=r"no column meta.lnk, which would be the url"):
            Documents(inputs=(str(path),), column_map=mapped).shards()
        if path.suffix != ".csv":
            mapped["url"] = "meta.link"
            ((document,), _) = read(path, column_map=mapped)
            assert document.url == "https://a.example"
            assert json.loads(document.metadata) == {"file": path.name, "meta": {}}


def test_a_text_that_is_no_string(tmp_path):
    (tmp_path / "x.jsonl").write_bytes(lines({"text": 5}))
    pq.write_table(pa.table({"text": [1.5]}), tmp_path / "x.parquet")
    for path in sorted(tmp_path.iterdir()):
        with pytest.raises(ConfigError, match="holds no strings"):
            read(path)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"column_map": {"txt": "content"}}, "no field 'txt'"),
        ({"column_map": {"text": ""}}, "a document needs a text"),
        ({"columns": {"url": "string"}}, "every document has a field of that name"),
        ({"columns": {"score": "double"}}, "'double' is none of string, bool"),
        ({"ids": "place", "column_map": {"id": "key"}}, "leave out column_map.id"),
        ({"shard_bytes": 0}, "shard_bytes is 0"),
        ({"delimiter": ";;"}, "must be a character"),
    ],
)
def test_options_that_make_no_sense(options, message):
    with pytest.raises(ConfigError, match=message):
        Documents(inputs=("x",), **options)


def test_inputs_that_hold_nothing(tmp_path):
    (tmp_path / "empty").mkdir()
    (tmp_path / "x.bin").write_bytes(b"\x00\x01")
    with pytest.raises(InputError, match="no file matches"):
        read(tmp_path / "*.jsonl")
    with pytest.raises(InputError, match="holds no file of a known format"):
        read(tmp_path / "empty")
    with pytest.raises(InputError, match=r"format of .*x\.bin cannot be told"):
        read(tmp_path / "x.bin")


def test_one_json_array(tmp_path):
    (tmp_path / "x.json").write_text(json.dumps(ROWS, indent=2))
    with pytest.raises(InputError, match=r"is one JSON array; .* jq -c"):
        read(tmp_path / "x.json")


def test_a_later_file_with_other_columns_is_a_bad_file(tmp_path):
    for name, column in [("a", "text"), ("b", "other"), ("c", "text")]:
        pq.write_table(pa.table({column: [f"Text {name}."]}), tmp_path / f"{name}.parquet")
    documents, rejected = read(f"{tmp_path}/*.parquet")
    assert [d.text for d in documents] == ["Text a.", "Text c."]
    assert rejected == [(f"{tmp_path}/b.parquet", "missing_column", "bad_file")]


# Extra columns.


def test_typed_extra_columns(tmp_path):
    rows = [
        {"text": "A", "meta": {"q": "0.5"}, "n": 3.0, "flag": "true", "seen": "2024-01-02"},
        {"text": "B", "meta": {"q": None}},
        {"text": "C", "meta": {"q": "many"}},
        {"text": "D", "n": 1 << 40},
        {"text": "E", "n": True},
    ]
    (tmp_path / "x.jsonl").write_bytes(lines(*rows))
    types = {"quality": "float64", "n": "int32", "flag": "bool", "seen": "timestamp"}
    source = Documents(
        inputs=(str(tmp_path / "x.jsonl"),), columns=types, column_map={"quality": "meta.q"}
    )
    assert source.new_columns() == types
    (shard,) = source.shards()
    found = list(source.read(shard))
    date = datetime.datetime(2024, 1, 2, tzinfo=UTC)
    assert [record.extra for record in found[:2]] == [
        {"quality": 0.5, "n": 3, "flag": True, "seen": date},
        {"quality": None, "n": None, "flag": None, "seen": None},
    ]
    assert [(record.reason, record.detail) for record in found[2:]] == [
        ("wrong_type", "quality: could not convert string to float: 'many'; it must be float64"),
        ("wrong_type", "n: 1099511627776 is out of range; it must be int32"),
        ("wrong_type", "n: True is not an integer; it must be int32"),
    ]
    assert documents_to_batch(found[:2], types)["n"].to_pylist() == [3, None]


def test_metadata_may_be_some_columns_only(tmp_path):
    pq.write_table(
        pa.table({"text": ["A"], "vector": [[1.0] * 8], "kind": ["x"], "id": ["7"]}),
        tmp_path / "x.parquet",
    )
    ((document,), _) = read(tmp_path / "x.parquet", metadata=("kind",))
    assert document.id == "7"
    assert json.loads(document.metadata) == {"file": "x.parquet", "kind": "x"}
    ((document,), _) = read(tmp_path / "x.parquet", metadata=())
    assert json.loads(document.metadata) == {"file": "x.parquet"}


def test_counts_add_up_on_every_kind_of_bad_row(tmp_path):
    bad = [
        b'{"text": "Fine.", "id": "1"}',
        b"",
        b'{"text": "no end',
        b"[1, 2]",
        b'{"body": "no text"}',
        b'{"text": 5}',
        b'{"text": null}',
        b'{"text": "   "}',
        b'{"text": "\xff"}',
        b'{"text": "half \\ud800 a pair"}',
        b'{"text": "A", "note": "half \\ud800 a pair"}',
        b'{"text": "A", "deep": ' + b"[" * 100 + b"]" * 100 + b"}",
        b'{"text": "NaN", "a": NaN, "b": 1e999, "id": "2"}',
        b'{"text": "long"' + b" " * 3000 + b"}",
        b'{"text": "Last.", "id": "3"}',
    ]
    (tmp_path / "x.jsonl").write_bytes(b"\n".join(bad))
    documents, rejected = read(tmp_path / "x.jsonl", max_row_bytes=2000)
    assert [(d.id, d.text) for d in documents] == [("1", "Fine."), ("2", "NaN"), ("3", "Last.")]
    assert rejected == [
        ("x.jsonl:3", "not_json", "bad_record"),
        ("x.jsonl:4", "not_an_object", "bad_record"),
        ("x.jsonl:5", "missing_text", "bad_record"),
        ("x.jsonl:6", "not_a_string", "bad_record"),
        ("x.jsonl:7", "empty", "rule"),
        ("x.jsonl:8", "empty", "rule"),
        ("x.jsonl:9", "not_utf8", "bad_record"),
        ("x.jsonl:10", "invalid_unicode", "bad_record"),
        ("x.jsonl:11", "invalid_unicode", "bad_record"),
        ("x.jsonl:12", "too_nested", "bad_record"),
        ("x.jsonl:14", "row_too_large", "bad_record"),
    ]


def test_bad_rows_of_csv(tmp_path):
    data = b'text,n\nA,1\nB\n"C""x"y,2\n\xff,3\n\nD,4\n'
    (tmp_path / "x.csv").write_bytes(data)
    documents, rejected = read(tmp_path / "x.csv")
    assert [d.text for d in documents] == ["A", "D"]
    assert rejected == [
        ("x.csv:3", "wrong_number_of_fields", "bad_record"),
        ("x.csv:4", "bad_csv", "bad_record"),
        ("x.csv:5", "not_utf8", "bad_record"),
    ]
    (tmp_path / "y.csv").write_bytes(b'text\nA\n"open\n' + b"row\n" * 1000)
    documents, rejected = read(tmp_path / "y.csv", max_row_bytes=100)
    assert [d.text for d in documents] == ["A"]
    assert [item[1:] for item in rejected] == [("row_too_large", "bad_file")]


def test_values_of_arrow_that_are_no_json(tmp_path):
    table = pa.table(
        {
            "text": ["A"],
            "when": [datetime.date(2024, 1, 2)],
            "price": [decimal.Decimal("1.50")],
            "raw": [b"ab\xff"],
            "tags": pa.array([[("k", 1)]], pa.map_(pa.string(), pa.int64())),
            "inf": [float("inf")],
            "list": [[1, None]],
            "date": pa.array([datetime.datetime(2024, 1, 2)], pa.timestamp("ms")),
        }
    )
    pq.write_table(table, tmp_path / "x.parquet")
    ((document,), _) = read(tmp_path / "x.parquet")
    assert document.date == datetime.datetime(2024, 1, 2, tzinfo=UTC)
    assert json.loads(document.metadata) == {
        "file": "x.parquet",
        "list": [1, None],
        "price": "1.50",
        "raw": "ab\\xff",
        "tags": {"k": 1},
        "when": "2024-01-02",
    }


def test_strings_of_parquet_that_are_no_utf8_spoil_their_row_only(tmp_path):
    data = pa.array([b"Fine.", b"\xff\xfe", b"Also fine."], pa.binary())
    text = pa.StringArray.from_buffers(3, data.buffers()[1], data.buffers()[2])
    pq.write_table(pa.table({"text": text}), tmp_path / "x.parquet")
    documents, rejected = read(tmp_path / "x.parquet")
    assert [d.text for d in documents] == ["Fine.", "Also fine."]
    assert rejected == [("x.parquet:1", "not_utf8", "bad_record")]


def test_text_files_that_are_none(tmp_path):
    (tmp_path / "a.txt").write_bytes(b"\xff\xfe")
    (tmp_path / "b.txt").write_bytes(b"a\0b")
    (tmp_path / "c.txt").write_bytes(b" \n")
    (tmp_path / "d.txt").write_bytes(b"x" * 101)
    (tmp_path / "e.txt").write_bytes(b"x" * 100)
    documents, rejected = read(tmp_path, max_row_bytes=100)
    assert len(documents) == 1
    assert [reason for _, reason, _ in rejected] == [
        "not_utf8",
        "binary_file",
        "empty",
        "row_too_large",
    ]


def test_a_row_group_larger_than_a_batch_is_read_in_parts(tmp_path):
    table = pa.table({"text": ["x" * 2_000_000] * 3 + [f"{i}" for i in range(5000)]})
    pq.write_table(table, tmp_path / "x.parquet")
    documents, _ = read(tmp_path / "x.parquet")
    assert collections.Counter(len(d.text) > 10 for d in documents) == {True: 3, False: 5000}


def test_a_row_group_need_not_fit_into_memory(tmp_path):
    texts = [random.Random(i).randbytes(4000).hex() for i in range(10_000)]
    pq.write_table(pa.table({"text": texts}), tmp_path / "x.parquet", compression="none")
    del texts
    assert pq.ParquetFile(tmp_path / "x.parquet").num_row_groups == 1
    source = Documents(inputs=(str(tmp_path / "x.parquet"),))
    (shard,) = source.shards()
    pathlib.Path("/proc/self/clear_refs").write_text("5")
    before = peak_memory()
    assert sum(1 for _ in source.read(shard)) == 10_000
    assert peak_memory() - before < shard.bytes / 2


def test_a_dictionary_that_unpacks_to_very_much(tmp_path):
    big = "y" * (8 << 20)
    array = pa.DictionaryArray.from_arrays(pa.array([0] * 500, pa.int32()), [big])
    pq.write_table(pa.table({"text": array}), tmp_path / "x.parquet", compression="zstd")
    source = Documents(inputs=(str(tmp_path / "x.parquet"),))
    (shard,) = source.shards()
    assert sum(len(record.text) for record in source.read(shard)) == 500 * len(big)
    with pa.ipc.new_stream(str(tmp_path / "x.arrow"), pa.schema([("text", array.type)])) as writer:
        writer.write_batch(pa.record_batch([array], ["text"]))
    source = Documents(inputs=(str(tmp_path / "x.arrow"),))
    (shard,) = source.shards()
    assert sum(len(record.text) for record in source.read(shard)) == 500 * len(big)


def test_limits_of_tables(tmp_path):
    table = pa.table({"text": [f"{i}" * 1000 for i in range(3)]})
    pq.write_table(table, tmp_path / "x.parquet", compression="none")
    options = pa.ipc.IpcWriteOptions(compression="zstd")
    with pa.ipc.new_file(str(tmp_path / "x.arrow"), table.schema, options=options) as writer:
        writer.write_table(table)
    for name, limit, reason in [
        ("x.parquet", "max_row_group_bytes", "row_group_too_large"),
        ("x.parquet", "max_row_bytes", "row_group_too_large"),
        ("x.parquet", "max_batch_bytes", "row_group_too_large"),
        ("x.arrow", "max_batch_bytes", "batch_too_large"),
    ]:
        assert len(texts(tmp_path / name, **{limit: 10_000})) == 3
        _, rejected = read(tmp_path / name, **{limit: 900})
        assert rejected == [(f"{tmp_path}/{name}", reason, "bad_file")], limit
    _, rejected = read(tmp_path / "x.arrow", max_row_bytes=900)
    assert [reason for _, reason, _ in rejected] == ["row_too_large"] * 3


def test_damaged_tables_give_what_is_before_the_damage(tmp_path):
    table = pa.table({"text": [f"Text {i} " + "x" * 500 for i in range(4000)]})
    buffer = io.BytesIO()
    pq.write_table(table, buffer, row_group_size=1000, compression="none", use_dictionary=False)
    data = buffer.getvalue()
    (tmp_path / "a.parquet").write_bytes(data[: len(data) // 2])
    _, rejected = read(tmp_path / "a.parquet")
    assert rejected == [(f"{tmp_path}/a.parquet", "damaged_file", "bad_file")]
    with pa.ipc.new_stream(str(tmp_path / "b.arrow"), table.schema) as writer:
        writer.write_table(table, max_chunksize=1000)
    data = (tmp_path / "b.arrow").read_bytes()
    (tmp_path / "b.arrow").write_bytes(data[: len(data) * 3 // 5])
    documents, rejected = read(tmp_path / "b.arrow")
    assert len(documents) == 2000
    assert rejected == [(f"{tmp_path}/b.arrow", "damaged_file", "bad_file")]
