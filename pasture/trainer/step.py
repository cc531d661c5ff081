"""One optimizer step: draw the batch, accumulate its gradients, clip them, update the weights."""

# ruff: noqa: N806 (suffixes that name the axes of tensors)
from __future__ import annotations

import dataclasses
import math
import time
from typing import Any

import torch
from torch import Tensor

from pasture.errors import StageError
from pasture.tokenize.sampler import Batch
from pasture.trainer import checkpoint
from pasture.trainer.data import micro_batches
from pasture.trainer.evaluate import precision, token_losses
from pasture.trainer.model import Transformer
from pasture.trainer.optim import check_gradients, clip_gradients, learning_rate
from pasture.trainer.run import Run


@dataclasses.dataclass
class Trainer:
    """A model in training."""

    run: Run
    model: Transformer
    optimizer: torch.optim.Optimizer

    def __post_init__(self) -> None:
        self._losses = torch.compile(token_losses) if self.run.options.compile else token_losses
        self._checked = False

    def step(self, step: int) -> dict[str, Any]:
        """Take a step, from 0; return the fields of ``StepMetrics`` that the batch determines.

        Raises:
            StageError: The loss or the gradient is not finite, or a weight has no gradient.
        """
        options, settings, sampler = self.run.options, self.run.settings, self.run.sampler
        rate = learning_rate(
            step,
            steps=settings.steps,
            warmup_steps=settings.warmup_steps,
            peak=settings.learning_rate,
            final=options.final_rate,
            decay_steps=settings.decay_steps,
        )
        for group in self.optimizer.param_groups:
            group["lr"] = rate
        before = time.perf_counter()
        batch = sampler.batch(step)
        loader_seconds = time.perf_counter() - before
        self.optimizer.zero_grad(set_to_none=True)
        sums = self.accumulate(batch)
        if not self._checked:
            check_gradients(self.model)
            self._checked = True
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

    def accumulate(self, batch: Batch) -> Tensor:
        """Add the gradients of a batch's mean loss; return its losses and sequences by source."""
        options, device = self.run.options, self.run.ranks.device
        sums = torch.zeros(len(batch.names), 2, dtype=torch.float64, device=device)
        for part in micro_batches(
            batch, self.run.settings.micro_batch, device, mask_documents=options.mask_documents
        ):
            with precision(device):
                logits_BTV = self.model(part.inputs_BT, part.mask)
            loss_B = self._losses(logits_BTV, part.targets_BT).mean(dim=1)
            # Gradients are averaged over the processes, each of which has as many sequences.
            (loss_B.sum() / len(batch.tokens)).backward()  # type: ignore[no-untyped-call]
            row = torch.stack((loss_B.detach(), torch.ones_like(loss_B)), dim=1)
            sums.index_add_(0, part.sources_B, row.double())
        return sums

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
