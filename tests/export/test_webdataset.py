"""The ``webdataset`` library reads the tar files."""

from __future__ import annotations

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from pasture.export.run import export
from pasture.export.select import select
from pasture.export.webdataset import WebDataset
from pasture.manifests.outputs import Output

webdataset = pytest.importorskip("webdataset", reason="webdataset is not installed")


def read(folder, pattern):
    paths = sorted(map(str, folder.glob(pattern)))
    return list(webdataset.WebDataset(paths, shardshuffle=False).decode())


def test_documents(small_output, tmp_path):
    exporter = WebDataset()
    export(select(Output(str(small_output)), exporter), exporter, str(tmp_path / "out"))
    samples = read(tmp_path / "out", "c4/*.tar")
    expected = pq.read_table(small_output / "documents/c4/20-exact").to_pylist()
    assert [sample["txt"] for sample in samples] == [row["text"] for row in expected]
    assert [sample["json"]["url"] for sample in samples] == [row["url"] for row in expected]
    keys = [sample["__key__"] for sample in samples]
    assert keys == sorted(set(keys))


def test_tokens(small_output, tmp_path):
    exporter = WebDataset()
    selection = select(Output(str(small_output)), exporter, stages=["tokens"])
    export(selection, exporter, str(tmp_path / "out"))
    samples = read(tmp_path / "out", "train/c4/*.tar")
    paths = sorted((small_output / "tokens/c4").glob("train-*.arrow"))
    rows = [row for path in paths for row in pa.ipc.open_file(path).read_all().to_pylist()]
    assert [sample["npy"].tolist() for sample in samples] == [row["tokens"] for row in rows]
    assert [sample["json"]["id"] for sample in samples] == [row["id"] for row in rows]
