"""The corpus of bad files: what is wrong, what must become of it, and what must survive.

Each case is one folder of input for one source. Beside what is bad there are sound records, in
the same file where the format allows it, and else in a file beside it.
"""

from __future__ import annotations

import bz2
import dataclasses
import pickle
import tarfile
from collections.abc import Callable

from tests.hostile import files as f

MB = 1 << 20
GB = 1 << 30


@dataclasses.dataclass(frozen=True)
class Case:
    """A folder of input with something bad in it.

    Args:
        source: The source that reads it.
        name: What is bad.
        files: The files, by name; made when the case is run, as some are large.
        documents: How many documents must come out.
        reasons: Why records, or rests of files, are rejected, with how many of each.
    """

    source: str
    name: str
    files: Callable[[], dict[str, bytes]]
    documents: int
    reasons: dict[str, int]

    @property
    def id(self) -> str:
        """The name of its test."""
        return f"{self.source}-{self.name.replace(' ', '-')}"


class Bomb:
    """What a pickle of an attacker runs when it is loaded."""

    def __reduce__(self) -> tuple[object, tuple[str]]:
        return exec, ("raise SystemExit('a pickle was loaded')",)


PICKLE = pickle.dumps(Bomb())

C4_ROWS = b"".join(map(f.c4_row, range(20)))


def c4(name: str, data: Callable[[], bytes], documents: int, **reasons: int) -> Case:
    return Case("c4", name, lambda: {"bad.json.gz": data()}, documents, reasons)


def crawl(name: str, data: Callable[[], bytes], documents: int, **reasons: int) -> Case:
    def files() -> dict[str, bytes]:
        return {"bad.warc.wet.gz": data(), "good.warc.wet.gz": f.gz(f.wet_record(90))}

    return Case("common_crawl", name, files, documents + 1, reasons)


def warc(name: str, html: Callable[[], bytes], documents: int, **reasons: int) -> Case:
    def files() -> dict[str, bytes]:
        records = [
            f.page_record(1, f.page(1)),
            f.page_record(2, html()),
            f.page_record(3, f.page(3)),
        ]
        return {"bad.warc.gz": b"".join(map(f.gz, records))}

    return Case("common_crawl", name, files, documents, reasons)


def wiki(name: str, data: Callable[[], bytes], documents: int, **reasons: int) -> Case:
    def files() -> dict[str, bytes]:
        good = bz2.compress(f.dump([f.wiki_page(90)]))
        return {"enwiki-1-pages-articles.xml.bz2": data(), "enwiki-2-pages-articles.xml.bz2": good}

    return Case("wikipedia", name, files, documents + 1, reasons)


def books(name: str, file: str, data: Callable[[], bytes], documents: int, **reasons: int) -> Case:
    def files() -> dict[str, bytes]:
        return {file: data(), "good.txt": f.book(9)}

    return Case("books", name, files, documents + 1, reasons)


def arxiv(name: str, submission: Callable[[], bytes], documents: int, **reasons: int) -> Case:
    def files() -> dict[str, bytes]:
        papers = [
            f.member("2401/2401.00001.gz", f.gz(f.paper(1))),
            f.member("2401/2401.00002.gz", submission()),
            f.member("2401/2401.00003.gz", f.gz(f.paper(3))),
        ]
        return {"arXiv_src_2401_001.tar": f.tar(papers)}

    return Case("arxiv", name, files, documents, reasons)


def github(name: str, file: str, data: Callable[[], bytes], documents: int, **reasons: int) -> Case:
    def files() -> dict[str, bytes]:
        return {file: data(), "sound.json": f.code_row(8)}

    return Case("github", name, files, documents + 1, reasons)


def exchange(name: str, data: Callable[[], bytes], documents: int, **reasons: int) -> Case:
    def files() -> dict[str, bytes]:
        return {
            "boats.stackexchange.com.7z": data(),
            "rivers.stackexchange.com.7z": f.seven_zip([("Posts.xml", f.posts([f.thread(9)]))]),
        }

    return Case("stackexchange", name, files, documents + 1, reasons)


def posts(name: str, row: Callable[[], bytes], documents: int, **reasons: int) -> Case:
    """A site whose Posts.xml has a bad row between two sound threads."""
    return exchange(
        name,
        lambda: f.seven_zip([("Posts.xml", f.posts([f.thread(1), row(), f.thread(21)]))]),
        documents,
        **reasons,
    )


def with_row(row: bytes) -> Callable[[], bytes]:
    return lambda: f.gz(f.c4_row(1) + row + b"\n" + f.c4_row(2))


def latex(body: Callable[[], str]) -> Callable[[], bytes]:
    return lambda: f.gz(f.paper(2, body()))


def entity_bomb() -> bytes:
    lines = [b'<!ENTITY a0 "boom">']
    lines += [b'<!ENTITY a%d "%s">' % (i, b"&a%d;" % (i - 1) * 10) for i in range(1, 12)]
    return b"<!DOCTYPE x [" + b"".join(lines) + b"]>"


EXTERNAL = b'<!DOCTYPE x [<!ENTITY leak SYSTEM "file:///etc/passwd">]>'
XML = b'<?xml version="1.0"?>\n'
DEEP = 100_000

CASES: list[Case] = [
    # Compressed files.
    c4("an empty file", lambda: b"", 0, empty_file=1),
    c4("a gzip of nothing", lambda: f.gz(b""), 0, empty_file=1),
    c4("a truncated gzip", lambda: f.gz(C4_ROWS)[:-9], 20, damaged_file=1),
    c4("a damaged gzip", lambda: f.gz(C4_ROWS) + f.flip(f.gz(C4_ROWS), 0.05), 20, damaged_file=1),
    c4(
        "a wrong checksum",
        lambda: f.flip(f.gz(C4_ROWS), 1 - 8 / len(f.gz(C4_ROWS))),
        20,
        damaged_file=1,
    ),
    c4("concatenated gzips", lambda: f.gz(f.c4_row(1)) + f.gz(f.c4_row(2)), 2),
    c4("a gzip with rubbish after it", lambda: f.gz(C4_ROWS) + b"rubbish", 20, damaged_file=1),
    c4("a gzip padded with zeros", lambda: f.gz(C4_ROWS) + bytes(512), 20),
    c4("a picture", lambda: b"\x89PNG\r\n\x1a\n" + bytes(range(256)), 0, not_utf8=2, not_json=2),
    c4("a pickle", lambda: PICKLE, 0, not_utf8=1),
    c4("a gzip bomb of one line", lambda: f.gzip_bomb(GB, C4_ROWS), 20, row_too_large=1),
    # Rows of JSON.
    c4("NUL bytes", with_row(bytes(50)), 2, not_json=1),
    c4("no UTF-8", with_row(b'{"text": "\xff\xfe", "url": "x"}'), 2, not_utf8=1),
    c4("overlong UTF-8", with_row(b'{"text": "\xc0\xaf", "url": "x"}'), 2, not_utf8=1),
    c4(
        "a lone surrogate",
        with_row(b'{"text": "a \\ud800 b", "url": "x", "timestamp": "2019-04-25T12:57:54Z"}'),
        2,
        invalid_unicode=1,
    ),
    c4("nesting without end", with_row(b'{"text": ' + b"[" * DEEP), 2, not_json=1),
    c4(
        "a number without end",
        with_row(b'{"text": "a", "url": ' + b"9" * DEEP + b"}"),
        2,
        not_json=1,
    ),
    c4("a list for a row", with_row(b"[1, 2]"), 2, not_an_object=1),
    c4("a row without text", with_row(b'{"url": "x"}'), 2, missing_key=1),
    # Crawls.
    crawl(
        "a truncated gzip",
        lambda: f.gz(f.wet_record(1)) + f.gz(f.wet_record(2))[:-20],
        1,
        truncated_file=1,
    ),
    crawl(
        "a damaged record",
        lambda: f.gz(f.wet_record(1)) + f.flip(f.gz(f.wet_record(2)), 0.5),
        1,
        damaged_file=1,
    ),
    crawl("no records", lambda: f.gz(b"hello\r\n" * 100), 0, damaged_file=1),
    crawl(
        "a record without length",
        lambda: f.gz(f.wet_record(1).replace(b"Content-Length", b"Kontent")),
        0,
        damaged_file=1,
    ),
    crawl(
        "a negative length",
        lambda: f.gz(f.wet_record(1, **{"Content-Length": "-5"})),
        0,
        damaged_file=1,
    ),
    crawl(
        "a length beyond the file",
        lambda: f.gz(f.wet_record(1, **{"Content-Length": str(10**15)})),
        0,
        truncated_file=1,
    ),
    crawl(
        "a bomb in a record",
        lambda: (
            f.gz(f.wet_record(1))
            + f.gzip_bomb(200 * MB, f.wet_record(2, b"", **{"Content-Length": str(200 * MB)})[:-4])
        ),
        1,
        page_too_large=1,
    ),
    crawl("NUL bytes in a page", lambda: f.gz(f.wet_record(1, bytes(1000))), 0, too_short=1),
    crawl(
        "no UTF-8 in a page",
        lambda: f.gz(f.wet_record(1, b"\xff\xfe\x00 ferry " * 100)),
        0,
        not_utf8=1,
    ),
    warc("deep HTML", lambda: b"<div>" * DEEP + b"ferry " * 100, 2, too_complex=1),
    warc("very many elements", lambda: b"<p>ferry" * 60_000, 2, too_many_elements=1),
    warc(
        "formatting elements that are closed outside of their blocks",
        lambda: b"".join(b"<b id=%d>" % i for i in range(500)) + b"<div>" * 1000 + b"</b>" * 50_000,
        2,
        too_complex=1,
    ),
    warc(
        "a tag with very many attributes",
        lambda: b"<p " + b" ".join(b"a%d=1" % i for i in range(DEEP)) + b">ferry",
        2,
        too_many_attributes=1,
    ),
    warc("an unclosed comment", lambda: b"<html><body><!-- " + b"ferry " * DEEP, 2, too_short=1),
    warc("a charset that there is not", lambda: b'<meta charset="utf-99">' + f.page(2), 3),
    warc("null bytes in HTML", lambda: f.page(2).replace(b"<p>", b"<p>\0"), 3),
    # Wikipedia.
    wiki(
        "a truncated bzip2",
        lambda: bz2.compress(f.dump(map(f.wiki_page, range(1, 4))))[:-20],
        0,
        truncated_file=1,
    ),
    wiki(
        "a damaged bzip2",
        lambda: f.flip(bz2.compress(f.dump(map(f.wiki_page, range(1, 2000)))), 0.5),
        0,
        damaged_compression=1,
    ),
    wiki(
        "an entity bomb",
        lambda: bz2.compress(f.dump([f.wiki_page(1, raw=b"&a11;")], XML + entity_bomb())),
        0,
        damaged_xml=1,
    ),
    wiki(
        "an external entity",
        lambda: bz2.compress(f.dump([f.wiki_page(1, raw=b"&leak;")], XML + EXTERNAL)),
        0,
        damaged_xml=1,
    ),
    wiki(
        "XML that breaks off",
        lambda: bz2.compress(f.dump([f.wiki_page(1), b"<page><title>x"])[:-14]),
        1,
        damaged_xml=1,
    ),
    wiki(
        "a bomb of one page",
        lambda: f.bzip2_bomb(300 * MB, f.dump([f.wiki_page(1)])[:-13] + f.wiki_page(2)[:-30]),
        1,
        damaged_xml=1,
    ),
    wiki(
        "braces without end",
        lambda: bz2.compress(
            f.dump([f.wiki_page(1), f.wiki_page(2, "{{" * DEEP + "ferry"), f.wiki_page(3)])
        ),
        2,
        empty=1,
    ),
    wiki(
        "brackets without end",
        lambda: bz2.compress(
            f.dump([f.wiki_page(1), f.wiki_page(2, f.sentence(2) + "[[" * DEEP), f.wiki_page(3)])
        ),
        3,
    ),
    wiki(
        "tables in tables",
        lambda: bz2.compress(
            f.dump([f.wiki_page(1), f.wiki_page(2, f.sentence(2) + "\n{|\n|\n" * 20_000)])
        ),
        2,
    ),
    wiki(
        "NUL bytes in a page",
        lambda: bz2.compress(f.dump([f.wiki_page(1), f.wiki_page(2, raw=b"\0\0")])),
        1,
        damaged_xml=1,
    ),
    # Books.
    books(
        "a zip that breaks off",
        "x.zip",
        lambda: f.zipped([("1.txt", f.book(1))])[:-30],
        0,
        damaged_archive=1,
    ),
    books(
        "a zip bomb",
        "x.zip",
        lambda: f.zipped([("1.txt", f.book(1)), ("2.txt", bytes(300 * MB)), ("3.txt", f.book(3))]),
        2,
        member_too_large=1,
    ),
    books(
        "a zip that lies about its size",
        "x.zip",
        lambda: f.zip_lying_about_size("1.txt", 300 * MB),
        0,
        damaged_member=1,
    ),
    books(
        "a zip with a path that climbs",
        "x.zip",
        lambda: f.zipped([("../../1.txt", f.book(1)), ("2.txt", f.book(2))]),
        1,
        unsafe_path=1,
    ),
    books(
        "a zip with an absolute path",
        "x.zip",
        lambda: f.zipped([("/etc/1.txt", f.book(1)), ("2.txt", f.book(2))]),
        1,
        unsafe_path=1,
    ),
    books("a book of NUL bytes", "x.txt", lambda: bytes(10_000), 0, binary_file=1),
    books("an empty file", "x.txt", lambda: b"", 0, no_gutenberg_markers=1),
    books("a line of 60 MB", "x.txt", lambda: f.book(1, b"ferry " * (10 * MB)), 1),
    books(
        "a file of 240 MB", "x.txt", lambda: f.book(1, b"ferry " * (40 * MB)), 0, file_too_large=1
    ),
    # ArXiv.
    arxiv("a damaged gzip", lambda: f.flip(f.gz(f.paper(2) * 50), 0.5), 2, damaged_gzip=1),
    arxiv("a gzip bomb", lambda: f.gzip_bomb(200 * MB), 2, submission_over_limit=1),
    arxiv("braces without end", latex(lambda: "{" * DEEP), 3),
    arxiv("macros that call themselves", latex(lambda: r"\def\a{\a\a}\a"), 3),
    arxiv(
        "macros that double",
        latex(lambda: r"\def\a{xxxxxxxxxx}" + "".join(r"\edef\a{\a\a}" for _ in range(60)) + r"\a"),
        3,
    ),
    arxiv(
        "a file that includes itself",
        lambda: f.gz(f.tar([f.member("main.tex", f.paper(2, r"\input{main}"))])),
        3,
    ),
    arxiv(
        "a file that includes another outside",
        lambda: f.gz(
            f.tar([f.member("main.tex", f.paper(2, r"\input{/etc/passwd}\input{../../x}"))])
        ),
        3,
    ),
    arxiv(
        "links and climbing paths",
        lambda: f.gz(
            f.tar(
                [
                    f.member("a.tex", type=tarfile.SYMTYPE, linkname="/etc/passwd"),
                    f.member("../b.tex", b"x"),
                    f.member("main.tex", f.paper(2)),
                ]
            )
        ),
        3,
    ),
    # GitHub.
    github(
        "a truncated tar",
        "r.tar.gz",
        lambda: f.gz(f.tar(f.repository())[:-9000]),
        0,
        damaged_archive=1,
    ),
    github(
        "a damaged tar",
        "r.tar",
        lambda: f.flip(f.tar(f.repository()), 0.205),
        0,
        licence_file=1,
        damaged_archive=1,
    ),
    github(
        "a bomb in a tar",
        "r.tar.gz",
        lambda: f.gz(f.tar(f.repository([f.member("ferry/big.py", bytes(300 * MB))]))),
        2,
        licence_file=1,
        too_large=1,
    ),
    github(
        "links in a tar",
        "r.tar.gz",
        lambda: f.gz(
            f.tar(
                f.repository(
                    [
                        f.member("ferry/l.py", type=tarfile.SYMTYPE, linkname="/etc/passwd"),
                        f.member("ferry/h.py", type=tarfile.LNKTYPE, linkname="../../x"),
                    ]
                )
            )
        ),
        2,
        licence_file=1,
        symlink=2,
    ),
    github(
        "climbing and absolute paths",
        "r.tar.gz",
        lambda: f.gz(
            f.tar(
                f.repository(
                    [f.member("ferry/../../up.py", f.code(5)), f.member("/etc/abs.py", f.code(6))]
                )
            )
        ),
        2,
        licence_file=1,
        unsafe_path=2,
    ),
    github(
        "devices in a tar",
        "r.tar.gz",
        lambda: f.gz(f.tar(f.repository([f.member("ferry/dev.py", type=tarfile.CHRTYPE)]))),
        2,
        licence_file=1,
        not_a_regular_file=1,
    ),
    github("a pickle in place of rows", "r.json", lambda: PICKLE, 0, broken_row=1),
    github(
        "a row that is no UTF-8",
        "r.json",
        lambda: f.code_row(1) + b'{"repo_name": "a/b", "path": "\xff"}\n' + f.code_row(2),
        2,
        broken_row=1,
    ),
    github(
        "a row of 300 MB",
        "r.json.gz",
        lambda: f.gzip_bomb(300 * MB, f.code_row(1)),
        1,
        row_too_long=1,
    ),
    github(
        "lone surrogates",
        "r.json",
        lambda: f.code_row(1) + f.code_row(2, content="a \ud800"),
        1,
        broken_row=1,
    ),
    # StackExchange.
    exchange(
        "a 7z that breaks off",
        lambda: f.seven_zip([("Posts.xml", f.posts([f.thread(1)]))])[:-40],
        0,
        damaged_archive=1,
    ),
    exchange(
        "a damaged 7z",
        lambda: f.flip(
            f.seven_zip([("Posts.xml", f.posts(map(f.thread, range(1, 4000, 2))))]), 0.5
        ),
        0,
        damaged_archive=1,
    ),
    exchange(
        "a 7z without posts", lambda: f.seven_zip([("Users.xml", b"<users/>")]), 0, no_posts=1
    ),
    exchange("another format under its name", lambda: f.gz(b"hello"), 0, damaged_archive=1),
    exchange(
        "an entity bomb",
        lambda: f.seven_zip([("Posts.xml", f.posts([post_with(b"&a11;")], XML + entity_bomb()))]),
        0,
        bad_row=1,
        orphan_answer=1,
    ),
    exchange(
        "an external entity",
        lambda: f.seven_zip([("Posts.xml", f.posts([post_with(b"&leak;")], XML + EXTERNAL))]),
        0,
        bad_row=1,
        orphan_answer=1,
    ),
    posts("a row with no id", lambda: f.post(5).replace(b'Id="5" ', b""), 2, bad_row=1),
    posts("an id twice", lambda: f.thread(1), 2, duplicate_id=2),
    posts("a score that is no number", lambda: f.post(5, Score="many"), 2, bad_row=1),
    posts(
        "deep HTML in a post",
        lambda: f.post(5, "&lt;div&gt;" * 20_000 + "ferry") + f.answer(6, 5),
        3,
    ),
    posts("a body of 100 MB", lambda: f.post(5, "ferry " * (17 * MB)), 0, archive_over_limit=1),
]


def post_with(body: bytes) -> bytes:
    return f.post(1, "BODY").replace(b"BODY", body) + f.answer(2, 1)
