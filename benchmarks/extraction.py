"""Compare the extractors on the pages of the WCXB benchmark: word F1 and pages a second.

    python -m benchmarks.extraction FOLDER [EXTRACTOR ...]

FOLDER holds ``wcxb-*.warc.gz`` and ``wcxb-*.gold.jsonl.gz`` (``url``, ``page_type``,
``main_content``). ``auto`` was tuned on the even pages; the column "held out" has the odd ones.
All start from the bytes of a page and decode it in the same way; the bare calls of the libraries
get the decoded page.

The second table is of the whole way from a WARC file to documents, beside a bare loop of FastWARC,
Resiliparse's detection of the character set where the header names none, and the library's call:
CPU time, in turns, the fastest of three rounds.
"""

from __future__ import annotations

import collections
import functools
import gzip
import json
import pathlib
import random
import re
import sys
import time
import typing
from collections.abc import Callable

import trafilatura
from fastwarc.warc import ArchiveIterator, WarcRecordType
from resiliparse.extract.html2text import extract_plain_text
from resiliparse.parse.encoding import bytes_to_str, detect_encoding

from benchmarks.reporting import machine, markdown_table
from pasture.config import one_of
from pasture.sources.common_crawl.source import CommonCrawl
from pasture.sources.containers import html
from pasture.sources.containers.crawl_pages import HttpResponse, parse_http
from pasture.sources.containers.main_content import Extractor
from pasture.sources.containers.warc import Record, read_records

Extract = Callable[[str], str]

MAX_BYTES = 16 << 20
WORD = re.compile(r"\w+")


def word_f1(found: str, expected: str) -> float:
    """F1 of two bags of lower-case words."""
    a, b = (collections.Counter(WORD.findall(text.lower())) for text in (found, expected))
    common = sum((a & b).values())
    return 2 * common / (sum(a.values()) + sum(b.values())) if common else float(a == b)


def load(folder: pathlib.Path) -> list[tuple[HttpResponse, str, str]]:
    """The pages: response, page type, expected text."""
    gold = {}
    for path in sorted(folder.glob("wcxb-*.gold.jsonl.gz")):
        for line in gzip.decompress(path.read_bytes()).splitlines():
            row = json.loads(line)
            gold[row["url"]] = row
    pages = []
    for path in sorted(folder.glob("wcxb-*.warc.gz")):
        for record in read_records(str(path), frozenset(("response",)), MAX_BYTES):
            if isinstance(record, Record) and record.kind == "response":
                response = parse_http(record.block, MAX_BYTES)
                row = gold[record.url]
                pages.append((response, row["page_type"], row["main_content"]))
    return pages


def bare_resiliparse(page: str) -> str:
    return extract_plain_text(
        page, main_content=True, alt_texts=False, links=False, form_fields=False, noscript=False
    )


def bare_file(path: pathlib.Path, extract: Extract) -> None:
    """From a WARC file to texts, with the libraries alone."""
    with path.open("rb") as stream:
        for record in ArchiveIterator(
            stream, record_types=WarcRecordType.response, parse_http=True
        ):
            body = record.reader.read()
            charset = record.http_charset or detect_encoding(body) or "utf-8"
            extract(bytes_to_str(body, charset))


def pasture_file(path: pathlib.Path, extractor: Extractor) -> None:
    """From a WARC file to documents."""
    source = CommonCrawl(inputs=(str(path),), extractor=extractor)
    for shard in source.shards():
        for _ in source.read(shard):
            pass


def compare_files(
    folder: pathlib.Path, extractors: list[Extractor], pages: int, rounds: int
) -> None:
    """Print the second table."""
    paths = sorted(folder.glob("wcxb-*.warc.gz"))
    print("\nFrom WARC files to documents, pages/s:\n")
    rows = []
    for extractor in extractors:
        seconds: dict[str, list[float]] = {"bare": [], "Pasture": []}
        for _ in range(rounds):
            start = time.process_time()
            for path in paths:
                bare_file(path, BARE[extractor])
            middle = time.process_time()
            for path in paths:
                pasture_file(path, extractor)
            seconds["bare"].append(middle - start)
            seconds["Pasture"].append(time.process_time() - middle)
        least, ours = (min(times) for times in seconds.values())
        rows.append([extractor, f"{pages / least:.0f}", f"{pages / ours:.0f}"])
        rows[-1].append(f"{ours / least - 1:+.1%}")
    print(markdown_table(["extractor", "bare loop", "Pasture", "more time"], rows))


BARE: dict[Extractor, Extract] = {
    "trafilatura": lambda page: trafilatura.extract(page) or "",
    "trafilatura_fast": lambda page: trafilatura.extract(page, fast=True) or "",
    "resiliparse": bare_resiliparse,
}


def call_pasture(extractor: Extractor, response: HttpResponse) -> str:
    """The text as Pasture extracts it."""
    return html.extract_bytes(response.body, response.charset, extractor).text


def call_bare(extractor: Extractor, response: HttpResponse) -> str:
    """The text as the library alone extracts it."""
    return BARE[extractor](html.decode(response.body, response.charset))


def main() -> None:
    """Extract each page with each candidate in turn, and print the table."""
    folder = pathlib.Path(sys.argv[1])
    known: tuple[Extractor, ...] = typing.get_args(Extractor)
    asked = [one_of(name, known, "EXTRACTOR", "extractor") for name in sys.argv[2:]]
    candidates: dict[str, Callable[[HttpResponse], str]] = {}
    for extractor in known:
        if not asked or extractor in asked:
            candidates[extractor] = functools.partial(call_pasture, extractor)
            if extractor in BARE:
                candidates[f"{extractor}, bare"] = functools.partial(call_bare, extractor)
    pages = load(folder)
    types = [kind for kind, _ in collections.Counter(kind for _, kind, _ in pages).most_common()]
    seconds = dict.fromkeys(candidates, 0.0)
    scores: dict[str, list[float]] = {name: [] for name in candidates}
    for extract in candidates.values():
        extract(pages[0][0])
    order = list(candidates)
    shuffle = random.Random(0).shuffle
    for page, _, gold in pages:
        shuffle(order)  # whoever comes after trafilatura finds the processor's caches full of it
        times: dict[str, list[float]] = {name: [] for name in order}
        # The best of four: what else the machine does is not counted, nor a cold cache.
        for name in order * 2:
            extract = candidates[name]
            for _ in range(2):
                start = time.process_time()
                text = extract(page)
                times[name].append(time.process_time() - start)
            if len(times[name]) == 2:
                scores[name].append(word_f1(text, gold))
        for name, tries in times.items():
            seconds[name] += min(tries)

    print(f"{len(pages)} pages. {machine()}, one core.\n")
    rows = []
    for name, found in scores.items():
        by_type = [
            [score for score, (_, kind, _) in zip(found, pages, strict=True) if kind == one]
            for one in types
        ]
        figures = [f"{mean(some):.3f}" for some in (found, found[1::2])]
        figures += [f"{len(pages) / seconds[name]:.0f}"]
        rows.append([name, *figures, *(f"{mean(some):.3f}" for some in by_type)])
    print(markdown_table(["extractor", "F1", "held out", "pages/s", *types], rows))
    compare_files(folder, [name for name in BARE if name in candidates], len(pages), rounds=3)


def mean(values: list[float]) -> float:
    """The mean."""
    return sum(values) / len(values)


if __name__ == "__main__":
    main()
