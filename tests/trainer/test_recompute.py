"""Activation checkpointing: the same gradients, from less that is kept."""

from __future__ import annotations

import copy
from typing import Any

import pytest
import torch
from torch.utils._python_dispatch import TorchDispatchMode

from pasture.trainer.config import ModelConfig
from pasture.trainer.model import Transformer
from pasture.trainer.recompute import Recompute, apply_recompute

CONFIG = ModelConfig(32, 3, 4, n_kv_heads=2, vocab_size=50, multiple_of=16, context_length=24)
IDS = torch.randint(0, 50, (2, 25), generator=torch.Generator().manual_seed(1))
FORWARD = 3 * 7 + 1  # products of a forward pass: seven a block, and the output layer
ATTENTION = "_scaled_dot_product_flash_attention_for_cpu"


class Calls(TorchDispatchMode):
    """Counts matrix products and attention."""

    def __init__(self) -> None:
        super().__init__()
        self.products = self.attention = 0

    def __torch_dispatch__(
        self, func: Any, types: Any, args: Any = (), kwargs: Any = None
    ) -> object:
        self.products += func is torch.ops.aten.mm.default
        self.attention += func.name().endswith(f"::{ATTENTION}")
        return func(*args, **(kwargs or {}))


def run(what: Recompute) -> tuple[list[torch.Tensor], Calls]:
    model = Transformer(CONFIG)
    model.init_weights(torch.Generator().manual_seed(0))
    names = list(model.state_dict())
    apply_recompute(model, what)
    assert list(model.state_dict()) == names
    with Calls() as calls:
        logits = model(IDS[:, :-1])
        loss = torch.nn.functional.cross_entropy(logits.flatten(0, 1), IDS[:, 1:].flatten())
        loss.backward()
    return [weight.grad for weight in model.parameters()], copy.copy(calls)


@pytest.mark.parametrize("what", ["selective", "full"])
def test_gradients_are_the_same(what: Recompute) -> None:
    for ours, plain in zip(run(what)[0], run("none")[0], strict=True):
        assert torch.equal(ours, plain)


@pytest.mark.parametrize(
    ("what", "products", "attention"),
    [("none", 3 * FORWARD, 3), ("selective", 3 * FORWARD, 3), ("full", 3 * FORWARD + 3 * 6, 6)],
)
def test_only_full_multiplies_again(what: Recompute, products: int, attention: int) -> None:
    """A block's last product is not needed again: nothing keeps what it gives."""
    calls = run(what)[1]
    assert (calls.products, calls.attention) == (products, attention)


def kept_bytes(what: Recompute) -> int:
    """Count what the graph of a forward pass holds, weights left out."""
    model = Transformer(CONFIG)
    apply_recompute(model, what)
    known = {weight.data_ptr() for weight in model.parameters()}
    held: dict[int, int] = {}

    def pack(tensor: torch.Tensor) -> torch.Tensor:
        if tensor.data_ptr() not in known:
            held[tensor.data_ptr()] = tensor.untyped_storage().nbytes()
        return tensor

    with torch.autograd.graph.saved_tensors_hooks(pack, lambda tensor: tensor):
        logits = model(IDS[:, :-1])
    assert logits.requires_grad
    return sum(held.values())


def test_full_keeps_less() -> None:
    assert kept_bytes("full") < kept_bytes("none") / 3
