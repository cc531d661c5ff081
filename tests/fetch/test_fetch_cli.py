"""The command: terms, questions, exit codes, and all seven sources from nothing to a plan."""

from __future__ import annotations

import hashlib
import json
import os
import pathlib
import pty
import shutil
import signal
import subprocess
import sys
import threading

import pytest
from click.testing import CliRunner

from pasture.cli import main
from pasture.fetch import ORIGINS
from pasture.sample import write_sample
from tests.web_server import WebServer, status

NAME = "c4-train.00000-of-00001.json.gz"
TREE = "/api/datasets/allenai/c4/tree/main/en"
FILE = f"/datasets/allenai/c4/resolve/main/en/{NAME}"
BODY = bytes(range(256)) * 40


def put_c4(web: WebServer, body: bytes = BODY) -> None:
    entry = {
        "path": f"en/{NAME}",
        "size": len(body),
        "lfs": {"oid": hashlib.sha256(body).hexdigest()},
    }
    web.put(TREE, json.dumps([entry]).encode())
    web.put(FILE, body)


def call(*arguments: object, code: int = 0) -> str:
    result = CliRunner().invoke(main, ["fetch", *map(str, arguments)])
    assert result.exit_code == code, result.output
    return result.output


def c4(web: WebServer, folder: pathlib.Path, *more: object, code: int = 0) -> str:
    base = ("--base-url", web.address, "--interval", 0)
    return call("c4", "--to", folder, *base, *more, code=code)


def test_lists_what_may_be_fetched():
    text = call("--list")
    assert all(name in text for name in ORIGINS)
    assert json.loads(call("--list", "--json"))["c4"]["url"].startswith("https://")


def test_fetches_after_the_terms_and_the_size(web, tmp_path):
    put_c4(web)
    text = c4(web, tmp_path, "--yes")
    assert (tmp_path / "c4" / NAME).read_bytes() == BODY
    assert text.index("ODC-BY 1.0") < text.index("1 file to") < text.index("fetched 1 file,")
    assert "10.2 kB to fetch" in text
    assert f"pasture plan llama --input {tmp_path}" in text
    again = c4(web, tmp_path, "--yes")
    assert "1 of them whole already" in again
    assert len(web.got(FILE)) == 1


def test_asks_for_nothing_without_a_terminal(web, tmp_path):
    put_c4(web)
    text = c4(web, tmp_path, code=2)
    assert "ODC-BY 1.0" in text
    assert "error: there is no terminal to ask on; agree to the terms above with --yes" in text
    assert web.requests == []


def test_a_dry_run_shows_files_and_fetches_none(web, tmp_path):
    put_c4(web)
    text = c4(web, tmp_path / "new", "--dry-run")
    assert f"c4/{NAME}" in text
    assert "10,240" in text
    arguments = ["--to", str(tmp_path / "new"), "--base-url", web.address, "--dry-run", "--json"]
    plan = json.loads(CliRunner().invoke(main, ["fetch", "c4", *arguments]).stdout)
    assert plan["needed_bytes"] == 10240
    assert plan["files"] == [
        {
            "path": f"c4/{NAME}",
            "url": web.address + FILE,
            "bytes": 10240,
            "checksum": "sha256:" + hashlib.sha256(BODY).hexdigest(),
        }
    ]
    assert web.got(FILE) == []
    assert not (tmp_path / "new").exists()


def test_prints_one_json_value(web, tmp_path):
    put_c4(web)
    arguments = ["--base-url", web.address, "--to", str(tmp_path), "--yes", "--json"]
    result = CliRunner().invoke(main, ["fetch", "c4", *arguments])
    assert json.loads(result.stdout) == {
        "source": "c4",
        "folder": str(tmp_path),
        "fetched": 1,
        "bytes": 10240,
        "here": 0,
        "not_offered": [],
        "failed": {},
    }


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ([], "give SOURCE and --to DIR, or --list"),
        (["c4"], "give SOURCE and --to DIR, or --list"),
        (["c5", "--to", "x"], "c5"),
        (["c4", "--to", "s3://bucket/x", "--yes"], "give a local folder"),
        (["c4", "--to", "x", "--crawl", "y"], "--crawl is no option of c4, but of common_crawl"),
        (["c4", "--to", "x", "--single-stream"], "--single-stream is no option of c4, but of wiki"),
        (["c4", "--to", "x", "--site", "y"], "--site is no option of c4, but of stackexchange"),
        (["common_crawl", "--to", "x"], "--crawl is ''"),
        (["c4", "--to", "x", "--base-url", "host"], "--base-url: 'host' is no address"),
    ],
)
def test_bad_usage_is_told_before_any_work(arguments, message):
    text = call(*arguments, code=2)
    assert message in text.splitlines()[-1]


def test_every_option_belongs_to_an_origin():
    from pasture.console.fetching import FLAGS

    for name, flag in FLAGS.items():
        assert any(name in kind.__dataclass_fields__ for kind in ORIGINS.values()), name
        assert f"{flag} " in call("--help").replace("\n", " ")


def test_errors_are_one_line_with_the_address(web, tmp_path):
    put_c4(web)
    web.pages[FILE].faults = [status(403)]
    lines = c4(web, tmp_path, "--yes", code=1).splitlines()
    (error,) = [line for line in lines if line.startswith("error: ")]
    assert f"{web.address}{FILE}: HTTP 403 Forbidden; the host refuses" in error
    assert "run the same command to go on" in lines[-1]
    web.pages.pop(TREE)
    missing = c4(web, tmp_path, "--yes", code=1).splitlines()[-1]
    assert missing.startswith(f"error: {web.address}{TREE}: HTTP 404 Not Found; check what")


def test_a_folder_that_is_a_file_is_named(web, tmp_path):
    put_c4(web)
    (tmp_path / "raw").write_text("a file")
    text = c4(web, tmp_path / "raw" / "new", "--yes", code=2)
    assert text == (
        f"error: --to is {tmp_path}/raw/new, but {tmp_path}/raw is no folder to write to; "
        f"give another\n"
    )
    (tmp_path / "raw2").mkdir()
    (tmp_path / "raw2" / ".fetch").write_text("a file")
    assert "error: " in c4(web, tmp_path / "raw2", "--yes", code=1).splitlines()[-2]


def command(web: WebServer, folder: pathlib.Path, *more: str) -> list[str]:
    python = [sys.executable, "-m", "pasture.cli", "fetch", "c4", "--to", str(folder)]
    return [*python, "--base-url", web.address, "--interval", "0", *more]


def test_ctrl_c_keeps_what_came_and_says_how_to_go_on(web, tmp_path):
    put_c4(web)
    sent, go = threading.Event(), threading.Event()

    def half(handler, page) -> None:
        handler.send_page(page, most=6000)
        sent.set()
        go.wait(20)

    web.pages[FILE].faults = [half]
    with subprocess.Popen(
        command(web, tmp_path, "--yes"), stderr=subprocess.PIPE, text=True
    ) as process:
        assert sent.wait(30)
        process.send_signal(signal.SIGINT)
        _, errors = process.communicate(timeout=30)
    go.set()
    assert process.returncode == 130
    assert "stopped: 0 of 1 files are whole" in errors
    assert f"is kept in {tmp_path}/.fetch; run the same command to go on" in errors
    assert "Traceback" not in errors
    c4(web, tmp_path, "--yes")
    assert (tmp_path / "c4" / NAME).read_bytes() == BODY
    assert web.got(FILE)[-1].headers["Range"] == "bytes=6000-"


@pytest.mark.parametrize(("answer", "code"), [(b"n\n", 1), (b"y\n", 0)])
def test_asks_on_a_terminal(web, tmp_path, answer, code):
    put_c4(web)
    ours, theirs = pty.openpty()
    with subprocess.Popen(
        command(web, tmp_path), stdin=theirs, stdout=theirs, stderr=theirs, close_fds=True
    ) as process:
        os.close(theirs)
        seen = b""
        while b"[y/N]" not in seen:
            seen += os.read(ours, 1000)
        os.write(ours, answer)
        while True:
            try:
                seen += os.read(ours, 1000)
            except OSError:  # the terminal's other end is closed
                break
    os.close(ours)
    assert process.returncode == code
    assert (tmp_path / "c4" / NAME).exists() == (code == 0)
    assert b"Traceback" not in seen


@pytest.mark.skipif(
    os.geteuid() != 0 or not shutil.which("unshare"), reason="needs root and unshare"
)
def test_a_full_disk_stops_and_keeps_what_came(web, tmp_path):
    listing = tmp_path / "repositories.txt"
    listing.write_text("a/b\n")
    web.put("/a/b/tar.gz/HEAD", bytes(300_000))
    folder = tmp_path / "disk"
    folder.mkdir()
    python = f"{sys.executable} -m pasture.cli fetch github --repositories {listing} --yes"
    script = (
        f"set -e; mount -t tmpfs -o size=128k tmpfs {folder}\n"
        f"{python} --to {folder} --base-url {web.address} --interval 0 && exit 9 || status=$?\n"
        f"mount -o remount,size=1m {folder}\n"
        f"{python} --to {folder} --base-url {web.address} --interval 0 >&2\n"
        f"stat -c %s {folder}/github/a__b.tar.gz; exit $status"
    )
    done = subprocess.run(
        ["unshare", "-m", "bash", "-c", script], capture_output=True, text=True, check=False
    )
    assert done.returncode == 1, done.stderr
    assert "No space left on device; make room and run the same command again" in done.stderr
    assert done.stdout == "300000\n"
    assert web.got("/a/b/tar.gz/HEAD")[1].headers["Range"].startswith("bytes=")


CRAWL = "CC-MAIN-2019-18"


def publish(raw: pathlib.Path, web: WebServer, repositories: pathlib.Path) -> dict[str, list[str]]:
    """Publish the sample's files as the real hosts do; return each file's new place."""
    import gzip

    def sha1(body: bytes) -> str:
        return hashlib.sha1(body).hexdigest()

    places: dict[str, list[str]] = {}
    names = []
    for path in sorted(raw.glob("common_crawl/*.warc.wet.gz")):
        name = f"crawl-data/{CRAWL}/segments/1555.1/wet/{path.name}"
        names.append(name)
        web.put(f"/cc/{name}", path.read_bytes())
        places[str(path)] = [f"common_crawl/{name}"]
    listing = "".join(f"{name}\n" for name in names).encode()
    web.put(f"/cc/crawl-data/{CRAWL}/wet.paths.gz", gzip.compress(listing))

    put_c4(web, (raw / "c4" / NAME).read_bytes())
    places[str(raw / "c4" / NAME)] = [f"c4/{NAME}"]

    sums: dict[str, str] = {}
    for path in sorted(raw.glob("wikipedia/*.bz2")):
        wiki, date, _ = path.name.split("-", 2)
        web.put(f"/wiki/{wiki}/{date}/{path.name}", path.read_bytes())
        sums[wiki] = sums.get(wiki, "") + f"{sha1(path.read_bytes())}  {path.name}\n"
        places[str(path)] = [f"wikipedia/{path.name}"]
    for wiki, text in sums.items():
        web.put(f"/wiki/{wiki}/latest/{wiki}-latest-sha1sums.txt", text.encode())

    rows = ["Text#,Type,Issued,Title,Language,Authors,Subjects,LoCC,Bookshelves"]
    for path in sorted(raw.glob("books/gutenberg/7????-0.txt")):
        number = path.name[:5]
        web.put(f"/books/{'/'.join(number[:4])}/{number}/{path.name}", path.read_bytes())
        rows.append(f"{number},Text,2004-01-01,A book,en,,,,")
        places[str(path)] = [f"books/gutenberg/{number}.txt"]
    web.put("/pg_catalog.csv", "\n".join(rows).encode())

    (tar,) = raw.glob("arxiv/*.tar")
    digest = hashlib.md5(tar.read_bytes()).hexdigest()
    web.put(f"/s3/arxiv/src/{tar.name}", tar.read_bytes())
    web.put(
        "/s3/arxiv/src/arXiv_src_manifest.xml",
        f"<arXivSRC><file><filename>src/{tar.name}</filename><md5sum>{digest}</md5sum>"
        f"<size>{tar.stat().st_size}</size></file></arXivSRC>".encode(),
    )
    places[str(tar)] = [f"arxiv/{tar.name}"]

    lines = []
    for path in sorted(raw.glob("github/*.tar.gz")):
        owner, name = path.name.removesuffix(".tar.gz").split("__")
        web.put(f"/codeload/{owner}/{name}/tar.gz/v1", path.read_bytes(), announces=-1)
        lines.append(f"{owner}/{name}@v1\n")
        places[str(path)] = [f"github/{path.name}"]
    repositories.write_text("".join(lines))

    files = []
    for path in sorted(raw.glob("stackexchange/*.7z")):
        body = path.read_bytes()
        web.put(f"/ia/download/stackexchange/{path.name}", body)
        files.append({"name": path.name, "size": str(len(body)), "sha1": sha1(body)})
        places[str(path)] = [f"stackexchange/{path.name}"]
    web.put("/ia/metadata/stackexchange", json.dumps({"files": files}).encode())
    return places


class AnyQuery(dict):  # type: ignore[type-arg]
    """Pages by path, whatever the signature in the query."""

    def get(self, path, default=None):
        return super().get(path.partition("?")[0], default)


def test_from_nothing_to_a_plan(web, tmp_path, monkeypatch):
    """The files of all seven sources are found by the built-in recipe where fetch puts them."""
    pytest.importorskip("botocore")
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "user")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "secret")
    raw, folder, listing = tmp_path / "sample", tmp_path / "raw", tmp_path / "repositories.txt"
    write_sample(str(raw))
    web.pages = AnyQuery()
    places = publish(raw, web, listing)
    others = [
        part for code in ("de", "es", "fr", "it", "pl", "ru") for part in ("--language", code)
    ]
    for source, base, options in (
        ("common_crawl", "/cc", ["--crawl", CRAWL]),
        ("c4", "", []),
        ("wikipedia", "/wiki", ["--language", "en"]),
        ("wikipedia", "/wiki", ["--single-stream", *others]),
        ("books", "/books", ["--catalogue", web.address + "/pg_catalog.csv"]),
        ("arxiv", "/s3", []),
        ("github", "/codeload", ["--repositories", listing]),
        ("stackexchange", "/ia", []),
    ):
        base_url = ("--base-url", web.address + base)
        call(source, "--to", folder, "--yes", "--interval", 0, *base_url, *options)
    for path, (place,) in places.items():
        assert (folder / place).read_bytes() == pathlib.Path(path).read_bytes()
    result = CliRunner().invoke(main, ["plan", "llama", "--input", str(folder), "--json"])
    nodes = {node["key"]: node for node in json.loads(result.stdout)}
    shards = {name: nodes[f"documents/{name}/00-extract"]["shards"] for name in ORIGINS}
    assert shards["common_crawl"] == 3
    assert shards["c4"] == 1
    assert min(shards.values()) > 0
    bytes_read = nodes["documents/github/00-extract"]["bytes"]
    assert bytes_read == sum(path.stat().st_size for path in folder.glob("github/*"))
