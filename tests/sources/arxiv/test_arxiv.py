"""Bulk tars: one document or one counted rejection a member."""

from __future__ import annotations

import datetime
import functools
import gzip
import io
import json
import pathlib
import re
import tarfile

import hypothesis
import pytest
from hypothesis import strategies as st

from pasture.records import Document
from pasture.sample.arxiv import NAME, write
from pasture.sources.arxiv.source import Arxiv, to_date, to_id
from pasture.sources.base import Rejected
from pasture.sources.containers.archives import Limits

# With no time in it: the names of tests must not change from one collection to the next.
gzipped = functools.partial(gzip.compress, mtime=0)

PAPER = b"\\documentclass{article}\n\\begin{document}\n\\section{A}\nText.\n\\end{document}\n"


def make_tar(members: dict[str, bytes]) -> bytes:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as archive:
        for name, data in members.items():
            info = tarfile.TarInfo(name)
            info.size = len(data)
            archive.addfile(info, io.BytesIO(data))
    return buffer.getvalue()


def read(
    folder: pathlib.Path, members: dict[str, bytes], **options: object
) -> list[Document | Rejected]:
    path = folder / "arXiv_src_2401_001.tar"
    path.write_bytes(make_tar(members))
    source = Arxiv(inputs=(str(path),), **options)  # type: ignore[arg-type]
    (shard,) = source.shards()
    return list(source.read(shard))


def test_reads_a_single_file(tmp_path: pathlib.Path) -> None:
    assert read(tmp_path, {"2401/2401.00001.gz": gzipped(PAPER)}) == [
        Document(
            id="2401.00001",
            source="arxiv",
            text="\\section{A}\nText.",
            url="https://arxiv.org/abs/2401.00001",
            date=datetime.datetime(2024, 1, 1, tzinfo=datetime.timezone.utc),
            metadata='{"main_file": "main.tex", "start": "section"}',
        )
    ]


def test_reads_a_submission_of_several_files(tmp_path: pathlib.Path) -> None:
    submission = make_tar(
        {
            "./paper.tex": b"\\title{T}\\begin{document}\\input{a}\\end{document}",
            "a.tex": b"\\section{A}Text.",
            "figure.pdf": b"%PDF",
        }
    )
    (document,) = read(tmp_path, {"hep-th/hep-th9901001.gz": gzipped(submission)})
    assert isinstance(document, Document)
    assert document.id == "hep-th/9901001"
    assert document.text == "\\section{A}Text."
    assert json.loads(document.metadata or "") == {
        "files": ["paper.tex", "a.tex"],
        "main_file": "paper.tex",
        "start": "section",
        "title": "T",
    }


@pytest.mark.parametrize(
    ("name", "data", "reason", "kind"),
    [
        ("2401/2401.00001.pdf", b"%PDF-1.4", "pdf_only", "rule"),
        ("2401/2401.00001.gz", gzipped(b"%PDF-1.4"), "pdf_only", "rule"),
        ("2401/2401.00001.gz", gzipped(make_tar({"a.pdf": b"%PDF"})), "pdf_only", "rule"),
        ("2401/2401.00001.gz", gzipped(b"%!PS-Adobe"), "postscript_only", "rule"),
        (
            "2401/2401.00001.gz",
            gzipped(make_tar({"a.ps": b"%!PS"})),
            "postscript_only",
            "rule",
        ),
        ("2401/2401.00001.gz", gzipped(make_tar({"a.docx": b"PK"})), "no_tex", "rule"),
        ("2401/2401.00001.gz", gzipped(b""), "empty", "rule"),
        ("2401/2401.00001.gz", gzipped(b"%auto-ignore\nWithdrawn."), "withdrawn", "rule"),
        ("2401/2401.00001.gz", gzipped(b"Text \\bye"), "plain_tex", "rule"),
        ("2401/2401.00001.gz", gzipped(PAPER)[:40], "damaged_gzip", "bad_record"),
        ("2401/2401.00001.gz", b"not a gzip", "damaged_gzip", "bad_record"),
        ("2401/2401.00001.gz", gzipped(b"a\0b"), "not_text", "bad_record"),
        ("2401/2401.00001.gz", gzipped(b"x" * 3_000), "submission_over_limit", "bad_record"),
        (
            "2401/2401.00001.gz",
            gzipped(make_tar({"a.tex": PAPER})[:600]),
            "damaged_archive",
            "bad_record",
        ),
    ],
)
def test_counts_what_gives_no_text(
    tmp_path: pathlib.Path, name: str, data: bytes, reason: str, kind: str
) -> None:
    limits = Limits(member_bytes=20_480 if "over_limit" not in reason else 2_000)
    (rejected,) = read(tmp_path, {name: data}, limits=limits)
    assert isinstance(rejected, Rejected)
    assert (rejected.locator, rejected.reason, rejected.kind) == ("2401.00001", reason, kind)


def test_names_the_member_that_is_no_paper(tmp_path: pathlib.Path) -> None:
    (rejected,) = read(tmp_path, {"2401/readme.txt": b"x"})
    assert isinstance(rejected, Rejected)
    assert rejected.reason == "unexpected_member"
    assert rejected.locator.endswith("arXiv_src_2401_001.tar:2401/readme.txt")


def test_reads_on_after_a_bad_member_and_reports_a_cut_tar(tmp_path: pathlib.Path) -> None:
    data = make_tar(
        {
            "2401/2401.00001.gz": b"bad",
            "2401/2401.00002.gz": gzipped(PAPER),
            "2401/2401.00003.gz": gzipped(PAPER),
        }
    )
    path = tmp_path / "cut.tar"
    path.write_bytes(data[: 512 * 5 + 30])
    source = Arxiv(inputs=(str(path),))
    first, second, third = (record for shard in source.shards() for record in source.read(shard))
    assert isinstance(first, Rejected)
    assert isinstance(second, Document)
    assert isinstance(third, Rejected)
    assert (first.reason, third.reason, third.kind) == (
        "damaged_gzip",
        "damaged_archive",
        "bad_file",
    )


@pytest.mark.parametrize(
    ("stem", "paper_id", "date"),
    [
        ("2401.00001", "2401.00001", "2024-01-01"),
        ("0704.0001", "0704.0001", "2007-04-01"),
        ("hep-th9901001", "hep-th/9901001", "1999-01-01"),
        ("math.AG0512345", "math.AG/0512345", "2005-12-01"),
        ("2413.00001", "2413.00001", None),
        ("2400.00001", "2400.00001", None),
    ],
)
def test_reads_ids(stem: str, paper_id: str, date: str | None) -> None:
    assert to_id(stem) == paper_id
    found = to_date(paper_id)
    assert (found.date().isoformat() if found else None) == date


@pytest.mark.parametrize(
    "stem", ["readme", "2401.001", "2401.000011", "hep-th99", "", "a/2401.00001"]
)
def test_knows_what_is_no_id(stem: str) -> None:
    assert to_id(stem) is None


@hypothesis.settings(max_examples=50, deadline=None)
@hypothesis.given(st.binary(max_size=2_000), st.booleans())
def test_never_raises(data: bytes, zipped: bool) -> None:
    from pasture.sources.containers.archives import Member

    content = gzipped(data) if zipped else data
    source = Arxiv(inputs=("x",))
    assert isinstance(
        source.read_member(Member("2401/2401.00001.gz", content), "x"), Document | Rejected
    )


def test_reads_the_sample(tmp_path: pathlib.Path) -> None:
    """Each record of the sample has its fate, and writing it twice gives the same bytes."""
    write(str(tmp_path / "a"))
    write(str(tmp_path / "b"))
    first, second = (tmp_path / folder / NAME for folder in "ab")
    assert first.read_bytes() == second.read_bytes()
    source = Arxiv(inputs=(str(first),))
    records = [record for shard in source.shards() for record in source.read(shard)]
    documents = {record.id: record for record in records if isinstance(record, Document)}
    rejected = [record for record in records if isinstance(record, Rejected)]
    assert len(documents) == 46
    assert {record.locator: record.reason for record in rejected} == {
        "2401.00901": "pdf_only",
        "2401.00902": "withdrawn",
        "2401.00903": "damaged_gzip",
        "2401.00904": "empty",
        "2401.00905": "empty",
        "2401.00906": "plain_tex",
        "2401.00907": "catcode_change",
        "2401.00910": "pdf_only",
    }
    assert documents["2401.00911"].text == documents["2401.00207"].text
    assert documents["2401.00107"].text.startswith("\\section{Le problème}")
    left = {
        name
        for document in documents.values()
        for name in json.loads(document.metadata or "").get("unexpanded_macros", [])
    }
    assert left == {"\\grow"}


@pytest.mark.real_data
def test_cleans_real_papers(real_data: pathlib.Path) -> None:
    """Every paper with LaTeX gives text without comments, definitions or bibliography."""
    source = Arxiv(inputs=(str(real_data / "arxiv" / "*.tar"),))
    records = [record for shard in source.shards() for record in source.read(shard)]
    documents = [record for record in records if isinstance(record, Document)]
    rejected = [record for record in records if isinstance(record, Rejected)]
    assert [document.id for document in documents] == [f"2401.{n:05d}" for n in range(1, 15)]
    assert [(record.locator, record.reason) for record in rejected] == [("2401.00015", "pdf_only")]
    for document in documents:
        text = re.sub(
            r"\\begin\{(verbatim|lstlisting)\}.*?\\end\{\1\}", "", document.text, flags=re.S
        )
        assert text.startswith("\\section")
        assert not re.search(r"(?<!\\)%", text), document.id
        assert not re.search(r"\\(bibliography|bibitem|printbibliography|newcommand|def)\b", text)
        assert "unexpanded_macros" not in json.loads(document.metadata or "")
