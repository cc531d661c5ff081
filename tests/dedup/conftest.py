"""Running a search for duplicates over shards of literal texts."""

from __future__ import annotations

import pathlib
import pickle
import tempfile
from collections.abc import Callable, Sequence
from typing import Any

import apache_beam as beam
import pytest
from apache_beam.options.pipeline_options import PipelineOptions

from pasture import storage
from pasture.records import DOCUMENT_SCHEMA, Document, to_batches

FN_API_RUNNER = "apache_beam.runners.portability.fn_api_runner.FnApiRunner"

Shards = Sequence[Sequence[Any]]
Search = Callable[..., dict[int, Any]]


def write_shards(folder: pathlib.Path, shards: Shards) -> list[tuple[int, str]]:
    """Write texts, or documents, as shards; give ``(index, path)`` of each."""
    paths = []
    for index, rows in enumerate(shards):
        documents = [
            row if isinstance(row, Document) else Document(f"{index}-{number}", "test", row)
            for number, row in enumerate(rows)
        ]
        path = str(folder / storage.shard_name("documents", index, len(shards)))
        with storage.atomic_parquet(path, DOCUMENT_SCHEMA) as writer:
            for batch in to_batches(documents):
                writer.write_batch(batch)
        paths.append((index, path))
    return paths


def run_search(
    transform: beam.PTransform,
    paths: list[tuple[int, str]],
    folder: pathlib.Path,
    options: Sequence[str] = (),
) -> dict[int, Any]:
    """Run a search on the local runner; give what it found, by shard."""
    results = pathlib.Path(tempfile.mkdtemp(dir=folder))
    with beam.Pipeline(runner=FN_API_RUNNER, options=PipelineOptions(list(options))) as pipeline:
        (
            pipeline
            | "Shards" >> beam.Create(paths, reshuffle=bool(options))
            | "Find" >> transform
            | "Save"
            # A lambda, since a worker process cannot import this module.
            >> beam.MapTuple(
                lambda shard, found: (results / f"{shard}.pickle").write_bytes(pickle.dumps(found))
            )
        )
    return {int(path.stem): pickle.loads(path.read_bytes()) for path in results.iterdir()}


@pytest.fixture
def search(tmp_path: pathlib.Path) -> Search:
    """Write shards of texts or documents and search them; gives what was found, by shard."""

    def find(
        transform: beam.PTransform, shards: Shards, options: Sequence[str] = ()
    ) -> dict[int, Any]:
        folder = pathlib.Path(tempfile.mkdtemp(dir=tmp_path))
        found = run_search(transform, write_shards(folder, shards), folder, options)
        return {shard: part.to_list() for shard, part in sorted(found.items())}

    return find


@pytest.fixture
def write() -> Callable[..., list[tuple[int, str]]]:
    """Write shards of texts or documents to a folder; gives their indices and paths."""
    return write_shards


@pytest.fixture
def run() -> Search:
    """Run a search over shards that are written; gives what was found, by shard."""
    return run_search
