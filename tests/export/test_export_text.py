"""JSON Lines and Parquet exports open in the tools that read them."""

from __future__ import annotations

import gzip
import json
import pathlib
import subprocess

import pandas
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from pasture.export import load_exporter
from pasture.export.base import plain_rows
from pasture.export.run import export
from pasture.export.select import select
from pasture.manifests.outputs import Output
from pasture.records import DOCUMENT_SCHEMA

SHARD = "c4/documents-00000-of-00003"


def write(output: pathlib.Path, target: pathlib.Path, name: str, **options: object) -> None:
    exporter = load_exporter(name, options)
    export(select(Output(str(output)), exporter), exporter, str(target))


def stage_rows(output: pathlib.Path) -> list[dict[str, object]]:
    return pq.read_table(output / "documents/c4/20-exact").to_pylist()


def test_zstd_gzip_and_plain_lines_are_the_same(small_output, tmp_path):
    for compression in ("zstd", "gzip", "none"):
        write(small_output, tmp_path / compression, "jsonl", compression=compression)
    plain = (tmp_path / "none" / f"{SHARD}.jsonl").read_bytes()
    assert gzip.decompress((tmp_path / "gzip" / f"{SHARD}.jsonl.gz").read_bytes()) == plain
    packed = str(tmp_path / "zstd" / f"{SHARD}.jsonl.zst")
    done = subprocess.run(["zstd", "-d", "-c", packed], capture_output=True, check=True)
    assert done.stdout == plain
    first = json.loads(plain.splitlines()[0])
    assert list(first)[:4] == ["id", "source", "text", "url"]
    assert first["date"] == "2019-04-25T12:57:54Z"
    assert "license" not in first
    assert isinstance(first["metadata"], dict) if "metadata" in first else True


def test_every_document_is_there(small_output, tmp_path):
    write(small_output, tmp_path / "jsonl", "jsonl")
    write(small_output, tmp_path / "parquet", "parquet")
    expected = stage_rows(small_output)
    frame = pandas.read_parquet(tmp_path / "parquet")
    assert frame["text"].tolist() == [row["text"] for row in expected]
    frames = [
        pandas.read_json(path, lines=True)
        for path in sorted((tmp_path / "jsonl/c4").glob("*.jsonl.zst"))
    ]
    assert pandas.concat(frames)["text"].tolist() == [row["text"] for row in expected]


@pytest.mark.parametrize("name", ["jsonl", "parquet"])
def test_hugging_face_datasets(small_output, tmp_path, monkeypatch, name):
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    import datasets

    write(small_output, tmp_path / "out", name)
    loaded = datasets.load_dataset(
        str(tmp_path / "out"), split="train", cache_dir=str(tmp_path / "cache")
    )
    assert loaded["text"][:] == [row["text"] for row in stage_rows(small_output)]


def test_values_that_json_does_not_have(tmp_path):
    rows = [
        {"id": "a", "source": "s", "text": "é\u2028\n", "perplexity": float("inf")},
        {"id": "b", "source": "s", "text": "b", "perplexity": 0.1, "metadata": '{"x": NaN}'},
        {"id": "c", "source": "s", "text": "c", "language": "", "metadata": "no JSON"},
    ]
    path = str(tmp_path / "shard.parquet")
    pq.write_table(pa.Table.from_pylist(rows, DOCUMENT_SCHEMA), path)
    assert list(plain_rows(path)) == [
        {"id": "a", "source": "s", "text": "é\u2028\n"},
        {"id": "b", "source": "s", "text": "b", "perplexity": 0.1, "metadata": {"x": None}},
        {"id": "c", "source": "s", "text": "c", "language": "", "metadata": "no JSON"},
    ]
