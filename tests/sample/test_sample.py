"""The sample as a whole, and its crawl and C4 parts in detail."""

import collections
import gzip
import importlib.resources
import json
import pathlib
import re

import pytest

from pasture.recipes.load import load_recipe
from pasture.records import Document
from pasture.sample import c4, common_crawl, write_sample
from pasture.sample.containers import read_bundle
from pasture.sources.c4.source import C4
from pasture.sources.common_crawl.source import CommonCrawl
from tests.trees import differences

SOURCES = ["common_crawl", "c4", "github", "wikipedia", "books", "arxiv", "stackexchange"]


@pytest.fixture(scope="module")
def sample(tmp_path_factory):
    folder = tmp_path_factory.mktemp("sample")
    write_sample(str(folder))
    return folder


def read(source):
    """What a source reads, and how often it rejected for each reason."""
    documents, reasons = [], collections.Counter()
    for shard in source.shards():
        for record in source.read(shard):
            if isinstance(record, Document):
                documents.append(record)
            else:
                reasons[record.reason] += 1
    return documents, dict(reasons)


def test_is_the_same_every_time(sample, tmp_path):
    write_sample(str(tmp_path))
    assert differences(tmp_path, sample) == []


def test_holds_every_source_and_the_recipe(sample):
    assert sorted(path.name for path in sample.iterdir()) == sorted([*SOURCES, "recipe.yaml"])


@pytest.mark.parametrize("name", SOURCES)
def test_gives_documents_of_each_source(sample, name):
    recipe = load_recipe(str(sample / "recipe.yaml"), str(sample))
    documents, _ = read(recipe.sources[name].source)
    assert len(documents) >= 40
    assert len({document.id for document in documents}) == len(documents)


def test_wikipedia_cites_the_crawls_reference_pages(sample):
    """The reference classifier is trained on them."""
    recipe = load_recipe(str(sample / "recipe.yaml"), str(sample))
    documents, _ = read(recipe.sources["wikipedia"].source)
    notes = [json.loads(document.metadata) for document in documents]
    cited = {url for note in notes for url in note.get("references", [])}
    assert {url for url, _ in read_bundle("common_crawl", "reference")} <= cited


def test_texts_have_a_sensible_size():
    root = importlib.resources.files("pasture.sample") / "texts"
    sizes = {
        str(path): path.stat().st_size
        for path in pathlib.Path(str(root)).rglob("*")
        if path.is_file()
    }
    assert max(sizes.values()) < 400_000, max(sizes, key=sizes.get)
    assert sum(sizes.values()) < 4_000_000


def test_crawl(tmp_path):
    common_crawl.write(str(tmp_path))
    documents, reasons = read(CommonCrawl((f"{tmp_path}/*.wet.gz",)))
    assert reasons == {"too_short": 2, "not_utf8": 1, "truncated_file": 1}
    assert len(documents) == 95
    by_language = collections.Counter(
        re.search('crawl_languages": "([a-z]+)', document.metadata)[1] for document in documents
    )
    assert by_language == {
        "eng": 83, "deu": 2, "fra": 2, "spa": 2, "ita": 2, "pol": 2, "rus": 2
    }  # fmt: skip
    urls = {url for url, _ in read_bundle("common_crawl", "reference")}
    reference = [document for document in documents if document.url in urls]
    assert len(reference) == len(urls) == 30
    assert all(150 <= len(d.text.split()) <= 300 for d in reference)


def test_crawl_as_html(tmp_path):
    common_crawl.write(str(tmp_path))
    documents, reasons = read(C4((f"{tmp_path}/*.warc.gz",)))
    assert reasons == {"http_status": 2, "not_html": 2, "revisit": 1, "bad_http": 1}
    assert len(documents) == 53
    texts = {document.url: document.text for document in documents}
    assert "Nußschnitte" in texts["http://www.konditorei-huber.example/geschichte.html"]
    url = "http://users.oldhost.example/~harold/trains/signal-box.htm"
    assert "\u201call day\u201d" in texts[url]
    assert not any("window.visits" in text or "Georgia" in text for text in texts.values())


def test_c4(tmp_path):
    c4.write(str(tmp_path))
    documents, reasons = read(C4((f"{tmp_path}/*.json.gz",)))
    assert reasons == {"missing_key": 1, "bad_timestamp": 1, "not_json": 1}
    assert len(documents) == 49
    assert len({document.text for document in documents}) == 48


def test_each_record_is_a_gzip_member_of_its_own(tmp_path):
    common_crawl.write(str(tmp_path))
    (path,) = tmp_path.glob("*-00000.warc.wet.gz")
    data = path.read_bytes()
    assert data.count(b"\x1f\x8b\x08\x00\x00\x00\x00\x00") == gzip.decompress(data).count(
        b"WARC/1.0\r\n"
    )


@pytest.mark.parametrize("name", ["reference", "everyday", "languages", "weak"])
def test_pages_have_addresses_of_their_own(name):
    urls = [mark.partition(" ")[0] for mark, _ in read_bundle("common_crawl", name)]
    assert len(set(urls)) == len(urls)
    assert all(re.fullmatch(r"https://[a-z0-9.-]+\.example/\S*", url) for url in urls)
