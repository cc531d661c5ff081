"""MDS shards are what Streaming's format says, and ``StreamingDataset`` reads them."""

from __future__ import annotations

import json
import pathlib
import struct
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from pasture.export import load_exporter
from pasture.export.mds import _array
from pasture.export.run import export
from pasture.export.select import select
from pasture.manifests.outputs import Output


def write(output: pathlib.Path, target: pathlib.Path, stage: str, **options: object) -> None:
    exporter = load_exporter("mds", options)
    export(select(Output(str(output)), exporter, stages=[stage]), exporter, str(target))


def read_samples(folder: pathlib.Path) -> list[dict[str, bytes]]:
    """Read MDS by its description, in the order of the index."""
    samples = []
    for shard in json.loads((folder / "index.json").read_text())["shards"]:
        data = (folder / shard["raw_data"]["basename"]).read_bytes()
        assert len(data) == shard["raw_data"]["bytes"]
        (count,) = struct.unpack_from("<I", data)
        assert count == shard["samples"]
        offsets = struct.unpack_from(f"<{count + 1}I", data, 4)
        assert (
            json.loads(data[4 * (count + 2) : offsets[0]])["column_names"] == shard["column_names"]
        )
        assert offsets[-1] == len(data)
        for start in offsets[:-1]:
            names = shard["column_names"]
            sizes = struct.unpack_from(f"<{len(names)}I", data, start)
            place = start + 4 * len(names)
            sample = {}
            for name, size in zip(names, sizes, strict=True):
                sample[name] = data[place : place + size]
                place += size
            samples.append(sample)
    return samples


def documents(output: pathlib.Path) -> list[dict[str, Any]]:
    return pq.read_table(output / "documents/c4/20-exact").to_pylist()


def token_ids(output: pathlib.Path, source: str = "c4") -> list[list[int]]:
    paths = sorted((output / "tokens" / source).glob("train-*.arrow"))
    return [
        row for path in paths for row in pa.ipc.open_file(path).read_all()["tokens"].to_pylist()
    ]


def test_documents_by_the_description(small_output, tmp_path):
    write(small_output, tmp_path / "out", "documents", shard_bytes=4000)
    assert len(list((tmp_path / "out/c4").glob("*.mds"))) > 6
    samples = read_samples(tmp_path / "out/c4")
    assert samples == read_samples(tmp_path / "out")
    expected = documents(small_output)
    assert [sample["text"].decode() for sample in samples] == [row["text"] for row in expected]
    assert [sample["id"].decode() for sample in samples] == [row["id"] for row in expected]
    assert json.loads(samples[0]["attributes"])["url"] == expected[0]["url"]


def test_tokens_by_the_description(small_output, tmp_path):
    write(small_output, tmp_path / "out", "tokens")
    samples = read_samples(tmp_path / "out/train")
    expected = token_ids(small_output)
    assert [sample["tokens"] for sample in samples] == [
        _array(np.array(row, np.uint16)) for row in expected
    ]


@pytest.mark.parametrize(
    ("length", "head"), [(1, "0401"), (255, "04ff"), (256, "050001"), (65536, "0600000100")]
)
def test_an_array_begins_with_its_length(length, head):
    data = _array(np.zeros(length, np.uint16))
    assert data == bytes.fromhex(head) + bytes(2 * length)


def test_streaming_reads_documents_of_all_sources(two_sources, tmp_path):
    streaming = pytest.importorskip("streaming", reason="mosaicml-streaming is not installed")
    write(two_sources, tmp_path / "out", "documents", shard_bytes=4000)
    dataset = streaming.StreamingDataset(local=str(tmp_path / "out"), batch_size=1, shuffle=False)
    books = pq.read_table(two_sources / "documents/books/10-language").to_pylist()
    expected = [*books, *documents(two_sources)]
    assert len(dataset) == len(expected)
    assert [dataset[i]["text"] for i in range(len(dataset))] == [row["text"] for row in expected]
    assert dataset[0]["attributes"]["url"] == expected[0]["url"]


def test_streaming_reads_tokens(two_sources, tmp_path):
    streaming = pytest.importorskip("streaming", reason="mosaicml-streaming is not installed")
    write(two_sources, tmp_path / "out", "tokens")
    dataset = streaming.StreamingDataset(
        local=str(tmp_path / "out"), split="train", batch_size=1, shuffle=False
    )
    expected = [*token_ids(two_sources, "books"), *token_ids(two_sources)]
    assert [dataset[i]["tokens"].tolist() for i in range(len(dataset))] == expected
    assert dataset[0]["tokens"].dtype == np.uint16
