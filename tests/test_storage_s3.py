"""Storage against a real S3 server on loopback: whole files only, retries, clear errors."""

from __future__ import annotations

import functools
import http.server
import socket
import threading
import time
from collections.abc import Iterator

import moto.s3.models
import pyarrow as pa
import pytest
import s3fs

from pasture import storage
from pasture.errors import StorageError
from tests.s3_server import Unsteady, serve

PART = 50 << 20
"""The size of the parts that s3fs uploads."""


@pytest.fixture(scope="module")
def endpoint() -> Iterator[tuple[str, Unsteady]]:
    with serve() as served:
        yield served


@pytest.fixture
def server(endpoint, monkeypatch) -> Iterator[Unsteady]:
    """The server, with an empty bucket called ``corpus``."""
    url, app = endpoint
    monkeypatch.setenv("AWS_ENDPOINT_URL", url)
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "somebody")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "secret")
    monkeypatch.setenv("AWS_DEFAULT_REGION", "us-east-1")
    monkeypatch.setenv("AWS_MAX_ATTEMPTS", "1")
    monkeypatch.setattr(storage, "RETRY_SECONDS", (0.01, 0.01))
    s3fs.S3FileSystem.clear_instance_cache()
    fs = s3fs.S3FileSystem(use_listings_cache=False)
    fs.mkdir("corpus")
    yield app
    app.failures, app.delay = 0, 0.0
    fs.rm("corpus", recursive=True)
    s3fs.S3FileSystem.clear_instance_cache()


def unfinished_uploads() -> int:
    (backends,) = moto.s3.models.s3_backends.values()
    return len(backends["aws"].buckets["corpus"].multiparts)


def test_a_file_is_written_read_and_listed(server):
    with storage.atomic_write("s3://corpus/a/b") as stream:
        stream.write(b"one ")
        stream.write(b"two")
        assert not storage.exists("s3://corpus/a/b")
    assert storage.glob("s3://corpus/a/*") == [("s3://corpus/a/b", 7)]
    assert storage.list_tree("s3://corpus") == [("s3://corpus/a/b", 7)]
    assert storage.state("s3://corpus/a/b")[0] == 7
    with storage.open_read("s3://corpus/a/b") as stream:
        assert stream.read(3) == b"one"
        assert stream.tell() == 3
        assert stream.seek(-3, 2) == 4
        assert stream.read() == b"two"


def test_an_empty_file_is_written(server):
    with storage.atomic_write("s3://corpus/empty"):
        pass
    assert storage.state("s3://corpus/empty")[0] == 0


def test_a_large_file_goes_up_in_parts(server):
    block = bytes(range(256)) * 4096
    with storage.atomic_write("s3://corpus/large") as stream:
        for _ in range(PART // len(block) + 5):
            stream.write(block)
    assert storage.state("s3://corpus/large")[0] == (PART // len(block) + 5) * len(block)
    with storage.open_read("s3://corpus/large") as stream:
        stream.seek(PART - 10)
        assert stream.read(20) == (block + block)[len(block) - 10 : len(block) + 10]
    assert unfinished_uploads() == 0


@pytest.mark.parametrize("size", [0, 10, PART + 10], ids=["nothing", "little", "a part"])
def test_an_error_halfway_leaves_the_old_file_and_no_upload(server, size):
    with storage.atomic_write("s3://corpus/file") as stream:
        stream.write(b"old")
    with (
        pytest.raises(RuntimeError, match="halfway"),
        storage.atomic_write("s3://corpus/file") as stream,
    ):
        stream.write(bytes(size))
        raise RuntimeError("halfway")
    with storage.open_read("s3://corpus/file") as stream:
        assert stream.read() == b"old"
    assert storage.list_tree("s3://corpus") == [("s3://corpus/file", 3)]
    assert unfinished_uploads() == 0


def test_parquet_round_trip(server):
    schema = pa.schema([("a", pa.int64())])
    with storage.atomic_parquet("s3://corpus/x.parquet", schema) as writer:
        writer.write_batch(pa.record_batch([[1, 2]], schema=schema))
    assert list(storage.read_rows("s3://corpus/x.parquet", ["a"])) == [(1,), (2,)]


def test_what_others_write_is_listed_at_once(server):
    assert storage.glob("s3://corpus/x/*") == []
    s3fs.S3FileSystem(anon=False, skip_instance_cache=True).pipe_file("corpus/x/1", b"1")
    assert storage.glob("s3://corpus/x/*") == [("s3://corpus/x/1", 1)]


def test_a_file_written_anew_has_another_version(server):
    path = "s3://corpus/x/1"
    found = []
    for content in (b"one", b"two"):
        s3fs.S3FileSystem(anon=False, skip_instance_cache=True).pipe_file(path, content)
        size, version = storage.state(path)
        assert size == 3
        assert storage.versions("s3://corpus/x/*") == storage.versions(path) == {path: version}
        found.append(version)
    assert found[0] != found[1]
    assert storage.state("s3://corpus/x/2") is None


def test_ten_thousand_keys_are_listed(server):
    (backends,) = moto.s3.models.s3_backends.values()
    for number in range(10_000):
        backends["aws"].put_object("corpus", f"many/{number:05d}", b"x")
    found = storage.glob("s3://corpus/many/*")
    assert len(found) == 10_000
    assert found[9_999] == ("s3://corpus/many/09999", 1)


def test_a_failing_server_is_tried_again(server):
    with storage.atomic_write("s3://corpus/file") as stream:
        stream.write(b"one")
    server.failures = 2
    assert storage.state("s3://corpus/file")[0] == 3
    server.failures = 2
    with storage.open_read("s3://corpus/file") as stream:
        server.failures = 2
        assert stream.read() == b"one"
    assert server.failures == 0


def test_a_server_that_goes_on_failing_is_a_clear_error(server, monkeypatch):
    monkeypatch.setattr(s3fs.S3FileSystem, "retries", 1)
    server.failures = 10**6
    with pytest.raises(StorageError, match=r"cannot list s3://corpus/x/\*"):
        storage.glob("s3://corpus/x/*")
    with (
        pytest.raises(StorageError, match="cannot write s3://corpus/x"),
        storage.atomic_write("s3://corpus/x") as stream,
    ):
        stream.write(b"one")
    assert server.failures > 10**6 - 100
    server.failures = 0
    assert storage.list_tree("s3://corpus") == []


def test_a_slow_server_is_waited_for(server):
    server.delay = 0.3
    with storage.atomic_write("s3://corpus/file") as stream:
        stream.write(b"one")
    with storage.open_read("s3://corpus/file") as stream:
        assert stream.read() == b"one"


def test_no_such_file_and_no_such_bucket_are_told_without_a_second_try(server):
    before = server.requests
    with pytest.raises(StorageError, match=r"cannot read s3://corpus/none: no such file"):
        storage.open_read("s3://corpus/none")
    with pytest.raises(StorageError, match="bucket does not exist"):
        storage.open_read("s3://elsewhere/none")
    assert server.requests - before < 10
    assert storage.state("s3://corpus/none") is None


class Breaking(http.server.SimpleHTTPRequestHandler):
    """Serves a file by ranges, and breaks off in the middle of the first answers."""

    breaks = 0
    content = bytes(range(256)) * 20_000

    def do_HEAD(self):
        self.send_response(200)
        self.send_header("Content-Length", str(len(self.content)))
        self.send_header("Accept-Ranges", "bytes")
        self.end_headers()

    def do_GET(self):
        start, _, end = self.headers["Range"].removeprefix("bytes=").partition("-")
        part = self.content[int(start) : int(end) + 1]
        self.send_response(206)
        self.send_header("Content-Length", str(len(part)))
        self.send_header(
            "Content-Range", f"bytes {start}-{int(start) + len(part) - 1}/{len(self.content)}"
        )
        self.end_headers()
        if Breaking.breaks:
            Breaking.breaks -= 1
            self.wfile.write(part[: len(part) // 2])
            self.connection.close()
        else:
            self.wfile.write(part)

    def log_message(self, *args):
        pass


@pytest.fixture
def web(monkeypatch) -> Iterator[str]:
    monkeypatch.setattr(storage, "RETRY_SECONDS", (0.01, 0.01))
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Breaking)
    thread = threading.Thread(target=functools.partial(server.serve_forever, 0.05), daemon=True)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}/file.gz"
    server.shutdown()
    server.server_close()
    thread.join()


def test_a_connection_that_breaks_is_taken_up_again_where_it_was(web):
    with storage.open_read(web) as stream:
        Breaking.breaks = 2
        assert stream.read() == Breaking.content
    assert Breaking.breaks == 0


def test_a_connection_that_goes_on_breaking_is_no_damaged_data(web):
    with storage.open_read(web) as stream:
        Breaking.breaks = 10**6
        with pytest.raises(StorageError, match=r"cannot read http://.*file\.gz"):
            stream.read()
    Breaking.breaks = 0


@pytest.mark.timeout(90)
def test_a_server_that_accepts_and_says_nothing_is_given_up_within_half_a_minute(monkeypatch):
    with socket.socket() as server:
        server.bind(("127.0.0.1", 0))
        server.listen(0)
        address = server.getsockname()
        with socket.create_connection(address):  # which fills the queue of the server
            monkeypatch.setenv("AWS_ENDPOINT_URL", f"http://127.0.0.1:{address[1]}")
            monkeypatch.setenv("AWS_ACCESS_KEY_ID", "x")
            monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "y")
            start = time.monotonic()
            with pytest.raises(StorageError, match=r"^cannot look for s3://bucket/x: .*imeout"):
                storage.exists("s3://bucket/x")
            assert time.monotonic() - start < 30
