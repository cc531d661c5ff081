"""Files: listing, and writing that is never half done."""

from __future__ import annotations

import pathlib
import sys

import pyarrow as pa
import pytest
from fsspec.registry import _registry as fsspec_registry

from pasture import storage
from pasture.errors import StorageError


def test_atomic_write_appears_whole(tmp_path):
    path = tmp_path / "deep" / "file"
    with storage.atomic_write(str(path)) as stream:
        stream.write(b"one")
        assert not path.exists()
    assert path.read_bytes() == b"one"
    assert [p.name for p in path.parent.iterdir()] == ["file"]


def test_atomic_write_leaves_nothing_after_an_error(tmp_path):
    path = tmp_path / "file"
    path.write_bytes(b"old")
    with pytest.raises(RuntimeError, match="halfway"), storage.atomic_write(str(path)) as stream:
        stream.write(b"new")
        raise RuntimeError("halfway")
    assert path.read_bytes() == b"old"
    assert [p.name for p in tmp_path.iterdir()] == ["file"]


def test_atomic_parquet_leaves_nothing_after_an_error(tmp_path):
    schema = pa.schema([("a", pa.int64())])
    with (
        pytest.raises(RuntimeError, match="halfway"),
        storage.atomic_parquet(str(tmp_path / "x.parquet"), schema) as writer,
    ):
        writer.write_batch(pa.record_batch([[1]], schema=schema))
        raise RuntimeError("halfway")
    assert list(tmp_path.iterdir()) == []


def test_write_to_a_folder_that_is_a_file_says_where(tmp_path):
    (tmp_path / "file").write_text("")
    with (
        pytest.raises(StorageError, match=r"cannot write .*file/x"),
        storage.atomic_write(str(tmp_path / "file" / "x")),
    ):
        pass


def test_glob_sorts_and_sizes(tmp_path):
    for name in ("b.txt", "a.txt", "c.bin"):
        (tmp_path / name).write_bytes(name.encode() * 2)
    (tmp_path / "d.txt").mkdir()
    assert storage.glob(str(tmp_path / "*.txt")) == [
        (str(tmp_path / "a.txt"), 10),
        (str(tmp_path / "b.txt"), 10),
    ]
    assert storage.glob(str(tmp_path / "c.bin")) == [(str(tmp_path / "c.bin"), 10)]
    assert storage.glob(str(tmp_path / "absent")) == []


def test_remote_paths_work_through_fsspec():
    with storage.atomic_write("memory://bucket/x/file") as stream:
        stream.write(b"one")
    assert storage.glob("memory://bucket/x/*") == [("memory:///bucket/x/file", 3)]
    with storage.open_read("memory://bucket/x/file") as stream:
        assert stream.read() == b"one"


@pytest.mark.parametrize(
    ("url", "package", "module", "extra"),
    [
        ("gs://x/y", "gcsfs", "gcsfs", "gcs"),
        ("s3://x/y", "s3fs", "s3fs", "s3"),
        ("https://x/y", "aiohttp", "fsspec.implementations.http", "http"),
        ("hdfs://x/y", "hdfs_native", "hdfs_native.fsspec", "hdfs"),
    ],
)
def test_a_library_that_is_missing_is_told_with_its_extra(url, package, module, extra, monkeypatch):
    monkeypatch.delitem(sys.modules, module, raising=False)
    monkeypatch.setitem(sys.modules, package, None)
    monkeypatch.delitem(fsspec_registry, url.partition(":")[0], raising=False)
    with pytest.raises(StorageError, match=rf"^{url}: .+: pip install 'pasture\[{extra}\]'$"):
        storage.exists(url)


def test_a_seek_before_the_start_is_the_reader_s_error(tmp_path):
    (tmp_path / "x").write_bytes(b"abc")
    with storage.open_read(str(tmp_path / "x")) as stream, pytest.raises(OSError, match="Invalid"):
        stream.seek(-4, 2)


def test_a_seek_beyond_the_end_stands_there(tmp_path):
    (tmp_path / "x").write_bytes(b"abc")
    with storage.open_read(str(tmp_path / "x")) as stream:
        stream.seek((1 << 63) - 1)
        assert stream.read(1) == b""


def test_an_unknown_protocol_is_named():
    with pytest.raises(StorageError, match="nowhere"):
        storage.open_read("nowhere://x")


@pytest.mark.parametrize(
    ("parts", "joined"),
    [
        (("/a", "b", "c"), "/a/b/c"),
        (("/a", "/b"), "/b"),
        (("gs://a", "b/c"), "gs://a/b/c"),
        (("/a", "s3://b/c"), "s3://b/c"),
    ],
)
def test_join(parts, joined):
    assert storage.join(*parts) == joined


def test_read_json_names_a_broken_file(tmp_path):
    path = tmp_path / "x.json"
    path.write_text("{")
    with pytest.raises(StorageError, match=r"x\.json is not JSON"):
        storage.read_json(str(path))


def test_read_batches_names_a_file_that_is_not_parquet(tmp_path):
    path = pathlib.Path(tmp_path / "x.parquet")
    path.write_bytes(b"PAR1 nothing PAR1")
    with pytest.raises(StorageError, match=r"x\.parquet is not a readable Parquet file"):
        list(storage.read_batches(str(path)))
