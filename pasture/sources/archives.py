"""Compressed files and archives, read as streams, with limits against hostile ones.

Nothing is ever unpacked to disk, so a member called ``../x`` cannot leave its folder; it is
rejected all the same, because no sound archive has one. Every limit that is hit is reported.
"""

from __future__ import annotations

import bz2
import dataclasses
import gzip
import io
import lzma
import posixpath
import tarfile
import zipfile
import zlib
from collections.abc import Iterator
from typing import TYPE_CHECKING, BinaryIO, cast

from backports import zstd

from pasture import storage
from pasture.sources.base import Rejected

if TYPE_CHECKING:
    from typing_extensions import Self

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
    """

    member_bytes: int = 64 << 20
    total_bytes: int = 16 << 30
    members: int = 1_000_000


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


class TooLarge(ValueError):
    """A stream is longer than its limit."""


def read_limited(stream: BinaryIO, limit: int) -> bytes:
    """Read a stream to its end.

    Raises:
        TooLarge: It holds more than ``limit`` bytes.
    """
    data = stream.read(limit + 1)
    if len(data) > limit:
        raise TooLarge(f"more than {limit:,} bytes")
    return data


def decompress(stream: BinaryIO) -> BinaryIO:
    """Wrap a seekable stream in its decompressor, told by its first bytes.

    It knows gzip, bzip2, xz, and zstandard with windows of at most 128 MiB, its own default.
    """
    magic = stream.read(6)
    stream.seek(0)
    if magic.startswith(b"\x1f\x8b"):
        return cast(BinaryIO, gzip.GzipFile(fileobj=stream))
    if magic.startswith(b"BZh"):
        return cast(BinaryIO, bz2.BZ2File(stream))
    if magic.startswith(b"\xfd7zXZ\x00"):
        return cast(BinaryIO, lzma.LZMAFile(stream))
    if magic.startswith(b"\x28\xb5\x2f\xfd"):
        return cast(BinaryIO, zstd.ZstdFile(stream))
    return stream


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
    except (tarfile.TarError, zipfile.BadZipFile, NotImplementedError, RuntimeError, *DAMAGED) as e:
        yield Rejected(label, "damaged_archive", "bad_file", f"after {count} members: {e!r}")


class _StrictTarInfo(tarfile.TarInfo):
    """A header reader that tells an archive that breaks off from one that ends.

    The standard library takes a header that is cut short, damaged or absent for the end of the
    archive, except in the first place. A sound archive ends with a block of zeros.
    """

    @classmethod
    def fromtarfile(cls, archive: tarfile.TarFile) -> Self:
        """Read the next header, or raise where there is no sound one."""
        try:
            return super().fromtarfile(archive)
        except tarfile.EOFHeaderError:  # type: ignore[attr-defined]
            raise
        except tarfile.HeaderError as error:
            offset = archive.offset
            raise tarfile.ReadError(f"no sound header at byte {offset}: {error}") from error


def _tar_members(stream: BinaryIO, label: str, limits: Limits) -> Iterator[Member | Rejected]:
    # "r|" reads forward only: bounded memory, and no seek in a compressed stream.
    with tarfile.open(fileobj=decompress(stream), mode="r|", tarinfo=_StrictTarInfo) as archive:
        for info in archive:
            locator = f"{label}:{info.name}"
            if info.isdir():
                pass
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


def _zip_members(stream: BinaryIO, label: str, limits: Limits) -> Iterator[Member | Rejected]:
    with zipfile.ZipFile(stream) as archive:
        for info in archive.infolist():
            locator = f"{label}:{info.filename}"
            is_link = (info.external_attr >> 16) & 0o170000 == 0o120000
            if info.is_dir():
                continue
            if is_unsafe(info.filename):
                yield Rejected(locator, "unsafe_path", "bad_record")
            elif is_link:
                yield Rejected(locator, "not_a_regular_file", detail="symbolic link")
            elif info.flag_bits & 1:
                yield Rejected(locator, "encrypted", "bad_record")
            else:
                try:
                    with archive.open(info) as content:
                        data = read_limited(cast(BinaryIO, content), limits.member_bytes)
                except TooLarge as error:  # the header's size may lie; the bytes do not
                    yield Rejected(locator, "member_too_large", "bad_record", str(error))
                except (zipfile.BadZipFile, zlib.error, EOFError) as error:
                    yield Rejected(locator, "damaged_member", "bad_record", repr(error))
                else:
                    yield Member(posixpath.normpath(info.filename), data)
