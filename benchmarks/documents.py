r"""Measure how fast documents are read, beside the bare libraries.

    python -m benchmarks.documents [--documents 20000] [--rounds 3]

Writes files of made texts (4 kB on average, an id, a URL, a date and a nested score) and reads each
with the source ``documents``, with the format's bare library to Python values, and with
``datasets`` in streaming mode. CPU time of one process, without imports and writing; of each
candidate the fastest round. MB are of text.
"""

from __future__ import annotations

import argparse
import gzip
import json
import pathlib
import random
import tempfile
from collections.abc import Iterable, Iterator

import pyarrow as pa
import pyarrow.parquet as pq
from backports import zstd

from benchmarks.reporting import fastest, machine, markdown_table
from pasture.records import Document
from pasture.sources.documents.source import Documents


def make_rows(count: int) -> list[dict[str, object]]:
    """Make documents; equal ones each time."""
    chance = random.Random(0)
    words = [f"word{i}" for i in range(20_000)]
    return [
        {
            "text": " ".join(chance.choices(words, k=int(chance.expovariate(1 / 450)) + 1)),
            "id": f"<urn:uuid:{i:032x}>",
            "metadata": {
                "url": f"https://host{i % 997}.example/{i}",
                "date": "2024-02-21T00:00:00Z",
                "score": chance.random(),
            },
        }
        for i in range(count)
    ]


def write(folder: pathlib.Path, rows: list[dict[str, object]]) -> list[pathlib.Path]:
    """Write the documents in every format that is measured."""
    lines = b"".join(json.dumps(row).encode() + b"\n" for row in rows)
    (folder / "x.jsonl").write_bytes(lines)
    (folder / "x.jsonl.gz").write_bytes(gzip.compress(lines, 6))
    (folder / "x.jsonl.zst").write_bytes(zstd.compress(lines, 3))
    table = pa.Table.from_pylist(rows)
    pq.write_table(table, folder / "x.parquet", compression="zstd")
    with pa.ipc.new_stream(str(folder / "x.arrow"), table.schema) as writer:
        writer.write_table(table, max_chunksize=1000)
    return sorted(folder.iterdir())


def pasture(path: pathlib.Path) -> Iterator[Document]:
    """Read with the source."""
    source = Documents(inputs=(str(path),))
    for shard in source.shards():
        for record in source.read(shard):
            assert isinstance(record, Document)
            yield record


def bare(path: pathlib.Path) -> Iterable[object]:
    """Read with the format's library, to Python values."""
    if path.suffix == ".parquet":
        batches = pq.ParquetFile(path).iter_batches(1024, use_threads=False)
        return (row for batch in batches for row in batch.to_pylist())
    if path.suffix == ".arrow":
        return (row for batch in pa.ipc.open_stream(str(path)) for row in batch.to_pylist())
    opened = {".gz": gzip.open, ".zst": zstd.open}.get(path.suffix, open)
    return map(json.loads, opened(path, "rb"))


def with_datasets(path: pathlib.Path) -> Iterable[object]:
    """Read with ``datasets``, streaming."""
    import datasets

    kind = {".parquet": "parquet", ".arrow": "arrow"}.get(path.suffix, "json")
    return datasets.load_dataset(kind, data_files=str(path), split="train", streaming=True)


def main() -> None:
    """Measure, and print a table."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n", 1)[0])
    parser.add_argument("--documents", type=int, default=20_000)
    parser.add_argument("--rounds", type=int, default=3)
    options = parser.parse_args()
    rows = make_rows(options.documents)
    megabytes = sum(len(str(row["text"])) for row in rows) / 1e6
    candidates = {"documents": pasture, "bare library": bare, "datasets": with_datasets}
    table = []
    with tempfile.TemporaryDirectory() as folder:
        for path in write(pathlib.Path(folder), rows):
            speeds = []
            for read in candidates.values():
                assert sum(1 for _ in read(path)) == len(rows)
                seconds = fastest(lambda read=read, path=path: list(read(path)), options.rounds)
                speeds.append(f"{megabytes / seconds:,.0f}")
            table.append((path.name, *speeds))
    print(f"{machine()}; {megabytes:,.0f} MB of text, MB/s of CPU time\n")
    print(markdown_table(["file", *candidates], table))


if __name__ == "__main__":
    main()
