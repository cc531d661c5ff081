"""AdamW and its learning rate, as the LLaMA paper has them (section 2.3)."""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn
from torch.distributed.tensor import DTensor


def learning_rate(step: int, *, steps: int, warmup_steps: int, peak: float, final: float) -> float:
    """Give the rate of a step, from 0: linear to the peak, then a cosine to ``final`` of it."""
    if step < warmup_steps:
        return peak * (step + 1) / warmup_steps
    progress = (step - warmup_steps) / max(1, steps - 1 - warmup_steps)
    return peak * (final + (1 - final) * 0.5 * (1 + math.cos(math.pi * min(1.0, progress))))


def make_optimizer(
    model: nn.Module, *, rate: float, betas: tuple[float, float], weight_decay: float
) -> torch.optim.AdamW:
    """Make AdamW with decay on matrices only: gains and biases are not pulled to 0."""
    weights = [weight for weight in model.parameters() if weight.requires_grad]
    groups = [
        {"params": [w for w in weights if w.ndim >= 2], "weight_decay": weight_decay},
        {"params": [w for w in weights if w.ndim < 2], "weight_decay": 0.0},
    ]
    fused = all(weight.device.type == "cuda" for weight in weights)
    return torch.optim.AdamW(groups, lr=rate, betas=betas, eps=1e-8, fused=fused)


def clip_gradients(model: nn.Module, most: float) -> Tensor:
    """Scale the gradients to a norm of at most ``most``; return the norm that they had.

    The norm is that of the whole model's gradients, wherever they lie.
    """
    weights = list(model.parameters())
    norm = torch.nn.utils.get_total_norm([w.grad for w in weights if w.grad is not None])
    if isinstance(norm, DTensor):
        norm = norm.full_tensor()
    torch.nn.utils.clip_grads_with_norm_(weights, most, norm)
    return norm
