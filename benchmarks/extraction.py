"""Compare the extractors on the pages of the WCXB benchmark: word F1 and pages a second.

    python benchmarks/extraction.py FOLDER

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
    pages = load(pathlib.Path(sys.argv[1]))
    types = [kind for kind, _ in collections.Counter(kind for _, kind, _ in pages).most_common()]
    print(f"{len(pages)} pages")
    print("| extractor | F1 | held out | pages/s | " + " | ".join(types) + " |")
    print("|---|---|---|---|" + "---|" * len(types))
    for name, extract in CANDIDATES.items():
        extract(pages[0][0])
        start = time.process_time()
        texts = [extract(page) for page, _, _ in pages]
        speed = len(pages) / (time.process_time() - start)
        scores = [word_f1(text, gold) for text, (_, _, gold) in zip(texts, pages, strict=True)]
        by_type = [
            mean([score for score, (_, kind, _) in zip(scores, pages, strict=True) if kind == one])
            for one in types
        ]
        cells = [f"{score:.3f}" for score in (mean(scores), mean(scores[1::2]))]
        print(f"| {name} | {' | '.join(cells)} | {speed:.0f} | ", end="")
        print(" | ".join(f"{score:.3f}" for score in by_type) + " |", flush=True)


def mean(values: list[float]) -> float:
    return sum(values) / len(values)


if __name__ == "__main__":
    main()
