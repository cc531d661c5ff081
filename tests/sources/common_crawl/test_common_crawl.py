"""Common Crawl: WET and WARC records become documents, and whatever does not is accounted for."""

from __future__ import annotations

import collections
import datetime
import functools
import gzip
import http.server
import json
import threading
import zlib

import fsspec
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from pasture.errors import ConfigError, InputError, StorageError
from pasture.records import Document
from pasture.sources.base import InputShard, Rejected
from pasture.sources.common_crawl.source import CommonCrawl
from pasture.sources.containers.crawl_pages import parse_http
from pasture.sources.containers.html_tree import PageError

# With no time in it: the names of tests must not change from one collection to the next.
gzipped = functools.partial(gzip.compress, mtime=0)

DATE = datetime.datetime(2019, 2, 15, 21, 56, 34, tzinfo=datetime.timezone.utc)
SENTENCE = "The ferry ran without a bell, and nobody in the town complained of it. "
PAGE = f"<html><head><title>Ferries</title></head><body><article><p>{SENTENCE * 6}</p></article>"
OK = b"HTTP/1.1 200 OK\r\nContent-Type: text/html; charset=utf-8\r\n\r\n"


def record(kind: str, block: bytes, name: str | None = "1", **headers: str | None) -> bytes:
    """One WARC record; a header of None is left out."""
    fields: dict[str, str | None] = {
        "WARC-Type": kind,
        "WARC-Record-ID": f"<urn:uuid:{name}>" if name else None,
        "WARC-Target-URI": f"http://example.org/{name}",
        "WARC-Date": "2019-02-15T21:56:34Z",
        "Content-Type": "text/plain",
        "Content-Length": str(len(block)),
    }
    fields.update({key.replace("_", "-"): value for key, value in headers.items()})
    lines = [f"{key}: {value}" for key, value in fields.items() if value is not None]
    return "\r\n".join(["WARC/1.0", *lines, "", ""]).encode() + block + b"\r\n\r\n"


def wet(text: str, name: str | None = "1", **headers: str | None) -> bytes:
    return record("conversion", text.encode(), name, **headers)


def response(block: bytes, name: str = "1", **headers: str | None) -> bytes:
    return record("response", block, name, **{"Content_Type": "application/http", **headers})


def read(path, records: list[bytes], **options: object) -> list[Document | Rejected]:
    """Write records as members of a gzip, and read them."""
    path.write_bytes(b"".join(map(gzip.compress, records)))
    return read_file(path, **options)


def read_file(path, **options: object) -> list[Document | Rejected]:
    source = CommonCrawl(inputs=(str(path),), **options)
    return [found for shard in source.shards() for found in source.read(shard)]


def brief(found: list[Document | Rejected]) -> list[str]:
    """Each record as its reason; its id where it is kept."""
    return [r.reason if isinstance(r, Rejected) else r.id for r in found]


LONG = "Title\n" + "\n".join([SENTENCE.strip()] * 5)


def test_a_wet_record_becomes_a_document_without_its_first_line(tmp_path):
    text = f" Ferries \r\n\r\n  \n {SENTENCE}\n\t{SENTENCE * 4}\n\n"
    found = read(
        tmp_path / "a.warc.wet.gz",
        [
            record("warcinfo", b"software: test", "0"),
            wet(text, "1", WARC_Identified_Content_Language="eng,deu"),
        ],
    )
    assert found == [
        Document(
            id="urn:uuid:1",
            source="common_crawl",
            text=f"{SENTENCE.strip()}\n{(SENTENCE * 4).strip()}",
            url="http://example.org/1",
            date=DATE,
            metadata=json.dumps(
                {"crawl_languages": "eng,deu", "file": "a.warc.wet.gz", "title": "Ferries"}
            ),
        )
    ]


def test_the_first_line_may_stay_in_the_text(tmp_path):
    [document] = read(tmp_path / "a.wet", [wet(LONG)], first_line_is_title=False)
    assert isinstance(document, Document)
    assert document.text == LONG
    assert document.metadata == '{"file": "a.wet"}'


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("t\n" + "a" * 300, "urn:uuid:1"),
        ("t\n" + "a" * 299, "too_short"),
        ("t\n" + "a" * 149 + "\n\n" + "b" * 150, "urn:uuid:1"),  # the line feed counts, as in CCNet
        ("t\n" + "a" * 149 + "\n\n" + "b" * 149, "too_short"),
        ("a" * 5000, "too_short"),  # the only line is the title
        ("", "too_short"),
        (" \n\t\n", "too_short"),
        ("t\n" + "\u00e9" * 300, "urn:uuid:1"),  # characters, not bytes
    ],
)
def test_a_page_needs_300_characters(tmp_path, text, expected):
    assert brief(read(tmp_path / "a.wet.gz", [wet(text)])) == [expected]


def test_a_page_of_no_text_is_rejected_whatever_the_minimum(tmp_path):
    records = [wet("t\n \n", "1"), wet("t\na", "2")]
    found = read(tmp_path / "a.wet.gz", records, min_characters=0)
    assert brief(found) == ["too_short", "urn:uuid:2"]


def test_a_page_that_is_not_utf8_is_a_bad_record(tmp_path):
    found = read(tmp_path / "a.wet.gz", [record("conversion", b"t\ncaf\xe9"), wet(LONG, "2")])
    assert found[0] == Rejected(
        "urn:uuid:1",
        "not_utf8",
        "bad_record",
        "'utf-8' codec can't decode byte 0xe9 in position 5: unexpected end of data",
        "t\ncaf\ufffd",
    )
    assert brief(found) == ["not_utf8", "urn:uuid:2"]


def test_missing_headers_have_stand_ins(tmp_path):
    missing = {"WARC_Target_URI": None, "WARC_Date": None}
    first = wet(LONG, None, **missing)
    found = read(tmp_path / "a.wet.gz", [first, wet(LONG, None, WARC_Date="yesterday")])
    offset = len(gzipped(first))
    assert [(d.id, d.url, d.date) for d in found if isinstance(d, Document)] == [
        ("a.wet.gz:0", None, None),
        (f"a.wet.gz:{offset}", "http://example.org/None", None),
    ]


def test_ids_are_unique_where_records_share_one_gzip_member(tmp_path):
    path = tmp_path / "a.wet.gz"
    path.write_bytes(gzipped(wet(LONG, None) * 3))
    assert brief(read_file(path)) == ["a.wet.gz:0", "a.wet.gz:0+1", "a.wet.gz:0+2"]


def test_plain_and_gzip_files_read_alike(tmp_path):
    records = [wet(LONG, str(i)) for i in range(3)]
    (tmp_path / "a.wet").write_bytes(b"".join(records))
    assert brief(read_file(tmp_path / "a.wet")) == ["urn:uuid:0", "urn:uuid:1", "urn:uuid:2"]


@pytest.mark.parametrize("compressed", [True, False])
def test_a_truncated_file_gives_its_whole_records_and_one_bad_file(tmp_path, compressed):
    """Wherever a file is cut, nothing is lost in silence and no record is read in part."""
    parts = [wet(LONG, str(i)) for i in range(3)]
    if compressed:
        parts = [gzipped(part) for part in parts]
    whole = b"".join(parts)
    ends = [len(b"".join(parts[:i])) for i in range(1, 4)]
    # Of a record, its last line feeds or the last bytes of its gzip member may be missing.
    slack = 12 if compressed else 4
    path = tmp_path / "cut.wet"
    for cut in (*range(1, len(whole), 13), *ends):
        path.write_bytes(whole[:cut])
        found = read_file(path)
        documents = [r.id for r in found if isinstance(r, Document)]
        assert documents == [f"urn:uuid:{i}" for i in range(len(documents))]
        assert len(documents) in {sum(cut >= end - bytes_ for end in ends) for bytes_ in (0, slack)}
        missing = min(end - cut for end in ends if end >= cut)
        if missing == 0 or (missing <= slack and not compressed):
            assert found[len(documents) :] == []
        else:
            [bad] = found[len(documents) :]
            assert isinstance(bad, Rejected)
            assert (bad.kind, bad.locator.startswith(f"{path}:")) == ("bad_file", True)
            assert bad.reason in ("truncated_file", "damaged_file")


def damaged(member: bytes) -> bytes:
    """A gzip member with zeros in the middle."""
    return member[:40] + bytes(40) + member[80:]


def test_a_damaged_record_is_named_and_passed_over(tmp_path):
    """One bad file for each damaged stretch, which says where reading went on."""
    members = [gzipped(wet(LONG * 20, str(i))) for i in range(7)]
    ends = [len(b"".join(members[:i])) for i in range(8)]
    for number in (2, 4, 5):
        members[number] = damaged(members[number])
    path = tmp_path / "a.wet.gz"
    path.write_bytes(b"".join(members))
    found = read_file(path)
    kept = [f"urn:uuid:{i}" for i in (0, 1, 3, 6)]
    assert brief(found) == [*kept[:2], "damaged_file", kept[2], "damaged_file", kept[3]]
    for bad, before, after in ((found[2], 1, 3), (found[4], 3, 6)):
        assert isinstance(bad, Rejected)
        assert bad.kind == "bad_file"
        assert bad.locator in (f"{path}:{ends[before]}", f"{path}:{ends[before + 1]}")
        assert bad.detail.endswith(f"; read on at byte {ends[after]:,}")


def test_a_damaged_last_record_ends_the_file(tmp_path):
    path = tmp_path / "a.wet.gz"
    path.write_bytes(gzipped(wet(LONG, "0")) + damaged(gzipped(wet(LONG * 20, "1"))))
    found = read_file(path)
    assert brief(found) == ["urn:uuid:0", "damaged_file"]
    assert "read on" not in found[1].detail


def test_a_length_that_lies_costs_no_other_record(tmp_path):
    """A record that claims the next ones as its own is passed over, and they are read."""
    records = [wet(LONG, "0"), wet(LONG, "1", Content_Length="99999999"), wet(LONG, "2")]
    found = read(tmp_path / "a.wet.gz", records)
    assert brief(found) == ["urn:uuid:0", "truncated_file", "urn:uuid:2"]


@given(
    place=st.integers(0, 10_000),
    junk=st.binary(min_size=1, max_size=400),
)
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_damage_anywhere_loses_no_sound_record_in_silence(tmp_path, place, junk):
    """Whatever is written over some bytes, every record outside of it is read, once, in order."""
    members = [gzipped(wet(f"{LONG}\n{i}" * 5, str(i))) for i in range(5)]
    whole = b"".join(members)
    place %= len(whole)
    changed = (whole[:place] + junk + whole[place + len(junk) :])[: len(whole)]
    path = tmp_path / "a.wet.gz"
    path.write_bytes(changed)
    found = read_file(path)
    ids = [r.id for r in found if isinstance(r, Document)]
    starts = [len(b"".join(members[:i])) for i in range(6)]
    sound = [
        f"urn:uuid:{i}"
        for i in range(5)
        if changed[starts[i] : starts[i + 1]] == whole[starts[i] : starts[i + 1]]
    ]
    if changed[:2] == b"\x1f\x8b":
        assert [name for name in ids if name in sound] == sound
    assert len(set(ids)) == len(ids)
    if len(ids) < 5:
        assert any(isinstance(r, Rejected) for r in found)


def test_a_hostile_file_of_gzip_heads_is_given_up(tmp_path):
    """Places to read on are tried a bounded number of times."""
    head = gzipped(b"WARC/1.0 no header")[:-8] + bytes(8)
    path = tmp_path / "a.wet.gz"
    path.write_bytes(gzipped(wet(LONG, "0")) + head * 2000 + b"\x1f\x8b\x08\x00" * 50_000)
    assert brief(read_file(path)) == ["urn:uuid:0", "damaged_file"]


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (b"", "empty_file"),
        (gzipped(b""), "damaged_file"),
        (b"<html>no archive</html>" * 100, "damaged_file"),
        (gzipped(b"<html>no archive</html>" * 100), "damaged_file"),
        (b"WARC/1.0\r\nWARC-Type: conver", "damaged_file"),
        (wet(LONG, Content_Length="-1"), "damaged_file"),
        (wet(LONG, Content_Length=None), "damaged_file"),
        (wet(LONG, Content_Length="99999999999999999999"), "damaged_file"),
        (wet(LONG, Content_Length="99999999999"), "truncated_file"),
    ],
)
def test_a_file_that_is_no_archive_is_a_bad_file(tmp_path, data, reason):
    path = tmp_path / "a.warc.gz"
    path.write_bytes(data)
    [rejected] = read_file(path)
    assert isinstance(rejected, Rejected)
    assert (rejected.kind, rejected.reason) == ("bad_file", reason)
    assert str(path) in rejected.locator


def test_a_wat_file_is_refused_once(tmp_path):
    metadata = record("metadata", b"{}", "1", Content_Type="application/json")
    found = read(tmp_path / "a.wat.gz", [record("warcinfo", b"", "0"), metadata, metadata])
    assert [(r.reason, r.kind) for r in found if isinstance(r, Rejected)] == [
        ("wat_file", "bad_file")
    ]
    assert len(found) == 1


def test_records_that_are_no_pages_are_passed_over(tmp_path):
    found = read(
        tmp_path / "a.warc.gz",
        [
            record("warcinfo", b"software: test", "0"),
            record("request", b"GET / HTTP/1.1\r\n\r\n", "1"),
            record("metadata", b"fetchTimeMs: 1", "2", Content_Type="application/warc-fields"),
            record(
                "response", b"x", "3", WARC_Target_URI="dns:example.org", Content_Type="text/dns"
            ),
        ],
    )
    assert found == []


def html_response(headers: str = "", body: bytes = PAGE.encode()) -> bytes:
    return f"HTTP/1.1 200 OK\r\nContent-Type: text/html\r\n{headers}\r\n".encode() + body


@pytest.mark.parametrize(
    ("block", "reason", "kind"),
    [
        (b"HTTP/1.1 404 Not Found\r\nContent-Type: text/html\r\n\r\n<html>", "http_status", "rule"),
        (b"HTTP/1.1 301 Moved\r\nLocation: /\r\n\r\n", "http_status", "rule"),
        (b"HTTP/1.1 200 OK\r\nContent-Type: image/png\r\n\r\n\x89PNG", "not_html", "rule"),
        (b"HTTP/1.1 200 OK\r\n\r\nplain", "not_html", "rule"),
        (html_response(body=b"%PDF-1.4"), "not_html", "rule"),
        (html_response(body=b"<html><p>short"), "too_short", "rule"),
        (html_response(body=b"<div>" * 4000), "too_complex", "rule"),
        (html_response(body=b"a" * 20_001), "page_too_large", "rule"),
        (html_response("Content-Encoding: gzip\r\n", b"\x1f\x8bgarbage"), "bad_http", "bad_record"),
        (
            html_response("Content-Encoding: gzip\r\n", gzipped(bytes(10**7))),
            "page_too_large",
            "rule",
        ),
        (b"ICY 200 OK\r\n\r\n<html>", "bad_http", "bad_record"),
        (b"HTTP/1.1 OK\r\n\r\n<html>", "bad_http", "bad_record"),
        (b"garbage", "bad_http", "bad_record"),
        (b"", "bad_http", "bad_record"),
    ],
)
def test_a_response_that_is_no_page_is_rejected(tmp_path, block, reason, kind):
    found = read(
        tmp_path / "a.warc.gz",
        [response(block), response(html_response(), "2")],
        max_page_bytes=20_000,
    )
    assert isinstance(found[0], Rejected)
    assert (found[0].locator, found[0].reason, found[0].kind) == ("urn:uuid:1", reason, kind)
    assert brief(found)[1] == "urn:uuid:2"


def test_revisits_and_continuations_are_counted(tmp_path):
    found = read(tmp_path / "a.warc.gz", [record("revisit", b""), record("continuation", b"", "2")])
    assert brief(found) == ["revisit", "continuation"]


@pytest.mark.parametrize("extractor", ["trafilatura", "trafilatura_fast", "resiliparse"])
def test_html_becomes_a_document_with_its_title(tmp_path, extractor):
    found = read(tmp_path / "a.warc.gz", [response(html_response())], extractor=extractor)
    assert found == [
        Document(
            id="urn:uuid:1",
            source="common_crawl",
            text=(SENTENCE * 6).strip(),
            url="http://example.org/1",
            date=DATE,
            metadata='{"file": "a.warc.gz", "title": "Ferries"}',
        )
    ]


@pytest.mark.parametrize(
    "found",
    [
        record("resource", PAGE.encode(), Content_Type="text/html; charset=utf-8"),
        response(b"HTTP/1.1 200 OK\r\n\r\n" + PAGE.encode()),  # no type, but plainly HTML
        response(b"HTTP/1.1 200 OK\nContent-Type: application/xhtml+xml\n\n" + PAGE.encode()),
        response(
            b"HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\n\r\n" + PAGE.encode(),
            WARC_Identified_Payload_Type="text/html",
        ),
    ],
)
def test_html_is_told_in_several_ways(tmp_path, found):
    assert brief(read(tmp_path / "a.warc.gz", [found], extractor="resiliparse")) == ["urn:uuid:1"]


def chunked(body: bytes) -> bytes:
    chunks = [body[i : i + 50] for i in range(0, len(body), 50)]
    return b"".join(b"%x\r\n%s\r\n" % (len(chunk), chunk) for chunk in chunks) + b"0\r\n\r\n"


BODY = b"<html>" + bytes(range(32, 127)) * 5
RAW_DEFLATE = zlib.compress(BODY)[2:-4]


@pytest.mark.parametrize(
    ("headers", "body"),
    [
        ("", BODY),
        ("Content-Encoding: identity\r\n", BODY),
        ("Content-Encoding: gzip\r\n", gzipped(BODY)),
        ("content-encoding: X-GZIP\r\n", gzipped(BODY)),
        ("Content-Encoding: gzip\r\n", BODY),  # decoded by the crawler, header kept
        ("Content-Encoding: br\r\n", BODY),
        ("Content-Encoding: deflate\r\n", zlib.compress(BODY)),
        ("Content-Encoding: deflate\r\n", RAW_DEFLATE),
        ("Transfer-Encoding: chunked\r\n", chunked(BODY)),
        ("Transfer-Encoding: chunked\r\n", BODY),
        ("Transfer-Encoding: chunked\r\nContent-Encoding: gzip\r\n", chunked(gzipped(BODY))),
        ("Transfer-Encoding: gzip, chunked\r\n", chunked(gzipped(BODY))),
        ("Content-Encoding: no-such\r\n", BODY),
    ],
)
def test_http_bodies_are_decoded(headers, body):
    block = f"HTTP/1.1 200 OK\r\n{headers}\r\n".encode() + body
    assert parse_http(block, 1 << 20).body == BODY


@pytest.mark.parametrize("coding", ["gzip", "deflate", "br", "zstd"])
def test_a_body_is_decoded_no_further_than_its_limit(coding):
    bomb = zlib.compress(bytes(10**8)) if coding == "deflate" else gzipped(bytes(10**8))
    block = f"HTTP/1.1 200 OK\r\nContent-Encoding: {coding}\r\n\r\n".encode() + bomb
    if coding in ("br", "zstd"):
        with pytest.raises(PageError):
            parse_http(block, 1000)
    else:
        assert len(parse_http(block, 1000).body) == 1001


def test_a_listing_stands_for_its_files(tmp_path):
    folder = tmp_path / "crawl-data" / "wet"
    folder.mkdir(parents=True)
    for name in ("b", "a"):
        (folder / f"{name}.warc.wet.gz").write_bytes(gzipped(wet(LONG, name)))
    listing = tmp_path / "wet.paths.gz"
    lines = b"crawl-data/wet/b.warc.wet.gz\ncrawl-data/wet/a.warc.wet.gz\n"
    listing.write_bytes(gzipped(lines))
    source = CommonCrawl(inputs=(str(listing), f"{folder}/*"), root=str(tmp_path))
    assert source.shards() == [
        InputShard(
            (f"{folder}/{name}.warc.wet.gz",), bytes=(folder / f"{name}.warc.wet.gz").stat().st_size
        )
        for name in ("a", "b")
    ]


def test_a_listing_of_remote_files_is_not_looked_up(tmp_path):
    (tmp_path / "warc.paths").write_text("crawl-data/a.warc.gz\n")
    assert CommonCrawl(inputs=(f"{tmp_path}/warc.paths",)).shards() == [
        InputShard(("https://data.commoncrawl.org/crawl-data/a.warc.gz",))
    ]


LISTED = (
    b"crawl-data/CC-MAIN-2019-09/wet/a.warc.wet.gz\ncrawl-data/CC-MAIN-2019-09/wet/b.warc.wet.gz\n"
)


@pytest.fixture
def mirror(tmp_path):
    """A mirror of a crawl, as files: a listing, and the two WET files that it names."""
    folder = tmp_path / "mirror"
    for number, name in enumerate(LISTED.decode().split()):
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(gzipped(wet(LONG, str(number))))
    (folder / "crawl-data/CC-MAIN-2019-09/wet.paths.gz").write_bytes(gzipped(LISTED))
    return folder


@pytest.fixture
def bucket(mirror):
    """The mirror in a bucket."""
    files = fsspec.filesystem("memory")
    for path in mirror.rglob("*.gz"):
        files.pipe(f"/crawls/{path.relative_to(mirror)}", path.read_bytes())
    yield "memory://crawls"
    files.rm("/crawls", recursive=True)


@pytest.fixture
def server(mirror):
    """The mirror behind a web server on this machine."""
    handler = functools.partial(QuietHandler, directory=str(mirror))
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as web:
        thread = threading.Thread(target=web.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{web.server_port}"
        web.shutdown()
        thread.join()


class QuietHandler(http.server.SimpleHTTPRequestHandler):
    def log_message(self, *args: object) -> None:
        pass


@pytest.mark.parametrize("place", ["bucket", "server"])
def test_a_remote_listing_stands_for_the_files_beside_it(request, place):
    """From a bucket and from a web server alike: the listing is read, and then its files."""
    root = request.getfixturevalue(place)
    listing = f"{root}/crawl-data/CC-MAIN-2019-09/wet.paths.gz"
    source = CommonCrawl(inputs=(listing,), root=root)
    assert source.files() == [(f"{root}/{name}", 0) for name in LISTED.decode().split()]
    found = [page for shard in source.shards() for page in source.read(shard)]
    assert brief(found) == ["urn:uuid:0", "urn:uuid:1"]


def test_a_file_that_the_server_lacks_stops_the_work(server, tmp_path, monkeypatch):
    monkeypatch.setattr("time.sleep", lambda seconds: None)
    (tmp_path / "wet.paths").write_text("crawl-data/missing.warc.wet.gz\n")
    source = CommonCrawl(inputs=(f"{tmp_path}/wet.paths",), root=server)
    [shard] = source.shards()
    with pytest.raises((InputError, StorageError), match=r"crawl-data/missing\.warc\.wet\.gz"):
        list(source.read(shard))


@pytest.mark.parametrize("listing", [b"crawl-data/missing.warc.gz\n", b"\x1f\x8bgarbage", b"\xff"])
def test_a_bad_listing_stops_the_plan(tmp_path, listing):
    (tmp_path / "wet.paths.gz").write_bytes(listing)
    with pytest.raises(InputError, match=r"wet\.paths\.gz"):
        CommonCrawl(inputs=(f"{tmp_path}/wet.paths.gz",), root=str(tmp_path)).shards()


def test_a_listing_of_files_that_cannot_be_read_here_stops_the_plan(tmp_path):
    (tmp_path / "wet.paths.gz").write_bytes(gzipped(b"crawl-data/a.warc.wet.gz\n"))
    source = CommonCrawl(inputs=(f"{tmp_path}/wet.paths.gz",), root="nosuch://mirror")
    with pytest.raises(StorageError, match="nosuch"):
        source.shards()


def test_options_are_checked():
    with pytest.raises(ConfigError, match="max_page_bytes"):
        CommonCrawl(inputs=("a",), max_page_bytes=0)


@pytest.mark.real_data
def test_reads_real_archives(real_data):
    """Every record of every real file is a document or has a reason; ids are unique."""
    source = CommonCrawl(inputs=(f"{real_data}/common_crawl/*.w*",), extractor="resiliparse")
    counts = {}
    for shard in source.shards():
        found = list(source.read(shard))
        documents = [r for r in found if isinstance(r, Document)]
        assert len({d.id for d in documents}) == len(documents)
        tally = collections.Counter(r.reason if isinstance(r, Rejected) else "kept" for r in found)
        counts[shard.paths[0].rpartition("/")[2]] = dict(tally)
    assert counts == {
        "aut-example.warc.gz": {"kept": 91, "not_html": 120, "http_status": 47, "too_short": 3},
        "multilingual-00000.warc.gz": {"kept": 43, "too_short": 1},
        "multilingual-00000.warc.wet.gz": {"kept": 44},
        "resiliparse-clipped.warc.gz": {"truncated_file": 1},
        "warcio-example.warc.gz": {"too_short": 1, "revisit": 1},
        "warcio-iana-chunked.warc": {"kept": 1},
        "wcxb-dev-00000.warc.gz": {"kept": 286, "too_short": 14},
        "wcxb-dev-00000.warc.wet.gz": {"kept": 298, "too_short": 2},
        "wcxb-dev-00001.warc.gz": {"kept": 285, "too_short": 15},
        "wcxb-dev-00001.warc.wet.gz": {"kept": 299, "too_short": 1},
        "whirlwind.warc.gz": {"kept": 1},
        "whirlwind.warc.wat.gz": {"wat_file": 1},
        "whirlwind.warc.wet.gz": {"kept": 1},
    }
