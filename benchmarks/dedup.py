"""Deduplication: what it takes as the documents grow, and beside other tools.

    python -m benchmarks.dedup scale [--documents N...] [--identical N] [--stages exact near]
    python -m benchmarks.dedup peers [--documents N]
    python -m benchmarks.dedup bucket [--keys N]

The documents are made: words by Zipf's law, 2 kB on average, in shards of 20,000. One in ten is a
copy of one in another shard, and one in ten a copy with as many words replaced as leave a Jaccard
similarity of 0.9 or a little more, of word 5-grams; every original has one copy. Each run has a
process of its own, which starts no others; its peak memory is read at the end of each stage, and
what is shuffled is counted where Beam's local runner takes it in.

``bucket`` measures what the worker holds that compares one bucket of keys, 9 of 10 distinct, of a
hundred shards, beside the keys and their positions (16 bytes each) themselves.

``peers`` needs datatrove, datasketch, rensa and gaoya, or those of them that ``--tools`` names.
"""

from __future__ import annotations

import argparse
import dataclasses
import json
import pathlib
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from typing import Any

import apache_beam as beam
import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
from apache_beam.runners.portability.fn_api_runner.execution import GroupingBuffer

from benchmarks.dedup_peers import TOOLS
from benchmarks.reporting import machine, markdown_table, peak_memory
from pasture import storage
from pasture.dedup.base import Deduplication
from pasture.dedup.exact import ExactDuplicates
from pasture.dedup.matching import Entries, match_bucket
from pasture.dedup.near import NearDuplicates
from pasture.records import DOCUMENT_SCHEMA, MAX_BATCH_ROWS
from pasture.runners.options import beam_options
from pasture.stages.shards import StageFolder
from pasture.stages.transforms import Deduplicate

SHARD_ROWS = 20_000
COPIES = SHARD_ROWS // 10
SIMILARITY, N = 0.9, 5
VOCABULARY, ZIPF = 60_000, 1.05
STAGES: dict[str, Deduplication] = {"exact": ExactDuplicates(), "near": NearDuplicates()}

Ints = npt.NDArray[np.int64]
Texts = list[Ints]


class Writer:
    """Makes documents of words that are drawn by Zipf's law."""

    def __init__(self) -> None:
        random = np.random.default_rng(0)
        syllables = [c + v for c in "bcdfghjklmnprstvwz" for v in ("a", "e", "i", "o", "u", "er")]
        names = {
            "".join(random.choice(syllables, size)): None
            for size in np.repeat([1, 2, 3, 4], [200, 10_000, 60_000, 60_000])
        }
        words = list(names)[:VOCABULARY]
        forms = [form for word in words for form in (word, word + ",", word + ".")]
        self.forms = pa.array(forms + [form.capitalize() for form in forms])
        weights = np.cumsum(1 / np.arange(1, VOCABULARY + 1) ** ZIPF)
        quantiles = (np.arange(1 << 20) + 0.5) / (1 << 20) * weights[-1]
        self.drawn = np.searchsorted(weights, quantiles)

    def words(self, random: np.random.Generator, count: int) -> Ints:
        """Draw words; some with a comma or a full stop."""
        marks = random.choice(3, count, p=[0.87, 0.06, 0.07])
        return self.drawn[random.integers(0, len(self.drawn), count)] * 3 + marks

    def texts(self, random: np.random.Generator, count: int) -> Texts:
        """Draw texts as numbers of words."""
        sizes = np.clip(random.lognormal(np.log(380), 0.4, count), 120, 2500).astype(np.int64)
        return np.split(self.words(random, int(sizes.sum())), np.cumsum(sizes)[:-1])

    def edited(self, random: np.random.Generator, text: Ints) -> Ints:
        """Replace words that are N or more apart, so that each changes N n-grams."""
        n_grams = len(text) - N + 1
        edits = int(n_grams * (1 - SIMILARITY) / (1 + SIMILARITY) / N)
        places = random.choice(n_grams // N - 1, edits, replace=False) * N + N - 1
        text = text.copy()
        text[places] = (text[places] + 3 * random.integers(1, VOCABULARY, edits)) % (3 * VOCABULARY)
        return text

    def render(self, texts: Texts) -> pa.Array:
        """Write texts out."""
        words = np.concatenate(texts)
        offsets = np.concatenate([[0], np.cumsum([len(text) for text in texts])])
        starts_sentence = np.roll(words % 3 == 2, 1)
        starts_sentence[offsets[:-1]] = True
        strings = self.forms.take(pa.array(words + starts_sentence * (3 * VOCABULARY)))
        return pc.binary_join(pa.ListArray.from_arrays(pa.array(offsets, pa.int32()), strings), " ")


def make_documents(folder: pathlib.Path, count: int, identical: int = 0) -> int:
    """Write shards of documents, the last ``identical`` of them one text; return their bytes."""
    folder.mkdir(parents=True, exist_ok=True)
    writer = Writer()
    same = writer.render(writer.texts(np.random.default_rng(1), 1))[0]
    earlier: Texts = []
    size = 0
    for shard in range(count // SHARD_ROWS):
        random = np.random.default_rng([2, shard])
        originals = writer.texts(random, SHARD_ROWS - 2 * COPIES)
        # The first shard copies its own; later ones leave those of its originals alone.
        copied = earlier or originals[-2 * COPIES :]
        near = [writer.edited(random, text) for text in copied[COPIES : 2 * COPIES]]
        texts = [*originals, *copied[:COPIES], *near]
        rendered = writer.render([texts[place] for place in random.permutation(SHARD_ROWS)])
        earlier = originals
        alike = min(max(identical - (count - (shard + 1) * SHARD_ROWS), 0), SHARD_ROWS)
        if alike:
            rendered = pa.concat_arrays([rendered[alike:], pa.repeat(same, alike)])
        size += pc.sum(pc.binary_length(rendered)).as_py()
        write_shard(folder / f"{shard:05}.parquet", shard, rendered)
    return size


def write_shard(path: pathlib.Path, shard: int, texts: pa.Array) -> None:
    """Write texts as documents."""
    ids = pa.array([f"{shard}-{row}" for row in range(len(texts))])
    fixed = {"id": ids, "source": pa.repeat("made", len(texts)), "text": texts}
    columns = [
        fixed[field.name] if field.name in fixed else pa.nulls(len(texts), field.type)
        for field in DOCUMENT_SCHEMA
    ]
    table = pa.Table.from_arrays(columns, schema=DOCUMENT_SCHEMA)
    pq.write_table(table, path, compression="zstd", row_group_size=MAX_BATCH_ROWS)


@dataclasses.dataclass
class Shuffled:
    """Counts what Beam's local runner takes in to group."""

    bytes: int = 0

    def count(self) -> None:
        """Count from now on, in this process."""
        append = GroupingBuffer.append

        def counting(buffer: GroupingBuffer, elements: bytes) -> None:
            self.bytes += len(elements)
            append(buffer, elements)

        GroupingBuffer.append = counting


def run_stages(source: str, output: str, stages: dict[str, Deduplication]) -> list[dict[str, Any]]:
    """Deduplicate the shards of a folder, stage after stage; tell what each took and dropped."""
    shuffled, told = Shuffled(), []
    shuffled.count()
    paths = [path for path, _ in storage.glob(storage.pattern(source, "*.parquet"))]
    for name, config in stages.items():
        folder = StageFolder(storage.join(output, name), len(paths), fingerprint="")
        before, start, cpu = shuffled.bytes, time.perf_counter(), cpu_seconds()
        with beam.Pipeline(options=beam_options([])) as pipeline:
            (
                pipeline
                | beam.Create(list(enumerate(paths)), reshuffle=True)
                | Deduplicate(config, folder, frozenset(range(len(paths))))
            )
        records = folder.finished().values()
        told.append(
            {
                "stage": name,
                "seconds": time.perf_counter() - start,
                "cpu": cpu_seconds() - cpu,
                "peak": peak_memory(),
                "shuffled": shuffled.bytes - before,
                "dropped": sum(record["rows_in"] - record["rows"] for record in records),
            }
        )
        paths = [
            path for path, _ in storage.glob(storage.pattern(folder.path, "documents-*.parquet"))
        ]
    return told


def cpu_seconds() -> float:
    """The processor time of this process and of its children."""
    used = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    return sum(usage.ru_utime + usage.ru_stime for usage in used)


def measured(module: str, *arguments: str) -> Any:
    """Run a module in a process of its own; give what it tells."""
    command = [sys.executable, "-m", module, *arguments]
    told = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True).stdout
    return json.loads(told.splitlines()[-1])


def measure_scale(options: argparse.Namespace) -> None:
    """Print what the stages take for each number of documents."""
    rows = []
    for count in options.documents:
        with tempfile.TemporaryDirectory(dir=options.folder) as folder:
            made = pathlib.Path(folder, "documents")
            size = make_documents(made, count, options.identical)
            output = str(pathlib.Path(folder, "output"))
            told = measured(
                "benchmarks.dedup", "run", str(made), output, "--stages", *options.stages
            )
        copies, alike = (count - options.identical) // 10, max(options.identical - 1, 0)
        planted = {"exact": copies + alike, "near": copies}
        if options.stages == ["near"]:
            planted = {"near": 2 * copies + alike}
        rows += [
            (
                f"{count:,}",
                stage["stage"],
                f"{stage['seconds']:,.0f}",
                f"{stage['cpu']:,.0f}",
                f"{size / 1e6 / stage['cpu']:,.1f}",
                f"{stage['peak'] / 1e6:,.0f}",
                f"{stage['shuffled'] / 1e6:,.0f}",
                f"{stage['shuffled'] / count:,.0f}",
                f"{planted[stage['stage']]:,}",
                f"{stage['dropped']:,}",
            )
            for stage in told
        ]
        for row in rows[-len(told) :]:
            print(*row, file=sys.stderr, flush=True)
    header = (
        "documents", "stage", "time (s)", "CPU (s)", "MB/s of CPU", "peak memory (MB)",
        "shuffled (MB)", "shuffled a document (B)", "planted", "dropped",
    )  # fmt: skip
    print(markdown_table(header, rows))


def compare_peers(count: int, tools: Sequence[str]) -> None:
    """Print what each tool takes for the same documents."""
    rows = []
    with tempfile.TemporaryDirectory() as folder:
        made = pathlib.Path(folder, "documents")
        size = make_documents(made, count)
        for tool in tools:
            told = measured("benchmarks.dedup_peers", tool, str(made), f"{folder}/{tool}")
            rows.append(
                (
                    tool,
                    f"{told['cpu']:,.1f}",
                    f"{told['seconds']:,.1f}",
                    f"{size / 1e6 / told['cpu']:,.1f}",
                    f"{told['grown'] / 1e6:,.0f}",
                    f"{count - told['kept']:,}",
                )
            )
            print(*rows[-1], file=sys.stderr, flush=True)
    print(f"{count:,} documents, {size / 1e6:,.0f} MB; {2 * (count // 10):,} are copies\n")
    header = ("", "CPU (s)", "time (s)", "MB/s of CPU", "memory (MB)", "dropped")
    print(markdown_table(header, rows))


def measure_bucket(keys: int) -> None:
    """Print what comparing one bucket of keys takes."""
    random = np.random.default_rng(1)
    distinct = random.integers(0, 1 << 63, keys * 9 // 10).astype(np.uint64)
    both = np.concatenate([distinct, distinct[: keys - len(distinct)]])
    shards = np.array_split(both.reshape(-1, 1), 100)
    parts = [(shard, Entries(part, np.arange(len(part)))) for shard, part in enumerate(shards)]
    before, start = peak_memory(), cpu_seconds()
    matched = sum(len(matches.positions) for _, matches in match_bucket(parts))
    row = (f"{keys:,}", f"{matched:,}", f"{(peak_memory() - before) / 1e6:,.0f}")
    header = ("keys of a bucket", "matched", "memory beside them (MB)", "CPU (s)")
    print(markdown_table(header, [(*row, f"{cpu_seconds() - start:.1f}")]))


def full_shards(text: str) -> int:
    """Read a number of documents."""
    if int(text) % SHARD_ROWS:
        raise argparse.ArgumentTypeError(f"give a multiple of {SHARD_ROWS}")
    return int(text)


def main() -> None:
    """Read the arguments and measure."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n", 1)[0])
    commands = parser.add_subparsers(dest="command", required=True)
    scale = commands.add_parser("scale", help="as the documents grow")
    scale.add_argument(
        "--documents", type=full_shards, nargs="+", default=[100_000, 300_000, 1_000_000]
    )
    scale.add_argument(
        "--identical", type=full_shards, default=0, help="documents that are one text"
    )
    scale.add_argument("--stages", nargs="+", choices=STAGES, default=list(STAGES))
    scale.add_argument("--folder", help="where the documents are made; a gigabyte a million")
    peers = commands.add_parser("peers", help="beside other tools")
    peers.add_argument("--documents", type=full_shards, default=40_000)
    peers.add_argument("--tools", nargs="+", choices=TOOLS, default=list(TOOLS))
    bucket = commands.add_parser("bucket", help="the memory that one bucket of keys takes")
    bucket.add_argument("--keys", type=int, default=3_000_000)
    run = commands.add_parser("run")
    run.add_argument("folders", nargs=2)
    run.add_argument("--stages", nargs="+")
    options = parser.parse_args()
    if options.command == "run":
        stages = {name: STAGES[name] for name in options.stages}
        print(json.dumps(run_stages(*options.folders, stages)))
        return
    print(f"{machine()}\n")
    if options.command == "scale":
        measure_scale(options)
    elif options.command == "bucket":
        measure_bucket(options.keys)
    else:
        compare_peers(options.documents, options.tools)


if __name__ == "__main__":
    main()
