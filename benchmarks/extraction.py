"""Compare the extractors on the pages of the WCXB benchmark: word F1 and pages a second.

    python -m benchmarks.extraction FOLDER

FOLDER holds ``wcxb-*.warc.gz`` and ``wcxb-*.gold.jsonl.gz`` (``url``, ``page_type``,
``main_content``). ``auto`` was tuned on the even pages; the column "held out" has the odd ones.
The bare calls of the libraries run on the same decoded pages.
"""

from __future__ import annotations

import collections
import gzip
import json
import pathlib
import re
import sys
import time
from collections.abc import Callable

import trafilatura
from resiliparse.extract.html2text import extract_plain_text

from benchmarks.reporting import machine, markdown_table
from pasture.sources import html
from pasture.sources.crawl_pages import parse_http
from pasture.sources.warc import Record, read_records

MAX_BYTES = 16 << 20
WORD = re.compile(r"\w+")


def word_f1(found: str, expected: str) -> float:
    """F1 of two bags of lower-case words."""
    a, b = (collections.Counter(WORD.findall(text.lower())) for text in (found, expected))
    common = sum((a & b).values())
    return 2 * common / (sum(a.values()) + sum(b.values())) if common else float(a == b)


def load(folder: pathlib.Path) -> list[tuple[str, str, str]]:
    """The pages: HTML, page type, expected text."""
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
                page = html.decode(response.body, response.charset)
                pages.append((page, row["page_type"], row["main_content"]))
    return pages


def bare_resiliparse(page: str) -> str:
    return extract_plain_text(
        page, main_content=True, alt_texts=False, links=False, form_fields=False, noscript=False
    )


CANDIDATES: dict[str, Callable[[str], str]] = {
    "auto": lambda page: html.extract(page, "auto").text,
    "trafilatura": lambda page: html.extract(page, "trafilatura").text,
    "trafilatura, bare": lambda page: trafilatura.extract(page) or "",
    "trafilatura_fast": lambda page: html.extract(page, "trafilatura_fast").text,
    "trafilatura_fast, bare": lambda page: trafilatura.extract(page, fast=True) or "",
    "resiliparse": lambda page: html.extract(page, "resiliparse").text,
    "resiliparse, bare": bare_resiliparse,
}


def main() -> None:
    """Extract each page with each candidate in turn, and print the table."""
    pages = load(pathlib.Path(sys.argv[1]))
    types = [kind for kind, _ in collections.Counter(kind for _, kind, _ in pages).most_common()]
    seconds = dict.fromkeys(CANDIDATES, 0.0)
    scores: dict[str, list[float]] = {name: [] for name in CANDIDATES}
    for extract in CANDIDATES.values():
        extract(pages[0][0])
    for page, _, gold in pages:
        for name, extract in CANDIDATES.items():
            # The better of two: what else the machine does is not counted, nor a cold cache.
            times = []
            for _ in range(2):
                start = time.process_time()
                text = extract(page)
                times.append(time.process_time() - start)
            seconds[name] += min(times)
            scores[name].append(word_f1(text, gold))

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


def mean(values: list[float]) -> float:
    """The mean."""
    return sum(values) / len(values)


if __name__ == "__main__":
    main()
