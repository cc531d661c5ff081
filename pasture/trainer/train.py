"""The training loop: reads an output's tokens by its mixture, and trains a LLaMA on them.

Writes checkpoints and ``metrics.jsonl`` under ``<output>/checkpoints``. A run that was killed goes
on from its last checkpoint, with the same batches and, on the same machine, the same losses.
"""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable, Mapping

import torch

from pasture.errors import StageError
from pasture.trainer import checkpoint
from pasture.trainer.config import TrainConfig
from pasture.trainer.evaluate import Evaluation
from pasture.trainer.lifetime import StopRequest, only_trainer
from pasture.trainer.metrics import (
    MetricsLog,
    Pace,
    StepMetrics,
    TrainResult,
    memory_bytes,
    peak_flops,
)
from pasture.trainer.model import Transformer
from pasture.trainer.optim import make_optimizer
from pasture.trainer.parallel import connect, init_weights, make_model
from pasture.trainer.run import Run
from pasture.trainer.step import Trainer


def train(
    output: str,
    train_config: TrainConfig | None = None,
    on_step: Callable[[StepMetrics], None] | None = None,
) -> TrainResult:
    """Train a model on the tokens of an output, from its last checkpoint where it has one.

    Where ``torchrun`` started several processes, each calls this, and ``on_step`` is called in the
    first of them.

    Raises:
        StageError: There are no tokens, no mixture or no tokenizer, or the checkpoints are of
            another run; or the loss is not finite any more; or another process trains the same
            run; or a SIGTERM came, after the checkpoint was written.
        ConfigError: The options do not go together, or not with the number of processes.
    """
    options = train_config or TrainConfig()
    with connect(options.device, options.tp) as ranks, StopRequest() as stop:
        run = Run.open(output, options, ranks)
        alone = only_trainer(run.folder) if ranks.is_first else contextlib.nullcontext()
        with alone:
            return _train(run, stop, on_step or (lambda line: None))


def _train(run: Run, stop: StopRequest, on_step: Callable[[StepMetrics], None]) -> TrainResult:
    began = time.perf_counter()
    options, settings, ranks = run.options, run.settings, run.ranks
    model, optimizer, first = start(run)
    trainer = Trainer(run, model, optimizer)
    log = MetricsLog(run.folder, first, tensorboard=options.tensorboard, write=ranks.is_first)
    pace = Pace(
        run.step_tokens,
        settings.model.flops_per_token,
        ranks.size,
        options.peak_flops or peak_flops(ranks.device),
    )
    path = checkpoint.step_path(run.folder, first)
    validation: Mapping[str, Evaluation] | None = None
    for done in range(first + 1, settings.steps + 1):
        facts = trainer.step(done - 1)
        is_last = done == settings.steps
        timing = pace.step(settings.steps - done)
        validated = is_last or (options.validate_every and done % options.validate_every == 0)
        validation = run.validation(model) if validated else None
        line = StepMetrics(
            step=done,
            steps=settings.steps,
            tokens=done * run.step_tokens,
            memory_bytes=memory_bytes(ranks.device),
            validation=validation,
            **facts,
            **timing,
        )
        log.add(line)
        if ranks.is_first:
            on_step(line)
        stopped = stop.received(ranks) and not is_last
        if done % options.checkpoint_every == 0 or is_last or stopped:
            path = trainer.save(done)
        if stopped:
            raise StageError(f"stopped after step {done}; the same command resumes from {path}")
        pace.pause()
    return TrainResult(
        checkpoint=path,
        steps=settings.steps,
        resumed_from=first,
        parameters=settings.model.num_parameters,
        tokens=settings.steps * run.step_tokens,
        first_loss=log.first_loss,
        loss=log.loss,
        validation=run.validation(model) if validation is None else validation,
        seconds=time.perf_counter() - began,
    )


def start(run: Run) -> tuple[Transformer, torch.optim.AdamW, int]:
    """Make the model and its optimizer anew, or take them from the last checkpoint."""
    options = run.options
    last = run.last_checkpoint()
    given = last or run.initial_checkpoint()
    model = make_model(run.settings.model, run.ranks, options)
    optimizer = make_optimizer(
        model,
        rate=run.settings.learning_rate,
        betas=options.betas,
        weight_decay=options.weight_decay,
    )
    if given is None:
        init_weights(model, torch.Generator().manual_seed(options.seed))
    else:
        given.load_state(model, optimizer if last else None)
    return model, optimizer, last.step if last else 0
