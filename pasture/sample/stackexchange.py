"""Writes the Stack Exchange part of the sample: the archives of two small sites.

The posts of a site stand in ``texts/stackexchange/{site}.txt``, each after a line
``=== id kind score date | title | tags``. A kind is ``Q``, ``A`` and the question's id, or ``W``
and a post type; a paragraph that is no markup is put between ``<p>`` and ``</p>``. Among the
posts are scores that sort wrongly as text, a near copy, rows of tag wikis, an answer without its
question, and broken rows. The archives are the same bytes with the same release of py7zr.
"""

from __future__ import annotations

import importlib.resources
import io
import re
from xml.sax.saxutils import quoteattr

from pasture.sample.containers import read_bundle, write_file

_TIME_OF_DAY = "T12:{:02}:00.000"
_LICENSED_FROM = "2018-05-02"  # from when on the sample's rows name their licence
_MODIFIED = 1_700_000_000  # 2023-11-14
_ACCEPTED = re.compile(r"accepted=(\d+)")


def write(folder: str) -> None:
    """Write the archives into a folder."""
    root = importlib.resources.files("pasture.sample") / "texts" / "stackexchange"
    for site in sorted(entry.name.removesuffix(".txt") for entry in root.iterdir()):
        write_file(folder, f"{site}.7z", _archive(_posts(site)))


def _posts(site: str) -> bytes:
    rows = "".join(_row(mark, body) for mark, body in read_bundle("stackexchange", site))
    head = '\ufeff<?xml version="1.0" encoding="utf-8"?>\r\n<posts>\r\n'
    return f"{head}{rows}</posts>".encode()


def _row(mark: str, body: str) -> str:
    """Write one row as the dump does; a broken one is taken as it is."""
    if mark.endswith(" broken"):
        return f"{body}\r\n"
    facts, *words = mark.split(" | ")
    number, kind, score, date = facts.split()[:4]
    accepted = _ACCEPTED.search(facts)
    attributes = {
        "Id": number,
        "PostTypeId": {"Q": "1", "A": "2"}.get(kind[0], kind[1:]),
        "ParentId": kind[1:] if kind[0] == "A" else None,
        "AcceptedAnswerId": accepted[1] if accepted else None,
        "CreationDate": date + _TIME_OF_DAY.format(int(number) % 60),
        "Score": score,
        "Body": _html(body),
        "OwnerUserId": str(int(number) * 7 % 23 + 1),
        "Title": words[0] if words else None,
        "Tags": "".join(f"<{tag}>" for tag in words[1].split()) if words else None,
        "ContentLicense": "CC BY-SA 4.0" if date >= _LICENSED_FROM else None,
    }
    pairs = (
        f"{name}={quoteattr(value, {chr(10): '&#xA;'})}"
        for name, value in attributes.items()
        if value is not None
    )
    return f"  <row {' '.join(pairs)} />\r\n"


def _html(body: str) -> str:
    """Put paragraphs between tags, but leave alone what begins with a block of markup."""
    parts: list[str] = []
    for part in re.split(r"\n\n(?![^<]*</code></pre>)", body):
        is_block = re.match(r"<(?:p|pre|ul|ol|div|table|blockquote|h\d|hr)\b", part)
        parts.append(part if is_block else f"<p>{part}</p>")
    return "\n\n".join(parts) + "\n"


def _archive(posts: bytes) -> bytes:
    """Pack Posts.xml as the dump does, with a fixed time."""
    import py7zr
    from py7zr.helpers import ArchiveTimestamp

    stream = io.BytesIO()
    with py7zr.SevenZipFile(stream, "w") as archive:
        archive.writef(io.BytesIO(posts), "Posts.xml")
        for entry in archive.header.files_info.files:
            entry["lastwritetime"] = ArchiveTimestamp.from_datetime(_MODIFIED)
    return stream.getvalue()
