"""Writes the arXiv part of the sample: one bulk tar of submissions.

The files stand in bundles (``texts/arxiv/*.txt``), parted by lines ``=== id path``. A
submission of one file ``main.tex`` becomes a gzipped file, any other a gzipped tar, as arXiv
does it. Notes behind the path say how a file becomes bytes. All of it was written for this
sample.
"""

from __future__ import annotations

import gzip
import importlib.resources
import io
import re
import tarfile

from pasture import storage

NAME = "arXiv_src_2401_001.tar"
_MARK = re.compile(r"(?m)^=== (\S+) (.+)\n")
_MTIME = 1_704_067_200  # 2024-01-01, for every member
_LATIN1 = "[latin1]{inputenc}"


def write(folder: str) -> None:
    """Write the tar into a folder, always the same bytes."""
    members = {f"2401/{name}": data for name, data in sorted(_members().items())}
    with storage.atomic_write(storage.join(folder, NAME)) as stream:
        stream.write(_tar(members))


def _members() -> dict[str, bytes]:
    submissions = _submissions()
    members: dict[str, bytes] = {}
    for paper, files in sorted(submissions.items()):
        path, text = next(iter(files.items()))
        if path.startswith("(copy "):
            members[f"{paper}.gz"] = members[f"{path[6:-1]}.gz"]
        elif path.startswith("(near "):
            original = submissions[path[6:-1]]["main.tex"]
            changed = original.replace("at the speed of the disk", "as fast as the disk can read")
            members[f"{paper}.gz"] = _gzip(_encode(changed))
        elif path == f"{paper}.pdf":
            members[path] = text.encode()
        elif path == "main.tex (cut)":
            whole = _gzip(text.encode())
            members[f"{paper}.gz"] = whole[: len(whole) // 2]
        elif list(files) == ["main.tex"]:
            members[f"{paper}.gz"] = _gzip(_encode(text))
        else:
            encoded = {name: _encode(content) for name, content in files.items()}
            members[f"{paper}.gz"] = _gzip(_tar(encoded))
    return members


def _submissions() -> dict[str, dict[str, str]]:
    """Read the bundles: for each paper its files."""
    root = importlib.resources.files("pasture.sample") / "texts" / "arxiv"
    submissions: dict[str, dict[str, str]] = {}
    for entry in sorted(root.iterdir(), key=lambda entry: entry.name):
        _, *rest = _MARK.split(entry.read_text(encoding="utf-8"))
        for paper, path, text in zip(rest[::3], rest[1::3], rest[2::3], strict=True):
            submissions.setdefault(paper, {})[path] = text
    return submissions


def _encode(text: str) -> bytes:
    return text.encode("latin-1" if _LATIN1 in text else "utf-8")


def _gzip(data: bytes) -> bytes:
    return gzip.compress(data, mtime=0)


def _tar(files: dict[str, bytes]) -> bytes:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w", format=tarfile.USTAR_FORMAT) as archive:
        for name, data in files.items():
            info = tarfile.TarInfo(name)
            info.size, info.mtime = len(data), _MTIME
            archive.addfile(info, io.BytesIO(data))
    return buffer.getvalue()
