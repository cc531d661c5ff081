"""Books: collections told by container, ids, metadata, and what is left out and why."""

from __future__ import annotations

import datetime
import io
import json
import tarfile
import zipfile

import pytest

from pasture.errors import ConfigError, InputError
from pasture.records import Document
from pasture.sources.base import Rejected
from pasture.sources.books.source import Books, tidy

PROSE = "\n\n".join(
    f"In the year {year} the ferry ran without a bell, and nobody in the town complained of it."
    for year in range(1860, 1866)
)
START = "*** START OF THE PROJECT GUTENBERG EBOOK THE FERRY ***"
END = "*** END OF THE PROJECT GUTENBERG EBOOK THE FERRY ***"
HEADER = (
    "The Project Gutenberg EBook of The Ferry, by B. Nobody\n\nTitle: The Ferry\n\n"
    "Author: B. Nobody\n\nRelease Date: March 4, 2005 [EBook #777]\n\nLanguage: German\n"
)


def gutenberg_file(body: str = PROSE, header: str = HEADER) -> bytes:
    return f"{header}\n{START}\n\n\n{body}\n\n\n{END}\n\nlicence\n".encode()


def read(*inputs: object, **options: int) -> list[Document | Rejected]:
    source = Books(inputs=tuple(map(str, inputs)), **options)
    return [record for shard in source.shards() for record in source.read(shard)]


def brief(records: list[Document | Rejected]) -> list[tuple[str, str]]:
    """Each record as its id and its reason; ``kept`` for a document."""
    return [(r.locator, r.reason) if isinstance(r, Rejected) else (r.id, "kept") for r in records]


def write_tar(path, members: dict[str, bytes], mode: str = "w:gz") -> None:
    with tarfile.open(path, mode) as archive:
        for name, data in members.items():
            info = tarfile.TarInfo(name)
            info.size = len(data)
            archive.addfile(info, io.BytesIO(data))


def test_a_gutenberg_file_becomes_a_document(tmp_path):
    (tmp_path / "777-0.txt").write_bytes(gutenberg_file())
    assert read(tmp_path / "*.txt") == [
        Document(
            id="gutenberg:777-0",
            source="books",
            text=PROSE,
            url="https://www.gutenberg.org/ebooks/777",
            date=datetime.datetime(2005, 3, 4, tzinfo=datetime.timezone.utc),
            language="de",
            license="LicenseRef-public-domain-US",
            metadata=json.dumps(
                {
                    "author": "B. Nobody",
                    "collection": "gutenberg",
                    "gutenberg_id": 777,
                    "title": "The Ferry",
                }
            ),
        )
    ]


def test_a_book_of_a_sister_project_has_the_licence_of_its_country(tmp_path):
    top = "* A Project Gutenberg Canada Ebook *\n\nTitle: The Ferry\nAuthor: B. Nobody\n"
    top += "Project Gutenberg Canada ebook #114\n\n\n"
    (tmp_path / "ferry.txt").write_text(f"{top}{PROSE}\n\n[End of The Ferry, by B. Nobody]\n")
    assert read(tmp_path / "*.txt") == [
        Document(
            id="gutenberg:ferry",
            source="books",
            text=PROSE,
            license="LicenseRef-public-domain-CA",
            metadata=json.dumps(
                {
                    "author": "B. Nobody",
                    "collection": "gutenberg_canada",
                    "number": "114",
                    "title": "The Ferry",
                }
            ),
        )
    ]


def test_each_volume_of_a_file_loses_its_own_credits(tmp_path):
    volumes = [f"Produced by Jane Roe\n\n\nVOLUME {n}\n\n{PROSE}" for n in ("I", "II")]
    (tmp_path / "1.txt").write_bytes(b"\n".join(map(gutenberg_file, volumes)))
    (document,) = read(tmp_path / "*.txt")
    assert document.text == f"VOLUME I\n\n{PROSE}\n\n\nVOLUME II\n\n{PROSE}"


def test_a_books3_member_becomes_a_document_without_licence(tmp_path):
    name = "the-eye.eu/public/Books/Bibliotik/N/B. Nobody - The Ferry.epub.txt"
    write_tar(tmp_path / "books3.tar.gz", {name: PROSE.encode()})
    assert read(tmp_path / "books3.tar.gz") == [
        Document(
            id=f"books3:{name}",
            source="books",
            text=PROSE,
            metadata=json.dumps(
                {"author": "B. Nobody", "collection": "books3", "title": "The Ferry"}
            ),
        )
    ]


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (PROSE.encode(), "no_gutenberg_markers"),
        (b"", "no_gutenberg_markers"),
        (gutenberg_file(header="This is a COPYRIGHTED Project Gutenberg eBook"), "copyrighted"),
        (gutenberg_file("A short note."), "too_short"),
        (gutenberg_file(PROSE + "\n\nProject Gutenberg-tm is a trademark."), "licence_left"),
        (gutenberg_file(PROSE + "\0"), "binary_file"),
        (b"\xff\xfe\x00\xd8", "wrong_encoding"),
        (gutenberg_file(), "kept"),
    ],
)
def test_reasons(tmp_path, data, reason):
    (tmp_path / "a.txt").write_bytes(data)
    assert brief(read(tmp_path / "*.txt")) == [("gutenberg:a", reason)]


def test_too_short_is_below_the_option(tmp_path):
    (tmp_path / "a.txt").write_bytes(gutenberg_file("x" * 300))
    assert brief(read(tmp_path / "a.txt", min_characters=300)) == [("gutenberg:a", "kept")]
    assert brief(read(tmp_path / "a.txt", min_characters=301)) == [("gutenberg:a", "too_short")]


def test_other_files_are_counted(tmp_path):
    (tmp_path / "cover.jpg").write_bytes(b"\xff\xd8")
    assert brief(read(tmp_path / "*")) == [("gutenberg:cover.jpg", "not_a_text_file")]


def test_a_zip_holds_a_book(tmp_path):
    with zipfile.ZipFile(tmp_path / "ferry10.zip", "w") as archive:
        archive.writestr("ferry10.txt", gutenberg_file())
        archive.writestr("cover.png", b"")
    assert brief(read(tmp_path / "*.zip")) == [
        ("gutenberg:ferry10.zip/ferry10", "kept"),
        ("gutenberg:ferry10.zip/cover.png", "not_a_text_file"),
    ]


def test_a_damaged_zip_is_a_bad_file(tmp_path):
    (tmp_path / "a.zip").write_bytes(b"PK\x03\x04 and no more")
    (record,) = read(tmp_path / "*.zip")
    assert (record.reason, record.kind) == ("damaged_archive", "bad_file")


def test_a_tar_that_breaks_off_gives_what_could_be_read(tmp_path):
    members = {f"{i}.txt": PROSE.encode() + bytes(f"{i}", "ascii") * 9000 for i in range(3)}
    write_tar(tmp_path / "b.tar", members, "w")
    whole = (tmp_path / "b.tar").read_bytes()
    (tmp_path / "b.tar").write_bytes(whole[:22_000])
    kept, *_, last = read(tmp_path / "b.tar")
    assert (kept.id, last.reason, last.kind) == ("books3:0.txt", "damaged_archive", "bad_file")


def test_a_member_that_is_twice_in_a_tar_is_read_once(tmp_path):
    with tarfile.open(tmp_path / "b.tar", "w") as archive:
        for _ in range(2):
            info = tarfile.TarInfo("x.txt")
            info.size = len(PROSE)
            archive.addfile(info, io.BytesIO(PROSE.encode()))
    assert [reason for _, reason in brief(read(tmp_path / "b.tar"))] == ["kept", "duplicate_member"]


def test_ids_are_paths_below_the_inputs_folder(tmp_path):
    for name in ("1/11/11-0.txt", "1/11/old/11-0.txt"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_bytes(gutenberg_file())
    expected = [("gutenberg:1/11/11-0", "kept"), ("gutenberg:1/11/old/11-0", "kept")]
    assert brief(read(tmp_path / "**" / "*.txt")) == expected


def test_two_files_of_one_id_are_refused(tmp_path):
    for folder in "ab":
        (tmp_path / folder).mkdir()
        (tmp_path / folder / "11.txt").write_bytes(gutenberg_file())
    with pytest.raises(ConfigError, match="same id"):
        Books(inputs=(f"{tmp_path}/a/*.txt", f"{tmp_path}/b/*.txt")).shards()


def test_small_files_share_a_shard_and_a_tar_has_its_own(tmp_path):
    for name in ("a.txt", "b.txt", "c.txt"):
        (tmp_path / name).write_bytes(b"x" * 100)
    write_tar(tmp_path / "b3.tar", {"x.txt": b"y"}, "w")
    shards = Books(inputs=(f"{tmp_path}/*",), shard_bytes=200).shards()
    names = [[path.rsplit("/", 1)[1] for path in shard.paths] for shard in shards]
    assert names == [["a.txt", "b.txt"], ["c.txt"], ["b3.tar"]]


def test_no_input_is_an_error(tmp_path):
    with pytest.raises(InputError, match="no file matches"):
        Books(inputs=(f"{tmp_path}/*.txt",)).shards()


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", ""),
        ("\n\na  \n\n\n\n\n\nb\t\n", "a\n\n\nb"),
        ("a\n\n\nb", "a\n\n\nb"),
        ("   indented first line", "   indented first line"),
    ],
)
def test_tidy(text, expected):
    assert tidy(text) == expected


# The first and the last words of each real book, checked by eye against the files.
REAL = {
    "11-0": ("ALICE’S ADVENTURES IN WONDERLAND", "THE END"),
    "1342-0": ("PRIDE AND PREJUDICE", "had been the means of\nuniting them."),
    "14263": ('[Illustration: "I HAVE WAITED', "THE END"),
    "15122-8": ("THE LITTLE COLONEL'S HERO", "THE MINUTE BOYS OF YORKTOWN"),
    "16595-8": ("[Illustration]", "70 ABOVE BAR, SOUTHAMPTON"),
    "20170-8": ("[Illustration:\n\nG.W.R: The Line to Legend Land", "Vol. One Back End]"),
    "22367-8": ("DIE VERWANDLUNG", "und ihren jungen Körper dehnte."),
    "24675-8": ("ELK DEEL IS AFZONDERLIJK", "=Célestine.= Rob's moeder."),
    "31894-0": ("TWO LATIN PLAYS FOR", "offers a prayer for future happiness."),
    "3261": ("NEWS FROM NOWHERE", "Cirencester and Burford he must have meant."),
    "44157-0": ("ENTRE NOUS.", "[Vignette: IK BLIJF WERKEN]"),
    "84-0": ("Frankenstein;", "lost in darkness and distance."),
    "9198-8": ("THE COMPLETE ANGLER;", "FINIS."),
    "972": ("THE DEVIL'S DICTIONARY", "the domestic cow sheds its horn every two years."),
    "frank13": ("Frankenstein, or the Modern Prometheus", "and lost in darkness and distance."),
    "pandp11": ("Pride and Prejudice", "means of uniting them."),
}


@pytest.mark.real_data
def test_real_gutenberg_books_keep_their_first_and_last_page(real_data):
    records = read(real_data / "books" / "gutenberg" / "*.txt")
    assert [record.id for record in records] == [f"gutenberg:{name}" for name in REAL]
    for record, (first, last) in zip(records, REAL.values(), strict=True):
        assert record.text.lstrip().startswith(first)
        assert " ".join(record.text.split()).endswith(" ".join(last.split()))
        assert "Gutenberg-tm" not in record.text
        assert "pgdp" not in record.text


@pytest.mark.real_data
def test_real_books3_archive(real_data):
    records = read(real_data / "books" / "books3.tar.gz")
    assert [reason for _, reason in brief(records)] == ["kept"] * 8
    titles = [
        "ALICE'S",
        "ALICE'S",
        "MODERN",
        "English",
        "A CHRISTMAS",
        "THE MODERN",
        "PRICE",
        "NEWS",
    ]
    for record, title in zip(records, titles, strict=True):
        assert record.text.lstrip().startswith(title)
        assert "ranscriber's Note" not in record.text[:2000] + record.text[-2000:]
