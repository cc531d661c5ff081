"""Bad files of the source ``documents``: of each format what a file of it may hold on purpose."""

from __future__ import annotations

from collections.abc import Callable

import pyarrow as pa
from backports import zstd

from tests.hostile import files as f
from tests.hostile.cases import DEEP, GB, MB, Case


def rows(name: str, file: str, data: Callable[[], bytes], documents: int, **reasons: int) -> Case:
    def files() -> dict[str, bytes]:
        # Read first, so that the look at the first and last file before a run passes.
        return {"a.jsonl": f.text_row(90), file: data(), "z.jsonl": f.text_row(91)}

    return Case("documents", name, files, documents + 2, reasons)


def with_text_row(row: bytes) -> Callable[[], bytes]:
    return lambda: f.text_row(1) + row + b"\n" + f.text_row(2)


def nested_table(depth: int) -> pa.Table:
    """A table with a column of lists of lists."""
    kind = pa.int32()
    for _ in range(depth):
        kind = pa.list_(kind)
    return f.text_rows(range(3)).append_column("deep", pa.nulls(3, kind))


def repeated(text: str, times: int) -> pa.Table:
    """A table whose rows share one value of a dictionary."""
    indices = pa.array([0] * times, pa.int32())
    return pa.table({"text": pa.DictionaryArray.from_arrays(indices, [text])})


DOCUMENT_CASES: list[Case] = [
    rows("an empty file", "bad.jsonl", lambda: b"", 0, empty_file=1),
    rows(
        "a truncated zstandard file",
        "bad.jsonl.zst",
        lambda: zstd.compress(f.text_row(1) * 2 + bytes(range(256)))[:-9],
        0,
        damaged_file=1,
    ),
    rows(
        "a zstandard file with rubbish after it",
        "bad.jsonl.zst",
        lambda: zstd.compress(f.text_row(1)) + b"rubbish",
        1,
        damaged_file=1,
    ),
    rows(
        "a zstandard bomb of one line",
        "bad.jsonl.zst",
        lambda: f.zstandard_bomb(GB, f.text_row(1)),
        1,
        damaged_file=1,  # more bytes out of one byte than any text's
    ),
    rows(
        "a bzip2 bomb of one line",
        "bad.jsonl.bz2",
        lambda: f.bzip2_bomb(200 * MB, f.text_row(1)),
        1,
        row_too_large=1,
    ),
    rows("NUL bytes", "bad.jsonl", with_text_row(bytes(50)), 2, not_json=1),
    rows("no UTF-8", "bad.jsonl", with_text_row(b'{"text": "\xff"}'), 2, not_utf8=1),
    rows(
        "a lone surrogate",
        "bad.jsonl",
        with_text_row(b'{"text": "\\ud800 b"}'),
        2,
        invalid_unicode=1,
    ),
    rows(
        "nesting without end",
        "bad.jsonl",
        with_text_row(b'{"text": ' + b"[" * DEEP),
        2,
        too_nested=1,
    ),
    rows(
        "a deep value beside the text",
        "bad.jsonl",
        with_text_row(b'{"text": "a", "x": ' + b"[" * 200 + b"]" * 200 + b"}"),
        2,
        too_nested=1,
    ),
    rows(
        "a number without end",
        "bad.jsonl",
        with_text_row(b'{"text": "a", "url": ' + b"9" * DEEP + b"}"),
        2,
        not_json=1,
    ),
    rows("a date without end", "bad.jsonl", with_text_row(b'{"text": "a", "date": 1e300}'), 3),
    rows(
        "a quote that stays open",
        "bad.csv",
        lambda: b'text\nferry\n"ferry\n' + b"boat\n" * 1000,
        1,
        bad_csv=1,
    ),
    rows(
        "a quote that stays open for 200 MB",
        "bad.csv.gz",
        lambda: f.gzip_bomb(200 * MB, b'text\nferry\n"'),
        1,
        row_too_large=1,
    ),
    rows("a CSV of NUL bytes", "bad.csv", lambda: b"text\nferry\n" + bytes(1000) + b"\n", 2),
    rows("no Parquet at all", "bad.parquet", lambda: b"hello" * 100, 0, damaged_file=1),
    rows(
        "a Parquet file that breaks off",
        "bad.parquet",
        lambda: f.parquet(f.text_rows(range(20)))[:-20],
        0,
        damaged_file=1,
    ),
    rows(
        "a damaged page of a Parquet file",
        "bad.parquet",
        lambda: f.flip(
            f.parquet(
                f.text_rows(range(1000, 5000)), row_group_size=2000, write_page_checksum=True
            ),
            0.75,
        ),
        2000,
        damaged_file=1,
    ),
    rows(
        "a dictionary of one large text for all rows",
        "bad.parquet",
        lambda: f.parquet(repeated("ferry " * MB, 50), compression="zstd"),
        50,
    ),
    rows(
        "a dictionary of one text over the limit",
        "bad.parquet",
        lambda: f.parquet(repeated("ferry " * (12 * MB), 10), compression="zstd"),
        0,
        row_too_large=10,
    ),
    rows(
        "a row of 80 MB in a Parquet file",
        "bad.parquet",
        lambda: f.parquet(pa.table({"text": ["a" * (80 * MB)]}), compression="zstd"),
        0,
        row_group_too_large=1,
    ),
    rows(
        "very many nulls in a Parquet row",
        "bad.parquet",
        lambda: f.parquet(
            pa.table(
                {
                    "text": ["a"],
                    "x": pa.ListArray.from_arrays([0, 20 * MB], pa.nulls(20 * MB, pa.int8())),
                }
            )
        ),
        0,
        row_group_too_large=1,
    ),
    rows(
        "very many empty elements in an Arrow row",
        "bad.arrow",
        lambda: f.arrow(
            pa.table({"text": ["a"], "x": pa.ListArray.from_arrays([0, GB], pa.nulls(GB))})
        ),
        0,
        batch_too_large=1,
    ),
    rows("columns in columns", "bad.parquet", lambda: f.parquet(nested_table(60)), 3),
    rows(
        "an Arrow stream that breaks off",
        "bad.arrow",
        lambda: f.arrow(f.text_rows(range(20)))[:-300],
        15,
        damaged_file=1,
    ),
    rows(
        "an Arrow bomb",
        "bad.arrow",
        lambda: f.arrow(pa.table({"text": ["a" * MB] * 1100}), "zstd", 1100),
        0,
        batch_too_large=1,
    ),
    rows(
        "an Arrow file that claims to be larger than it is",
        "bad.arrow",
        lambda: f.arrow_lying_about_size(f.text_rows(range(20)), 1 << 60),
        0,
        batch_too_large=1,
    ),
    rows("a text file of NUL bytes", "bad.jsonl", lambda: bytes(10_000), 0, not_json=1),
]
