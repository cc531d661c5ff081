"""The plan against the paper's own figures (LLaMA, section 2.4 and table 15)."""

from __future__ import annotations

import pytest

from pasture.errors import ConfigError
from pasture.trainer.config import PRESETS, TrainConfig
from pasture.trainer.plan import memory, plan_training


def test_65b_takes_21_days_on_2048_gpus() -> None:
    plan = plan_training(TrainConfig("65b"), 2048, 380.0)
    assert plan.tokens == 1.4e12
    assert plan.days == pytest.approx(21, abs=0.5)
    assert plan.gpu_hours == pytest.approx(1_022_362, rel=0.005)
    assert plan.against_paper == pytest.approx(0.001, abs=0.0005)
    assert plan.mfu == pytest.approx(0.485, abs=0.005)


@pytest.mark.parametrize(
    ("model", "speed", "hours"),
    [("7b", 3370, 82_432), ("13b", 2055, 135_168), ("33b", 733, 530_432), ("65b", 380, 1_022_362)],
)
def test_gpu_hours_of_the_paper(model: str, speed: float, hours: int) -> None:
    """At the speeds that the paper's hours come to, rounded."""
    plan = plan_training(TrainConfig(model), 2048, speed)
    assert plan.paper_gpu_hours == hours
    assert plan.gpu_hours == pytest.approx(hours, rel=0.05)


def test_without_a_speed_45_percent_of_the_peak_are_assumed() -> None:
    plan = plan_training(TrainConfig("7b"), 8)
    assert plan.mfu == pytest.approx(0.45)
    assert plan.tokens_per_gpu_second == pytest.approx(0.45 * 312e12 / 4.125e10, rel=0.01)
    faster = plan_training(TrainConfig("7b", peak_flops=624e12), 8)
    assert faster.days == pytest.approx(plan.days / 2)


def test_steps_and_batch_go_before_the_preset() -> None:
    plan = plan_training(TrainConfig("llama3-8b", steps=10, batch_tokens=1 << 20), 8, 100.0)
    assert plan.tokens == 10 * 2**20
    assert plan.gpu_hours == pytest.approx(10 * 2**20 / 100 / 3600)
    assert plan.paper_gpu_hours is plan.against_paper is None


def test_shards_hold_sixteen_bytes_a_weight_in_all() -> None:
    model = PRESETS["13b"].model
    for gpus, tp in ((1, 1), (8, 1), (8, 8)):
        item = memory(model, gpus=gpus, tp=tp, micro_batch=1, recompute="none")
        held = item.weights + item.gradients + item.optimizer
        assert held * gpus == pytest.approx(16 * model.num_parameters)


def test_recomputing_and_sharing_layers_save_memory() -> None:
    plan = plan_training(TrainConfig("65b"), 2048, 380.0)
    assert [(item.tp, item.recompute) for item in plan.layouts] == [
        (tp, recompute) for tp in (1, 2, 4, 8) for recompute in ("none", "selective", "full")
    ]
    by_layout = {(item.tp, item.recompute): item for item in plan.layouts}
    for tp in (1, 2, 4, 8):
        none, selective, full = (
            by_layout[tp, what].activations for what in ("none", "selective", "full")
        )
        assert none > selective > full
    assert by_layout[8, "full"].total < by_layout[1, "full"].total


@pytest.mark.parametrize(
    ("model", "gpus", "tp"),
    [
        ("llama2-70b", 4, [1, 2, 4]),  # GPUs
        ("tiny", 8, [1, 2, 4]),  # heads
        ("tiny", 16, [2, 4]),  # eight sequences a step
        ("65b", 8192, [4, 8]),
    ],
)
def test_layouts_divide_the_gpus_the_heads_and_the_batch(
    model: str, gpus: int, tp: list[int]
) -> None:
    plan = plan_training(TrainConfig(model), gpus, 300.0)
    assert sorted({item.tp for item in plan.layouts}) == tp


def test_gpus_that_cannot_share_a_step() -> None:
    with pytest.raises(ConfigError, match="gpus: 48 cannot share the 2048 sequences of a step"):
        plan_training(TrainConfig("7b"), 48)


@pytest.mark.parametrize("model", PRESETS)
def test_every_preset_can_be_planned(model: str) -> None:
    plan = plan_training(TrainConfig(model), 8)
    assert plan.layouts
    assert plan.days > 0


def test_activations_of_7b_by_hand() -> None:
    """One sequence of 2,048 tokens: the inputs of 32 blocks, one block whole, and the logits."""
    item = memory(PRESETS["7b"].model, gpus=1, tp=1, micro_batch=1, recompute="full")
    block = 6 * 4096 + 2 * 4096 + 3 * 11008
    expected = 2 * 2048 * (32 * 4096 + block) + 10 * 2048 * 32000
    assert item.activations == expected
    assert item.gathered == 2 * (3 * (4 * 4096**2 + 3 * 4096 * 11008) + 32000 * 4096)
