"""GitHub (LLaMA, section 2.1): source files of projects under Apache, BSD and MIT licences.

Reads the rows of a BigQuery export, archives of repositories, and checked-out folders, and
yields one document a file. Which licence a file is under is found out from the repository's
own files and the file's own header (``license_tree``, ``licenses``); the export's ``license``
column counts only where nothing nearer speaks, and no licence means no.

Licences may stand after the code that they cover, so every input is read twice: first for
its licences, then for its files. Only a small archive is held in memory instead.
"""

from __future__ import annotations

import dataclasses
import os
import re
from collections.abc import Iterator, Mapping
from typing import ClassVar

from pasture import storage
from pasture.errors import InputError
from pasture.records import Document, to_metadata
from pasture.sources.base import InputShard, Rejected, Source, SourceInfo, group_files
from pasture.sources.containers.archives import Limits, Member, read_members
from pasture.sources.containment import contained, contained_file
from pasture.sources.github import spdx
from pasture.sources.github.license_tree import (
    Found,
    LicenseTree,
    is_license_file,
    speaks_of_license,
)
from pasture.sources.github.licenses import Stated, of_source_file
from pasture.sources.github.rows import (
    LICENSE_TEXT_BYTES,
    SourceFile,
    parse_row,
    printable,
    read_rows,
    row_licenses,
)
from pasture.text import code_languages

GROUP_BYTES = 64 << 20
"""Raw bytes of archives that make one shard; ours."""

HELD_BYTES = 64 << 20
"""An archive with at most so many bytes is read once and held in memory; ours."""

_ROW_SUFFIXES = (".json", ".jsonl", ".ndjson", ".json.gz", ".jsonl.gz", ".ndjson.gz")
_ARCHIVE_SUFFIX = re.compile(r"\.(?:tar(?:\.(?:gz|bz2|xz))?|tgz|zip)$", re.I)
_VERSION_CONTROL = frozenset({".git", ".hg", ".svn", ".bzr", "CVS"})
_LFS = "version https://git-lfs.github.com/spec/"
_LINK_TEXT = re.compile(r"\A(?:\.\.?/){1,20}[\w./+-]{1,300}\n?\Z")
_HIGH_RUN = re.compile(rb"[\x80-\xff]{3}")
_CONTROLS = bytes(set(range(32)) - set(b"\t\n\v\f\r\x1b"))


class NotTextError(ValueError):
    """A file's bytes are no text; the message is the reason."""


def decode(data: bytes) -> tuple[str, str | None]:
    """Decode a source file: the text, and its encoding where that is not UTF-8.

    Bytes that are no UTF-8 are read as Windows-1252, which includes Latin-1, if their
    non-ASCII bytes stand alone, as accented letters do. Longer runs are Cyrillic or East
    Asian text, which would come out as nonsense.

    Raises:
        NotTextError: ``binary`` or ``unknown_encoding``.
    """
    if data[:2] in (b"\xff\xfe", b"\xfe\xff"):
        try:
            return data.decode("utf-16"), "utf-16"
        except UnicodeDecodeError as error:
            raise NotTextError("unknown_encoding") from error
    if b"\0" in data:
        raise NotTextError("binary")
    try:
        return data.decode("utf-8-sig"), None
    except UnicodeDecodeError as error:
        if data.translate(None, _CONTROLS) != data:
            raise NotTextError("binary") from error
        if _HIGH_RUN.search(data):
            raise NotTextError("unknown_encoding") from error
    try:
        return data.decode("cp1252"), "cp1252"
    except UnicodeDecodeError as error:
        raise NotTextError("unknown_encoding") from error


@dataclasses.dataclass(frozen=True)
class GitHub(Source):
    """Source files of permissively licensed repositories.

    Args:
        licenses: Licences under which a file may be taken, as SPDX ids. The paper's three
            families by default; ``LicenseRef-BSD`` is "BSD" said without a version.
        languages: Languages that are kept, by the names of ``code_languages``; empty means
            every programming and markup language there, and no data format.
        max_file_bytes: Largest file that is kept. BigQuery's copy has none above 1 MiB.
    """

    name: ClassVar[str] = "github"
    info: ClassVar[SourceInfo] = SourceInfo(
        title="GitHub",
        homepage="https://console.cloud.google.com/marketplace/product/github/github-repos",
        licence="each repository's own; Apache, BSD and MIT are kept",
        paper_section="2.1",
        raw_size="about 2.5 TB of text in 2.8 million repositories (BigQuery)",
        formats="BigQuery export (.json.gz), repository archives (.tar.gz, .zip), folders",
    )

    licenses: tuple[str, ...] = (
        "0BSD",
        "Apache-2.0",
        "BSD-2-Clause",
        "BSD-3-Clause",
        "LicenseRef-BSD",
        "MIT",
        "MIT-0",
        "X11",
    )
    languages: tuple[str, ...] = ()
    max_file_bytes: int = 1 << 20

    def shards(self) -> list[InputShard]:
        """One shard a file of rows, one a folder; small archives together."""
        rows: list[tuple[str, int]] = []
        archives: list[tuple[str, int]] = []
        folders: list[InputShard] = []
        for pattern in sorted(set(self.inputs)):
            files = storage.glob(pattern)
            roots = _folders(pattern)
            if not files and not roots:
                raise storage.no_match(pattern, self.name)
            for root in roots:
                size = sum(size for _, size in storage.list_tree(root))
                folders.append(InputShard((root,), bytes=size))
            for path, size in files:
                if path.lower().endswith(_ROW_SUFFIXES):
                    rows.append((path, size))
                elif _ARCHIVE_SUFFIX.search(path):
                    archives.append((path, size))
                else:
                    raise InputError(
                        f"{self.name}: {path} is neither an export (.json.gz), an archive "
                        f"(.tar.gz, .tgz, .zip) nor a folder"
                    )
        self._check_names([path for path, _ in archives] + [f.paths[0] for f in folders])
        return [
            *(InputShard((path,), bytes=size) for path, size in sorted(set(rows))),
            *group_files(sorted(set(archives)), GROUP_BYTES),
            *folders,
        ]

    def _check_names(self, paths: list[str]) -> None:
        """Refuse two inputs of the same name: their documents would have the same ids."""
        seen: dict[str, str] = {}
        for path in sorted(set(paths)):
            other = seen.setdefault(repository_name(path), path)
            if other != path:
                raise InputError(
                    f"{self.name}: {other} and {path} both name the repository "
                    f"{repository_name(path)}; rename one, such as to owner__name.tar.gz"
                )

    def read(self, shard: InputShard) -> Iterator[Document | Rejected]:
        """Yield every file of a shard's repositories, in their order."""
        for path in shard.paths:
            if path.lower().endswith(_ROW_SUFFIXES):
                yield from contained_file(path, self._read_rows(path))
            elif _ARCHIVE_SUFFIX.search(path):
                yield from contained_file(path, self._read_archive(path))
            else:
                yield from contained_file(path, self._read_folder(path))

    def _read_rows(self, path: str) -> Iterator[Document | Rejected]:
        trees = {repo: LicenseTree(files) for repo, files in row_licenses(path).items()}
        for locator, line in read_rows(path):
            if isinstance(line, Rejected):
                yield line
                continue
            yield contained(locator, locator, self._from_row, line, locator, trees)

    def _from_row(
        self, line: bytes, locator: str, trees: Mapping[str, LicenseTree]
    ) -> Document | Rejected:
        row = parse_row(line, locator)
        if isinstance(row, Rejected):
            return row
        file, column = row
        tree = trees.get(file.repo) or LicenseTree({})
        return self.judge(file, tree.of_file(file.path, column))

    def _read_archive(self, path: str) -> Iterator[Document | Rejected]:
        repo = repository_name(path)
        limits = Limits(total_bytes=4 << 30)
        held: list[Member | Rejected] | None = []
        size = 0
        tops: set[str] = set()
        texts: dict[str, str] = {}
        nested: set[str] = set()
        for member in read_members(path, limits):
            if held is not None:
                held.append(member)
            if isinstance(member, Member):
                size += len(member.data)
                held = held if size <= HELD_BYTES else None
                top, slash, _ = member.name.partition("/")
                tops.add(top if slash else "")
                _note(member.name, member.data, texts, nested)
        # The archives of GitHub hold one folder, "name-ref"; it is no part of the paths.
        top = tops.pop() + "/" if len(tops) == 1 and "" not in tops else ""
        name = repo.rpartition("/")[2]
        ref = top[len(name) + 1 : -1] if top.startswith(name + "-") else None
        tree = LicenseTree(
            {name.removeprefix(top): text for name, text in texts.items()},
            {folder.removeprefix(top) for folder in nested},
        )
        seen: set[str] = set()
        for member in read_members(path, limits) if held is None else held:
            if isinstance(member, Rejected):
                yield _clean(member)
                continue
            inner = member.name.removeprefix(top)
            if _is_version_control(inner):
                continue
            if inner in seen:
                yield Rejected(f"{repo}@{printable(inner)}", "duplicate_path", "bad_record")
                continue
            seen.add(inner)
            locator, place = f"{repo}@{printable(inner)}", f"{path}:{printable(member.name)}"
            yield contained(locator, place, self._from_bytes, repo, inner, member.data, ref, tree)

    def _read_folder(self, root: str) -> Iterator[Document | Rejected]:
        repo = repository_name(root)
        start = len(root.rstrip("/")) + 1
        listed = [(path, path[start:], size) for path, size in storage.list_tree(root)]
        texts: dict[str, str] = {}
        nested: set[str] = set()
        for path, inner, size in listed:
            if speaks_of_license(inner) and size <= LICENSE_TEXT_BYTES and not _is_link(path):
                _note(inner, _read_file(path), texts, nested)
            elif inner.endswith("/.git"):  # a submodule: its .git is a file
                nested.add(inner.removesuffix("/.git"))
        tree = LicenseTree(texts, nested)
        for link in _links(root):
            yield Rejected(f"{repo}@{printable(link[start:])}", "symlink")
        for path, inner, size in listed:
            if _is_version_control(inner) or _is_link(path):
                continue
            if size > self.max_file_bytes:
                yield Rejected(f"{repo}@{inner}", "too_large", detail=f"{size:,} bytes")
            else:
                locator, data = f"{repo}@{printable(inner)}", _read_file(path)
                yield contained(locator, path, self._from_bytes, repo, inner, data, None, tree)

    def _from_bytes(
        self, repo: str, path: str, data: bytes, ref: str | None, tree: LicenseTree
    ) -> Document | Rejected:
        locator = f"{repo}@{printable(path)}"
        if path != printable(path):
            return Rejected(locator, "bad_path", "bad_record", "the name is not UTF-8")
        if len(data) > self.max_file_bytes:
            return Rejected(locator, "too_large", detail=f"{len(data):,} bytes")
        try:
            text, encoding = decode(data)
        except NotTextError as error:
            return Rejected(locator, str(error))
        file = SourceFile(repo, path, text, len(data), ref, encoding)
        return self.judge(file, tree.of_file(path))

    def judge(self, file: SourceFile, stated: Found | None) -> Document | Rejected:
        """Make a document of a file, or say why it is none.

        Args:
            file: The file.
            stated: What the repository says of the licence of the file's folder.
        """
        locator = f"{file.repo}@{file.path}"

        def rejected(reason: str, detail: str = "") -> Rejected:
            return Rejected(locator, reason, detail=detail, text=file.text[:2000])

        if file.size > self.max_file_bytes:
            return rejected("too_large", f"{file.size:,} bytes")
        if "\0" in file.text:
            return rejected("binary")
        if not file.text.strip():
            return rejected("empty")
        if file.text.startswith(_LFS):
            return rejected("lfs_pointer")
        if file.size < 400 and _LINK_TEXT.match(file.text):
            return rejected("symlink", file.text.strip())
        if is_license_file(file.path):
            return rejected("licence_file")
        language = code_languages.detect(file.path, file.text)
        if language is None:
            return rejected("unknown_language")
        if not self._wants(language):
            return rejected("unwanted_language", language)
        found = self._decide(of_source_file(file.text, language), stated)
        if found is None:
            return rejected("licence_unknown")
        license_ = spdx.permitted(found.expression, self.licenses)
        if license_ is None:
            detail = f"{spdx.to_text(found.expression)[:500]} ({found.origin[:500]})"
            return rejected("licence_not_permissive", detail)
        branch = (file.ref or "HEAD").removeprefix("refs/heads/")
        return Document(
            id=locator,
            source=self.name,
            text=file.text,
            url=f"https://github.com/{file.repo}/blob/{branch}/{file.path}"
            if "/" in file.repo
            else None,
            license=license_,
            metadata=to_metadata(
                encoding=file.encoding,
                language=language,
                license_origin=found.origin,
                path=file.path,
                ref=file.ref,
                repo=file.repo,
                size=file.size,
            ),
        )

    def _decide(self, own: Stated | None, stated: Found | None) -> Found | None:
        """Weigh what a file's header says against what its repository states."""
        if own is None:
            return stated
        if stated is not None and not own.in_full:
            if spdx.permitted(stated.expression, self.licenses) is None:
                if spdx.permitted(own.expression, self.licenses) is not None:
                    return stated  # a name in passing frees no file of a GPL repository
            elif own.expression == "LicenseRef-BSD" and str(stated.expression).startswith("BSD-"):
                return stated  # the header says "BSD", the repository which one
        return Found(own.expression, "header")

    def _wants(self, language: str) -> bool:
        if self.languages:
            return language in self.languages
        return code_languages.KINDS.get(language, "data") != "data"


def _folders(pattern: str) -> list[str]:
    """List the folders that match a pattern, or the one folder that it names, sorted."""
    fs, inner = storage.file_system(pattern)
    found = fs.glob(inner, detail=True).values()
    names = [info["name"].rstrip("/") for info in found if info["type"] == "directory"]
    return sorted(map(fs.unstrip_protocol, names) if storage.is_url(pattern) else names)


def repository_name(path: str) -> str:
    """Name a repository by its archive or folder: ``owner__name.tar.gz`` is ``owner/name``."""
    base = path.rstrip("/").rpartition("/")[2]
    return _ARCHIVE_SUFFIX.sub("", base).replace("__", "/", 1)


def _note(name: str, data: bytes, texts: dict[str, str], nested: set[str]) -> None:
    """Keep a member that says something about licences."""
    if name.endswith("/.git"):
        nested.add(name.removesuffix("/.git"))
    elif speaks_of_license(name) and len(data) <= LICENSE_TEXT_BYTES:
        texts[name] = data.decode("utf-8", "replace")


def _clean(rejected: Rejected) -> Rejected:
    """Give what an archive rejects our reasons, and a name that can be stored."""
    is_link = rejected.detail in ("tar type b'1'", "tar type b'2'", "symbolic link")
    is_large = rejected.reason == "member_too_large"  # in a repository no sign of damage
    return dataclasses.replace(
        rejected,
        locator=printable(rejected.locator),
        reason="symlink" if is_link else "too_large" if is_large else rejected.reason,
        kind="rule" if is_large else rejected.kind,
        detail=printable(rejected.detail),
    )


def _is_version_control(path: str) -> bool:
    return not _VERSION_CONTROL.isdisjoint(path.split("/"))


def _read_file(path: str) -> bytes:
    with storage.open_read(path) as stream:
        return stream.read()


def _is_link(path: str) -> bool:
    return not storage.is_url(path) and os.path.islink(path)


def _links(root: str) -> Iterator[str]:
    """The symbolic links of a local folder; a listing leaves them out."""
    if storage.is_url(root):
        return
    for folder, folders, files in os.walk(root):
        folders[:] = sorted(name for name in folders if name not in _VERSION_CONTROL)
        for name in sorted([*folders, *files]):
            path = os.path.join(folder, name)
            if os.path.islink(path):
                yield path
