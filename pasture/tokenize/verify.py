"""Checks the token shards of an output against their manifests."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from pasture import storage
from pasture.errors import StorageError
from pasture.manifests.shards import MANIFEST
from pasture.tokenize.reader import TokenShard
from pasture.tokenize.writer import SPLITS


def verify_tokens(output: str) -> Iterator[str]:
    """Yield a line for each thing that is wrong with the token shards of an output.

    Hashes every file, counts its rows and tokens, checks that it was made with the tokenizer
    that its manifest names, and that the manifest's sums are right.
    """
    for path, _ in storage.glob(storage.join(output, "tokens", "*", MANIFEST)):
        folder = path.rsplit("/", 1)[0]
        manifest = storage.read_json(path)
        for shard in manifest["shards"]:
            yield from _verify_shard(folder, shard, manifest["tokenizer"])
        for split in SPLITS:
            for key, count in manifest["splits"][split].items():
                found = sum(s[key] for s in manifest["shards"] if s["split"] == split)
                if found != count:
                    yield f"{path}: {split}: the shards' {key} sum to {found}, not {count}"


def _verify_shard(
    folder: str, record: Mapping[str, Any], tokenizer: Mapping[str, Any]
) -> Iterator[str]:
    path = storage.join(folder, record["path"])
    if not storage.exists(path):
        yield f"{path} is missing"
        return
    if storage.sha256(path) != record["sha256"]:
        yield f"{path} has other bytes than its manifest says"
        return
    if storage.is_url(path):  # the hash holds; a remote file cannot be mapped to be counted
        return
    try:
        shard = TokenShard(path)
    except StorageError as error:
        yield str(error)
        return
    for key in ("rows", "tokens"):
        if getattr(shard, key) != record[key]:
            yield f"{path} holds {getattr(shard, key)} {key}, not {record[key]}"
    if shard.metadata["tokenizer_sha256"] != tokenizer["sha256"]:
        yield f"{path} was made with another tokenizer than its manifest says"
