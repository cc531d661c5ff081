"""Writes the books part of the sample: Gutenberg-form files, and a Books3-shaped archive.

The books stand in ``texts/books/bodies``; ``texts/books/forms`` holds the wrappings that
Project Gutenberg has put around its texts over the years, with our words in place of its
licence. ``texts/books/index.txt`` says which book wears which. Among the files are an exact
copy, an older edition, books of the archive, one without marks, and one under copyright.
"""

from __future__ import annotations

import dataclasses
import gzip
import importlib.resources
import io
import tarfile

from pasture.sample.containers import write_file

_ARCHIVE = "books3.tar.gz"
_ARCHIVE_FOLDER = "the-eye.eu/public/Books/Bibliotik"
_MTIME = 1_600_000_000  # 2020-09-13, for every member


@dataclasses.dataclass(frozen=True, slots=True)
class _File:
    """One file in Gutenberg's form.

    Args:
        stem: Its name without ``.txt``.
        body: The book in it.
        form: Its wrapping, or ``none``.
        title: Title.
        author: Author.
        number: Number of the work.
        language: Language, as headers spell it.
        encoding: Character set, as headers spell it.
    """

    stem: str
    body: str
    form: str
    title: str
    author: str
    number: str
    language: str
    encoding: str


# Books of the archive, as "Author - Title"; the last two are also among the files.
_BOOKS3 = {
    "Imre Halland - Relay Station Nine": "b3_relay",
    "Joan Petrie - The Kitchen at Number Twelve": "b3_kitchen",
    "Viktor Sand - The Quiet Move": "b3_chess",
    "Tom Aldous - Down the Odrava in a Bathtub": "b3_river",
    "Milena Hora - The Inventory of the Orchard": "b3_orchard",
    "G. R. Fenn - The Night Librarian": "b3_library",
    "Anna Ferrand - How to Read a Glacier": "b3_glacier",
    "Otto Sauter - The Valve and the Valley": "b3_radio",
    "Nils Aaby - The Drowned Bell of Ammersund": "bell",
    "Ambrose Pell - A True Account of an Ascent": "balloon",
}


def write(folder: str) -> None:
    """Write the files and the archive into a folder, the same bytes every time."""
    for line in _text("index").splitlines():
        file = _File(*line.split(" | "))
        write_file(folder, f"gutenberg/{file.stem}.txt", _gutenberg(file))
    write_file(folder, _ARCHIVE, _archive())


def _text(name: str) -> str:
    path = importlib.resources.files("pasture.sample") / "texts" / "books" / f"{name}.txt"
    return path.read_text(encoding="utf-8")


def _gutenberg(file: _File) -> bytes:
    """Put a book into its wrapping, with the line ends and the encoding of its time."""
    text = body = _text(f"bodies/{file.body}").rstrip("\n")
    if file.form != "none":
        number = int(file.number)
        text = _text(f"forms/{file.form}").format(
            date=f"March {number % 28 + 1}, 200{number % 9}",
            upper=file.title.upper(),
            **{**dataclasses.asdict(file), "body": body},
        )
    codec = "latin-1" if file.encoding == "ISO-8859-1" else "utf-8"
    return text.replace("\n", "\r\n").encode(codec)


def _archive() -> bytes:
    stream = io.BytesIO()
    with tarfile.open(fileobj=stream, mode="w") as archive:
        for name, body in _BOOKS3.items():
            data = _text(f"bodies/{body}").encode()
            member = tarfile.TarInfo(f"{_ARCHIVE_FOLDER}/{name[0]}/{name}.epub.txt")
            member.size, member.mtime = len(data), _MTIME
            archive.addfile(member, io.BytesIO(data))
    return gzip.compress(stream.getvalue(), mtime=0)
