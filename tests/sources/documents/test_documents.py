"""Documents of every format, written by the libraries that people write them with."""

from __future__ import annotations

import bz2
import csv
import datetime
import gzip
import json
import lzma
import os
import pathlib

import datasets
import pyarrow as pa
import pyarrow.feather as feather
import pyarrow.parquet as pq
import pytest
import s3fs
from backports import zstd

from pasture.errors import ConfigError
from pasture.records import Document
from pasture.sources.c4.source import C4
from pasture.sources.documents.source import Documents
from tests.s3_server import serve
from tests.sources.documents_reading import lines, read, texts

UTC = datetime.timezone.utc


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


def test_a_file_whose_name_is_no_utf8(tmp_path):
    path = os.fsdecode(os.fsencode(tmp_path) + b"/a\xff.jsonl")
    pathlib.Path(path).write_bytes(lines({"text": "A"}))
    documents, rejected = read(f"{tmp_path}/*.jsonl")
    assert rejected == []
    assert [document.id for document in documents] == ["a\\udcff.jsonl:1"]


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
