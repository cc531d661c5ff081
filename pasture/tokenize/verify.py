"""Checks the token shards of an output against their manifests."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from pasture import storage
from pasture.errors import StageError, StorageError
from pasture.manifests.layout import places
from pasture.manifests.shards import MANIFEST
from pasture.tokenize.encode import find_tokenizer
from pasture.tokenize.reader import TokenShard
from pasture.tokenize.writer import SPLITS

# Ids looked at at a time.
WINDOW_TOKENS = 8 << 20


def verify_tokens(output: str) -> Iterator[str]:
    """Yield a line for each thing that is wrong with the token shards of an output.

    Hashes every file; counts its rows and tokens; checks that its ids are of the vocabulary, that
    it was made as its manifest says and with the tokenizer that lies in the output; that the
    manifests' sums are right, that a source has a row for each document, and that the manifests
    before and after name each other's hashes.
    """
    for path, _ in storage.glob(storage.pattern(output, "tokens", "*", MANIFEST)):
        manifest = storage.read_json(path)
        try:
            yield from _verify_source(output, path, manifest)
        except (KeyError, TypeError, AttributeError) as error:
            yield f"{path} is not a manifest of tokens: {error!r}"
    path = storage.join(output, "tokens", MANIFEST)
    if storage.exists(path):
        try:
            yield from _verify_corpus(output, path, storage.read_json(path))
        except (KeyError, TypeError, AttributeError) as error:
            yield f"{path} is not a manifest of a corpus: {error!r}"


def _verify_source(output: str, path: str, manifest: Mapping[str, Any]) -> Iterator[str]:
    folder = path.rsplit("/", 1)[0]
    for shard in manifest["shards"]:
        yield from _verify_shard(folder, shard, manifest)
    named = {shard["path"] for shard in manifest["shards"]}
    for extra, _ in storage.glob(storage.pattern(folder, "*.arrow")):
        if extra.rsplit("/", 1)[-1] not in named:
            yield f"{extra} is in no manifest"
    for split in SPLITS:
        for key, count in manifest["splits"][split].items():
            found = sum(s[key] for s in manifest["shards"] if s["split"] == split)
            if found != count:
                yield f"{path}: {split}: the shards' {key} sum to {found}, not {count}"
    rows = sum(split["rows"] for split in manifest["splits"].values())
    for key, digest in manifest["upstream"].items():
        upstream = places(output, key).manifest
        if not storage.exists(upstream):
            continue  # the tokens may lie on their own
        if storage.sha256(upstream) != digest:
            yield f"{path}: {key} is another than the tokens were made from"
        elif key.startswith("documents/"):
            documents = storage.read_json(upstream)["totals"]["rows"]
            if documents != rows:
                yield f"{path}: {rows} documents have tokens, but {key} kept {documents}"
    try:
        tokenizer = find_tokenizer(storage.join(output, "tokenizer"))
    except StageError as error:
        yield str(error)
        return
    if storage.sha256(tokenizer) != manifest["tokenizer"]["sha256"]:
        yield f"{path}: {tokenizer} is not the tokenizer that made the tokens"


def _verify_shard(
    folder: str, record: Mapping[str, Any], manifest: Mapping[str, Any]
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
    ((_, size),) = storage.glob(path)
    for key, found in (("rows", shard.rows), ("tokens", shard.tokens), ("bytes", size)):
        if found != record[key]:
            yield f"{path} holds {found} {key}, not {record[key]}"
    tokenizer = manifest["tokenizer"]
    for key, wanted in (
        ("tokenizer_sha256", tokenizer["sha256"]),
        ("dtype", tokenizer["dtype"]),
        ("source", manifest["source"]),
        ("split", record["split"]),
        ("fingerprint", manifest["fingerprint"]),
    ):
        if shard.metadata.get(key) != wanted:
            yield f"{path}: {key} is {shard.metadata.get(key)}, but its manifest says {wanted}"
    for start in range(0, shard.tokens, WINDOW_TOKENS):
        ids = shard.read(start, min(start + WINDOW_TOKENS, shard.tokens))
        if ids.max() >= tokenizer["vocab_size"]:
            yield f"{path} holds the id {ids.max()}, beyond the vocabulary"
            return


def _verify_corpus(output: str, path: str, corpus: Mapping[str, Any]) -> Iterator[str]:
    for source, told in corpus["sources"].items():
        file = storage.join(output, "tokens", source, MANIFEST)
        if not storage.exists(file):
            yield f"{file} is missing"
            continue
        if storage.sha256(file) != told["manifest_sha256"]:
            yield f"{path}: the manifest of {source} is another than it says"
            continue
        manifest = storage.read_json(file)
        if manifest["tokenizer"] != corpus["tokenizer"]:
            yield f"{path}: {source} was encoded with another tokenizer"
        for key, name in (("documents", "rows"), ("tokens", "tokens")):
            found = sum(split[name] for split in manifest["splits"].values())
            if found != told[key]:
                yield f"{path}: {source} holds {found} {key}, not {told[key]}"
