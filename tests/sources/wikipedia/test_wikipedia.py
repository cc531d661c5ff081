"""Dumps to documents: containers, wikis, rules, ranges, damage, the sample and real dumps."""

from __future__ import annotations

import bz2
import collections
import datetime
import functools
import gzip
import json
import re
import tracemalloc

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pasture.errors import ConfigError, InputError
from pasture.records import Document
from pasture.sample import wikipedia as sample
from pasture.sources.base import InputShard, Rejected
from pasture.sources.wikipedia.source import Wikipedia
from pasture.sources.wikipedia.wiki_languages import LANGUAGES

# With no time in it: the names of tests must not change from one collection to the next.
gzipped = functools.partial(gzip.compress, mtime=0)

SITE = (
    '<mediawiki xmlns="http://www.mediawiki.org/xml/export-0.10/" xml:lang="{code}">\n'
    "<siteinfo><sitename>Wikipedia</sitename><dbname>{code}wiki</dbname>"
    "<base>https://{code}.wikipedia.org/wiki/Main</base><namespaces>"
    '<namespace key="0" /><namespace key="6">Bildo</namespace>'
    '<namespace key="1">Diskuto</namespace></namespaces></siteinfo>\n'
)
END = "</mediawiki>\n"
NAME = "dewiki-20220601-pages-articles.xml.bz2"


def page(
    text: str = "Der [[Fluss]] ist lang.",
    title: str = "Fluss",
    page_id: str = "7",
    ns: str = "<ns>0</ns>",
    extra: str = "",
    time: str = "2022-03-04T05:06:07Z",
) -> str:
    body = text.replace("&", "&amp;").replace("<", "&lt;")
    return (
        f"<page><title>{title}</title>{ns}<id>{page_id}</id>{extra}<revision><id>99</id>"
        f"<timestamp>{time}</timestamp><model>wikitext</model>"
        f'<text xml:space="preserve">{body}</text></revision></page>\n'
    )


def dump(*pages: str, site: str = SITE.format(code="de"), end: str = END) -> bytes:
    return (site + "".join(pages) + end).encode()


def read(folder, data: bytes, name: str = NAME, **options) -> list[Document | Rejected]:
    (folder / name).write_bytes(data)
    source = Wikipedia((str(folder / name),), **options)
    return [item for shard in source.shards() for item in source.read(shard)]


def reasons(items) -> list[tuple[str, str]]:
    return [(item.reason, item.kind) for item in items if isinstance(item, Rejected)]


def test_a_document(tmp_path):
    text = "Der [[Fluss]] ist lang.<ref>[http://a.example/x B]</ref> {{lang|en|ok}}"
    (document,) = read(tmp_path, bz2.compress(dump(page(text, title="Große Au"))))
    assert document == Document(
        "dewiki:7",
        "wikipedia",
        "Große Au\n\nDer Fluss ist lang. ok",
        url="https://de.wikipedia.org/wiki/Gro%C3%9Fe_Au",
        date=datetime.datetime(2022, 3, 4, 5, 6, 7, tzinfo=datetime.timezone.utc),
        language="de",
        license="CC-BY-SA-3.0 OR GFDL-1.3-no-invariants-or-later",
        metadata='{"references": ["http://a.example/x"], "revision": 99, '
        '"title": "Große Au", "wiki": "dewiki"}',
    )


@pytest.mark.parametrize(
    ("pack", "name"),
    [
        (bz2.compress, NAME),
        (gzip.compress, "dewiki-x.xml.gz"),
        (bytes, "dewiki-x.xml"),
        (lambda data: bz2.compress(data[:500]) + bz2.compress(data[500:]), NAME),
    ],
)
def test_containers(tmp_path, pack, name):
    (document,) = read(tmp_path, pack(dump(page())), name)
    assert document.text == "Fluss\n\nDer Fluss ist lang."


@pytest.mark.parametrize(
    ("given", "reason"),
    [
        (page(), None),
        (page(ns="<ns>1</ns>"), "other_namespace"),
        (page(ns="<ns>x</ns>"), "other_namespace"),
        (page(ns="", title="Diskuto:Fluss"), "other_namespace"),
        (page(ns="", title="Fluss: ein Lied"), None),
        (page(extra='<redirect title="Strom" />'), "redirect"),
        (page("#REDIRECT [[Strom]]"), "redirect"),
        (page(" #weiterleitung: [[Strom]]"), "redirect"),
        (page("#Weiterleitung fehlt"), None),
        (page("* a\n{{Begriffsklärung}}"), "disambiguation"),
        (page("* a\n{{ disambig |b}}"), "disambiguation"),
        (page("* a __DISAMBIG__"), "disambiguation"),
        (page("* a", title="Fluss (Begriffsklärung)"), "disambiguation"),
        (page("* a {{Begriffsklärungshinweis}}"), None),
        (page("{{Infobox}}\n[[Kategorie:Fluss]]"), "empty"),
        (page("", page_id="7"), "empty"),
        (page().replace("<model>wikitext", "<model>json"), "not_wikitext"),
        (page(title=""), "incomplete_page"),
        (page(page_id=""), "incomplete_page"),
        (page("x" * 2001), "page_too_large"),
        (page("x" * 2000), None),
    ],
)
def test_rules(tmp_path, given, reason):
    (item,) = read(tmp_path, dump(given), "dewiki-x.xml", max_page_characters=2000)
    assert getattr(item, "reason", None) == reason
    if isinstance(item, Rejected):
        broken = reason in ("incomplete_page", "page_too_large")
        assert item.kind == ("bad_record" if broken else "rule")


@pytest.mark.parametrize("code", sorted(LANGUAGES))
def test_disambiguation_pages_of_every_language(tmp_path, code):
    own = sorted(LANGUAGES[code].disambiguation)
    suffix = sorted(LANGUAGES[code].suffixes)[-1]
    pages = [page(f"* a\n{{{{{name}}}}}", page_id=str(i)) for i, name in enumerate(own, 1)]
    pages.append(page("* a", title=f"B ({suffix})"))
    items = read(tmp_path, dump(*pages), f"{code}wiki-x.xml")
    assert reasons(items) == [("disambiguation", "rule")] * len(pages)


@pytest.mark.parametrize(
    ("name", "site", "wiki", "told"),
    [
        ("dewiki-x.xml", SITE.format(code="de"), "dewiki", None),
        ("dewiki-x.xml", SITE.format(code="en"), "dewiki", "enwiki"),
        ("dewiki-x.xml", "<mediawiki>", "dewiki", None),
        ("dump.xml", SITE.format(code="fr"), "frwiki", None),
        ("dump.xml", SITE.format(code="fr").replace("<dbname>frwiki</dbname>", ""), "frwiki", None),
        ("dump.xml", '<mediawiki xml:lang="it"><siteinfo></siteinfo>', "itwiki", None),
    ],
)
def test_which_wiki(tmp_path, name, site, wiki, told):
    (document,) = read(tmp_path, dump(page(), site=site), name)
    metadata = json.loads(document.metadata)
    assert (metadata["wiki"], metadata.get("siteinfo_wiki")) == (wiki, told)
    assert document.id == f"{wiki}:7"
    assert document.language == wiki[:2]


@pytest.mark.parametrize(
    ("site", "reason"),
    [
        ("<mediawiki>", "unknown_wiki"),
        (SITE.format(code="de").replace("dewiki", "dewiktionary"), "unknown_wiki"),
        (SITE.format(code="ja"), "other_language"),
        (SITE.format(code="de"), "other_language"),
    ],
)
def test_a_wiki_that_is_not_wanted_is_refused_whole(tmp_path, site, reason):
    items = read(tmp_path, dump(page(), page(), site=site), "dump.xml", languages=("en", "fr"))
    assert reasons(items) == [(reason, "bad_file")]
    assert len(items) == 1


@pytest.mark.parametrize("name", ["dewiki-x.xml", "jawiki-20220601-pages-articles.xml"])
def test_a_file_of_another_language_fails_before_any_work(tmp_path, name):
    (tmp_path / name).write_bytes(dump(page()))
    with pytest.raises(ConfigError, match="not among languages"):
        Wikipedia((str(tmp_path / name),), languages=("en",)).shards()


def test_options_are_checked():
    with pytest.raises(ConfigError, match="'ja'"):
        Wikipedia(("x",), languages=("en", "ja"))
    with pytest.raises(ConfigError, match="positive"):
        Wikipedia(("x",), shard_bytes=0)
    assert len(Wikipedia(("x",)).languages) == 20


def test_references_can_be_left_out(tmp_path):
    (document,) = read(tmp_path, dump(page("A [http://a.example b].")), "dewiki-x.xml",
                       keep_references=False)  # fmt: skip
    assert "references" not in json.loads(document.metadata)


def test_the_namespaces_of_the_siteinfo_count_unless_it_is_another_wikis(tmp_path):
    text = "A [[Bildo:B.jpg|c]]."
    (own,) = read(tmp_path, dump(page(text)), "dewiki-x.xml")
    (other,) = read(tmp_path, dump(page(text), site=SITE.format(code="en")), "dewiki-y.xml")
    assert (own.text, other.text) == ("Fluss\n\nA.", "Fluss\n\nA c.")


@pytest.mark.parametrize("encoding", ["utf-8", "utf-16", "iso-8859-1"])
def test_encodings(tmp_path, encoding):
    text = f'<?xml version="1.0" encoding="{encoding}"?>' + dump(page(title="Größe")).decode()
    (document,) = read(tmp_path, text.encode(encoding), "dewiki-x.xml")
    assert document.text.startswith("Größe\n")


GOOD = page()
BOMB = '<!DOCTYPE m [<!ENTITY a "aaaaaaaaaa"><!ENTITY b "&a;&a;&a;&a;">]>'


@pytest.mark.parametrize(
    ("data", "reason", "documents"),
    [
        (dump(GOOD, GOOD, end=""), "damaged_xml", 2),
        (dump(GOOD, "<page></wrong>"), "damaged_xml", 1),
        (dump(GOOD, "<page>&undefined;</page>"), "damaged_xml", 1),
        (dump(GOOD).replace(b"lang.", b"lang\xff."), "damaged_xml", 0),
        (BOMB.encode() + dump(GOOD), "damaged_xml", 0),
        (dump(GOOD, "<page>" * 60), "damaged_xml", 1),
        (dump(GOOD, f"<page {'a' * (9 << 20)}"), "damaged_xml", 1),
        (b"", "damaged_xml", 0),
        (b"\0\0\0\0", "damaged_xml", 0),
        (bz2.compress(dump(GOOD))[:-10], "truncated_file", 1),
        (bz2.compress(dump(GOOD))[:-200], "truncated_file", 0),
        (bz2.compress(dump(GOOD)) + bz2.compress(GOOD.encode()), "damaged_xml", 1),
        (bz2.compress(dump(GOOD, end="")) + bz2.compress(END.encode())[:-5], "truncated_file", 1),
        (bz2.compress(dump(GOOD, end="")) + b"BZh9damaged bytes", "damaged_compression", 1),
        (gzipped(dump(GOOD))[:-20], "damaged_compression", 0),
    ],
)
def test_damage_ends_the_file_after_what_could_be_read(tmp_path, data, reason, documents):
    items = read(tmp_path, data, "dewiki-x.xml.bz2")
    assert reasons(items) == [(reason, "bad_file")]
    assert isinstance(items[-1], Rejected)
    assert items[-1].locator.endswith("dewiki-x.xml.bz2")
    assert sum(isinstance(item, Document) for item in items) == documents


@pytest.mark.parametrize(
    ("data", "detail"),
    [
        (BOMB.encode() + dump(GOOD), "document type declaration"),
        (dump("<a>" * 60), "levels of elements"),
        (dump(f"<page {'a' * (9 << 20)}"), "a tag of more than"),
        (dump("<page></wrong>"), "mismatched tag"),
        (bz2.compress(dump(GOOD))[:-200], "breaks off at byte"),
    ],
)
def test_what_exactly_was_wrong_is_told(tmp_path, data, detail):
    rejected = read(tmp_path, data, "dewiki-x.xml.bz2")[-1]
    assert isinstance(rejected, Rejected)
    assert detail in rejected.detail


@settings(max_examples=40, deadline=None)
@given(
    st.integers(0, 10_000),
    st.binary(max_size=12),
    st.sampled_from([bytes, bz2.compress, gzip.compress]),
    st.booleans(),
)
def test_damaged_dumps_never_raise(tmp_path_factory, position, junk, pack, after):
    """Junk is written over a dump, before or after it is packed."""

    def damage(data: bytes) -> bytes:
        at = position % len(data)
        return data[:at] + junk + data[at + len(junk) :]

    data = dump(GOOD, GOOD, GOOD)
    data = damage(pack(data)) if after else pack(damage(data))
    folder = tmp_path_factory.mktemp("fuzz")
    items = read(folder, data, "dewiki-x.xml.bz2")
    assert items
    assert all(isinstance(item, Document | Rejected) for item in items)


def test_memory_does_not_grow_with_the_dump(tmp_path):
    path = tmp_path / NAME
    source = Wikipedia((str(path),), max_page_characters=10_000)
    peaks = []
    for copies in (200, 2000):
        path.write_bytes(bz2.compress(dump(*[page("Wort " * 1000)] * copies)))
        tracemalloc.start()
        count = sum(1 for _ in source.read(InputShard((str(path),))))
        peaks.append(tracemalloc.get_traced_memory()[1])
        tracemalloc.stop()
        assert count == copies
    assert peaks[1] < peaks[0] * 1.5 + (1 << 20)


def test_a_bomb_of_one_page_takes_little_memory(tmp_path):
    path = tmp_path / NAME
    path.write_bytes(bz2.compress(dump(page("a" * (64 << 20)), GOOD)))
    tracemalloc.start()
    items = list(Wikipedia((str(path),), max_page_characters=10_000).read(InputShard((str(path),))))
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert reasons(items) == [("page_too_large", "bad_record")]
    assert len(items) == 2
    assert peak < 16 << 20


def multistream(folder, pages: list[str], index: str | None = None) -> None:
    streams = [bz2.compress(SITE.format(code="de").encode())]
    lines = []
    for number, text in enumerate(pages, 1):
        lines.append(f"{sum(map(len, streams))}:{number}:Titel: {number}\n")
        streams.append(bz2.compress(text.encode()))
    streams.append(bz2.compress(END.encode()))
    name = "dewiki-20220601-pages-articles-multistream"
    (folder / f"{name}.xml.bz2").write_bytes(b"".join(streams))
    text = "".join(lines) if index is None else index
    (folder / f"{name}-index.txt.bz2").write_bytes(bz2.compress(text.encode()))


@pytest.mark.parametrize(("shard_bytes", "count"), [(1, 6), (600, 3), (1 << 20, 1)])
def test_multistream_dumps_are_read_in_ranges(tmp_path, shard_bytes, count):
    multistream(tmp_path, [page(f"Text {i}.", page_id=str(i)) for i in range(1, 6)])
    source = Wikipedia((str(tmp_path / "*.bz2"),), shard_bytes=shard_bytes)
    shards = source.shards()
    size = (tmp_path / "dewiki-20220601-pages-articles-multistream.xml.bz2").stat().st_size
    assert sum(shard.bytes for shard in shards) == size
    assert abs(len(shards) - count) <= 1
    items = [item for shard in shards for item in source.read(shard)]
    assert [item.id for item in items] == [f"dewiki:{i}" for i in range(1, 6)]
    assert [json.loads(item.metadata)["wiki"] for item in items] == ["dewiki"] * 5


def test_numbered_parts_find_their_index(tmp_path):
    multistream(tmp_path, [page(page_id=str(i)) for i in range(1, 4)])
    old = "dewiki-20220601-pages-articles-multistream"
    new = "dewiki-20220601-pages-articles-multistream"
    (tmp_path / f"{old}.xml.bz2").rename(tmp_path / f"{new}1.xml-p1p500.bz2")
    (tmp_path / f"{old}-index.txt.bz2").rename(tmp_path / f"{new}-index1.txt-p1p500.bz2")
    assert len(Wikipedia((str(tmp_path / "*.bz2"),), shard_bytes=1).shards()) == 4


def test_a_range_that_breaks_off_leaves_the_others_whole(tmp_path):
    multistream(tmp_path, [page(page_id=str(i)) for i in range(1, 5)])
    path = tmp_path / "dewiki-20220601-pages-articles-multistream.xml.bz2"
    source = Wikipedia((str(tmp_path / "*.bz2"),), shard_bytes=1)
    shards = source.shards()
    data = bytearray(path.read_bytes())
    data[shards[2].start + 20] ^= 0xFF
    path.write_bytes(data)
    items = [item for shard in shards for item in source.read(shard)]
    assert reasons(items) == [("damaged_compression", "bad_file")]
    assert [item.id for item in items if isinstance(item, Document)] == [
        "dewiki:1",
        "dewiki:3",
        "dewiki:4",
    ]


@pytest.mark.parametrize("index", ["x:1:A\n", "99999999:1:A\n", "500:1:A\n300:2:B\n"])
def test_an_index_that_does_not_fit_is_an_error(tmp_path, index):
    multistream(tmp_path, [page()], index=index)
    with pytest.raises(InputError, match="fetch"):
        Wikipedia((str(tmp_path / "*.bz2"),), shard_bytes=100).shards()


def test_a_dump_that_is_there_twice_is_an_error(tmp_path):
    multistream(tmp_path, [page()])
    (tmp_path / NAME).write_bytes(bz2.compress(dump(page())))
    with pytest.raises(ConfigError, match="one dump"):
        Wikipedia((str(tmp_path / "*.bz2"),)).shards()


def test_no_file_is_an_error(tmp_path):
    with pytest.raises(InputError, match="no file matches"):
        Wikipedia((str(tmp_path / "*.bz2"),)).shards()


def test_the_sample(tmp_path):
    for folder in ("a", "b"):
        sample.write(str(tmp_path / folder))
    names = sorted(path.name for path in (tmp_path / "a").iterdir())
    assert len(names) == 8
    for name in names:
        assert (tmp_path / "a" / name).read_bytes() == (tmp_path / "b" / name).read_bytes()
    source = Wikipedia((str(tmp_path / "a" / "*.bz2"),), shard_bytes=20_000)
    assert len(source.shards()) > 7
    items = [item for shard in source.shards() for item in source.read(shard)]
    counts = collections.Counter(getattr(item, "reason", "document") for item in items)
    assert counts == {
        "document": 51,
        "redirect": 9,
        "disambiguation": 7,
        "other_namespace": 5,
        "empty": 1,
        "incomplete_page": 1,
    }
    documents = [item for item in items if isinstance(item, Document)]
    english = [document.text for document in documents if document.language == "en"]
    assert sum(map(len, english)) > 60_000
    assert {document.language for document in documents} == {
        "de", "en", "es", "fr", "it", "pl", "ru",
    }  # fmt: skip
    urls = {url for document in documents for url in json.loads(document.metadata)["references"]}
    assert len(urls) == 30
    assert all(re.fullmatch(r"https://[a-z-]+\.example/[a-z-]+", url) for url in urls)
    for document in documents:
        assert_no_debris(document)


DEBRIS = re.compile(
    r"\[\[|\]\]|\{\{|\}\}|</?ref|<!--|-->|\{\||\|\}|__[A-Z]{3,}__|\x7f|\x02|\x03|'{3}"
    r"|\|\s*(?:thumb|mini|miniatur|vignette|miniaturadeimagen|mały|мини|слева|справа|upright|left"
    r"|right|links|rechts|\d+px)\b",
    re.IGNORECASE,
)


def assert_no_debris(document: Document) -> None:
    found = DEBRIS.search(document.text)
    assert not found, (
        f"{document.id}: {document.text[max(found.start() - 80, 0) : found.end() + 80]}"
    )
    language = LANGUAGES[document.language]
    names = "|".join(map(re.escape, language.files | language.categories))
    left = re.search(rf"^[ *-]*(?:{names}):\S", document.text, re.IGNORECASE | re.MULTILINE)
    assert not left, f"{document.id}: {left[0]}"
    title = json.loads(document.metadata)["title"]
    assert document.text.startswith(f"{title}\n\n")


@pytest.mark.real_data
def test_real_dumps(real_data):
    source = Wikipedia((str(real_data / "wikipedia" / "*.bz2"),))
    counts: dict[str, collections.Counter[str]] = {}
    for shard in source.shards():
        name = shard.paths[0].rpartition("/")[2].partition("-p")[0]
        counts[name] = collections.Counter()
        for item in source.read(shard):
            if isinstance(item, Rejected):
                assert item.kind == "rule", item
                counts[name][item.reason] += 1
            else:
                assert_no_debris(item)
                assert item.language == name[:2]
                counts[name]["document"] += 1
    assert {name[:2] for name in counts} == set(LANGUAGES)
    assert all(count["document"] for count in counts.values())
    assert counts["itwiki-small"] == {
        "document": 523,
        "other_namespace": 75,
        "redirect": 64,
        "empty": 53,
        "disambiguation": 31,
    }
    assert counts["enwiki-minidump"] == {
        "document": 23,
        "redirect": 2,
        "disambiguation": 1,
        "other_namespace": 1,
    }
