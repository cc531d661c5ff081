"""Computes gradients in several processes: ``python gradient_ranks.py JOBS FOLDER COMPILER``.

JOBS is a JSON list of jobs; each has ``processes``, ``output``, ``options`` (of ``TrainConfig``),
and ``blocks`` (whether masks are those of a GPU). The gradients of one step's batch, each
whole, are saved in FOLDER with the number of graphs that were compiled and the validation losses.
Processes are forked from one that has imported everything, and take one job after another.
"""

from __future__ import annotations

import functools
import itertools
import json
import pathlib
import sys
import warnings
from typing import Any

import numpy as np
import sentencepiece  # noqa: F401 (this and the next before the fork, and not in every process)
import torch
import torch._dynamo
import torch._functorch
import torch.multiprocessing
from torch._dynamo.utils import counters
from torch.distributed.tensor import DTensor
from torch.nn.attention import flex_attention

from pasture.trainer import attention
from pasture.trainer.config import PRESETS, ModelConfig, Preset, TrainConfig
from pasture.trainer.parallel import connect
from pasture.trainer.run import Run
from pasture.trainer.step import Trainer
from pasture.trainer.train import start

SHAPES = {
    "equal": ModelConfig(32, 2, 4, multiple_of=32, context_length=32),
    "grouped": ModelConfig(32, 2, 4, n_kv_heads=2, multiple_of=32, context_length=32),
    "tied": ModelConfig(32, 2, 4, multiple_of=32, context_length=32, tied=True),
}
BATCH = 8


def allow_blocks() -> None:
    """Let FlexAttention, which a GPU's masks are for, train on the CPU.

    PyTorch refuses its gradient there, though uncompiled code computes it.
    """
    attention.BLOCK_DEVICES.append("cpu")
    flex_attention._validate_device = lambda *tensors: None


def add_presets() -> None:
    PRESETS.update(
        {name: Preset(shape, 1e-3, 32 * BATCH, 1e4, 1) for name, shape in SHAPES.items()}
    )


def mixed_step(run: Run) -> int:
    """Find the first step in which two sequences hold several documents, for masks to matter."""
    for step in itertools.count():
        whole = run.sampler.sequences(np.arange(step * BATCH, (step + 1) * BATCH))
        if (whole.documents()[:, -2] > 0).sum() > 1:
            return step
    raise AssertionError


def gradients(output: str, options: dict[str, Any]) -> dict[str, Any]:
    """Accumulate the gradients of one batch, as a run of these options does."""
    config = TrainConfig(device="cpu", micro_batch=1, validation_sequences=12, **options)
    with connect("cpu", config.tp) as ranks:
        run = Run.open(output, config, ranks)
        model, optimizer, _ = start(run)
        sums = ranks.sum(
            Trainer(run, model, optimizer).accumulate(run.sampler.batch(mixed_step(run)))
        )
        found = {}
        for name, weight in model.named_parameters():
            assert weight.grad is not None, name
            grad = weight.grad
            found[name] = grad.full_tensor() if isinstance(grad, DTensor) else grad
        # Last, since FSDP then holds whole weights, which have no gradients.
        validation = {name: part.loss for name, part in run.validation(model).items()}
    return {
        "gradients": {name: value.clone() for name, value in found.items()},
        "loss": float(sums[:, 0].sum() / sums[:, 1].sum()),
        "validation": validation,
    }


def work(rank: int, jobs: list[dict[str, Any]], folder: str) -> None:
    torch.set_num_threads(1)
    warnings.filterwarnings("ignore", "While redistributing")
    for number, job in enumerate(jobs):
        if rank >= job["processes"]:
            continue
        if job["processes"] > 1:
            # A file instead of a port, which another process might take.
            torch.distributed.init_process_group(
                "gloo",
                init_method=f"file://{folder}/{number}.store",
                rank=rank,
                world_size=job["processes"],
            )
        attention.BLOCK_DEVICES[:] = ["cuda"]
        if job["blocks"]:
            allow_blocks()
        torch._dynamo.reset()
        counters.clear()
        found = gradients(job["output"], job["options"])
        if rank == 0:
            found["graphs"] = counters["stats"]["unique_graphs"]
            torch.save(found, pathlib.Path(folder) / f"{number}.pt")
        if job["processes"] > 1:
            torch.distributed.destroy_process_group()


def main() -> None:
    add_presets()
    jobs = json.loads(sys.argv[1])
    # Dynamo and autograd see the same graphs as with the default compiler, which needs 20 seconds
    # for each of them.
    backend = sys.argv[3]
    torch.nn.Module.compile = functools.partialmethod(torch.nn.Module.compile, backend=backend)
    torch.compile = functools.partial(torch.compile, backend=backend)
    torch.multiprocessing.start_processes(
        work,
        (jobs, sys.argv[2]),
        nprocs=max(job["processes"] for job in jobs),
        start_method="fork",
    )


if __name__ == "__main__":
    main()
