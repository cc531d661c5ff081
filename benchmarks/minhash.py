"""MinHash signatures: Pasture beside datasketch, datatrove's kernel, rensa and gaoya.

    python -m benchmarks.minhash FILE [FILE ...]

Cuts the text files into documents of about 2,000 characters, and makes signatures of 128
permutations over word 5-grams with each candidate: interleaved rounds in one process, the best
processor time of them kept. rensa and gaoya are measured where they are installed. gaoya makes
shingles by itself, and its time includes its index, which it does not make signatures without.
"""

from __future__ import annotations

import importlib.util
import pathlib
import sys
import time
from collections.abc import Callable

import numpy as np
import pyarrow as pa
import xxhash

from benchmarks.reporting import machine, markdown_table
from pasture.dedup.minhash import permutations, signatures
from pasture.dedup.shingles import shingle, slices

PERMUTATIONS, N, ROUNDS = 128, 5, 3
DOCUMENT, TOTAL = 2000, 4_000_000
MERSENNE = np.uint64((1 << 61) - 1)


def documents(paths: list[str]) -> list[str]:
    text = "".join(pathlib.Path(path).read_text("utf-8", "replace") for path in paths)
    while len(text) < TOTAL:
        text += text
    return [text[start : start + DOCUMENT] for start in range(0, TOTAL, DOCUMENT)]


def string_shingles(text: str) -> set[str]:
    words = text.lower().split()
    return {" ".join(words[i : i + N]) for i in range(max(1, len(words) - N + 1))}


def pasture(texts: list[str]) -> None:
    factors, offsets = permutations(PERMUTATIONS, 1)
    for start in range(0, len(texts), 1024):
        for part in slices(pa.array(texts[start : start + 1024])):
            signatures(shingle(part, "words", N), factors, offsets)


def with_datasketch(texts: list[str]) -> None:
    import datasketch

    permuted = datasketch.MinHash(PERMUTATIONS, scheme="affine32").permutations
    for text in texts:
        minhash = datasketch.MinHash(PERMUTATIONS, scheme="affine32", permutations=permuted)
        minhash.update_batch([piece.encode() for piece in string_shingles(text)])


def numpy_mersenne(texts: list[str]) -> None:
    """The arithmetic that datatrove uses: xxhash of each shingle, modulo 2^61 - 1."""
    random = np.random.RandomState(1)
    factors, offsets = random.randint(1, int(MERSENNE), (2, PERMUTATIONS), dtype=np.uint64)
    for text in texts:
        hashes = [xxhash.xxh32_intdigest(piece.encode()) for piece in string_shingles(text)]
        column = np.array(hashes, np.uint64)[:, None]
        ((column * factors + offsets) % MERSENNE & np.uint64(0xFFFFFFFF)).min(axis=0)


def with_rensa(texts: list[str]) -> None:
    from rensa import RMinHash

    for text in texts:
        minhash = RMinHash(num_perm=PERMUTATIONS, seed=42)
        minhash.update(list(string_shingles(text)))
        minhash.digest()


def with_gaoya(texts: list[str]) -> None:
    from gaoya.minhash import MinHashStringIndex

    index = MinHashStringIndex(32, 0.8, PERMUTATIONS // 8, 8, None, "word", True, (N, N))
    for number, text in enumerate(texts):
        index.insert_document(number, text)


def main(paths: list[str]) -> None:
    texts = documents(paths)
    candidates: dict[str, Callable[[list[str]], None]] = {
        "pasture": pasture,
        "datasketch update_batch": with_datasketch,
        "numpy mod 2^61-1, xxhash": numpy_mersenne,
    }
    if importlib.util.find_spec("rensa"):
        candidates["rensa RMinHash"] = with_rensa
    if importlib.util.find_spec("gaoya"):
        candidates["gaoya insert_document"] = with_gaoya
    best = dict.fromkeys(candidates, float("inf"))
    for _ in range(ROUNDS):
        for name, candidate in candidates.items():
            start = time.process_time()
            candidate(texts)
            best[name] = min(best[name], time.process_time() - start)
    megabytes = sum(len(text.encode()) for text in texts) / 1e6
    print(f"{machine()}\n")
    print(f"{len(texts)} documents, {megabytes:.1f} MB, {PERMUTATIONS} permutations, {N} words\n")
    rows = [
        (name, f"{megabytes / seconds:.1f}", f"{len(texts) / seconds:,.0f}")
        for name, seconds in best.items()
    ]
    print(markdown_table(("", "MB/s", "documents/s"), rows))


if __name__ == "__main__":
    if len(sys.argv) < 2:
        sys.exit(__doc__)
    main(sys.argv[1:])
