"""The schedule and the optimizer of the paper."""

from __future__ import annotations

import pytest
import torch

from pasture.errors import StageError
from pasture.trainer.config import ModelConfig
from pasture.trainer.model import Transformer
from pasture.trainer.optim import check_gradients, learning_rate, make_optimizer


@pytest.mark.parametrize(
    ("step", "rate"),
    [(0, 0.1), (4, 0.5), (9, 1.0), (10, 1.0), (55, 0.55), (100, 0.1), (150, 0.1)],
)
def test_rate_rises_to_the_peak_and_falls_to_a_tenth(step: int, rate: float) -> None:
    found = learning_rate(step, steps=101, warmup_steps=10, peak=1.0, final=0.1)
    assert found == pytest.approx(rate)


@pytest.mark.parametrize(
    ("step", "rate"),
    [(0, 0.1), (9, 1.0), (10, 1.0), (80, 1.0), (90, 0.55), (100, 0.1), (150, 0.1)],
)
def test_rate_stays_at_the_peak_until_it_decays(step: int, rate: float) -> None:
    found = learning_rate(step, steps=101, warmup_steps=10, peak=1.0, final=0.1, decay_steps=20)
    assert found == pytest.approx(rate)


@pytest.mark.parametrize("steps", [1, 2])
def test_a_run_of_few_steps(steps: int) -> None:
    assert learning_rate(0, steps=steps, warmup_steps=0, peak=2.0, final=0.1) == 2.0


def test_only_matrices_decay() -> None:
    model = Transformer(ModelConfig(16, 1, 2, vocab_size=9, multiple_of=8))
    optimizer = make_optimizer(model, rate=1e-3, betas=(0.9, 0.95), weight_decay=0.1)
    names = {id(weight): name for name, weight in model.named_parameters()}
    groups = {
        group["weight_decay"]: sorted(names[id(w)] for w in group["params"])
        for group in optimizer.param_groups
    }
    assert groups[0.0] == [
        "layers.0.attention_norm.weight",
        "layers.0.ffn_norm.weight",
        "norm.weight",
    ]
    assert len(groups[0.1]) == len(list(model.parameters())) - 3
    assert {group["betas"] for group in optimizer.param_groups} == {(0.9, 0.95)}
    assert isinstance(optimizer, torch.optim.AdamW)


@pytest.mark.parametrize("gradient", [None, torch.zeros(9, 16)])
def test_a_weight_that_the_backward_pass_misses_is_named(gradient: torch.Tensor | None) -> None:
    model = Transformer(ModelConfig(16, 1, 2, vocab_size=9, multiple_of=16, context_length=4))
    model.init_weights(torch.Generator().manual_seed(0))
    model(torch.tensor([[1, 2, 3, 4]])).square().sum().backward()
    check_gradients(model)
    model.tok_embeddings.weight.grad = gradient
    with pytest.raises(StageError, match=r"^tok_embeddings\.weight: the backward pass gave no"):
        check_gradients(model)
