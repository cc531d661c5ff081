"""Reads token shards: documents end to end, as one stream of ids a source, without copying.

The position of a token is its place in the stream of its source and split: shards in order,
documents in order. Shards are found through the manifests and mapped into memory when they are
first read, so that a corpus of ten thousand opens at once.
"""

from __future__ import annotations

import bisect
import dataclasses
import itertools
from collections.abc import Mapping
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from pasture import storage
from pasture.errors import StageError, StorageError
from pasture.manifests.shards import MANIFEST
from pasture.tokenize.writer import Split

Ids: TypeAlias = npt.NDArray[np.unsignedinteger]
Positions: TypeAlias = npt.NDArray[np.int64]


@dataclasses.dataclass(frozen=True)
class TokenDocument:
    """A document of a token stream.

    Args:
        source: Registry name of the source.
        id: The document's id.
        url: Its locator.
        license: Its licence.
        language: Its language.
        start: Position of its first token in the stream.
        tokens: How many it has.
    """

    source: str
    id: str
    url: str | None
    license: str | None
    language: str | None
    start: int
    tokens: int


@dataclasses.dataclass(frozen=True)
class _Segment:
    """One record batch: its rows, and views of its ids and of where its documents start.

    ``start`` is the position in the shard of its first id.
    """

    start: int
    rows: pa.RecordBatch
    ids: Ids
    offsets: npt.NDArray[np.int32]


class TokenShard:
    """One token shard, mapped into memory.

    Raises:
        StorageError: The file is not there, or not a token shard.
    """

    def __init__(self, path: str) -> None:
        if storage.is_url(path):
            raise StorageError(f"{path} cannot be mapped into memory; copy the tokens to a disk")
        try:
            with pa.memory_map(path) as file:
                # The map outlives the open file, so that many shards need no file handles.
                reader = pa.ipc.open_file(file)
                batches = [reader.get_batch(i) for i in range(reader.num_record_batches)]
        except (OSError, pa.ArrowException) as error:
            raise StorageError(f"{path} is not a readable token shard: {error}") from error
        self.schema: pa.Schema = reader.schema
        if "tokens" not in self.schema.names:
            raise StorageError(f"{path} is not a token shard: it has no column of tokens")
        self.path = path
        self.metadata: dict[str, str] = {
            key.decode().removeprefix("pasture."): value.decode()
            for key, value in (self.schema.metadata or {}).items()
        }
        self._segments: list[_Segment] = []
        self._starts: list[int] = []
        self.rows = self.tokens = 0
        for batch in batches:
            tokens = batch["tokens"]
            ids = tokens.values.to_numpy()
            self._segments.append(_Segment(self.tokens, batch, ids, tokens.offsets.to_numpy()))
            self._starts.append(self.tokens)
            self.rows += batch.num_rows
            self.tokens += len(ids)

    def read(self, start: int, stop: int) -> Ids:
        """Give the ids of a range of the shard: a view where they lie in one batch."""
        parts = [segment.ids[first:last] for segment, first, last in self._ranges(start, stop)]
        return parts[0] if len(parts) == 1 else np.concatenate(parts)

    def document_starts(self, start: int, stop: int) -> Positions:
        """Give the positions in a range at which documents start, ascending."""
        parts = []
        for segment, first, last in self._ranges(start, stop):
            low, high = segment.offsets[:-1].searchsorted((first, last))
            parts.append(segment.offsets[low:high] + np.int64(segment.start))
        return parts[0] if len(parts) == 1 else np.concatenate(parts)

    def document(self, position: int) -> dict[str, Any]:
        """Give the row that holds a token: its columns but the ids, ``start`` and ``tokens``."""
        ((segment, place, _),) = self._ranges(position, position + 1)
        row = int(segment.offsets.searchsorted(place, side="right")) - 1
        columns = [name for name in self.schema.names if name != "tokens"]
        (values,) = segment.rows.select(columns).slice(row, 1).to_pylist()
        start, end = segment.offsets[row : row + 2].tolist()
        return {**values, "start": segment.start + start, "tokens": end - start}

    def _ranges(self, start: int, stop: int) -> list[tuple[_Segment, int, int]]:
        """Split a range of the shard by segment: ``(segment, first, last)`` within it."""
        if not 0 <= start < stop <= self.tokens:
            raise IndexError(f"{self.path}: {start} to {stop} is not in 0 to {self.tokens}")
        ranges = []
        for index in range(bisect.bisect_right(self._starts, start) - 1, len(self._segments)):
            segment = self._segments[index]
            if segment.start >= stop:
                break
            last = min(stop - segment.start, len(segment.ids))
            ranges.append((segment, max(0, start - segment.start), last))
        return ranges


class TokenStream:
    """The tokens of one source and split, end to end over its shards.

    Args:
        source: Registry name of the source.
        paths: The shards in order.
        tokens: How many tokens each holds.
        tokenizer: What the manifest says of the tokenizer; each shard must say the same.
    """

    def __init__(
        self, source: str, paths: list[str], tokens: list[int], tokenizer: Mapping[str, Any]
    ) -> None:
        self.source = source
        self.tokenizer = tokenizer
        self._paths = paths
        self._starts = list(itertools.accumulate(tokens, initial=0))
        self._shards: dict[int, TokenShard] = {}
        self.tokens = self._starts[-1]

    def read(self, start: int, stop: int) -> Ids:
        """Give the ids of a range: a view where they lie in one batch of one shard."""
        parts = [shard.read(first, last) for shard, _, first, last in self._ranges(start, stop)]
        return parts[0] if len(parts) == 1 else np.concatenate(parts)

    def document_starts(self, start: int, stop: int) -> Positions:
        """Give the positions in a range at which documents start, ascending."""
        parts = [
            shard.document_starts(first, last) + base
            for shard, base, first, last in self._ranges(start, stop)
        ]
        return parts[0] if len(parts) == 1 else np.concatenate(parts)

    def locate(self, position: int) -> TokenDocument:
        """Find the document that a token belongs to."""
        ((shard, base, place, _),) = self._ranges(position, position + 1)
        row = shard.document(place)
        start = base + row["start"]
        names = ("id", "url", "license", "language", "tokens")
        return TokenDocument(self.source, start=start, **{name: row[name] for name in names})

    def __getstate__(self) -> dict[str, Any]:
        """Leave out the mapped shards: another process maps them itself."""
        return {**self.__dict__, "_shards": {}}

    def shard_at(self, position: int) -> tuple[str, int]:
        """Give the path of the shard that holds a token, and the token's place in it."""
        index = bisect.bisect_right(self._starts, position) - 1
        return self._paths[index], position - self._starts[index]

    def position(self, shard: str, offset: int) -> int:
        """Give the position of a token from the name of its shard and its place in it.

        Raises:
            StageError: The manifest names no such shard.
        """
        names = [path.rsplit("/", 1)[-1] for path in self._paths]
        if shard not in names:
            raise StageError(f"{shard} is no shard of {self.source}, as its manifest has them")
        return self._starts[names.index(shard)] + offset

    def _ranges(self, start: int, stop: int) -> list[tuple[TokenShard, int, int, int]]:
        """Split a range by shard: ``(shard, its start, first, last)``, the last two within it."""
        if not 0 <= start < stop <= self.tokens:
            raise IndexError(f"{self.source}: {start} to {stop} is not in 0 to {self.tokens}")
        ranges = []
        for index in range(bisect.bisect_right(self._starts, start) - 1, len(self._paths)):
            base, end = self._starts[index : index + 2]
            if base >= stop:
                break
            if base < end:
                last = min(stop, end) - base
                ranges.append((self._shard(index), base, max(0, start - base), last))
        return ranges

    def _shard(self, index: int) -> TokenShard:
        if index not in self._shards:
            shard = TokenShard(self._paths[index])
            tokens = self._starts[index + 1] - self._starts[index]
            if shard.tokens != tokens:
                raise StageError(
                    f"{shard.path} holds {shard.tokens} tokens, but its manifest says {tokens}; "
                    f'"pasture verify" tells what else is wrong'
                )
            for name, key in (("tokenizer_sha256", "sha256"), ("dtype", "dtype")):
                if shard.metadata.get(name) != self.tokenizer[key]:
                    raise StageError(
                        f"{shard.path}: {name} is {shard.metadata.get(name)}, but its manifest "
                        f"says {self.tokenizer[key]}"
                    )
            self._shards[index] = shard
        return self._shards[index]


@dataclasses.dataclass(frozen=True)
class TokenCorpus:
    """The token streams of an output, one for each source that has tokens in the split.

    Args:
        streams: The streams by source, sorted.
        split: ``train`` or ``validation``.
        tokenizer: What all manifests say of the tokenizer: ``sha256``, ``vocab_size``, ``dtype``,
            ``bos``, ``eos``.
    """

    streams: Mapping[str, TokenStream]
    split: Split
    tokenizer: Mapping[str, Any]

    @classmethod
    def open(cls, output: str, split: Split = "train", *, required: bool = True) -> TokenCorpus:
        """Open the tokens of an output folder. Reads manifests only.

        Args:
            output: The output folder.
            split: Which of its splits.
            required: Whether a split without tokens is an error.

        Raises:
            StageError: There are no tokens, or two sources were encoded differently.
        """
        streams: dict[str, TokenStream] = {}
        tokenizer: Mapping[str, Any] | None = None
        for path, _ in storage.glob(storage.pattern(output, "tokens", "*", MANIFEST)):
            manifest = storage.read_json(path)
            source, folder = manifest["source"], path.removesuffix(MANIFEST)
            tokenizer = tokenizer or manifest["tokenizer"]
            if manifest["tokenizer"] != tokenizer:
                raise StageError(
                    f"{path}: the tokens of {source} were encoded otherwise than those of "
                    f"{', '.join(streams)}: {manifest['tokenizer']}, not {tokenizer}"
                )
            shards = [shard for shard in manifest["shards"] if shard["split"] == split]
            if any(shard["tokens"] for shard in shards):
                streams[source] = TokenStream(
                    source,
                    [storage.join(folder, shard["path"]) for shard in shards],
                    [shard["tokens"] for shard in shards],
                    tokenizer,
                )
        if tokenizer is None or (required and not streams):
            raise StageError(
                f'{output} holds no {split} tokens; "pasture run" makes them, and a larger '
                f"tokens.validation_fraction holds more of them out"
            )
        return cls(dict(sorted(streams.items())), split, tokenizer)

    @property
    def token_counts(self) -> dict[str, int]:
        """How many tokens each source has."""
        return {source: stream.tokens for source, stream in self.streams.items()}

    def locate(self, source: str, position: int) -> TokenDocument:
        """Find the document behind a token of a source's stream."""
        return self.streams[source].locate(position)
