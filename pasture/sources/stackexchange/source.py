"""Stack Exchange: questions with their answers, best answer first.

One site is one shard. A question and its answers stand far apart in the dump, so a site's posts
are spooled to a temporary SQLite file, which sorts them by question and by score; memory stays
flat, and the temporary folder (``TMPDIR``) needs about twice the size of the site's Posts.xml.
A document is laid out as ``Q: title``, the question, and ``A:`` before each answer.
"""

from __future__ import annotations

import contextlib
import dataclasses
import datetime
import itertools
import os
import posixpath
import re
import sqlite3
import tempfile
from collections.abc import Iterable, Iterator, Sequence
from typing import ClassVar

from pasture.errors import ConfigError, StorageError
from pasture.records import Document, to_metadata
from pasture.sources.base import InputShard, Rejected, Source, SourceInfo
from pasture.sources.containers.seven_zip import ArchiveError
from pasture.sources.containment import MAX_BAD_RECORDS, contained, contained_file
from pasture.sources.stackexchange import dump
from pasture.sources.stackexchange.dump import QUESTION, Post
from pasture.sources.stackexchange.html import HtmlToText
from pasture.sources.stackexchange.sites import is_table, largest, tables_beside

_POSTS_FILE = re.compile(r"posts\.xml(?:\.(?:gz|bz2|xz))?$", re.I)
_SITE_FILE = re.compile(r"\A(?P<site>.+?)(?:-posts)?\.(?:7z|xml(?:\.(?:gz|bz2|xz))?)$", re.I)
_OTHER_TABLE = re.compile(r"-(?:Badges|Comments|PostHistory|PostLinks|Tags|Users|Votes)\.7z$", re.I)
_BATCH = 2000
_CACHE_KIB = 32 << 10
_AUDIT_CHARACTERS = 2000
_MAX_THREAD = 64 << 20
"""Most characters of HTML in one document; ours, thousands of times what sites hold."""
_COLUMNS = [field.name for field in dataclasses.fields(Post)]
_INSERT_POST = f"INSERT INTO post VALUES ({', '.join('?' * len(_COLUMNS))})"  # noqa: S608


@dataclasses.dataclass(frozen=True)
class StackExchange(Source):
    """The dump of Stack Exchange (paper, section 2.1): its 28 largest sites.

    Args:
        sites: Sites to read, such as ``("stackoverflow.com",)``; empty to choose by posts.
        largest_sites: How many sites to read where none is named: those with the most questions
            and answers. They are counted by the dump's ``Sites.xml``, where it is beside the
            archives, else in the archives. The paper's number; 0 reads all.
        include_meta: Whether sites about sites (``meta.*``) count among the largest; ours.
        keep_unanswered: Whether questions without an answer are documents, as in RedPajama.
        min_question_score: Lowest score of a question, or None; the paper names no threshold.
        min_answer_score: Lowest score of an answer, or None; the paper names no threshold.
        keep_links: Whether links keep their targets, as ``[label](target)``. The paper removes
            the HTML tags, and their targets with them.
    """

    name: ClassVar[str] = "stackexchange"
    info: ClassVar[SourceInfo] = SourceInfo(
        title="Stack Exchange",
        homepage="https://archive.org/details/stackexchange",
        licence="CC BY-SA 2.5, 3.0 or 4.0, by date of the post",
        paper_section="2.1, Stack Exchange [2%]",
        raw_size="about 25 GB of 7z for the posts of all sites",
        formats=".7z of a site, Posts.xml (also gz, bz2, xz)",
    )

    sites: tuple[str, ...] = ()
    largest_sites: int = 28
    include_meta: bool = False
    keep_unanswered: bool = True
    min_question_score: int | None = None
    min_answer_score: int | None = None
    keep_links: bool = False

    def __post_init__(self) -> None:
        if self.largest_sites < 0:
            raise ConfigError(
                f"stackexchange: largest_sites is {self.largest_sites}; "
                f"give a number of sites, or 0 for all"
            )

    def files(self) -> list[tuple[str, int]]:
        """List the files, and the tables of sites beside them where the sites are counted."""
        found = dict(super().files())
        if self._counts(self._candidates(found)):
            found.update(tables_beside(found))
        return sorted(found.items())

    def shards(self) -> list[InputShard]:
        """List the chosen sites, one shard each, by name.

        Raises:
            ConfigError: A named site is not in the inputs, or a site is there twice.
            InputError: The table of sites is damaged.
        """
        listed = dict(self.files())
        files: dict[str, tuple[str, int]] = {}
        for path in _posts_files(listed):
            site = site_of(path)
            if site in files:
                raise ConfigError(
                    f"stackexchange: {files[site][0]} and {path} both hold {site}; leave one out"
                )
            files[site] = (path, listed[path])
        return [
            InputShard((files[site][0],), bytes=files[site][1])
            for site in sorted(self._choose(files, listed))
        ]

    def _choose(self, files: dict[str, tuple[str, int]], listed: Iterable[str]) -> list[str]:
        """Choose the sites to read: the named ones, or the largest."""
        if self.sites:
            if missing := sorted(set(self.sites) - set(files)):
                raise ConfigError(
                    f"stackexchange: no input for {', '.join(missing)}; "
                    f"there are {', '.join(sorted(files))}"
                )
            return sorted(set(self.sites))
        candidates = self._candidates(path for path, _ in files.values())
        if not self._counts(candidates):
            return candidates
        chosen = {site: files[site] for site in candidates}
        return largest(chosen, filter(is_table, listed), self.largest_sites)

    def _candidates(self, paths: Iterable[str]) -> list[str]:
        """Name the sites that are chosen from where none is named."""
        sites = map(site_of, _posts_files(paths))
        return [site for site in sites if self.include_meta or not is_meta(site)]

    def _counts(self, candidates: Sequence[str]) -> bool:
        """Whether the posts of the candidates must be counted to choose the largest sites."""
        return not self.sites and 0 < self.largest_sites < len(candidates)

    def read(self, shard: InputShard) -> Iterator[Document | Rejected]:
        """Yield a site's rejected rows in file order, then its questions by number."""
        for path in shard.paths:
            yield from contained_file(path, self._read_site(site_of(path), path))

    def _read_site(self, site: str, path: str) -> Iterator[Document | Rejected]:
        with tempfile.TemporaryDirectory(prefix="pasture-stackexchange-") as folder:
            try:
                with contextlib.closing(_Spool(folder)) as spool:
                    failure = _spool_site(site, path, spool)
                    yield from spool.rejected()
                    converter = HtmlToText(f"https://{site}/" if self.keep_links else None)
                    for question, posts in itertools.groupby(
                        spool.posts(), key=lambda post: post.question
                    ):
                        yield from self._thread(path, site, question, posts, converter)
                    if failure is not None:
                        yield failure
            except sqlite3.Error as error:
                raise StorageError(
                    f"cannot sort the posts of {path} in {folder}: {error}; the temporary folder "
                    f"(TMPDIR) needs about twice the size of Posts.xml"
                ) from error

    def _thread(
        self, path: str, site: str, number: int, posts: Iterator[Post], converter: HtmlToText
    ) -> Iterator[Document | Rejected]:
        """Yield one question with its answers, and what was left out of it.

        The posts come with the question first, then the answers from best to worst.
        """
        question: Post | None = None
        unfit: Rejected | None = None  # why the question, and so each answer, is left out
        answers: list[tuple[Post, str]] = []
        seen: set[int] = set()
        size = 0
        for post in posts:
            locator = f"{site}:{post.id}"
            if post.id in seen:
                yield Rejected(locator, "duplicate_id", "bad_record")
                continue
            seen.add(post.id)
            if post.kind == QUESTION:
                question = post
                if _is_below(post.score, self.min_question_score):
                    unfit = _reject(locator, "low_score", post)
                    yield unfit
            elif question is None:
                yield _reject(locator, "orphan_answer", post)
            elif unfit is not None:
                yield _reject(locator, "question_left_out", post)
            elif _is_below(post.score, self.min_answer_score):
                yield _reject(locator, "low_score", post)
            elif size + len(post.body) > _MAX_THREAD:
                yield Rejected(locator, "thread_too_large", "bad_record")
            elif isinstance(
                text := contained(locator, path, converter.convert, post.body), Rejected
            ):
                yield text
            elif not text:
                yield _reject(locator, "empty_answer", post)
            else:
                size += len(post.body)
                answers.append((post, text))
        if question is None or unfit is not None:
            return
        if not answers and not self.keep_unanswered:
            yield _reject(f"{site}:{number}", "unanswered", question)
            return
        yield contained(f"{site}:{number}", path, _document, site, question, converter, answers)


def _is_below(score: int, minimum: int | None) -> bool:
    return minimum is not None and score < minimum


def _reject(locator: str, reason: str, post: Post) -> Rejected:
    return Rejected(
        locator, reason, detail=f"score {post.score}", text=post.body[:_AUDIT_CHARACTERS]
    )


def _document(
    site: str, question: Post, converter: HtmlToText, answers: list[tuple[Post, str]]
) -> Document | Rejected:
    body = converter.convert(question.body)
    title = " ".join((question.title or "").split())
    text = thread_text(title, body, [answer for _, answer in answers])
    locator = f"{site}:{question.id}"
    if not text:
        return _reject(locator, "empty", question)
    return Document(
        id=locator,
        source=StackExchange.name,
        text=text,
        url=f"https://{site}/questions/{question.id}",
        date=datetime.datetime.fromisoformat(question.date),
        license=" AND ".join(sorted({question.license, *(post.license for post, _ in answers)})),
        metadata=to_metadata(
            site=site,
            question_id=question.id,
            title=title,
            score=question.score,
            owner=question.owner,
            tags=re.findall(r"[^<>|]+", question.tags or ""),
            accepted_answer_id=question.accepted,
            answers=[
                {
                    "id": post.id,
                    "score": post.score,
                    "owner": post.owner,
                    "accepted": post.id == question.accepted,
                }
                for post, _ in answers
            ],
        ),
    )


def thread_text(title: str, body: str, answers: list[str]) -> str:
    """Lay out a question and its answers."""
    if not (title or body or answers):
        return ""
    parts = [f"Q: {title}".rstrip(), body, *(f"A:\n{answer}" for answer in answers)]
    return "\n\n".join(part for part in parts if part)


def _posts_files(paths: Iterable[str]) -> Iterator[str]:
    """Leave out the archives of other tables, and the table of sites."""
    return (path for path in paths if not _OTHER_TABLE.search(path) and not is_table(path))


def site_of(path: str) -> str:
    """Return the site that a file of the dump is of: by its name, or by that of its folder."""
    name = posixpath.basename(path)
    if _POSTS_FILE.fullmatch(name):
        return posixpath.basename(posixpath.dirname(path)).removesuffix(".7z") or name
    match = _SITE_FILE.fullmatch(name)
    return match["site"] if match else name


def is_meta(site: str) -> bool:
    """Tell whether a site is about sites: ``meta.*``, also ``es.meta.stackoverflow.com``."""
    return "meta" in site.split(".")[:-2]


def _spool_site(site: str, path: str, spool: _Spool) -> Rejected | None:
    """Read all rows of a site into the spool; return why the file could not be read to its end."""
    splitter = dump.RowSplitter()

    bad = 0

    def sink(data: bytes) -> None:
        nonlocal bad
        for offset, row in splitter.feed(data):
            locator = f"{site}/Posts.xml:{offset}"
            post: Post | Rejected
            if row is None:
                post = Rejected(locator, "row_too_long", "bad_record")
            else:
                post = contained(locator, locator, dump.parse_row, row, locator)
            spool.add(post)
            bad = bad + 1 if isinstance(post, Rejected) and post.kind == "bad_record" else 0
            if bad >= MAX_BAD_RECORDS:
                raise ArchiveError("too_many_bad_records", f"{bad:,} rows in a row are broken")

    failure = dump.feed_posts(path, sink)
    spool.flush()
    if failure is None and (missing := splitter.finish()):
        failure = Rejected(path, "truncated", "bad_file", missing)
    return failure


class _Spool:
    """Posts on disk, sorted by SQLite's own external sort."""

    def __init__(self, folder: str) -> None:
        self._database = sqlite3.connect(
            os.path.join(folder, "posts.sqlite"), isolation_level=None, check_same_thread=False
        )
        for pragma in (
            "journal_mode=OFF",  # the file dies with the shard; nothing is ever rolled back
            "synchronous=OFF",
            "temp_store=FILE",
            f"cache_size=-{_CACHE_KIB}",
        ):
            self._database.execute(f"PRAGMA {pragma}")
        self._database.execute(f"CREATE TABLE post ({', '.join(_COLUMNS)})")
        self._database.execute("CREATE TABLE rejected (locator, reason, kind, detail, text)")
        self._waiting: list[Post | Rejected] = []

    def add(self, item: Post | Rejected) -> None:
        """Add a post or a rejected row."""
        self._waiting.append(item)
        if len(self._waiting) >= _BATCH:
            self.flush()

    def flush(self) -> None:
        """Write what waits."""
        posts = [_row(item) for item in self._waiting if isinstance(item, Post)]
        rejected = [_row(item) for item in self._waiting if isinstance(item, Rejected)]
        self._database.execute("BEGIN")
        self._database.executemany(_INSERT_POST, posts)
        self._database.executemany("INSERT INTO rejected VALUES (?, ?, ?, ?, ?)", rejected)
        self._database.execute("COMMIT")
        self._waiting.clear()

    def rejected(self) -> Iterator[Rejected]:
        """Yield the rejected rows in file order."""
        for row in self._database.execute("SELECT * FROM rejected ORDER BY rowid"):
            yield Rejected(*row)

    def posts(self) -> Iterator[Post]:
        """Yield the posts by question: the question, then its answers from best to worst."""
        query = "SELECT * FROM post ORDER BY question, kind, score DESC, id, rowid"
        for row in self._database.execute(query):
            yield Post(*row)

    def close(self) -> None:
        """Close the file."""
        self._database.close()


def _row(item: Post | Rejected) -> tuple[object, ...]:
    return tuple(getattr(item, field.name) for field in dataclasses.fields(item))
