"""The training loop: reads an output's tokens by its mixture, and trains a LLaMA on them.

Writes checkpoints and ``metrics.jsonl`` under ``<output>/checkpoints``. A run that was killed goes
on from its last checkpoint, with the same batches and, on the same machine, the same losses.
"""

# ruff: noqa: N806 (suffixes that name the axes of tensors)
from __future__ import annotations

import dataclasses
import math
import time
from collections.abc import Callable, Mapping
from typing import Any

import torch

from pasture.errors import StageError
from pasture.trainer import checkpoint
from pasture.trainer.config import TrainConfig
from pasture.trainer.data import micro_batches
from pasture.trainer.evaluate import Evaluation, precision, token_losses
from pasture.trainer.metrics import (
    MetricsLog,
    Pace,
    StepMetrics,
    TrainResult,
    memory_bytes,
    peak_flops,
)
from pasture.trainer.model import Transformer
from pasture.trainer.optim import clip_gradients, learning_rate, make_optimizer
from pasture.trainer.parallel import connect, init_weights, make_model
from pasture.trainer.run import Run


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
            another run; or the loss is not finite any more.
        ConfigError: The options do not go together, or not with the number of processes.
    """
    options = train_config or TrainConfig()
    with connect(options.device, options.tp) as ranks:
        return _train(Run.open(output, options, ranks), on_step or (lambda line: None))


def _train(run: Run, on_step: Callable[[StepMetrics], None]) -> TrainResult:
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
        if done % options.checkpoint_every == 0 or is_last:
            path = trainer.save(done)
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


@dataclasses.dataclass
class Trainer:
    """A model in training."""

    run: Run
    model: Transformer
    optimizer: torch.optim.Optimizer

    def __post_init__(self) -> None:
        self._losses = torch.compile(token_losses) if self.run.options.compile else token_losses

    def step(self, step: int) -> dict[str, Any]:
        """Take a step, from 0; give the fields of ``StepMetrics`` that the batch tells."""
        options, settings, sampler = self.run.options, self.run.settings, self.run.sampler
        rate = learning_rate(
            step,
            steps=settings.steps,
            warmup_steps=settings.warmup_steps,
            peak=settings.learning_rate,
            final=options.final_rate,
        )
        for group in self.optimizer.param_groups:
            group["lr"] = rate
        before = time.perf_counter()
        batch = sampler.batch(step)
        loader_seconds = time.perf_counter() - before
        device = self.run.ranks.device
        sums = torch.zeros(len(sampler.names), 2, dtype=torch.float64, device=device)
        self.optimizer.zero_grad(set_to_none=True)
        for part in micro_batches(
            batch, settings.micro_batch, device, mask_documents=options.mask_documents
        ):
            with precision(device):
                logits_BTV = self.model(part.inputs_BT, part.mask)
            loss_B = self._losses(logits_BTV, part.targets_BT).mean(dim=1)
            # Gradients are averaged over the processes, each of which has as many sequences.
            (loss_B.sum() / len(batch.tokens)).backward()  # type: ignore[no-untyped-call]
            row = torch.stack((loss_B.detach(), torch.ones_like(loss_B)), dim=1)
            sums.index_add_(0, part.sources_B, row.double())
        norm = clip_gradients(self.model, options.clip)
        self.optimizer.step()
        totals, counts = self.run.ranks.sum(sums).t().tolist()
        loss = sum(totals) / sum(counts)
        if not math.isfinite(loss + norm):
            raise StageError(
                f"step {step + 1}: loss {loss}, gradients {norm:.3g}; begin anew at a lower rate"
            )
        return {
            "loss": loss,
            "losses": {
                name: total / count
                for name, total, count in zip(sampler.names, totals, counts, strict=True)
                if count
            },
            "learning_rate": rate,
            "gradient_norm": float(norm),
            "loader_seconds": loader_seconds,
        }

    def save(self, step: int) -> str:
        """Write a checkpoint and remove old ones; return its path."""
        run = self.run
        path = checkpoint.step_path(run.folder, step)
        checkpoint.save(
            path,
            step,
            self.model,
            self.optimizer,
            run=run.facts,
            tokenizer=run.tokenizer,
            ranks=run.ranks,
        )
        if run.ranks.is_first:
            checkpoint.remove_old(run.folder, run.options.keep_checkpoints)
        return path
