"""One near-duplicate search with one tool, for ``benchmarks.dedup peers``.

    python -m benchmarks.dedup_peers TOOL DOCUMENTS OUTPUT

Reads the Parquet shards of a folder, drops near duplicates and writes what stays as Parquet, on
one core: 5-grams of words, 112 permutations, 14 bands of 8 rows (FineWeb's). Prints, as JSON,
the seconds and processor seconds from after the imports to the end, and the memory.

Pasture and datatrove work through shards and files, as they do on a cluster. The others are
libraries: a loop asks the index for each document, drops it if the index has a like one, and else
inserts it; the index lies in memory. gaoya shingles by itself, for rensa and datasketch Python
does. Pasture verifies candidates by their n-grams, gaoya by its signatures; the others do not.
"""

from __future__ import annotations

import json
import pathlib
import sys
import time
from collections.abc import Callable

import pyarrow.parquet as pq

from benchmarks.reporting import peak_memory

BANDS, ROWS, N = 14, 8, 5
PERMUTATIONS = BANDS * ROWS
SIMILARITY = 0.8

IsNew = Callable[[int, str], bool]
Search = Callable[[str, str], None]


def pasture() -> Search:
    from benchmarks.dedup import run_stages
    from pasture.dedup.near import NearDuplicates

    config = NearDuplicates(
        num_permutations=PERMUTATIONS, bands=BANDS, rows=ROWS, min_similarity=SIMILARITY
    )

    def search(documents: str, output: str) -> None:
        run_stages(documents, output, {"near": config})

    return search


def datatrove() -> Search:
    from datatrove.executor.local import LocalPipelineExecutor
    from datatrove.pipeline import dedup
    from datatrove.pipeline.dedup.minhash import MinhashConfig
    from datatrove.pipeline.readers import ParquetReader
    from datatrove.pipeline.writers import ParquetWriter
    from datatrove.utils.hashing import HashConfig
    from datatrove.utils.logging import logger

    logger.remove()
    hashes = HashConfig(precision=64)
    config = MinhashConfig(n_grams=N, num_buckets=BANDS, hashes_per_bucket=ROWS, hash_config=hashes)

    def search(documents: str, output: str) -> None:
        work = f"{output}-work"
        tasks = len(list(pathlib.Path(documents).iterdir()))
        signature = dedup.MinhashDedupSignature(
            output_folder=f"{work}/signatures", config=config, language="eng"
        )
        buckets = dedup.MinhashDedupBuckets(
            input_folder=f"{work}/signatures", output_folder=f"{work}/buckets", config=config
        )
        cluster = dedup.MinhashDedupCluster(
            input_folder=f"{work}/buckets", output_folder=f"{work}/remove", config=config
        )
        drop = dedup.MinhashDedupFilter(input_folder=f"{work}/remove")
        reader = ParquetReader(documents)
        stages = [
            ([reader, signature], tasks),
            ([buckets], BANDS),
            ([cluster], 1),
            ([reader, drop, ParquetWriter(output, compression="zstd")], tasks),
        ]
        for number, (steps, size) in enumerate(stages):
            logs = f"{work}/logs-{number}"
            LocalPipelineExecutor(pipeline=steps, tasks=size, workers=1, logging_dir=logs).run()

    return search


def datasketch() -> Search:
    from datasketch import MinHash, MinHashLSH

    index = MinHashLSH(num_perm=PERMUTATIONS, params=(BANDS, ROWS))
    permutations = MinHash(PERMUTATIONS, scheme="affine32").permutations

    def is_new(number: int, text: str) -> bool:
        minhash = MinHash(PERMUTATIONS, scheme="affine32", permutations=permutations)
        minhash.update_batch([shingle.encode() for shingle in shingles(text)])
        if index.query(minhash):
            return False
        index.insert(number, minhash, check_duplication=False)
        return True

    return loop(is_new)


def rensa() -> Search:
    from rensa import RMinHash, RMinHashLSH

    index = RMinHashLSH(threshold=SIMILARITY, num_perm=PERMUTATIONS, num_bands=BANDS)

    def is_new(number: int, text: str) -> bool:
        minhash = RMinHash(num_perm=PERMUTATIONS, seed=42)
        minhash.update(shingles(text))
        if index.query(minhash):
            return False
        index.insert(number, minhash)
        return True

    return loop(is_new)


def gaoya() -> Search:
    from gaoya.minhash import MinHashStringIndex

    index = MinHashStringIndex(32, SIMILARITY, BANDS, ROWS, None, "word", True, (N, N))

    def is_new(number: int, text: str) -> bool:
        if index.query(text):
            return False
        index.insert_document(number, text)
        return True

    return loop(is_new)


TOOLS: dict[str, Callable[[], Search]] = {
    "pasture": pasture,
    "datatrove": datatrove,
    "datasketch": datasketch,
    "rensa": rensa,
    "gaoya": gaoya,
}


def shingles(text: str) -> list[str]:
    """The distinct n-grams of a text, lower-cased."""
    words = text.lower().split()
    return list({" ".join(words[i : i + N]) for i in range(max(1, len(words) - N + 1))})


def loop(is_new: IsNew) -> Search:
    """Search with an index in memory, document by document."""

    def search(documents: str, output: str) -> None:
        pathlib.Path(output).mkdir()
        numbers = iter(range(sys.maxsize))
        for path in sorted(pathlib.Path(documents).iterdir()):
            with pq.ParquetWriter(
                f"{output}/{path.name}", pq.read_schema(path), compression="zstd"
            ) as writer:
                for batch in pq.ParquetFile(path).iter_batches(batch_size=1000):
                    texts = batch["text"].to_pylist()
                    kept = [is_new(next(numbers), text) for text in texts]
                    writer.write_batch(batch.filter(kept))

    return search


def main() -> None:
    """Search with one tool, and tell what it took."""
    tool, documents, output = sys.argv[1:]
    search = TOOLS[tool]()
    start, cpu, memory = time.perf_counter(), time.process_time(), peak_memory()
    search(documents, output)
    told = {
        "seconds": time.perf_counter() - start,
        "cpu": time.process_time() - cpu,
        "memory": peak_memory(),
        "grown": peak_memory() - memory,
        "kept": sum(
            pq.read_metadata(path).num_rows
            for path in pathlib.Path(output).rglob("*.parquet")
            if not path.name.startswith("dropped")
        ),
    }
    print(json.dumps(told))


if __name__ == "__main__":
    main()
