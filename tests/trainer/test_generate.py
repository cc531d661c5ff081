"""Generation: as the model says, the same alone and in a batch, and no further than asked."""

from __future__ import annotations

import pathlib
from typing import Protocol

import pytest
import torch

from pasture.errors import ConfigError, StageError
from pasture.trainer.config import ModelConfig
from pasture.trainer.generate import generate, generate_ids, sample
from pasture.trainer.metrics import TrainResult
from pasture.trainer.model import Transformer

CONFIG = ModelConfig(32, 2, 4, vocab_size=40, multiple_of=16, context_length=30)
PROMPTS = [[1, 5, 6, 7], [1], [1, 9]]


class Trained(Protocol):
    output: pathlib.Path
    result: TrainResult


@pytest.fixture(scope="module")
def model() -> Transformer:
    model = Transformer(CONFIG)
    model.init_weights(torch.Generator().manual_seed(3))
    for weight in model.parameters():
        weight.data *= 8 if weight.ndim == 2 else 1
    return model.eval()


def greedy(model: Transformer, prompt: list[int], count: int) -> list[int]:
    row = list(prompt)
    for _ in range(count):
        row.append(int(model(torch.tensor([row]))[0, -1].argmax()))
    return row


def test_greedy_is_the_likeliest_token_each_time(model: Transformer) -> None:
    rows = generate_ids(model, PROMPTS, max_tokens=10, temperature=0)
    assert rows == [greedy(model, prompt, 10) for prompt in PROMPTS]


def test_a_row_ends_before_the_stop_id(model: Transformer) -> None:
    whole = greedy(model, PROMPTS[0], 10)
    stop = whole[8]
    rows = generate_ids(model, PROMPTS, max_tokens=10, temperature=0, stop=stop)
    assert rows[0] == whole[: whole.index(stop, 4)]
    assert all(stop not in row[len(p) :] for row, p in zip(rows, PROMPTS, strict=True))


def test_a_stop_id_in_a_prompt_is_only_text(model: Transformer) -> None:
    (row,) = generate_ids(model, [[1, 7, 1]], max_tokens=3, temperature=0, stop=7)
    assert row[:3] == [1, 7, 1]


def test_a_stop_id_in_a_prompt_does_not_end_the_batch(model: Transformer) -> None:
    stop = greedy(model, [1], 1)[-1]
    prompts = ([1, stop, last] for last in range(2, 40))
    prompt = next(p for p in prompts if greedy(model, p, 1)[-1] != stop)
    rows = generate_ids(model, [[1], prompt], max_tokens=6, temperature=0, stop=stop)
    expected = greedy(model, prompt, 6)
    if stop in expected[3:]:
        expected = expected[: expected.index(stop, 3)]
    assert rows == [[1], expected]
    assert len(expected) > 3


def test_the_context_is_the_limit(model: Transformer) -> None:
    (row,) = generate_ids(model, [[1] * 25], max_tokens=10)
    assert len(row) == 30
    assert generate_ids(model, [[1] * 30], max_tokens=10) == [[1] * 30]


def test_the_seed_decides(model: Transformer) -> None:
    def one(seed: int) -> list[list[int]]:
        return generate_ids(model, PROMPTS, max_tokens=12, temperature=1.5, top_p=1.0, seed=seed)

    assert one(1) == one(1) != one(2)


@pytest.mark.parametrize(
    ("top_p", "allowed"), [(0.05, {2}), (0.5, {2}), (0.51, {2, 0}), (0.8, {2, 0}), (1.0, {0, 1, 2})]
)
def test_samples_from_the_likeliest_that_make_up_top_p(top_p: float, allowed: set[int]) -> None:
    logits = torch.log(torch.tensor([[0.3, 0.2, 0.5]])).expand(400, 3)
    chosen = sample(logits, 1.0, top_p, torch.Generator().manual_seed(0))
    assert set(chosen.tolist()) == allowed


def test_temperature_flattens() -> None:
    logits = torch.log(torch.tensor([[0.9, 0.1]])).expand(2000, 2)
    generator = torch.Generator().manual_seed(0)
    shares = [float(sample(logits, t, 1.0, generator).float().mean()) for t in (0.5, 1.0, 5.0)]
    assert shares == pytest.approx([1 / 82, 0.1, 0.39], abs=0.03)


@pytest.mark.parametrize(
    ("prompts", "options"),
    [
        ([[]], {}),
        ([[1] * 31], {}),
        ([[1]], {"temperature": -1}),
        ([[1]], {"top_p": 0}),
        ([[1]], {"top_p": 1.1}),
    ],
)
def test_what_cannot_be(
    model: Transformer, prompts: list[list[int]], options: dict[str, float]
) -> None:
    with pytest.raises(ConfigError):
        generate_ids(model, prompts, max_tokens=1, **options)


def test_goes_on_from_a_prompt_with_a_checkpoint(trained: Trained) -> None:
    path = trained.result.checkpoint
    text = generate(path, "The sheep", max_tokens=12, temperature=0)
    assert text.startswith("The sheep went back to the ")
    assert isinstance(generate(path, "", max_tokens=5), str)
    with pytest.raises(StageError, match="holds no finished checkpoint"):
        generate(str(trained.output), "x")
