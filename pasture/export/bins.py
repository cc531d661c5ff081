"""Tokens as the flat files of Megatron-LM and nanoGPT."""

from __future__ import annotations

import dataclasses
import functools
from collections.abc import Iterator, Sequence
from typing import Any, BinaryIO, ClassVar

import numpy as np
import numpy.typing as npt

from pasture import storage
from pasture.errors import ConfigError
from pasture.export.base import Exporter, Kind, Selection, Shard, Unit, token_batches
from pasture.export.files import ExportFiles

MAGIC, VERSION = b"MMIDIDX\x00\x00", 1
MEGATRON_TYPES = {"uint16": ("<u2", 8), "uint32": ("<i4", 4)}
"""How the ids of a type are written, and the number that Megatron has for it; it has no uint32."""
NANOGPT_SPLITS = {"train": "train.bin", "validation": "val.bin"}


def _write_ids(shard: Shard, dtype: str, stream: BinaryIO) -> int:
    """Write the ids of a token shard; return its documents."""
    rows = 0
    for batch in token_batches(shard):
        stream.write(batch["tokens"].flatten().to_numpy().astype(dtype, copy=False).tobytes())
        rows += batch.num_rows
    return rows


def _joined(selection: Selection, *, by_source: bool) -> dict[tuple[str, ...], list[Shard]]:
    """Group the shards of a split, or of a split and source, in order."""
    groups: dict[tuple[str, ...], list[Shard]] = {}
    for shard in selection.shards:
        key = (shard.split, shard.source) if by_source else (shard.split,)
        groups.setdefault(key, []).append(shard)
    return groups


@dataclasses.dataclass(frozen=True)
class Megatron(Exporter):
    """Megatron-LM's indexed dataset: ``train/SOURCE_text_document.bin`` and ``.idx``.

    Each source and split has one pair of files; a document is a sequence. The path without its
    ending is what ``--data-path`` takes.
    """

    name: ClassVar[str] = "megatron"
    kinds: ClassVar[tuple[Kind, ...]] = ("tokens",)

    def units(self, selection: Selection) -> list[Unit]:
        """Make one unit for each source and split."""
        groups = _joined(selection, by_source=True)
        return [Unit("-".join(key), tuple(shards)) for key, shards in groups.items()]

    def write(self, unit: Unit, files: ExportFiles) -> None:
        """Write the ids, and the index of the documents in them."""
        first = unit.shards[0]
        dtype, code = MEGATRON_TYPES[_dtype(first)]
        prefix = storage.join(first.split, f"{first.source}_text_document")
        parts = [functools.partial(_write_ids, shard, dtype) for shard in unit.shards]
        files.join(f"{prefix}.bin", parts)
        rows = sum(shard.rows for shard in unit.shards)
        with files.create(f"{prefix}.idx") as file:
            file.write(MAGIC)
            file.write(np.array([VERSION], "<u8").tobytes() + bytes([code]))
            file.write(np.array([rows, rows + 1], "<u8").tobytes())
            for lengths in _lengths(unit.shards):
                file.write(lengths.astype("<i4").tobytes())
            start = 0
            for lengths in _lengths(unit.shards):
                sizes = lengths.astype(np.int64) * np.dtype(dtype).itemsize
                file.write((start + np.cumsum(sizes) - sizes).astype("<i8").tobytes())
                start += int(sizes.sum())
            for chunk in range(0, rows + 1, 1 << 20):
                file.write(
                    np.arange(chunk, min(chunk + (1 << 20), rows + 1), dtype="<i8").tobytes()
                )


def _lengths(shards: Sequence[Shard]) -> Iterator[npt.NDArray[Any]]:
    """Yield the number of tokens of each document, a batch at a time."""
    for shard in shards:
        for batch in token_batches(shard):
            yield batch["tokens"].value_lengths().to_numpy()


def _dtype(shard: Shard) -> str:
    """Return the type of a shard's ids."""
    for batch in token_batches(shard):
        return str(batch.schema.field("tokens").type.value_type)
    return "uint16"  # a shard without documents


@dataclasses.dataclass(frozen=True)
class NanoGpt(Exporter):
    """nanoGPT's files: all ids of the chosen sources, end to end, in ``train.bin`` and ``val.bin``.

    The ids are ``uint16``. The sources follow each other, so a position that is drawn at random
    is of a source in proportion to its tokens.
    """

    name: ClassVar[str] = "nanogpt"
    kinds: ClassVar[tuple[Kind, ...]] = ("tokens",)

    def check(self, selection: Selection) -> None:
        """Check that the ids fit.

        Raises:
            ConfigError: The vocabulary is too large for ``uint16``.
        """
        tokenizer = selection.tokenizer or {}
        if tokenizer["dtype"] != "uint16":
            raise ConfigError(
                f"nanoGPT reads ids of 16 bits, and the tokenizer has {tokenizer['vocab_size']:,}; "
                f"export to megatron or mds, or use a tokenizer of at most 65,536 pieces"
            )

    def units(self, selection: Selection) -> list[Unit]:
        """Make one unit for each split."""
        groups = _joined(selection, by_source=False)
        return [Unit(split, tuple(shards)) for (split,), shards in groups.items()]

    def write(self, unit: Unit, files: ExportFiles) -> None:
        """Write the ids."""
        parts = [functools.partial(_write_ids, shard, "<u2") for shard in unit.shards]
        files.join(NANOGPT_SPLITS[unit.name], parts)
