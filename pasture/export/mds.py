"""MDS, the format of MosaicML's Streaming, for documents and for tokens.

Written by ourselves: mosaicml-streaming 0.13.0, the newest, needs older numpy, transformers and
google-cloud-storage than Pasture does, and torch with torchvision to write a file. Its
``StreamingDataset`` reads what is written here (tests/export/test_mds.py).

A shard is a ``uint32`` count of samples, ``uint32`` offsets of each sample and of the end, a JSON
object that describes the columns, and the samples. A sample is a ``uint32`` size for each column,
and the columns' values; columns are in the order of their names.
"""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, ClassVar

import numpy as np
import numpy.typing as npt

from pasture import storage
from pasture.errors import ConfigError
from pasture.export.base import (
    Exporter,
    Kind,
    Selection,
    Shard,
    Unit,
    attributes,
    folder_of,
    plain_rows,
    to_json,
    token_rows,
)
from pasture.export.files import ExportFiles, FileRecord

MAX_SHARD_BYTES = (1 << 32) - 1
"""Offsets in a shard are ``uint32``."""
DOCUMENT_COLUMNS = {"attributes": "json", "id": "str", "source": "str", "text": "str"}


def _token_columns(dtype: str) -> dict[str, str]:
    return {"attributes": "json", "id": "str", "source": "str", "tokens": f"ndarray:{dtype}"}


@dataclasses.dataclass(frozen=True)
class Mds(Exporter):
    """MDS shards of documents, or of tokens: ``SOURCE/documents-00000-of-00003.00000.mds``.

    A sample has ``id``, ``source``, ``text`` or ``tokens``, and the other columns in
    ``attributes``, a JSON object. Token shards lie in ``train/SOURCE`` and ``validation/SOURCE``.

    Args:
        shard_bytes: Size from which a new file is begun; a larger document has a file of its own.
            The default is that of Streaming, 64 MiB.
    """

    name: ClassVar[str] = "mds"
    kinds: ClassVar[tuple[Kind, ...]] = ("documents", "tokens")

    shard_bytes: int = 1 << 26

    def __post_init__(self) -> None:
        if not 0 < self.shard_bytes <= MAX_SHARD_BYTES:
            raise ConfigError(f"shard_bytes: {self.shard_bytes} is not in 1 to {MAX_SHARD_BYTES}")

    def write(self, unit: Unit, files: ExportFiles) -> None:
        """Write the shard's samples, in as many files as they need."""
        (shard,) = unit.shards
        columns, samples = _samples(shard)
        header = _header(columns, self.shard_bytes)
        held: list[bytes] = []
        size = number = 0
        for sample in samples:
            if held and size + len(sample) > self.shard_bytes - len(header):
                _write_file(shard, number, header, held, files)
                held, size, number = [], 0, number + 1
            held.append(sample)
            size += len(sample) + 4
        if held:
            _write_file(shard, number, header, held, files)

    def finish(
        self, selection: Selection, records: Sequence[FileRecord], files: ExportFiles
    ) -> None:
        """Write ``index.json`` for each source, and one for all of them (of a split)."""
        by_source: dict[str, list[tuple[str, Mapping[str, Any]]]] = {
            folder_of(shard): [] for shard in selection.shards
        }
        for record in records:
            folder, _, name = record.path.rpartition("/")
            by_source[folder].append((name, self._entry(record)))
        by_split: dict[str, list[Mapping[str, Any]]] = {}
        for folder, entries in by_source.items():
            _write_index(folder, [_named(entry, name) for name, entry in entries], files)
            split, _, source = folder.rpartition("/")
            named = [_named(entry, f"{source}/{name}") for name, entry in entries]
            by_split.setdefault(split, []).extend(named)
        for split, shards in by_split.items():
            _write_index(split, shards, files)

    def _entry(self, record: FileRecord) -> Mapping[str, Any]:
        return {
            **_description(record.facts["columns"], self.shard_bytes),
            "raw_data": {
                "bytes": record.bytes,
                "hashes": {"sha256": record.sha256},
            },
            "samples": record.rows,
            "zip_data": None,
        }


def _named(entry: Mapping[str, Any], name: str) -> dict[str, Any]:
    return {**entry, "raw_data": {**entry["raw_data"], "basename": name}}


def _write_index(folder: str, shards: Sequence[Mapping[str, Any]], files: ExportFiles) -> None:
    with files.create(storage.join(folder, "index.json") if folder else "index.json") as file:
        file.write(json.dumps({"shards": shards, "version": 2}, sort_keys=True).encode())


def _description(columns: Mapping[str, str], shard_bytes: int) -> dict[str, Any]:
    return {
        "column_encodings": [columns[name] for name in sorted(columns)],
        "column_names": sorted(columns),
        "column_sizes": [None] * len(columns),
        "compression": None,
        "format": "mds",
        "hashes": ["sha256"],
        "size_limit": shard_bytes,
        "version": 2,
    }


def _header(columns: Mapping[str, str], shard_bytes: int) -> bytes:
    return json.dumps(_description(columns, shard_bytes), sort_keys=True).encode()


def _samples(shard: Shard) -> tuple[dict[str, str], Iterator[bytes]]:
    """Return the columns of a shard, and its samples as bytes."""
    if not shard.split:
        return DOCUMENT_COLUMNS, (
            _sample(to_json(attributes(row)), row["id"], row["source"], row["text"].encode())
            for row in plain_rows(shard.path)
        )
    dtype = next((ids.dtype.name for _, ids in token_rows(shard)), "uint16")
    return _token_columns(dtype), (
        _sample(to_json(attributes(row)), row["id"], shard.source, _array(ids))
        for row, ids in token_rows(shard)
    )


def _sample(others: bytes, name: str, source: str, content: bytes) -> bytes:
    values = [others, name.encode(), source.encode(), content]
    return np.array([len(value) for value in values], "<u4").tobytes() + b"".join(values)


def _array(ids: npt.NDArray[Any]) -> bytes:
    """Encode a row of ids: the number of axes and the type of the length, the length, the ids."""
    kinds = ("<u1", "<u2", "<u4", "<u8")
    code = next(code for code in range(4) if len(ids) < 1 << (8 << code))
    return bytes([1 << 2 | code]) + np.array([len(ids)], kinds[code]).tobytes() + ids.tobytes()


def _write_file(
    shard: Shard, number: int, header: bytes, samples: list[bytes], files: ExportFiles
) -> None:
    starts = np.cumsum([0, *map(len, samples)], dtype=np.int64)
    starts += 4 * (len(samples) + 2) + len(header)
    if starts[-1] > MAX_SHARD_BYTES:
        raise ConfigError(f"{shard.path}: a document is too large for MDS, which ends at 4 GiB")
    with files.create(storage.join(folder_of(shard), f"{shard.name}.{number:05d}.mds")) as file:
        file.write(np.uint32(len(samples)).tobytes())
        file.write(starts.astype("<u4").tobytes())
        file.write(header)
        for sample in samples:
            file.write(sample)
        file.rows = len(samples)
        description = json.loads(header)
        names, encodings = description["column_names"], description["column_encodings"]
        file.facts["columns"] = dict(zip(names, encodings, strict=True))
