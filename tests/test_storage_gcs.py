"""Storage in gs:// buckets, against an emulator on loopback: whole files only, clear errors."""

from __future__ import annotations

import pathlib
import re
import socket
import subprocess
import sys
import time
from collections.abc import Iterator

import fsspec
import pytest

from pasture import storage
from pasture.driver.run import run_recipe
from pasture.errors import StorageError
from pasture.recipes.load import load_recipe
from tests.trees import differences

SERVER = pathlib.Path(sys.executable).parent / "fake-gcs-server"

pytestmark = pytest.mark.skipif(
    not SERVER.exists(), reason="scripts/fake-gcs-server has not been run"
)


@pytest.fixture(scope="module")
def gcs() -> Iterator[object]:
    """The file system of an emulator that runs meanwhile."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        address = f"127.0.0.1:{free.getsockname()[1]}"
    host, port = address.split(":")
    options = ["-backend=memory", "-scheme=http", f"-host={host}", f"-port={port}"]
    options += [f"-public-host={address}", f"-external-url=http://{address}", "-log-level=error"]
    with (
        subprocess.Popen([SERVER, *options], stderr=subprocess.DEVNULL) as server,
        pytest.MonkeyPatch.context() as patch,
    ):
        patch.setenv("STORAGE_EMULATOR_HOST", f"http://{address}")
        # Or gcsfs asks Google what kind of bucket it is.
        patch.setenv("GCSFS_EXPERIMENTAL_ZB_HNS_SUPPORT", "false")
        patch.setitem(fsspec.config.conf, "gs", {"token": "anon"})
        gcsfs = pytest.importorskip("gcsfs")
        deadline = time.monotonic() + 30
        while socket.socket().connect_ex((host, int(port))):
            assert time.monotonic() < deadline, "the emulator did not start"
            time.sleep(0.05)
        yield gcsfs.GCSFileSystem(token="anon", project="test", use_listings_cache=False)
        gcsfs.GCSFileSystem.clear_instance_cache()
        server.terminate()


@pytest.fixture
def bucket(gcs, monkeypatch) -> Iterator[str]:
    """An empty bucket."""
    monkeypatch.setattr(storage, "RETRY_SECONDS", (0.01,))
    gcs.mkdir("corpus")
    yield "gs://corpus"
    gcs.rm("corpus", recursive=True)


def test_a_file_is_written_read_listed_and_removed(bucket):
    with storage.atomic_write(f"{bucket}/a/b") as stream:
        stream.write(b"one ")
        stream.write(b"two")
        assert not storage.exists(f"{bucket}/a/b")
    assert storage.glob(f"{bucket}/a/*") == [("gs://corpus/a/b", 7)]
    assert storage.list_tree(bucket) == [("gs://corpus/a/b", 7)]
    assert storage.state(f"{bucket}/a/b")[0] == 7
    with storage.open_read(f"{bucket}/a/b") as stream:
        assert stream.read(3) == b"one"
        assert stream.seek(-3, 2) == 4
        assert stream.read() == b"two"
    storage.remove_tree(f"{bucket}/a")
    assert storage.list_tree(bucket) == []


def test_a_file_written_anew_has_another_version(bucket):
    found = set()
    for _ in range(2):
        with storage.atomic_write(f"{bucket}/a") as stream:
            stream.write(b"one")
        _, version = storage.state(f"{bucket}/a")
        assert storage.versions(f"{bucket}/*") == {f"{bucket}/a": version}
        found.add(version)
    assert len(found) == 2


@pytest.mark.parametrize("size", [0, 10, 12 << 20], ids=["nothing", "little", "parts"])
def test_an_error_halfway_leaves_the_old_file(bucket, size):
    data = bytes(range(256)) * (size // 256)
    with storage.atomic_write(f"{bucket}/file") as stream:
        stream.write(data)
    with (
        pytest.raises(RuntimeError, match="halfway"),
        storage.atomic_write(f"{bucket}/file") as stream,
    ):
        stream.write(bytes(size + 1))
        raise RuntimeError("halfway")
    with storage.open_read(f"{bucket}/file") as stream:
        assert stream.read() == data
    assert storage.list_tree(bucket) == [("gs://corpus/file", len(data))]


def test_what_is_not_there_is_a_clear_error(bucket):
    with pytest.raises(StorageError, match=re.escape("cannot read gs://corpus/a/b: no such file")):
        storage.open_read(f"{bucket}/a/b")
    assert storage.state(f"{bucket}/a/b") is None
    with pytest.raises(StorageError, match="cannot read gs://elsewhere/x"):
        storage.open_read("gs://elsewhere/x")


def test_a_run_from_a_bucket_to_a_bucket_gives_the_bytes_of_a_disk(gcs, bucket, raw, tmp_path):
    gcs.put(str(raw), "corpus/raw", recursive=True)
    run_recipe(load_recipe(f"{bucket}/raw/recipe.yaml"), f"{bucket}/out")
    run_recipe(load_recipe(str(raw / "recipe.yaml")), str(tmp_path / "out"))
    gcs.get("corpus/out", str(tmp_path / "bucket"), recursive=True)
    assert differences(tmp_path / "bucket", tmp_path / "out") == []
