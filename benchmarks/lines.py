"""Deduplicate lines with Pasture and with its peers, on the same documents in one run.

    python -m benchmarks.lines FILE [FILE ...] [--lines N]

FILE is a WET or WARC file, or a file of C4's rows. The documents are repeated until they have so
many lines (four million by default, about as many as a WET file of the crawl has); in every copy
each other line is made unlike the others, so that half of the lines occur once. All candidates run
on one core, in interleaved rounds, and the best CPU time of each counts.

Hashing: from texts in memory to one hash a line, each normalised lower-case, digits as 0, without
punctuation and control characters. The whole stage: from Parquet shards to Parquet shards without
repeated lines. polars and datatrove are measured where they are installed.
"""

from __future__ import annotations

import argparse
import hashlib
import importlib.util
import pathlib
import re
import resource
import tempfile
from collections.abc import Callable

import apache_beam as beam
import pyarrow as pa
import pyarrow.parquet as pq

from benchmarks.reporting import machine, markdown_table
from pasture import storage
from pasture.dedup.lines import UNICODE_PUNCTUATION, DuplicateLines
from pasture.records import DOCUMENT_SCHEMA, Document, to_batches
from pasture.runners.options import LOCAL_RUNNER
from pasture.sources.c4.source import C4
from pasture.stages.shards import StageFolder
from pasture.stages.transforms import Deduplicate

SHARDS, ROUNDS = 4, 3
DIGIT = re.compile(r"\d")
DELETED = re.compile(f"[{re.escape(UNICODE_PUNCTUATION)}\x00-\x1f\x7f-\x9f]")


def documents(paths: list[str], lines: int) -> list[Document]:
    source = C4(inputs=tuple(paths))
    read = [d for shard in source.shards() for d in source.read(shard) if isinstance(d, Document)]
    found: list[Document] = []
    count = copy = 0
    while count < lines:
        mark = "".join(chr(ord("a") + int(digit)) for digit in str(copy))
        for document in read:
            text = [
                f"{line} {mark}" if copy and number % 2 else line
                for number, line in enumerate(document.text.split("\n"))
            ]
            found.append(Document(f"{copy}-{document.id}", "c4", "\n".join(text)))
            count += len(text)
        copy += 1
    return found


def cpu_seconds(run: Callable[[], object]) -> float:
    def used() -> float:
        both = (resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))
        return sum(one.ru_utime + one.ru_stime for one in both)

    start = used()
    run()
    return used() - start


# Hashing --------------------------------------------------------------------------------------


def hash_with_pasture(path: str) -> Callable[[], object]:
    return lambda: DuplicateLines().reader()(path)


def hash_as_ccnet(texts: list[str]) -> None:
    """The rule of CCNet's code, a line at a time."""
    for text in texts:
        for line in text.split("\n"):
            stripped = line.strip().lower()
            if stripped:
                normal = DELETED.sub("", DIGIT.sub("0", stripped))
                hashlib.sha1(normal.encode()).digest()[:8]


def hash_with_polars(texts: list[str]) -> None:
    import polars

    for start in range(0, len(texts), 1024):
        lines = polars.Series(texts[start : start + 1024]).str.split("\n").explode()
        normal = lines.str.strip_chars().str.to_lowercase().str.replace_all(r"\d", "0")
        normal.str.replace_all(DELETED.pattern, "").hash(seed=1)


def datatrove_config() -> object:
    from datatrove.pipeline.dedup import SentDedupConfig

    return SentDedupConfig(
        n_sentences=1, split_sentences=False, min_doc_words=0, min_num_sentences=0
    )


def hash_with_datatrove(texts: list[str]) -> None:
    from datatrove.data import Document as TroveDocument
    from datatrove.pipeline.dedup import SentenceDedupSignature

    step = SentenceDedupSignature(tempfile.mkdtemp(), config=datatrove_config())
    for number, text in enumerate(texts):
        step.get_hashes(TroveDocument(text, str(number)), number)


# The whole stage ------------------------------------------------------------------------------


def write_shards(found: list[Document], folder: pathlib.Path) -> list[tuple[int, str]]:
    shards = []
    for index in range(SHARDS):
        path = str(folder / storage.shard_name("documents", index, SHARDS))
        with storage.atomic_parquet(path, DOCUMENT_SCHEMA) as writer:
            for batch in to_batches(found[index::SHARDS]):
                writer.write_batch(batch)
        shards.append((index, path))
    return shards


def stage_with_pasture(shards: list[tuple[int, str]], audit_lines: int | None) -> None:
    with tempfile.TemporaryDirectory() as output:
        folder = StageFolder(output, SHARDS, "benchmark", audit_lines=audit_lines)
        config = DuplicateLines(scope_shards=0, keep="first")
        with beam.Pipeline(runner=LOCAL_RUNNER) as pipeline:
            stage = Deduplicate(config, folder, frozenset(range(SHARDS)))
            pipeline | beam.Create(shards) | stage


def stage_with_datatrove(folder: str) -> None:
    from datatrove.executor import LocalPipelineExecutor
    from datatrove.pipeline.dedup import (
        SentenceDedupFilter,
        SentenceDedupSignature,
        SentenceFindDedups,
    )
    from datatrove.pipeline.readers import ParquetReader
    from datatrove.pipeline.writers import ParquetWriter

    config = datatrove_config()
    with tempfile.TemporaryDirectory() as output:
        reader = ParquetReader(folder, glob_pattern="documents-*.parquet")
        sign = SentenceDedupSignature(f"{output}/signatures", config=config)
        find = SentenceFindDedups(f"{output}/signatures", f"{output}/found", config=config)
        drop = SentenceDedupFilter(f"{output}/found", config=config)
        write = ParquetWriter(f"{output}/kept", compression="zstd")
        for number, (steps, tasks) in enumerate(
            [([reader, sign], SHARDS), ([find], 1), ([reader, drop, write], SHARDS)]
        ):
            LocalPipelineExecutor(
                pipeline=steps, tasks=tasks, workers=1, logging_dir=f"{output}/logs{number}"
            ).run()


def measure(candidates: dict[str, Callable[[], object]], lines: int) -> str:
    best = dict.fromkeys(candidates, float("inf"))
    for _ in range(ROUNDS):
        for name, run in candidates.items():
            best[name] = min(best[name], cpu_seconds(run))
    rows = [(name, f"{lines / seconds / 1e6:.2f}") for name, seconds in best.items()]
    return markdown_table(["", "M lines/s of CPU time"], rows)


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("files", nargs="+")
    parser.add_argument("--lines", type=int, default=4_000_000)
    arguments = parser.parse_args()
    found = documents(arguments.files, arguments.lines)
    texts = [document.text for document in found]
    lines = [line for text in texts for line in text.split("\n")]
    has = {name: importlib.util.find_spec(name) is not None for name in ("polars", "datatrove")}
    size = sum(len(text.encode()) for text in texts)
    ascii_lines = sum(map(str.isascii, lines)) / len(lines)
    once = len(set(lines)) / len(lines)
    print(machine())
    print(
        f"{len(texts):,} documents, {len(lines):,} lines, {size / 1e6:.0f} MB; "
        f"{ascii_lines:.0%} of the lines are ASCII, {once:.0%} are distinct"
    )
    with tempfile.TemporaryDirectory() as temporary:
        shards = write_shards(found, pathlib.Path(temporary))
        one = str(pathlib.Path(temporary) / "one.parquet")
        pq.write_table(pa.Table.from_batches(to_batches(found)), one, compression="zstd")
        hashing: dict[str, Callable[[], object]] = {
            "Pasture, with reading Parquet": hash_with_pasture(one),
            "CCNet's rule and SHA-1, a line at a time": lambda: hash_as_ccnet(texts),
        }
        stages: dict[str, Callable[[], object]] = {
            "Pasture": lambda: stage_with_pasture(shards, None),
            "Pasture, without a row for each removed line": lambda: stage_with_pasture(shards, 0),
        }
        if has["polars"]:
            hashing["polars"] = lambda: hash_with_polars(texts)
        if has["datatrove"]:
            hashing["datatrove"] = lambda: hash_with_datatrove(texts)
            stages["datatrove, three steps"] = lambda: stage_with_datatrove(temporary)
        print("\nHashing\n\n" + measure(hashing, len(lines)))
        print("\nThe whole stage\n\n" + measure(stages, len(lines)))


if __name__ == "__main__":
    main()
