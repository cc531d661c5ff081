"""Indexes of stages: made from the documents that a deduplication left, and used by later runs.

An index can be used by a search that would read the same keys from the same documents. That is
tried out: an index keeps a hash of what its search read from a few fixed documents.
"""

from __future__ import annotations

import dataclasses
import hashlib
import tempfile
from collections.abc import Iterator
from typing import Any

import apache_beam as beam
import numpy as np

from pasture import config, storage
from pasture.dedup.base import Deduplication
from pasture.dedup.index import IndexShard
from pasture.errors import ConfigError
from pasture.manifests.shards import MANIFEST
from pasture.records import DOCUMENT_SCHEMA, Document, documents_to_batch
from pasture.stages.shards import StageFolder
from pasture.stages.transforms import Address

_PROBES = (
    "The quick brown fox, aged 12, JUMPS over the lazy dog; then it sleeps. Nobody minds.\n"
    "It wakes at 7:30 and goes home.  A second space, a tab\tand a last sentence end this line.",
    "\u00c9t\u00e9 \u2013 \u201cZw\u00f6lf Boxk\u00e4mpfer\u201d \u0414\u043e\u0431\u0440\u043e "
    "\u540c\u3058\u6587\u7ae0\u3067\u3059\u3002 \u0661\u0662\u0663",
    "short",
)

LINE_SHARE = 5
"""Bytes of text for each byte of an index of lines: 50 a line, and 10 for its entry."""


class WriteIndexShard(beam.DoFn):  # type: ignore[misc]
    """Writes the index of one shard of documents."""

    def __init__(self, dedup: Deduplication, folder: StageFolder) -> None:
        self.dedup, self.folder = dedup, folder

    def process(self, element: tuple[int, str]) -> Iterator[int]:
        """Write one shard; give its index."""
        index, path = element
        names = self.dedup.write_index(
            path,
            self.folder.path,
            [self.folder.shard(kind, index) for kind in ("entries", "shingles")],
        )
        files = [
            {"path": name, "sha256": storage.sha256(storage.join(self.folder.path, name))}
            for name in names
        ]
        self.folder.write_record(index, {"index": index, "files": files})
        yield index


@dataclasses.dataclass
class WriteIndex(beam.PTransform):  # type: ignore[misc]
    """Writes an index: ``(index, path)`` of documents to the indices written."""

    dedup: Deduplication
    folder: StageFolder

    def expand(self, shards: Any) -> Any:
        """Apply the transform."""
        return shards | "WriteIndexShard" >> beam.ParDo(WriteIndexShard(self.dedup, self.folder))


def describe(dedup: Deduplication) -> dict[str, Any]:
    """What an index says of the search that it was made for."""
    options = {key: value for key, value in dedup.plain().items() if key != "against"}
    return {"kind": dedup.name, "options": options, "probe": _probe(dedup)}


def _probe(dedup: Deduplication) -> str:
    """Hash what a search reads from documents that are always the same."""
    documents = [
        Document(str(number), "c4", text, url=f"https://Example.org/{number}?b=1&a=2")
        for number, text in enumerate(_PROBES)
    ]
    digest = hashlib.sha256()
    with tempfile.TemporaryDirectory() as folder:
        path, names = storage.join(folder, "probe.parquet"), ["entries.parquet", "shingles.parquet"]
        with storage.atomic_parquet(path, DOCUMENT_SCHEMA) as writer:
            writer.write_batch(documents_to_batch(documents))
        names = dedup.write_index(path, folder, names)
        shard = IndexShard(*(storage.join(folder, name) for name in names))
        entries = shard.entries()
        digest.update(entries.keys.tobytes() + entries.positions.tobytes())
        if shard.shingles_path:
            for row, hashes in shard.shingles_of_rows(np.arange(len(documents))).items():
                digest.update(f"{row}:".encode() + hashes.tobytes())
    return digest.hexdigest()[:16]


def read_index(path: str) -> dict[str, Any]:
    """Read the manifest of an index.

    Raises:
        ConfigError: There is none at the path.
    """
    manifest = storage.join(path, MANIFEST)
    body = storage.read_json(manifest) if storage.exists(manifest) else {}
    if "probe" not in body.get("config", {}):
        raise ConfigError(
            f"{path} holds no index; a deduplication with keep_index: true makes one, in "
            f"OUTPUT/indexes/SOURCE/STAGE"
        )
    return dict(body)


def check_index(dedup: Deduplication, path: str) -> None:
    """Check that a search can use an index.

    Raises:
        ConfigError: There is none, or it was made for another search.
    """
    made, wanted = read_index(path)["config"], describe(dedup)
    if made["probe"] == wanted["probe"] and made["kind"] == wanted["kind"]:
        return
    lines = config.difference(made["kind"], wanted["kind"], "kind")
    lines = lines or config.difference(made["options"], wanted["options"])
    raise ConfigError(
        f"the index {path} holds other keys than {dedup.name} compares here: "
        + ("; ".join(lines) or "another version of Pasture made it")
        + "; make it anew with this recipe's options, or set them as they were"
    )


def index_shards(path: str) -> list[tuple[IndexShard, Address]]:
    """List the shards of an index, and the addresses of their documents."""
    body = read_index(path)
    return [
        (
            IndexShard(*(storage.join(path, name) for name in shard["files"])),
            {
                "source": body["source"],
                "stage": body["stage"],
                "shard": shard["index"],
                "index": body["fingerprint"],
            },
        )
        for shard in body["shards"]
    ]


def index_text_bytes(path: str) -> int:
    """Count the bytes of text that an index stands for, about: of lines, the shortest of keys."""
    return LINE_SHARE * sum(size for _, size in storage.glob(storage.pattern(path, "entries-*")))


def write_manifest(folder: StageFolder, body: dict[str, Any]) -> None:
    """Commit an index: write its manifest, the last thing."""
    finished = folder.finished()
    shards, files = [], {}
    for index in sorted(finished):
        written = finished[index]["files"]
        assert isinstance(written, list)
        shards.append({"index": index, "files": [file["path"] for file in written]})
        files.update({file["path"]: file["sha256"] for file in written})
    whole = {**body, "shards": shards, "files": files}
    storage.write_json(storage.join(folder.path, MANIFEST), whole)
