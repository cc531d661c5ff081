"""Each origin's listing: what is chosen of it, where it is put, and which listings are refused."""

from __future__ import annotations

import gzip
import hashlib
import json

import pytest

from pasture.errors import ConfigError, FetchError
from pasture.fetch import ORIGINS
from pasture.fetch.arxiv import ArxivOrigin
from pasture.fetch.base import MAX_PATH_BYTES, RemoteFile, checked_path, gunzip, unique
from pasture.fetch.books import BooksOrigin
from pasture.fetch.c4 import C4Origin
from pasture.fetch.common_crawl import CommonCrawlOrigin
from pasture.fetch.github import GitHubOrigin
from pasture.fetch.stackexchange import StackExchangeOrigin
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
    assert list(ORIGINS) == list(SOURCES)


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


# Books

CATALOGUE = """Text#,Type,Issued,Title,Language,Authors,Subjects,LoCC,Bookshelves
1,Text,1971-12-01,The Declaration of Independence,en,Someone,,,
11,Text,2008-06-27,"Alice, in
two lines",en; fr,Carroll,,,
12345,Text,2004-05-01,Ein Buch,de,Jemand,,,
777,Sound,2004-05-01,A song,en,Somebody,,,
../9,Text,2004-05-01,Evil,en,Nobody,,,
"""


def books(web, **options) -> BooksOrigin:
    web.put("/pg_catalog.csv", CATALOGUE.encode())
    catalogue = web.address + "/pg_catalog.csv"
    return BooksOrigin(base_url=web.address + "/mirror", catalogue_url=catalogue, **options)


def test_books_follow_the_mirror_s_folders(web, client):
    files = books(web).files(client)
    assert paths(files) == [f"books/gutenberg/{number}.txt" for number in (1, 11, 12345)]
    assert [file.urls[0].removeprefix(web.address) for file in files] == [
        "/mirror/0/1/1-0.txt",
        "/mirror/1/11/11-0.txt",
        "/mirror/1/2/3/4/12345/12345-0.txt",
    ]
    assert [url.rsplit("/")[-1] for url in files[1].urls] == ["11-0.txt", "11.txt", "11-8.txt"]
    assert files[0].optional


def test_books_are_chosen_by_language(web, client):
    assert paths(books(web, languages=("fr", "de")).files(client)) == [
        "books/gutenberg/11.txt",
        "books/gutenberg/12345.txt",
    ]
    assert len(books(web, limit=1).files(client)) == 1
    with pytest.raises(FetchError, match="lists no such text; check --language"):
        books(web, languages=("fi",)).files(client)
    with pytest.raises(ConfigError, match="--language is 'English'"):
        books(web, languages=("English",))


@pytest.mark.parametrize(
    ("body", "message"),
    [
        (b"<html></html>", "is no catalogue of Project Gutenberg"),
        (b"", "is no catalogue of Project Gutenberg"),
        (b"Text#,Type,Language\n1,Text," + b"x" * 200_000, "after line 1: field larger than"),
    ],
)
def test_books_refuse_other_catalogues(web, client, body, message):
    origin = books(web)
    web.put("/pg_catalog.csv", body)
    with pytest.raises(FetchError, match=message):
        origin.files(client)


# Stack Exchange

ITEM = "/metadata/stackexchange"
SITES = {
    "beer.stackexchange.com.7z": 5,
    "stackoverflow.com-Posts.7z": 900,
    "stackoverflow.com-Users.7z": 300,
    "meta.stackexchange.com.7z": 700,
    "beer.meta.stackexchange.com.7z": 3,
    "mathoverflow.net.7z": 40,
    "license.txt": 1,
    "../evil.7z": 99,
}


def item(web, sites: dict[str, int]) -> None:
    entries = [
        {"name": name, "size": str(size), "sha1": SUM, "md5": "x"} for name, size in sites.items()
    ]
    web.put(ITEM, json.dumps({"files": [*entries, 7]}).encode())


def test_stackexchange_takes_the_largest_sites(web, client):
    item(web, SITES)
    files = StackExchangeOrigin(base_url=web.address).files(client)
    assert files[0] == RemoteFile(
        "stackexchange/stackoverflow.com-Posts.7z",
        (f"{web.address}/download/stackexchange/stackoverflow.com-Posts.7z",),
        900,
        f"sha1:{SUM}",
    )
    assert paths(files)[1:] == [
        "stackexchange/mathoverflow.net.7z",
        "stackexchange/beer.stackexchange.com.7z",
    ]
    assert len(StackExchangeOrigin(base_url=web.address, limit=2).files(client)) == 2
    item(web, {f"s{number}.stackexchange.com.7z": number for number in range(40)})
    assert len(StackExchangeOrigin(base_url=web.address).files(client)) == 28


def test_stackexchange_takes_named_sites(web, client):
    item(web, SITES)
    sites = ("beer.stackexchange.com", "meta.stackexchange.com")
    files = StackExchangeOrigin(base_url=web.address, sites=sites).files(client)
    assert paths(files) == [
        "stackexchange/beer.stackexchange.com.7z",
        "stackexchange/meta.stackexchange.com.7z",
    ]
    with pytest.raises(
        FetchError, match=r"has no archive of ale\.stackexchange\.com; check --site"
    ):
        StackExchangeOrigin(base_url=web.address, sites=("ale.stackexchange.com",)).files(client)


@pytest.mark.parametrize(
    ("body", "message"),
    [(b"{}", "lists no files; check --item"), (b'{"files": []}', "lists no archive of a site")],
)
def test_stackexchange_refuses_other_items(web, client, body, message):
    web.put(ITEM, body)
    with pytest.raises(FetchError, match=message):
        StackExchangeOrigin(base_url=web.address).files(client)
    with pytest.raises(ConfigError, match="--item is"):
        StackExchangeOrigin(item="../x")


# GitHub


def test_github_reads_a_list_of_repositories(client, tmp_path):
    listing = tmp_path / "repositories.txt"
    listing.write_text("# ours\npallets/click@8.1.0\n\npsf/requests  # the default branch\n")
    files = GitHubOrigin(repositories=str(listing)).files(client)
    assert files == [
        RemoteFile(
            "github/pallets__click.tar.gz",
            ("https://codeload.github.com/pallets/click/tar.gz/8.1.0",),
        ),
        RemoteFile(
            "github/psf__requests.tar.gz",
            ("https://codeload.github.com/psf/requests/tar.gz/HEAD",),
        ),
    ]


def test_github_writes_branches_as_they_are(client, tmp_path):
    listing = tmp_path / "repositories.txt"
    listing.write_text("a/b@feature/x+y\n")
    (file,) = GitHubOrigin(repositories=str(listing)).files(client)
    assert file.urls == ("https://codeload.github.com/a/b/tar.gz/feature/x%2By",)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("click\n", "line 1: 'click' is no owner/name"),
        ("a/b\n../../etc\n", "line 2: '../../etc' is no owner/name"),
        ("a/..\n", "line 1: 'a/..' is no owner/name"),
        ("a/b@../x\n", "is no owner/name or owner/name@ref"),
        ("a/b@x/../y\n", "is no owner/name or owner/name@ref"),
        ("a/b?x\n", "is no owner/name"),
        ("a/b@1\nA/B@2\n", "line 2: A/B@2 is listed with another ref or spelling before"),
        ("# nothing\n", "lists no repository"),
    ],
)
def test_github_checks_its_list(client, tmp_path, text, message):
    listing = tmp_path / "repositories.txt"
    listing.write_text(text)
    with pytest.raises(ConfigError, match=message):
        GitHubOrigin(repositories=str(listing)).files(client)
    with pytest.raises(ConfigError, match="give --repositories FILE"):
        GitHubOrigin()


# arXiv

MD5 = "0123456789abcdef" * 2


def manifest(*tars: str) -> bytes:
    entries = "".join(
        f"<file><content_md5sum>x</content_md5sum><filename>{tar}</filename>"
        f"<md5sum>{MD5}</md5sum><size>123</size></file>"
        for tar in tars
    )
    return f"<?xml version='1.0'?><arXivSRC>{entries}</arXivSRC>".encode()


@pytest.fixture
def keys(monkeypatch):
    pytest.importorskip("botocore")
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "user")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "secret")
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")


def arxiv_client(origin: ArxivOrigin, quick):
    from pasture.fetch.client import Client

    return Client(quick, sign=origin.sign, headers=origin.headers)


class AnySignature(dict):
    """Pages by path, whatever the query."""

    def get(self, path, default=None):
        return super().get(path.partition("?")[0], default)


def test_arxiv_signs_each_request_and_pays(web, quick, keys):
    web.pages = AnySignature()
    names = [
        "src/arXiv_src_9108_001.tar",
        "src/arXiv_src_2001_001.tar",
        "src/arXiv_src_2212_004.tar",
    ]
    web.put("/arxiv/src/arXiv_src_manifest.xml", manifest(*names))
    origin = ArxivOrigin(base_url=web.address, since="1999-12", until="2020-01")
    assert origin.files(arxiv_client(origin, quick)) == [
        RemoteFile(
            "arxiv/arXiv_src_2001_001.tar",
            ("s3://arxiv/src/arXiv_src_2001_001.tar",),
            123,
            f"md5:{MD5}",
        )
    ]
    (request,) = web.requests
    assert "X-Amz-Signature=" in request.path
    assert "X-Amz-SignedHeaders=host%3Bx-amz-request-payer" in request.path
    assert request.headers["x-amz-request-payer"] == "requester"
    everything = ArxivOrigin(base_url=web.address)
    assert len(everything.files(arxiv_client(everything, quick))) == 3


@pytest.mark.parametrize(
    ("body", "message"),
    [
        (b"<html>", "is no manifest"),
        (manifest("src/../../etc/passwd"), "is refused: it has empty, hidden or dotted parts"),
        (manifest("pdf/arXiv_pdf_2001_001.tar"), "lists no tar of these months"),
        (
            b"<!DOCTYPE x [<!ENTITY f SYSTEM 'file:///etc/hostname'>]>"
            b"<x><file><filename>&f;</filename></file></x>",
            "is refused|lists no tar",
        ),
    ],
)
def test_arxiv_refuses_other_manifests(web, quick, keys, body, message):
    web.pages = AnySignature()
    web.put("/arxiv/src/arXiv_src_manifest.xml", body)
    origin = ArxivOrigin(base_url=web.address)
    with pytest.raises(FetchError, match=message) as caught:
        origin.files(arxiv_client(origin, quick))
    assert "X-Amz" not in str(caught.value)


def test_arxiv_needs_credentials(web, quick, monkeypatch, tmp_path):
    pytest.importorskip("botocore")
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_PROFILE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(tmp_path / "none"))
    monkeypatch.setenv("AWS_CONFIG_FILE", str(tmp_path / "none"))
    origin = ArxivOrigin(base_url=web.address + "/none")
    with pytest.raises(FetchError, match=r"s3://arxiv/.*set your AWS credentials"):
        origin.files(arxiv_client(origin, quick))
    with pytest.raises(ConfigError, match="--since is '2001'"):
        ArxivOrigin(since="2001")
