"""AdamW and its learning rate, as the LLaMA paper has them (section 2.3)."""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn
from torch.distributed.tensor import DTensor

from pasture.errors import StageError


def learning_rate(
    step: int,
    *,
    steps: int,
    warmup_steps: int,
    peak: float,
    final: float,
    decay_steps: int | None = None,
) -> float:
    """Return the rate of a step, from 0: linear to the peak, then down to ``final`` of it.

    Args:
        step: The step.
        steps: Steps of the run.
        warmup_steps: Steps up to the peak.
        peak: The highest rate.
        final: Share of the peak that the last step has.
        decay_steps: Last steps, in which the rate falls linearly; before them it is the peak
            ("warm-up, stable, decay"). None: it falls along a cosine from the warm-up's end on.
    """
    if step < warmup_steps:
        return peak * (step + 1) / warmup_steps
    if decay_steps is not None:
        left = max(0, steps - 1 - step) / decay_steps
        return peak * (final + (1 - final) * min(1.0, left))
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


def check_gradients(model: nn.Module) -> None:
    """Check that a backward pass has reached every weight.

    Compiled code of some PyTorch versions has lost the gradient of a tensor that a collective
    returned, without an error (pytorch issue 191113). A weight that is not reached has no
    gradient, or one that is 0 everywhere, which training does not give any weight of a LLaMA.

    Raises:
        StageError: A weight has no gradient.
    """
    names, gradients = [], []
    missed = []
    for name, weight in model.named_parameters():
        if weight.grad is None:
            missed.append(name)
        else:
            names.append(name)
            gradients.append(weight.grad)
    norms = [
        float(norm.full_tensor() if isinstance(norm, DTensor) else norm)
        for norm in torch._foreach_norm(gradients)
    ]
    missed += [name for name, norm in zip(names, norms, strict=True) if norm == 0]
    if missed:
        raise StageError(
            f"{', '.join(missed)}: the backward pass gave no gradient; PyTorch {torch.__version__} "
            f"cannot train this layout. Leave out --compile, or --tp, or take another version"
        )
