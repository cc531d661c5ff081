"""Token shards open as they are in pyarrow, datasets, pandas, polars and DuckDB."""

from __future__ import annotations

import pathlib
from collections.abc import Callable

import pytest

WriteTokens = Callable[..., None]
SHARDS = [[[1, 10, 2], [1, 2]], [[1, 65535, 20, 2]]]
ROWS = [document for shard in SHARDS for document in shard]


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory, write_tokens: WriteTokens) -> list[str]:
    """The paths of two shards of one source."""
    output = tmp_path_factory.mktemp("shards")
    write_tokens(output, {"books": {"train": SHARDS}})
    return sorted(map(str, (output / "tokens" / "books").glob("train-*.arrow")))


def test_pyarrow(files: list[str]) -> None:
    import pyarrow as pa
    import pyarrow.dataset

    tables = [pa.ipc.open_file(pa.memory_map(path)).read_all() for path in files]
    assert [table["tokens"].to_pylist() for table in tables] == SHARDS
    whole = pyarrow.dataset.dataset(files, format="ipc").to_table()
    assert whole["tokens"].to_pylist() == ROWS
    assert whole["language"].to_pylist() == ["en"] * 3
    assert whole.schema.metadata[b"pasture.source"] == b"books"


def test_pandas(files: list[str]) -> None:
    import pandas

    frames = [pandas.read_feather(path) for path in files]
    assert [[row.tolist() for row in frame["tokens"]] for frame in frames] == SHARDS
    assert frames[0]["tokens"][0].dtype == "uint16"
    assert frames[1]["id"].tolist() == ["books/train/1/0"]


def test_polars(files: list[str]) -> None:
    import polars

    frame = polars.scan_ipc(files).collect()
    assert frame["tokens"].to_list() == ROWS
    assert frame.schema["tokens"] == polars.List(polars.UInt16)
    assert polars.read_ipc(files[0])["tokens"].to_list() == SHARDS[0]


def test_duckdb(files: list[str]) -> None:
    import duckdb
    import pyarrow.dataset

    tokens = pyarrow.dataset.dataset(files, format="ipc")
    query = "select language, sum(len(tokens)), max(list_max(tokens)) from tokens group by all"
    assert duckdb.connect().register("tokens", tokens).sql(query).fetchall() == [("en", 9, 65535)]


def test_hugging_face_datasets(
    files: list[str], tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("HF_HUB_OFFLINE", "HF_DATASETS_OFFLINE"):
        monkeypatch.setenv(name, "1")
    import datasets

    books = datasets.load_dataset("arrow", data_files=files, split="train", cache_dir=str(tmp_path))
    assert books["tokens"][:] == ROWS
    assert books.features["tokens"].feature.dtype == "uint16"
    streamed = datasets.load_dataset("arrow", data_files=files, split="train", streaming=True)
    assert [row["tokens"] for row in streamed] == ROWS
