"""Small sound files of every source's formats, and ways to break files."""

from __future__ import annotations

import bz2
import gzip
import io
import json
import struct
import tarfile
import zipfile
from collections.abc import Iterable

import py7zr
import pyarrow as pa
import pyarrow.parquet as pq
from backports import zstd

MTIME = 1_500_000_000


def gz(data: bytes) -> bytes:
    """Compress with gzip, with no time in it."""
    return gzip.compress(data, mtime=0)


def gzip_bomb(size: int, head: bytes = b"", fill: bytes = b"a") -> bytes:
    """A gzip of ``size`` bytes of one letter after a head: about 1 MB for each GB."""
    block = fill * (1 << 20)
    buffer = io.BytesIO()
    with gzip.GzipFile(fileobj=buffer, mode="wb", compresslevel=9, mtime=0) as stream:
        stream.write(head)
        for _ in range(size >> 20):
            stream.write(block)
    return buffer.getvalue()


def bzip2_bomb(size: int, head: bytes = b"", fill: bytes = b"a") -> bytes:
    """A bzip2 of ``size`` bytes of one letter after a head."""
    compressor = bz2.BZ2Compressor()
    block = fill * (1 << 20)
    parts = [compressor.compress(head)]
    parts += [compressor.compress(block) for _ in range(size >> 20)]
    return b"".join([*parts, compressor.flush()])


def flip(data: bytes, at: float) -> bytes:
    """Damage some bytes at a share of the length."""
    place = int(len(data) * at)
    return data[:place] + bytes(byte ^ 0xFF for byte in data[place : place + 8]) + data[place + 8 :]


def member(name: str, data: bytes = b"", **more: object) -> tuple[tarfile.TarInfo, bytes]:
    """A member of a tar; ``more`` sets fields of its header, such as ``type`` or ``linkname``."""
    info = tarfile.TarInfo(name)
    info.size, info.mtime = len(data), MTIME
    for key, value in more.items():
        setattr(info, key, value)
    return info, data


def tar(members: Iterable[tuple[tarfile.TarInfo, bytes]]) -> bytes:
    """A tar of members."""
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w", format=tarfile.GNU_FORMAT) as archive:
        for info, data in members:
            archive.addfile(info, io.BytesIO(data))
    return buffer.getvalue()


def zipped(members: Iterable[tuple[str, bytes]]) -> bytes:
    """A zip of members."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in members:
            info = zipfile.ZipInfo(name, (2017, 7, 14, 2, 40, 0))
            archive.writestr(info, data, zipfile.ZIP_DEFLATED)
    return buffer.getvalue()


def seven_zip(members: Iterable[tuple[str, bytes]]) -> bytes:
    """A 7z of members."""
    buffer = io.BytesIO()
    with py7zr.SevenZipFile(buffer, "w") as archive:
        for name, data in members:
            archive.writestr(data, name)
    return buffer.getvalue()


def sentence(number: int) -> str:
    """Two English sentences that no other number gives."""
    return (
        f"The ferry of the year {1800 + number} crossed the wide river {number + 2} times a day. "
        f"Its captain wrote {number + 5} letters about the weather and kept every one of them."
    )


def c4_row(number: int) -> bytes:
    """A row of C4."""
    row = {
        "text": sentence(number),
        "timestamp": "2019-04-25T12:57:54Z",
        "url": f"https://example.org/{number}",
    }
    return json.dumps(row).encode() + b"\n"


def wet_record(number: int, body: bytes | None = None, **headers: str) -> bytes:
    """A record of a WET file, not compressed."""
    body = "\n".join([sentence(number)] * 4).encode() if body is None else body
    lines = {
        "WARC-Type": "conversion",
        "WARC-Target-URI": f"https://example.org/{number}",
        "WARC-Date": "2019-04-25T12:57:54Z",
        "WARC-Record-ID": f"<urn:uuid:00000000-0000-4000-8000-{number:012d}>",
        "Content-Type": "text/plain",
        "Content-Length": str(len(body)),
        **headers,
    }
    head = "".join(f"{name}: {value}\r\n" for name, value in lines.items())
    return b"WARC/1.0\r\n" + head.encode() + b"\r\n" + body + b"\r\n\r\n"


def page_record(number: int, html: bytes, **headers: str) -> bytes:
    """A response of a WARC file with a page of HTML, not compressed."""
    body = b"HTTP/1.1 200 OK\r\nContent-Type: text/html\r\n\r\n" + html
    kind = {"WARC-Type": "response", "Content-Type": "application/http; msgtype=response"}
    return wet_record(number, body, **kind, **headers)


def page(number: int) -> bytes:
    """A page of HTML with a text."""
    text = "".join(f"<p>{sentence(number * 10 + i)}</p>" for i in range(5))
    return f"<html><head><title>Ferry</title></head><body>{text}</body></html>".encode()


def dump(pages: Iterable[bytes], head: bytes = b"") -> bytes:
    """A dump of a wiki, not compressed."""
    site = (
        b"<siteinfo><sitename>Wikipedia</sitename><dbname>enwiki</dbname>"
        b"<namespaces><namespace key='0' case='first-letter' /></namespaces></siteinfo>"
    )
    return head + b"<mediawiki xml:lang='en'>" + site + b"".join(pages) + b"</mediawiki>\n"


def wiki_page(number: int, text: str | None = None, raw: bytes = b"") -> bytes:
    """An article of a dump."""
    text = f"'''Ferry {number}''' was a boat.\n\n" + sentence(number) if text is None else text
    return (
        f"<page><title>Ferry {number}</title><ns>0</ns><id>{number}</id><revision><id>{number}</id>"
        f"<timestamp>2022-01-01T00:00:00Z</timestamp><text>{text}".encode()
        + raw
        + b"</text></revision></page>\n"
    )


def book(number: int, body: bytes | None = None) -> bytes:
    """A book of Project Gutenberg."""
    body = body or "\n\n".join(sentence(number * 40 + i) for i in range(40)).encode()
    title = f"THE FERRY, VOLUME {number}".encode()
    return (
        b"The Project Gutenberg EBook of " + title + b"\n\nTitle: " + title + b"\n\n"
        b"Language: English\n\n*** START OF THIS PROJECT GUTENBERG EBOOK "
        + title
        + b" ***\n\n\n"
        + body
        + b"\n\n\n*** END OF THIS PROJECT GUTENBERG EBOOK "
        + title
        + b" ***\n"
    )


def paper(number: int, body: str = "") -> bytes:
    """A paper in LaTeX."""
    return (
        "\\documentclass{article}\n\\begin{document}\n\\section{Ferries}\n"
        f"{sentence(number)}\n{body}\n\\end{{document}}\n"
    ).encode()


def post(number: int, body: str | None = None, **more: str) -> bytes:
    """A question of a site of StackExchange."""
    body = f"&lt;p&gt;{sentence(number)}&lt;/p&gt;" if body is None else body
    values = {
        "Id": str(number),
        "PostTypeId": "1",
        "CreationDate": "2014-05-05T00:00:00.000",
        "Score": "5",
        "Body": body,
        "Title": f"Ferry {number}?",
        "Tags": "&lt;boats&gt;",
        **more,
    }
    return b"  <row " + " ".join(f'{k}="{v}"' for k, v in values.items()).encode() + b" />\n"


def posts(
    rows: Iterable[bytes], head: bytes = b'<?xml version="1.0" encoding="utf-8"?>\n'
) -> bytes:
    """A Posts.xml."""
    return head + b"<posts>\n" + b"".join(rows) + b"</posts>\n"


def answer(number: int, question: int) -> bytes:
    """An answer."""
    body = f"&lt;p&gt;{sentence(number)}&lt;/p&gt;"
    return (
        f'  <row Id="{number}" PostTypeId="2" ParentId="{question}" Score="3" '
        f'CreationDate="2014-05-06T00:00:00.000" Body="{body}" />\n'
    ).encode()


def thread(number: int) -> bytes:
    """A question with one answer."""
    return post(number) + answer(number + 1, number)


LICENCE = b"""MIT License

Copyright (c) 2020 A Ferryman

Permission is hereby granted, free of charge, to any person obtaining a copy of this software
and associated documentation files (the "Software"), to deal in the Software without
restriction, including without limitation the rights to use, copy, modify, merge, publish,
distribute, sublicense, and/or sell copies of the Software, and to permit persons to whom the
Software is furnished to do so, subject to the following conditions:

The above copyright notice and this permission notice shall be included in all copies or
substantial portions of the Software.

THE SOFTWARE IS PROVIDED "AS IS", WITHOUT WARRANTY OF ANY KIND, EXPRESS OR IMPLIED, INCLUDING
BUT NOT LIMITED TO THE WARRANTIES OF MERCHANTABILITY, FITNESS FOR A PARTICULAR PURPOSE AND
NONINFRINGEMENT. IN NO EVENT SHALL THE AUTHORS OR COPYRIGHT HOLDERS BE LIABLE FOR ANY CLAIM,
DAMAGES OR OTHER LIABILITY, WHETHER IN AN ACTION OF CONTRACT, TORT OR OTHERWISE, ARISING FROM,
OUT OF OR IN CONNECTION WITH THE SOFTWARE OR THE USE OR OTHER DEALINGS IN THE SOFTWARE.
"""


def code(number: int) -> bytes:
    """A file of Python."""
    return f"def ferry_{number}(river):\n    return river + {number}\n".encode()


def repository(
    extra: Iterable[tuple[tarfile.TarInfo, bytes]] = (),
) -> list[tuple[tarfile.TarInfo, bytes]]:
    """The members of a repository with a licence and two files of code, and others."""
    return [
        member("ferry/LICENSE", LICENCE),
        member("ferry/one.py", code(1)),
        *extra,
        member("ferry/two.py", code(2)),
    ]


def code_row(number: int, **more: object) -> bytes:
    """A row of the export of GitHub's files."""
    row = {
        "repo_name": "ferry/boat",
        "path": f"src/{number}.py",
        "content": code(number).decode(),
        "license": "mit",
        **more,
    }
    return json.dumps(row).encode() + b"\n"


def zip_lying_about_size(name: str, size: int) -> bytes:
    """A zip whose directory says that a member of ``size`` zeros is 10 bytes long."""
    data = zipped([(name, bytes(size))])
    at = data.rfind(b"PK\x01\x02")
    return data[: at + 24] + struct.pack("<I", 10) + data[at + 28 :]


def text_rows(numbers: Iterable[int]) -> pa.Table:
    """A table of documents."""
    return pa.table({"id": [f"row-{i}" for i in numbers], "text": [sentence(i) for i in numbers]})


def parquet(table: pa.Table, **options: object) -> bytes:
    """A Parquet file."""
    buffer = io.BytesIO()
    pq.write_table(table, buffer, **options)
    return buffer.getvalue()


def arrow(table: pa.Table, compression: str | None = None, batch_rows: int = 5) -> bytes:
    """An Arrow stream."""
    buffer = io.BytesIO()
    options = pa.ipc.IpcWriteOptions(compression=compression)
    with pa.ipc.new_stream(buffer, table.schema, options=options) as writer:
        writer.write_table(table, max_chunksize=batch_rows)
    return buffer.getvalue()


def arrow_lying_about_size(table: pa.Table, size: int) -> bytes:
    """An Arrow stream whose first batch claims to have another size."""
    data = arrow(table)
    reader = pa.ipc.MessageReader.open_stream(data)
    reader.read_next_message()  # the schema
    true_size = struct.pack("<q", reader.read_next_message().body.size)
    return data.replace(true_size, struct.pack("<q", size), 1)


def zstandard_bomb(size: int, head: bytes = b"") -> bytes:
    """A zstandard file of ``size`` bytes of one letter after a head: about 0.1 MB for each GB."""
    compressor = zstd.ZstdCompressor()
    block = b"a" * (1 << 20)
    parts = [compressor.compress(head)]
    parts += [compressor.compress(block) for _ in range(size >> 20)]
    return b"".join([*parts, compressor.flush()])


def text_row(number: int) -> bytes:
    """A row of JSON lines."""
    return json.dumps({"id": f"row-{number}", "text": sentence(number)}).encode() + b"\n"
