"""Presets: sizes to the digit, and settings that cannot work are refused."""

from __future__ import annotations

import pytest
import torch

from pasture.errors import ConfigError
from pasture.trainer.config import PRESETS, ModelConfig, Settings, TrainConfig
from pasture.trainer.model import Transformer


@pytest.mark.parametrize(
    ("name", "parameters", "hidden"),
    [
        ("7b", 6_738_415_616, 11_008),
        ("13b", 13_015_864_320, 13_824),
        ("33b", 32_528_943_616, 17_920),
        ("65b", 65_285_660_672, 22_016),
        ("llama2-7b", 6_738_415_616, 11_008),
        ("llama2-13b", 13_015_864_320, 13_824),
        ("llama2-34b", 33_743_970_304, 22_016),
        ("llama2-70b", 68_976_648_192, 28_672),
        ("llama3-8b", 8_030_261_248, 14_336),
        ("llama3-70b", 70_553_706_496, 28_672),
        ("llama3-405b", 405_853_388_800, 53_248),
        ("1b", 1_158_760_448, 5_632),
        ("125m", 134_105_856, 2_048),
        ("tiny", 4_899_968, 352),
    ],
)
def test_sizes(name: str, parameters: int, hidden: int) -> None:
    config = PRESETS[name].model
    assert (config.num_parameters, config.hidden_dim) == (parameters, hidden)
    with torch.device("meta"):
        model = Transformer(config)
    assert sum(weight.numel() for weight in model.parameters()) == parameters


def test_every_preset_is_tested() -> None:
    assert list(PRESETS) == [
        *("tiny", "125m", "1b", "7b", "13b", "33b", "65b"),
        *("llama2-7b", "llama2-13b", "llama2-34b", "llama2-70b"),
        *("llama3-8b", "llama3-70b", "llama3-405b"),
    ]


@pytest.mark.parametrize(
    ("name", "rate", "tokens", "context"),
    [
        ("7b", 3.0e-4, 1.0e12, 2048),
        ("13b", 3.0e-4, 1.0e12, 2048),
        ("33b", 1.5e-4, 1.4e12, 2048),
        ("65b", 1.5e-4, 1.4e12, 2048),
        ("llama2-70b", 1.5e-4, 2.0e12, 4096),
    ],
)
def test_settings_of_the_papers(name: str, rate: float, tokens: float, context: int) -> None:
    preset = PRESETS[name]
    assert (preset.learning_rate, preset.tokens) == (rate, tokens)
    assert preset.model.context_length == context
    assert preset.batch_tokens == 4 * 2**20


def test_flops_of_65b_are_six_a_weight_and_the_attention() -> None:
    config = PRESETS["65b"].model
    weights = config.num_parameters - config.vocab_size * config.dim
    assert config.flops_per_token == 6 * weights + 6 * 80 * 8192 * 2048


def test_resolves_the_preset() -> None:
    settings = TrainConfig().resolve(500)
    assert settings == Settings(
        model=ModelConfig(128, 4, 4, vocab_size=500, multiple_of=32, context_length=256, tied=True),
        steps=200,
        batch_size=8,
        micro_batch=8,
        learning_rate=3e-3,
        warmup_steps=20,
    )
    large = TrainConfig("65b").resolve(32_000)
    assert (large.steps, large.batch_size, large.warmup_steps) == (333_786, 2048, 2000)


def test_options_go_before_the_preset() -> None:
    options = TrainConfig(
        "7b", steps=30, context_length=64, batch_tokens=128, micro_batch=9, learning_rate=1.0
    )
    settings = options.resolve(32_000)
    assert (settings.steps, settings.batch_size, settings.micro_batch) == (30, 2, 2)
    assert (settings.learning_rate, settings.warmup_steps) == (1.0, 3)
    assert settings.model.context_length == 64


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"model": "7B"}, "unknown preset '7B'; did you mean"),
        ({"steps": 0}, "steps: 0 is less than 1"),
        ({"micro_batch": -1}, "micro_batch: -1"),
        ({"checkpoint_every": 0}, "checkpoint_every: 0"),
        ({"schedule": "linear"}, "unknown schedule 'linear'"),
        ({"decay": 0.0}, r"decay: 0\.0"),
        ({"decay": 0.95}, "decay must be over 0 and at most 0.9"),
        ({"final_rate": 1.5}, r"final_rate: 1\.5"),
        ({"warmup_steps": -1}, "warmup_steps: -1"),
        ({"run": "../other"}, r"run: '\.\./other' is no name of a run"),
        ({"run": ""}, "run: '' is no name of a run"),
    ],
)
def test_options_that_cannot_work(options: dict[str, object], message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        TrainConfig(**options)


def test_a_batch_that_is_no_multiple_of_the_context() -> None:
    with pytest.raises(ConfigError, match="batch_tokens: 1000 is no multiple of 256"):
        TrainConfig(batch_tokens=1000).resolve(500)


@pytest.mark.parametrize(
    ("dim", "heads", "kv_heads", "message"),
    [(10, 3, None, "dim: 10"), (6, 2, None, "dim: 6"), (16, 4, 3, "n_kv_heads: 3")],
)
def test_shapes_that_cannot_be(dim: int, heads: int, kv_heads: int | None, message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        ModelConfig(dim, 1, heads, n_kv_heads=kv_heads)
