"""Megatron's indexed dataset and nanoGPT's files, read by their descriptions."""

from __future__ import annotations

import dataclasses
import pathlib
import struct

import numpy as np
import pyarrow as pa
import pytest

from pasture.errors import ConfigError
from pasture.export.bins import Megatron, NanoGpt
from pasture.export.run import export
from pasture.export.select import select
from pasture.manifests.outputs import Output

TYPES = {4: np.int32, 8: np.uint16}


def token_ids(output: pathlib.Path, source: str, split: str = "train") -> list[list[int]]:
    paths = sorted((output / "tokens" / source).glob(f"{split}-*.arrow"))
    return [
        row for path in paths for row in pa.ipc.open_file(path).read_all()["tokens"].to_pylist()
    ]


def read_megatron(prefix: str) -> list[list[int]]:
    """Read the documents of an indexed dataset: header, lengths, places, documents."""
    index = pathlib.Path(f"{prefix}.idx").read_bytes()
    magic, version, code = struct.unpack_from("<9sQB", index)
    assert (magic, version) == (b"MMIDIDX\x00\x00", 1)
    dtype = np.dtype(TYPES[code])
    sequences, ends = struct.unpack_from("<QQ", index, 18)
    lengths = np.frombuffer(index, np.int32, sequences, 34)
    places = np.frombuffer(index, np.int64, sequences, 34 + 4 * sequences)
    bounds = np.frombuffer(index, np.int64, ends, 34 + 12 * sequences)
    assert len(index) == 34 + 12 * sequences + 8 * ends
    assert bounds.tolist() == list(range(sequences + 1))
    ids = np.memmap(f"{prefix}.bin", dtype=dtype, mode="r")
    assert lengths.sum() == len(ids)
    return [
        ids[place // dtype.itemsize :][:length].tolist()
        for place, length in zip(places, lengths, strict=True)
    ]


def test_megatron(two_sources, tmp_path):
    exporter = Megatron()
    export(select(Output(str(two_sources)), exporter), exporter, str(tmp_path / "out"))
    for source in ("books", "c4"):
        for split in ("train", "validation"):
            found = read_megatron(str(tmp_path / "out" / split / f"{source}_text_document"))
            assert found == token_ids(two_sources, source, split)


def test_megatron_has_no_uint32(tmp_path, monkeypatch, small_output):
    ids = [[1, 70_000, 2], [1, 2]]
    schema = pa.schema([pa.field("tokens", pa.list_(pa.uint32()))])
    path = str(tmp_path / "train-00000-of-00001.arrow")
    with pa.ipc.new_file(path, schema) as writer:
        writer.write_table(pa.table({"tokens": ids}, schema))
    selection = select(Output(str(small_output)), Megatron())
    shard = dataclasses.replace(selection.shards[0], path=path, rows=2)
    selection = dataclasses.replace(selection, shards=(shard,))
    export(selection, Megatron(), str(tmp_path / "out"))
    assert read_megatron(str(tmp_path / "out/train/c4_text_document")) == ids


def test_nanogpt(two_sources, tmp_path):
    exporter = NanoGpt()
    export(select(Output(str(two_sources)), exporter), exporter, str(tmp_path / "out"))
    for name, split in (("train.bin", "train"), ("val.bin", "validation")):
        data = np.memmap(tmp_path / "out" / name, dtype=np.uint16, mode="r")  # as nanoGPT does
        rows = [*token_ids(two_sources, "books", split), *token_ids(two_sources, "c4", split)]
        assert data.tolist() == [token for row in rows for token in row]


def test_nanogpt_refuses_a_large_vocabulary(small_output, tmp_path):
    selection = select(Output(str(small_output)), NanoGpt())
    tokenizer = {**(selection.tokenizer or {}), "dtype": "uint32", "vocab_size": 128_256}
    selection = dataclasses.replace(selection, tokenizer=tokenizer)
    with pytest.raises(ConfigError, match="16 bits, and the tokenizer has 128,256; export to"):
        export(selection, NanoGpt(), str(tmp_path / "out"))
    assert list(tmp_path.iterdir()) == []
