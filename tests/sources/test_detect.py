"""Proposals for the files of a folder: who reads them, and that the patterns match them alone."""

from __future__ import annotations

import bz2
import gzip
import io
import json
import pathlib
import tarfile

import datasets
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from pasture import storage
from pasture.errors import InputError
from pasture.sample import write_sample
from pasture.sources import SOURCES
from pasture.sources.detect import Findings, propose_sources
from tests.hostile.cases import CASES
from tests.hostile.document_cases import DOCUMENT_CASES

PROSE = "The ferry crossed the river, and nobody on it knew how deep that was. " * 5


def write(folder: pathlib.Path, files: dict[str, bytes]) -> None:
    for name, data in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(data)


def jsonl(*rows: object) -> bytes:
    return b"".join(json.dumps(row).encode() + b"\n" for row in rows)


def tar(*names: str) -> bytes:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as archive:
        for name in names:
            info = tarfile.TarInfo(name)
            info.size = 5
            archive.addfile(info, io.BytesIO(b"hello"))
    return buffer.getvalue()


def short(findings: Findings) -> dict[str, tuple[str, tuple[str, ...]]]:
    return {proposal.name: (proposal.kind, proposal.inputs) for proposal in findings.proposals}


def reasons(findings: Findings) -> dict[str, str]:
    return {skipped.path: skipped.why for skipped in findings.skipped}


def check_reads(folder: pathlib.Path, findings: Findings) -> None:
    """Every proposal can be listed by its source, and patterns match as many files as they say."""
    for proposal in findings.proposals:
        inputs = tuple(f"{folder}/{pattern}" for pattern in proposal.inputs)
        source = SOURCES[proposal.kind](inputs=inputs, **proposal.options)
        assert source.shards()
        matched = {path for pattern in inputs for path, _ in storage.glob(pattern)}
        if matched:
            assert len(matched) == proposal.files
            assert sum(size for _, size in source.files()) == proposal.bytes


def test_the_sample(tmp_path):
    write_sample(str(tmp_path))
    findings = propose_sources(str(tmp_path))
    assert short(findings) == {
        "arxiv": ("arxiv", ("arxiv/arXiv_src_2401_001.tar",)),
        "books": ("books", ("books/books3.tar.gz", "books/gutenberg/*.txt")),
        "c4": ("c4", ("c4/c4-train.00000-of-00001.json.gz",)),
        "common_crawl": ("common_crawl", ("common_crawl/*.warc.wet.gz",)),
        "github": (
            "github",
            (
                "github/bq-contents-000000000000.json.gz",
                "github/*.tar.gz",
                "github/orchard__pebble-ui.zip",
            ),
        ),
        "stackexchange": ("stackexchange", ("stackexchange/*.7z",)),
        "wikipedia": ("wikipedia", ("wikipedia/*.xml.bz2",)),
    }
    assert sorted(reasons(findings).values()) == [
        "no known format",
        "the index of a Wikipedia dump, not its text",
        "the pages of the WET file beside it",
    ]
    check_reads(tmp_path, findings)


@pytest.mark.real_data
def test_real_files(real_data):
    findings = propose_sources(str(real_data))
    kinds = {proposal.kind for proposal in findings.proposals}
    assert kinds == set(SOURCES)
    named = {proposal.name: proposal.kind for proposal in findings.proposals}
    assert all(named[kind] == kind for kind in kinds - {"documents"})
    check_reads(real_data, findings)


def test_rows_of_one_s_own(tmp_path):
    row = {"text": PROSE, "id": "1"}
    write(
        tmp_path,
        {
            "my forum/a.jsonl.gz": gzip.compress(jsonl(row)),
            "my forum/2024/b.jsonl.gz": gzip.compress(jsonl({**row, "id": "2"})),
            "posts/x.csv": b'n,story\n1,"%s"\n2,"%s"\n' % (PROSE.encode(), PROSE.encode()),
            "numbers/x.csv": b"a,b\n1,2\n",
            "README.md": b"# Data\n",
        },
    )
    pq.write_table(pa.table({"content": [PROSE], "score": [1.5]}), tmp_path / "posts" / "y.parquet")
    findings = propose_sources(str(tmp_path))
    assert short(findings) == {
        "my_forum": ("documents", ("my forum/**/*.jsonl.gz",)),
        "posts": ("documents", ("posts/x.csv",)),
        "posts_2": ("documents", ("posts/y.parquet",)),
    }
    options = {p.inputs[0]: p.options for p in findings.proposals}
    assert options["posts/x.csv"] == {"column_map": {"text": "story"}}
    assert options["posts/y.parquet"] == {"column_map": {"text": "content"}}
    assert reasons(findings) == {
        "README.md": "text that describes the files beside it",
        "numbers/x.csv": "rows without a column of texts; there are a, b",
    }
    check_reads(tmp_path, findings)


def test_datasets_and_dolma(tmp_path):
    rows = datasets.Dataset.from_list([{"text": PROSE}])
    rows.save_to_disk(str(tmp_path / "saved"))
    datasets.DatasetDict({"train": rows, "test": rows}).save_to_disk(str(tmp_path / "splits"))
    for split in ("train", "test"):
        (tmp_path / "hub" / "data").mkdir(parents=True, exist_ok=True)
        rows.to_parquet(str(tmp_path / "hub" / "data" / f"{split}-00000-of-00001.parquet"))
    document = jsonl({"id": "1", "text": PROSE})
    write(
        tmp_path,
        {
            "hub/README.md": b"# A dataset",
            "dolma/documents/a.json.gz": gzip.compress(document),
            "dolma/attributes/x/a.json.gz": gzip.compress(jsonl({"id": "1", "attributes": {}})),
        },
    )
    findings = propose_sources(str(tmp_path))
    assert short(findings) == {
        "dolma": ("documents", ("dolma/documents/a.json.gz",)),
        "hub": ("documents", ("hub/data/train-00000-of-00001.parquet",)),
        "saved": ("documents", ("saved",)),
        "splits": ("documents", ("splits",)),
    }
    assert [p.options for p in findings.proposals] == [{}, {}, {}, {"split": "train"}]
    assert reasons(findings) == {
        "dolma/attributes/x/a.json.gz": "attributes of dolma, not documents",
        "hub/README.md": "text that describes the files beside it",
        "hub/data/test-00000-of-00001.parquet": "the split test of a dataset",
    }
    check_reads(tmp_path, findings)
    own = propose_sources(str(tmp_path / "saved"))
    assert short(own) == {"documents": ("documents", (".",))}
    check_reads(tmp_path / "saved", own)


def test_repositories_and_archives(tmp_path):
    write(
        tmp_path,
        {
            "code/a__b/LICENSE": b"MIT License",
            "code/a__b/src/x.py": b"print(1)\n",
            "code/a__c/.git/HEAD": b"ref: refs/heads/main",
            "code/a__c/y.c": b"int main;\n",
            "tars/papers.tar": tar("2401/2401.00001.gz"),
            "tars/books.tar": tar("A - B.txt"),
            "tars/code.tar": tar("x/LICENSE", "x/a.py"),
            "tars/pictures.tar": tar("a.jpg"),
            "tars/none.tar": b"hello",
        },
    )
    findings = propose_sources(str(tmp_path))
    assert short(findings) == {
        "arxiv": ("arxiv", ("tars/papers.tar",)),
        "books": ("books", ("tars/books.tar",)),
        "code": ("github", ("code/*",)),
        "tars": ("github", ("tars/code.tar",)),
    }
    assert set(reasons(findings)) == {"tars/pictures.tar", "tars/none.tar"}
    check_reads(tmp_path, findings)


def test_many_kinds_in_one_folder(tmp_path):
    write(
        tmp_path,
        {
            "dump.xml.bz2": bz2.compress(b"<mediawiki><page/></mediawiki>"),
            "notes 1.txt": PROSE.encode(),
            "notes 2.txt": PROSE.encode(),
            "pg11.txt": b"The Project Gutenberg eBook of Alice\n" + PROSE.encode(),
            "rows": jsonl({"text": PROSE}),
            "[odd] name é.warc.gz": gzip.compress(b"WARC/1.0\r\n"),
            "wet.paths.gz": gzip.compress(b"crawl/x.warc.wet.gz\n"),
            "picture.jpg": b"\xff\xd8\xff",
            "empty.jsonl": b"",
            "array.json": json.dumps([{"text": PROSE}]).encode(),
        },
    )
    findings = propose_sources(str(tmp_path))
    assert short(findings) == {
        "books": ("books", ("pg11.txt",)),
        "common_crawl": ("common_crawl", ("wet.paths.gz", "[[]odd] name é.warc.gz")),
        "documents": ("documents", ("rows",)),
        "wikipedia": ("wikipedia", ("dump.xml.bz2",)),
    }
    assert reasons(findings) == {
        "*.txt": "text that describes the files beside it",
        "array.json": "one JSON array; write its elements one a line",
        "empty.jsonl": "an empty file",
        "picture.jpg": "no known format",
    }


def test_text_files_of_two_kinds_in_one_folder(tmp_path):
    write(tmp_path, {f"t/note-{i}.txt": PROSE.encode() for i in range(30)})
    write(tmp_path, {f"t/pg{i}.txt": b"Project Gutenberg\n" + PROSE.encode() for i in range(30)})
    findings = propose_sources(str(tmp_path))
    assert short(findings) == {
        "books": ("books", ("t/pg*.txt",)),
        "t": ("documents", ("t/note-*.txt",)),
    }
    check_reads(tmp_path, findings)


def test_nothing_there(tmp_path):
    (tmp_path / "x.txt").write_text("x")
    for folder in (tmp_path / "none", tmp_path / "x.txt" / "y"):
        with pytest.raises(InputError, match="is no folder, or holds no file"):
            propose_sources(str(folder))


@pytest.mark.parametrize("case", [*CASES, *DOCUMENT_CASES][::4], ids=lambda case: case.id)
def test_bad_files_break_nothing(case, tmp_path):
    write(tmp_path, case.files())
    findings = propose_sources(str(tmp_path))
    count = sum(p.files for p in findings.proposals) + sum(s.files for s in findings.skipped)
    assert count == len(list(tmp_path.iterdir()))
