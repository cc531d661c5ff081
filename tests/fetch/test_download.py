"""One file from a server that fails: what is asked for again, and what ends up on disk."""

from __future__ import annotations

import dataclasses
import hashlib
import json
import os
import pathlib
import signal
import subprocess
import sys
import textwrap
import threading
import time

import pytest

from pasture.errors import FetchError
from pasture.fetch.base import Manners, RemoteFile
from pasture.fetch.client import Client, DiskFull, Missing, Stopped
from pasture.fetch.download import download
from tests.web_server import Page, WebServer, changed, cut, endless, status

BODY = bytes(range(256)) * 40
OTHER = BODY[::-1]
LIMIT = 1 << 20


def remote(web: WebServer, path: str = "/a", **options: object) -> RemoteFile:
    return RemoteFile("c4/a.gz", (web.address + path,), **options)  # type: ignore[arg-type]


def sha1(body: bytes) -> str:
    return "sha1:" + hashlib.sha1(body).hexdigest()


def ranges(web: WebServer, path: str = "/a") -> list[str | None]:
    return [request.headers.get("Range") for request in web.got(path)]


def kept(folder: pathlib.Path) -> bytes:
    return (folder / ".fetch/c4/a.gz.partial").read_bytes()


def test_writes_the_file_and_its_record(web, client, tmp_path):
    web.put("/a", BODY, last_modified="Mon, 01 Aug 2022 00:00:00 GMT")
    told: list[int] = []
    assert download(remote(web), str(tmp_path), client, LIMIT, told.append) == len(BODY)
    assert (tmp_path / "c4/a.gz").read_bytes() == BODY
    assert told[-1] == len(BODY)
    assert json.loads((tmp_path / ".fetch/c4/a.gz.json").read_text()) == {
        "url": web.address + "/a",
        "etag": '"one"',
        "last_modified": "Mon, 01 Aug 2022 00:00:00 GMT",
        "length": len(BODY),
        "checksum": "",
        "done": True,
    }
    assert not (tmp_path / ".fetch/c4/a.gz.partial").exists()


def test_names_itself_and_asks_for_no_compression(web, tmp_path, quick):
    web.put("/a", BODY)
    download(remote(web), str(tmp_path), Client(quick, contact="me@example.org"), LIMIT)
    (request,) = web.requests
    assert request.headers["User-Agent"].startswith("Pasture/")
    assert "me@example.org" in request.headers["User-Agent"]
    assert request.headers["Accept-Encoding"] == "identity"


def test_takes_the_bytes_as_sent_although_they_are_labelled_compressed(web, client, tmp_path):
    web.put("/a", BODY, headers={"Content-Encoding": "gzip"})
    download(remote(web), str(tmp_path), client, LIMIT)
    assert (tmp_path / "c4/a.gz").read_bytes() == BODY


@pytest.mark.parametrize(
    ("options", "if_range"),
    [
        ({}, '"one"'),
        (
            {"etag": 'W/"one"', "last_modified": "Mon, 01 Aug 2022 00:00:00 GMT"},
            "Mon, 01 Aug 2022 00:00:00 GMT",
        ),
    ],
    ids=["strong ETag", "weak ETag and date"],
)
def test_goes_on_where_the_connection_broke(web, client, tmp_path, options, if_range):
    web.put("/a", BODY, faults=[cut(3000), cut(2000)], **options)
    download(remote(web), str(tmp_path), client, LIMIT)
    assert (tmp_path / "c4/a.gz").read_bytes() == BODY
    assert ranges(web) == [None, "bytes=3000-", "bytes=5000-"]
    assert [each.headers.get("If-Range") for each in web.got("/a")] == [None, if_range, if_range]


def test_starts_over_where_no_version_is_named(web, client, tmp_path):
    """Bytes of two requests are joined only where the version is known."""
    web.put("/a", BODY, etag="", faults=[cut(3000)] * 4)
    with pytest.raises(FetchError, match="4 tries"):
        download(remote(web), str(tmp_path), client, LIMIT)
    download(remote(web), str(tmp_path), client, LIMIT)
    assert (tmp_path / "c4/a.gz").read_bytes() == BODY
    assert ranges(web) == [None] * 5


def test_goes_on_without_a_version_where_a_checksum_is_published(web, client, tmp_path):
    web.put("/a", BODY, etag="", faults=[cut(3000)])
    download(remote(web, checksum=sha1(BODY)), str(tmp_path), client, LIMIT)
    assert ranges(web) == [None, "bytes=3000-"]
    assert "If-Range" not in web.requests[1].headers
    assert (tmp_path / "c4/a.gz").read_bytes() == BODY


def test_starts_over_where_the_server_has_no_ranges(web, client, tmp_path):
    web.put("/a", BODY, ranges=False, faults=[cut(3000)])
    download(remote(web), str(tmp_path), client, LIMIT)
    assert (tmp_path / "c4/a.gz").read_bytes() == BODY


def test_starts_over_where_the_file_changed_between_attempts(web, client, tmp_path):
    web.put("/a", BODY, faults=[cut(3000), changed(OTHER, '"two"')])
    download(remote(web), str(tmp_path), client, LIMIT)
    assert (tmp_path / "c4/a.gz").read_bytes() == OTHER
    assert json.loads((tmp_path / ".fetch/c4/a.gz.json").read_text())["etag"] == '"two"'


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("ETag", '"two"'),
        ("Content-Range", "bytes 0-10239/10240"),
        ("Content-Range", "bytes 3000-10239/99999"),
        ("Content-Range", "nonsense"),
    ],
)
def test_starts_over_where_a_partial_answer_does_not_fit(web, client, tmp_path, name, value):
    def answer(handler, page: Page) -> None:
        handler.send_response(206)
        headers = {"ETag": '"one"', "Content-Range": "bytes 3000-10239/10240", name: value}
        for each in headers.items():
            handler.send_header(*each)
        handler.send_header("Content-Length", "7240")
        handler.end_headers()
        handler.wfile.write(OTHER[3000:])

    web.put("/a", BODY, faults=[cut(3000), answer])
    download(remote(web), str(tmp_path), client, LIMIT)
    assert (tmp_path / "c4/a.gz").read_bytes() == BODY
    assert ranges(web) == [None, "bytes=3000-", None]


def test_starts_over_where_the_range_is_refused(web, client, tmp_path):
    web.put("/a", BODY, faults=[cut(3000), status(416)])
    download(remote(web), str(tmp_path), client, LIMIT)
    assert (tmp_path / "c4/a.gz").read_bytes() == BODY


def test_gives_up_after_its_retries_and_keeps_what_came(web, client, tmp_path):
    web.put("/a", BODY, faults=[cut(500)] + [cut(0)] * 9)
    with pytest.raises(FetchError, match=r"/a: .* \(4 tries\); run the same command again"):
        download(remote(web), str(tmp_path), client, LIMIT)
    assert kept(tmp_path) == BODY[:500]
    assert not (tmp_path / "c4/a.gz").exists()


def test_progress_renews_the_retries(web, client, tmp_path):
    web.put("/a", BODY, faults=[cut(1000)] * 9)
    download(remote(web), str(tmp_path), client, LIMIT)
    assert len(web.got("/a")) == 10


def test_a_length_that_is_too_long_is_never_believed(web, client, tmp_path):
    web.put("/a", BODY, announces=len(BODY) + 10)
    with pytest.raises(FetchError, match="4 tries"):
        download(remote(web), str(tmp_path), client, LIMIT)
    assert not (tmp_path / "c4/a.gz").exists()


def test_a_length_that_is_not_the_listing_s_is_refused(web, client, tmp_path):
    web.put("/a", BODY, announces=100)
    message = "the host announces 100 bytes, the listing 10,240, 2 times; nothing of it is kept"
    with pytest.raises(FetchError, match=message):
        download(remote(web, size=len(BODY)), str(tmp_path), client, LIMIT)
    assert kept(tmp_path) == b""


def test_a_short_length_is_caught_by_the_checksum(web, client, tmp_path):
    web.put("/a", BODY, announces=100)
    with pytest.raises(FetchError, match="the file has the checksum sha1:"):
        download(remote(web, checksum=sha1(BODY)), str(tmp_path), client, LIMIT)
    assert not (tmp_path / "c4/a.gz").exists()


@pytest.mark.parametrize(("size", "limit"), [(20_000, LIMIT), (None, 70_000)])
def test_a_body_longer_than_announced_is_cut_off(web, client, tmp_path, size, limit):
    web.put("/a", BODY, faults=[endless] * 2)
    with pytest.raises(FetchError, match="the host sends more than"):
        download(remote(web, size=size), str(tmp_path), client, limit)
    assert kept(tmp_path) == b""


def test_a_chunked_body_is_taken_whole(web, client, tmp_path):
    web.put("/a", BODY, announces=-1)
    assert download(remote(web), str(tmp_path), client, LIMIT) == len(BODY)


def test_a_chunked_body_that_breaks_off_is_noticed(web, client, tmp_path):
    web.put("/a", BODY, announces=-1, faults=[cut(3000)])
    download(remote(web), str(tmp_path), client, LIMIT)
    assert (tmp_path / "c4/a.gz").read_bytes() == BODY
    assert ranges(web) == [None, "bytes=3000-"]


def test_an_empty_file_is_a_file(web, client, tmp_path):
    web.put("/a", b"")
    assert download(remote(web), str(tmp_path), client, LIMIT) == 0
    assert (tmp_path / "c4/a.gz").read_bytes() == b""


def test_a_bad_copy_is_fetched_once_more(web, client, tmp_path):
    def bad(handler, page: Page) -> None:
        handler.send_page(dataclasses.replace(page, body=OTHER))

    web.put("/a", BODY, faults=[bad])
    download(remote(web, checksum=sha1(BODY)), str(tmp_path), client, LIMIT)
    assert (tmp_path / "c4/a.gz").read_bytes() == BODY
    assert ranges(web) == [None, None]


def test_a_wrong_checksum_leaves_nothing(web, client, tmp_path):
    web.put("/a", OTHER)
    with pytest.raises(FetchError, match=f"the listing {sha1(BODY)}, 2 times"):
        download(remote(web, checksum=sha1(BODY)), str(tmp_path), client, LIMIT)
    assert kept(tmp_path) == b""
    assert not (tmp_path / "c4/a.gz").exists()


@pytest.mark.parametrize("code", [408, 429, 500, 502, 503, 504])
def test_busy_hosts_are_asked_again(web, client, tmp_path, code):
    web.put("/a", BODY, faults=[status(code)] * 3)
    download(remote(web), str(tmp_path), client, LIMIT)
    assert len(web.got("/a")) == 4


@pytest.mark.parametrize("code", [400, 401, 403, 451])
def test_refusals_are_final(web, client, tmp_path, code):
    web.put("/a", BODY, faults=[status(code)])
    with pytest.raises(FetchError, match=f"/a: HTTP {code} .*the host refuses"):
        download(remote(web), str(tmp_path), client, LIMIT)
    assert len(web.requests) == 1


def test_the_next_address_is_tried_where_a_file_is_missing(web, client, tmp_path):
    web.put("/b", BODY)
    file = RemoteFile("c4/a.gz", (web.address + "/a", web.address + "/b"))
    download(file, str(tmp_path), client, LIMIT)
    assert (tmp_path / "c4/a.gz").read_bytes() == BODY
    web.pages.clear()
    gone = RemoteFile("c4/b.gz", (web.address + "/a", web.address + "/b"))
    with pytest.raises(Missing, match="/b: HTTP 404"):
        download(gone, str(tmp_path), client, LIMIT)


def test_a_whole_file_is_not_asked_for_again(web, client, tmp_path):
    web.put("/a", BODY)
    download(remote(web), str(tmp_path), client, LIMIT)
    download(remote(web), str(tmp_path), client, LIMIT)
    assert len(web.requests) == 1


def test_a_file_that_the_publisher_changed_is_replaced(web, client, tmp_path):
    web.put("/a", BODY)
    download(remote(web, checksum=sha1(BODY)), str(tmp_path), client, LIMIT)
    web.put("/a", OTHER, etag='"two"')
    download(remote(web, checksum=sha1(OTHER)), str(tmp_path), client, LIMIT)
    assert (tmp_path / "c4/a.gz").read_bytes() == OTHER


def test_a_file_of_the_user_is_never_overwritten(web, client, tmp_path):
    web.put("/a", BODY)
    (tmp_path / "c4").mkdir()
    (tmp_path / "c4/a.gz").write_bytes(OTHER)
    for file in (remote(web), remote(web, size=3), remote(web, checksum=sha1(BODY))):
        with pytest.raises(FetchError, match=r"is another file than .*/a; move it away"):
            download(file, str(tmp_path), client, LIMIT)
    assert (tmp_path / "c4/a.gz").read_bytes() == OTHER
    assert web.requests == []


def test_a_file_of_the_user_with_the_right_checksum_is_taken(web, client, tmp_path):
    (tmp_path / "c4").mkdir()
    (tmp_path / "c4/a.gz").write_bytes(BODY)
    download(remote(web, checksum=sha1(BODY)), str(tmp_path), client, LIMIT)
    assert web.requests == []


def test_a_partial_file_of_another_listing_is_dropped(web, client, tmp_path):
    web.put("/a", BODY, faults=[cut(3000)] + [cut(0)] * 3)
    with pytest.raises(FetchError, match="tries"):
        download(remote(web, checksum=sha1(BODY)), str(tmp_path), client, LIMIT)
    assert kept(tmp_path) == BODY[:3000]
    web.put("/a", OTHER, etag='"two"')
    download(remote(web, checksum=sha1(OTHER)), str(tmp_path), client, LIMIT)
    assert (tmp_path / "c4/a.gz").read_bytes() == OTHER
    assert ranges(web)[-1] is None


@pytest.mark.parametrize("record", ["", "{", "[]", '{"url": 3, "future": true}'])
def test_a_damaged_record_means_a_new_start(web, client, tmp_path, record):
    web.put("/a", BODY)
    folder = tmp_path / ".fetch/c4"
    folder.mkdir(parents=True)
    (folder / "a.gz.partial").write_bytes(OTHER[:100])
    (folder / "a.gz.json").write_text(record)
    download(remote(web), str(tmp_path), client, LIMIT)
    assert (tmp_path / "c4/a.gz").read_bytes() == BODY


def test_two_fetches_of_one_file_do_not_mix(web, quick, tmp_path):
    held, go = threading.Event(), threading.Event()

    def slow(handler, page: Page) -> None:
        held.set()
        go.wait(5)
        handler.send_page(page)

    web.put("/a", BODY, faults=[slow])
    first = threading.Thread(target=download, args=(remote(web), str(tmp_path), Client(quick), 1))
    first.start()
    assert held.wait(5)
    with pytest.raises(FetchError, match="another fetch is writing"):
        download(remote(web), str(tmp_path), Client(quick), LIMIT)
    go.set()
    first.join()
    assert (tmp_path / "c4/a.gz").read_bytes() == BODY


def test_stops_between_chunks(web, quick, tmp_path):
    stop = threading.Event()
    web.put("/a", BODY, faults=[endless])
    with pytest.raises(Stopped):
        client = Client(quick, stop)
        download(remote(web), str(tmp_path), client, LIMIT, lambda count: stop.set())
    assert len(kept(tmp_path)) > 0


def test_a_silent_or_slow_connection_counts_as_broken(web, quick, tmp_path):
    go = threading.Event()

    def silent(handler, page: Page) -> None:
        handler.send_response(200)
        handler.send_header("Content-Length", "10240")
        handler.end_headers()
        go.wait(5)

    def dripping(handler, page: Page) -> None:
        handler.send_response(200)
        handler.send_header("Content-Length", "10240")
        handler.end_headers()
        for _ in range(20):
            handler.wfile.write(b"x")
            time.sleep(0.005)

    manners = dataclasses.replace(quick, read_timeout=0.05, stall_seconds=0.02, stall_bytes=100)
    web.put("/a", BODY, faults=[silent, dripping])
    download(remote(web), str(tmp_path), Client(manners), LIMIT)
    go.set()
    assert (tmp_path / "c4/a.gz").read_bytes() == BODY
    assert len(web.got("/a")) == 3


SCRIPT = """
import sys
from pasture.fetch.base import Manners, RemoteFile
from pasture.fetch.client import Client
from pasture.fetch.download import download
url, folder, *limit = sys.argv[1:]
if limit:
    import resource, signal
    signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (int(limit[0]), int(limit[0])))
manners = Manners(interval=0, backoff=0.001)
download(RemoteFile("c4/a.gz", (url,)), folder, Client(manners), 1 << 30)
"""


def test_goes_on_after_kill_9(web, client, tmp_path):
    sent, go = threading.Event(), threading.Event()

    def half(handler, page: Page) -> None:
        handler.send_page(page, most=6000)
        sent.set()
        go.wait(20)

    web.put("/a", BODY, faults=[half])
    command = [sys.executable, "-c", SCRIPT, web.address + "/a", str(tmp_path)]
    with subprocess.Popen(command) as process:
        assert sent.wait(30)
        partial = tmp_path / ".fetch/c4/a.gz.partial"
        while not partial.exists() or partial.stat().st_size < 6000:
            time.sleep(0.005)
        process.send_signal(signal.SIGKILL)
    go.set()
    assert not (tmp_path / "c4/a.gz").exists()
    download(remote(web), str(tmp_path), client, LIMIT)
    assert (tmp_path / "c4/a.gz").read_bytes() == BODY
    assert ranges(web) == [None, "bytes=6000-"]


def test_a_file_that_was_checked_but_not_renamed_is_renamed(web, client, tmp_path):
    web.put("/a", BODY)
    download(remote(web), str(tmp_path), client, LIMIT)
    os.rename(tmp_path / "c4/a.gz", tmp_path / ".fetch/c4/a.gz.partial")
    download(remote(web), str(tmp_path), client, LIMIT)
    assert (tmp_path / "c4/a.gz").read_bytes() == BODY
    assert len(web.requests) == 1


def test_a_disk_that_takes_no_more_is_told_of_and_what_came_is_kept(web, client, tmp_path):
    """The kernel's limit on the size of a file stands for the end of the disk."""
    web.put("/a", BODY)
    script = SCRIPT + textwrap.dedent("""
        raise SystemExit("not reached")
    """)
    command = [sys.executable, "-c", script, web.address + "/a", str(tmp_path), "4096"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert "DiskFull: cannot write" in done.stderr
    assert "File too large; make room and run the same command again" in done.stderr
    assert kept(tmp_path) == BODY[:4096]
    download(remote(web), str(tmp_path), client, LIMIT)
    assert ranges(web) == [None, "bytes=4096-"]


def test_a_folder_that_cannot_be_made_is_named(web, client, tmp_path):
    (tmp_path / "c4").write_text("a file")
    with pytest.raises(FetchError, match=r"cannot write .*c4/a.gz: .*choose another folder"):
        download(remote(web), str(tmp_path), client, LIMIT)
    assert DiskFull is not FetchError
    assert Manners().bytes_per_second == 0


def test_a_host_that_loses_a_file_for_a_while_costs_nothing(web, client, tmp_path):
    web.put("/a", BODY, faults=[cut(3000), status(404)])
    with pytest.raises(Missing):
        download(remote(web), str(tmp_path), client, LIMIT)
    assert kept(tmp_path) == BODY[:3000]
    download(remote(web), str(tmp_path), client, LIMIT)
    assert ranges(web)[-1] == "bytes=3000-"
