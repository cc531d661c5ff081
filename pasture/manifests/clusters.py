"""Clusters of duplicates: a document that stays, and those that were dropped for it.

A dropped duplicate's metadata names the document that stays for it. That one is never dropped by
the same stage, so a cluster is read off as it is: no chain of duplicates has to be followed.
"""

from __future__ import annotations

import collections
import dataclasses
import itertools
import json
from collections.abc import Iterator, Sequence
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from pasture import config, storage
from pasture.errors import StageError
from pasture.manifests.layout import DOCUMENTS, Places, documents_key, places
from pasture.manifests.outputs import Output
from pasture.manifests.shards import StageManifest

CLUSTERS_SCHEMA = pa.schema(
    [
        pa.field("source", pa.string(), nullable=False),
        pa.field("stage", pa.string(), nullable=False),
        pa.field("id", pa.string(), nullable=False),
        pa.field("similarity", pa.float32(), nullable=False),
        pa.field("kept_id", pa.string()),
        pa.field("kept_source", pa.string(), nullable=False),
        pa.field("kept_stage", pa.string(), nullable=False),
        pa.field("kept_shard", pa.int32(), nullable=False),
        pa.field("kept_row", pa.int64(), nullable=False),
        pa.field("kept_index", pa.string()),
    ]
)
MAX_KEPT_IDS = 10_000_000
"""Ids of kept documents that are held at once, to look them up; ours, about a gigabyte."""
MAX_LINES = 1_000_000
"""Removed lines that are counted, for an error; ours."""

Ints = npt.NDArray[np.int64]


@dataclasses.dataclass(frozen=True, order=True)
class KeptFile:
    """Where a kept document is: a shard of a stage, or of a stage that an index stands for."""

    source: str
    stage: str
    shard: int
    index: str = ""


class Duplicate(NamedTuple):
    """A dropped document, and the one that stays for it."""

    id: str
    kept: KeptFile
    row: int
    similarity: float


@dataclasses.dataclass(frozen=True)
class Cluster:
    """A document that stays, with the number of those that were dropped for it.

    Args:
        source: Registry name of the source that was deduplicated.
        stage: The stage that dropped them.
        size: How many were dropped.
        kept: The file of the document that stays.
        row: Its row there.
        id: Its id; None where it is known from an index only.
        text: The first words of its text.
    """

    source: str
    stage: str
    size: int
    kept: KeptFile
    row: int
    id: str | None
    text: str

    @property
    def place(self) -> str:
        """Where the document that stays is, for people."""
        kept = self.kept
        return f"{kept.source}/{kept.stage}, shard {kept.shard}, row {self.row}"


def is_deduplication(stage: StageManifest) -> bool:
    """Tell whether a stage dropped duplicates."""
    return not {"steps", "options"} & set(stage.config)


def deduplications(
    output: Output, source: str | None = None, stage: str | None = None
) -> list[StageManifest]:
    """The finished deduplications of an output, or of one source, or those with a stage's name.

    Raises:
        StageError: There is no such source or stage.
    """
    found = list(filter(is_deduplication, output.stages(source)))
    if stage is None:
        return found
    names = {manifest.stage for manifest in found}
    try:
        config.one_of(stage, names, output.root, "deduplication")
    except ValueError as error:
        raise StageError(str(error)) from error
    return [manifest for manifest in found if manifest.stage == stage]


def duplicates(root: str, stage: StageManifest, shard: int) -> Iterator[Duplicate]:
    """Yield the duplicates that a shard of a stage dropped.

    Args:
        root: The output of the run.
        stage: The stage; its manifest need not be written yet.
        shard: Number of the shard.
    """
    audit = _places(root, stage.source, stage.stage).audit
    path = storage.join(audit, stage.shards[shard].dropped_path)
    own = documents_key(stage.source, "")
    (searched,) = (key[len(own) :] for key in stage.upstream if key.startswith(own))
    for name, metadata in storage.read_rows(path, ["id", "metadata"]):
        note = json.loads(metadata or "{}")
        of = note.get("duplicate_of")
        if of is not None:
            source, kept_stage = of.get("source", stage.source), of.get("stage", searched)
            kept = KeptFile(source, kept_stage, of["shard"], of.get("index", ""))
            yield Duplicate(name, kept, of["row"], note["similarity"])


def largest_clusters(root: str, stage: StageManifest, count: int = 10) -> list[Cluster]:
    """Find the clusters of a stage with the most dropped documents, the largest first.

    Holds one counter for each document of the stage that was searched.
    """
    sizes: dict[KeptFile, Ints] = {}
    for shard in stage.shards:
        rows: dict[KeptFile, list[int]] = collections.defaultdict(list)
        for duplicate in duplicates(root, stage, shard.index):
            rows[duplicate.kept].append(duplicate.row)
        for kept, found in rows.items():
            sizes[kept] = _add(sizes.get(kept), np.bincount(found))
    ordered = sorted(
        (-int(counts[row]), kept, int(row))
        for kept, counts in sizes.items()
        for row in np.argsort(-counts, kind="stable")[:count]
        if counts[row]
    )
    return [
        Cluster(stage.source, stage.stage, -size, kept, row, *_read_kept(root, kept, row))
        for size, kept, row in ordered[:count]
    ]


def frequent_lines(root: str, stage: StageManifest, count: int = 10) -> list[tuple[str, int]]:
    """Find the lines, or parts of lines, that a stage removed most often, and how often.

    Looks at the first ``MAX_LINES`` that its audit keeps.
    """
    counts = collections.Counter(itertools.islice(_removed_lines(root, stage), MAX_LINES))
    return sorted(counts.items(), key=lambda item: (-item[1], item[0]))[:count]


def _removed_lines(root: str, stage: StageManifest) -> Iterator[str]:
    """Yield the start of each line that went, also of documents that went as a whole."""
    folder = _places(root, stage.source, stage.stage).audit
    for shard in stage.shards:
        for name in filter(None, (shard.dropped_path, shard.lines_path)):
            for (text,) in storage.read_rows(storage.join(folder, name), ["text"]):
                for line in filter(str.strip, text.split("\n")):
                    yield " ".join(line[:200].split())[:80]


def write_clusters(root: str, stages: Sequence[StageManifest], path: str) -> int:
    """Write the duplicates that stages dropped as Parquet, one row each; return how many.

    Kept ids are looked up in groups of files, so that memory does not grow with the corpus.
    """
    written = 0
    with storage.atomic_parquet(path, CLUSTERS_SCHEMA) as writer:
        for stage in stages:
            files = _kept_files(root, stage)
            for group in _groups(files):
                ids = {kept: _read_ids(files[kept][0]) for kept in group}
                for shard in stage.shards:
                    rows = [
                        _row(stage, duplicate, ids)
                        for duplicate in duplicates(root, stage, shard.index)
                        if duplicate.kept in ids or (not group and duplicate.kept not in files)
                    ]
                    writer.write_table(pa.Table.from_pylist(rows, CLUSTERS_SCHEMA))
                    written += len(rows)
    return written


def _places(root: str, source: str, stage: str) -> Places:
    return places(root, documents_key(source, stage))


def _add(first: Ints | None, second: Ints) -> Ints:
    if first is None:
        return second
    short, long = sorted((first, second), key=len)
    total = long.copy()
    total[: len(short)] += short
    return total


def _read_kept(root: str, kept: KeptFile, row: int) -> tuple[str | None, str]:
    """The id and the first words of a kept document, where its text is in the output."""
    if kept.index:
        return None, ""
    found = _places(root, kept.source, kept.stage)
    path = storage.join(found.shards, StageManifest.load(found.audit).shards[kept.shard].path)
    for batch in storage.read_batches(path, ["id", "text"]):
        if row < batch.num_rows:
            text = " ".join(batch["text"][row].as_py()[:200].split())[:80]
            return str(batch["id"][row]), text
        row -= batch.num_rows
    raise IndexError(f"{path} has no row {row}")


def _kept_files(root: str, stage: StageManifest) -> dict[KeptFile, tuple[str, int]]:
    """The shards of documents that a stage looked at, with their paths and rows."""
    files = {}
    for key in stage.upstream:
        if key.startswith(f"{DOCUMENTS}/"):
            _, source, name = key.split("/")
            found = places(root, key)
            for shard in StageManifest.load(found.audit).shards:
                kept = KeptFile(source, name, shard.index)
                files[kept] = (storage.join(found.shards, shard.path), shard.rows)
    return files


def _groups(files: dict[KeptFile, tuple[str, int]]) -> Iterator[list[KeptFile]]:
    """Group files by their rows; the last group is empty: what is in no file of the output."""
    group: list[KeptFile] = []
    total = 0
    for kept, (_, rows) in files.items():
        if group and total + rows > MAX_KEPT_IDS:
            yield group
            group, total = [], 0
        group.append(kept)
        total += rows
    if group:
        yield group
    yield []


def _read_ids(path: str) -> pa.ChunkedArray:
    return pa.chunked_array([b["id"] for b in storage.read_batches(path, ["id"])], pa.string())


def _row(
    stage: StageManifest, duplicate: Duplicate, ids: dict[KeptFile, pa.ChunkedArray]
) -> dict[str, object]:
    kept = duplicate.kept
    return {
        "source": stage.source,
        "stage": stage.stage,
        "id": duplicate.id,
        "similarity": duplicate.similarity,
        "kept_id": ids[kept][duplicate.row].as_py() if kept in ids else None,
        "kept_source": kept.source,
        "kept_stage": kept.stage,
        "kept_shard": kept.shard,
        "kept_row": duplicate.row,
        "kept_index": kept.index or None,
    }
