"""The manifest of a stage: what it read, wrote and dropped, shard by shard.

``MANIFEST.json`` is written last: a stage without one is not done. It lies in the stage's audit
folder (layout.py). It holds no time and no host, so that equal runs give equal bytes.
"""

from __future__ import annotations

import collections
import dataclasses
import hashlib
import json
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from pasture import __version__, storage
from pasture.errors import StageError

MANIFEST = "MANIFEST.json"


@dataclasses.dataclass(frozen=True, slots=True)
class ShardRecord:
    """One finished shard and its counts.

    Args:
        index: Position in the stage, from 0.
        path: File of the kept rows, relative to the stage's folder of documents.
        rows_in: Records or documents that came in.
        rows: Documents kept; ``rows_in == rows + sum(dropped.values())``.
        bytes_in: UTF-8 bytes of text that came in (raw bytes for an extraction).
        text_bytes: UTF-8 bytes of text kept.
        bytes: Size of the file.
        sha256: Hash of the file.
        dropped_path: File of the dropped rows, relative to the stage's audit folder.
        dropped_sha256: Hash of that file.
        dropped: Dropped rows by ``filter/reason``.
        edited: Lines or parts removed from kept documents, by ``editor/reason``.
        marked: Documents that a step marked, by ``annotator/mark``; later steps may drop them.
        lines_path: File of the removed lines, relative to the stage's audit folder; empty where
            no line was removed or the audit keeps none.
        lines_sha256: Hash of that file.
        lines: Rows in that file: the removed lines, or the first of them (``audit_lines``).
        bad_records: Dropped rows that were broken records.
        bad_files: Locators of the files that could not be read to their end.
    """

    index: int
    path: str
    rows_in: int
    rows: int
    bytes_in: int
    text_bytes: int
    bytes: int
    sha256: str
    dropped_path: str
    dropped_sha256: str
    dropped: dict[str, int]
    edited: dict[str, int]
    marked: dict[str, int] = dataclasses.field(default_factory=dict)
    lines_path: str = ""
    lines_sha256: str = ""
    lines: int = 0
    bad_records: int = 0
    bad_files: tuple[str, ...] = ()

    @property
    def rows_dropped(self) -> int:
        """How many rows the shard dropped."""
        return sum(self.dropped.values())


@dataclasses.dataclass(frozen=True)
class StageManifest:
    """What one stage of one source did.

    Args:
        source: Registry name of the source.
        stage: The stage's folder name, such as ``20-language``.
        fingerprint: Hash of the config, the code's version, and the upstream manifests.
        config: The stage's resolved config, as plain values.
        upstream: Name of each input (a stage or a model) and the hash of its manifest.
        shards: The shards in order.
        columns: The extra columns of the documents, with their types.
    """

    source: str
    stage: str
    fingerprint: str
    config: Mapping[str, Any]
    upstream: Mapping[str, str]
    shards: tuple[ShardRecord, ...]
    pasture: str = __version__
    columns: Mapping[str, str] = dataclasses.field(default_factory=dict)

    def totals(self) -> dict[str, Any]:
        """Add up the shards' counts."""
        return {
            **{
                key: sum(getattr(shard, key) for shard in self.shards)
                for key in ("rows_in", "rows", "bytes_in", "text_bytes", "bytes", "bad_records")
            },
            "bad_files": sum(len(shard.bad_files) for shard in self.shards),
            "dropped": add_counts(shard.dropped for shard in self.shards),
            "edited": add_counts(shard.edited for shard in self.shards),
            "marked": add_counts(shard.marked for shard in self.shards),
        }

    def write(self, folder: str) -> None:
        """Commit the stage: write its manifest to its audit folder, after everything else."""
        body = dataclasses.asdict(self)
        if not self.columns:
            del body["columns"]
        storage.write_json(storage.join(folder, MANIFEST), {**body, "totals": self.totals()})

    @classmethod
    def load(cls, folder: str) -> StageManifest:
        """Read the manifest of a finished stage from its audit folder.

        Raises:
            StageError: The folder holds no manifest, or one that is not a stage's.
        """
        path = storage.join(folder, MANIFEST)
        if not storage.exists(path):
            raise StageError(f'{folder} holds no finished stage; run "pasture run" to make it')
        body = storage.read_json(path)
        try:
            body.pop("totals")
            shards = tuple(record_from(shard) for shard in body.pop("shards"))
            return cls(shards=shards, **body)
        except (TypeError, KeyError, AttributeError) as error:
            raise StageError(f"{path} is not a stage's manifest: {error!r}") from error

    def paths(self, folder: str) -> list[tuple[int, str]]:
        """List ``(index, path)`` of the shards of kept rows in the stage's folder of documents."""
        return [(shard.index, storage.join(folder, shard.path)) for shard in self.shards]


def record_from(body: Mapping[str, Any]) -> ShardRecord:
    """Read a shard's record from its JSON."""
    return ShardRecord(**{**body, "bad_files": tuple(body["bad_files"])})


def add_counts(counts: Iterable[Mapping[str, int]]) -> dict[str, int]:
    """Add up counters, sorted by key."""
    total: collections.Counter[str] = collections.Counter()
    for count in counts:
        total.update(count)
    return dict(sorted(total.items()))


def fingerprint(*parts: Any) -> str:
    """Hash plain values: 16 hexadecimal digits that change when any of them does."""
    body = json.dumps(parts, sort_keys=True, ensure_ascii=False)
    return hashlib.sha256(body.encode()).hexdigest()[:16]


def manifest_digest(folder: str) -> str:
    """Hash the manifest of a finished stage or model."""
    return storage.sha256(storage.join(folder, MANIFEST))


def check_stage(folder: str, audit: str) -> Iterator[str]:
    """Yield a line for each thing that is wrong with a finished stage.

    Hashes every file, counts its rows against the manifest, and checks that
    in = kept + dropped holds for each shard.

    Args:
        folder: The stage's folder of documents.
        audit: Its audit folder.
    """
    import pyarrow as pa
    import pyarrow.parquet as pq

    from pasture.records import REMOVED_LINE_SCHEMA, document_schema, dropped_schema

    manifest = StageManifest.load(audit)
    kept, dropped = document_schema(manifest.columns), dropped_schema(manifest.columns)
    for shard in manifest.shards:
        if shard.rows_in != shard.rows + shard.rows_dropped:
            yield (
                f"{folder}: shard {shard.index}: {shard.rows_in} rows in, but {shard.rows} kept "
                f"and {shard.rows_dropped} dropped"
            )
        files = [
            (folder, shard.path, shard.sha256, shard.rows, kept),
            (audit, shard.dropped_path, shard.dropped_sha256, shard.rows_dropped, dropped),
        ]
        if shard.lines_path:
            digest, schema = shard.lines_sha256, REMOVED_LINE_SCHEMA
            files.append((audit, shard.lines_path, digest, shard.lines, schema))
        for parent, name, digest, rows, schema in files:
            path = storage.join(parent, name)
            if not storage.exists(path):
                yield f"{path} is missing"
                continue
            if storage.sha256(path) != digest:
                yield f"{path} has other bytes than its manifest says"
                continue
            with storage.open_read(path) as stream:
                try:
                    file = pq.ParquetFile(stream)
                except pa.ArrowException as error:
                    yield f"{path} is not a Parquet file: {error}"
                    continue
                if file.metadata.num_rows != rows:
                    yield f"{path} holds {file.metadata.num_rows} rows, not {rows}"
                if not file.schema_arrow.equals(schema):
                    yield f"{path} has another schema than this version of Pasture writes"
