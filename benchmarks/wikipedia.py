r"""Compare Pasture's wikitext to text with other cleaners, and two workers with one, in one run.

    python -m benchmarks.wikipedia DUMP... [--multistream DUMP] [--seconds 20] [--rounds 3]

DUMPs are ``pages-articles`` files named like ``dewiki-20220801-pages-articles.xml.bz2``. Every
cleaner gets the wikitext of the same articles in the same process, in turn; CPU time counts, and
of each cleaner the fastest round. mwparserfromhell's ``strip_code`` and wikiextractor (templates
dropped, as with its ``--no-templates``) are left out, with a note, where they are not installed.

Then the pages of ``--multistream`` (by default the largest DUMP) are repeated with new ids into a
multistream dump with its index, large enough that one worker is busy for about ``--seconds``, and
the recipe of that one source runs until ``00-extract`` with one worker and with two. The same run
over a dump of one page is the start of Beam and its workers; it is told apart, and taken off. In
between, one process alone and then two at once clean the same articles over and over, without Beam
and without a file: what the machine's two cores give to two processes of such work. Of each the
fastest run counts, and the table says how many cores other programs took meanwhile: two workers
can show nothing on two cores that are not free. So there is a figure by CPU time, too: that of
one worker over half of that of two, without their starts.
"""

from __future__ import annotations

import argparse
import bz2
import dataclasses
import importlib
import importlib.util
import itertools
import json
import logging
import multiprocessing
import os
import pathlib
import re
import resource
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor

from benchmarks.reporting import machine, markdown_table
from pasture.driver.run import run_recipe
from pasture.recipes.load import load_recipe
from pasture.records import Document
from pasture.sources.wikipedia import wikitext
from pasture.sources.wikipedia.mediawiki_dump import Page, SiteInfo, read_pages
from pasture.sources.wikipedia.source import Wikipedia
from pasture.sources.wikipedia.wiki_languages import LANGUAGES

PAGES_PER_STREAM = 100
"""As in the dumps of the Wikimedia Foundation."""
_PAGE = re.compile(rb"<page>.*?</page>\s*", re.DOTALL)
_ID = re.compile(rb"<id>\d+</id>")
_TITLE = re.compile(rb"<title>(.*?)</title>")


@dataclasses.dataclass(frozen=True)
class Article:
    """An article that Pasture keeps."""

    title: str
    markup: str
    site: wikitext.Site


Cleaner = Callable[[Article], str]


def read_articles(path: str) -> list[Article]:
    """Read the articles of a dump: the pages that the source keeps."""
    source = Wikipedia(inputs=(path,))
    kept = {
        record.id.partition(":")[2]
        for shard in source.shards()
        for record in source.read(shard)
        if isinstance(record, Document)
    }
    language = LANGUAGES[pathlib.Path(path).name.partition("wiki")[0]]
    articles, site = [], wikitext.Site.of(language)
    for item in read_pages(path, 0, None, source.max_page_characters):
        if isinstance(item, SiteInfo):
            site = wikitext.Site.of(language, item.namespaces)
        elif isinstance(item, Page) and item.id in kept:
            articles.append(Article(item.title, item.text, site))
    return articles


def pasture(article: Article) -> str:
    """Clean with Pasture."""
    return wikitext.to_text(article.markup, article.site, article.title)


def cleaners() -> dict[str, Cleaner]:
    """The cleaners that are installed, by name; tells which are not."""
    found: dict[str, Cleaner] = {}
    if importlib.util.find_spec("mwparserfromhell"):
        parse = importlib.import_module("mwparserfromhell").parse
        found["mwparserfromhell strip_code"] = lambda article: str(
            parse(article.markup).strip_code()
        )
    else:
        print("mwparserfromhell is not installed: left out.\n")
    if importlib.util.find_spec("wikiextractor"):
        extractor = importlib.import_module("wikiextractor.extract").Extractor

        def wikiextractor(article: Article) -> str:
            page = extractor("1", "1", "", article.title, [])
            return "\n".join(
                page.clean_text(article.markup, expand_templates=False, html_safe=False)
            )

        found["wikiextractor"] = wikiextractor
    else:
        print("wikiextractor is not installed: left out.\n")
    found["Pasture"] = pasture
    return found


def cpu_seconds(cleaner: Cleaner, articles: Sequence[Article]) -> float:
    """The CPU time of some articles."""
    start = time.process_time()
    for article in articles:
        cleaner(article)
    return time.process_time() - start


def compare_cleaners(paths: Sequence[str], rounds: int) -> None:
    """Print the speed of every cleaner on every dump."""
    compared = cleaners()
    rows = []
    for path in paths:
        articles = read_articles(path)
        size = sum(len(article.markup.encode()) for article in articles)
        best = dict.fromkeys(compared, float("inf"))
        for _ in range(rounds):
            for name, cleaner in compared.items():
                best[name] = min(best[name], cpu_seconds(cleaner, articles))
        name = pathlib.Path(path).name.partition("-")[0]
        speeds = [f"{size / 1e6 / seconds:.2f}" for seconds in best.values()]
        rows.append((f"{name}, {len(articles)} articles, {size / 1e6:.2f} MB", *speeds))
    print(markdown_table(("articles", *(f"{name}, MB/s" for name in compared)), rows))


def write_multistream(dump: str, folder: pathlib.Path, megabytes: float) -> pathlib.Path:
    """Repeat the pages of a dump, with new ids, into a multistream dump with its index.

    Args:
        dump: A ``.xml.bz2`` dump.
        folder: Where to write; made.
        megabytes: Size of its XML. At least one page is written.
    """
    folder.mkdir(parents=True)
    content = bz2.decompress(pathlib.Path(dump).read_bytes())
    head, pages = content[: content.index(b"<page>")], _PAGE.findall(content)
    stem = f"{pathlib.Path(dump).name.partition('wiki')[0]}wiki-made-pages-articles-multistream"
    path = folder / f"{stem}.xml.bz2"
    index: list[bytes] = []
    with path.open("wb") as stream:
        stream.write(bz2.compress(head))
        for numbered in _streams(pages, megabytes * 1e6):
            for number, page in numbered:
                title = _TITLE.search(page)
                index.append(b"%d:%d:%s\n" % (stream.tell(), number, title[1] if title else b""))
            stream.write(bz2.compress(b"".join(page for _, page in numbered)))
        stream.write(bz2.compress(b"</mediawiki>\n"))
    (folder / f"{stem}-index.txt.bz2").write_bytes(bz2.compress(b"".join(index)))
    return path


def _streams(pages: Sequence[bytes], limit: float) -> Iterator[list[tuple[int, bytes]]]:
    size, batch = 0, []
    for number, page in enumerate(itertools.cycle(pages), 1):
        batch.append((number, _ID.sub(b"<id>%d</id>" % number, page, count=1)))
        size += len(page)
        if len(batch) == PAGES_PER_STREAM or size >= limit:
            yield batch
            batch = []
        if size >= limit:
            return


@dataclasses.dataclass(frozen=True)
class Timing:
    """What a run took.

    Args:
        wall: Seconds.
        cpu: Seconds of CPU, with the workers'.
        others: CPU cores that other programs of the machine used meanwhile.
    """

    wall: float
    cpu: float
    others: float


def time_extraction(dump: pathlib.Path, workers: int) -> Timing:
    """Run the recipe of one dump until its documents are extracted."""
    with tempfile.TemporaryDirectory() as folder:
        root = pathlib.Path(folder)
        mixture = {"name": "one", "tokens": 1, "sources": {"wikipedia": {"proportion": 1.0}}}
        (root / "mixture.yaml").write_text(json.dumps(mixture))
        recipe = {
            "name": "benchmark",
            "mixture": "mixture.yaml",
            "sources": {
                "wikipedia": {
                    "inputs": [str(dump)],
                    # A range each stream: an odd one too many is a small share of the work.
                    "options": {"shard_bytes": 1},
                }
            },
        }
        (root / "recipe.yaml").write_text(json.dumps(recipe))
        loaded = load_recipe(str(root / "recipe.yaml"))
        wall, cpu, busy = time.perf_counter(), _own_cpu(), _busy()
        run_recipe(loaded, str(root / "out"), until="00-extract", workers=workers)
        wall, cpu = time.perf_counter() - wall, _own_cpu() - cpu
        return Timing(wall, cpu, max(0.0, _busy() - busy - cpu) / wall)


def _own_cpu() -> float:
    """CPU seconds of this process and of those that it has ended."""
    usages = map(resource.getrusage, (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))
    return sum(usage.ru_utime + usage.ru_stime for usage in usages)


def _busy() -> float:
    """CPU seconds that the whole machine was busy since its start; 0 where that is not told."""
    stat = pathlib.Path("/proc/stat")
    if not stat.exists():
        return 0.0
    user, nice, system = (int(word) for word in stat.read_text().split()[1:4])
    return (user + nice + system) / os.sysconf("SC_CLK_TCK")


def clean_for(path: str, seconds: float) -> float:
    """Clean the articles of a dump over and over; give articles a second of time."""
    articles = read_articles(path)
    cleaned, start = 0, time.perf_counter()
    while time.perf_counter() < start + seconds:
        cpu_seconds(pasture, articles)
        cleaned += len(articles)
    return cleaned / (time.perf_counter() - start)


def time_processes(path: str, seconds: float, processes: int) -> float:
    """Clean in some processes at once; give articles a second of all of them."""
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(processes, mp_context=context) as pool:
        list(pool.map(abs, range(processes)))  # started
        return sum(pool.map(clean_for, [path] * processes, [seconds] * processes))


def compare_workers(dump: str, seconds: float, rounds: int) -> None:
    """Print the time of one worker and of two on one multistream dump."""
    with tempfile.TemporaryDirectory() as folder:
        root = pathlib.Path(folder)
        small = write_multistream(dump, root / "small", 0)
        probe = write_multistream(dump, root / "probe", 8)
        time_extraction(small, 1)  # imports; the next is warm
        start = time_extraction(small, 1).cpu
        megabytes = 8 * seconds / (time_extraction(probe, 1).cpu - start)
        large = write_multistream(dump, root / "large", megabytes)
        starts: dict[int, list[Timing]] = {1: [], 2: []}
        runs: dict[int, list[Timing]] = {1: [], 2: []}
        bare: dict[int, list[float]] = {1: [], 2: []}
        for _ in range(rounds):
            for workers in runs:
                starts[workers].append(time_extraction(small, workers))
                runs[workers].append(time_extraction(large, workers))
                bare[workers].append(time_processes(dump, seconds / 4, workers))
        size = large.stat().st_size / 1e6
    print(f"\nOne multistream dump, {megabytes:.0f} MB of XML, {size:.1f} MB compressed\n")
    rows: list[tuple[object, ...]] = []
    alone, used = {}, {}
    for workers in runs:
        run = min(runs[workers], key=lambda timing: timing.wall)
        start = min(timing.wall for timing in starts[workers])
        start_cpu = min(timing.cpu for timing in starts[workers])
        used[workers] = min(timing.cpu for timing in runs[workers]) - start_cpu
        alone[workers] = run.wall - start
        rows.append(
            (
                workers, f"{start:.1f}", f"{alone[workers]:.1f}",
                f"{megabytes / alone[workers]:.1f}", f"{start_cpu:.1f}", f"{used[workers]:.1f}",
                f"{run.others:.2f}",
            )
        )  # fmt: skip
    header = (
        "workers", "start (s)", "extraction (s)", "XML, MB/s", "CPU of the start (s)",
        "CPU of the extraction (s)", "cores used by others",
    )  # fmt: skip
    print(markdown_table(header, rows))
    print(f"\nTwo workers are {alone[1] / alone[2]:.2f} times as fast as one.")
    free = 2 * used[1] / used[2]
    print(f"By their CPU time, if each does half: {free:.2f} times.")
    print(f"Two bare processes are {max(bare[2]) / max(bare[1]):.2f} times as fast as one.")
    pairs = [one.wall / two.wall for one, two in zip(runs[1], runs[2], strict=True)]
    print("The runs one after the other, start included: " + ", ".join(f"{p:.2f}" for p in pairs))


def main() -> None:
    """Read the arguments and measure."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n", 1)[0])
    parser.add_argument("dumps", nargs="+")
    parser.add_argument("--multistream", help="dump whose pages are repeated (the largest)")
    parser.add_argument("--seconds", type=float, default=20, help="extraction by one worker")
    parser.add_argument("--rounds", type=int, default=3)
    options = parser.parse_args()
    logging.disable(logging.CRITICAL)
    print(f"{machine()}\n")
    compare_cleaners(options.dumps, options.rounds)
    largest = max(options.dumps, key=lambda path: pathlib.Path(path).stat().st_size)
    compare_workers(options.multistream or largest, options.seconds, options.rounds)


if __name__ == "__main__":
    main()
