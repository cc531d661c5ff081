"""Feeds every source with damaged files for a while: python -m tests.hostile.fuzz --help.

Takes sound files of each format, changes them at random (bytes flipped, cut, doubled, swapped,
inserted from a list of nasty pieces; inside the compression as well as outside), and extracts
them as a run does. Whatever a file holds, the extraction must end in time, count every
record, write files that can be read, and raise nothing but Pasture's own errors.
"""

from __future__ import annotations

import argparse
import bz2
import pathlib
import random
import signal
import sys
import tempfile
import time
import types
from collections.abc import Callable

from backports import zstd

from pasture.errors import PastureError
from pasture.manifests.shards import record_from
from pasture.sources import SOURCES
from pasture.stages.shards import StageFolder
from pasture.stages.transforms import ExtractShard
from tests.hostile import files as f

SECONDS = 60
"""No file of a few kilobytes may take longer."""

PIECES = [
    *(b"\0", b"\xff\xfe", b"\xc0\xaf", b"\xed\xa0\x80", "\u2028\u202e".encode(), b"\r\n\r\n"),
    *(b"{{", b"}}", b"[[", b"{|", b"|}", b"<ref", b"<!--", b"<nowiki>", b"<math>", b"''''"),
    *(b"<div " * 50, b"</p>", b"<pre>", b"&lt;", b"&#x110000;", b"&amp;amp;", b"<![CDATA["),
    *(rb"\begin{document}", rb"\def\a{\a}", rb"\input{x}", b"{", b"}", b"$$", b"%", b"\\"),
    *(b'"', b"\\u", b"[" * 200, b"1e999", b"Content-Length: 9", b"WARC/1.0\r\n", b"*** START OF"),
]

Compress = Callable[[bytes], bytes]


def plain(data: bytes) -> bytes:
    """Leave it as it is."""
    return data


FORMATS: dict[str, list[tuple[str, Callable[[], bytes], Compress]]] = {
    "c4": [("x.json.gz", lambda: b"".join(map(f.c4_row, range(8))), f.gz)],
    "common_crawl": [
        ("x.warc.wet.gz", lambda: b"".join(map(f.wet_record, range(5))), f.gz),
        ("x.warc.gz", lambda: b"".join(f.page_record(i, f.page(i)) for i in range(4)), f.gz),
    ],
    "wikipedia": [
        (
            "enwiki-1-pages-articles.xml.bz2",
            lambda: f.dump(map(f.wiki_page, range(6))),
            bz2.compress,
        )
    ],
    "books": [
        ("x.txt", lambda: f.book(1), plain),
        ("x.zip", lambda: f.zipped([("1.txt", f.book(1)), ("2.txt", f.book(2))]), plain),
    ],
    "arxiv": [
        (
            "arXiv_src_2401_001.tar",
            lambda: f.tar([f.member(f"2401/2401.0000{i}.gz", f.paper(i)) for i in range(3)]),
            plain,
        ),
    ],
    "github": [
        ("x.tar.gz", lambda: f.tar(f.repository()), f.gz),
        ("x.json", lambda: b"".join(map(f.code_row, range(6))), plain),
    ],
    "documents": [
        ("x.jsonl", lambda: b"".join(map(f.text_row, range(6))), plain),
        ("x.jsonl.zst", lambda: b"".join(map(f.text_row, range(6))), zstd.compress),
        ("x.csv", lambda: b'id,text\n1,"A ferry, of ""1860"""\n2,Another\n', plain),
        ("x.parquet", lambda: f.parquet(f.text_rows(range(20)), row_group_size=5), plain),
        ("x.arrow", lambda: f.arrow(f.text_rows(range(20))), plain),
        ("y.arrow", lambda: f.arrow(f.text_rows(range(20)), "zstd"), plain),
    ],
    "stackexchange": [
        (
            "boats.stackexchange.com.7z",
            lambda: f.posts(map(f.thread, range(1, 13, 2))),
            lambda data: f.seven_zip([("Posts.xml", data)]),
        ),
    ],
}


def mutate(chance: random.Random, data: bytes) -> bytes:
    """Change some bytes at random."""
    changed = bytearray(data)
    for _ in range(chance.choice((1, 1, 2, 5, 20))):
        start = chance.randrange(len(changed) + 1)
        end = min(len(changed), start + int(chance.paretovariate(0.7)))
        kind = chance.randrange(6)
        if kind == 0:
            changed[start:end] = bytes(byte ^ chance.randrange(256) for byte in changed[start:end])
        elif kind == 1:
            del changed[start:end]
        elif kind == 2:
            changed[start:start] = changed[start:end] * chance.choice((1, 3, 100))
        elif kind == 3:
            changed[start:start] = chance.choice(PIECES) * chance.choice((1, 1, 1, 50, 3000))
        elif kind == 4:
            other = chance.randrange(len(changed) + 1)
            changed[start:end] = changed[other : other + end - start]
        elif chance.random() < 0.2:
            del changed[start:]
    return bytes(changed[: 4 << 20])


def damaged(chance: random.Random, source: str) -> tuple[str, bytes]:
    """Make one damaged file of a source: its name and bytes."""
    name, make, compress = chance.choice(FORMATS[source])
    data = make()
    if chance.random() < 0.75:
        return name, compress(mutate(chance, data))
    return name, mutate(chance, compress(data))


def check(source: str, name: str, data: bytes) -> None:
    """Extract one file, and check what every extraction must hold.

    Raises:
        AssertionError: It does not hold.
        Exception: The parser's bug.
    """
    with tempfile.TemporaryDirectory() as folder:
        raw, output = pathlib.Path(folder) / "raw", pathlib.Path(folder) / "output"
        raw.mkdir()
        (raw / name).write_bytes(data)
        reader = SOURCES[source](inputs=(f"{raw}/*",))
        try:
            units = reader.shards()
        except PastureError:
            return
        stage = ExtractShard(reader, StageFolder(str(output), len(units), "fingerprint"))
        for index, unit in enumerate(units):
            list(stage.process((index, unit)))
        for body in StageFolder(str(output), 1, "fingerprint").finished().values():
            shard = record_from(body)
            assert shard.rows_in == shard.rows + shard.rows_dropped


def _late(signum: int, frame: types.FrameType | None) -> None:
    raise TimeoutError(f"more than {SECONDS} seconds")


def main() -> None:
    """Fuzz until the time is up; stop at the first file that breaks something, and keep it."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n", 1)[0])
    parser.add_argument("--seconds", type=float, default=600, help="how long (default: 600)")
    parser.add_argument("--seed", type=int, default=None, help="default: another one each time")
    parser.add_argument("--source", choices=sorted(FORMATS), help="default: all in turn")
    options = parser.parse_args()
    seed = random.randrange(1 << 32) if options.seed is None else options.seed
    print(f"seed {seed}", flush=True)
    signal.signal(signal.SIGALRM, _late)
    sources = [options.source] if options.source else sorted(FORMATS)
    start, count = time.monotonic(), 0
    while time.monotonic() < start + options.seconds:
        source = sources[count % len(sources)]
        name, data = damaged(random.Random(f"{seed} {count}"), source)
        signal.alarm(SECONDS)
        try:
            check(source, name, data)
        except BaseException:
            kept = pathlib.Path(f"fuzz-{seed}-{count}-{name}")
            kept.write_bytes(data)
            print(f"{source}: file {count} broke it; kept as {kept}", file=sys.stderr)
            raise
        signal.alarm(0)
        count += 1
    print(f"{count} files in {time.monotonic() - start:.0f} s, all well")


if __name__ == "__main__":
    main()
