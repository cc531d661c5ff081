"""Books: Project Gutenberg's plain texts, and archives in the layout of Books3.

The container tells the collection: a ``.txt`` or ``.zip`` file is one book of Project Gutenberg,
which must carry its marks; a tar archive is a Books3-shaped collection, read only where the
user lists one, because Pasture neither ships nor fetches such data. That books overlap is the
business of the dedup stages, which see all of them.
"""

from __future__ import annotations

import dataclasses
import posixpath
import re
from collections.abc import Iterator
from typing import ClassVar

from pasture import storage
from pasture.errors import ConfigError
from pasture.records import Document, to_metadata
from pasture.sources.base import (
    InputShard,
    Rejected,
    Source,
    SourceInfo,
    group_files,
    one_shard_each,
)
from pasture.sources.books import gutenberg, gutenberg_notes, gutenberg_sisters
from pasture.sources.containers.archives import Limits, Member, read_limited, read_members
from pasture.sources.containers.compression import TooLarge
from pasture.sources.containment import contained, contained_file

_TAR = re.compile(r"\.(?:tar(?:\.(?:gz|bz2|xz))?|tgz|tbz2?|txz)$", re.I)
_BOOKS3_NAME = re.compile(
    r"\A(?P<author>.{1,300}?) - (?P<title>.{1,300}?)(?:\.(?:epub|mobi|pdf|azw3?))?\.txt$"
)
_BLANK_LINES = re.compile(r"\n{4,}")
_LIMITS = Limits(total_bytes=1 << 40)
_AUDIT_CHARACTERS = 2000


@dataclasses.dataclass(frozen=True)
class Books(Source):
    """Project Gutenberg and Books3-shaped archives (paper, section 2.1, Gutenberg and Books3).

    Args:
        shard_bytes: Raw bytes of the small files that are read as one shard; ours.
        min_characters: Shortest book that is kept, in characters after cleaning; ours. What is
            shorter is a file of which only the wrapping, or a note about a recording, is left.
    """

    name: ClassVar[str] = "books"
    info: ClassVar[SourceInfo] = SourceInfo(
        title="Project Gutenberg and Books3-shaped archives",
        homepage="https://www.gutenberg.org/policy/robot_access.html",
        licence="public domain in the USA (Project Gutenberg); unknown for Books3-shaped archives",
        paper_section="2.1, Gutenberg and Books3 [4.5%]",
        raw_size="about 15 GB of Project Gutenberg text; Books3 is not available",
        formats=".txt, .zip of .txt, .tar and .tar.gz of .txt",
    )

    shard_bytes: int = 64 << 20
    min_characters: int = 200

    def shards(self) -> list[InputShard]:
        """List the shards: small files in groups, then each tar archive by itself.

        Raises:
            ConfigError: Two files would get the same id.
        """
        files = self.files()
        names: dict[str, str] = {}
        for path, _ in files:
            other = names.setdefault(self._name(path), path)
            if other != path:
                raise ConfigError(
                    f"books: {other} and {path} would get the same id; name one folder above both "
                    f"as the input, with ** in its pattern"
                )
        loose = [(path, size) for path, size in files if not _TAR.search(path)]
        tars = [(path, size) for path, size in files if _TAR.search(path)]
        return group_files(loose, self.shard_bytes) + one_shard_each(tars)

    def read(self, shard: InputShard) -> Iterator[Document | Rejected]:
        """Yield the books of a shard in file order."""
        for path in shard.paths:
            read = self._read_tar if _TAR.search(path) else self._read_loose
            yield from contained_file(path, read(path))

    def _name(self, path: str) -> str:
        """Name a file by its path below its input's folder, wherever the user keeps that."""
        folders = [folder for folder in map(_fixed_folder, self.inputs) if path.startswith(folder)]
        return path[len(max(folders, key=len, default="")) :].removesuffix(".txt")

    def _read_loose(self, path: str) -> Iterator[Document | Rejected]:
        """Read a ``.txt`` file, or the ``.txt`` files of a ``.zip``."""
        name = self._name(path)
        if path.lower().endswith(".zip"):
            for member in _each_once(path):
                if isinstance(member, Rejected):
                    yield member
                    continue
                inner, place = f"{name}/{member.name}", f"{path}:{member.name}"
                yield contained(
                    f"gutenberg:{inner}", place, self._gutenberg, inner, member.name, member.data
                )
            return
        try:
            with storage.open_read(path) as stream:
                data = read_limited(stream, _LIMITS.member_bytes)
        except TooLarge as error:
            yield Rejected(path, "file_too_large", "bad_record", str(error))
        else:
            yield contained(f"gutenberg:{name}", path, self._gutenberg, name, path, data)

    def _gutenberg(self, name: str, path: str, data: bytes) -> Document | Rejected:
        """Turn a file of Project Gutenberg into a document."""
        locator = f"gutenberg:{name.removesuffix('.txt')}"
        text = _decode(locator, path, data)
        if isinstance(text, Rejected):
            return text
        if sister := gutenberg_sisters.cut(text):
            return self._sister(locator, sister)
        parts = gutenberg.cut(text)
        if not parts.marked:
            return Rejected(locator, "no_gutenberg_markers", text=text[:_AUDIT_CHARACTERS])
        if gutenberg.is_copyrighted(parts):
            return Rejected(locator, "copyrighted", text=parts.header[:_AUDIT_CHARACTERS])
        header = gutenberg.parse_header(parts.header)
        return self._document(
            locator,
            parts.bodies,
            url=f"https://www.gutenberg.org/ebooks/{header.number}" if header.number else None,
            date=header.released,
            language=header.language,
            # The header says so, for the United States; elsewhere the reader has to check.
            license="LicenseRef-public-domain-US",
            metadata=to_metadata(
                collection="gutenberg",
                title=header.title,
                author=header.author,
                gutenberg_id=header.number,
            ),
        )

    def _sister(self, locator: str, book: gutenberg_sisters.SisterBook) -> Document | Rejected:
        """Turn a file of one of the projects in other countries into a document."""
        return self._document(
            locator,
            (book.body,),
            language=book.header.language,
            license=book.project.license,
            metadata=to_metadata(
                collection=book.project.collection,
                title=book.header.title,
                author=book.header.author,
                number=book.number,
            ),
        )

    def _read_tar(self, path: str) -> Iterator[Document | Rejected]:
        """Read the books of a Books3-shaped archive; its folders are only a filing order."""
        for member in _each_once(path):
            if isinstance(member, Rejected):
                yield member
            else:
                name = f"books3:{member.name}"
                yield contained(name, f"{path}:{member.name}", self._books3, member)

    def _books3(self, member: Member) -> Document | Rejected:
        """Turn a member of a Books3-shaped archive into a document."""
        locator = f"books3:{member.name}"
        text = _decode(locator, member.name, member.data)
        if isinstance(text, Rejected):
            return text
        parts = gutenberg.cut(text)
        if gutenberg.is_copyrighted(parts):
            return Rejected(locator, "copyrighted", text=parts.header[:_AUDIT_CHARACTERS])
        named = _BOOKS3_NAME.match(posixpath.basename(member.name))
        return self._document(
            locator,
            parts.bodies if parts.marked else (text,),
            metadata=to_metadata(
                collection="books3",
                title=named["title"] if named else None,
                author=named["author"] if named else None,
            ),
        )

    def _document(
        self, locator: str, bodies: tuple[str, ...], **fields: object
    ) -> Document | Rejected:
        """Clean a book's volumes and make them a document."""
        text = tidy("\n\n\n".join(map(gutenberg_notes.strip_notes, bodies)))
        if leak := gutenberg.find_leak(text):
            return Rejected(locator, "licence_left", "bad_record", leak, text[:_AUDIT_CHARACTERS])
        if len(text) < self.min_characters:
            return Rejected(locator, "too_short", detail=f"{len(text)} characters", text=text)
        return Document(locator, self.name, text, **fields)  # type: ignore[arg-type]


def _each_once(path: str) -> Iterator[Member | Rejected]:
    """Yield the members of an archive; a name for the second time as a ``Rejected``."""
    seen: set[str] = set()
    for member in read_members(path, _LIMITS):
        if isinstance(member, Member) and member.name in seen:
            yield Rejected(f"{path}:{member.name}", "duplicate_member", "bad_record")
            continue
        if isinstance(member, Member):
            seen.add(member.name)
        yield member


def tidy(text: str) -> str:
    """Drop trailing blanks, and leave at most two blank lines in a row."""
    text = "\n".join(map(str.rstrip, text.split("\n")))
    return _BLANK_LINES.sub("\n\n\n", text).strip("\n")


def _decode(locator: str, path: str, data: bytes) -> str | Rejected:
    """Decode a book, unless it is no text file."""
    if not path.lower().endswith(".txt"):
        return Rejected(locator, "not_a_text_file", detail=posixpath.basename(path))
    try:
        text = gutenberg.decode(data)
    except UnicodeDecodeError as error:
        return Rejected(locator, "wrong_encoding", "bad_record", str(error))
    if "\0" in text:
        return Rejected(locator, "binary_file", "bad_record", f"NUL at {text.index(chr(0)):,}")
    return text


def _fixed_folder(pattern: str) -> str:
    """Return the folder of an input before its first wildcard, as listings spell it."""
    path = pattern if storage.is_url(pattern) else storage.file_system(pattern)[1]
    fixed = re.split(r"[*?]|\[(?![*?\[]\])", path, maxsplit=1)[0].rpartition("/")[0] + "/"
    return re.sub(r"\[([*?\[])\]", r"\1", fixed)  # what storage.pattern escapes
