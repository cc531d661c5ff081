"""The whole pipeline under load: made input of all seven sources, run by the local runner.

    python -m benchmarks.soak --gigabytes 20 --output DIR [--workers 2] [--plot FILE.svg]

``--gigabytes`` are raw bytes as the sources hold them once decompressed (see soak_input.py).
The recipe is the built-in ``llama`` with smaller blocks for line deduplication and smaller token
shards. It runs in a process of its own; the memory (proportional set size) and the processor time
of that process and its workers are sampled while it works. An interrupted soak goes on where it
stopped, and the report tells of each session. In the end it compares the output with what was
made: no document may be lost, and the planted copies must be found.
"""

from __future__ import annotations

import argparse
import collections
import contextlib
import dataclasses
import json
import pathlib
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import pyarrow.parquet as pq

from benchmarks.plotting import plot_lines
from benchmarks.reporting import machine, markdown_table
from benchmarks.soak_input import first_of_pair, is_copy, make_input, plan_shards
from pasture import storage
from pasture.console.plans import measure_recipe, show_estimate
from pasture.console.progress import RunProgress
from pasture.driver.estimate import Estimate, estimate
from pasture.driver.measure import Rates
from pasture.driver.memory import held_bytes
from pasture.driver.run import run_recipe
from pasture.manifests.outputs import Output
from pasture.recipes.load import load_recipe
from pasture.recipes.schema import Recipe
from pasture.runners.processes import process_tree
from pasture.runners.work import JobUse

RECIPE = """\
extends: llama
name: soak
description: The llama recipe on made input
sources:
  common_crawl:
    stages:
      10-lines: {{duplicate_lines: {{scope_shards: {scope}, keep: none}}}}
tokens: {{shard_bytes: 64000000}}
models:
  # Of a few made pages there are few that Wikipedia cites.
  reference: {{training: {{min_positives: 20, fasttext: {{lr: 0.5, epoch: 10}}}}}}
budget_tokens: 1.0e9
"""
SCOPE_SHARDS = 50  # fewer where there are few shards
DEDUPLICATIONS = ("exact_duplicates", "near_duplicates")
Samples = list[dict[str, float]]


@dataclasses.dataclass(frozen=True)
class Folders:
    """Where a soak's files lie."""

    root: pathlib.Path

    @property
    def raw(self) -> pathlib.Path:
        """The input, and the recipe."""
        return self.root / "raw"

    @property
    def corpus(self) -> pathlib.Path:
        """The output of the run."""
        return self.root / "corpus"

    @property
    def rates(self) -> pathlib.Path:
        """What a sample of the input took before the run."""
        return self.root / "rates.json"

    @property
    def samples(self) -> pathlib.Path:
        """Memory and processor time, a line a sample."""
        return self.root / "samples.jsonl"

    @property
    def events(self) -> pathlib.Path:
        """What the run told, a line an event."""
        return self.root / "events.jsonl"


class Recorder(RunProgress):
    """Shows a run, and writes down what it tells with the time."""

    def __init__(self, path: pathlib.Path, expected: Estimate) -> None:
        super().__init__(expected=expected)
        self._file = path.open("a")

    def started(self, key: str, total: int) -> None:
        """Note a stage's start."""
        super().started(key, total)
        self._write("started", key=key, shards=total)

    def finished(self, key: str, manifest: Mapping[str, Any], skipped: bool) -> None:
        """Note a stage's end."""
        super().finished(key, manifest, skipped)
        self._write("finished", key=key, skipped=skipped)

    def used(self, use: JobUse) -> None:
        """Note what a job took."""
        super().used(use)
        self._write("used", **dataclasses.asdict(use))

    def _write(self, kind: str, **facts: Any) -> None:
        self._file.write(json.dumps({"time": time.time(), "kind": kind, **facts}) + "\n")
        self._file.flush()


def run(folders: Folders, workers: int) -> None:
    """Run the recipe, in this process."""
    with Recorder(folders.events, expected(folders, workers)) as progress:
        run_recipe(recipe_of(folders), str(folders.corpus), workers=workers, progress=progress)


def recipe_of(folders: Folders) -> Recipe:
    """The soak's recipe."""
    return load_recipe(str(folders.raw / "recipe.yaml"), str(folders.raw))


def expected(folders: Folders, workers: int) -> Estimate:
    """What the run should take, by the sample that was measured before."""
    return estimate(recipe_of(folders), Rates.read(str(folders.rates)), workers)


def watch(folders: Folders, workers: int, interval: float) -> None:
    """Run the recipe in a process of its own, and write down what it and its workers hold."""
    command = [sys.executable, "-m", "benchmarks.soak", "--run", "--workers", str(workers)]
    session = len({row["session"] for row in read_lines(folders.samples)})
    process = subprocess.Popen([*command, "--output", str(folders.root)])
    with folders.samples.open("a") as file, contextlib.ExitStack() as stack:
        stack.callback(process.terminate)
        while process.poll() is None:
            tree = process_tree(process.pid)
            if tree:
                driver, *others = [held_bytes(found.pid) for found in tree]
                sample = {
                    "session": session,
                    "time": time.time(),
                    "total": driver + sum(others),
                    "driver": driver,
                    "worker": max(others, default=0),
                    "cpu": sum(found.cpu_seconds for found in tree),
                }
                file.write(json.dumps(sample) + "\n")
                file.flush()
            time.sleep(interval)
    if process.returncode:
        raise SystemExit(f"the run ended with {process.returncode}; the same command goes on there")


def read_lines(path: pathlib.Path) -> list[dict[str, Any]]:
    """Read a file of JSON lines; a last line that was cut off is left out."""
    if not path.exists():
        return []
    lines = path.read_text().splitlines(keepends=True)
    return [json.loads(line) for line in lines if line.endswith("\n")]


# Checks ----------------------------------------------------------------------------------------


def check(folders: Folders, made: Mapping[str, Mapping[str, int]]) -> tuple[list[str], list[str]]:
    """Compare the output with what was made: a table's rows by source, and what is wrong."""
    output = Output(str(folders.corpus))
    problems: list[str] = []
    rows = []
    for source, held in made.items():
        came = held["documents"]
        copies: collections.Counter[str] = collections.Counter()
        found = 0
        for stage in output.stages(source):
            totals = stage.totals()
            if totals["rows_in"] != came:
                problems.append(f"{source}/{stage.stage}: {totals['rows_in']} of {came} came in")
            came = totals["rows"]
            for shard in stage.shards:
                path = storage.join(output.audit_folder(stage), shard.dropped_path)
                for name, url, rule in _rows(path, ("id", "url", "drop_filter")):
                    is_found = rule in DEDUPLICATIONS
                    found += is_found
                    if is_copy(source, name, url):
                        copies["found" if is_found else "dropped by others"] += 1
        tokens = output.manifest(f"tokens/{source}")
        encoded = sum(split["rows"] for split in tokens["splits"].values())
        if encoded != came:
            problems.append(f"{source}: {encoded} of {came} documents are tokenized")
        kept, alone = _kept_copies(output, source, held)
        copies["kept"] = kept
        if sum(copies.values()) != held["copies"]:
            problems.append(
                f"{source}: {sum(copies.values())} of {held['copies']} copies are told of"
            )
        reached = held["copies"] - copies["dropped by others"] - alone
        if found != reached:
            problems.append(f"{source}: {found} duplicates are dropped, of {reached} that reached")
        rows.append(
            (
                source,
                f"{held['documents']:,}",
                f"{came:,}",
                f"{held['copies']:,}",
                f"{copies['dropped by others']:,}",
                f"{alone:,}",
                f"{found:,}",
            )
        )
    header = (
        "source",
        "made",
        "left",
        "copies planted",
        "dropped by other rules",
        "original dropped so",
        "duplicates found",
    )
    return [markdown_table(header, rows)], problems


def _kept_copies(output: Output, source: str, held: Mapping[str, int]) -> tuple[int, int]:
    """Count the copies that are kept, and those of them whose original is not.

    A copy that is nearly equal may pass a rule that drops its original.
    """
    stage = output.stages(source)[-1]
    paths = dict(stage.paths(output.stage_folder(stage)))
    kept = alone = 0
    for shard, path in paths.items():
        numbers = [n for n, row in enumerate(_rows(path, ("id", "url"))) if is_copy(source, *row)]
        kept += len(numbers)
        if numbers and held["near"]:
            texts = [text for (text,) in _rows(path, ("text",))]
            first = paths[first_of_pair(shard, held["distance"])]
            originals = [_shingles(text) for (text,) in _rows(first, ("text",))]
            for number in numbers:
                copy = _shingles(texts[number])
                alone += not any(len(copy & one) >= 0.8 * len(copy | one) for one in originals)
    return kept, alone


def _shingles(text: str) -> set[tuple[str, ...]]:
    words = text.split()
    return set(zip(*(words[start:] for start in range(5)), strict=False))


def _rows(path: str, columns: Sequence[str]) -> Iterator[tuple[Any, ...]]:
    table = pq.read_table(path, columns=list(columns))
    yield from zip(*(table[name].to_pylist() for name in columns), strict=True)


# The report ------------------------------------------------------------------------------------


@dataclasses.dataclass
class StageUse:
    """What a stage took, over all sessions."""

    key: str
    seconds: float = 0.0
    shuffled: float = 0.0
    bytes_in: int = 0
    disk: int = 0


def stage_uses(folders: Folders) -> list[StageUse]:
    """Sum up what each stage took."""
    uses: dict[str, StageUse] = {}
    for event in read_lines(folders.events):
        if event["kind"] == "used":
            for key, work in event["work"].items():
                use = uses.setdefault(key, StageUse(key))
                use.seconds += work["seconds"]
                use.shuffled += work["shuffled_bytes"]
    output = Output(str(folders.corpus))
    for key in output.manifests():
        use = uses.setdefault(key, StageUse(key))
        manifest = output.manifest(key)
        use.bytes_in = manifest.get("totals", {}).get("bytes_in", 0)
        use.disk = folder_bytes(folders.corpus / key)
    return list(uses.values())


def folder_bytes(folder: pathlib.Path) -> int:
    """The bytes of all files under a folder."""
    return sum(size for _, size in storage.list_tree(str(folder)))


def report(folders: Folders, made: Mapping[str, Mapping[str, int]], workers: int) -> list[str]:
    """Write the report; return what is wrong."""
    samples = read_lines(folders.samples)
    events = read_lines(folders.events)
    print(f"{machine()}, {workers} workers.\n")
    raw, packed = (sum(held[key] for held in made.values()) for key in ("bytes", "compressed"))
    print(f"Input: {raw / 1e9:.2f} GB raw, {packed / 1e9:.2f} GB as files.\n")
    tables, problems = check(folders, made)
    print("\n\n".join([_sources(made), _stages(folders), _jobs(events, samples), *tables]))
    print()
    for line in _sessions(samples, events):
        print(line)
    disk = folder_bytes(folders.corpus)
    print(f"Disk: {disk / 1e9:.2f} GB of output, {disk / raw:.2f} bytes a raw byte.\n")
    print(_comparison(expected(folders, workers), samples, disk))
    print()
    print("\n".join(problems) or "Nothing is lost, and every planted copy is found.")
    return problems


def _sources(made: Mapping[str, Mapping[str, int]]) -> str:
    rows = [
        (
            source,
            held["shards"],
            f"{held['documents']:,}",
            f"{held['bytes'] / 1e6:,.0f}",
            f"{held['compressed'] / 1e6:,.0f}",
        )
        for source, held in made.items()
    ]
    return markdown_table(("source", "shards", "documents", "raw MB", "MB as files"), rows)


def _stages(folders: Folders) -> str:
    rows = [
        (
            use.key,
            f"{use.bytes_in / 1e6:,.0f}",
            f"{use.seconds:,.1f}",
            f"{use.bytes_in / 1e6 / use.seconds:,.1f}" if use.seconds and use.bytes_in else "",
            f"{use.shuffled / 1e6:,.1f}",
            f"{use.disk / 1e6:,.0f}",
        )
        for use in stage_uses(folders)
    ]
    header = ("stage or model", "MB in", "worker seconds", "MB/s", "MB shuffled", "MB on disk")
    return markdown_table(header, rows)


def _jobs(events: Sequence[Mapping[str, Any]], samples: Samples) -> str:
    rows = []
    for event in events:
        if event["kind"] != "used":
            continue
        start, end = event["time"] - event["seconds"], event["time"]
        held = [sample for sample in samples if start <= sample["time"] <= end]
        half = len(held) // 2
        rows.append(
            (
                " ".join(event["work"]),
                f"{event['seconds']:,.0f}",
                f"{event['cpu_seconds']:,.0f}",
                *(
                    f"{max((s[what] for s in part), default=0) / 1e6:,.0f}"
                    for what in ("driver", "worker")
                    for part in (held[:half], held[half:])
                ),
            )
        )
    header = (
        "job", "seconds", "CPU s", "driver MB, first half", "second", "worker MB, first half",
        "second",
    )  # fmt: skip
    return markdown_table(header, rows)


def _sessions(samples: Samples, events: Sequence[Mapping[str, Any]]) -> Iterator[str]:
    """Tell how long each session took; what an interrupted one did is in its shards only."""
    sessions: dict[float, Samples] = {}
    for sample in samples:
        sessions.setdefault(sample["session"], []).append(sample)
    total = sum(held[-1]["time"] - held[0]["time"] for held in sessions.values())
    cpu = _cpu_seconds(samples)
    told = sum(event["cpu_seconds"] for event in events if event["kind"] == "used")
    peak = max(sample["total"] for sample in samples)
    yield f"Time: {total:,.0f} s in {len(sessions)} sessions; processor time {cpu:,.0f} s."
    if len(sessions) > 1:
        yield (
            f"Jobs that ended tell of {told:,.0f} s of processor time; the rest went into jobs "
            f"that were interrupted, whose finished shards stayed. The tables hold none of it."
        )
    yield f"Peak memory, all processes: {peak / 1e6:,.0f} MB."


def _cpu_seconds(samples: Samples) -> float:
    """Processor time of all sessions, as far as they were sampled."""
    last: dict[float, float] = {}
    for sample in samples:
        last[sample["session"]] = max(last.get(sample["session"], 0.0), sample["cpu"])
    return sum(last.values())


def _comparison(found: Estimate, samples: Samples, disk: int) -> str:
    """The estimate beside what happened."""
    peak = max(sample["total"] for sample in samples)
    rows = [
        ("time (s)", found.seconds, _clock(samples)[0][-1]),
        ("processor time (s)", found.cpu_seconds, _cpu_seconds(samples)),
        ("peak memory (MB)", found.memory / 1e6, peak / 1e6),
        ("disk (MB)", found.disk_bytes / 1e6, disk / 1e6),
    ]
    return markdown_table(
        ("", "estimated", "happened", "ratio"),
        [(what, f"{one:,.0f}", f"{two:,.0f}", f"{one / two:.2f}") for what, one, two in rows],
    )


# The plot --------------------------------------------------------------------------------------

LABELS = {"total": "all processes", "driver": "driver", "worker": "largest other process"}


def draw(samples: Samples) -> str:
    """Plot memory over the time of all sessions, one after the other, as SVG."""
    seconds, breaks = _clock(samples)
    lines = {
        label: [
            (second, sample[what] / 1e6) for second, sample in zip(seconds, samples, strict=True)
        ]
        for what, label in LABELS.items()
    }
    return plot_lines(lines, "seconds", "MB held", breaks)


def _clock(samples: Samples) -> tuple[list[float], list[float]]:
    """Seconds of each sample without the time between sessions, and where sessions begin."""
    seconds, breaks, clock = [], [], 0.0
    for before, sample in zip([None, *samples[:-1]], samples, strict=True):
        if before is not None and before["session"] == sample["session"]:
            clock += sample["time"] - before["time"]
        elif before is not None:
            breaks.append(clock)
        seconds.append(clock)
    return seconds, breaks


def main() -> None:
    """Make the input, run, and report."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--gigabytes", type=float, default=0.2, help="raw bytes, decompressed")
    parser.add_argument("--output", type=pathlib.Path, required=True)
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--shard-megabytes", type=float, default=32, help="raw bytes of a shard")
    parser.add_argument(
        "--sample-megabytes", type=float, default=16, help="of each source, for the estimate"
    )
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--plot", type=pathlib.Path, help="where the SVG of the memory goes")
    parser.add_argument("--run", action="store_true", help=argparse.SUPPRESS)
    args = parser.parse_args()
    folders = Folders(args.output.absolute())
    if args.run:
        run(folders, args.workers)
        return
    made = prepare(folders, args)
    if not folders.rates.exists():
        sample_bytes = int(args.sample_megabytes * 1e6)
        rates = measure_recipe(recipe_of(folders), args.workers, sample_bytes, quiet=False)
        rates.write(str(folders.rates))
    show_estimate(expected(folders, args.workers), as_json=False)
    watch(folders, args.workers, interval=0.5 if args.gigabytes < 1 else 2.0)
    if args.plot:
        args.plot.write_text(draw(read_lines(folders.samples)))
    if report(folders, made, args.workers):
        raise SystemExit(1)


def prepare(folders: Folders, args: argparse.Namespace) -> dict[str, dict[str, int]]:
    """Make the input that is not there yet, and the recipe."""
    shard_bytes = int(args.shard_megabytes * 1e6)
    crawl_shards = len(
        [
            task
            for task in plan_shards(folders.raw, args.gigabytes, shard_bytes, 1, args.seed)
            if task.source == "common_crawl"
        ]
    )
    # Copies lie in another block, or the removal of repeated lines would take both.
    scope = min(SCOPE_SHARDS, max(1, crawl_shards // 4))
    tasks = plan_shards(folders.raw, args.gigabytes, shard_bytes, scope, args.seed)
    start = time.monotonic()

    def tell(done: int, total: int) -> None:
        print(f"\rinput: {done} of {total} shards", end="", file=sys.stderr, flush=True)

    made = make_input(tasks, args.workers, tell)
    seconds = time.monotonic() - start
    raw = sum(held["bytes"] for held in made.values())
    print(f"; {raw / 1e6:,.0f} MB, {seconds:,.0f} s", file=sys.stderr)
    (folders.raw / "recipe.yaml").write_text(RECIPE.format(scope=scope))
    return made


if __name__ == "__main__":
    main()
