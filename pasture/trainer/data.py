"""Token batches as tensors: the training batch of a step, and the validation text of a source."""

# ruff: noqa: N806, N815 (suffixes that name the axes of tensors)
from __future__ import annotations

import dataclasses
from collections.abc import Iterator

import torch
from torch import Tensor

from pasture.tokenize.reader import TokenStream
from pasture.tokenize.sampler import Batch
from pasture.trainer.attention import Mask, document_mask

IGNORED = -100
"""A target that has no loss."""


@dataclasses.dataclass(frozen=True)
class MicroBatch:
    """Some sequences of a step: inputs, targets, their sources, and an attention mask."""

    inputs_BT: Tensor
    targets_BT: Tensor
    sources_B: Tensor
    mask: Mask | None


def micro_batches(
    batch: Batch, size: int, device: torch.device, *, mask_documents: bool
) -> Iterator[MicroBatch]:
    """Cut a batch into parts of ``size`` sequences and move them to the device."""
    tokens = torch.from_numpy(batch.tokens)
    sources = torch.from_numpy(batch.sources)
    documents = torch.from_numpy(batch.documents()) if mask_documents else None
    for first in range(0, len(tokens), size):
        part = tokens[first : first + size].to(device, non_blocking=True)
        mask = None
        if documents is not None:
            mask = document_mask(documents[first : first + size, :-1].to(device))
        yield MicroBatch(part[:, :-1], part[:, 1:], sources[first : first + size].to(device), mask)


def validation_batches(
    stream: TokenStream, stop: int, *, context_length: int, size: int, rank: int, ranks: int
) -> Iterator[tuple[Tensor, Tensor, Tensor]]:
    """Cut the first ``stop`` tokens of a stream into sequences: up to (size, context) of them.

    Every rank gets as many batches, all of one shape, of inputs, targets and the numbers of their
    documents; places without text have targets ``IGNORED``.
    """
    starts = range(0, stop - 1, context_length)
    size = min(size, -(-len(starts) // ranks))
    for first in range(0, len(starts), size * ranks):
        inputs_BT = torch.zeros(size, context_length, dtype=torch.int64)
        targets_BT = torch.full((size, context_length), IGNORED)
        documents_BT = torch.zeros(size, context_length, dtype=torch.int32)
        for row, start in enumerate(starts[first : first + size * ranks][rank::ranks]):
            last = min(start + context_length + 1, stop)
            tokens_T = torch.from_numpy(stream.read(start, last).astype("int64"))
            inputs_BT[row, : len(tokens_T) - 1] = tokens_T[:-1]
            targets_BT[row, : len(tokens_T) - 1] = tokens_T[1:]
            begins = stream.document_starts(start, last - 1) - start
            documents_BT[row, torch.from_numpy(begins)] = 1
        documents_BT[:, 0] = 0
        yield inputs_BT, targets_BT, documents_BT.cumsum(dim=1, dtype=torch.int32)
