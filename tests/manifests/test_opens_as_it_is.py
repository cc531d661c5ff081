"""A stage's folder of documents opens without arguments in the libraries that read Parquet."""

from __future__ import annotations

import pathlib

import pytest

ROWS, IDS = 60, 60
FIRST = "c4-train.00000-of-00003.json.gz:1"


@pytest.fixture(scope="module")
def folder(small_output: pathlib.Path) -> str:
    """The folder of the last stage of the small corpus."""
    return str(small_output / "documents/c4/20-exact")


def test_pandas(folder: str) -> None:
    import pandas

    frame = pandas.read_parquet(folder)
    assert (len(frame), frame["id"].nunique(), frame["id"][0]) == (ROWS, IDS, FIRST)


def test_hugging_face_datasets(
    folder: str, tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    import datasets

    monkeypatch.setattr(datasets.config, "HF_DATASETS_CACHE", tmp_path / "cache")
    loaded = datasets.load_dataset(folder)
    assert {name: len(part) for name, part in loaded.items()} == {"train": ROWS}
    assert loaded["train"][0]["id"] == FIRST


def test_polars(folder: str) -> None:
    import polars

    assert polars.read_parquet(folder)["id"].n_unique() == IDS
    assert polars.scan_parquet(f"{folder}/*.parquet").collect()["id"][0] == FIRST


def test_duckdb(folder: str) -> None:
    import duckdb

    query = f"select count(*), count(distinct id), min(id) from read_parquet('{folder}/*.parquet')"
    assert duckdb.connect().sql(query).fetchall() == [(ROWS, IDS, FIRST)]


def test_pyarrow(folder: str) -> None:
    import pyarrow.parquet as pq

    assert pq.read_table(folder).num_rows == ROWS
