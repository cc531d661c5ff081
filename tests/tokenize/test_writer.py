"""Token shards: what they hold, what they say of themselves, and that they are whole or absent."""

from __future__ import annotations

import dataclasses
import hashlib
import pathlib
from collections.abc import Iterator

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pasture import __version__, storage
from pasture.errors import StageError
from pasture.records import Document, documents_to_batch
from pasture.tokenize import writer
from pasture.tokenize.encode import Encoder
from pasture.tokenize.writer import (
    TokenMetadata,
    TokenShardWriter,
    split_of,
    token_batch,
    write_token_shard,
)

METADATA = TokenMetadata("books", "train", "f00d", 700, "uint16", bos=True, eos=False)


def batch(*rows: list[int]) -> pa.RecordBatch:
    return pa.RecordBatch.from_pydict(
        {
            "id": pa.array([f"id-{i}" for i in range(len(rows))], pa.string()),
            "tokens": pa.array(rows, pa.list_(pa.uint16())),
            "url": pa.array([None] * len(rows), pa.string()),
            "license": pa.array(["MIT"] * len(rows), pa.string()),
            "language": pa.array(["en"] * len(rows), pa.string()),
        }
    )


def read(path: pathlib.Path) -> pa.Table:
    with pa.memory_map(str(path)) as file:
        return pa.ipc.open_file(file).read_all()


def test_shard_holds_the_rows_and_describes_itself(tmp_path: pathlib.Path) -> None:
    path = tmp_path / "new" / "train-00000-of-00001.arrow"
    record = write_token_shard(str(path), [batch([1, 5], []), batch([1, 6, 7])], METADATA)
    table = read(path)
    assert table["tokens"].to_pylist() == [[1, 5], [], [1, 6, 7]]
    assert table.schema.names == ["id", "tokens", "url", "license", "language"]
    assert table.schema.field("tokens").type == pa.list_(pa.uint16())
    assert table.schema.metadata == {
        b"pasture.bos": b"True",
        b"pasture.dtype": b"uint16",
        b"pasture.eos": b"False",
        b"pasture.fingerprint": b"",
        b"pasture.source": b"books",
        b"pasture.split": b"train",
        b"pasture.tokenizer_sha256": b"f00d",
        b"pasture.version": __version__.encode(),
        b"pasture.vocab_size": b"700",
    }
    data = path.read_bytes()
    assert (record.rows, record.tokens) == (3, 5)
    assert (record.bytes, record.sha256) == (len(data), hashlib.sha256(data).hexdigest())
    assert [entry.name for entry in path.parent.iterdir()] == [path.name]


def test_equal_rows_give_equal_bytes(tmp_path: pathlib.Path) -> None:
    digests = {
        write_token_shard(str(tmp_path / name), [batch([1, 2], [3])], METADATA).sha256
        for name in ("one", "two")
    }
    assert len(digests) == 1


def test_small_batches_are_joined(tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(writer, "BATCH_TOKENS", 4)
    batches = [batch([1]), batch([2, 3], [4]), batch([5]), batch([6])]
    write_token_shard(str(tmp_path / "x"), batches, METADATA)
    with pa.memory_map(str(tmp_path / "x")) as file:
        reader = pa.ipc.open_file(file)
        parts = [reader.get_batch(i)["tokens"].to_pylist() for i in range(2)]
        assert reader.num_record_batches == 2
    assert parts == [[[1], [2, 3], [4]], [[5], [6]]]


def test_ids_are_written_in_the_type_that_the_shard_names(tmp_path: pathlib.Path) -> None:
    """A type that is only implied is read wrongly some day."""
    wide = TokenMetadata("books", "train", "f00d", 100_000, "uint32", bos=True, eos=True)
    write_token_shard(str(tmp_path / "x"), [batch([1, 2])], wide)
    assert read(tmp_path / "x").schema.field("tokens").type == pa.list_(pa.uint32())


@pytest.mark.parametrize("batches", [[], [batch()], [batch([], [])]])
def test_no_token_is_an_error_and_leaves_no_file(
    tmp_path: pathlib.Path, batches: list[pa.RecordBatch]
) -> None:
    with pytest.raises(StageError, match="no token was written"):
        write_token_shard(str(tmp_path / "x"), batches, METADATA)
    assert list(tmp_path.iterdir()) == []


def test_a_failure_leaves_no_file(tmp_path: pathlib.Path) -> None:
    def break_off() -> Iterator[pa.RecordBatch]:
        yield batch([1, 2])
        raise KeyError

    with pytest.raises(KeyError):
        write_token_shard(str(tmp_path / "x"), break_off(), METADATA)
    assert list(tmp_path.iterdir()) == []


def test_two_splits_are_written_in_one_pass(tmp_path: pathlib.Path) -> None:
    held = dataclasses.replace(METADATA, split="validation")
    with (
        TokenShardWriter(str(tmp_path / "train"), METADATA) as train,
        TokenShardWriter(str(tmp_path / "validation"), held) as validation,
    ):
        train.write(batch([1, 2]))
        validation.write(batch([3]))
    assert (train.record.tokens, validation.record.tokens) == (2, 1)


def test_documents_become_rows_with_their_provenance(
    tmp_path: pathlib.Path, encoder: Encoder
) -> None:
    documents = documents_to_batch(
        [
            Document("a", "books", "the gate", url="u", license="MIT", language="en"),
            Document("b", "books", "sheep"),
        ]
    )
    metadata = TokenMetadata.of(encoder, "books", "train")
    write_token_shard(str(tmp_path / "x"), [token_batch(documents, encoder)], metadata)
    rows = read(tmp_path / "x").to_pylist()
    assert rows == [
        {
            "id": "a",
            "tokens": encoder.encode("the gate"),
            "url": "u",
            "license": "MIT",
            "language": "en",
        },
        {
            "id": "b",
            "tokens": encoder.encode("sheep"),
            "url": None,
            "license": None,
            "language": None,
        },
    ]
    assert all(row["tokens"][0] == 1 for row in rows)


@given(st.text(st.characters(codec="utf-8")), st.integers(0, 2**32))
def test_a_document_stays_in_its_split(name: str, seed: int) -> None:
    assert split_of(name, seed, 0.0) == "train"
    assert split_of(name, seed, 1.0) == "validation"
    assert split_of(name, seed, 0.3) == split_of(name, seed, 0.3)
    if split_of(name, seed, 0.1) == "validation":
        assert split_of(name, seed, 0.2) == "validation"


def test_the_validation_split_has_the_share_asked_for() -> None:
    names = [f"id-{i}" for i in range(20_000)]
    held = {name for name in names if split_of(name, 0, 0.05) == "validation"}
    assert 900 < len(held) < 1100
    assert held != {name for name in names if split_of(name, 1, 0.05) == "validation"}


def test_shards_open_as_they_are_in_pyarrow_datasets(tmp_path: pathlib.Path) -> None:
    import pyarrow.dataset

    for name in ("a.arrow", "b.arrow"):
        write_token_shard(str(tmp_path / name), [batch([1, 2], [3])], METADATA)
    dataset = pyarrow.dataset.dataset(str(tmp_path), format="ipc")
    assert dataset.to_table(columns=["tokens"])["tokens"].to_pylist() == [[1, 2], [3]] * 2
    assert storage.glob(str(tmp_path / "*.arrow"))[0][1] == (tmp_path / "a.arrow").stat().st_size
