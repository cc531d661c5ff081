"""Storage that fails while a source reads stops the job; it is never damaged or missing data."""

from __future__ import annotations

import errno
import hashlib
import json
import pathlib

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import s3fs
from fsspec.implementations.local import LocalFileOpener

from pasture import storage
from pasture.errors import StorageError
from pasture.recipes.load import load_recipe
from pasture.sample import write_sample
from pasture.sources import SOURCES
from pasture.sources.documents.source import Documents
from tests.s3_server import serve


@pytest.fixture(scope="module")
def sample(tmp_path_factory) -> pathlib.Path:
    folder = tmp_path_factory.mktemp("sample")
    write_sample(str(folder))
    write_documents(folder / "documents")
    return folder


def write_documents(folder: pathlib.Path) -> None:
    """The sample has none; one file of each format that is read in its own way."""
    folder.mkdir()
    texts = [f"Text {i}. " + hashlib.sha256(b"%d" % i).hexdigest() * 40 for i in range(800)]
    table = pa.table({"text": texts})
    pq.write_table(table, folder / "x.parquet", row_group_size=80, compression="none")
    with pa.ipc.new_file(str(folder / "x.arrow"), table.schema) as writer:
        writer.write_table(table, max_chunksize=80)
    (folder / "x.jsonl").write_text("".join(json.dumps({"text": text}) + "\n" for text in texts))
    (folder / "x.csv").write_text("text\n" + "".join(f"{text}\n" for text in texts))


DOCUMENTS = [f"documents/x.{ending}" for ending in ("jsonl", "csv", "parquet", "arrow")]
NAMES = [name for name in SOURCES if name != "documents"] + DOCUMENTS


def largest_shard(root: str, name: str):
    if name in DOCUMENTS:
        source = Documents(inputs=(f"{root}/{name}",))
    else:
        source = load_recipe(f"{root}/recipe.yaml").sources[name].source
    return source, max(source.shards(), key=lambda shard: shard.bytes)


@pytest.mark.parametrize("share", [0, 0.6], ids=["at once", "halfway"])
@pytest.mark.parametrize("name", NAMES)
def test_a_disk_that_fails(name, share, sample, monkeypatch):
    source, shard = largest_shard(str(sample), name)
    size = storage.state(shard.paths[0])[0]
    assert size
    monkeypatch.setattr(storage, "READ_BYTES", size // 10)

    def read(self, count):
        if self.f.tell() >= size * share:
            raise OSError(errno.EIO, "Input/output error")
        return self.f.read(count)

    monkeypatch.setattr(LocalFileOpener, "read", read, raising=False)
    with pytest.raises(StorageError, match=r"cannot read /.*: Input/output error"):
        list(source.read(shard))


@pytest.mark.parametrize("name", NAMES)
def test_a_file_that_may_not_be_read(name, sample, monkeypatch):
    source, shard = largest_shard(str(sample), name)

    def refuse(*_):
        raise PermissionError(errno.EACCES, "Permission denied")

    monkeypatch.setattr(LocalFileOpener, "_open", refuse)
    with pytest.raises(StorageError, match=r"cannot read /.*: Permission denied"):
        list(source.read(shard))


@pytest.fixture(scope="module")
def bucket(sample):
    with pytest.MonkeyPatch.context() as patch, serve() as (url, server):
        patch.setenv("AWS_ENDPOINT_URL", url)
        patch.setenv("AWS_ACCESS_KEY_ID", "somebody")
        patch.setenv("AWS_SECRET_ACCESS_KEY", "secret")
        patch.setenv("AWS_DEFAULT_REGION", "us-east-1")
        patch.setenv("AWS_MAX_ATTEMPTS", "1")
        patch.setattr(s3fs.S3FileSystem, "retries", 1)
        patch.setattr(storage, "RETRY_SECONDS", (0.01,))
        s3fs.S3FileSystem.clear_instance_cache()
        fs = s3fs.S3FileSystem(use_listings_cache=False)
        fs.mkdir("raw")
        fs.put(str(sample), "raw/sample", recursive=True)
        yield server
        server.failures = 0
        s3fs.S3FileSystem.clear_instance_cache()


@pytest.mark.parametrize("name", NAMES)
def test_a_bucket_that_fails(name, bucket):
    bucket.failures = 0
    source, shard = largest_shard("s3://raw/sample", name)
    bucket.failures = 10**6
    with pytest.raises(StorageError, match="cannot read s3://raw/sample/"):
        list(source.read(shard))
