"""Measures the GitHub chain beside RedPajama's logic: MB of input a second of one core.

    python -m benchmarks.github INPUTS... [--rounds 3]

INPUTS are repository archives or rows of the export, such as
``pasture.sample.github.write_installed_packages(folder)`` makes. MB are the bytes of the files
in them, decompressed; time is CPU time in this one process, and the fastest round counts. What
it costs to decompress the inputs once (gzip and tar) is measured too, and taken off the reading.
Every step gets all documents of the source, and what it writes to disk is left out.

RedPajama's logic was written anew, from a description of what it does: its digest, licence
names, suffixes, header rule and thresholds. It gets the files decoded, and its tokenizer is
replaced by one ``re.findall`` of words and marks, which costs a fraction of the BPE that it uses.
"""

from __future__ import annotations

import argparse
import dataclasses
import hashlib
import re

import pyarrow as pa

from benchmarks.reporting import fastest, machine, markdown_table
from pasture.dedup.exact import digest
from pasture.filters.base import Edit
from pasture.filters.code import CodeHeuristics, StripHeader
from pasture.records import MAX_BATCH_ROWS, Document, documents_to_batch
from pasture.sources.base import Rejected
from pasture.sources.containers.archives import Limits, Member, read_members
from pasture.sources.github.rows import SourceFile, parse_row, read_rows
from pasture.sources.github.source import GitHub

SUFFIX_LIST = (
    ".asm .bat .cmd .c .h .cs .cpp .hpp .c++ .h++ .cc .hh .C .H .cmake .css .dockerfile .f90 .f "
    ".f03 .f08 .f77 .f95 .for .fpp .go .hs .html .java .js .jl .lua .md .markdown .php .php3 .php4 "
    ".php5 .phps .phpt .pl .pm .pod .perl .ps1 .psd1 .psm1 .py .rb .rs .sql .scala .sh .bash "
    ".command .zsh .ts .tsx .tex .vb Dockerfile Makefile .xml .rst .m .smali"
)
SUFFIXES = tuple(SUFFIX_LIST.split())
BLOCK = re.compile(r"/\*.*?\*/", re.DOTALL)
TOKEN = re.compile(r"\w+|[^\w\s]")


@dataclasses.dataclass(frozen=True, slots=True)
class Raw:
    """What the chains start from: the path and the text of a file."""

    path: str
    text: str


def redpajama_header(text: str) -> str:
    """The first C-style block goes if it claims a copyright; without one, leading line comments."""
    block = BLOCK.search(text)
    if block is not None:
        if "copyright" in block[0].lower():
            return text[: block.start()] + text[block.end() :]
        return text
    lines = text.split("\n")
    first = 0
    while first < len(lines) and (not lines[first] or lines[first].startswith(("//", "#", "--"))):
        first += 1
    return "\n".join(lines[first:])


def redpajama_keeps(text: str) -> bool:
    """The four thresholds, each computed in the plain way."""
    lengths = [len(line) for line in text.split("\n")]
    if not text or max(lengths) > 1000 or len(text) / len(lengths) > 100:
        return False
    if sum(map(str.isalnum, text)) / len(text) < 0.25:
        return False
    return sum(map(str.isalpha, text)) / max(1, len(TOKEN.findall(text))) >= 1.5


def redpajama(files: list[Raw]) -> int:
    """The chain over decoded files; the licence is a column there, which costs nothing."""
    seen: set[str] = set()
    kept = 0
    for file in files:
        if not file.path.endswith(SUFFIXES) or file.path == "LICENSE":
            continue
        digest = hashlib.md5(file.text.encode(), usedforsecurity=False).hexdigest()
        if digest not in seen:
            seen.add(digest)
            kept += redpajama_keeps(redpajama_header(file.text))
    return kept


def is_rows(path: str) -> bool:
    return path.endswith((".json.gz", ".jsonl.gz", ".json", ".jsonl"))


def decompress(inputs: list[str]) -> int:
    """Read every byte of the inputs and do nothing with them."""
    total = 0
    for path in inputs:
        if is_rows(path):
            total += sum(len(line) for _, line in read_rows(path) if isinstance(line, bytes))
        else:
            members = read_members(path, Limits(total_bytes=4 << 30))
            total += sum(len(member.data) for member in members if isinstance(member, Member))
    return total


def raw_files(inputs: list[str]) -> list[Raw]:
    files = []
    for path in inputs:
        if is_rows(path):
            rows = (parse_row(line, at) for at, line in read_rows(path) if isinstance(line, bytes))
            found: list[SourceFile] = [row[0] for row in rows if not isinstance(row, Rejected)]
            files += [Raw(file.path, file.text) for file in found]
        else:
            for member in read_members(path, Limits(total_bytes=4 << 30)):
                if isinstance(member, Member):
                    name = member.name.partition("/")[2]
                    files.append(Raw(name, member.data.decode("utf-8", "replace")))
    return files


def read(source: GitHub) -> list[Document]:
    records = (record for shard in source.shards() for record in source.read(shard))
    return [record for record in records if isinstance(record, Document)]


def batches(documents: list[Document]) -> list[pa.RecordBatch]:
    starts = range(0, len(documents), MAX_BATCH_ROWS)
    return [documents_to_batch(documents[at : at + MAX_BATCH_ROWS]) for at in starts]


def reasons(inputs: list[pa.RecordBatch]) -> int:
    rule = CodeHeuristics()
    return sum(rule.reasons(batch).null_count for batch in inputs)


def digests(documents: list[Document]) -> int:
    return len({digest(document.text, "none") for document in documents})


def edits(inputs: list[pa.RecordBatch]) -> list[Edit]:
    step = StripHeader()
    return [edit for batch in inputs for edit in step.edits(batch)]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("inputs", nargs="+")
    parser.add_argument("--rounds", type=int, default=3)
    args = parser.parse_args()
    source = GitHub(inputs=tuple(args.inputs))
    raw = raw_files(args.inputs)
    megabytes = sum(len(file.text.encode()) for file in raw) / 1e6
    documents = read(source)
    tables = batches(documents)
    kept_megabytes = sum(len(document.text.encode()) for document in documents) / 1e6
    unpacking = fastest(lambda: decompress(args.inputs), args.rounds)
    print(f"{machine()}\n")
    print(f"{len(raw):,} files, {megabytes:.1f} MB; {len(documents):,} documents, ", end="")
    print(f"{kept_megabytes:.1f} MB; unpacking takes {megabytes / unpacking:.0f} MB/s\n")
    reading = fastest(lambda: read(source), args.rounds) - unpacking
    shape = fastest(lambda: reasons(tables), args.rounds)
    headers = fastest(lambda: edits(tables), args.rounds)
    exact = fastest(lambda: digests(documents), args.rounds)
    plain = fastest(lambda: redpajama(raw), args.rounds)
    chain = reading + shape + headers + exact
    rows = [
        ("read, decode, licence, language", megabytes / reading),
        ("`code_heuristics` (of the documents)", kept_megabytes / shape),
        ("`strip_header` (of the documents)", kept_megabytes / headers),
        ("digests of `exact_duplicates` (of the documents)", kept_megabytes / exact),
        ("the chain", megabytes / chain),
        ("RedPajama's logic, on decoded files", megabytes / plain),
    ]
    print(markdown_table(("part", "MB/s/core"), [(part, f"{rate:.0f}") for part, rate in rows]))


if __name__ == "__main__":
    main()
