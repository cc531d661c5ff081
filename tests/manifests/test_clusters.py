"""Clusters of duplicates, read from what the stages dropped."""

from __future__ import annotations

import dataclasses
import pathlib

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from pasture import storage
from pasture.manifests import clusters
from pasture.manifests.clusters import CLUSTERS_SCHEMA, largest_clusters, write_clusters
from pasture.manifests.shards import ShardRecord, StageManifest
from pasture.records import (
    DOCUMENT_SCHEMA,
    DROPPED_SCHEMA,
    Document,
    documents_to_batch,
    to_metadata,
)

# What each shard of the deduplication dropped: an id, and the address of what stays for it.
DROPPED = [
    [("a1", {"shard": 0, "row": 1}), ("a2", {"shard": 1, "row": 0})],
    [("b1", {"shard": 0, "row": 1}), ("b2", {"shard": 0, "row": 1})],
    [
        ("c1", {"shard": 1, "row": 0}),
        ("c2", {"source": "books", "stage": "10-near", "shard": 0, "row": 0}),
        ("c3", {"source": "c4", "stage": "20-exact", "shard": 5, "row": 7, "index": "old"}),
        ("c4", None),
    ],
]


def write(path: pathlib.Path, ids: list[str], schema=DOCUMENT_SCHEMA, metadata=None) -> None:
    rows = [
        Document(name, "c4", f"Text  of\n{name}.", metadata=note)
        for name, note in zip(ids, metadata or [None] * len(ids), strict=True)
    ]
    batch = documents_to_batch(rows).to_pylist()
    with storage.atomic_parquet(str(path), schema) as writer:
        for row in batch:  # a row group each
            writer.write_batch(pa.RecordBatch.from_pylist([row], schema))


def stage(root: pathlib.Path, source: str, name: str, kept: list[list[str]]) -> pathlib.Path:
    """Write a stage; return its audit folder."""
    folder, audit = root / "documents" / source / name, root / "audit" / source / name
    shards = []
    for index, ids in enumerate(kept):
        write(folder / f"documents-{index}.parquet", ids)
        shards.append(
            ShardRecord(
                index=index,
                path=f"documents-{index}.parquet",
                rows_in=len(ids),
                rows=len(ids),
                bytes_in=0,
                text_bytes=0,
                bytes=0,
                sha256="",
                dropped_path=f"dropped-{index}.parquet",
                dropped_sha256="",
                dropped={},
                edited={},
            )
        )
    StageManifest(source, name, "f", {"steps": []}, {}, tuple(shards)).write(str(audit))
    return audit


@pytest.fixture
def deduplicated(tmp_path) -> StageManifest:
    stage(tmp_path, "c4", "10-language", [["k00", "k01"], ["k10"], ["k20"]])
    stage(tmp_path, "books", "10-near", [["book"]])
    audit = stage(tmp_path, "c4", "20-exact", [["x"], ["y"], ["z"]])
    for index, rows in enumerate(DROPPED):
        notes = [
            to_metadata(duplicate_of=of, similarity=0.5 if of else None, other=1) for _, of in rows
        ]
        write(audit / f"dropped-{index}.parquet", [n for n, _ in rows], DROPPED_SCHEMA, notes)
    return dataclasses.replace(
        StageManifest.load(str(audit)),
        config={"exact_duplicates": {}},
        upstream={"documents/c4/10-language": "h", "documents/books/10-near": "h"},
    )


def test_lists_the_largest_clusters_first(tmp_path, deduplicated):
    found = largest_clusters(str(tmp_path), deduplicated)
    assert [(c.size, c.id, c.text) for c in found] == [
        (3, "k01", "Text of k01."),
        (2, "k10", "Text of k10."),
        (1, "book", "Text of book."),
        (1, None, ""),
    ]
    assert found[3].place == "c4/20-exact, shard 5, row 7"
    assert largest_clusters(str(tmp_path), deduplicated, 1) == found[:1]


@pytest.mark.parametrize("most", [1, 3, 100])
def test_writes_every_duplicate_with_what_was_kept(tmp_path, deduplicated, monkeypatch, most):
    monkeypatch.setattr(clusters, "MAX_KEPT_IDS", most)
    path = str(tmp_path / "clusters.parquet")
    assert write_clusters(str(tmp_path), [deduplicated], path) == 7
    table = pq.read_table(path)
    assert table.schema.equals(CLUSTERS_SCHEMA)
    pairs = {row["id"]: (row["kept_id"], row["kept_source"]) for row in table.to_pylist()}
    assert pairs == {
        "a1": ("k01", "c4"),
        "a2": ("k10", "c4"),
        "b1": ("k01", "c4"),
        "b2": ("k01", "c4"),
        "c1": ("k10", "c4"),
        "c2": ("book", "books"),
        "c3": (None, "c4"),
    }
    assert [row["kept_index"] for row in table.to_pylist() if row["id"] in ("a1", "c3")] == [
        None,
        "old",
    ]
