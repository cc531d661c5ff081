"""Each origin's listing: what is chosen of it, where it is put, and which listings are refused."""

from __future__ import annotations

import gzip
import hashlib
import json

import pytest

from pasture.errors import ConfigError, FetchError
from pasture.fetch import ORIGINS
from pasture.fetch.base import MAX_PATH_BYTES, RemoteFile, checked_path, gunzip, unique
from pasture.fetch.c4 import C4Origin
from pasture.fetch.common_crawl import CommonCrawlOrigin
from pasture.fetch.wikipedia import WikipediaOrigin
from pasture.sources import SOURCES

CRAWL = "CC-MAIN-2019-09"
PATHS = f"/crawl-data/{CRAWL}/wet.paths.gz"


def wet(segment: str, number: int, kind: str = "wet") -> str:
    end = "warc.wet.gz" if kind == "wet" else "warc.gz"
    return f"crawl-data/{CRAWL}/segments/{segment}/{kind}/CC-MAIN-2019-{number:05d}.{end}"


def paths(files: list[RemoteFile]) -> list[str]:
    return [file.path for file in files]


def test_every_source_has_an_origin():
    own = "documents"  # a user's own, which nobody publishes
    assert list(ORIGINS) == [name for name in SOURCES if name != own]


@pytest.mark.parametrize("name", sorted(ORIGINS))
def test_every_origin_states_its_terms_and_is_encrypted(name):
    terms = ORIGINS[name].terms
    assert terms.licence.endswith(".")
    assert terms.url.startswith("https://")
    assert ORIGINS[name].__dataclass_fields__["base_url"].default.startswith("https://")


@pytest.mark.parametrize(
    "name",
    [
        "../a",
        "a/../../b",
        "/etc/passwd",
        "a//b",
        "./a",
        "a/.ssh/b",
        "C:/a",
        "a\\b",
        "a\nb",
        "a\x1b[31m",
        "a\x00",
        "a\u202eb",
        "a\udc80",
        "",
        "a/",
        "x" * 241,
        "ä" * 121,
        "x/" * MAX_PATH_BYTES + "x",
    ],
)
def test_hostile_names_are_refused(name):
    with pytest.raises(FetchError, match=r"^LIST: the name .* is refused: it ") as caught:
        checked_path(name, "LIST")
    assert str(caught.value).isprintable()
    assert len(str(caught.value)) < 400


def test_other_names_are_taken_as_they_are():
    assert checked_path("a/b-1_2.tar.gz", "LIST") == "a/b-1_2.tar.gz"
    assert checked_path("x" * 240, "LIST") == "x" * 240


def test_two_files_of_one_name_are_refused():
    one, two = RemoteFile("a", ("http://h/1",)), RemoteFile("a", ("http://h/2",))
    assert unique([one, one], "LIST") == [one]
    with pytest.raises(FetchError, match="two different files are called 'a'"):
        unique([one, two], "LIST")


def test_a_gzip_bomb_is_no_listing():
    bomb = gzip.compress(bytes(1_000_000))
    assert len(gunzip(bomb, "LIST")) == 1_000_000
    with pytest.raises(FetchError, match="holds more than 1,000 bytes"):
        gunzip(bomb, "LIST", 1000)
    with pytest.raises(FetchError, match="is cut off"):
        gunzip(bomb[:-9], "LIST")
    with pytest.raises(FetchError, match="is no gzip file"):
        gunzip(b"<html>", "LIST")


@pytest.mark.parametrize("url", ["", "ftp://host", "host", "https://", "https:///a"])
def test_a_base_url_is_a_web_address(url):
    with pytest.raises(ConfigError, match="--base-url"):
        C4Origin(base_url=url)


# Common Crawl


def crawl(web, *names: str, kind: str = "wet") -> None:
    listing = "".join(f"{name}\n" for name in names).encode()
    web.put(f"/crawl-data/{CRAWL}/{kind}.paths.gz", gzip.compress(listing))


def test_common_crawl_takes_the_first_files_of_the_listing(web, client):
    names = [wet("155.1", 0), wet("155.1", 1), wet("155.2", 0), wet("155.3", 0)]
    crawl(web, *names)
    origin = CommonCrawlOrigin(base_url=web.address, crawl=CRAWL)
    assert origin.files(client)[0] == RemoteFile(
        f"common_crawl/{names[0]}", (f"{web.address}/{names[0]}",)
    )
    assert paths(origin.files(client)) == [f"common_crawl/{name}" for name in names]
    limited = CommonCrawlOrigin(base_url=web.address + "/", crawl=CRAWL, limit=3)
    assert len(limited.files(client)) == 3
    segments = CommonCrawlOrigin(base_url=web.address, crawl=CRAWL, segments=2)
    assert paths(segments.files(client)) == [f"common_crawl/{name}" for name in names[:3]]


def test_common_crawl_takes_warc_files(web, client):
    crawl(web, wet("155.1", 0, "warc"), kind="warc")
    (file,) = CommonCrawlOrigin(base_url=web.address, crawl=CRAWL, kind="warc").files(client)
    assert file.path.endswith("/warc/CC-MAIN-2019-00000.warc.gz")


@pytest.mark.parametrize(
    "name",
    [
        "../../etc/passwd",
        "/etc/passwd",
        "crawl-data/CC-MAIN-2020-01/segments/1/wet/a.warc.wet.gz",
        f"crawl-data/{CRAWL}/segments/1/wat/a.warc.wat.gz",
        f"crawl-data/{CRAWL}/segments/../wet/a.warc.wet.gz",
        "<html>not found</html>",
        "a\x1b]0;title\x07",
    ],
)
def test_common_crawl_refuses_a_listing_of_other_files(web, client, name):
    crawl(web, wet("155.1", 0), name)
    with pytest.raises(FetchError, match=r"wet.paths.gz.*: .*(is refused|is no wet file)"):
        CommonCrawlOrigin(base_url=web.address, crawl=CRAWL).files(client)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({}, "--crawl is ''"),
        ({"crawl": "2019-09"}, "--crawl is '2019-09'; give one such as CC-MAIN-2019-09"),
        ({"crawl": "CC-MAIN-2019-09/../x"}, "--crawl is"),
        ({"crawl": CRAWL, "kind": "wat"}, "--kind is 'wat'"),
        ({"crawl": CRAWL, "segments": 0}, "--segments is 0"),
        ({"crawl": CRAWL, "limit": 0}, "--limit is 0"),
    ],
)
def test_common_crawl_checks_its_options(options, message):
    with pytest.raises(ConfigError, match=message):
        CommonCrawlOrigin(**options)


# C4


def c4_entry(name: str, size: int = 5) -> dict[str, object]:
    oid = hashlib.sha256(name.encode()).hexdigest()
    return {"type": "file", "path": name, "size": size, "oid": "x", "lfs": {"oid": oid}}


C4_TREE = "/api/datasets/allenai/c4/tree/main/en"


def test_c4_reads_all_pages_of_the_hub(web, client):
    first = [c4_entry("en/c4-train.00001-of-00002.json.gz"), {"type": "directory", "path": "en/x"}]
    second = [
        c4_entry("en/c4-train.00000-of-00002.json.gz", 7),
        c4_entry("en/c4-validation.00000-of-00001.json.gz"),
        c4_entry("en/README.md"),
    ]
    link = f'<{web.address}{C4_TREE}?cursor=2>; rel="next"'
    web.put(C4_TREE, json.dumps(first).encode(), headers={"Link": link})
    web.put(C4_TREE + "?cursor=2", json.dumps(second).encode())
    files = C4Origin(base_url=web.address).files(client)
    name = "c4-train.00000-of-00002.json.gz"
    assert files[0] == RemoteFile(
        f"c4/{name}",
        (f"{web.address}/datasets/allenai/c4/resolve/main/en/{name}",),
        7,
        "sha256:" + hashlib.sha256(f"en/{name}".encode()).hexdigest(),
    )
    assert paths(files) == [f"c4/{name}", "c4/c4-train.00001-of-00002.json.gz"]
    assert len(C4Origin(base_url=web.address, limit=1).files(client)) == 1
    validation = C4Origin(base_url=web.address, split="validation").files(client)
    assert paths(validation) == ["c4/c4-validation.00000-of-00001.json.gz"]


@pytest.mark.parametrize(
    ("body", "message"),
    [
        (b"<html>", "is not JSON"),
        (b"{}", "is not the listing that was expected"),
        (b"[" * 100_000, "is not JSON"),
        (b"[]", "lists no train file"),
        (json.dumps([c4_entry("en/../c4-train.00001-of-00002.json.gz")]).encode(), "no train file"),
        (
            json.dumps([{**c4_entry("en/c4-train.00001-of-00002.json.gz"), "size": -1}]).encode(),
            "'-1' is no size of a file",
        ),
        (
            json.dumps([{**c4_entry("en/c4-train.00001-of-00002.json.gz"), "size": "²"}]).encode(),
            "is no size of a file",
        ),
    ],
)
def test_c4_refuses_other_listings(web, client, body, message):
    web.put(C4_TREE, body)
    with pytest.raises(FetchError, match=message):
        C4Origin(base_url=web.address).files(client)


def test_c4_does_not_follow_pages_elsewhere_or_without_end(web, client):
    web.put(C4_TREE, b"[]", headers={"Link": '<http://host.invalid/next>; rel="next"'})
    with pytest.raises(FetchError, match="its next page is at another host"):
        C4Origin(base_url=web.address).files(client)
    web.put(C4_TREE, b"[]", headers={"Link": f'<{web.address}{C4_TREE}>; rel="next"'})
    with pytest.raises(FetchError, match="has more than 100 pages"):
        C4Origin(base_url=web.address).files(client)


# Wikipedia

SUM = "0123456789" * 4
DUMP = "pages-articles-multistream.xml.bz2"
INDEX = "pages-articles-multistream-index.txt.bz2"


def sums(*names: str) -> bytes:
    return "".join(f"{SUM}  {name}\n" for name in names).encode()


def test_wikipedia_takes_the_dump_and_its_index_by_date(web, client):
    web.put(
        "/enwiki/20220801/enwiki-20220801-sha1sums.txt",
        sums(f"enwiki-20220801-{DUMP}", f"enwiki-20220801-{INDEX}", "enwiki-20220801-x.sql.gz"),
    )
    origin = WikipediaOrigin(base_url=web.address, languages=("en",), date="20220801")
    files = origin.files(client)
    assert files[0] == RemoteFile(
        f"wikipedia/enwiki-20220801-{DUMP}",
        (f"{web.address}/enwiki/20220801/enwiki-20220801-{DUMP}",),
        checksum=f"sha1:{SUM}",
    )
    assert paths(files)[1] == f"wikipedia/enwiki-20220801-{INDEX}"


def test_wikipedia_takes_the_newest_date_that_has_both(web, client):
    web.put(
        "/ruwiki/latest/ruwiki-latest-sha1sums.txt",
        sums(
            f"ruwiki-20220820-{DUMP}",
            f"ruwiki-20220801-{DUMP}",
            f"ruwiki-20220801-{INDEX}",
            f"ruwiki-20220720-{DUMP}",
            f"ruwiki-20220720-{INDEX}",
        ),
    )
    files = WikipediaOrigin(base_url=web.address, languages=("ru",)).files(client)
    assert paths(files) == [
        f"wikipedia/ruwiki-20220801-{DUMP}",
        f"wikipedia/ruwiki-20220801-{INDEX}",
    ]
    assert files[0].urls == (f"{web.address}/ruwiki/20220801/ruwiki-20220801-{DUMP}",)


def test_wikipedia_takes_a_dump_in_one_stream(web, client):
    name = "enwiki-20220801-pages-articles.xml.bz2"
    web.put("/enwiki/20220801/enwiki-20220801-sha1sums.txt", sums(name))
    options = {"base_url": web.address, "languages": ("en",), "date": "20220801"}
    assert paths(WikipediaOrigin(**options, multistream=False).files(client)) == [
        f"wikipedia/{name}"
    ]
    with pytest.raises(FetchError, match=r"the dump may be unfinished: name another with --date"):
        WikipediaOrigin(**options).files(client)


def test_wikipedia_counts_wikis_for_its_limit(web, client):
    for code in ("bg", "ca"):
        web.put(
            f"/{code}wiki/latest/{code}wiki-latest-sha1sums.txt",
            sums(f"{code}wiki-20220801-{DUMP}", f"{code}wiki-20220801-{INDEX}"),
        )
    files = WikipediaOrigin(base_url=web.address, limit=2).files(client)
    assert len(files) == 4
    assert len(WikipediaOrigin().languages) == 20


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"languages": ("xx",)}, "--language is 'xx'; .* bg ca"),
        ({"date": "2022-08-01"}, "--date is '2022-08-01'"),
        ({"date": "../.."}, "--date is"),
    ],
)
def test_wikipedia_checks_its_options(options, message):
    with pytest.raises(ConfigError, match=message):
        WikipediaOrigin(**options)
