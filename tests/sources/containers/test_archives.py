"""Archives read as streams, hostile ones among them."""

from __future__ import annotations

import bz2
import gzip
import io
import lzma
import tarfile
import zipfile

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pasture.sources.base import Rejected
from pasture.sources.containers import archives
from pasture.sources.containers.archives import Limits, Member, read_members, read_members_of


def tar_bytes(*members: tuple[str, bytes] | tarfile.TarInfo) -> bytes:
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w") as archive:
        for member in members:
            if isinstance(member, tarfile.TarInfo):
                archive.addfile(member)
            else:
                info = tarfile.TarInfo(member[0])
                info.size = len(member[1])
                archive.addfile(info, io.BytesIO(member[1]))
    return out.getvalue()


def zip_bytes(*members: tuple[str, bytes]) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in members:
            archive.writestr(name, data)
    return out.getvalue()


def read(data: bytes, limits: Limits = Limits()) -> list[Member | Rejected]:
    return list(read_members_of(io.BytesIO(data), "x", limits))


@pytest.mark.parametrize("pack", [bytes, gzip.compress, bz2.compress, lzma.compress])
def test_reads_tars_however_they_are_packed(pack):
    data = pack(tar_bytes(("./a/b.txt", b"one"), ("c", b"two")))
    assert read(data) == [Member("a/b.txt", b"one"), Member("c", b"two")]


def test_reads_zips():
    assert read(zip_bytes(("a/b.txt", b"one"), ("d/", b""))) == [Member("a/b.txt", b"one")]


@pytest.mark.parametrize("name", ["../x", "/x", "a/../../x", "C:\\x", "a\\..\\x"])
@pytest.mark.parametrize("pack", [tar_bytes, zip_bytes])
def test_rejects_names_that_leave_the_archive(pack, name):
    found = read(pack((name, b"evil"), ("good", b"fine")))
    reasons = [r.reason for r in found if isinstance(r, Rejected)]
    assert reasons == ["unsafe_path"]
    assert [m.name for m in found if isinstance(m, Member)] == ["good"]


def test_rejects_links_and_devices():
    link = tarfile.TarInfo("link")
    link.type, link.linkname = tarfile.SYMTYPE, "/etc/passwd"
    device = tarfile.TarInfo("device")
    device.type = tarfile.CHRTYPE
    assert [r.reason for r in read(tar_bytes(link, device)) if isinstance(r, Rejected)] == [
        "not_a_regular_file",
        "not_a_regular_file",
    ]


@pytest.mark.parametrize("pack", [tar_bytes, zip_bytes])
def test_rejects_a_member_over_the_limit_and_goes_on(pack):
    found = read(pack(("big", b"x" * 11), ("just", b"y" * 10)), Limits(member_bytes=10))
    assert [getattr(f, "reason", None) for f in found] == ["member_too_large", None]


@pytest.mark.parametrize("limits", [Limits(total_bytes=15), Limits(members=1)])
def test_stops_at_an_archive_over_its_limits(limits):
    found = read(tar_bytes(("a", b"x" * 10), ("b", b"y" * 10), ("c", b"")), limits)
    assert found[0] == Member("a", b"x" * 10)
    assert found[1].reason == "archive_over_limit"
    assert found[1].kind == "bad_file"
    assert len(found) == 2


def test_a_bomb_is_bounded():
    found = read(zip_bytes(("bomb", b"\0" * 50_000_000)), Limits(member_bytes=1_000_000))
    assert [f.reason for f in found] == ["member_too_large"]


@pytest.mark.parametrize("cut", [700, 1030, 1100])
def test_a_tar_that_breaks_off_gives_what_could_be_read(cut):
    data = gzip.compress(tar_bytes(("a", b"one"), ("b", b"z" * 600)))
    raw = tar_bytes(("a", b"one"), ("b", b"z" * 600))[:cut]
    found = read(raw)
    assert found[-1].reason == "damaged_archive"
    assert found[-1].kind == "bad_file"
    assert read(data[: len(data) - 20])[-1].reason == "damaged_archive"


def test_names_the_file_on_disk(tmp_path):
    path = tmp_path / "x.zip"
    path.write_bytes(b"PK\x03\x04 nothing")
    (found,) = read_members(str(path))
    assert found.locator == str(path)
    assert found.kind == "bad_file"


@settings(max_examples=50, deadline=None)
@given(st.binary(max_size=2000), st.sampled_from([b"", b"PK\x03\x04", b"\x1f\x8b\x08", b"BZh9"]))
def test_never_raises_on_any_bytes(data, magic):
    for found in read(magic + data):
        assert isinstance(found, (Member, Rejected))


def test_gunzip_is_bounded():
    packed = gzip.compress(b"\0" * 1_000_000)
    assert archives.gunzip(packed, 1_000_000) == b"\0" * 1_000_000
    with pytest.raises(archives.TooLarge):
        archives.gunzip(packed, 999_999)
