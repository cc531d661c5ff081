"""Documents as JSON Lines or as Parquet files."""

from __future__ import annotations

import dataclasses
import hashlib
from typing import Any, ClassVar, Literal

import pyarrow as pa

from pasture import storage
from pasture.errors import ConfigError, StageError
from pasture.export.base import Exporter, Kind, Shard, Unit, folder_of, plain_rows, to_json
from pasture.export.files import ExportFiles, HashedFile

ENDINGS = {"zstd": ".zst", "gzip": ".gz", "none": ""}
CHUNK_BYTES = 1 << 20


@dataclasses.dataclass(frozen=True)
class Jsonl(Exporter):
    """JSON Lines, one file for each shard: ``SOURCE/documents-00000-of-00003.jsonl.zst``.

    Each line has the document's columns that hold a value; the metadata is an object.

    Args:
        compression: ``zstd``, ``gzip`` or ``none``.
    """

    name: ClassVar[str] = "jsonl"
    kinds: ClassVar[tuple[Kind, ...]] = ("documents",)

    compression: Literal["zstd", "gzip", "none"] = "zstd"

    def __post_init__(self) -> None:
        if self.compression not in ENDINGS:
            raise ConfigError(
                f"compression: {self.compression!r} is not one of {', '.join(ENDINGS)}"
            )

    def write(self, unit: Unit, files: ExportFiles) -> None:
        """Write the shard's lines."""
        (shard,) = unit.shards
        name = f"{shard.name}.jsonl{ENDINGS[self.compression]}"
        path = storage.join(folder_of(shard), name)
        with files.create(path) as file, self._compressed(file) as stream:
            for row in plain_rows(shard.path):
                stream.write(to_json(row) + b"\n")
                file.rows += 1

    def _compressed(self, file: HashedFile) -> Any:
        if self.compression == "none":
            return pa.BufferedOutputStream(pa.PythonFile(file, "w"), CHUNK_BYTES)
        # pyarrow writes no time into a gzip header.
        compressed = pa.CompressedOutputStream(pa.PythonFile(file, "w"), self.compression)
        return pa.BufferedOutputStream(compressed, CHUNK_BYTES)


@dataclasses.dataclass(frozen=True)
class Parquet(Exporter):
    """The stage's Parquet files as they are: ``SOURCE/documents-00000-of-00003.parquet``."""

    name: ClassVar[str] = "parquet"
    kinds: ClassVar[tuple[Kind, ...]] = ("documents",)

    def write(self, unit: Unit, files: ExportFiles) -> None:
        """Copy the shard."""
        (shard,) = unit.shards
        with files.create(storage.join(folder_of(shard), f"{shard.name}.parquet")) as file:
            copy_shard(shard, file)


def copy_shard(shard: Shard, file: HashedFile) -> None:
    """Copy a shard's bytes.

    Raises:
        StageError: They are not those that its manifest names.
    """
    digest = hashlib.sha256()
    with storage.open_read(shard.path) as stream:
        while chunk := stream.read(CHUNK_BYTES):
            digest.update(chunk)
            file.write(chunk)
    if digest.hexdigest() != shard.sha256:
        raise StageError(
            f'{shard.path} has other bytes than its manifest says; "pasture verify" lists all such '
            f"files"
        )
    file.rows = shard.rows
