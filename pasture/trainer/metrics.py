"""What a training tells of itself: each step's metrics, and the result at the end."""

from __future__ import annotations

import dataclasses
import json
import math
import pathlib
import resource
import time
from collections.abc import Mapping
from typing import Any

import torch

from pasture import storage
from pasture.trainer.evaluate import Evaluation

# Dense bfloat16 operations per second, from NVIDIA's data sheets (A100, H100, H200, B200, L40S);
# the first name that a device's name contains counts.
PEAK_FLOPS = {
    "B200": 2250e12,
    "H200": 989.4e12,
    "H100 PCIe": 756e12,
    "H100 NVL": 835e12,
    "H100": 989.4e12,
    "A100": 312e12,
    "L40S": 362e12,
}


@dataclasses.dataclass(frozen=True)
class StepMetrics:
    """What one step gave: the loss before it, in nats a token, in all and by source.

    Args:
        step: The step, from 1.
        steps: Steps of the whole run.
        loss: Loss of its batch.
        losses: Loss by source.
        learning_rate: Rate of the step.
        gradient_norm: Norm of the gradients before they were clipped.
        tokens: Tokens trained on so far.
        tokens_per_second: Over all processes, in this step.
        loader_seconds: Time that the step's batch took to draw.
        mfu: Share of the devices' peak that the model's operations make; None where no peak is
            known.
        memory_bytes: Most memory held so far: a GPU's, or the process's.
        seconds_left: Time to the last step, at the mean pace of this call.
        validation: By source, where it was measured after this step.
    """

    step: int
    steps: int
    loss: float
    losses: Mapping[str, float]
    learning_rate: float
    gradient_norm: float
    tokens: int
    tokens_per_second: float
    loader_seconds: float
    mfu: float | None
    memory_bytes: int
    seconds_left: float
    validation: Mapping[str, Evaluation] | None = None


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
        validation: How well held-out text is foretold, by source; sources without any are missing.
        seconds: Time that this call took.
    """

    checkpoint: str
    steps: int
    resumed_from: int
    parameters: int
    tokens: int
    first_loss: float
    loss: float
    validation: Mapping[str, Evaluation]
    seconds: float


@dataclasses.dataclass
class Pace:
    """Times the steps of a call.

    Args:
        tokens: Tokens of a step, over all processes.
        flops_per_token: Operations of the model.
        devices: How many compute.
        peak_flops: Operations per second of one; None where it is not known.
    """

    tokens: int
    flops_per_token: float
    devices: int
    peak_flops: float | None

    def __post_init__(self) -> None:
        self._began = self._before = time.perf_counter()
        self._steps = 0

    def step(self, left: int) -> dict[str, Any]:
        """End a step, with so many left; give the fields of ``StepMetrics`` that time tells."""
        now = time.perf_counter()
        rate = self.tokens / (now - self._before)
        self._before = now
        self._steps += 1
        peak = self.peak_flops
        return {
            "tokens_per_second": rate,
            "mfu": rate * self.flops_per_token / (peak * self.devices) if peak else None,
            "seconds_left": (now - self._began) / self._steps * left,
        }

    def pause(self) -> None:
        """Begin the next step here: what was done since the last one is none of its time."""
        self._before = time.perf_counter()


def peak_flops(device: torch.device) -> float | None:
    """Give a device's operations per second in bfloat16, where its name is known."""
    if device.type != "cuda":
        return None
    found = torch.cuda.get_device_name(device)
    return next((flops for name, flops in PEAK_FLOPS.items() if name in found), None)


def memory_bytes(device: torch.device) -> int:
    """Give the most memory that was held on a GPU, or by this process."""
    if device.type == "cuda":
        return torch.cuda.max_memory_allocated(device)
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss << 10


class MetricsLog:
    """The metrics of a run: ``metrics.jsonl``, a line a step, and files for TensorBoard.

    Args:
        folder: Folder of the checkpoints.
        first: Step that the run resumes from; what was logged after it is cut.
        tensorboard: Whether to write for TensorBoard.
        write: Whether this process writes.
    """

    def __init__(self, folder: str, first: int, *, tensorboard: bool, write: bool) -> None:
        self._file = pathlib.Path(folder) / "metrics.jsonl"
        lines = self._file.read_text().splitlines() if self._file.exists() else []
        self.first_loss = json.loads(lines[0])["loss"] if first and lines else math.nan
        self.loss = json.loads(lines[first - 1])["loss"] if 0 < first <= len(lines) else math.nan
        self._write = write
        self._board: Any = None
        if write:
            with storage.atomic_write(str(self._file)) as stream:
                stream.write("".join(f"{line}\n" for line in lines[:first]).encode())
        if write and tensorboard:
            from torch.utils.tensorboard import SummaryWriter

            board = str(self._file.with_name("tensorboard"))
            self._board = SummaryWriter(board, purge_step=first + 1)

    def add(self, line: StepMetrics) -> None:
        """Add a step."""
        self.loss = line.loss
        if line.step == 1:
            self.first_loss = line.loss
        if not self._write:
            return
        with self._file.open("a") as stream:
            stream.write(json.dumps(dataclasses.asdict(line)) + "\n")
        if self._board is not None:
            for name, value in _scalars(line).items():
                self._board.add_scalar(name, value, line.step)
            self._board.flush()


def _scalars(line: StepMetrics) -> dict[str, float]:
    """Name the numbers of a step as TensorBoard groups them."""
    names = ("loss", "learning_rate", "gradient_norm", "tokens_per_second", "mfu", "memory_bytes")
    values = {f"train/{name}": getattr(line, name) for name in names}
    values |= {f"loss/{source}": loss for source, loss in line.losses.items()}
    for source, found in (line.validation or {}).items():
        values[f"validation/{source}"] = found.loss
        values[f"bits_per_byte/{source}"] = found.bits_per_byte
    return {name: value for name, value in values.items() if value is not None}
