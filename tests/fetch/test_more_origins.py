"""The listings of books, Stack Exchange, GitHub and arXiv: what is chosen, what is refused."""

from __future__ import annotations

import json

import pytest

from pasture.errors import ConfigError, FetchError
from pasture.fetch.arxiv import ArxivOrigin
from pasture.fetch.base import RemoteFile
from pasture.fetch.books import BooksOrigin
from pasture.fetch.github import GitHubOrigin
from pasture.fetch.stackexchange import StackExchangeOrigin

SUM = "0123456789" * 4


def paths(files: list[RemoteFile]) -> list[str]:
    return [file.path for file in files]


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
        (
            b"Text#,Type,Language\n1,Text," + b"x" * 200_000,
            "line 2 is longer than 131,072 characters",
        ),
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
