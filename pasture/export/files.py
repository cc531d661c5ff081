"""The files of an export: written whole, hashed as they are written, and recorded by unit.

Records lie in ``_records`` until the export is finished. A file that joins many shards grows shard
by shard on a local disk, and its record says how far it got; an object store takes it in one piece.
"""

from __future__ import annotations

import contextlib
import dataclasses
import hashlib
import io
import os
import pathlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, BinaryIO, cast

from pasture import storage
from pasture.errors import StorageError

RECORDS = "_records"


@dataclasses.dataclass(frozen=True)
class FileRecord:
    """A written file.

    Args:
        path: The file, relative to the export.
        bytes: Its size.
        sha256: Its hash.
        rows: Documents that it holds; 0 for an index or a card.
        facts: What else the format wants to know of it when it finishes.
    """

    path: str
    bytes: int
    sha256: str
    rows: int = 0
    facts: Mapping[str, Any] = dataclasses.field(default_factory=dict)


class HashedFile(io.RawIOBase):
    """A file being written, its bytes hashed on the way.

    The format counts its ``rows``, and may keep ``facts`` for the end of the export.
    """

    def __init__(self, stream: BinaryIO) -> None:
        super().__init__()
        self._stream, self._digest, self._size = stream, hashlib.sha256(), 0
        self.rows = 0
        self.facts: dict[str, Any] = {}

    def writable(self) -> bool:
        """Whether it can be written to."""
        return True

    def tell(self) -> int:
        """Return how many bytes are written."""
        return self._size

    def write(self, data: Any) -> int:
        """Write bytes."""
        view = memoryview(data).cast("B")
        self._stream.write(view)
        self._digest.update(view)
        self._size += len(view)
        return len(view)

    def record(self, path: str) -> FileRecord:
        """Describe the file."""
        return FileRecord(path, self._size, self._digest.hexdigest(), self.rows, self.facts)


@dataclasses.dataclass
class ExportFiles:
    """Writes the files of one unit.

    Args:
        root: Folder of the export, while it is being made.
        fingerprint: Of the export; a record that has another one is not used.
    """

    root: str
    fingerprint: str
    records: list[FileRecord] = dataclasses.field(default_factory=list)

    @contextlib.contextmanager
    def create(self, path: str) -> Iterator[HashedFile]:
        """A file that appears, whole, when the block ends well."""
        with storage.atomic_write(storage.join(self.root, path)) as stream:
            file = HashedFile(stream)
            yield file
        self.records.append(file.record(path))

    def join(self, path: str, parts: Sequence[Callable[[BinaryIO], int]]) -> None:
        """Write a file of many parts, one after another; each part returns its rows.

        On a local disk an interrupted file is continued after its last whole part.
        """
        if storage.is_url(self.root):
            with self.create(path) as file:
                file.rows = sum(part(cast(BinaryIO, file)) for part in parts)
            return
        target = storage.join(self.root, path)
        done, size, rows = self._progress(path, target)
        storage.make_folder(os.path.dirname(target))
        try:
            with pathlib.Path(target).open("r+b" if done else "wb") as stream:
                stream.truncate(size)
                stream.seek(size)
                for number, part in enumerate(parts[done:], start=done + 1):
                    rows += part(stream)
                    stream.flush()
                    state = {"path": path, "parts": number, "bytes": stream.tell(), "rows": rows}
                    storage.write_json(self._progress_path(path), self._signed(state))
                size = stream.tell()
        except OSError as error:
            raise StorageError(f"cannot write {target}: {error.strerror or error}") from error
        self.records.append(FileRecord(path, size, storage.sha256(target), rows))

    def _progress(self, path: str, target: str) -> tuple[int, int, int]:
        """Return how many parts of a joined file are written, with its bytes and rows."""
        place = self._progress_path(path)
        if not (storage.exists(place) and storage.exists(target)):
            return 0, 0, 0
        state = storage.read_json(place)
        if state["fingerprint"] != self.fingerprint or os.path.getsize(target) < state["bytes"]:
            return 0, 0, 0
        return state["parts"], state["bytes"], state["rows"]

    def _progress_path(self, path: str) -> str:
        return storage.join(self.root, RECORDS, f"{path.replace('/', '+')}.parts.json")

    def _signed(self, body: Mapping[str, Any]) -> dict[str, Any]:
        return {**body, "fingerprint": self.fingerprint}

    def write_record(self, unit: str) -> None:
        """Record that the unit's files are written."""
        files = [dataclasses.asdict(record) for record in self.records]
        path = storage.join(self.root, RECORDS, f"{unit}.json")
        storage.write_json(path, self._signed({"unit": unit, "files": files}))


def read_records(root: str, fingerprint: str) -> dict[str, list[FileRecord]]:
    """Read which units are written, with their files."""
    found = {}
    for path, _ in storage.glob(storage.pattern(root, RECORDS, "*.json")):
        body = storage.read_json(path)
        if body["fingerprint"] == fingerprint and "unit" in body:
            found[body["unit"]] = [FileRecord(**file) for file in body["files"]]
    return found


def remove_others(root: str, fingerprint: str) -> None:
    """Remove files that no record of this export names, which another or a killed one left."""
    if not storage.exists(root):
        return
    keep = set()
    for path, _ in storage.glob(storage.pattern(root, RECORDS, "*.json")):
        body = storage.read_json(path)
        if body["fingerprint"] == fingerprint:
            keep.add(f"{RECORDS}/{path.rsplit('/', 1)[-1]}")
            keep.update([file["path"] for file in body.get("files", [])])
            keep.update([body["path"]] if "path" in body else [])
    wanted = {storage.join(root, *name.split("/")) for name in keep}
    for path, _ in storage.list_tree(root):
        if path not in wanted:
            storage.remove_tree(path)
