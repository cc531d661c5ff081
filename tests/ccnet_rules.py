"""CCNet's published behaviour, written out plainly: what the real-data test compares with.

After the description of the code that made its corpora (facebookresearch/cc_net): WET pages are
read line by line, lines are flagged by a first pass over a group of files and removed by a second,
and a page's language is that of its text without line ends. One line and one step at a time.
"""

from __future__ import annotations

import collections
import dataclasses
import gzip
import hashlib
import pathlib
import re
from collections.abc import Iterable, Iterator, Sequence

MIN_CHARACTERS = 300
DELETED = {
    *"，。、„”“«»１」「《》´∶：？！（）；–—．～’…━〈〉【】％►",
    *map(chr, range(32)),
    *map(chr, range(127, 160)),
}


@dataclasses.dataclass
class Page:
    """A page of a WET file: its lines without the first one, which is the title."""

    id: str
    lines: list[str]


def read_wet(path: pathlib.Path) -> Iterator[Page]:
    """Yield the pages of a WET file that are long enough."""
    data = gzip.decompress(path.read_bytes())
    while data:
        head, _, rest = data.partition(b"\r\n\r\n")
        fields = dict(line.split(": ", 1) for line in head.decode().split("\r\n")[1:])
        length = int(fields["Content-Length"])
        block, data = rest[:length], rest[length + len(b"\r\n\r\n") :]
        if fields["WARC-Type"] != "conversion":
            continue
        lines = [line.strip() for line in block.decode().split("\n")]
        while lines and not lines[-1]:
            lines.pop()
        lines = lines[1:]
        if len("\n".join(lines)) >= MIN_CHARACTERS:
            yield Page(fields["WARC-Record-ID"].strip("<>"), lines)


def line_hash(line: str) -> bytes:
    """The first half of the SHA-1 of the form in which lines are compared."""
    line = re.sub(r"\d", "0", line.strip().lower())
    line = "".join(character for character in line if character not in DELETED)
    return hashlib.sha1(line.encode()).digest()[:8]


def deduplicate(files: Sequence[Iterable[Page]], group: int) -> Iterator[Page]:
    """Yield the pages of files, without repeated lines; pages without a line left are dropped.

    Lines are compared within so many consecutive files.
    """
    for start in range(0, len(files), group):
        pages = [page for file in files[start : start + group] for page in file]
        num_pages = collections.Counter(
            digest for page in pages for digest in set(map(line_hash, page.lines))
        )
        for page in pages:
            seen: set[bytes] = set()
            kept = []
            for line in page.lines:
                digest = line_hash(line)
                if num_pages[digest] == 1 and digest not in seen:
                    kept.append(line)
                seen.add(digest)
            if kept:
                yield Page(page.id, kept)


def identify(model: object, lines: Sequence[str]) -> tuple[str, float]:
    """The language of a page and its score: the best label of its lines, glued together."""
    # fastText's own call: its Python function for one string fails with numpy 2.
    ((score, label),) = model.f.predict("".join(lines) + "\n", 1, 0.0, "strict")
    return label.removeprefix("__label__"), round(score, 2)
