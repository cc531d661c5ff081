"""Trains in several processes, for tests: ``python train_ranks.py JOBS``.

JOBS is a JSON list of jobs, done in turn; each has ``processes``, ``output``, ``options`` (of
``TrainConfig``), ``kill_at``, the step that its processes stop after, or null, and ``stop_at``, the
step in which the second of them is sent a SIGTERM, or null. Processes are forked from one that has
imported everything, and stay for all jobs. The tokens that a process trains on are kept in
``OUTPUT/seen``.
"""

from __future__ import annotations

import contextlib
import json
import os
import pathlib
import signal
import socket
import sys
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest
import sentencepiece  # noqa: F401 (this and the next before the fork, and not in every process)
import torch
import torch._dynamo
import torch._inductor
import torch.multiprocessing

import pasture.trainer.step
from pasture.errors import StageError
from pasture.tokenize.sampler import Batch
from pasture.trainer.config import PRESETS, ModelConfig, Preset, TrainConfig
from pasture.trainer.data import MicroBatch, micro_batches
from pasture.trainer.step import Trainer
from pasture.trainer.train import train

UNTIED = Preset(
    ModelConfig(64, 2, 8, n_kv_heads=4, multiple_of=32, context_length=32), 6e-3, 256, 2048
)


class KilledError(Exception):
    """Stands for processes that are killed."""


def free_port(first: int) -> int:
    """Find a port from ``first`` on; below 32,768 Linux gives none to who asks for any."""
    for port in range(first, 32_768):
        with socket.socket() as server, contextlib.suppress(OSError):
            server.bind(("127.0.0.1", port))
            return port
    raise OSError(f"no port from {first} to 32767 is free")


def work(rank: int, jobs: list[dict[str, Any]], ports: list[int]) -> None:
    torch.set_num_threads(1)
    take_step = Trainer.step
    for job, port in zip(jobs, ports, strict=True):
        if rank >= job["processes"]:
            continue
        os.environ.update(
            RANK=str(rank),
            LOCAL_RANK=str(rank),
            WORLD_SIZE=str(job["processes"]),
            MASTER_ADDR="127.0.0.1",
            MASTER_PORT=str(port),
        )

        seen = pathlib.Path(job["output"]) / "seen"
        seen.mkdir(exist_ok=True)

        def step(
            trainer: Trainer,
            number: int,
            last: int | None = job["kill_at"],
            seen: pathlib.Path = seen,
            stop: int | None = job["stop_at"],
        ) -> Any:
            if number == last:
                raise KilledError
            if number == stop and rank == 1:
                os.kill(os.getpid(), signal.SIGTERM)

            def keep(batch: Batch, *args: Any, **kwargs: Any) -> Iterator[MicroBatch]:
                ranks = trainer.run.ranks
                name = f"{number}-{ranks.data_rank}-{ranks.data_size}.npy"
                np.save(seen / name, batch.tokens)
                return micro_batches(batch, *args, **kwargs)

            pasture.trainer.step.micro_batches = keep
            return take_step(trainer, number)

        Trainer.step = step
        stopped: contextlib.AbstractContextManager[object] = contextlib.nullcontext()
        if job["stop_at"] is not None:
            stopped = pytest.raises(StageError, match="stopped after step")
        with contextlib.suppress(KilledError), stopped:
            train(job["output"], TrainConfig(**job["options"]))


def main() -> None:
    PRESETS["untied"] = UNTIED
    jobs = json.loads(sys.argv[1])
    ports = [free_port(20_000 + (os.getpid() * 50 + n) % 12_000) for n in range(len(jobs))]
    most = max(job["processes"] for job in jobs)
    torch.multiprocessing.start_processes(work, (jobs, ports), nprocs=most, start_method="fork")


if __name__ == "__main__":
    main()
