r"""Compare Pasture's HTML to text with BeautifulSoup's, and extract generated sites of any size.

    python -m benchmarks.stackexchange SITE.7z... [--rounds 3] [--repeat 5]
    python -m benchmarks.stackexchange --site-posts 200000 1000000 2000000

The first form converts the bodies of the sites' questions and answers, in turn, with Pasture,
with BeautifulSoup over lxml by the same rules, and with its bare ``get_text``, which keeps no
structure. Each round of each candidate is a process of its own, so its peak memory is its own;
CPU time counts, without imports and reading, and of each candidate the fastest round.

The second form writes a site of so many posts in the form of the dump (answers far from their
questions, tag wikis between them), packs it as a 7z archive, and reads it with the source as a run
does, in a process of its own: time, peak memory, and whether every post came out again.
"""

from __future__ import annotations

import argparse
import html
import itertools
import json
import pathlib
import random
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from typing import IO

import py7zr

from benchmarks.reporting import fastest_runs, machine, markdown_table, peak_memory
from pasture.records import Document
from pasture.sources.stackexchange import dump
from pasture.sources.stackexchange.html import HtmlToText
from pasture.sources.stackexchange.source import StackExchange

QUESTIONS, ANSWERS = 0.36, 0.60
"""Shares of the posts, about those of the real sites; the rest are tag wikis."""
LATE = 0.2
"""Share of the answers whose question is anywhere before them, not among the last ones."""
POOL = 4000
"""Blocks that the made bodies are put together from."""


def read_bodies(paths: Sequence[str]) -> list[str]:
    """Read the bodies of the questions and answers of some sites."""
    bodies: list[str] = []
    for path in paths:
        splitter = dump.RowSplitter()

        def sink(data: bytes, splitter: dump.RowSplitter = splitter) -> None:
            for _, row in splitter.feed(data):
                post = dump.parse_row(row or b"", "")
                if isinstance(post, dump.Post):
                    bodies.append(post.body)

        if failure := dump.feed_posts(path, sink):
            sys.exit(f"{path}: {failure.reason}: {failure.detail}")
    return bodies


def pasture() -> Callable[[str], str]:
    """Convert with Pasture."""
    return HtmlToText().convert


def soup_text() -> Callable[[str], str]:
    """Convert with BeautifulSoup's ``get_text``: words only."""
    from bs4 import BeautifulSoup

    return lambda body: str(BeautifulSoup(body, "lxml").get_text())


def soup_structure() -> Callable[[str], str]:
    """Convert with a walk over BeautifulSoup's tree that keeps what Pasture keeps."""
    from bs4 import BeautifulSoup, NavigableString, Tag

    def children(tag: Tag) -> str:
        return "".join(walk(child) for child in tag.children)

    def items(tag: Tag) -> Iterator[str]:
        listed = (child for child in tag.children if isinstance(child, Tag) and child.name == "li")
        for number, item in enumerate(listed, int(tag.get("start", "1"))):
            marker = "- " if tag.name == "ul" else f"{number}. "
            yield marker + children(item).strip().replace("\n", "\n" + " " * len(marker))

    def rows(tag: Tag) -> Iterator[str]:
        for row in tag.find_all("tr"):
            cells = (" ".join(children(cell).split()) for cell in row.find_all(["td", "th"]))
            yield f"| {' | '.join(cells)} |"

    def walk(node: object) -> str:
        if isinstance(node, NavigableString):
            return " ".join(f"x{node}x".split())[1:-1]
        if not isinstance(node, Tag):
            return ""
        if node.name == "pre":
            return f"\n\n```\n{node.get_text().strip()}\n```\n\n"
        if node.name == "code":
            return f"`{node.get_text()}`"
        if node.name == "img":
            return f"[Image: {node.get('alt', '')}]"
        if node.name in ("ul", "ol"):
            return "\n\n" + "\n".join(items(node)) + "\n\n"
        if node.name == "table":
            return "\n\n" + "\n".join(rows(node)) + "\n\n"
        text = children(node)
        if node.name == "blockquote":
            return "\n\n> " + text.strip().replace("\n", "\n> ") + "\n\n"
        if node.name in ("h1", "h2", "h3", "h4", "h5", "h6"):
            return f"\n\n{'#' * int(node.name[1])} {text.strip()}\n\n"
        if node.name == "br":
            return "\n"
        return f"\n\n{text.strip()}\n\n" if node.name in ("p", "div", "hr") else text

    return lambda body: children(BeautifulSoup(body, "lxml")).strip()


CANDIDATES = {
    "BeautifulSoup, same rules": soup_structure,
    "BeautifulSoup, get_text": soup_text,
    "Pasture": pasture,
}


def convert_once(name: str, paths: Sequence[str], repeat: int) -> dict[str, float]:
    """Convert the bodies with one candidate; give posts, CPU seconds and peak megabytes."""
    bodies = read_bodies(paths)
    convert = CANDIDATES[name]()
    start = time.process_time()
    for _ in range(repeat):
        for body in bodies:
            convert(body)
    seconds = time.process_time() - start
    return {"posts": len(bodies) * repeat, "seconds": seconds, "memory": peak_memory() / 1e6}


def in_own_process(*arguments: str) -> dict[str, float]:
    """Run this script anew, for what it measures of one candidate."""
    command = [sys.executable, "-m", "benchmarks.stackexchange", *arguments]
    finished = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True)
    measured: dict[str, float] = json.loads(finished.stdout)
    return measured


def compare_converters(paths: Sequence[str], rounds: int, repeat: int) -> None:
    """Print the speed and the memory of every candidate."""
    best = fastest_runs(
        lambda name: in_own_process("--candidate", name, "--repeat", str(repeat), *paths),
        CANDIDATES,
        rounds,
    )
    print(f"{best['Pasture']['posts'] // repeat} posts of {len(paths)} sites, {repeat} times\n")
    rows = [
        (name, f"{run['posts'] / run['seconds']:,.0f}", f"{run['memory']:.0f}")
        for name, run in best.items()
    ]
    print(markdown_table(("HTML to text", "posts/s of one core", "peak memory (MB)"), rows))


def blocks(seeded: random.Random) -> list[str]:
    """Make blocks of HTML as posts have them, quoted as in an attribute."""
    words = ["".join(seeded.choices("etaoinshrdlu", k=seeded.randint(2, 9))) for _ in range(3000)]

    def sentence() -> str:
        return " ".join(seeded.choices(words, k=seeded.randint(8, 30))).capitalize() + "."

    def paragraph() -> str:
        link = f'<a href="https://example.org/{seeded.choice(words)}" rel="nofollow">'
        return f"<p>{sentence()} {link}{seeded.choice(words)}</a> &amp; {sentence()}</p>\n"

    def code() -> str:
        lines = (f"    if {a} &lt; {b}: return {a}[{b}]" for a, b in itertools.pairwise(words[:6]))
        return "<pre><code>" + "\n".join(lines) + f"\n# {sentence()}</code></pre>\n"

    def listing() -> str:
        return "<ul>\n" + "".join(f"<li>{sentence()}</li>\n" for _ in range(3)) + "</ul>\n"

    def quotation() -> str:
        return f"<blockquote>\n  <p>{sentence()}</p>\n</blockquote>\n"

    kinds = seeded.choices((paragraph, code, listing, quotation), (12, 4, 2, 1), k=POOL)
    return [html.escape(make()).replace("\n", "&#xA;") for make in kinds]


def write_site(stream: IO[str], num_posts: int, seed: int = 1) -> tuple[int, int]:
    """Write a Posts.xml; give the number of its questions and of its answers."""
    seeded = random.Random(seed)
    pool = blocks(seeded)
    questions: list[int] = []
    stream.write('\ufeff<?xml version="1.0" encoding="utf-8"?>\n<posts>\n')
    answers = 0
    for number in range(1, num_posts + 1):
        kind = seeded.random()
        body = "".join(seeded.choices(pool, k=1 + int(seeded.expovariate(1))))
        date = f"{2009 + number * 15 // num_posts}-0{1 + number % 9}-1{number % 10}T10:20:30.123"
        row = f'CreationDate="{date}" Score="{int(seeded.gauss(3, 8))}" Body="{body}" '
        row += f'OwnerUserId="{number % 9973}" LastActivityDate="{date}" '
        if kind < QUESTIONS or not questions:
            questions.append(number)
            row = f'PostTypeId="1" AcceptedAnswerId="{number + 2}" {row}ViewCount="795" '
            row += f'Title="How is {number} made?" Tags="&lt;brewing&gt;&lt;ale&gt;" '
        elif kind < QUESTIONS + ANSWERS:
            answers += 1
            late = seeded.random() < LATE
            parent = seeded.randrange(len(questions)) if late else -min(20, len(questions))
            parent = seeded.choice(questions[parent:]) if parent < 0 else questions[parent]
            row = f'PostTypeId="2" ParentId="{parent}" {row}'
        else:
            row = f'PostTypeId="{seeded.choice((4, 5))}" {row}'
        stream.write(
            f'  <row Id="{number}" {row}CommentCount="0" ContentLicense="CC BY-SA 4.0" />\n'
        )
    stream.write("</posts>\n")
    return len(questions), answers


def pack_site(folder: pathlib.Path, num_posts: int) -> tuple[pathlib.Path, int, int, int]:
    """Write and pack a site; give its archive, and its bytes, questions and answers."""
    posts = folder / "Posts.xml"
    with posts.open("w", encoding="utf-8", newline="\r\n") as stream:
        questions, answers = write_site(stream, num_posts)
    size = posts.stat().st_size
    archive = folder / "made.stackexchange.com.7z"
    filters = [{"id": py7zr.FILTER_LZMA2, "preset": 1}]
    with py7zr.SevenZipFile(archive, "w", filters=filters) as packed:
        packed.write(posts, "Posts.xml")
    posts.unlink()
    return archive, size, questions, answers


def extract(path: str) -> dict[str, float]:
    """Read a site as a run does; give what came out, seconds and peak megabytes."""
    source = StackExchange(inputs=(path,))
    questions = answers = characters = 0
    wall, cpu = time.perf_counter(), time.process_time()
    for shard in source.shards():
        for record in source.read(shard):
            if isinstance(record, Document):
                questions += 1
                answers += len(json.loads(record.metadata or "{}")["answers"])
                characters += len(record.text)
    return {
        "questions": questions,
        "answers": answers,
        "characters": characters,
        "wall": time.perf_counter() - wall,
        "cpu": time.process_time() - cpu,
        "memory": peak_memory() / 1e6,
    }


def extract_made_sites(sizes: Sequence[int]) -> None:
    """Print what the extraction of made sites takes."""
    rows = []
    for num_posts in sizes:
        with tempfile.TemporaryDirectory() as folder:
            archive, size, questions, answers = pack_site(pathlib.Path(folder), num_posts)
            run = in_own_process("--extract", str(archive))
            packed = archive.stat().st_size
        if (run["questions"], run["answers"]) != (questions, answers):
            sys.exit(f"{questions} questions and {answers} answers were written, but: {run}")
        rows.append(
            (
                f"{num_posts:,}", f"{questions:,} / {answers:,}", f"{size / 1e6:,.0f}",
                f"{packed / 1e6:,.0f}", f"{run['wall']:,.0f}", f"{run['cpu']:,.0f}",
                f"{num_posts / run['cpu']:,.0f}", f"{run['memory']:,.0f}",
            )
        )  # fmt: skip
    header = (
        "posts", "questions / answers", "Posts.xml (MB)", "7z (MB)", "time (s)", "CPU (s)",
        "posts/s of one core", "peak memory (MB)",
    )  # fmt: skip
    print(markdown_table(header, rows))


def main() -> None:
    """Read the arguments and measure."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n", 1)[0])
    parser.add_argument("archives", nargs="*", help="sites of the dump")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--repeat", type=int, default=5, help="conversions of each post a round")
    parser.add_argument("--site-posts", type=int, nargs="+", help="sizes of the sites to make")
    parser.add_argument("--candidate", choices=CANDIDATES, help=argparse.SUPPRESS)
    parser.add_argument("--extract", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.candidate:
        print(json.dumps(convert_once(options.candidate, options.archives, options.repeat)))
        return
    if options.extract:
        print(json.dumps(extract(options.extract)))
        return
    print(f"{machine()}\n")
    if options.archives:
        compare_converters(options.archives, options.rounds, options.repeat)
    if options.site_posts:
        extract_made_sites(options.site_posts)


if __name__ == "__main__":
    main()
