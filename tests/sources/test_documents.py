"""Documents of every format, written by the libraries that people write them with."""

from __future__ import annotations

import bz2
import collections
import csv
import datetime
import decimal
import gzip
import io
import json
import lzma
import pathlib
import random

import datasets
import pyarrow as pa
import pyarrow.feather as feather
import pyarrow.parquet as pq
import pytest
import s3fs
from backports import zstd

from benchmarks.reporting import peak_memory
from pasture.errors import ConfigError, InputError
from pasture.records import Document
from pasture.sources.c4 import C4
from pasture.sources.documents.source import Documents
from tests.s3_server import serve

UTC = datetime.timezone.utc


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


ROWS = [{"text": f"Text number {i}, in short.", "id": f"row-{i}", "score": i / 4} for i in range(5)]
TEXTS = [row["text"] for row in ROWS]


# Formats.


@pytest.mark.parametrize(
    ("name", "compress"),
    [
        ("x.jsonl", bytes),
        ("x.json", bytes),
        ("x.jsonl.gz", gzip.compress),
        ("x.json.gz", gzip.compress),
        ("x.jsonl.zst", zstd.compress),
        ("x.jsonl.bz2", bz2.compress),
        ("x.jsonl.xz", lzma.compress),
        ("x.jsonl", gzip.compress),
        ("no-ending", zstd.compress),
    ],
)
def test_json_lines(name, compress, tmp_path):
    (tmp_path / name).write_bytes(compress(lines(*ROWS)))
    documents, rejected = read(tmp_path / name)
    assert rejected == []
    assert documents == [
        Document(
            id=f"row-{i}",
            source="documents",
            text=f"Text number {i}, in short.",
            metadata=json.dumps({"file": name, "score": i / 4}),
        )
        for i in range(5)
    ]


def test_zstandard_frames_one_after_another(tmp_path):
    data = zstd.compress(lines(ROWS[0])) + zstd.compress(lines(*ROWS[1:]))
    (tmp_path / "x.jsonl.zst").write_bytes(data)
    assert texts(tmp_path / "x.jsonl.zst") == TEXTS


@pytest.mark.parametrize("compression", ["none", "snappy", "gzip", "zstd", "brotli", "lz4"])
def test_parquet(compression, tmp_path):
    pq.write_table(pa.Table.from_pylist(ROWS), tmp_path / "x.parquet", compression=compression)
    documents, _ = read(tmp_path / "x.parquet")
    assert [document.text for document in documents] == TEXTS
    assert json.loads(documents[1].metadata) == {"file": "x.parquet", "score": 0.25}


@pytest.mark.parametrize(
    "kind", [pa.string(), pa.large_string(), pa.string_view(), pa.binary(), pa.large_binary()]
)
def test_types_of_text(kind, tmp_path):
    table = pa.table({"text": pa.array(TEXTS, pa.string()).cast(kind)})
    if kind != pa.string_view():  # which Parquet writers of some versions refuse
        pq.write_table(table, tmp_path / "x.parquet")
    feather.write_feather(table, tmp_path / "x.feather", compression="uncompressed")
    for path in tmp_path.iterdir():
        assert texts(path) == TEXTS


@pytest.mark.parametrize("compression", [None, "lz4", "zstd"])
@pytest.mark.parametrize("new", [pa.ipc.new_file, pa.ipc.new_stream])
def test_arrow(new, compression, tmp_path):
    table = pa.Table.from_pylist(ROWS)
    table = table.append_column("kind", pa.array(["a", "b", None, "a", "b"]).dictionary_encode())
    options = pa.ipc.IpcWriteOptions(compression=compression)
    with new(str(tmp_path / "x.arrow"), table.schema, options=options) as writer:
        writer.write_table(table, max_chunksize=2)
    documents, rejected = read(tmp_path / "x.arrow")
    assert rejected == []
    assert [document.text for document in documents] == TEXTS
    kinds = [json.loads(document.metadata).get("kind") for document in documents]
    assert kinds == ["a", "b", None, "a", "b"]


def test_csv(tmp_path):
    with (tmp_path / "x.csv").open("w", newline="") as stream:
        writer = csv.writer(stream)
        writer.writerow(["id", "text", "url"])
        writer.writerow(
            ["1", 'A text, with a comma, "quotes"\nand two lines.', "https://a.example"]
        )
        writer.writerow(["", "Ein Text mit ä und 字.", ""])
    documents, rejected = read(tmp_path / "x.csv")
    assert rejected == []
    assert [(d.id, d.text, d.url) for d in documents] == [
        ("1", 'A text, with a comma, "quotes"\nand two lines.', "https://a.example"),
        ("x.csv:4", "Ein Text mit ä und 字.", None),
    ]


def test_tsv_without_quotes_and_header(tmp_path):
    (tmp_path / "x.tsv.gz").write_bytes(gzip.compress(b'7\tA "quote that stays open\n8\tTwo\n'))
    documents, _ = read(tmp_path / "x.tsv.gz", quote="", header=("id", "text"))
    assert [(d.id, d.text) for d in documents] == [("7", 'A "quote that stays open'), ("8", "Two")]


def test_csv_with_another_delimiter_and_a_mark_at_its_start(tmp_path):
    (tmp_path / "x.csv").write_bytes("\ufefftext;id\r\nOne, two;1\r\n".encode())
    assert texts(tmp_path / "x.csv", delimiter=";") == ["One, two"]


def test_a_tree_of_text_files(tmp_path):
    (tmp_path / "notes" / "deep").mkdir(parents=True)
    (tmp_path / "notes" / "a.txt").write_text("One.\n")
    (tmp_path / "notes" / "deep" / "b.md").write_text("# Two\n")
    (tmp_path / "notes" / "deep" / "c.txt.gz").write_bytes(gzip.compress(b"Three."))
    (tmp_path / "notes" / ".hidden").mkdir()
    (tmp_path / "notes" / ".hidden" / "d.txt").write_text("Four.")
    documents, rejected = read(tmp_path / "notes")
    assert rejected == []
    assert [(d.id, d.text) for d in documents] == [
        ("notes/a.txt", "One.\n"),
        ("notes/deep/b.md", "# Two\n"),
        ("notes/deep/c.txt.gz", "Three."),
    ]


# Folders of the field's tools.


def test_a_dataset_saved_to_disk(tmp_path):
    datasets.Dataset.from_list(ROWS).save_to_disk(str(tmp_path / "set"), num_shards=2)
    assert texts(tmp_path / "set") == TEXTS


def test_a_dataset_of_splits_saved_to_disk(tmp_path):
    parts = {
        "train": datasets.Dataset.from_list(ROWS[:3]),
        "held": datasets.Dataset.from_list(ROWS[3:]),
    }
    datasets.DatasetDict(parts).save_to_disk(str(tmp_path / "set"))
    with pytest.raises(ConfigError, match=r"several splits \(held, train\); set options.split"):
        read(tmp_path / "set")
    with pytest.raises(ConfigError, match="no split 'test'; it has held, train"):
        read(tmp_path / "set", split="test")
    assert texts(tmp_path / "set", split="train") == TEXTS[:3]
    assert texts(tmp_path / "set", split="all") == [*TEXTS[3:], *TEXTS[:3]]
    assert texts(tmp_path / "set" / "held") == TEXTS[3:]


def test_a_folder_of_the_hub(tmp_path):
    folder = tmp_path / "repo"
    (folder / "data").mkdir(parents=True)
    (folder / "README.md").write_text("# A dataset\n")
    (folder / ".gitattributes").write_text("*.parquet filter=lfs\n")
    for i, row in enumerate(ROWS[:2]):
        name = str(folder / "data" / f"train-0000{i}-of-00002.parquet")
        datasets.Dataset.from_list([row]).to_parquet(name)
    assert texts(folder) == TEXTS[:2]
    datasets.Dataset.from_list(ROWS[2:]).to_parquet(
        str(folder / "data" / "test-00000-of-00001.parquet")
    )
    with pytest.raises(ConfigError, match=r"several splits \(test, train\)"):
        read(folder)
    assert texts(folder, split="test") == TEXTS[2:]


def test_datasets_jsonl(tmp_path):
    datasets.Dataset.from_list(ROWS).to_json(str(tmp_path / "x.jsonl"))
    assert texts(tmp_path / "x.jsonl") == TEXTS


def test_dolma(tmp_path):
    row = {
        "id": "9032",
        "text": "A dolma document.",
        "source": "wiki",
        "added": "2024-01-02T00:00:00.000Z",
        "created": "2020-04-25T12:57:54.000Z",
        "metadata": {"url": "https://a.example/", "title": "A"},
    }
    (tmp_path / "wiki" / "documents" / "v0").mkdir(parents=True)
    (tmp_path / "wiki" / "attributes" / "lang").mkdir(parents=True)
    data = gzip.compress(lines(row))
    (tmp_path / "wiki" / "documents" / "v0" / "0000.json.gz").write_bytes(data)
    attributes = {"id": "9032", "source": "wiki", "attributes": {"en": [[0, 17, 0.9]]}}
    (tmp_path / "wiki" / "attributes" / "lang" / "0000.json.gz").write_bytes(
        gzip.compress(lines(attributes))
    )
    documents, rejected = read(tmp_path / "wiki")
    assert rejected == []
    assert documents == [
        Document(
            id="9032",
            source="documents",
            text="A dolma document.",
            url="https://a.example/",
            date=datetime.datetime(2020, 4, 25, 12, 57, 54, tzinfo=UTC),
            metadata=json.dumps(
                {
                    "added": "2024-01-02T00:00:00.000Z",
                    "file": "wiki/documents/v0/0000.json.gz",
                    "source": "wiki",
                    "title": "A",
                }
            ),
        )
    ]


DATATROVE = {
    "text": "A datatrove document.",
    "id": "<urn:uuid:1>",
    "metadata": {
        "dump": "CC-MAIN-2024-10",
        "url": "https://b.example/",
        "date": "2024-02-21T00:00:00Z",
        "language": "en",
        "language_score": 0.97,
    },
}


def test_datatrove(tmp_path):
    (tmp_path / "00000.jsonl.gz").write_bytes(gzip.compress(lines(DATATROVE)))
    pq.write_table(pa.Table.from_pylist([DATATROVE]), tmp_path / "00000.parquet")
    for path in tmp_path.iterdir():
        ((document,), _) = read(path)
        assert document.id == "<urn:uuid:1>"
        assert document.url == "https://b.example/"
        assert document.language == "en"
        assert document.date == datetime.datetime(2024, 2, 21, tzinfo=UTC)
        assert json.loads(document.metadata) == {
            "dump": "CC-MAIN-2024-10",
            "file": path.name,
            "language_score": 0.97,
        }


def test_documents_of_pasture_itself(small_output):
    folder = small_output / "documents" / "c4" / "00-extract"
    documents, rejected = read(folder / "documents-*.parquet")
    assert rejected == []
    assert len(documents) == sum(map(len, map(pq.read_table, folder.glob("documents-*.parquet"))))
    assert json.loads(documents[0].metadata)["source"] == "c4"
    assert json.loads(documents[0].metadata)["file"].startswith("c4-train.")


# Units of work.


def test_small_files_are_read_together_and_large_ones_by_themselves(tmp_path):
    for i in range(4):
        (tmp_path / f"{i}.jsonl").write_bytes(lines({"text": "x" * 100, "id": str(i)}))
    size = (tmp_path / "0.jsonl").stat().st_size
    shards = Documents(inputs=(f"{tmp_path}/*",), shard_bytes=2 * size).shards()
    assert [len(shard.paths) for shard in shards] == [2, 2]


@pytest.mark.parametrize("shard_bytes", [40, 64, 65, 66, 1000])
def test_ranges_of_a_plain_file_give_every_line_once(shard_bytes, tmp_path):
    rows = [{"text": f"{i} " + "x" * (i * 7 % 50)} for i in range(100)]
    (tmp_path / "x.jsonl").write_bytes(lines(*rows))
    documents, rejected = read(tmp_path / "x.jsonl", shard_bytes=shard_bytes)
    assert rejected == []
    assert [document.text for document in documents] == [row["text"] for row in rows]
    data = (tmp_path / "x.jsonl").read_bytes()
    for document in documents:
        offset = int(document.id.removeprefix("x.jsonl:@"))
        assert json.loads(data[offset:].split(b"\n")[0])["text"] == document.text


@pytest.mark.parametrize("shard_bytes", [1, 3000, 20_000])
def test_row_groups_of_a_parquet_file_are_units(shard_bytes, tmp_path):
    table = pa.table({"text": [f"{i} " + f"word{i % 7} " * 20 for i in range(100)]})
    pq.write_table(table, tmp_path / "x.parquet", row_group_size=10, compression="none")
    source = Documents(inputs=(f"{tmp_path}/*",), shard_bytes=shard_bytes)
    shards = source.shards()
    assert len(shards) == {1: 10, 3000: 10, 20_000: 1}[shard_bytes] or len(shards) > 1
    assert sum(shard.bytes for shard in shards) == (tmp_path / "x.parquet").stat().st_size
    documents, rejected = read(f"{tmp_path}/*", shard_bytes=shard_bytes)
    assert rejected == []
    assert [d.text for d in documents] == table["text"].to_pylist()
    assert [d.id for d in documents] == [f"x.parquet:{i}" for i in range(100)]


def test_ids_of_rows_do_not_depend_on_where_the_inputs_are(tmp_path):
    for folder in ("here", "there"):
        for part in ("a", "b"):
            path = tmp_path / folder / part / "x.jsonl"
            path.parent.mkdir(parents=True)
            path.write_bytes(lines({"text": f"Text of {part}."}))
    for pattern, names in {
        "*/x.jsonl": ["a/x.jsonl:1", "b/x.jsonl:1"],
        "a/*": ["x.jsonl:1"],
        "a": ["a/x.jsonl:1"],
        "a/": ["a/x.jsonl:1"],
    }.items():
        here, _ = read(f"{tmp_path}/here/{pattern}")
        there, _ = read(f"{tmp_path}/there/{pattern}")
        assert [d.id for d in here] == [d.id for d in there] == names
    both, _ = read(tmp_path / "here" / "b" / "x.jsonl", tmp_path / "here" / "a" / "x.jsonl")
    assert [d.id for d in both] == ["a/x.jsonl:1", "b/x.jsonl:1"]


# Ids.


def test_a_row_without_an_id_is_called_by_its_place(tmp_path):
    (tmp_path / "x.jsonl").write_bytes(
        lines(
            {"text": "A", "id": 7},
            {"text": "B"},
            {"text": "C", "id": None},
            {"text": "D", "id": ""},
        )
    )
    assert [d.id for d in read(tmp_path / "x.jsonl")[0]] == [
        "7",
        "x.jsonl:2",
        "x.jsonl:3",
        "x.jsonl:4",
    ]


def test_an_id_that_comes_again_is_rejected(tmp_path):
    (tmp_path / "x.jsonl").write_bytes(lines(ROWS[0], ROWS[1], {"text": "New.", "id": "row-0"}))
    documents, rejected = read(tmp_path / "x.jsonl")
    assert [d.id for d in documents] == ["row-0", "row-1"]
    assert rejected == [("x.jsonl:3", "duplicate_id", "bad_record")]


def test_files_that_count_their_ids_each_for_itself(tmp_path):
    for name in "ab":
        (tmp_path / f"{name}.jsonl").write_bytes(
            lines({"text": name, "id": 0}, {"text": "z", "id": 1})
        )
    with pytest.raises(ConfigError, match=r"a.jsonl and .*b.jsonl both begin with the id '0'"):
        read(f"{tmp_path}/*.jsonl")
    documents, rejected = read(f"{tmp_path}/*.jsonl", ids="file")
    assert rejected == []
    assert [d.id for d in documents] == ["a.jsonl:0", "a.jsonl:1", "b.jsonl:0", "b.jsonl:1"]
    documents, _ = read(f"{tmp_path}/*.jsonl", ids="place")
    assert [d.id for d in documents] == ["a.jsonl:1", "a.jsonl:2", "b.jsonl:1", "b.jsonl:2"]
    assert json.loads(documents[0].metadata)["id"] == 0


# A wrong column map fails before any work.


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
    assert source.extra_schema() == pa.schema(
        [
            ("quality", pa.float64()),
            ("n", pa.int32()),
            ("flag", pa.bool_()),
            ("seen", pa.timestamp("us", tz="UTC")),
        ]
    )
    (shard,) = source.shards()
    found = list(source.read_rows(shard))
    date = datetime.datetime(2024, 1, 2, tzinfo=UTC)
    assert [record[1] for record in found[:2]] == [
        {"quality": 0.5, "n": 3, "flag": True, "seen": date},
        {"quality": None, "n": None, "flag": None, "seen": None},
    ]
    assert [(record.reason, record.detail) for record in found[2:]] == [
        ("wrong_type", "quality: could not convert string to float: 'many'; it must be float64"),
        ("wrong_type", "n: 1099511627776 is out of range; it must be int32"),
        ("wrong_type", "n: True is not an integer; it must be int32"),
    ]
    pa.Table.from_pylist([record[1] for record in found[:2]], source.extra_schema())
    first = next(iter(source.read(shard)))
    assert json.loads(first.metadata)["quality"] == 0.5
    assert json.loads(first.metadata)["seen"] == "2024-01-02T00:00:00+00:00"


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


@pytest.mark.real_data
def test_rows_of_c4_in_every_format(real_data, tmp_path):
    """The same documents come out of the release and of what libraries make of it."""
    path = real_data / "c4" / "c4-train.00000-of-00002.json.gz"
    source = C4(inputs=(str(path),))
    expected = [
        (record.text, record.url, record.date)
        for shard in source.shards()
        for record in source.read(shard)
        if isinstance(record, Document)
    ]
    rows = datasets.Dataset.from_list(
        [{"text": text, "url": url, "timestamp": date} for text, url, date in expected]
    )
    rows.to_parquet(str(tmp_path / "x.parquet"))
    rows.to_csv(str(tmp_path / "x.csv"))
    rows.to_json(str(tmp_path / "x.jsonl"))
    rows.save_to_disk(str(tmp_path / "set"))
    for given in (path, *sorted(tmp_path.iterdir())):
        documents, rejected = read(given)
        assert [d.text for d in documents] == [text for text, _, _ in expected], given
        assert [(d.url, d.date) for d in documents] == [item[1:] for item in expected], given
        assert rejected == []


def test_a_folder_in_a_bucket(monkeypatch):
    with serve() as (url, _):
        monkeypatch.setenv("AWS_ENDPOINT_URL", url)
        monkeypatch.setenv("AWS_ACCESS_KEY_ID", "somebody")
        monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "secret")
        monkeypatch.setenv("AWS_DEFAULT_REGION", "us-east-1")
        s3fs.S3FileSystem.clear_instance_cache()
        fs = s3fs.S3FileSystem(use_listings_cache=False)
        fs.mkdir("own")
        for name in ("a", "b"):
            fs.pipe(f"own/set/part/{name}.jsonl", lines({"text": f"Text {name}."}))
        documents, rejected = read("s3://own/set")
        assert rejected == []
        assert [d.id for d in documents] == ["set/part/a.jsonl:1", "set/part/b.jsonl:1"]
        source = Documents(inputs=("s3://own/set",))
        assert list(source.versions()) == [path for path, _ in source.files()]
        s3fs.S3FileSystem.clear_instance_cache()
