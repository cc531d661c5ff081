"""Bad files that once took minutes, gigabytes, or the run: each in seconds now.

Like ``cases``; each must end within ``SECONDS`` of processor time and ``MEMORY_MB``.
"""

from __future__ import annotations

import bz2
import gzip
import io
import json
import lzma
import random
import struct
import tarfile
import zipfile
import zlib

import py7zr
import pyarrow as pa

from tests.hostile import files as f
from tests.hostile.cases import GB, MB, Case, arxiv, books, c4, crawl, exchange, github, wiki

SECONDS = 5
MEMORY_MB = 600

OVER = "archive_over_limit"


def header(name: str, kind: bytes, size: int) -> bytes:
    """The header of a member of a tar, without its content."""
    info = tarfile.TarInfo(name)
    info.type, info.size = kind, size
    return info.tobuf(tarfile.GNU_FORMAT)


def xz_with_dictionary(data: bytes, bits: int) -> bytes:
    """An xz whose block header asks for a larger dictionary: 40 is 4 GiB, 37 is 1.5 GiB."""
    packed = bytearray(lzma.compress(data, preset=0))
    size = (packed[12] + 1) * 4
    at = packed.index(b"\x21\x01", 12, 12 + size) + 2
    packed[at] = bits
    packed[8 + size : 12 + size] = struct.pack("<I", zlib.crc32(bytes(packed[12 : 8 + size])))
    return bytes(packed)


def zip_end(members: int, size: int, offset: int) -> bytes:
    return struct.pack("<4s4H2LH", b"PK\x05\x06", 0, 0, members, members, size, offset, 0)


def overlapping_zip(entries: int) -> bytes:
    """A zip with so many entries for one member (Fifield's bomb, with shared names)."""
    data = f.zipped([("1.txt", f.book(1, b"ferry " * (6 * MB)))])
    start, end = data.rfind(b"PK\x01\x02"), data.rfind(b"PK\x05\x06")
    directory = data[start:end] * entries
    return data[:start] + directory + zip_end(entries, len(directory), start)


def zip_of_entries(entries: int) -> bytes:
    """A zip of nothing but a directory, which needs zip64 for its count."""
    entry = struct.pack("<4s4B4HL2L5H2L", b"PK\x01\x02", 20, 0, 20, *[0] * 8, 1, *[0] * 6) + b"a"
    directory = entry * entries
    end = struct.pack(
        zipfile.structEndArchive64,
        b"PK\x06\x06",
        *(44, 45, 45, 0, 0, entries, entries, len(directory), 0),
    )
    place = struct.pack(zipfile.structEndArchive64Locator, b"PK\x06\x07", 0, len(directory), 1)
    last = struct.pack("<4s4H2LH", b"PK\x05\x06", 0, 0, *[0xFFFF] * 2, *[0xFFFFFFFF] * 2, 0)
    return directory + end + place + last


def bzip2_in_zip(size: int) -> bytes:
    """A zip whose member is a bomb of bzip2, of which zipfile decompresses all at once."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        archive.writestr("1.txt", bytes(size), zipfile.ZIP_BZIP2)
    return buffer.getvalue()


def page_with(coding: str, body: bytes) -> bytes:
    """A WARC with a page of an encoded body, and a sound one."""
    head = f"HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nContent-Encoding: {coding}\r\n\r\n"
    kind = {"WARC-Type": "response", "Content-Type": "application/http; msgtype=response"}
    return f.gz(f.wet_record(2, head.encode() + body, **kind)) + f.gz(f.page_record(1, f.page(1)))


def false_members(count: int) -> bytes:
    """A damaged WARC with places that only seem to begin a record, a sound record at its end."""
    head = b"WARC/1.0\r\nWARC-Type: conversion\r\nContent-Length: 4000000\r\n\r\n"
    false = f.gz(head + random.Random(0).randbytes(2000))
    damaged = f.flip(f.gz(f.wet_record(2)), 0.5)
    return f.gz(f.wet_record(1)) + damaged + false * count + f.gz(f.wet_record(3))


def namespaces(count: int) -> bytes:
    many = b"".join(b'<namespace key="%d">N%d</namespace>' % (i % 999, i) for i in range(count))
    return bz2.compress(f.dump([f.wiki_page(1)]).replace(b"<namespaces>", b"<namespaces>" + many))


def declared(encoding: bytes) -> bytes:
    return bz2.compress(f.dump([f.wiki_page(1)], b'<?xml version="1.0" encoding="%s"?>' % encoding))


def labelled(charset: bytes) -> bytes:
    """A WARC with a page that names its character set, not in UTF-8, and a sound one."""
    html = b'<meta charset="%s">' % charset + f.page(2).replace(b"ferry", b"f\xe9rry \\ud800")
    return f.gz(f.page_record(2, html)) + f.gz(f.page_record(1, f.page(1)))


def rows_of_c4(*timestamps: str) -> bytes:
    rows = [{"text": "A ferry.", "timestamp": t, "url": "https://x.org/"} for t in timestamps]
    return f.gz(b"".join(json.dumps(row).encode() + b"\n" for row in rows) + f.c4_row(1))


def seven_zip_with_dictionary(bits: int) -> bytes:
    """A 7z whose coder asks for a larger dictionary; its header is patched and summed anew."""
    buffer = io.BytesIO()
    filters = [{"id": py7zr.FILTER_LZMA2, "preset": 0, "dict_size": 1 << 20}]
    with py7zr.SevenZipFile(buffer, "w", filters=filters, header_encryption=False) as archive:
        archive.set_encoded_header_mode(False)
        archive.writestr(f.posts([f.thread(1)]), "Posts.xml")
    data = bytearray(buffer.getvalue())
    offset, size = struct.unpack("<QQ", data[12:28])
    begin = 32 + offset
    at = data.index(b"\x21\x21\x01", begin) + 3
    data[at] = bits
    data[28:32] = struct.pack("<I", zlib.crc32(bytes(data[begin : begin + size])))
    data[8:12] = struct.pack("<I", zlib.crc32(bytes(data[12:32])))
    return bytes(data)


BOUNDS: list[Case] = [
    # Headers, names, dictionaries and counts.
    github(
        "a name of 1 GB", "r.tar.gz", lambda: f.gzip_bomb(GB, header("n", b"L", GB)), 0, **{OVER: 1}
    ),
    github(
        "a link name of 1 GB",
        "r.tar.gz",
        lambda: f.gzip_bomb(GB, header("n", b"K", GB)),
        0,
        **{OVER: 1},
    ),
    github(
        "a pax header of 1 GB",
        "r.tar.gz",
        lambda: f.gzip_bomb(GB, header("n", b"x", GB)),
        0,
        **{OVER: 1},
    ),
    books(
        "a name of 2 GB",
        "x.tar.gz",
        lambda: f.gzip_bomb(2 * GB, header("n", b"L", 2 * GB)),
        0,
        **{OVER: 1},
    ),
    github(
        "a million folders",
        "r.tar.gz",
        lambda: gzip.compress(header("d/", b"5", 0) * 1_000_000, 1),
        0,
        **{OVER: 1},
    ),
    github(
        "a thousand pax headers in a row",
        "r.tar",
        lambda: header("n", b"x", 512) + (b"x" * 512 + header("n", b"x", 512)) * 5000,
        0,
        damaged_archive=1,
    ),
    github(
        "a member of 1 GB",
        "r.tar.gz",
        lambda: f.gzip_bomb(GB, header("b.py", b"0", GB - MB)),
        0,
        too_large=1,
        damaged_archive=1,
    ),
    books(
        "a dictionary of 4 GiB in xz",
        "x.tar.xz",
        lambda: xz_with_dictionary(bytes(300 * MB), 40),
        0,
        damaged_archive=1,
    ),
    books(
        "a dictionary of 1.5 GiB in xz",
        "x.tar.xz",
        lambda: xz_with_dictionary(f.tar([f.member("a.txt", f.book(1))]), 37),
        0,
        damaged_archive=1,
    ),
    books(
        "a bomb in bzip2",
        "x.tar.bz2",
        lambda: f.bzip2_bomb(2 * GB, header("a.txt", b"0", 8**11 - 1)),
        0,
        member_too_large=1,
        damaged_archive=1,
    ),
    books(
        "twelve entries for one member",
        "x.zip",
        lambda: overlapping_zip(12),
        0,
        overlapping_members=1,
    ),
    books(
        "a directory of a million entries",
        "x.zip",
        lambda: zip_of_entries(1_000_000),
        0,
        **{OVER: 1},
    ),
    books("bzip2 in a zip", "x.zip", lambda: bzip2_in_zip(300 * MB), 0, unsupported_compression=1),
    books(
        "a name twice in a zip",
        "x.zip",
        lambda: f.zipped([("1.txt", f.book(1)), ("./1.txt", f.book(2))]),
        1,
        duplicate_member=1,
    ),
    exchange("a dictionary of 4 GiB in 7z", lambda: seven_zip_with_dictionary(40), 0, **{OVER: 1}),
    exchange(
        "a 7z of rubbish",
        lambda: b"7z\xbc\xaf\x27\x1c" + bytes(range(256)) * 40,
        0,
        damaged_archive=1,
    ),
    wiki("a million namespaces", lambda: namespaces(1_000_000), 0, damaged_xml=1),
    wiki(
        "an element of 500 kB for a name",
        lambda: bz2.compress(b"<mediawiki><" + b"a" * 500_000 + b">" + b"<b/>" * 500_000),
        0,
        damaged_xml=1,
    ),
    wiki(
        "a title of 3 MB",
        lambda: bz2.compress(
            f.dump([f.wiki_page(1).replace(b"Ferry 1", b"F" * 3 * MB, 1), f.wiki_page(2)])
        ),
        1,
        incomplete_page=1,
    ),
    # Time without bound.
    c4("2 GB of blank lines", lambda: f.gzip_bomb(2 * GB, f.c4_row(1), b"\n"), 1, damaged_file=1),
    c4("short blank runs", lambda: f.gz(f.c4_row(1) + b"\n \n" * 1000 + f.c4_row(2)), 2),
    c4(
        "300 MB of broken rows",
        lambda: f.gzip_bomb(300 * MB, f.c4_row(1), b"1\n"),
        1,
        not_an_object=10_000,
        too_many_bad_records=1,
    ),
    github(
        "2 GB of blank lines",
        "r.json.gz",
        lambda: f.gzip_bomb(2 * GB, f.code_row(1), b"\n"),
        1,
        damaged_file=1,
    ),
    crawl(
        "ten thousand false members",
        lambda: false_members(10_000),
        1,
        damaged_file=131,
        not_utf8=130,
    ),
    crawl(
        "a bomb of HTTP in gzip", lambda: page_with("gzip", f.gzip_bomb(GB)), 1, page_too_large=1
    ),
    crawl(
        "a bomb of HTTP in zstd",
        lambda: page_with("zstd", pa.compress(bytes(GB), codec="zstd", asbytes=True)),
        1,
        page_too_large=1,
    ),
    crawl(
        "a bomb of HTTP in deflate",
        lambda: page_with("deflate", zlib.compress(bytes(300 * MB))),
        1,
        page_too_large=1,
    ),
    crawl(
        "bombs in bombs of HTTP",
        lambda: page_with("gzip, deflate", zlib.compress(f.gzip_bomb(GB))),
        1,
        page_too_large=1,
    ),
    arxiv(
        "a name of 50 MB in a submission",
        lambda: f.gzip_bomb(50 * MB, header("n", b"L", 50 * MB)),
        2,
        **{OVER: 1},
    ),
    # Encodings.
    *(
        wiki(f"XML in {name}", lambda name=name: declared(name.encode()), 0, damaged_xml=1)
        for name in ("utf-7", "shift_jis", "utf-16", "unicode_escape", "zlib")
    ),
    *(
        crawl(f"a page in {name}", lambda name=name: labelled(name.encode()), 2)
        for name in (
            "unicode_escape",
            "raw_unicode_escape",
            "idna",
            "utf-7",
            "punycode",
            "hex",
            "zlib",
            "undefined",
            "mbcs",
            "utf-16",
        )
    ),
    # Values that no column holds.
    c4(
        "timestamps at the edge of the calendar",
        lambda: rows_of_c4("0001-01-01T00:00:00+14:00", "9999-12-31T23:59:59-14:00"),
        1,
        bad_timestamp=2,
    ),
    c4(
        "an address with a lone surrogate",
        lambda: f.gz(f.c4_row(1) + f.c4_row(2).replace(b"https", b"\\ud800")),
        1,
        invalid_unicode=1,
    ),
    wiki(
        "numbers that are none",
        lambda: bz2.compress(
            f.dump(
                [
                    f.wiki_page(1).replace(b"<ns>0", b"<ns>--0"),
                    f.wiki_page(2).replace(b"<revision><id>2", b"<revision><id>" + b"9" * 4000),
                ]
            )
        ),
        1,
        other_namespace=1,
    ),
    wiki(
        "a timestamp at the edge of the calendar",
        lambda: bz2.compress(
            f.dump([f.wiki_page(1).replace(b"2022-01-01T00:00:00Z", b"0001-01-01T00:00:00+14:00")])
        ),
        1,
    ),
]
