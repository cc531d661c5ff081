"""Writes token shards: Arrow IPC files that a trainer maps into memory, one row a document.

A shard says of itself what a reader must know: the tokenizer's hash, the type of the ids and the
special ids, in the schema's metadata. The file is not compressed, so that the ids lie in it as
they lie in memory.
"""

from __future__ import annotations

import contextlib
import dataclasses
import hashlib
from collections.abc import Iterable
from types import TracebackType
from typing import BinaryIO, Literal

import pyarrow as pa
import pyarrow.compute as pc

from pasture import __version__, storage
from pasture.errors import StageError
from pasture.tokenize.encode import Encoder

Split = Literal["train", "validation"]
SPLITS: tuple[Split, ...] = ("train", "validation")

# Tokens of one record batch, about; ours: few enough batches to open ten thousand shards fast.
BATCH_TOKENS = 8 << 20


@dataclasses.dataclass(frozen=True)
class TokenMetadata:
    """What a shard says of itself, in its schema's metadata, with ``pasture.`` before each name.

    Args:
        source: Registry name of the source.
        split: ``train`` or ``validation``.
        tokenizer_sha256: Hash of the tokenizer's model file.
        vocab_size: Number of ids.
        dtype: Type of the ids, ``uint16`` or ``uint32``.
        bos: Whether each document begins with the beginning-of-sequence id.
        eos: Whether each document ends with the end-of-sequence id.
        fingerprint: Of the run that wrote the shard: recipe, code and upstream in one hash, as
            in the manifest; empty outside of a run.
    """

    source: str
    split: Split
    tokenizer_sha256: str
    vocab_size: int
    dtype: str
    bos: bool
    eos: bool
    fingerprint: str = ""

    @classmethod
    def of(
        cls, encoder: Encoder, source: str, split: Split, fingerprint: str = ""
    ) -> TokenMetadata:
        """Describe a shard that holds what an encoder gives."""
        return cls(
            source=source,
            split=split,
            tokenizer_sha256=encoder.sha256,
            vocab_size=encoder.vocab_size,
            dtype=encoder.dtype,
            bos=encoder.bos,
            eos=encoder.eos,
            fingerprint=fingerprint,
        )

    def schema(self) -> pa.Schema:
        """The schema of a token shard."""
        values = {key: str(value) for key, value in dataclasses.asdict(self).items()}
        metadata = {f"pasture.{key}": value for key, value in values.items()}
        metadata["pasture.version"] = __version__
        return pa.schema(
            [
                pa.field("id", pa.string(), nullable=False),
                pa.field("tokens", pa.list_(getattr(pa, self.dtype)()), nullable=False),
                pa.field("url", pa.string()),
                pa.field("license", pa.string()),
                pa.field("language", pa.string()),
            ],
            metadata=dict(sorted(metadata.items())),
        )


@dataclasses.dataclass(frozen=True)
class TokenShardRecord:
    """What a finished shard holds."""

    rows: int
    tokens: int
    bytes: int
    sha256: str


def split_of(document_id: str, seed: int, validation_fraction: float) -> Split:
    """Choose a document's split by a hash of its id, the same in every run and on every worker."""
    digest = hashlib.blake2b(f"{seed}:{document_id}".encode(), digest_size=8).digest()
    draw = int.from_bytes(digest, "big") / 2**64
    return "validation" if draw < validation_fraction else "train"


class TokenShardWriter:
    """Writes one token shard; a context manager, and ``record`` has the counts afterwards.

    The file appears when the context ends without an error and some tokens were written.

    Raises:
        StageError: No token was written: a shard without any would fail only in the trainer.
    """

    record: TokenShardRecord

    def __init__(self, path: str, metadata: TokenMetadata) -> None:
        self._path = path
        self._schema = metadata.schema()
        self._stack = contextlib.ExitStack()
        self._held: list[pa.RecordBatch] = []
        self._held_tokens = 0
        self.rows = 0
        self.tokens = 0

    def __enter__(self) -> TokenShardWriter:
        stream = self._stack.enter_context(storage.atomic_write(self._path))
        self._file = _HashedFile(stream)
        self._writer = self._stack.enter_context(pa.ipc.new_file(self._file, self._schema))
        return self

    def write(self, batch: pa.RecordBatch) -> None:
        """Add documents: a batch with the columns of the schema, others left out."""
        batch = batch.select(self._schema.names).cast(self._schema)
        tokens = int(pc.sum(pc.list_value_length(batch["tokens"])).as_py() or 0)
        self._held.append(batch)
        self._held_tokens += tokens
        self.rows += batch.num_rows
        self.tokens += tokens
        if self._held_tokens >= BATCH_TOKENS:
            self._flush()

    def _flush(self) -> None:
        table = pa.Table.from_batches(self._held, self._schema).combine_chunks()
        self._writer.write_table(table)
        self._held, self._held_tokens = [], 0

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        if error is not None:
            self._stack.__exit__(kind, error, traceback)
            return
        with self._stack:
            if self._held_tokens:
                self._flush()
            if not self.tokens:
                raise StageError(
                    f"{self._path}: no token was written; is every document before it empty?"
                )
        self.record = TokenShardRecord(
            rows=self.rows,
            tokens=self.tokens,
            bytes=self._file.size,
            sha256=self._file.digest.hexdigest(),
        )


def write_token_shard(
    path: str, batches: Iterable[pa.RecordBatch], metadata: TokenMetadata
) -> TokenShardRecord:
    """Write a shard of batches that have the columns of ``metadata.schema()``.

    Raises:
        StageError: The batches hold no token.
    """
    with TokenShardWriter(path, metadata) as writer:
        for batch in batches:
            writer.write(batch)
    return writer.record


def token_batch(documents: pa.RecordBatch, encoder: Encoder) -> pa.RecordBatch:
    """Encode a batch of documents into the columns of a token shard."""
    columns = {
        "id": documents["id"],
        "tokens": encoder.encode_batch(documents["text"]),
        "url": documents["url"],
        "license": documents["license"],
        "language": documents["language"],
    }
    return pa.RecordBatch.from_pydict(columns)


class _HashedFile:
    """A file to write to that hashes and counts what goes through it."""

    closed = False

    def __init__(self, stream: BinaryIO) -> None:
        self._stream = stream
        self.digest = hashlib.sha256()
        self.size = 0

    def write(self, data: bytes) -> int:
        """Write and hash."""
        self.digest.update(data)
        self.size += len(data)
        return self._stream.write(data)

    def flush(self) -> None:
        """Flush the file below."""
        self._stream.flush()
