"""The interface of an export format, and what it is given.

A format turns units of work into files. A unit is one shard, or all shards that go into one file.
The files of a finished unit are recorded, so that an export that was stopped goes on with the next
unit (run.py). Equal shards and options give equal bytes.
"""

from __future__ import annotations

import abc
import dataclasses
import datetime
import json
import math
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, ClassVar, Literal

import numpy as np
import pyarrow as pa

from pasture import storage
from pasture.errors import StorageError
from pasture.export.files import ExportFiles, FileRecord
from pasture.manifests.outputs import Output
from pasture.manifests.shards import StageManifest

Kind = Literal["documents", "tokens"]


@dataclasses.dataclass(frozen=True)
class Shard:
    """A shard of documents or of tokens that is exported.

    Args:
        source: Name of the source.
        stage: The stage, such as ``20-exact``; ``tokens`` for token shards.
        split: ``train`` or ``validation`` for token shards, empty for documents.
        index: Number of the shard in its stage.
        path: The file.
        rows: How many documents it holds.
        sha256: Hash of the file.
        tokens: How many tokens it holds; 0 for documents.
    """

    source: str
    stage: str
    split: str
    index: int
    path: str
    rows: int
    sha256: str
    tokens: int = 0

    @property
    def name(self) -> str:
        """The file's name without its folder and extension."""
        return self.path.rsplit("/", 1)[-1].rpartition(".")[0]


@dataclasses.dataclass(frozen=True)
class Unit:
    """What is written, recorded and taken up again as one.

    Args:
        name: A name that no other unit of the export has.
        shards: The shards that its files are made from, in order.
    """

    name: str
    shards: tuple[Shard, ...]


@dataclasses.dataclass(frozen=True)
class Selection:
    """What is exported.

    Args:
        output: The output of the run.
        kind: Documents or tokens.
        shards: The shards, by source and then in order.
        upstream: Hash of the manifest of each stage, by the stage's key.
        stages: The manifests of the stages of documents; empty for tokens.
        tokenizer: What the manifests say of the tokenizer; None for documents.
    """

    output: Output
    kind: Kind
    shards: tuple[Shard, ...]
    upstream: Mapping[str, str]
    stages: tuple[StageManifest, ...] = ()
    tokenizer: Mapping[str, Any] | None = None

    @property
    def sources(self) -> list[str]:
        """The sources, each once, in order."""
        return list(dict.fromkeys(shard.source for shard in self.shards))


@dataclasses.dataclass(frozen=True)
class Exporter(abc.ABC):
    """A format. Its fields are the options of the format.

    ``kinds`` lists what it can hold; the first is exported where the user names no stage.
    """

    name: ClassVar[str]
    kinds: ClassVar[tuple[Kind, ...]]

    def check(self, selection: Selection) -> None:  # noqa: B027
        """Check, before any work, that the format can hold a selection.

        Raises:
            ConfigError: It cannot.
        """

    def units(self, selection: Selection) -> list[Unit]:
        """Split a selection into units, by default one for each shard."""
        return [Unit("-".join(filter(None, (s.source, s.name))), (s,)) for s in selection.shards]

    @abc.abstractmethod
    def write(self, unit: Unit, files: ExportFiles) -> None:
        """Write the files of a unit."""

    def finish(  # noqa: B027
        self, selection: Selection, records: Sequence[FileRecord], files: ExportFiles
    ) -> None:
        """Write the files that describe all others, once these are written."""


def folder_of(shard: Shard) -> str:
    """Return the folder of a shard's files: the source; of tokens, the split and the source."""
    return storage.join(shard.split, shard.source) if shard.split else shard.source


def plain_rows(path: str) -> Iterator[dict[str, Any]]:
    """Yield the documents of a shard as JSON values.

    Columns without a value are left out, dates are written in ISO 8601, and the metadata is an
    object. Numbers that JSON does not have (infinities, NaN) are left out.
    """
    for batch in storage.read_batches(path):
        short = [field.name for field in batch.schema if field.type == pa.float32()]
        for row in batch.to_pylist():
            for name in short:
                if row[name] is not None:  # 0.1 and not 0.10000000149011612
                    row[name] = float(str(np.float32(row[name])))
            if row.get("metadata") is not None:
                row["metadata"] = _metadata(row["metadata"])
            yield {
                name: _plain(value)
                for name, value in row.items()
                if value is not None and not (isinstance(value, float) and not math.isfinite(value))
            }


def _plain(value: Any) -> Any:
    if isinstance(value, datetime.datetime):
        return value.isoformat().replace("+00:00", "Z")
    return value


def _metadata(text: str) -> Any:
    """Parse a document's metadata; what is no JSON stays as it is."""
    try:
        return json.loads(text, parse_constant=lambda constant: None)
    except ValueError:
        return text


def attributes(row: Mapping[str, Any]) -> dict[str, Any]:
    """Return the columns of a plain row but its id, source and text."""
    return {key: value for key, value in row.items() if key not in ("id", "source", "text")}


def to_json(value: Any) -> bytes:
    """Encode a value as compact JSON in UTF-8."""
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"), allow_nan=False).encode()


def token_batches(shard: Shard) -> Iterator[pa.RecordBatch]:
    """Yield the record batches of a token shard, local or remote.

    Raises:
        StorageError: The file is no token shard.
    """
    with storage.open_read(shard.path) as stream:
        try:
            reader = pa.ipc.open_file(stream)
            for number in range(reader.num_record_batches):
                yield reader.get_batch(number)
        except pa.ArrowException as error:
            raise StorageError(f"{shard.path} is not a readable token shard: {error}") from error


def token_rows(shard: Shard) -> Iterator[tuple[dict[str, Any], np.ndarray]]:
    """Yield the columns of each document of a token shard, and its ids."""
    for batch in token_batches(shard):
        ids = batch["tokens"].flatten().to_numpy()
        stops = np.cumsum(batch["tokens"].value_lengths().to_numpy())
        columns = batch.drop_columns("tokens").to_pylist()
        for row, part in zip(columns, np.split(ids, stops[:-1]), strict=True):
            yield {key: value for key, value in row.items() if value is not None}, part
