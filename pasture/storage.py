"""Files, local or in a bucket: listing, reading, and writing that is never half done.

A path is a local path or a URL that fsspec knows (``gs://``, ``s3://``, ``hdfs://``); where a
service is, and who asks, is set in the environment, as its own tools have it. A file appears
under its name when it is whole: on an object store the upload is committed last, elsewhere a
file with a partial name is renamed. What fails on the way to a remote service is tried again,
and is a ``StorageError`` in the end: it is never taken for damaged data.
"""

from __future__ import annotations

import contextlib
import errno
import glob as glob_module
import hashlib
import io
import json
import os
import posixpath
import time
import uuid
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any, BinaryIO, TypeVar, cast

import fsspec
import pyarrow as pa
import pyarrow.parquet as pq

from pasture.errors import InputError, PastureError, StorageError
from pasture.records import MAX_BATCH_ROWS

PARTIAL = ".partial-"
OBJECT_STORES = ("s3", "s3a", "gs", "gcs")
"""Protocols whose uploads appear at once and whole; a rename there would be a copy."""
EXTRAS = {
    "s3": "s3",
    "s3a": "s3",
    "gs": "gcs",
    "gcs": "gcs",
    "hdfs": "hdfs",
    "http": "http",
    "https": "http",
}
"""The extras of this package that bring a protocol's library."""
RETRY_SECONDS = (0.5, 1.0, 2.0, 4.0, 8.0)
"""Pauses before each new try of what failed on a remote file system."""
GIVE_UP_SECONDS = 20.0
"""How long trying goes on at most: what hangs at each try is not tried for minutes; ours."""
FINAL = (
    FileNotFoundError,
    PermissionError,
    IsADirectoryError,
    NotADirectoryError,
    NotImplementedError,
    TypeError,
)
"""Errors after which trying again is no use."""
READ_BYTES = 128 << 10
REPLACING = {"hdfs": {"overwrite": True}}
"""How a file system is told that a file may go to the place of another, where it must be told."""
VERSIONS = ("generation", "ETag", "etag", "mtime", "modification_time")
"""What file systems tell of a file that changes with its content; the first that there is."""

T = TypeVar("T")


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


def pattern(folder: str, *parts: str) -> str:
    """Name files below a folder by a glob pattern; brackets in the folder's own path are escaped.

    A part that is absolute wins, as in ``join``.
    """
    return join(glob_module.escape(folder), *parts)


def absolute(path: str) -> str:
    """Make a local path absolute, for worker processes; a URL stays as it is."""
    return path if is_url(path) else os.path.abspath(path)


def file_system(path: str) -> tuple[Any, str]:
    """Return the fsspec file system of a path, and the path as that file system spells it."""
    # Other processes write what we list, so listings must not be remembered. HDFS's libraries do
    # not, and hdfs-native takes no options but those of Hadoop.
    remembers = is_url(path) and path.split("://")[0] != "hdfs"
    options: dict[str, Any] = {"use_listings_cache": False} if remembers else {}
    if is_url(path) and path.split("://")[0] in ("s3", "s3a"):
        # s3fs and this module try again; botocore's own five tries within each would take minutes.
        known = fsspec.config.conf.get("s3", {}).get("config_kwargs", {})
        options["config_kwargs"] = {"retries": {"max_attempts": 0}, "connect_timeout": 4, **known}
    try:
        fs, inner = fsspec.core.url_to_fs(path, **options)
    except (ImportError, OSError) as error:  # the latter from libraries that load another one
        extra = EXTRAS.get(path.split("://")[0])
        advice = f": pip install 'pasture[{extra}]'" if extra else ""
        raise StorageError(f"{path}: {str(error).partition(chr(10))[0]}{advice}") from error
    except ValueError as error:
        raise StorageError(f"{path}: {error}") from error
    return fs, inner


def _attempt(path: str, doing: str, operation: Callable[[], T], retry: bool = True) -> T:
    """Do something with a file; try again where it is remote and may work later.

    Raises:
        StorageError: It failed for good.
    """
    pauses = iter(RETRY_SECONDS if retry and is_url(path) else ())
    start = time.monotonic()
    # The services' libraries raise errors of many kinds of their own.
    kinds: type[Exception] = Exception if is_url(path) else OSError
    while True:
        try:
            return operation()
        except PastureError:
            raise
        except kinds as error:
            pause = None if isinstance(error, FINAL) else next(pauses, None)
            if pause is None or time.monotonic() - start > GIVE_UP_SECONDS:
                told = (isinstance(error, OSError) and error.strerror) or str(error)
                # Some services' "no such file" says nothing but the name.
                is_name = isinstance(error, FileNotFoundError) and " " not in told
                reason = "no such file" if is_name else told.partition("\n")[0] or repr(error)
                raise StorageError(f"cannot {doing} {path}: {reason}") from error
            time.sleep(pause)


def glob(pattern: str) -> list[tuple[str, int]]:
    """List the files that match a pattern, or one named file: ``(path, bytes)``, sorted."""
    return [(path, _size(info)) for path, info in _glob(pattern)]


def find_files(patterns: Iterable[str], whose: str) -> list[tuple[str, int]]:
    """List the files that match any of some patterns: ``(path, bytes)``, sorted; each once.

    Raises:
        InputError: A pattern matches no file; ``whose`` it is goes into the message.
    """
    found: dict[str, int] = {}
    for pattern in patterns:
        matches = glob(pattern)
        if not matches:
            raise no_match(pattern, whose)
        found.update(matches)
    return sorted(found.items())


def no_match(pattern: str, whose: str) -> InputError:
    """Make the error of a pattern that matches nothing."""
    return InputError(
        f"{whose}: no file matches {pattern}; check the recipe, or name the folder that holds "
        f"its inputs with --input"
    )


def versions(pattern: str) -> dict[str, str]:
    """Tell what every file that matches a pattern has in the place of a version, if anything.

    An object store's generation or ETag; elsewhere the time of the last change.
    """
    found = {path: _version(info) for path, info in _glob(pattern)}
    return {path: version for path, version in found.items() if version is not None}


def _glob(pattern: str) -> list[tuple[str, Any]]:
    fs, inner = file_system(pattern)

    def find() -> list[Any]:
        is_pattern = any(mark in inner for mark in "*?[")
        # A file whose name has a bracket in it is meant before the pattern.
        if not is_pattern or "[" in inner:
            try:
                return [fs.info(inner)]
            except FileNotFoundError:
                if not is_pattern:
                    return []
        return list(fs.glob(inner, detail=True).values())

    return _files(fs, pattern, _attempt(pattern, "list", find))


def list_tree(root: str) -> list[tuple[str, int]]:
    """List every file below a folder: ``(path, bytes)``, sorted by path."""
    fs, inner = file_system(root)
    found = _attempt(root, "list", lambda: list(fs.find(inner, detail=True).values()))
    return [(path, _size(info)) for path, info in _files(fs, root, found)]


def _files(fs: Any, root: str, found: Sequence[Any]) -> list[tuple[str, Any]]:
    files = {info["name"]: info for info in found if info["type"] == "file"}
    if is_url(root):
        files = {fs.unstrip_protocol(name): info for name, info in files.items()}
    return sorted(files.items())


def _size(info: Any) -> int:
    return int(info["size"] or 0)


def _version(info: Any) -> str | None:
    return next((str(info[name]) for name in VERSIONS if info.get(name) is not None), None)


def exists(path: str) -> bool:
    """Tell whether a file or folder is there."""
    fs, inner = file_system(path)
    return _attempt(path, "look for", lambda: bool(fs.exists(inner)))


def state(path: str) -> tuple[int, str | None] | None:
    """Return a file's size in bytes and its version (see ``versions``), or None without a file."""
    fs, inner = file_system(path)

    def look() -> tuple[int, str | None] | None:
        try:
            info = fs.info(inner)
        except FileNotFoundError:
            return None
        return _size(info), _version(info)

    return _attempt(path, "look for", look)


def make_folder(path: str) -> None:
    """Make a folder and its parents; a bucket needs none."""
    fs, inner = file_system(path)
    _attempt(path, "make the folder", lambda: fs.makedirs(inner, exist_ok=True))


def remove_tree(path: str) -> None:
    """Remove a file or a folder with all that is in it, if it is there."""
    fs, inner = file_system(path)
    if exists(path):
        _attempt(path, "remove", lambda: fs.rm(inner, recursive=True))


def remove_partial(root: str) -> None:
    """Remove the unfinished files that killed writers left below a folder."""
    if root.split("://")[0] in OBJECT_STORES:  # they show none
        return
    for path, _ in list_tree(root):
        if PARTIAL in path.rsplit("/", 1)[-1]:
            remove_tree(path)


def open_read(path: str) -> BinaryIO:
    """Open a file for reading bytes. Where its storage fails, that is a ``StorageError``.

    Never an ``OSError``, which decompressors and parsers raise for damaged content.
    """
    fs, inner = file_system(path)
    stream = _attempt(path, "read", lambda: fs.open(inner, "rb"))
    return io.BufferedReader(_File(path, stream), READ_BYTES)


class _File(io.RawIOBase):
    """A file being read; a remote one is opened anew, and read on, where the connection breaks."""

    def __init__(self, path: str, stream: Any) -> None:
        super().__init__()
        self._path, self._stream, self._position = path, stream, 0

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return bool(self._stream is None or self._stream.seekable())

    def tell(self) -> int:
        return self._position

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        end = self._do(lambda stream: _seek(stream, 0, io.SEEK_END))
        offset += {io.SEEK_SET: 0, io.SEEK_CUR: self._position, io.SEEK_END: end}[whence]
        if offset < 0:  # by a damaged archive's table of contents
            raise OSError(errno.EINVAL, os.strerror(errno.EINVAL), self._path)
        # File systems refuse offsets that no file of theirs reaches.
        self._position = self._do(lambda stream: _seek(stream, min(offset, end)))
        return self._position

    def readinto(self, buffer: Any) -> int:
        data = self._do(lambda stream: cast(bytes, stream.read(len(buffer))))
        buffer[: len(data)] = data
        self._position += len(data)
        return len(data)

    def close(self) -> None:
        if not self.closed and self._stream is not None:
            self._stream.close()
        super().close()

    def _do(self, operation: Callable[[Any], T]) -> T:
        def attempt() -> T:
            if self._stream is None:
                fs, inner = file_system(self._path)
                self._stream = fs.open(inner, "rb")
                self._stream.seek(self._position)
            try:
                return operation(self._stream)
            except Exception:
                self._stream = None
                raise

        return _attempt(self._path, "read", attempt)


def _seek(stream: Any, offset: int, whence: int = io.SEEK_SET) -> int:
    stream.seek(offset, whence)  # not every library gives the place
    return int(stream.tell())


class _RemoteWriter(io.RawIOBase):
    """A remote file being written; what fails is a ``StorageError``. Closed by who made it."""

    def __init__(self, path: str, stream: Any) -> None:
        super().__init__()
        self._path, self._stream = path, stream

    def writable(self) -> bool:
        return True

    def tell(self) -> int:
        return int(self._stream.tell())

    def write(self, data: Any) -> int:
        _attempt(self._path, "write", lambda: self._stream.write(data), retry=False)
        return len(data)


@contextlib.contextmanager
def atomic_write(path: str) -> Iterator[BinaryIO]:
    """A binary file that appears, complete, under its name, or not at all."""
    fs, inner = file_system(path)
    in_store = path.split("://")[0] in OBJECT_STORES
    target = inner if in_store else f"{inner}{PARTIAL}{uuid.uuid4().hex[:12]}"

    def start() -> Any:
        if in_store:
            return fs.open(target, "wb", autocommit=False)
        fs.makedirs(posixpath.dirname(inner), exist_ok=True)
        return fs.open(target, "wb")

    def finish() -> None:
        stream.close()
        if in_store:
            stream.commit()
        elif is_url(path):
            fs.mv(target, inner, **REPLACING.get(path.split("://")[0], {}))
        else:
            os.replace(target, inner)

    stream = _attempt(path, "write", start)
    whole = False
    try:
        yield cast(BinaryIO, _RemoteWriter(path, stream) if is_url(path) else stream)
        # A commit or rename that was carried out may not be so a second time.
        _attempt(path, "write", finish, retry=False)
        whole = True
    except OSError as error:
        raise StorageError(f"cannot write {path}: {error}") from error
    finally:
        if not whole:
            _discard(fs, stream, target, in_store)


def _discard(fs: Any, stream: Any, target: str, in_store: bool) -> None:
    """Remove an unfinished file. What fails here is no news: the first error is on its way up."""
    if in_store:
        with contextlib.suppress(Exception):
            stream.discard()
        stream.closed = True  # or it would upload its rest when it is collected
        return
    with contextlib.suppress(Exception):  # it writes its rest, for which there may be no room
        stream.close()
    with contextlib.suppress(Exception):
        fs.rm(target)


@contextlib.contextmanager
def atomic_parquet(path: str, schema: pa.Schema) -> Iterator[pq.ParquetWriter]:
    """A zstd Parquet writer whose file appears, complete, under its name or not at all.

    There are no dictionaries: that of a column of texts is dropped after its first megabyte anyway,
    but makes the file take half as long again to read, and what repeats in other columns zstd finds
    as well, in less time. Of texts there are no statistics: no reader looks for the least text.
    """
    counted = [field.name for field in schema if field.name != "text"]
    with (
        atomic_write(path) as stream,
        pq.ParquetWriter(
            stream, schema, compression="zstd", use_dictionary=False, write_statistics=counted
        ) as writer,
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
    return digest(path, "sha256")


def digest(path: str, algorithm: str) -> str:
    """Hash a file's bytes by one of the algorithms of hashlib; in hexadecimal."""
    with open_read(path) as stream:
        hashed = hashlib.new(algorithm)
        while chunk := stream.read(1 << 20):
            hashed.update(chunk)
    return hashed.hexdigest()


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
