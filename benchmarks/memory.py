"""Measure the memory of a crawl on the local runner as the number of its files grows.

    python -m benchmarks.memory [--files 4 12 40] [--pages 1000] [--lines] [--plot FILE.svg]

Half of the files are WET and half WARC (with a tenth of the pages, as HTML is slower to read).
Their pages are made: a menu of ten lines that a hundred sites share out, and 15 paragraphs of
English words in random order; every sixteenth file is the same again. Each run extracts, drops
repeated lines in blocks of 4 shards, identifies the language and applies Gopher's rules, in a
process of its own whose memory is sampled while it works. The memory of each run over its time
goes into a plot. With --lines all files are WET, and nothing but repeated lines is dropped: for
files of real size, where what the search for lines holds would show.
"""

from __future__ import annotations

import argparse
import gzip
import pathlib
import subprocess
import sys
import tempfile
import time

import numpy as np

from benchmarks.plotting import plot_lines
from benchmarks.reporting import machine, markdown_table
from pasture.driver.run import run_recipe
from pasture.recipes.load import load_recipe

_WORDS = (
    "the a of and to in that it was for on with as his they at be this from have or had by not "
    "but what all were when we there can an your which their said if do will each about how up "
    "out them then she many some so these would other into has more her two like him see time "
    "could no make than first been its who now people my made over did down only way find use may "
    "water long little very after words called just where most know river harbour town ferry "
    "winter morning garden letter captain village road market bridge teacher window summer"
)
WORDS = _WORDS.split()
PARAGRAPHS, WORDS_EACH, SITES = 15, 30, 100
DIFFERENT_FILES = 16
LINES = """\
name: memory
mixture: llama
sources:
  common_crawl:
    inputs: ["*.gz"]
    stages:
      10-lines: {duplicate_lines: {scope_shards: 4, keep: none, max_removed: 1.0}}
"""
STEPS = """\
      20-language:
        steps:
          - language_id
          - keep_languages: {languages: [en], min_score: 0.5}
          - gopher_quality
          - gopher_repetition
"""
Samples = list[tuple[float, float]]


def make_page(random: np.random.Generator) -> list[str]:
    """The lines of a page: its title, its site's menu, and its paragraphs."""
    site = random.integers(SITES)
    menu = [f"Section {number} of site number {site}x" for number in range(10)]
    words = random.choice(WORDS, (PARAGRAPHS, WORDS_EACH))
    return [f"Page {random.integers(1 << 40)}", *menu, *(" ".join(row) + "." for row in words)]


def record(kind: str, mime: str, url: str, block: bytes) -> bytes:
    """One WARC record as a gzip member."""
    head = (
        f"WARC/1.0\r\nWARC-Type: {kind}\r\nWARC-Record-ID: <urn:{url}>\r\n"
        f"WARC-Target-URI: http://{url}\r\nWARC-Date: 2019-02-15T21:56:34Z\r\n"
        f"Content-Type: {mime}\r\nContent-Length: {len(block)}\r\n\r\n"
    )
    return gzip.compress(head.encode() + block + b"\r\n\r\n", compresslevel=1, mtime=0)


def make_files(folder: pathlib.Path, files: int, pages: int, only_wet: bool) -> None:
    """Write files of pages; from the seventeenth on they are links to the first ones."""
    for number in range(files):
        is_warc = number % 2 == 1 and not only_wet
        path = folder / f"{number:05}.warc.{'' if is_warc else 'wet.'}gz"
        if number < DIFFERENT_FILES:
            path.write_bytes(make_file(number, pages // 10 if is_warc else pages, is_warc))
        else:
            path.hardlink_to(folder / f"{number % DIFFERENT_FILES:05}{path.name[5:]}")


def make_file(number: int, pages: int, is_warc: bool) -> bytes:
    """Make a WET or a WARC file."""
    random = np.random.default_rng(number)
    records = []
    for page in range(pages):
        lines, url = make_page(random), f"example.org/{number}/{page}"
        if is_warc:
            body = "".join(f"<p>{line}</p>\n" for line in lines[1:])
            html = f"<html><head><title>{lines[0]}</title></head><body>{body}</body></html>"
            block = b"HTTP/1.1 200 OK\r\nContent-Type: text/html\r\n\r\n" + html.encode()
            records.append(record("response", "application/http", url, block))
        else:
            records.append(record("conversion", "text/plain", url, "\n".join(lines).encode()))
    return b"".join(records)


def measure(folder: pathlib.Path, recipe: str) -> Samples:
    """Run a recipe over a folder in a process of its own: seconds and MB, sampled."""
    (folder / "recipe.yaml").write_text(recipe)
    command = [sys.executable, "-m", "benchmarks.memory", "--run", str(folder)]
    start = time.perf_counter()
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL)
    samples = []
    while process.poll() is None:
        samples.append((time.perf_counter() - start, resident_megabytes(process.pid)))
        time.sleep(0.1)
    if process.returncode:
        raise subprocess.CalledProcessError(process.returncode, command)
    return samples


def resident_megabytes(pid: int) -> float:
    """The resident memory of a process; 0 once it has ended."""
    try:
        lines = pathlib.Path(f"/proc/{pid}/status").read_text().splitlines()
    except ProcessLookupError:
        return 0.0
    sizes = [int(line.split()[1]) for line in lines if line.startswith("VmRSS")]
    return sum(sizes) * 1024 / 1e6


def run(folder: pathlib.Path) -> None:
    """Run the recipe, in this process."""
    recipe = load_recipe(str(folder / "recipe.yaml"), str(folder))
    run_recipe(recipe, str(folder / "out"), until="documents")


def draw(runs: dict[int, Samples]) -> str:
    """Plot memory over the share of each run's time as SVG."""
    lines = {
        f"{files} files, {samples[-1][0]:.0f} s": [
            (100 * seconds / samples[-1][0], size) for seconds, size in samples
        ]
        for files, samples in runs.items()
    }
    return plot_lines(lines, "% of the run", "MB resident")


def main() -> None:
    """Measure, print the table, and write the plot."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--files", type=int, nargs="+", default=[4, 12, 40])
    parser.add_argument("--pages", type=int, default=1000, help="pages in a WET file")
    parser.add_argument(
        "--lines", action="store_true", help="WET files and the search for lines only"
    )
    parser.add_argument("--plot", type=pathlib.Path, help="where the SVG goes")
    parser.add_argument("--run", type=pathlib.Path, help=argparse.SUPPRESS)
    args = parser.parse_args()
    if args.run:
        run(args.run)
        return
    runs, rows = {}, []
    for files in args.files:
        with tempfile.TemporaryDirectory() as name:
            folder = pathlib.Path(name)
            make_files(folder, files, args.pages, args.lines)
            size = sum(path.stat().st_size for path in folder.glob("*.gz")) / 1e6
            samples = runs[files] = measure(folder, LINES if args.lines else LINES + STEPS)
        half = [megabytes for _, megabytes in samples[len(samples) // 2 :]]
        peak = max(megabytes for _, megabytes in samples)
        rows.append((files, f"{size:.0f}", f"{peak:.0f}", f"{sum(half) / len(half):.0f}"))
        print(rows[-1], file=sys.stderr)
    print(f"{machine()}, one worker.\n")
    header = ("files", "MB of gzip", "peak, MB", "mean of the second half, MB")
    print(markdown_table(header, rows))
    if args.plot:
        args.plot.write_text(draw(runs))


if __name__ == "__main__":
    main()
