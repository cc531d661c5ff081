"""Activation checkpointing: what a block keeps for its backward pass, and what it computes again.

``selective`` keeps the outputs of matrix products and of attention, which are dear to compute, and
repeats norms, rotations and SwiGLU's product (LLaMA, section 2.4). ``full`` keeps the input of each
block only.
"""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any, Literal, TypeAlias

import torch
from torch import Tensor
from torch.utils.checkpoint import (
    CheckpointPolicy,
    checkpoint,
    create_selective_checkpoint_contexts,
)

from pasture.trainer.model import Transformer

Recompute: TypeAlias = Literal["none", "selective", "full"]

aten, collectives = torch.ops.aten, torch.ops._c10d_functional
# What tensor parallelism sends is dear too: it is not sent again.
KEPT = frozenset(
    {
        aten.mm.default,
        aten.bmm.default,
        aten._scaled_dot_product_flash_attention.default,
        aten._scaled_dot_product_flash_attention_for_cpu.default,
        aten._scaled_dot_product_efficient_attention.default,
        aten._scaled_dot_product_cudnn_attention.default,
        torch.ops.higher_order.flex_attention,
        collectives.reduce_scatter_tensor.default,
    }
)


def apply_recompute(model: Transformer, what: Recompute) -> None:
    """Make every block of a model compute again what it does not keep."""
    if what == "none":
        return
    options: dict[str, Any] = {"use_reentrant": False, "preserve_rng_state": False}
    if what == "selective":
        options["context_fn"] = functools.partial(create_selective_checkpoint_contexts, _policy)
    for block in model.layers:
        # The method and not the module is wrapped, so that no weight changes its name.
        block.forward = _recomputed(block.forward, options)


def _recomputed(forward: Callable[..., Tensor], options: dict[str, Any]) -> Callable[..., Tensor]:
    """Wrap a block's forward pass, in a function that ``torch.compile`` sees through.

    A ``functools.partial`` of ``checkpoint`` has no frame of its own, and the compiler leaves the
    frame of ``checkpoint`` out: no block was compiled.
    """

    def recomputed(*args: Any) -> Tensor:
        out: Tensor = checkpoint(forward, *args, **options)
        return out

    return recomputed


def _policy(context: Any, operation: Any, *args: Any, **kwargs: Any) -> CheckpointPolicy:
    kept = operation in KEPT
    return CheckpointPolicy.MUST_SAVE if kept else CheckpointPolicy.PREFER_RECOMPUTE
