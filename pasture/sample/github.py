"""Writes the GitHub part of the sample: repository archives and a BigQuery export.

The files of each repository stand in one text (``texts/github``), parted by lines that begin
with ``===``, so that no tool takes them for part of this package. All of it was written for
this sample. Every rule of the source and of the code filters has a file that it drops.
"""

from __future__ import annotations

import dataclasses
import gzip
import importlib.metadata
import importlib.resources
import io
import json
import pathlib
import re
import tarfile
import zipfile
from collections.abc import Iterator

from pasture import storage

_MARK = re.compile(r"(?m)^=== (.+)\n")
_REF = "refs/heads/main"


@dataclasses.dataclass(frozen=True, slots=True)
class SampleFile:
    """One file of a sample repository; ``link`` is the target of a symbolic link."""

    path: str
    data: bytes
    link: str | None = None


def _text(name: str) -> str:
    root = importlib.resources.files("pasture.sample") / "texts" / "github"
    return root.joinpath(*name.split("/")).read_text(encoding="utf-8")


def _names(folder: str) -> list[str]:
    root = importlib.resources.files("pasture.sample") / "texts" / "github" / folder
    return sorted(entry.name for entry in root.iterdir() if entry.name.endswith(".txt"))


def read_bundle(text: str) -> tuple[str, list[SampleFile]]:
    """Split a bundle into its first lines and its files.

    A file's line is ``=== path``, and after the path may stand: ``-> target``, a symbolic link;
    ``<- NAME holder``, the notice of a licence; ``== bundle path`` and ``~~ bundle path``, a
    copy of another file, the second with one line changed; ``(hex)``, ``(latin-1)`` and
    ``(repeat n)``, how the text becomes bytes.
    """
    first, *rest = _MARK.split(text)
    return first, [_file(mark, body) for mark, body in zip(rest[::2], rest[1::2], strict=True)]


def _file(mark: str, body: str) -> SampleFile:
    path, _, how = mark.partition(" ")
    kind, _, argument = how.partition(" ")
    if kind == "->":
        return SampleFile(path, b"", link=argument)
    if kind == "<-":
        name, _, holder = argument.partition(" ")
        notice = _text(f"notices/{name}.txt").replace("{holder}", holder)
        return SampleFile(path, (notice + ("\n" + body if body else "")).encode())
    if kind in ("==", "~~"):
        bundle, _, original = argument.partition(" ")
        files = {file.path: file.data for file in read_bundle(_text(bundle))[1]}
        data = files[original]
        return SampleFile(path, data if kind == "==" else data.replace(b"short name", b"name"))
    if how == "(hex)":
        return SampleFile(path, bytes.fromhex(body))
    if how == "(latin-1)":
        return SampleFile(path, body.encode("latin-1"))
    if kind == "(repeat":
        return SampleFile(path, (body.rstrip("\n") * int(argument.rstrip(")")) + "\n").encode())
    return SampleFile(path, body.encode())


def write(folder: str) -> None:
    """Write the sample's containers; the same bytes every time."""
    for name in _names("archives"):
        archive = name.removesuffix(".txt")
        _, files = read_bundle(_text(f"archives/{name}"))
        top = archive.partition(".")[0].partition("__")[2] + "-main"
        pack = _zip if archive.endswith(".zip") else _tar
        _write(folder, archive, pack(top, files))
    rows = "".join(line + "\n" for line in _rows())
    _write(folder, "bq-contents-000000000000.json.gz", gzip.compress(rows.encode(), mtime=0))


def _write(folder: str, name: str, data: bytes) -> None:
    with storage.atomic_write(storage.join(folder, name)) as stream:
        stream.write(data)


def _tar(top: str, files: list[SampleFile]) -> bytes:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w", format=tarfile.PAX_FORMAT) as archive:
        for file in files:
            info = tarfile.TarInfo(f"{top}/{file.path}")
            info.size = len(file.data)
            if file.link is not None:
                info.type, info.linkname = tarfile.SYMTYPE, file.link
            archive.addfile(info, io.BytesIO(file.data))
    return gzip.compress(buffer.getvalue(), mtime=0)


def _zip(top: str, files: list[SampleFile]) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        for file in files:
            info = zipfile.ZipInfo(f"{top}/{file.path}", date_time=(1980, 1, 1, 0, 0, 0))
            info.compress_type = zipfile.ZIP_DEFLATED
            info.create_system = 3  # Unix: the mode tells a symbolic link from a file
            info.external_attr = (0o120777 if file.link else 0o100644) << 16
            archive.writestr(info, file.link.encode() if file.link else file.data)
    return buffer.getvalue()


def _rows() -> Iterator[str]:
    """The rows of the export; its numbers are strings, as BigQuery writes them."""
    for name in _names("rows"):
        first, files = read_bundle(_text(f"rows/{name}"))
        repo = name.removesuffix(".txt").replace("__", "/")
        license_ = first.partition("license:")[2].strip() or None
        for file in files:
            yield _row(repo, file.path, file.data.decode(), license_)
    yield _row("mosslight/mirror", "lib/picture.py", None, "mit", binary=True)
    yield _row("mosslight/mirror", "lib/too_big.py", None, "mit")
    yield '{"repo_name": "mosslight/mirror", "path": "lib/cut_off.py", "content": "def'


def _row(
    repo: str, path: str, content: str | None, license_: str | None, binary: bool = False
) -> str:
    return json.dumps(
        {
            "repo_name": repo,
            "ref": _REF,
            "path": path,
            "mode": "33188",
            "size": str(len((content or "").encode())),
            "content": content,
            "binary": binary,
            "copies": "1",
            "license": license_,
        }
    )


def write_installed_packages(
    folder: str, max_packages: int = 100, max_bytes: int = 64 << 20
) -> list[str]:
    """Archive the Python packages installed here, as GitHub input: one ``.tar.gz`` each.

    An archive holds a package's sources, its licence files and its METADATA.

    Args:
        folder: Where the archives go.
        max_packages: Most packages that are archived, by name.
        max_bytes: Most bytes of sources in all.

    Returns:
        The paths of the archives.
    """
    written: list[str] = []
    total = 0
    by_name = {
        f"{found.metadata['Name']}-{found.version}": found
        for found in importlib.metadata.distributions()
        if found.metadata["Name"]
    }
    for name in sorted(by_name, key=str.lower)[:max_packages]:
        files = _package_files(by_name[name])
        total += sum(len(file.data) for file in files)
        if total > max_bytes:
            break
        if files:
            _write(folder, f"{name}.tar.gz", _tar(name, files))
            written.append(storage.join(folder, f"{name}.tar.gz"))
    return written


def _package_files(package: importlib.metadata.Distribution) -> list[SampleFile]:
    files: dict[str, SampleFile] = {}
    for entry in package.files or ():
        name = entry.as_posix()
        wanted = entry.suffix in (".py", ".pyi", ".pyx", ".pxd", ".c", ".h", ".js", ".css")
        if ".dist-info/" in name:
            # As in a repository, what holds for the package stands at the top.
            name = re.sub(r"^[^/]*\.dist-info/(?:licenses/)?", "", name)
            wanted = name == "METADATA" or re.search(r"(?i)licen[cs]e|copying", name) is not None
        path = pathlib.Path(str(entry.locate()))
        if wanted and not name.startswith("..") and path.is_file():
            files[name] = SampleFile(name, path.read_bytes())
    return [files[name] for name in sorted(files)]
