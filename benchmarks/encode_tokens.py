"""Measures encoding and sampling: ours beside SentencePiece's own batch call, in one run.

    python -m benchmarks.encode_tokens MODEL TEXTS... [--rounds 3]

MODEL is a SentencePiece model; TEXTS are Parquet shards or JSON lines (gzipped or not) with a
``text``, or plain text files, one document each. Every candidate gets the same batches in the same
process, in turn; the fastest round counts. The ids are compared before anything is timed. Run it
pinned to one core (``taskset -c 0``) where others use the machine.
"""

from __future__ import annotations

import argparse
import gzip
import json
import pathlib
import tempfile
import time
from collections.abc import Callable, Iterator

import pyarrow as pa
import sentencepiece

from pasture import storage
from pasture.records import MAX_BATCH_BYTES, MAX_BATCH_ROWS
from pasture.tokenize.encode import Encoder
from pasture.tokenize.reader import TokenCorpus
from pasture.tokenize.sampler import MixtureSampler
from pasture.tokenize.writer import TokenMetadata, write_token_shard

CONTEXT_LENGTH, BATCH_SIZE, STEPS = 2048, 64, 50


def texts_of(path: pathlib.Path) -> Iterator[str]:
    """Yield the documents of a file."""
    if path.suffix == ".parquet":
        for batch in storage.read_batches(str(path), ["text"]):
            yield from batch["text"].to_pylist()
    elif ".json" in path.suffixes or ".jsonl" in path.suffixes:
        with gzip.open(path, "rt") if path.suffix == ".gz" else path.open() as lines:
            yield from (json.loads(line)["text"] for line in lines)
    else:
        yield path.read_text(errors="replace")


def batches_of(texts: list[str]) -> list[pa.Array]:
    """Group texts as the pipeline does."""
    batches: list[list[str]] = [[]]
    size = 0
    for text in texts:
        if len(batches[-1]) == MAX_BATCH_ROWS or size > MAX_BATCH_BYTES:
            batches.append([])
            size = 0
        batches[-1].append(text)
        size += len(text)
    return [pa.array(batch, pa.string()) for batch in batches]


def seconds(work: Callable[[], object]) -> float:
    """Time one call."""
    start = time.perf_counter()
    work()
    return time.perf_counter() - start


def measure_encoding(model: str, batches: list[pa.Array], rounds: int) -> None:
    """Print the throughput of each way to encode."""
    theirs = sentencepiece.SentencePieceProcessor(model_file=model)
    warm = Encoder(model, bos=False, eos=False)
    num_tokens = 0
    for batch in batches:
        ids = warm.encode_batch(batch).to_pylist()
        assert ids == theirs.encode(batch.to_pylist()), "the ids differ"
        num_tokens += sum(map(len, ids))
    num_bytes = sum(len(text.as_py().encode()) for batch in batches for text in batch)
    print(
        f"{num_bytes / 1e6:.1f} MB, {num_tokens} tokens, {num_bytes / num_tokens:.2f} bytes/token"
    )

    def cold() -> None:
        encoder = Encoder(model, bos=False, eos=False)
        for batch in batches:
            encoder.encode_batch(batch)

    candidates: dict[str, Callable[[], object]] = {
        "sentencepiece, lists": lambda: [
            theirs.encode(b.to_pylist(), num_threads=1) for b in batches
        ],
        "pasture, empty cache": cold,
        "pasture, warm cache": lambda: [warm.encode_batch(batch) for batch in batches],
    }
    best = dict.fromkeys(candidates, float("inf"))
    for _ in range(rounds):
        for name, work in candidates.items():
            best[name] = min(best[name], seconds(work))
    base = best["sentencepiece, lists"]
    for name, taken in best.items():
        print(f"{name:22} {num_bytes / taken / 1e6:7.1f} MB/s {base / taken:6.1f} x")


def measure_sampling(model: str, batches: list[pa.Array]) -> None:
    """Print how fast the sampler feeds a trainer from the page cache."""
    encoder = Encoder(model)
    with tempfile.TemporaryDirectory() as output:
        folder = storage.join(output, "tokens", "texts")
        columns = ("url", "license", "language")
        rows = (
            pa.RecordBatch.from_pydict(
                {
                    "id": pa.array([str(i) for i in range(len(batch))]),
                    "tokens": encoder.encode_batch(batch),
                    **{name: pa.nulls(len(batch), pa.string()) for name in columns},
                }
            )
            for batch in batches
        )
        metadata = TokenMetadata.of(encoder, "texts", "train")
        record = write_token_shard(storage.join(folder, "train.arrow"), rows, metadata)
        manifest = {
            "source": "texts",
            "tokenizer": {"sha256": encoder.sha256, "dtype": encoder.dtype},
            "shards": [{"path": "train.arrow", "split": "train", "tokens": record.tokens}],
        }
        storage.write_json(storage.join(folder, "MANIFEST.json"), manifest)
        corpus = TokenCorpus.open(output)
        sampler = MixtureSampler(corpus, {"texts": 1.0}, CONTEXT_LENGTH, BATCH_SIZE, seed=0)
        sampler.batch(0)
        taken = seconds(lambda: [sampler.batch(step) for step in range(STEPS)])
    tokens = STEPS * BATCH_SIZE * CONTEXT_LENGTH
    print(f"{'sampler':22} {tokens / taken / 1e6:7.1f} M tokens/s")


def main() -> None:
    """Read the arguments and measure."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n", 1)[0])
    parser.add_argument("model")
    parser.add_argument("texts", nargs="+", type=pathlib.Path)
    parser.add_argument("--rounds", type=int, default=3)
    options = parser.parse_args()
    batches = batches_of([text for path in options.texts for text in texts_of(path)])
    measure_encoding(options.model, batches, options.rounds)
    measure_sampling(options.model, batches)


if __name__ == "__main__":
    main()
