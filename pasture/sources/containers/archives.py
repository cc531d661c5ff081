"""Compressed files and archives, read as streams, with limits against hostile ones.

Nothing is ever unpacked to disk, so a member called ``../x`` cannot leave its folder; it is
rejected all the same, because no sound archive has one. Every limit that is hit is reported.
"""

from __future__ import annotations

import contextlib
import dataclasses
import gzip
import io
import itertools
import lzma
import posixpath
import tarfile
import zipfile
import zlib
from collections.abc import Iterator
from typing import TYPE_CHECKING, BinaryIO, ClassVar, cast

from backports import zstd

from pasture import storage
from pasture.sources.base import Rejected
from pasture.sources.containers.compression import TooLarge, decompress

if TYPE_CHECKING:
    from typing_extensions import Self

_HEADER_BYTES = 1 << 20
"""Longest header of a member of a tar, with its long names. Ours: names take up to 4 KiB."""
_DIRECTORY_BYTES = 32 << 20
"""Largest directory of a zip: 200,000 to 700,000 members, which take up to 500 MB; ours."""
_MAX_NAME = 4096
"""Longest path of a member, in characters: what Linux allows."""
_LOCAL_HEADER_BYTES = 30

# What the decompressors of the standard library raise on damaged or truncated data; zstandard's is
# part of it from Python 3.14 on. What fails while the data is fetched is a StorageError, and stops
# the job.
DAMAGED = (
    *(EOFError, zlib.error, lzma.LZMAError, gzip.BadGzipFile, zstd.ZstdError),
    *(OSError, ValueError),
)


@dataclasses.dataclass(frozen=True, slots=True)
class Limits:
    """What an archive may hold; ours, far above what the sources' own archives hold.

    Args:
        member_bytes: Largest member that is read, in bytes after decompression.
        total_bytes: Most bytes read from one archive, after decompression.
        members: Most members read from one archive.
        empty: Most folders, links and empty files, of which a bomb makes thousands of each byte.
    """

    member_bytes: int = 64 << 20
    total_bytes: int = 16 << 30
    members: int = 1_000_000
    empty: int = 200_000


@dataclasses.dataclass(frozen=True, slots=True)
class Member:
    """One regular file of an archive.

    Args:
        name: Its path within the archive, with ``/`` and without a leading ``./``.
        data: Its bytes.
        mtime: Its modification time in seconds since 1970, UTC; 0 where unknown.
    """

    name: str
    data: bytes
    mtime: float = 0.0


class OverLimitError(Exception):
    """An archive asks for more than it may."""


def read_limited(stream: BinaryIO, limit: int) -> bytes:
    """Read a stream to its end.

    Raises:
        TooLarge: It holds more than ``limit`` bytes.
    """
    data = stream.read(limit + 1)
    if len(data) > limit:
        raise TooLarge(f"more than {limit:,} bytes")
    return data


def gunzip(data: bytes, limit: int) -> bytes:
    """Decompress a gzip held in memory.

    Raises:
        TooLarge: It holds more than ``limit`` bytes.
        EOFError, zlib.error, gzip.BadGzipFile: It is truncated or damaged.
    """
    return read_limited(cast(BinaryIO, gzip.GzipFile(fileobj=io.BytesIO(data))), limit)


def is_unsafe(name: str) -> bool:
    """Tell whether a member's name is absolute or climbs out of the archive."""
    parts = name.replace("\\", "/").split("/")
    return name.startswith(("/", "\\")) or ".." in parts or (len(name) > 1 and name[1] == ":")


def read_members(path: str, limits: Limits = Limits()) -> Iterator[Member | Rejected]:
    """Yield the regular files of a tar (plain, gz, bz2, xz) or zip archive, in archive order.

    Folders are passed over. Links, devices, unsafe names and members over the limit are
    yielded as ``Rejected``; an archive that breaks off or goes over its limits yields one
    ``Rejected`` of kind ``bad_file`` after what could be read.

    Raises:
        StorageError: The file cannot be read, whatever it holds.
    """
    with storage.open_read(path) as stream:
        yield from read_members_of(stream, path, limits)


def read_members_of(
    stream: BinaryIO, label: str, limits: Limits = Limits()
) -> Iterator[Member | Rejected]:
    """Yield the files of an open, seekable archive; ``label`` names it in what is rejected."""
    magic = stream.read(4)
    stream.seek(0)
    members = _zip_members if magic.startswith(b"PK") else _tar_members
    count, total = 0, 0
    try:
        for member in members(stream, label, limits):
            count += 1
            total += len(member.data) if isinstance(member, Member) else 0
            if count > limits.members or total > limits.total_bytes:
                yield Rejected(
                    label,
                    "archive_over_limit",
                    "bad_file",
                    f"stopped after {count - 1} members and {total:,} bytes",
                )
                return
            yield member
    except OverLimitError as error:
        yield Rejected(label, "archive_over_limit", "bad_file", f"after {count} members: {error}")
    except (tarfile.TarError, zipfile.BadZipFile, NotImplementedError, RuntimeError, *DAMAGED) as e:
        yield Rejected(label, "damaged_archive", "bad_file", f"after {count} members: {e!r}")


class _HeaderGuard:
    """The content of a tar, with a limit on how much of it one header may take.

    tarfile reads the long names, pax headers and maps of sparse files of a member into memory.
    """

    def __init__(self, content: BinaryIO, total: int) -> None:
        self._content, self._total = content, total
        self._read = self._begin = self._depth = 0

    def read(self, size: int = -1) -> bytes:
        """Read; ``OverLimitError`` where a header or the whole is too long."""
        data = self._content.read(size)
        self._read += len(data)
        if self._depth and self._read - self._begin > _HEADER_BYTES:
            raise OverLimitError(f"a header of more than {_HEADER_BYTES:,} bytes")
        if self._read > self._total:
            raise OverLimitError(f"more than {self._total:,} bytes after decompression")
        return data

    @contextlib.contextmanager
    def header(self) -> Iterator[None]:
        """Count what is read meanwhile as one header; tarfile reads some within others."""
        if self._depth == 0:
            self._begin = self._read
        self._depth += 1
        try:
            yield
        finally:
            self._depth -= 1


class _StrictTarInfo(tarfile.TarInfo):
    """A header reader that tells an archive that breaks off from one that ends.

    The standard library takes a header that is cut short, damaged or absent for the end of the
    archive, except in the first place. A sound archive ends with a block of zeros.
    """

    headers: ClassVar[_HeaderGuard]

    @classmethod
    def fromtarfile(cls, archive: tarfile.TarFile) -> Self:
        """Read the next header, or raise where there is no sound one."""
        try:
            with cls.headers.header():
                return super().fromtarfile(archive)
        except tarfile.EOFHeaderError:  # type: ignore[attr-defined]
            raise
        except tarfile.HeaderError as error:
            offset = archive.offset
            raise tarfile.ReadError(f"no sound header at byte {offset}: {error}") from error


def _tar_members(stream: BinaryIO, label: str, limits: Limits) -> Iterator[Member | Rejected]:
    guard = _HeaderGuard(decompress(stream), 2 * limits.total_bytes + _HEADER_BYTES)

    class Info(_StrictTarInfo):
        headers = guard

    empty = 0
    # "r|" reads forward only: bounded memory, and no seek in a compressed stream.
    with tarfile.open(fileobj=cast(BinaryIO, guard), mode="r|", tarinfo=Info) as archive:
        for info in archive:
            locator = f"{label}:{info.name[:_MAX_NAME]}"
            empty += not info.size
            if empty > limits.empty:
                raise OverLimitError(f"more than {limits.empty:,} folders, links and empty files")
            if info.isdir():
                pass
            elif len(info.name) > _MAX_NAME:
                yield Rejected(locator, "name_too_long", "bad_record", f"{len(info.name):,}")
            elif is_unsafe(info.name):
                yield Rejected(locator, "unsafe_path", "bad_record")
            elif not info.isreg():
                yield Rejected(locator, "not_a_regular_file", detail=f"tar type {info.type!r}")
            elif info.size > limits.member_bytes:
                yield Rejected(locator, "member_too_large", "bad_record", f"{info.size:,} bytes")
            else:
                content = archive.extractfile(info)
                assert content is not None  # a regular file always has content
                yield Member(posixpath.normpath(info.name), content.read(), info.mtime)
            archive.members.clear()  # type: ignore[attr-defined]  # or the list grows for ever


class _DirectoryGuard:
    """A stream whose reads are limited while zipfile reads the directory, all at once."""

    def __init__(self, stream: BinaryIO) -> None:
        self._stream = stream
        self.seek, self.tell, self.seekable = stream.seek, stream.tell, stream.seekable
        self.limit: int | None = _DIRECTORY_BYTES

    def read(self, size: int = -1) -> bytes:
        """Read; ``OverLimitError`` where a directory is too large."""
        if self.limit is not None and size > self.limit:
            raise OverLimitError(f"a directory of {size:,} bytes; at most {self.limit:,} are read")
        return self._stream.read(size)


def _zip_members(stream: BinaryIO, label: str, limits: Limits) -> Iterator[Member | Rejected]:
    guard = _DirectoryGuard(stream)
    with zipfile.ZipFile(cast(BinaryIO, guard)) as archive:
        guard.limit = None
        if overlap := _overlap(archive.infolist()):
            yield Rejected(label, "overlapping_members", "bad_file", overlap)
            return
        for info in archive.infolist():
            if not info.is_dir():
                yield _zip_member(archive, info, f"{label}:{info.filename[:_MAX_NAME]}", limits)


def _overlap(members: list[zipfile.ZipInfo]) -> str:
    """Say which members share bytes of the archive, which in a sound one none do."""
    ordered = sorted(members, key=lambda info: info.header_offset)
    for one, other in itertools.pairwise(ordered):
        if one.header_offset + _LOCAL_HEADER_BYTES + one.compress_size > other.header_offset:
            return f"{one.filename[:100]!r} and {other.filename[:100]!r} share bytes"
    return ""


def _zip_member(
    archive: zipfile.ZipFile, info: zipfile.ZipInfo, locator: str, limits: Limits
) -> Member | Rejected:
    if len(info.filename) > _MAX_NAME:
        return Rejected(locator, "name_too_long", "bad_record", f"{len(info.filename):,}")
    if is_unsafe(info.filename):
        return Rejected(locator, "unsafe_path", "bad_record")
    if (info.external_attr >> 16) & 0o170000 == 0o120000:
        return Rejected(locator, "not_a_regular_file", detail="symbolic link")
    if info.flag_bits & 1:
        return Rejected(locator, "encrypted", "bad_record")
    # The other methods of zipfile decompress all that they are given, whatever is asked of them.
    if info.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
        detail = f"method {info.compress_type}"
        return Rejected(locator, "unsupported_compression", "bad_record", detail)
    try:
        with archive.open(info) as content:
            data = read_limited(cast(BinaryIO, content), limits.member_bytes)
    except TooLarge as error:  # the header's size may lie; the bytes do not
        return Rejected(locator, "member_too_large", "bad_record", str(error))
    except (zipfile.BadZipFile, zlib.error, EOFError) as error:
        return Rejected(locator, "damaged_member", "bad_record", repr(error))
    return Member(posixpath.normpath(info.filename), data)
