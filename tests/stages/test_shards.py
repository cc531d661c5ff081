"""One shard of a stage: what is kept, dropped, edited, and counted."""

from __future__ import annotations

import dataclasses
import json

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from pasture import storage
from pasture.filters.base import Annotator, Edit, Editor, Filter
from pasture.records import (
    REMOVED_LINE_SCHEMA,
    Document,
    RemovedLines,
    documents_to_batch,
    replace_column,
)
from pasture.sources.base import Rejected
from pasture.stages.shards import ShardWriter, StageFolder, shard_records


@dataclasses.dataclass(frozen=True)
class Short(Filter):
    name = "short"
    limit: int = 3

    def reason(self, text):
        return "too_short" if len(text) < self.limit else None


@dataclasses.dataclass(frozen=True)
class Shout(Editor):
    name = "shout"

    def edit(self, text):
        if text == "stop":
            return Edit(text, "stopped", {"never_counted": 5})
        return Edit(text.replace("x", ""), removed={"x": text.count("x")} if "x" in text else {})


@dataclasses.dataclass(frozen=True)
class NoShortLines(Editor):
    name = "no_short_lines"

    def edit(self, text):
        lines = text.split("\n")
        removed = RemovedLines()
        for number, line in enumerate(lines):
            if len(line) < 6:
                removed.add(number, line, "short")
        return Edit("\n".join(line for line in lines if len(line) >= 6), lines=removed)


@dataclasses.dataclass(frozen=True)
class English(Annotator):
    name = "english"
    columns = ("language",)

    def annotate(self, batch):
        return replace_column(batch, "language", pa.array(["en"] * batch.num_rows))


def batch_of(*texts: str) -> pa.RecordBatch:
    return documents_to_batch([Document(f"d{i}", "c4", text) for i, text in enumerate(texts)])


def write(tmp_path, step, *texts, audit_lines=None):
    folder = StageFolder(str(tmp_path), 1, "f", audit_characters=4, audit_lines=audit_lines)
    with ShardWriter(folder, 0) as shard:
        shard.keep(shard.apply(step, shard.take(batch_of(*texts))))
    (record,) = shard_records(folder.finished())
    kept = pq.read_table(tmp_path / record.path).to_pylist()
    dropped = pq.read_table(tmp_path / record.dropped_path).to_pylist()
    return record, kept, dropped


def test_a_filter_moves_rows_to_the_audit(tmp_path):
    record, kept, dropped = write(tmp_path, Short(), "long enough", "no", "abc", "")
    assert [row["id"] for row in kept] == ["d0", "d2"]
    assert [(r["id"], r["drop_filter"], r["drop_reason"]) for r in dropped] == [
        ("d1", "short", "too_short"),
        ("d3", "short", "too_short"),
    ]
    assert (record.rows_in, record.rows, record.rows_dropped) == (4, 2, 2)
    assert (record.bytes_in, record.text_bytes) == (16, 14)
    assert record.dropped == {"short/too_short": 2}
    assert record.sha256 == storage.sha256(str(tmp_path / record.path))


def test_an_editor_rewrites_drops_and_counts(tmp_path):
    record, kept, dropped = write(tmp_path, Shout(), "axbx", "xx", "stop", "fine")
    assert [row["text"] for row in kept] == ["ab", "fine"]
    # The audit has the text as it was, cut to its limit.
    assert [(r["text"], r["drop_reason"]) for r in dropped] == [
        ("xx", "empty"),
        ("stop", "stopped"),
    ]
    assert record.edited == {"shout/x": 2}
    assert record.dropped == {"shout/empty": 1, "shout/stopped": 1}


LINES = ("a\nlong line\n12345", "short", "nothing went", "b\nlong again")
REMOVED = [("d0", 0, "a"), ("d0", 2, "1234"), ("d3", 0, "b")]


@pytest.mark.parametrize(("audit_lines", "rows"), [(None, 3), (10, 3), (2, 2), (1, 1), (0, 0)])
def test_each_removed_line_of_a_kept_document_is_a_row_of_the_audit(tmp_path, audit_lines, rows):
    """As far as ``audit_lines`` goes; all are counted. "short" is dropped as a document."""
    record, kept, dropped = write(tmp_path, NoShortLines(), *LINES, audit_lines=audit_lines)
    assert [row["text"] for row in kept] == ["long line", "nothing went", "long again"]
    assert [(row["id"], row["drop_reason"]) for row in dropped] == [("d1", "empty")]
    assert record.edited == {"no_short_lines/short": 3}
    assert (record.rows_in, record.rows, record.rows_dropped, record.lines) == (4, 3, 1, rows)
    if not rows:
        assert record.lines_path == record.lines_sha256 == ""
        assert sorted(path.name[:7] for path in tmp_path.glob("*.parquet")) == [
            "documen",
            "dropped",
        ]
        return
    assert record.lines_path == "lines-00000-of-00001.parquet"
    table = pq.read_table(tmp_path / record.lines_path)
    assert table.schema.equals(REMOVED_LINE_SCHEMA)
    assert table.to_pylist() == [
        {
            "id": name,
            "line": line,
            "text": text,
            "drop_filter": "no_short_lines",
            "drop_reason": "short",
        }
        for name, line, text in REMOVED[:rows]
    ]
    assert record.lines_sha256 == storage.sha256(str(tmp_path / record.lines_path))


def test_the_audit_of_lines_goes_on_over_batches(tmp_path):
    folder = StageFolder(str(tmp_path), 1, "f", audit_lines=4)
    with ShardWriter(folder, 0) as shard:
        for _ in range(2):
            shard.keep(shard.apply(NoShortLines(), shard.take(batch_of(*LINES))))
    (record,) = shard_records(folder.finished())
    lines = pq.read_table(tmp_path / record.lines_path).to_pylist()
    assert [row["text"] for row in lines] == ["a", "12345", "b", "a"]
    assert (record.lines, record.edited) == (4, {"no_short_lines/short": 6})


def test_an_annotator_fills_its_column(tmp_path):
    record, kept, dropped = write(tmp_path, English(), "a", "b")
    assert [row["language"] for row in kept] == ["en", "en"]
    assert dropped == []
    assert record.dropped == {}


def test_the_audit_cuts_texts(tmp_path):
    _, _, dropped = write(tmp_path, Short(limit=100), "äöüäöü")
    assert dropped[0]["text"] == "äöüä"


def test_rejected_records_are_counted_by_kind(tmp_path):
    folder = StageFolder(str(tmp_path), 1, "f")
    with ShardWriter(folder, 0) as shard:
        shard.reject(
            "c4",
            [
                Rejected("a", "redirect"),
                Rejected("b", "bad_json", "bad_record", "line 3", "{\ud800"),
                Rejected("file:9", "truncated", "bad_file", "at byte 9"),
            ],
        )
    (record,) = shard_records(folder.finished())
    assert (record.rows_in, record.rows, record.rows_dropped) == (3, 0, 3)
    assert record.bad_records == 1
    assert record.bad_files == ("file:9: truncated: at byte 9",)
    rows = pq.read_table(tmp_path / record.dropped_path).to_pylist()
    assert [row["drop_reason"] for row in rows] == ["redirect", "bad_json", "truncated"]
    assert rows[1]["text"] == "{?"
    assert json.loads(rows[1]["metadata"]) == {"detail": "line 3", "kind": "bad_record"}


def test_an_error_leaves_neither_file_nor_record(tmp_path):
    folder = StageFolder(str(tmp_path / "s"), 1, "f")
    with pytest.raises(RuntimeError, match="halfway"), ShardWriter(folder, 0) as shard:
        shard.keep(batch_of("text"))
        raise RuntimeError("halfway")
    assert list((tmp_path / "s").iterdir()) == []


def test_clean_keeps_only_shards_with_a_record_of_this_fingerprint(tmp_path):
    folder = StageFolder(str(tmp_path), 3, "new")
    for index, fingerprint in ((0, "new"), (1, "old")):
        with ShardWriter(dataclasses.replace(folder, fingerprint=fingerprint), index) as shard:
            shard.keep(shard.apply(NoShortLines(), batch_of("long text\nb")))
    (tmp_path / "documents-00002-of-00003.parquet").write_bytes(b"orphan")
    (tmp_path / "documents-00002-of-00003.parquet.partial-1").write_bytes(b"half")
    folder.clean()
    assert sorted(path.name for path in tmp_path.rglob("*") if path.is_file()) == [
        "00000.json",
        "documents-00000-of-00003.parquet",
        "dropped-00000-of-00003.parquet",
        "lines-00000-of-00003.parquet",
    ]
    assert sorted(folder.finished()) == [0]


def test_only_kept_rows_lie_in_the_folder_of_documents(tmp_path):
    documents, audit = tmp_path / "documents", tmp_path / "audit"
    folder = StageFolder(str(documents), 2, "new", audit_path=str(audit))
    with ShardWriter(folder, 0) as shard:
        shard.keep(shard.apply(NoShortLines(), batch_of("long text\nb")))
    (documents / "dropped-00000-of-00002.parquet").write_bytes(b"of the old layout")
    (documents / "00000.json").write_bytes(b"of the old layout")
    (audit / "documents-00000-of-00002.parquet").write_bytes(b"misplaced")
    folder.clean()
    assert (folder.num_finished(), sorted(folder.finished())) == (1, [0])
    assert [path.name for path in documents.iterdir()] == ["documents-00000-of-00002.parquet"]
    assert sorted(path.name for path in audit.rglob("*") if path.is_file()) == [
        "00000.json",
        "dropped-00000-of-00002.parquet",
        "lines-00000-of-00002.parquet",
    ]
    folder.remove_records()
    assert sorted(path.name for path in audit.iterdir()) == [
        "dropped-00000-of-00002.parquet",
        "lines-00000-of-00002.parquet",
    ]
