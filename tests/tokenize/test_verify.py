"""Verifying token shards: whatever was changed behind their manifests is found."""

from __future__ import annotations

import json
import pathlib
import shutil
from collections.abc import Callable
from typing import Any

import pyarrow as pa
import pytest

from pasture import storage
from pasture.tokenize.verify import verify_tokens


@pytest.fixture
def output(small_output: pathlib.Path, tmp_path: pathlib.Path) -> pathlib.Path:
    """A copy of the small output, to be damaged."""
    shutil.copytree(small_output, tmp_path / "out")
    return tmp_path / "out"


def shard(output: pathlib.Path) -> pathlib.Path:
    return sorted((output / "tokens" / "c4").glob("train-*.arrow"))[1]


def change(path: pathlib.Path, edit: Callable[[dict[str, Any]], object]) -> None:
    body = json.loads(path.read_text())
    edit(body)
    storage.write_json(str(path), body)


def rewrite(output: pathlib.Path, edit: Callable[[pa.Table], pa.Table]) -> None:
    """Change the table of a shard, and put its new hash and size into the manifest."""
    path = shard(output)
    table = edit(pa.ipc.open_file(pa.BufferReader(path.read_bytes())).read_all())
    with pa.ipc.new_file(str(path), table.schema) as writer:
        writer.write_table(table)

    def update(manifest: dict[str, Any]) -> None:
        (record,) = [s for s in manifest["shards"] if s["path"] == path.name]
        size = path.stat().st_size
        manifest["splits"]["train"]["bytes"] += size - record["bytes"]
        record.update(sha256=storage.sha256(str(path)), bytes=size)

    change(path.parent / "MANIFEST.json", update)


def problems(output: pathlib.Path) -> list[str]:
    return [line.replace(f"{output}/", "") for line in verify_tokens(str(output))]


def test_nothing_is_wrong(output: pathlib.Path) -> None:
    assert problems(output) == []


def test_every_byte_counts(output: pathlib.Path) -> None:
    path = shard(output)
    whole = path.read_bytes()
    for place in (0, len(whole) // 3, len(whole) // 2, len(whole) - 1):
        data = bytearray(whole)
        data[place] ^= 0x40
        path.write_bytes(data)
        assert problems(output) == [f"tokens/c4/{path.name} has other bytes than its manifest says"]


def test_a_missing_shard_and_one_too_many(output: pathlib.Path) -> None:
    path = shard(output)
    shutil.move(path, path.with_name("train-00009-of-00010.arrow"))
    assert problems(output) == [
        f"tokens/c4/{path.name} is missing",
        "tokens/c4/train-00009-of-00010.arrow is in no manifest",
    ]


@pytest.mark.parametrize("key", ["rows", "tokens", "bytes"])
def test_a_wrong_count_of_a_shard(output: pathlib.Path, key: str) -> None:
    name = shard(output).name

    def edit(manifest: dict[str, Any]) -> None:
        (record,) = [s for s in manifest["shards"] if s["path"] == name]
        record[key] += 1

    change(output / "tokens/c4/MANIFEST.json", edit)
    found = problems(output)
    assert any(f"{name} holds" in line and f" {key}, not " in line for line in found), found
    assert any(f"train: the shards' {key} sum to" in line for line in found)
    assert "tokens/MANIFEST.json: the manifest of c4 is another than it says" in found


def test_a_wrong_sum(output: pathlib.Path) -> None:
    manifest = output / "tokens/c4/MANIFEST.json"
    change(manifest, lambda body: body["splits"]["train"].update(rows=7))
    found = problems(output)
    assert any("train: the shards' rows sum to" in line and "not 7" in line for line in found)
    assert any("documents have tokens, but documents/c4/20-exact kept 60" in line for line in found)


@pytest.mark.parametrize("key", ["documents", "tokens"])
def test_a_wrong_count_of_the_corpus(output: pathlib.Path, key: str) -> None:
    corpus = output / "tokens/MANIFEST.json"
    change(corpus, lambda body: body["sources"]["c4"].update({key: 5}))
    (line,) = problems(output)
    assert line.startswith("tokens/MANIFEST.json: c4 holds ")
    assert line.endswith(f" {key}, not 5")


def test_rows_that_are_gone_though_the_hash_fits(output: pathlib.Path) -> None:
    rewrite(output, lambda table: table.slice(1))
    found = problems(output)
    assert any(f"{shard(output).name} holds" in line and "rows, not" in line for line in found)
    assert any("tokens, not" in line for line in found)


def test_an_id_beyond_the_vocabulary(output: pathlib.Path) -> None:
    def edit(table: pa.Table) -> pa.Table:
        rows = table["tokens"].to_pylist()
        rows[2][3] = 65_000
        tokens = pa.array(rows, pa.list_(pa.uint16()))
        return table.set_column(1, table.schema.field("tokens"), tokens)

    rewrite(output, edit)
    name = shard(output).name
    assert f"tokens/c4/{name} holds the id 65000, beyond the vocabulary" in problems(output)


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("tokenizer_sha256", "f00d"),
        ("source", "books"),
        ("split", "validation"),
        ("fingerprint", "0" * 16),
        ("dtype", "uint32"),
    ],
)
def test_a_shard_that_says_otherwise(output: pathlib.Path, key: str, value: str) -> None:
    rewrite(
        output,
        lambda table: table.replace_schema_metadata(
            {**table.schema.metadata, f"pasture.{key}".encode(): value}
        ),
    )
    name = shard(output).name
    (line,) = [line for line in problems(output) if name in line]
    assert line.startswith(f"tokens/c4/{name}: {key} is {value}, but its manifest says ")


def test_another_tokenizer_or_none(output: pathlib.Path) -> None:
    path = output / "tokenizer/tokenizer.model"
    path.write_bytes(path.read_bytes() + b"\0")
    (line,) = problems(output)
    assert line.endswith("tokenizer/tokenizer.model is not the tokenizer that made the tokens")
    path.unlink()
    assert problems(output) == [
        "tokenizer holds no tokenizer; put the one that made the tokens there"
    ]


def test_documents_that_were_made_anew(output: pathlib.Path) -> None:
    path = output / "audit/c4/20-exact/MANIFEST.json"
    path.write_text(path.read_text() + "\n")
    assert problems(output) == [
        "tokens/c4/MANIFEST.json: documents/c4/20-exact is another than the tokens were made from"
    ]


@pytest.mark.parametrize("name", ["tokens/MANIFEST.json", "tokens/c4/MANIFEST.json"])
def test_a_manifest_that_is_none(output: pathlib.Path, name: str) -> None:
    (output / name).write_text('{"shards": [{}], "sources": {"c4": 1}}')
    assert any(line.startswith(f"{name} is not a manifest of") for line in problems(output))


def test_a_source_without_its_manifest(output: pathlib.Path) -> None:
    (output / "tokens/c4/MANIFEST.json").unlink()
    assert problems(output) == ["tokens/c4/MANIFEST.json is missing"]
