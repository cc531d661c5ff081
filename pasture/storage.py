"""Files, local or in a bucket: listing, reading, and writing that is never half done.

A path is a local path or a URL that fsspec knows (``gs://``, ``s3://``). A file is written
under a partial name and renamed when it is whole, so a reader never sees half a file.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import posixpath
import uuid
from collections.abc import Iterator, Sequence
from typing import Any, BinaryIO, cast

import fsspec
import pyarrow as pa
import pyarrow.parquet as pq

from pasture.errors import StorageError
from pasture.records import MAX_BATCH_ROWS

PARTIAL = ".partial-"


def is_url(path: str) -> bool:
    """Tell whether a path names a remote file system, such as ``gs://bucket/key``."""
    return "://" in path


def join(root: str, *parts: str) -> str:
    """Join a root, local or remote, with relative parts. A part that is absolute wins."""
    path = root
    for part in parts:
        if is_url(part) or os.path.isabs(part):
            path = part
        elif is_url(path):
            path = posixpath.join(path, part)
        else:
            path = os.path.join(path, part)
    return path


def absolute(path: str) -> str:
    """Make a local path absolute, for worker processes; a URL stays as it is."""
    return path if is_url(path) else os.path.abspath(path)


def file_system(path: str) -> tuple[Any, str]:
    """Return the fsspec file system of a path, and the path as that file system spells it."""
    try:
        fs, inner = fsspec.core.url_to_fs(path)
    except (ImportError, ValueError) as error:
        raise StorageError(f"{path}: {error}") from error
    return fs, inner


def glob(pattern: str) -> list[tuple[str, int]]:
    """List the files that match a pattern, or one named file: ``(path, bytes)``, sorted."""
    fs, inner = file_system(pattern)
    try:
        if not any(mark in inner for mark in "*?["):
            found = [fs.info(inner)] if fs.exists(inner) else []
        else:
            found = list(fs.glob(inner, detail=True).values())
    except OSError as error:
        raise StorageError(f"cannot list {pattern}: {error}") from error
    files = [(info["name"], int(info["size"] or 0)) for info in found if info["type"] == "file"]
    if is_url(pattern):
        files = [(fs.unstrip_protocol(name), size) for name, size in files]
    return sorted(files)


def list_tree(root: str) -> list[tuple[str, int]]:
    """List every file below a folder: ``(path, bytes)``, sorted by path."""
    fs, inner = file_system(root)
    found = fs.find(inner, detail=True).values()
    files = [(info["name"], int(info["size"] or 0)) for info in found if info["type"] == "file"]
    if is_url(root):
        files = [(fs.unstrip_protocol(name), size) for name, size in files]
    return sorted(files)


def exists(path: str) -> bool:
    """Tell whether a file or folder is there."""
    fs, inner = file_system(path)
    return bool(fs.exists(inner))


def make_folder(path: str) -> None:
    """Make a folder and its parents; a bucket needs none."""
    fs, inner = file_system(path)
    try:
        fs.makedirs(inner, exist_ok=True)
    except OSError as error:
        raise StorageError(f"cannot make the folder {path}: {error}") from error


def remove_tree(path: str) -> None:
    """Remove a file or a folder with all that is in it, if it is there."""
    fs, inner = file_system(path)
    if fs.exists(inner):
        fs.rm(inner, recursive=True)


def open_read(path: str) -> BinaryIO:
    """Open a file for reading bytes."""
    fs, inner = file_system(path)
    try:
        return cast(BinaryIO, fs.open(inner, "rb"))
    except OSError as error:
        raise StorageError(f"cannot read {path}: {error}") from error


@contextlib.contextmanager
def atomic_write(path: str) -> Iterator[BinaryIO]:
    """A binary file that appears, complete, under its name, or not at all."""
    fs, inner = file_system(path)
    partial = f"{inner}{PARTIAL}{uuid.uuid4().hex[:12]}"
    try:
        fs.makedirs(posixpath.dirname(inner), exist_ok=True)
        with fs.open(partial, "wb") as stream:
            yield cast(BinaryIO, stream)
        if is_url(path):
            fs.mv(partial, inner)
        else:
            os.replace(partial, inner)
    except OSError as error:
        raise StorageError(f"cannot write {path}: {error}") from error
    finally:
        with contextlib.suppress(OSError):
            if fs.exists(partial):
                fs.rm(partial)


@contextlib.contextmanager
def atomic_parquet(path: str, schema: pa.Schema) -> Iterator[pq.ParquetWriter]:
    """A zstd Parquet writer whose file appears, complete, under its name or not at all."""
    with (
        atomic_write(path) as stream,
        pq.ParquetWriter(stream, schema, compression="zstd") as writer,
    ):
        yield writer


def write_json(path: str, value: object) -> None:
    """Write JSON with sorted keys, two-space indent, and a final newline."""
    with atomic_write(path) as stream:
        stream.write(json.dumps(value, indent=2, sort_keys=True, ensure_ascii=False).encode())
        stream.write(b"\n")


def read_json(path: str) -> Any:
    """Read a JSON file that Pasture wrote."""
    with open_read(path) as stream:
        try:
            return json.load(stream)
        except ValueError as error:
            raise StorageError(f"{path} is not JSON: {error}; delete it and run again") from error


def sha256(path: str) -> str:
    """Hash a file's bytes."""
    with open_read(path) as stream:
        digest = hashlib.sha256()
        while chunk := stream.read(1 << 20):
            digest.update(chunk)
    return digest.hexdigest()


def shard_name(kind: str, index: int, count: int, extension: str = "parquet") -> str:
    """Name a shard as Beam does: ``documents-00017-of-01600.parquet``."""
    return f"{kind}-{index:05d}-of-{count:05d}.{extension}"


def read_batches(path: str, columns: Sequence[str] | None = None) -> Iterator[pa.RecordBatch]:
    """Yield the batches of a Parquet shard, at most ``MAX_BATCH_ROWS`` rows each."""
    with open_read(path) as stream:
        try:
            yield from pq.ParquetFile(stream).iter_batches(MAX_BATCH_ROWS, columns=columns)
        except pa.ArrowException as error:
            raise StorageError(f"{path} is not a readable Parquet file: {error}") from error


def read_rows(path: str, columns: Sequence[str]) -> Iterator[tuple[Any, ...]]:
    """Yield the values of some columns of a Parquet shard, a row at a time, in their order."""
    for batch in read_batches(path, columns):
        yield from zip(*(batch[name].to_pylist() for name in columns), strict=True)
