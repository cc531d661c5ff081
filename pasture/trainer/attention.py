"""Attention, causal or within documents, without ever storing its weights.

Causal attention is PyTorch's fused kernel. Attention within documents is FlexAttention on a GPU,
which skips blocks of positions that share no document. PyTorch has no gradient of it on a CPU:
there, a dense mask is given to the fused kernel.
"""

# ruff: noqa: N803 (suffixes that name the axes of tensors)
from __future__ import annotations

import functools
from collections.abc import Callable
from typing import TypeAlias

import torch
from torch import Tensor
from torch.nn import functional
from torch.nn.attention.flex_attention import BlockMask, flex_attention

Mask: TypeAlias = Tensor | BlockMask

BLOCK_DEVICES = ["cuda"]
"""Devices whose masks are blocks."""
BLOCK = 128
"""Positions of a block, FlexAttention's default."""


def attend(
    q_BHTC: Tensor, k_BKTC: Tensor, v_BKTC: Tensor, mask: Mask | None, *, is_causal: bool
) -> Tensor:
    """Mix values by how well queries match keys; groups of queries may share a key.

    Args:
        q_BHTC: Queries.
        k_BKTC: Keys.
        v_BKTC: Values.
        mask: What each query may attend to, causal itself; None for all keys.
        is_causal: Without a mask, attend to the past only.
    """
    shared = q_BHTC.shape[1] != k_BKTC.shape[1]
    if isinstance(mask, BlockMask):
        flex: Callable[..., Tensor] = flex_attention
        if not torch.compiler.is_compiling():
            flex = _compiled_flex()
        return flex(q_BHTC, k_BKTC, v_BKTC, block_mask=mask, enable_gqa=shared)
    return functional.scaled_dot_product_attention(
        q_BHTC,
        k_BKTC,
        v_BKTC,
        attn_mask=mask,
        is_causal=mask is None and is_causal,
        enable_gqa=shared,
    )


@functools.cache
def _compiled_flex() -> Callable[..., Tensor]:
    """Compile FlexAttention once; uncompiled, it stores the weights."""
    return torch.compile(flex_attention)


def document_mask(documents_BT: Tensor) -> Mask:
    """Let each token attend to itself and to earlier tokens of its document.

    Args:
        documents_BT: Number of each token's document, ascending in a row.
    """
    if documents_BT.device.type in BLOCK_DEVICES:
        return block_mask(documents_BT)
    same = documents_BT[:, None, :, None] == documents_BT[:, None, None, :]
    return same.tril()


def block_mask(documents_BT: Tensor) -> BlockMask:
    """Build the mask of ``document_mask`` from each block's first and last document.

    That takes no memory of the square of the context, as building it from all pairs would.
    """
    length = documents_BT.shape[1]
    starts = torch.arange(0, length, BLOCK, device=documents_BT.device)
    ends = (starts + BLOCK).clamp(max=length)
    first, last = documents_BT[:, starts], documents_BT[:, ends - 1]
    earlier = starts[:, None] > starts[None, :]
    some = (first[:, :, None] <= last[:, None, :]) & (starts[:, None] >= starts[None, :])
    # All of a block's pairs may attend where both its sides lie in one document.
    whole = (last[:, :, None] == first[:, None, :]) & earlier
    whole &= (ends - starts == BLOCK)[:, None]

    def mask_mod(row: Tensor, head: Tensor, query: Tensor, key: Tensor) -> Tensor:
        same = documents_BT[row, query] == documents_BT[row, key]
        return same & (query >= key)

    return BlockMask.from_kv_blocks(
        *_listed(some & ~whole),
        *_listed(whole),
        BLOCK_SIZE=BLOCK,
        mask_mod=mask_mod,
        seq_lengths=(length, length),
    )


def _listed(blocks_BQK: Tensor) -> tuple[Tensor, Tensor]:
    """List the blocks of keys of each block of queries: their number, and their places first."""
    places = blocks_BQK.byte().argsort(dim=-1, descending=True, stable=True)
    count = blocks_BQK.sum(dim=-1, dtype=torch.int32)
    return count[:, None], places[:, None].to(torch.int32)
