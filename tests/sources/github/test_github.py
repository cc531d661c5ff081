"""Rows, archives and folders become documents, or say why they do not."""

from __future__ import annotations

import collections
import contextlib
import functools
import gzip
import importlib.metadata
import io
import json
import pathlib
import tarfile
import time
import zipfile
from collections.abc import Iterator

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pasture.errors import InputError
from pasture.records import Document, documents_to_batch
from pasture.sample import github as sample
from pasture.sources.base import Rejected
from pasture.sources.github import source as github
from pasture.sources.github.rows import parse_row
from pasture.sources.github.source import GitHub, NotTextError, decode, repository_name

# With no time in it: the names of tests must not change from one collection to the next.
gzipped = functools.partial(gzip.compress, mtime=0)

MIT = "Released under the MIT license.\n"
GPL = "GNU GENERAL PUBLIC LICENSE\nVersion 3\n"


def read(source: GitHub) -> Iterator[Document | Rejected]:
    for shard in source.shards():
        yield from source.read(shard)


def outcome(source: GitHub) -> list[tuple[str, str]]:
    """Each record's locator, and its licence or the reason why it gave no document."""
    return [
        (record.id, str(record.license))
        if isinstance(record, Document)
        else (record.locator.rpartition("/tmp")[2] or record.locator, record.reason)
        for record in read(source)
    ]


def row(path: str, content: object, **more: object) -> dict[str, object]:
    return {
        "repo_name": "ada/box",
        "path": path,
        "content": content,
        "ref": "refs/heads/main",
        **more,
    }


def export(folder: pathlib.Path, rows: list[object], name: str = "bq-0.json.gz") -> GitHub:
    lines = [entry if isinstance(entry, bytes) else json.dumps(entry).encode() for entry in rows]
    (folder / name).write_bytes(gzipped(b"\n".join(lines)))
    return GitHub(inputs=(str(folder / name),))


def tar_of(members: dict[str, bytes | None]) -> bytes:
    """A .tar.gz; a member without bytes is a symbolic link."""
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w:gz") as archive:
        for name, data in members.items():
            info = tarfile.TarInfo(name)
            info.size = len(data or b"")
            if data is None:
                info.type, info.linkname = tarfile.SYMTYPE, "elsewhere"
            archive.addfile(info, io.BytesIO(data or b""))
    return buffer.getvalue()


def test_a_row_becomes_a_document(tmp_path: pathlib.Path) -> None:
    source = export(tmp_path, [row("src/a.py", "a = 1\n", license="mit", size="6")])
    assert list(read(source)) == [
        Document(
            id="ada/box@src/a.py",
            source="github",
            text="a = 1\n",
            url="https://github.com/ada/box/blob/main/src/a.py",
            license="MIT",
            metadata='{"language": "Python", "license_origin": "license column", '
            '"path": "src/a.py", "ref": "refs/heads/main", "repo": "ada/box", "size": 6}',
        )
    ]


def test_rows_that_are_no_documents(tmp_path: pathlib.Path) -> None:
    source = export(
        tmp_path,
        [
            row("a.py", "a = 1\n"),
            row("b.py", "b = 1\n", license="gpl-3.0"),
            row("c.py", None, license="mit"),
            row("d.py", None, license="mit", binary=True),
            row("e.py", "\0", license="mit"),
            row("f.py", " \n", license="mit"),
            row("g.json", "{}", license="mit"),
            row("h.unheard", "x", license="mit"),
            row("i.py", "version https://git-lfs.github.com/spec/v1\noid x\n", license="mit"),
            row("j.py", "../other/j.py", license="mit"),
            row("k.py", "k.py", license="mit", mode="40960"),
            row("l.py", 3, license="mit"),
            row("m.py", "m = '\ud800'", license="mit"),
            row("n.py", "n" * (1 << 20) + "\n", license="mit"),
            row("o.py", "# SPDX-License-Identifier: GPL-2.0-only\n", license="mit"),
            row("vendor/p.py", "p = 1\n", license="mit"),
            {"path": "q.py", "content": ""},
            row("\udcff.py", "r = 1", license="mit"),
            b'{"repo_name": "ada/box", "path"',
            b"[1]",
            b"[" * 100_000,
            b"",
            b"\xff\xfe",
        ],
    )
    assert outcome(source) == [
        ("ada/box@a.py", "licence_unknown"),
        ("ada/box@b.py", "licence_not_permissive"),
        ("ada/box@c.py", "no_content"),
        ("ada/box@d.py", "binary"),
        ("ada/box@e.py", "binary"),
        ("ada/box@f.py", "empty"),
        ("ada/box@g.json", "unwanted_language"),
        ("ada/box@h.unheard", "unknown_language"),
        ("ada/box@i.py", "lfs_pointer"),
        ("ada/box@j.py", "symlink"),
        ("ada/box@k.py", "symlink"),
        ("ada/box@l.py", "broken_row"),
        ("ada/box@m.py", "broken_row"),
        ("ada/box@n.py", "too_large"),
        ("ada/box@o.py", "licence_not_permissive"),
        ("ada/box@vendor/p.py", "licence_unknown"),
        (f"{source.inputs[0]}:17".rpartition("/tmp")[2], "broken_row"),
        ("ada/box@\\udcff.py", "bad_path"),
        (f"{source.inputs[0]}:19".rpartition("/tmp")[2], "broken_row"),
        (f"{source.inputs[0]}:20".rpartition("/tmp")[2], "broken_row"),
        (f"{source.inputs[0]}:21".rpartition("/tmp")[2], "broken_row"),
        (f"{source.inputs[0]}:23".rpartition("/tmp")[2], "broken_row"),
    ]


def test_a_licence_row_overrules_the_column_wherever_it_stands(tmp_path: pathlib.Path) -> None:
    source = export(
        tmp_path,
        [
            row("a.py", "a = 1\n", license="mit"),
            row("LICENSE", GPL, license="mit"),
            {**row("a.py", "a = 1\n", license="mit"), "repo_name": "ada/other"},
        ],
    )
    assert outcome(source) == [
        ("ada/box@a.py", "licence_not_permissive"),
        ("ada/box@LICENSE", "licence_file"),
        ("ada/other@a.py", "MIT"),
    ]


def test_a_header_overrules_the_repository(tmp_path: pathlib.Path) -> None:
    source = export(
        tmp_path,
        [
            row("LICENSE", GPL),
            row("a.py", "# SPDX-License-Identifier: MIT\na = 1\n"),
            row("b.c", "/* Licensed under the BSD license. */\nint b;\n"),
            {**row("c.c", "/* Licensed under the BSD license. */\n"), "repo_name": "ada/bare"},
        ],
    )
    # A licence only named frees no file of a GPL repository.
    assert outcome(source)[1:] == [
        ("ada/box@a.py", "MIT"),
        ("ada/box@b.c", "licence_not_permissive"),
        ("ada/bare@c.c", "LicenseRef-BSD"),
    ]


def test_a_header_that_says_bsd_points_at_the_repository(tmp_path: pathlib.Path) -> None:
    source = export(
        tmp_path,
        [
            row("a.c", "/* Licensed under the BSD license. */\nint a;\n", license="bsd-3-clause"),
            row("b.c", "/* Licensed under the MIT license. */\nint b;\n", license="bsd-3-clause"),
        ],
    )
    assert outcome(source) == [("ada/box@a.c", "BSD-3-Clause"), ("ada/box@b.c", "MIT")]


def test_a_truncated_export_keeps_what_could_be_read(tmp_path: pathlib.Path) -> None:
    rows: list[object] = [row(f"{n}.py", f"a = '{n * 7919}'\n", license="mit") for n in range(500)]
    source = export(tmp_path, rows)
    path = pathlib.Path(source.inputs[0])
    path.write_bytes(path.read_bytes()[:-200])
    records = list(read(source))
    assert isinstance(records[-1], Rejected)
    assert (records[-1].reason, records[-1].kind) == ("damaged_file", "bad_file")
    assert len(records) > 100


@pytest.mark.parametrize("held_bytes", [0, 64 << 20])
def test_an_archive_loses_its_top_folder(
    tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch, held_bytes: int
) -> None:
    monkeypatch.setattr(github, "HELD_BYTES", held_bytes)
    members: dict[str, bytes | None] = {
        "box-v1.2/src/a.py": b"a = 1\n",
        "box-v1.2/LICENSE": MIT.encode(),
        "box-v1.2/link.py": None,
        "box-v1.2/.git/config": b"[core]\n",
        "box-v1.2/src/b.bin": b"\0\1",
        "box-v1.2/src/c.py": "# Grüße an Jörg\n".encode("latin-1"),
        "box-v1.2/src/d.py": "# Привет\n".encode("koi8-r"),
        "box-v1.2/src/e.py": "a = 'ü'\n".encode("utf-16"),
        "box-v1.2/src/f.py": b"\xef\xbb\xbff = 1\n",
    }
    path = tmp_path / "ada__box.tar.gz"
    path.write_bytes(tar_of(members))
    records = list(read(GitHub(inputs=(str(path),))))
    assert [
        (r.id, r.text) if isinstance(r, Document) else (r.locator.removeprefix(str(path)), r.reason)
        for r in records
    ] == [
        ("ada/box@src/a.py", "a = 1\n"),
        ("ada/box@LICENSE", "licence_file"),
        (":box-v1.2/link.py", "symlink"),
        ("ada/box@src/b.bin", "binary"),
        ("ada/box@src/c.py", "# Grüße an Jörg\n"),
        ("ada/box@src/d.py", "unknown_encoding"),
        ("ada/box@src/e.py", "a = 'ü'\n"),
        ("ada/box@src/f.py", "f = 1\n"),
    ]
    assert isinstance(records[0], Document)
    assert json.loads(records[0].metadata or "") == {
        "language": "Python",
        "license_origin": "LICENSE",
        "path": "src/a.py",
        "ref": "v1.2",
        "repo": "ada/box",
        "size": 6,
    }


def test_hostile_members_are_rejected(tmp_path: pathlib.Path) -> None:
    path = tmp_path / "box.tar.gz"
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w:gz") as archive:
        for name in ("LICENSE", "../a.py", "/etc/b.py", "c.py", "c.py", "d\udcff.py"):
            info = tarfile.TarInfo(name)
            data = MIT.encode() if name == "LICENSE" else b"a = 1\n"
            info.size = len(data)
            archive.addfile(info, io.BytesIO(data))
    path.write_bytes(buffer.getvalue())
    found = [
        record.reason if isinstance(record, Rejected) else record.id
        for record in read(GitHub(inputs=(str(path),)))
    ]
    assert found == [
        "licence_file",
        "unsafe_path",
        "unsafe_path",
        "box@c.py",
        "duplicate_path",
        "bad_path",
    ]


def test_a_damaged_archive_keeps_what_could_be_read(tmp_path: pathlib.Path) -> None:
    path = tmp_path / "box.tar.gz"
    data = tar_of({"LICENSE": MIT.encode(), **{f"{n}.py": b"a = 1\n" * n for n in range(900)}})
    path.write_bytes(data[: len(data) // 2])
    records = list(read(GitHub(inputs=(str(path),))))
    assert [r.kind for r in records if isinstance(r, Rejected)][-1] == "bad_file"
    assert any(isinstance(record, Document) for record in records)


def test_zip_archives_are_read_alike(tmp_path: pathlib.Path) -> None:
    path = tmp_path / "ada__box.zip"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("box-main/a.py", "a = 1\n")
        archive.writestr("box-main/LICENSE", MIT)
    assert outcome(GitHub(inputs=(str(path),))) == [
        ("ada/box@a.py", "MIT"),
        ("ada/box@LICENSE", "licence_file"),
    ]


def test_a_folder_is_a_repository(tmp_path: pathlib.Path) -> None:
    root = tmp_path / "ada__box"
    for name, text in {
        "LICENSE": MIT,
        "src/a.py": "a = 1\n",
        "lib/other/.git": "gitdir: ../../.git/modules/other\n",
        "lib/other/b.py": "b = 1\n",
        ".git/config": "[core]\n",
        "big.py": "x" * (1 << 20) + "\n",
    }.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text(text, encoding="utf-8")
    (root / "etc").symlink_to("/etc")
    (root / "src" / "c.py").symlink_to("a.py")
    assert sorted(outcome(GitHub(inputs=(str(root),)))) == [
        ("ada/box@LICENSE", "licence_file"),
        ("ada/box@big.py", "too_large"),
        ("ada/box@etc", "symlink"),
        ("ada/box@lib/other/b.py", "licence_unknown"),
        ("ada/box@src/a.py", "MIT"),
        ("ada/box@src/c.py", "symlink"),
    ]


def test_shards_are_rows_then_archives_then_folders(tmp_path: pathlib.Path) -> None:
    export(tmp_path, [], "z.json.gz")
    for name in ("b.zip", "a.tgz"):
        (tmp_path / name).write_bytes(b"x")
    (tmp_path / "folder").mkdir()
    (tmp_path / "folder" / "a.py").write_text("a = 1\n")
    source = GitHub(inputs=(str(tmp_path / "*"),))
    assert [shard.paths for shard in source.shards()] == [
        (str(tmp_path / "z.json.gz"),),
        (str(tmp_path / "a.tgz"), str(tmp_path / "b.zip")),
        (str(tmp_path / "folder"),),
    ]


def test_inputs_that_cannot_work(tmp_path: pathlib.Path) -> None:
    with pytest.raises(InputError, match="no file matches"):
        GitHub(inputs=(str(tmp_path / "none*.json"),)).shards()
    (tmp_path / "notes.txt").write_text("x")
    with pytest.raises(InputError, match="neither an export"):
        GitHub(inputs=(str(tmp_path / "notes.txt"),)).shards()
    (tmp_path / "sub").mkdir()
    for path in (tmp_path / "a.zip", tmp_path / "sub" / "a.tgz"):
        path.write_bytes(b"x")
    with pytest.raises(InputError, match="both name the repository a"):
        GitHub(inputs=(str(tmp_path / "a.zip"), str(tmp_path / "sub" / "a.tgz"))).shards()


def test_options(tmp_path: pathlib.Path) -> None:
    rows: list[object] = [
        row("a.py", "a = 1\n", license="isc"),
        row("b.json", "{}\n", license="isc"),
    ]
    source = export(tmp_path, rows)
    wide = GitHub(source.inputs, licenses=("ISC",), languages=("JSON",))
    assert outcome(wide) == [("ada/box@a.py", "unwanted_language"), ("ada/box@b.json", "ISC")]


@pytest.mark.parametrize(
    ("path", "name"),
    [
        ("/data/ada__box.tar.gz", "ada/box"),
        ("gs://bucket/ada__box__v1.zip", "ada/box__v1"),
        ("box.tgz", "box"),
        ("/data/box-1.2/", "box-1.2"),
    ],
)
def test_repository_name(path: str, name: str) -> None:
    assert repository_name(path) == name


@settings(max_examples=50)
@given(st.binary(max_size=200))
def test_decode_never_fails_otherwise(data: bytes) -> None:
    with contextlib.suppress(NotTextError):
        text, encoding = decode(data)
        assert encoding in (None, "cp1252", "utf-16")
        assert isinstance(text, str)


@pytest.mark.parametrize(
    "line",
    [
        b"x" * 10_000_000,
        b"[" * 10_000_000,
        b'{"a":' * 2_000_000,
        b'{"path": ' + b" " * 10_000_000,
        b'"path":"' * 1_000_000,
        b'"path":"' + b"\\a" * 5_000_000,
        b'{"repo_name": "a/b", "path": "LICENSE", "content": "' + b"x" * 10_000_000 + b'"}',
    ],
    ids=lambda line: line[:20].decode(),
)
def test_a_hostile_row_takes_bounded_time(tmp_path: pathlib.Path, line: bytes) -> None:
    path = tmp_path / "bq-0.json"
    path.write_bytes(line + b"\n")
    start = time.process_time()
    assert all(isinstance(record, Rejected) for record in read(GitHub(inputs=(str(path),))))
    assert time.process_time() - start < 5


@settings(max_examples=50, deadline=None)
@given(st.binary(max_size=200))
def test_no_line_breaks_the_row_parser(line: bytes) -> None:
    found = parse_row(line, "x")
    assert isinstance(found, (Rejected, tuple))


@settings(max_examples=50)
@given(st.recursive(st.none() | st.booleans() | st.integers() | st.text(), st.lists))
def test_no_row_breaks_the_parser(value: object) -> None:
    parse_row(json.dumps(value).encode(), "x")
    parse_row(json.dumps(row("a", value, license=value, binary=value, ref=value)).encode(), "x")


def test_the_sample_has_a_file_for_every_rule(tmp_path: pathlib.Path) -> None:
    sample.write(str(tmp_path))
    first = {path.name: path.read_bytes() for path in tmp_path.iterdir()}
    sample.write(str(tmp_path))
    assert {path.name: path.read_bytes() for path in tmp_path.iterdir()} == first
    records = list(read(GitHub(inputs=(str(tmp_path / "*"),))))
    kept = [record for record in records if isinstance(record, Document)]
    ids = [record.id for record in kept]
    assert len(ids) == len(set(ids)) >= 40
    assert len({json.loads(record.metadata or "")["language"] for record in kept}) >= 20
    assert documents_to_batch(kept).num_rows == len(kept)
    reasons = collections.Counter(r.reason for r in records if isinstance(r, Rejected))
    assert reasons == {
        "binary": 2,
        "broken_row": 1,
        "empty": 1,
        "lfs_pointer": 1,
        "licence_file": 10,
        "licence_not_permissive": 5,
        "licence_unknown": 5,
        "no_content": 1,
        "symlink": 3,
        "unknown_language": 2,
        "unwanted_language": 5,
    }


def test_installed_packages_are_input(
    tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    found = [importlib.metadata.distribution(name) for name in ("pluggy", "pytest")]
    monkeypatch.setattr(importlib.metadata, "distributions", lambda: found)
    paths = sample.write_installed_packages(str(tmp_path), max_packages=1)
    assert [pathlib.Path(path).name.partition("-")[0] for path in paths] == ["pluggy"]
    assert sample.write_installed_packages(str(tmp_path), max_bytes=1) == []
    records = list(read(GitHub(inputs=tuple(paths))))
    licenses = {record.license for record in records if isinstance(record, Document)}
    assert licenses == {"MIT"}
    assert not [r for r in records if isinstance(r, Rejected) and r.kind == "bad_file"]


@pytest.mark.real_data
def test_real_rows(real_data: pathlib.Path) -> None:
    source = GitHub(inputs=(str(real_data / "github" / "*.json.gz"),))
    counts = collections.Counter(
        r.license if isinstance(r, Document) else r.reason for r in read(source)
    )
    assert counts == {"MIT": 41, "unknown_language": 18, "unwanted_language": 5, "licence_file": 1}
