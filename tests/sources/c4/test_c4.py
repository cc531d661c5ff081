"""C4: released rows unaltered, pages of a crawl with all their lines, bad rows accounted for."""

from __future__ import annotations

import datetime
import functools
import gzip
import json

import pytest

from pasture.errors import ConfigError, InputError
from pasture.records import Document
from pasture.sources.base import Rejected
from pasture.sources.c4.source import C4

# With no time in it: the names of tests must not change from one collection to the next.
gzipped = functools.partial(gzip.compress, mtime=0)

DATE = datetime.datetime(2019, 4, 25, 12, 57, 54, tzinfo=datetime.timezone.utc)


def row(text: object = "A text.", **values: object) -> bytes:
    fields = {"text": text, "timestamp": "2019-04-25T12:57:54Z", "url": "http://example.org/1"}
    fields.update(values)
    return json.dumps(fields).encode() + b"\n"


def read(path, data: bytes, **options: int) -> list[Document | Rejected]:
    path.write_bytes(data)
    source = C4(inputs=(str(path),), **options)
    return [found for shard in source.shards() for found in source.read(shard)]


def brief(found: list[Document | Rejected]) -> list[tuple[str, str]]:
    return [(r.locator, r.reason) if isinstance(r, Rejected) else (r.id, "kept") for r in found]


@pytest.mark.parametrize("compress", [gzip.compress, bytes])
def test_a_row_becomes_a_document_with_its_text_unaltered(tmp_path, compress):
    text = " \tCaf\u00e9 \U0001f600\r\n\r\n  {lorem ipsum} \x00 "
    assert read(tmp_path / "c4-train.json.gz", compress(row(text))) == [
        Document(
            id="c4-train.json.gz:1",
            source="c4",
            text=text,
            url="http://example.org/1",
            date=DATE,
            metadata='{"file": "c4-train.json.gz"}',
        )
    ]


@pytest.mark.parametrize(
    ("line", "reason", "kind"),
    [
        (b"not json\n", "not_json", "bad_record"),
        (b'{"text": "a"\n', "not_json", "bad_record"),
        (b"[" * 100_000 + b"\n", "not_json", "bad_record"),
        (b'{"text": ' + b"9" * 6000 + b"}\n", "not_json", "bad_record"),
        (b'["text"]\n', "not_an_object", "bad_record"),
        (b'"text"\n', "not_an_object", "bad_record"),
        (b'{"text": "caf\xe9"}\n', "not_utf8", "bad_record"),
        (b'{"text": "a", "url": "b"}\n', "missing_key", "bad_record"),
        (row(None), "not_a_string", "bad_record"),
        (row(["a"]), "not_a_string", "bad_record"),
        (row(url=1), "not_a_string", "bad_record"),
        (row("\ud800"), "invalid_unicode", "bad_record"),
        (row(url="http://\udfff/"), "invalid_unicode", "bad_record"),
        (row(timestamp="yesterday"), "bad_timestamp", "bad_record"),
        (row(timestamp="2019-02-30T00:00:00Z"), "bad_timestamp", "bad_record"),
        (row(""), "empty", "rule"),
        (row(" \n"), "empty", "rule"),
    ],
)
def test_a_bad_row_is_kept_aside_and_the_next_one_read(tmp_path, line, reason, kind):
    found = read(tmp_path / "a.json.gz", gzipped(line + row()))
    assert brief(found) == [("a.json.gz:1", reason), ("a.json.gz:2", "kept")]
    assert isinstance(found[0], Rejected)
    assert found[0].kind == kind


@pytest.mark.parametrize(
    ("timestamp", "date"),
    [
        ("2019-04-25T12:57:54Z", DATE),
        ("2019-04-25T14:57:54+02:00", DATE),
        ("2019-04-25T12:57:54", DATE),
    ],
)
def test_dates_are_in_utc(tmp_path, timestamp, date):
    [document] = read(tmp_path / "a.json", row(timestamp=timestamp))
    assert isinstance(document, Document)
    assert document.date == date
    assert document.date.tzinfo == datetime.timezone.utc


def test_blank_lines_are_no_rows_but_are_counted(tmp_path):
    found = read(tmp_path / "a.json", row() + b"\n  \n" + row().rstrip(b"\n"))
    assert brief(found) == [("a.json:1", "kept"), ("a.json:4", "kept")]


@pytest.mark.parametrize(("limit", "reason"), [(0, "kept"), (-1, "row_too_large")])
@pytest.mark.parametrize("end", [b"", b"\n"])
def test_a_row_is_read_up_to_its_limit(tmp_path, limit, reason, end):
    line = row("a" * 1000).rstrip(b"\n")
    data = row() + line + end
    found = read(tmp_path / "a.json", data, max_row_bytes=len(line) + limit)
    assert brief(found) == [("a.json:1", "kept"), ("a.json:2", reason)]


def test_the_row_after_a_huge_one_is_read(tmp_path):
    data = row() + row("a" * 5_000_000) + row()
    found = read(tmp_path / "a.json.gz", gzipped(data), max_row_bytes=10_000)
    assert [reason for _, reason in brief(found)] == ["kept", "row_too_large", "kept"]


@pytest.mark.parametrize(
    ("data", "expected"),
    [
        (gzipped(row() * 3)[:-9], ["kept", "kept", "kept", "damaged_file"]),
        (gzipped(row()) + b"garbage", ["kept", "damaged_file"]),
        (gzipped(b""), ["empty_file"]),
        (b"", ["empty_file"]),
        (b"\x1f\x8bgarbage", ["damaged_file"]),
    ],
)
def test_a_damaged_file_gives_its_rows_and_one_bad_file(tmp_path, data, expected):
    found = read(tmp_path / "a.json.gz", data)
    assert [reason for _, reason in brief(found)] == expected
    assert isinstance(found[-1], Rejected)
    assert found[-1].kind == "bad_file"
    assert found[-1].locator.startswith(f"{tmp_path}/a.json.gz")


def warc(text: str, **headers: str | None) -> bytes:
    block = text.encode()
    fields: dict[str, str | None] = {
        "WARC-Type": "conversion",
        "WARC-Record-ID": "<urn:uuid:1>",
        "WARC-Target-URI": "http://example.org/1",
        "WARC-Date": "2019-04-25T12:57:54Z",
        "Content-Length": str(len(block)),
    }
    fields.update({key.replace("_", "-"): value for key, value in headers.items()})
    lines = [f"{key}: {value}" for key, value in fields.items() if value is not None]
    return "\r\n".join(["WARC/1.0", *lines, "", ""]).encode() + block + b"\r\n\r\n"


def test_a_page_of_a_crawl_keeps_all_its_lines(tmp_path):
    assert read(tmp_path / "a.wet.gz", gzipped(warc(" One\r\n\n Two {x}. \n"))) == [
        Document(
            id="urn:uuid:1",
            source="c4",
            text="One\nTwo {x}.",
            url="http://example.org/1",
            date=DATE,
            metadata='{"file": "a.wet.gz"}',
        )
    ]


@pytest.mark.parametrize(
    ("record", "reason"),
    [
        (warc("a" * 190_000), "kept"),
        (warc("a" * 190_001), "too_long"),
        (warc(" \n "), "empty"),
        (warc("a", WARC_Target_URI=None), "no_url"),
        (warc("a", WARC_Date=None), "no_date"),
        (warc("a", WARC_Type="revisit"), "revisit"),
    ],
)
def test_pages_that_c4_leaves_out(tmp_path, record, reason):
    assert brief(read(tmp_path / "a.wet", record)) == [("urn:uuid:1", reason)]


def test_two_files_of_one_name_stop_the_plan(tmp_path):
    for folder in ("en", "en.noblocklist"):
        (tmp_path / folder).mkdir()
        (tmp_path / folder / "c4-train.json").write_bytes(row())
    with pytest.raises(InputError, match=r"2 files are called c4-train\.json"):
        C4(inputs=(f"{tmp_path}/*/*.json",)).shards()


@pytest.mark.parametrize("option", ["max_characters", "max_row_bytes", "max_page_bytes"])
def test_options_are_checked(option):
    with pytest.raises(ConfigError, match=option):
        C4(inputs=("a",), **{option: 0})


@pytest.mark.real_data
def test_reads_the_released_rows_as_they_are(real_data):
    source = C4(inputs=(f"{real_data}/c4/*.json.gz",))
    found = [r for shard in source.shards() for r in source.read(shard)]
    rows = [
        json.loads(line)
        for path in sorted((real_data / "c4").glob("*.json.gz"))
        for line in gzip.decompress(path.read_bytes()).splitlines()
    ]
    assert [(d.text, d.url) for d in found if isinstance(d, Document)] == [
        (row["text"], row["url"]) for row in rows
    ]
    assert len(found) == 700
