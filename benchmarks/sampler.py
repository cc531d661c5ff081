"""Measures the sampler: tokens fed from the page cache, and opening a corpus of many shards.

    python -m benchmarks.sampler [--tokens 200000000] [--shards 10000] [--rounds 3]

Writes token shards of random ids to a temporary folder: three sources with documents of about 600
tokens, read by batches of 64 sequences of 2,048 (as int64, with the columns at which documents
start); and one source of many tiny shards, whose corpus is opened and read once in each of its
shards. Processor time of one process; the fastest round counts. Beside it stands what one H200
takes that trains ``1b`` at the MFU that the trainer is meant to reach: the loader's share of its
time.
"""

from __future__ import annotations

import argparse
import tempfile
from collections.abc import Iterator

import numpy as np
import pyarrow as pa

from benchmarks.reporting import fastest, machine, markdown_table
from pasture import storage
from pasture.manifests.shards import MANIFEST
from pasture.tokenize.reader import TokenCorpus
from pasture.tokenize.sampler import MixtureSampler
from pasture.tokenize.writer import TokenMetadata, write_token_shard
from pasture.trainer.config import PRESETS
from pasture.trainer.metrics import PEAK_FLOPS

CONTEXT_LENGTH, BATCH_SIZE = 2048, 64
STEPS = 50
PROPORTIONS = {"c4": 0.7, "books": 0.2, "arxiv": 0.1}
MEAN_DOCUMENT = 600
MFU = 0.5
FACTS = {"sha256": "0" * 64, "vocab_size": 32_000, "dtype": "uint16", "bos": True, "eos": True}


def documents(tokens: int, seed: int) -> Iterator[pa.RecordBatch]:
    """Yield batches of documents of random ids, in all about so many tokens."""
    rng = np.random.default_rng(seed)
    while tokens > 0:
        lengths = rng.geometric(1 / MEAN_DOCUMENT, 1000).clip(2)
        offsets = np.concatenate(([0], np.cumsum(lengths))).astype(np.int32)
        ids = rng.integers(3, FACTS["vocab_size"], offsets[-1], dtype=np.uint16)
        rows = pa.ListArray.from_arrays(pa.array(offsets), pa.array(ids))
        yield as_batch(rows)
        tokens -= int(offsets[-1])


def as_batch(rows: pa.ListArray) -> pa.RecordBatch:
    """Put columns beside ids, as a shard has them."""
    empty = pa.nulls(len(rows), pa.string())
    names = pa.array([f"document {i}" for i in range(len(rows))])
    return pa.RecordBatch.from_arrays(
        [names, rows, empty, empty, empty], ["id", "tokens", "url", "license", "language"]
    )


def write_source(output: str, source: str, shards: list[list[pa.RecordBatch]]) -> None:
    """Write the token shards of a source, with their manifest."""
    folder = storage.join(output, "tokens", source)
    metadata = TokenMetadata(source, "train", FACTS["sha256"], 32_000, "uint16", bos=True, eos=True)
    records = []
    for index, batches in enumerate(shards):
        name = storage.shard_name("train", index, len(shards), "arrow")
        record = write_token_shard(storage.join(folder, name), batches, metadata)
        records.append({"split": "train", "path": name, "tokens": record.tokens})
    body = {"source": source, "tokenizer": FACTS, "shards": records}
    storage.write_json(storage.join(folder, MANIFEST), body)


def measure_feeding(output: str, tokens: int, rounds: int) -> list[list[str]]:
    """Draw batches from three sources; compare with what a GPU takes."""
    for seed, (source, share) in enumerate(PROPORTIONS.items()):
        write_source(output, source, [list(documents(int(tokens * share), seed))])
    corpus = TokenCorpus.open(output)
    sampler = MixtureSampler(corpus, PROPORTIONS, CONTEXT_LENGTH, BATCH_SIZE, seed=0)
    size = STEPS * BATCH_SIZE * CONTEXT_LENGTH
    fastest(lambda: [stream.read(0, stream.tokens).sum() for stream in corpus.streams.values()], 1)
    taken = fastest(lambda: [sampler.batch(step) for step in range(STEPS)], rounds)
    there_are = sum(corpus.token_counts.values())
    what = f"{STEPS} batches of {BATCH_SIZE} x {CONTEXT_LENGTH} of {there_are:,} tokens"
    taking = MFU * PEAK_FLOPS["H200"] / PRESETS["1b"].model.flops_per_token
    return [
        ["feed", what, f"{size / taken / 1e6:.0f} M tokens/s"],
        [
            f"an H200's step of 1b at {MFU:.0%} MFU",
            f"{taking:,.0f} tokens/s",
            f"{taking * taken / size:.2%} of it to feed",
        ],
    ]


def measure_opening(output: str, shards: int, rounds: int) -> list[list[str]]:
    """Open a corpus of many shards; then read a token of each."""
    one = [as_batch(pa.array([[1, 5, 6, 2]] * 4, pa.list_(pa.uint16())))]
    write_source(output, "books", [one] * shards)

    def open_corpus() -> TokenCorpus:
        return TokenCorpus.open(output)

    def read_all() -> None:
        stream = open_corpus().streams["books"]
        for place in range(0, stream.tokens, 16):
            stream.read(place, place + 1)

    return [
        ["open", f"{shards:,} shards", f"{fastest(open_corpus, rounds):.2f} s"],
        ["open, and map every shard", f"{shards:,} shards", f"{fastest(read_all, rounds):.2f} s"],
    ]


def main() -> None:
    """Read the arguments, measure, and print the table."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n", 1)[0])
    parser.add_argument("--tokens", type=int, default=200_000_000)
    parser.add_argument("--shards", type=int, default=10_000)
    parser.add_argument("--rounds", type=int, default=3)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as feed, tempfile.TemporaryDirectory() as many:
        rows = measure_feeding(feed, options.tokens, options.rounds)
        rows += measure_opening(many, options.shards, options.rounds)
    print(machine())
    print(f"python -m benchmarks.sampler --tokens {options.tokens} --shards {options.shards}\n")
    print(markdown_table(["what", "of", "result"], rows))


if __name__ == "__main__":
    main()
