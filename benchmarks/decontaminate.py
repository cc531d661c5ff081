"""Decontamination: the step beside a loop over n-grams in a Python set.

Usage: python -m benchmarks.decontaminate ITEMS FILE [FILE ...]

Cuts the text files into documents of about 2,000 characters, and the file ITEMS into evaluation
items of about 400; every hundredth document gets an item. Both candidates drop documents that share
13 words with an item: interleaved rounds in one process, processor time, the best round of each.
"""

from __future__ import annotations

import json
import pathlib
import sys
import tempfile
import time
from collections.abc import Callable

from benchmarks.reporting import machine, markdown_table
from pasture.filters.decontaminate import Decontaminate, EvaluationSet
from pasture.records import Document, to_batches

N, ROUNDS = 13, 3


def read(path: str) -> str:
    return pathlib.Path(path).read_text("utf-8", "replace")


def cut(text: str, size: int) -> list[str]:
    return [text[start : start + size] for start in range(0, len(text), size)]


def plain_words(text: str) -> list[str]:
    words = ("".join(filter(str.isalnum, word)) for word in text.casefold().split())
    return [word for word in words if word]


def n_grams(text: str, n: int) -> set[tuple[str, ...]]:
    words = plain_words(text)
    return {tuple(words[i : i + n]) for i in range(len(words) - n + 1)}


def main(items_path: str, *paths: str) -> None:
    items = cut(read(items_path), 400)
    documents = cut("".join(map(read, paths)), 2000)
    for number in range(0, len(documents), 100):
        documents[number] += " " + items[number % len(items)]
    batches = list(to_batches(Document(str(i), "c4", text) for i, text in enumerate(documents)))
    grams = {gram for item in items for gram in n_grams(item, N)}

    with tempfile.TemporaryDirectory() as folder:
        path = pathlib.Path(folder, "items.jsonl")
        path.write_text("\n".join(json.dumps({"text": item}) for item in items))
        sets = {"items": EvaluationSet((str(path),), ("text",))}
        step = Decontaminate(sets=sets, ngram=N, min_ngram=N)
        every = Decontaminate(sets=sets)
        candidates: dict[str, Callable[[], list[bool]]] = {
            "Python set of tuples": lambda: [
                not grams.isdisjoint(n_grams(t, N)) for t in documents
            ],
            "Pasture, n-grams of 13": lambda: found(step, batches),
            "Pasture, n-grams of 8 to 13": lambda: found(every, batches),
        }
        step.setup()
        every.setup()
        best = dict.fromkeys(candidates, float("inf"))
        results = {}
        for _ in range(ROUNDS):
            for name, run in candidates.items():
                start = time.process_time()
                results[name] = run()
                best[name] = min(best[name], time.process_time() - start)
    first, second, _ = results.values()
    assert first == second
    size = sum(len(text.encode()) for text in documents) / 1e6
    print(machine())
    print(f"\n{size:.1f} MB, {len(documents):,} documents, {len(items):,} items\n")
    rows = [
        (name, sum(results[name]), f"{size / taken:.1f}", f"{best[next(iter(best))] / taken:.1f}")
        for name, taken in best.items()
    ]
    print(markdown_table(["", "dropped", "MB/s", "times the first"], rows))


def found(step: Decontaminate, batches: list) -> list[bool]:
    return [r is not None for batch in batches for r in step.reasons(batch).to_pylist()]


if __name__ == "__main__":
    main(*sys.argv[1:])
