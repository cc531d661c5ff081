"""Metrics: the pace, the device's peak, and files that a resumed run goes on with."""

from __future__ import annotations

import dataclasses
import json
import math
import pathlib
from typing import Any

import pytest
import torch

from pasture.trainer import metrics
from pasture.trainer.config import TrainConfig
from pasture.trainer.evaluate import Evaluation
from pasture.trainer.metrics import MetricsLog, Pace, StepMetrics, memory_bytes, peak_flops
from pasture.trainer.train import train

SHORT = TrainConfig(
    steps=6, context_length=32, batch_tokens=64, checkpoint_every=3, device="cpu", peak_flops=1e12
)


def line(step: int) -> StepMetrics:
    return StepMetrics(
        step=step,
        steps=9,
        loss=float(step),
        losses={"books": float(step)},
        learning_rate=0.1,
        gradient_norm=1.0,
        tokens=step * 10,
        tokens_per_second=5.0,
        loader_seconds=0.0,
        mfu=None,
        memory_bytes=1,
        seconds_left=0.0,
    )


def test_pace(monkeypatch: pytest.MonkeyPatch) -> None:
    clock = iter([100.0, 102.0, 110.0, 114.0])
    monkeypatch.setattr(metrics.time, "perf_counter", lambda: next(clock))
    pace = Pace(tokens=1000, flops_per_token=6e6, devices=2, peak_flops=1e10)
    assert pace.step(3) == {"tokens_per_second": 500.0, "mfu": 0.15, "seconds_left": 6.0}
    pace.pause()  # a checkpoint took eight seconds
    assert pace.step(2) == {"tokens_per_second": 250.0, "mfu": 0.075, "seconds_left": 14.0}


def test_no_mfu_without_a_peak() -> None:
    assert Pace(1000, 6e6, 1, None).step(0)["mfu"] is None
    assert peak_flops(torch.device("cpu")) is None


@pytest.mark.parametrize(
    ("name", "flops"),
    [
        ("NVIDIA H200", 989.4e12),
        ("NVIDIA H100 80GB HBM3", 989.4e12),
        ("NVIDIA H100 PCIe", 756e12),
        ("NVIDIA A100-SXM4-80GB", 312e12),
        ("NVIDIA GeForce GTX 1080", None),
    ],
)
def test_peaks_of_devices(monkeypatch: pytest.MonkeyPatch, name: str, flops: float | None) -> None:
    monkeypatch.setattr(torch.cuda, "get_device_name", lambda device: name)
    assert peak_flops(torch.device("cuda")) == flops


def test_this_process_holds_memory() -> None:
    assert 50 << 20 < memory_bytes(torch.device("cpu")) < 1 << 40


def test_a_resumed_run_cuts_what_came_after_its_checkpoint(tmp_path: pathlib.Path) -> None:
    def log(first: int, *, write: bool = True) -> MetricsLog:
        return MetricsLog(str(tmp_path), first, tensorboard=False, write=write)

    before = log(0)
    for step in (1, 2, 3):
        before.add(line(step))
    assert (before.first_loss, before.loss) == (1.0, 3.0)
    after = log(2)
    assert (after.first_loss, after.loss) == (1.0, 2.0)
    after.add(dataclasses.replace(line(3), loss=7.0))
    other = log(3, write=False)
    other.add(line(4))
    lines = [json.loads(row) for row in (tmp_path / "metrics.jsonl").read_text().splitlines()]
    assert [(row["step"], row["loss"]) for row in lines] == [(1, 1.0), (2, 2.0), (3, 7.0)]


def test_a_training_tells_everything(output: pathlib.Path) -> None:
    options = dataclasses.replace(SHORT, validate_every=2, tensorboard=True)
    seen: list[StepMetrics] = []
    result = train(str(output), options, seen.append)
    assert [row.step for row in seen if row.validation is not None] == [2, 4, 6]
    assert result.validation == seen[-1].validation
    assert all(row.mfu is not None and row.mfu > 0 for row in seen)
    assert seen[-1].seconds_left == 0
    rows = (output / "checkpoints" / "metrics.jsonl").read_text().splitlines()
    assert [json.loads(row) for row in rows] == [dataclasses.asdict(row) for row in seen]
    assert scalars(output)["validation/books"] == [2, 4, 6]
    assert scalars(output)["train/mfu"] == [1, 2, 3, 4, 5, 6]


def scalars(output: pathlib.Path) -> dict[str, list[int]]:
    loader = pytest.importorskip("tensorboard.backend.event_processing.event_accumulator")
    events: Any = loader.EventAccumulator(str(output / "checkpoints" / "tensorboard"))
    events.Reload()
    return {name: [row.step for row in events.Scalars(name)] for name in events.Tags()["scalars"]}


def test_how_it_is_run_may_change_and_what_is_trained_may_not(output: pathlib.Path) -> None:
    train(str(output), SHORT)
    other = dataclasses.replace(SHORT, micro_batch=1, recompute="full", validate_every=1)
    assert train(str(output), other).resumed_from == 6


def test_perplexity_and_bits_come_with_the_loss(output: pathlib.Path) -> None:
    for found in train(str(output), SHORT).validation.values():
        assert isinstance(found, Evaluation)
        assert found.perplexity == pytest.approx(math.exp(found.loss))
        assert found.bits_per_byte > 0
