"""Measures encoding: ours beside the libraries' own batch calls, one thread each, in one run.

    python -m benchmarks.encode_tokens MODEL TEXTS... [--rounds 3] [--long 50]

MODEL is a SentencePiece model; TEXTS are Parquet shards or JSON lines (gzipped or not) with a
``text``, or plain text files, one document each. Every candidate gets the same batches in the same
process, in turn; the fastest round of each counts, in processor time. Ours and SentencePiece's ids
are compared before anything is timed. Hugging Face tokenizers gets the same vocabulary and merges;
how many documents it gives the same ids is printed. At the end, one document without a line break
is encoded at a tenth of its length and at all of it (``--long``, in MB).
"""

from __future__ import annotations

import argparse
import gzip
import json
import os
import pathlib
import time
from collections.abc import Callable, Iterator

import pyarrow as pa
import sentencepiece
import tokenizers

from benchmarks.reporting import machine, markdown_table, peak_memory
from pasture import storage
from pasture.records import MAX_BATCH_BYTES, MAX_BATCH_ROWS
from pasture.tokenize.encode import Encoder


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
    """Time one call, in processor seconds."""
    start = time.process_time()
    work()
    return time.process_time() - start


def hugging_face_twin(processor: sentencepiece.SentencePieceProcessor) -> tokenizers.Tokenizer:
    """Give a SentencePiece BPE model's vocabulary and merges to Hugging Face tokenizers."""
    pieces = processor.id_to_piece(list(range(processor.vocab_size())))
    vocab = {piece: number for number, piece in enumerate(pieces)}
    merges = [
        (processor.get_score(number), vocab[piece[:i]], vocab[piece[i:]])
        for piece, number in vocab.items()
        for i in range(1, len(piece))
        if piece[:i] in vocab and piece[i:] in vocab
    ]
    merges.sort(key=lambda merge: (-merge[0], merge[1], merge[2]))
    model = tokenizers.models.BPE(
        vocab,
        [(pieces[left], pieces[right]) for _, left, right in merges],
        unk_token=pieces[processor.unk_id()],
        fuse_unk=True,
        byte_fallback=True,
    )
    twin = tokenizers.Tokenizer(model)
    twin.normalizer = tokenizers.normalizers.Sequence(
        [
            tokenizers.normalizers.Prepend("\u2581"),
            tokenizers.normalizers.Replace(" ", "\u2581"),
        ]
    )
    return twin


def measure_encoding(model: str, batches: list[pa.Array], rounds: int) -> list[list[str]]:
    """Measure the throughput of each way to encode."""
    theirs = sentencepiece.SentencePieceProcessor(model_file=model)
    twin = hugging_face_twin(theirs)
    warm = Encoder(model, bos=False, eos=False)
    texts = [batch.to_pylist() for batch in batches]
    num_bytes = num_tokens = num_same = 0
    for batch, rows in zip(batches, texts, strict=True):
        ids = warm.encode_batch(batch).to_pylist()
        assert ids == theirs.encode(rows), "the ids differ"
        found = twin.encode_batch_fast(rows, add_special_tokens=False)
        num_same += sum(a.ids == b for a, b in zip(found, ids, strict=True))
        num_tokens += sum(map(len, ids))
        num_bytes += sum(len(text.encode()) for text in rows)
    print(
        f"{num_bytes / 1e6:.1f} MB, {sum(map(len, batches)):,} documents, {num_tokens:,} tokens, "
        f"{num_bytes / num_tokens:.2f} bytes/token; Hugging Face tokenizers gives the same ids to "
        f"{num_same:,} documents\n"
    )

    def cold() -> float:
        """Encode with a model that is loaded but has seen no text."""
        encoder = Encoder(model, bos=False, eos=False)
        return seconds(lambda: [encoder.encode_batch(batch) for batch in batches])

    def loaded_and_cold() -> None:
        encoder = Encoder(model, bos=False, eos=False)
        for batch in batches:
            encoder.encode_batch(batch)

    candidates: dict[str, Callable[[], float]] = {
        "SentencePiece, batch call": lambda: seconds(
            lambda: [theirs.encode(rows, num_threads=1) for rows in texts]
        ),
        "Hugging Face tokenizers, batch call": lambda: seconds(
            lambda: [
                [e.ids for e in twin.encode_batch_fast(rows, add_special_tokens=False)]
                for rows in texts
            ]
        ),
        "Pasture, loading the model too": lambda: seconds(loaded_and_cold),
        "Pasture, empty cache": cold,
        "Pasture, warm cache": lambda: seconds(
            lambda: [warm.encode_batch(batch) for batch in batches]
        ),
    }
    best = dict.fromkeys(candidates, float("inf"))
    for _ in range(rounds):
        for name, work in candidates.items():
            best[name] = min(best[name], work())
    base = best["SentencePiece, batch call"]
    return [
        [name, f"{num_bytes / taken / 1e6:.1f} MB/s", f"{base / taken:.1f}"]
        for name, taken in best.items()
    ]


def measure_long(model: str, batches: list[pa.Array], megabytes: int) -> list[list[str]]:
    """Encode one document of a single line, at a tenth of a length and at all of it."""
    line = " ".join(text for batch in batches for text in batch.to_pylist()).replace("\n", " ")
    line *= 1 + megabytes * 1_000_000 // len(line)
    rows = []
    for size in (megabytes * 100_000, megabytes * 1_000_000):
        text = line[:size]
        encoder = Encoder(model, bos=False, eos=False)
        taken = seconds(lambda: encoder.encode_batch([text]))  # noqa: B023 (called at once)
        length = len(text.encode())
        rows.append(
            [f"{length / 1e6:.1f} MB", f"{taken:.2f} s", f"{length / taken / 1e6:.1f} MB/s"]
        )
    return rows


def main() -> None:
    """Read the arguments, measure, and print the tables."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n", 1)[0])
    parser.add_argument("model")
    parser.add_argument("texts", nargs="+", type=pathlib.Path)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--long", type=int, default=50)
    options = parser.parse_args()
    os.environ["TOKENIZERS_PARALLELISM"] = "false"
    batches = batches_of([text for path in options.texts for text in texts_of(path)])
    print(machine())
    print("python -m benchmarks.encode_tokens MODEL TEXTS..., one thread\n")
    rows = measure_encoding(options.model, batches, options.rounds)
    print(markdown_table(["way", "throughput", "times SentencePiece's"], rows))
    rows = measure_long(options.model, batches, options.long)
    print()
    print(markdown_table(["one document, one line", "processor time", "throughput"], rows))
    print(f"\npeak memory {peak_memory() / 1e6:,.0f} MB")


if __name__ == "__main__":
    main()
