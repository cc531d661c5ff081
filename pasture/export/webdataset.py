"""WebDataset: tar files, in which files of one sample follow each other and share a name.

The standard library writes them; nothing of the ``webdataset`` package is needed for that.
"""

from __future__ import annotations

import dataclasses
import io
import tarfile
from collections.abc import Iterator
from typing import Any, ClassVar

import numpy as np
import numpy.typing as npt

from pasture import storage
from pasture.export.base import (
    Exporter,
    Kind,
    Shard,
    Unit,
    folder_of,
    plain_rows,
    to_json,
    token_rows,
)
from pasture.export.files import ExportFiles


@dataclasses.dataclass(frozen=True)
class WebDataset(Exporter):
    """Tar files, one for each shard: ``SOURCE/documents-00000-of-00003.tar``.

    A sample of documents is ``KEY.txt``, the text, and ``KEY.json``, its other columns; one of
    tokens is ``KEY.npy`` and ``KEY.json``. Keys are unique within a source (and split).
    """

    name: ClassVar[str] = "webdataset"
    kinds: ClassVar[tuple[Kind, ...]] = ("documents", "tokens")

    def write(self, unit: Unit, files: ExportFiles) -> None:
        """Write the shard's samples."""
        (shard,) = unit.shards
        with (
            files.create(storage.join(folder_of(shard), f"{shard.name}.tar")) as file,
            tarfile.open(fileobj=file, mode="w|", format=tarfile.USTAR_FORMAT) as tar,
        ):
            for number, (ending, content, columns) in enumerate(_samples(shard)):
                key = f"{shard.index:05d}-{number:09d}"
                for name, data in ((f"{key}.{ending}", content), (f"{key}.json", to_json(columns))):
                    # An entry has time 0 and no owner, unless it is given one.
                    entry = tarfile.TarInfo(name)
                    entry.size = len(data)
                    tar.addfile(entry, io.BytesIO(data))
                file.rows += 1


def _samples(shard: Shard) -> Iterator[tuple[str, bytes, dict[str, Any]]]:
    """Yield the ending, the content and the columns of each sample."""
    if shard.split:
        for row, ids in token_rows(shard):
            yield "npy", _npy(ids), {"source": shard.source, **row}
    else:
        for row in plain_rows(shard.path):
            text = row.pop("text").encode()
            yield "txt", text, row


def _npy(ids: npt.NDArray[Any]) -> bytes:
    stream = io.BytesIO()
    np.save(stream, ids, allow_pickle=False)
    return stream.getvalue()
