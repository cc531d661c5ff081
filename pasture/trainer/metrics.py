"""What a training tells of itself: each step's metrics, and the result at the end."""

from __future__ import annotations

import dataclasses
import json
import pathlib
from collections.abc import Mapping
from typing import Any


@dataclasses.dataclass(frozen=True)
class StepMetrics:
    """What one step gave: the loss before it, in nats a token, in all and by source."""

    step: int
    steps: int
    loss: float
    losses: Mapping[str, float]
    learning_rate: float
    gradient_norm: float
    tokens: int
    tokens_per_second: float


@dataclasses.dataclass(frozen=True)
class TrainResult:
    """What a training made.

    Args:
        checkpoint: Path of the last checkpoint.
        steps: Steps of the whole run.
        resumed_from: Step that this call went on from; 0 for a new run.
        parameters: Weights of the model.
        tokens: Tokens trained on, in the whole run.
        first_loss: Loss of the run's first step.
        loss: Loss of its last step.
        validation: Loss by source on held-out text, in nats a token; sources without any are
            missing.
        seconds: Time that this call took.
    """

    checkpoint: str
    steps: int
    resumed_from: int
    parameters: int
    tokens: int
    first_loss: float
    loss: float
    validation: Mapping[str, float]
    seconds: float


class MetricsFile:
    """The metrics of a run, one JSON line a step; lines after the step resumed from are cut."""

    def __init__(self, path: pathlib.Path, first: int) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        lines = path.read_text().splitlines() if path.exists() else []
        self.lines: list[dict[str, Any]] = [json.loads(line) for line in lines[:first]]
        self._file = path
        path.write_text("".join(f"{line}\n" for line in lines[:first]))

    def add(self, line: StepMetrics) -> None:
        """Add a step."""
        self.lines.append(dataclasses.asdict(line))
        with self._file.open("a") as stream:
            stream.write(json.dumps(self.lines[-1]) + "\n")
