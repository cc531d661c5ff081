"""Stack Exchange: rows, the join of questions and answers, the choice of sites, broken dumps."""

from __future__ import annotations

import collections
import datetime
import functools
import gzip
import io
import itertools
import json
import random
import re
from xml.sax.saxutils import quoteattr

import py7zr
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pasture.errors import ConfigError, InputError
from pasture.records import Document
from pasture.sources.base import Rejected
from pasture.sources.stackexchange import dump
from pasture.sources.stackexchange.source import StackExchange, is_meta, site_of, thread_text

# With no time in it: the names of tests must not change from one collection to the next.
gzipped = functools.partial(gzip.compress, mtime=0)

SITE = "tea.stackexchange.com"


def row(number: int, kind: int, **attributes: object) -> str:
    fields = {
        "Id": number,
        "PostTypeId": kind,
        "CreationDate": "2014-01-21T20:26:05.383",
        "Score": 0,
        "Body": f"<p>Body {number}</p>\n",
        **attributes,
    }
    pairs = (
        f"{name}={quoteattr(str(value), {chr(10): '&#xA;'})}"
        for name, value in fields.items()
        if value is not None
    )
    return f"  <row {' '.join(pairs)} />\r\n"


def question(number: int, **attributes: object) -> str:
    return row(number, 1, Title=f"Title {number}?", **attributes)


def answer(number: int, parent: int, score: int = 0, **attributes: object) -> str:
    return row(number, 2, ParentId=parent, Score=score, **attributes)


def posts_xml(*rows: str) -> bytes:
    body = "".join(rows)
    return f'\ufeff<?xml version="1.0" encoding="utf-8"?>\r\n<posts>\r\n{body}</posts>'.encode()


def write_7z(path, members: dict[str, bytes]) -> None:
    with py7zr.SevenZipFile(path, "w") as archive:
        for name, data in members.items():
            archive.writef(io.BytesIO(data), name)


def read(tmp_path, data: bytes, **options: object) -> list[Document | Rejected]:
    folder = tmp_path / SITE
    folder.mkdir(exist_ok=True)
    (folder / "Posts.xml").write_bytes(data)
    source = StackExchange(inputs=(str(folder / "Posts.xml"),), **options)
    return [record for shard in source.shards() for record in source.read(shard)]


def brief(records: list[Document | Rejected]) -> list[tuple[object, ...]]:
    """Each record as its id with its answers' ids and scores, or with its reason."""
    return [
        (r.locator, r.reason)
        if isinstance(r, Rejected)
        else (r.id, [(a["id"], a["score"]) for a in json.loads(r.metadata)["answers"]])
        for r in records
    ]


def test_a_question_becomes_a_document_with_its_answers(tmp_path):
    xml = posts_xml(
        question(
            1,
            Score=7,
            AcceptedAnswerId=3,
            OwnerUserId=5,
            Tags="<green><water-quality>",
            Body="<p>How <em>hot</em>?</p>\n",
        ),
        answer(2, 1, 10, OwnerDisplayName="gone", CreationDate="2019-01-01T00:00:00.000"),
        answer(3, 1, 9, OwnerUserId=6),
    )
    assert read(tmp_path, xml) == [
        Document(
            id="tea.stackexchange.com:1",
            source="stackexchange",
            text="Q: Title 1?\n\nHow hot?\n\nA:\nBody 2\n\nA:\nBody 3",
            url="https://tea.stackexchange.com/questions/1",
            date=datetime.datetime(2014, 1, 21, 20, 26, 5, 383000, tzinfo=datetime.timezone.utc),
            license="CC-BY-SA-3.0 AND CC-BY-SA-4.0",
            metadata=json.dumps(
                {
                    "accepted_answer_id": 3,
                    "answers": [
                        {"id": 2, "score": 10, "owner": "gone", "accepted": False},
                        {"id": 3, "score": 9, "owner": "6", "accepted": True},
                    ],
                    "owner": "5",
                    "question_id": 1,
                    "score": 7,
                    "site": "tea.stackexchange.com",
                    "tags": ["green", "water-quality"],
                    "title": "Title 1?",
                },
                sort_keys=True,
            ),
        )
    ]


def test_scores_are_numbers_and_ties_go_to_the_lower_id(tmp_path):
    rows = [
        answer(i, 1, score) for i, score in [(2, 9), (3, 100), (4, -3), (5, 10), (7, 9), (6, 9)]
    ]
    assert brief(read(tmp_path, posts_xml(question(1), *rows))) == [
        (f"{SITE}:1", [(3, 100), (5, 10), (2, 9), (6, 9), (7, 9), (4, -3)])
    ]


def test_order_in_the_file_does_not_matter(tmp_path):
    rows = [question(1), answer(2, 1, 5), answer(3, 1, 6), question(4), answer(5, 4), answer(6, 1)]
    expected = read(tmp_path, posts_xml(*rows))
    for _ in range(5):
        random.Random(_).shuffle(rows)
        assert read(tmp_path, posts_xml(*rows)) == expected


THREADS = (
    question(1, Score=5),
    answer(2, 1, 3),
    answer(3, 1, -1),
    question(4, Score=-2),
    answer(5, 4, 9),
    question(6, Score=0),
)


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        ({}, [(1, [(2, 3), (3, -1)]), (4, [(5, 9)]), (6, [])]),
        ({"keep_unanswered": False}, [(1, [(2, 3), (3, -1)]), (4, [(5, 9)]), (6, "unanswered")]),
        ({"min_answer_score": 3}, [(3, "low_score"), (1, [(2, 3)]), (4, [(5, 9)]), (6, [])]),
        (
            {"min_answer_score": 4, "keep_unanswered": False},
            [
                (2, "low_score"),
                (3, "low_score"),
                (1, "unanswered"),
                (4, [(5, 9)]),
                (6, "unanswered"),
            ],
        ),
        (
            {"min_question_score": 0},
            [(1, [(2, 3), (3, -1)]), (4, "low_score"), (5, "question_left_out"), (6, [])],
        ),
        (
            {"min_question_score": 1},
            [(1, [(2, 3), (3, -1)]), (4, "low_score"), (5, "question_left_out"), (6, "low_score")],
        ),
    ],
)
def test_options(tmp_path, options, expected):
    found = brief(read(tmp_path, posts_xml(*THREADS), **options))
    assert found == [(f"{SITE}:{number}", what) for number, what in expected]


@pytest.mark.parametrize(
    ("rows", "expected"),
    [
        ([answer(2, 1)], [("2", "orphan_answer")]),
        ([row(2, 4), row(3, 5), row(4, 9)], [("not_a_question_or_answer",)] * 3),
        (
            [question(1), question(1, Score=3), answer(2, 1), answer(2, 1, 4)],
            [("1", "duplicate_id"), ("2", "duplicate_id"), ("1", [(2, 4)])],
        ),
        ([question(1), answer(2, 1, Body="<p> </p>")], [("2", "empty_answer"), ("1", [])]),
        ([row(1, 1, Body="")], [("1", "empty")]),
        ([question("x")], [("bad_row",)]),
        ([question(1, Score="1.5")], [("bad_row",)]),
        ([question(1, Score="９")], [("bad_row",)]),
        ([question(1, Score="9" * 40)], [("bad_row",)]),
        ([question(1, Score=None)], [("bad_row",)]),
        ([question(1, CreationDate="yesterday")], [("bad_row",)]),
        ([row(2, 2)], [("bad_row",)]),
        ([question(-1)], [("bad_row",)]),
        (['  <row Id="1" PostTypeId=1 />\n'], [("bad_row",)]),
        (['  <row Id="1" PostTypeId="1" Body="a & b" />\n'], [("bad_row",)]),
        (['  <row Id="1" Body="&undefined;" />\n'], [("bad_row",)]),
        (["  <row Id='1' \n"], [("bad_row",)]),
    ],
)
def test_reasons(tmp_path, rows, expected):
    """The question after a row shows that nothing else is lost."""
    found = brief(read(tmp_path, posts_xml(*rows, question(99))))
    assert found[-1] == (f"{SITE}:99", [])
    left_out = [
        (what,) if "Posts.xml" in locator else (locator.removeprefix(f"{SITE}:"), what)
        for locator, what in found[:-1]
    ]
    assert left_out == expected


def test_a_bad_row_says_where_it_is(tmp_path):
    xml = posts_xml(question(1), "  <row Id=1 />\n")
    record = read(tmp_path, xml)[0]
    assert record == Rejected(
        f"{SITE}/Posts.xml:{xml.index(b'<row Id=1')}",
        "bad_row",
        "bad_record",
        record.detail,
        "<row Id=1 />\n",
    )


def test_forbidden_characters_do_not_cost_the_row(tmp_path):
    xml = posts_xml(question(1, Body="<p>aBELb</p>")).replace(b"BEL", b"&#x7;&#31;&#x1F;")
    assert read(tmp_path, xml)[0].text == "Q: Title 1?\n\nab"


def test_entities_of_a_dtd_are_never_expanded(tmp_path):
    bomb = b'<!DOCTYPE posts [<!ENTITY a "aaaa"><!ENTITY b SYSTEM "file:///etc/passwd">]>'
    xml = posts_xml(question(1, Body="X"), question(2, Body="Y"), question(3))
    xml = xml.replace(b"<posts>", bomb + b"<posts>").replace(b'"X"', b'"&a;"')
    xml = xml.replace(b'"Y"', b'"&b;"')
    assert [what for _, what in brief(read(tmp_path, xml))] == ["bad_row", "bad_row", []]


def test_a_row_that_is_too_long_is_passed_over(tmp_path, monkeypatch):
    monkeypatch.setattr(dump, "_MAX_ROW", 1000)
    long = posts_xml(question(1), question(2, Body="x" * 5000), question(3))
    assert [what for _, what in brief(read(tmp_path, long))] == ["row_too_long", [], []]


@pytest.mark.parametrize("size", [1, 2, 3, 7, 64, 10_000])
def test_rows_are_the_same_for_any_size_of_chunk(monkeypatch, size):
    monkeypatch.setattr(dump, "_MAX_ROW", 400)
    xml = posts_xml(question(1), question(2, Body="x" * 900), answer(3, 1), question(4))
    whole, pieces = dump.RowSplitter(), dump.RowSplitter()
    expected = list(whole.feed(xml))
    found = [
        item
        for begin in range(0, len(xml), size)
        for item in pieces.feed(xml[begin : begin + size])
    ]
    assert (found, pieces.finish()) == (expected, None)
    assert [text is None for _, text in expected] == [False, True, False, False]


@pytest.mark.parametrize("cut", [2, 40, 300, -1, -8])
def test_a_file_that_breaks_off_gives_what_could_be_read(tmp_path, cut):
    *records, last = read(tmp_path, posts_xml(question(1), question(2))[:cut])
    assert (last.reason, last.kind) == ("truncated", "bad_file")
    assert all(isinstance(record, Document) for record in records)


def test_a_file_of_something_else_is_a_bad_file(tmp_path):
    for data in (b"", b"<html>404</html>", b"\x00" * 100):
        assert [what for _, what in brief(read(tmp_path, data))] == ["truncated"]


def read_path(path) -> list[Document | Rejected]:
    source = StackExchange(inputs=(str(path),))
    return [record for shard in source.shards() for record in source.read(shard)]


XML = posts_xml(question(1), answer(2, 1, 3))


def test_an_archive_is_read_like_the_file_in_it(tmp_path):
    expected = read(tmp_path, XML)
    write_7z(tmp_path / f"{SITE}.7z", {"Badges.xml": b"<badges/>", "Posts.xml": XML, "Z.xml": b"z"})
    (tmp_path / f"{SITE}.xml.gz").write_bytes(gzipped(XML))
    assert read_path(tmp_path / f"{SITE}.7z") == expected
    assert read_path(tmp_path / f"{SITE}.xml.gz") == expected


@pytest.mark.parametrize(
    ("members", "reason"),
    [
        ({"Users.xml": b"<users/>"}, "no_posts"),
        ({"Posts.xml": b"<posts></posts>" + b" " * 2_000_000}, "archive_over_limit"),
    ],
)
def test_archives_that_cannot_be_read(tmp_path, monkeypatch, members, reason):
    monkeypatch.setattr(dump, "_FREE_BYTES", 1_000_000)
    write_7z(tmp_path / f"{SITE}.7z", members)
    (record,) = read_path(tmp_path / f"{SITE}.7z")
    assert (record.reason, record.kind) == (reason, "bad_file")


def test_damaged_archives_are_bad_files_and_raise_nothing(tmp_path):
    path = tmp_path / f"{SITE}.7z"
    write_7z(path, {"Posts.xml": XML})
    whole = path.read_bytes()
    seed = random.Random(7)
    damaged = [whole[:size] for size in (0, 5, 40, len(whole) // 2, len(whole) - 3)]
    for _ in range(150):
        at = seed.randrange(len(whole))
        damaged.append(whole[:at] + bytes([seed.randrange(256)]) + whole[at + 1 :])
    for data in damaged:
        path.write_bytes(data)
        for record in read_path(path):
            if isinstance(record, Rejected):
                assert record.kind in ("bad_file", "bad_record")


@given(
    st.lists(
        st.one_of(
            st.sampled_from(
                [
                    b"<row ",
                    b"/>",
                    b"<",
                    b'"',
                    b"Id=",
                    b"&lt;",
                    b"</posts>",
                    b'<row Id="1" PostTypeId="1" Score="1" CreationDate="2014-01-01"/>',
                ]
            ),
            st.binary(max_size=12),
        ),
        max_size=25,
    )
)
@settings(max_examples=50, deadline=None)
def test_any_bytes_are_rows_or_rejected(parts):
    splitter = dump.RowSplitter()
    for _, found in splitter.feed(b"".join(parts)):
        assert isinstance(dump.parse_row(found, "x"), (dump.Post, Rejected))
    splitter.finish()


@pytest.mark.timeout(20)
@pytest.mark.parametrize("unit", [b"<row ", b"<", b"<row a='", b" ", b"<rows>", b'<row a="1"/>'])
def test_hostile_repetition_takes_linear_time(unit):
    splitter = dump.RowSplitter()
    for _ in range(10):
        for _, found in splitter.feed(unit * 5_000):
            if found is not None:
                dump.parse_row(found[:100], "x")
    assert len(splitter._buffer) <= dump._MAX_ROW + 1_000_000


@pytest.mark.parametrize(
    ("date", "declared", "expected"),
    [
        ("2011-04-07T23:59:59.999", None, "CC-BY-SA-2.5"),
        ("2011-04-08T00:00:00.000", None, "CC-BY-SA-3.0"),
        ("2018-05-01T23:59:59.999", None, "CC-BY-SA-3.0"),
        ("2018-05-02T00:00:00.000", None, "CC-BY-SA-4.0"),
        ("2010-01-01T00:00:00.000", "CC BY-SA 4.0", "CC-BY-SA-4.0"),
        ("2010-01-01T00:00:00.000", "all rights", "CC-BY-SA-2.5"),
    ],
)
def test_licence_is_declared_or_told_by_date(date, declared, expected):
    post = dump.parse_row(question(1, CreationDate=date, ContentLicense=declared).encode(), "x")
    assert post.license == expected


@pytest.mark.parametrize("tags", ["<a><b-c>", "|a|b-c|"])
def test_tags_of_old_and_new_dumps(tmp_path, tags):
    (document,) = read(tmp_path, posts_xml(question(1, Tags=tags)))
    assert json.loads(document.metadata)["tags"] == ["a", "b-c"]


@pytest.mark.parametrize(
    ("path", "site"),
    [
        ("/d/beer.stackexchange.com.7z", "beer.stackexchange.com"),
        ("/d/stackoverflow.com-Posts.7z", "stackoverflow.com"),
        ("/d/beer.stackexchange.com/Posts.xml", "beer.stackexchange.com"),
        ("s3://d/beer.stackexchange.com/posts.xml.gz", "beer.stackexchange.com"),
        ("/d/beer.stackexchange.com.xml.bz2", "beer.stackexchange.com"),
        ("Posts.xml", "Posts.xml"),
        ("/d/readme", "readme"),
    ],
)
def test_site_of(path, site):
    assert site_of(path) == site


@pytest.mark.parametrize(
    ("site", "expected"),
    [
        ("meta.stackexchange.com", True),
        ("beer.meta.stackexchange.com", True),
        ("es.meta.stackoverflow.com", True),
        ("beer.stackexchange.com", False),
        ("metaphysics.stackexchange.com", False),
        ("mathoverflow.net", False),
    ],
)
def test_is_meta(site, expected):
    assert is_meta(site) is expected


@pytest.fixture
def dump_folder(tmp_path):
    """Four sites; in the archives, other tables make the file sizes mislead."""
    sizes = {"a.org": 3, "b.org": 5, "c.org": 4}
    for site, count in sizes.items():
        other = bytes(random.Random(site).choices(range(256), k=9000 if site == "a.org" else 10))
        posts = posts_xml(*map(question, range(count)))
        write_7z(tmp_path / f"{site}.7z", {"Posts.xml": posts, "Votes.xml": other})
    (tmp_path / "a.meta.b.org").mkdir()
    (tmp_path / "a.meta.b.org" / "Posts.xml").write_bytes(posts_xml(*map(question, range(90))))
    (tmp_path / "b.org-Users.7z").write_bytes(b"another table of b.org")
    return tmp_path


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        ({}, ["a.org", "b.org", "c.org"]),
        ({"largest_sites": 2}, ["b.org", "c.org"]),
        ({"largest_sites": 1}, ["b.org"]),
        ({"largest_sites": 1, "include_meta": True}, ["a.meta.b.org"]),
        ({"largest_sites": 0, "include_meta": True}, ["a.meta.b.org", "a.org", "b.org", "c.org"]),
        ({"sites": ("c.org", "a.org")}, ["a.org", "c.org"]),
        ({"sites": ("a.meta.b.org",)}, ["a.meta.b.org"]),
    ],
)
def test_choice_of_sites(dump_folder, options, expected):
    inputs = (f"{dump_folder}/*.7z", f"{dump_folder}/*/Posts.xml")
    shards = StackExchange(inputs=inputs, **options).shards()
    assert sorted(site_of(shard.paths[0]) for shard in shards) == expected


@pytest.fixture
def long_posts(tmp_path):
    """Sites whose posts are as many as their names say, and the more the shorter."""
    for count, length in [(2, 5000), (3, 500), (4, 5)]:
        wiki = [row(100 + i, 5) for i in range(9 - 2 * count)]
        posts = [answer(i, 1, Body="x" * length) for i in range(count)]
        (tmp_path / "dump").mkdir(exist_ok=True)
        write_7z(tmp_path / f"dump/of{count}.org.7z", {"Posts.xml": posts_xml(*posts, *wiki)})
    return tmp_path / "dump"


def chosen(folder, pattern="*.7z", **options):
    shards = StackExchange(inputs=(f"{folder}/{pattern}",), **options).shards()
    return [site_of(shard.paths[0]) for shard in shards]


def sites_xml(**posts: int) -> str:
    rows = "".join(
        f'<row Url="https://{name}.org" TotalQuestions="{count}" TotalAnswers="1" />'
        for name, count in posts.items()
    )
    return f'\ufeff<?xml version="1.0" encoding="utf-8"?>\n<sites>{rows}</sites>'


def test_the_largest_sites_have_the_most_questions_and_answers(long_posts):
    assert chosen(long_posts, largest_sites=1) == ["of4.org"]
    assert chosen(long_posts, largest_sites=2) == ["of3.org", "of4.org"]


def test_the_table_of_sites_counts_where_it_names_a_site(long_posts):
    (long_posts / "Sites.xml").write_text(sites_xml(of2=90, of3=0, of99=99))
    for pattern in ("*.7z", "*"):
        assert chosen(long_posts, pattern, largest_sites=1) == ["of2.org"]
        assert chosen(long_posts, pattern, largest_sites=2) == ["of2.org", "of4.org"]
    source = StackExchange(inputs=(f"{long_posts}/*.7z",), largest_sites=2)
    assert str(long_posts / "Sites.xml") in dict(source.files())
    source = StackExchange(inputs=(f"{long_posts}/*.7z",), largest_sites=3)
    assert len(source.files()) == 3


def test_the_table_of_sites_lies_beside_the_folders_of_unpacked_sites(tmp_path):
    for site, count in [("a.org", 1), ("b.org", 2)]:
        (tmp_path / site).mkdir()
        (tmp_path / site / "Posts.xml").write_bytes(posts_xml(*map(question, range(count))))
    assert chosen(tmp_path, "*/Posts.xml", largest_sites=1) == ["b.org"]
    (tmp_path / "Sites.xml").write_text(sites_xml(a=5, b=2))
    assert chosen(tmp_path, "*/Posts.xml", largest_sites=1) == ["a.org"]


@pytest.mark.parametrize("table", ["", "<sites><row", sites_xml(of2=1).replace("Total", "All")])
def test_a_damaged_table_of_sites_is_an_error_with_its_remedy(long_posts, table):
    (long_posts / "Sites.xml").write_text(table)
    with pytest.raises(InputError, match=r"Sites\.xml cannot be read.*name the sites"):
        chosen(long_posts, largest_sites=1)
    assert chosen(long_posts, sites=("of3.org",)) == ["of3.org"]


def test_links_keep_their_targets_where_the_option_says_so(tmp_path):
    xml = posts_xml(question(1, Body='<p><a href="/q/2">two</a></p>'))
    assert read(tmp_path, xml)[0].text == "Q: Title 1?\n\ntwo"
    linked = f"Q: Title 1?\n\n[two](https://{SITE}/q/2)"
    assert read(tmp_path, xml, keep_links=True)[0].text == linked


def test_a_named_site_must_be_there(dump_folder):
    with pytest.raises(ConfigError, match=r"no input for x\.org; there are a\.org, b\.org, c\.org"):
        StackExchange(inputs=(f"{dump_folder}/*.7z",), sites=("x.org",)).shards()


def test_a_site_may_be_there_once_only(dump_folder):
    (dump_folder / "b.org").mkdir()
    (dump_folder / "b.org" / "Posts.xml").write_bytes(XML)
    with pytest.raises(ConfigError, match=r"both hold b\.org"):
        StackExchange(inputs=(f"{dump_folder}/*.7z", f"{dump_folder}/*/Posts.xml")).shards()


def test_largest_sites_cannot_be_negative():
    with pytest.raises(ConfigError, match="largest_sites"):
        StackExchange(inputs=("x",), largest_sites=-1)


@pytest.mark.parametrize(
    ("title", "body", "answers", "text"),
    [
        ("T", "b", ["x", "y"], "Q: T\n\nb\n\nA:\nx\n\nA:\ny"),
        ("T", "", [], "Q: T"),
        ("", "b", [], "Q:\n\nb"),
        ("", "", [], ""),
    ],
)
def test_thread_text(title, body, answers, text):
    assert thread_text(title, body, answers) == text


# Questions and answers of each real site, counted with grep in its Posts.xml.
REAL = {"beer": (663, 1572, 119), "coffee": (225, 327, 40), "genai": (181, 243, 50)}


@pytest.mark.real_data
@pytest.mark.parametrize("site", REAL)
def test_real_sites(real_data, site):
    """Counts equal the dump's, order is by number, fences pair, no tag is left."""
    records = read_path(real_data / "stackexchange" / f"{site}.stackexchange.com.7z")
    documents = [record for record in records if isinstance(record, Document)]
    answers = [json.loads(document.metadata)["answers"] for document in documents]
    reasons = collections.Counter(r.reason for r in records if isinstance(r, Rejected))
    count, total, others = REAL[site]
    assert (len(documents), sum(map(len, answers))) == (count, total)
    assert reasons == {"not_a_question_or_answer": others}
    for thread in answers:
        for one, other in itertools.pairwise(thread):
            assert (-one["score"], one["id"]) < (-other["score"], other["id"])
    tags = r"</?(?:p|a|li|ul|ol|em|strong|code|pre|blockquote|br|img|h[1-6]|div|table)\b[^>]*>"
    for document in documents:
        assert document.text.count("```") % 2 == 0
        assert not re.search(tags, re.sub(r"```.*?```|`[^`\n]+`", "", document.text, flags=re.S))
