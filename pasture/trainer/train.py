"""The training loop: reads an output's tokens by its mixture, and trains a LLaMA on them.

Writes checkpoints and ``metrics.jsonl`` under ``<output>/checkpoints``. A run that was killed goes
on from its last checkpoint, with the same batches and, on the same machine, the same losses.
"""

# ruff: noqa: N806 (suffixes that name the axes of tensors)
from __future__ import annotations

import hashlib
import pathlib
import time
from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional

from pasture import config, storage
from pasture.errors import StageError
from pasture.manifests.mixture import read_realised
from pasture.tokenize.reader import TokenCorpus
from pasture.tokenize.sampler import MixtureSampler
from pasture.trainer import checkpoint
from pasture.trainer.config import Settings, TrainConfig
from pasture.trainer.data import micro_batches
from pasture.trainer.evaluate import precision, validate
from pasture.trainer.metrics import MetricsFile, StepMetrics, TrainResult
from pasture.trainer.model import Transformer
from pasture.trainer.optim import learning_rate, make_optimizer

METRICS = "metrics.jsonl"


def train(
    output: str,
    train_config: TrainConfig | None = None,
    on_step: Callable[[StepMetrics], None] | None = None,
) -> TrainResult:
    """Train a model on the tokens of an output, from its last checkpoint where it has one.

    Raises:
        StageError: There are no tokens, no mixture or no tokenizer, or the checkpoints are of
            another run.
    """
    began = time.perf_counter()
    options = train_config or TrainConfig()
    corpus = TokenCorpus.open(output)
    plan = read_realised(storage.join(output, "mixture.yaml"))
    tokenizer = _read_tokenizer(output, corpus)
    settings = options.resolve(int(corpus.tokenizer["vocab_size"]))
    sampler = MixtureSampler(
        corpus,
        plan.proportions,
        settings.model.context_length,
        settings.batch_size,
        options.seed,
    )
    run = config.plain(
        {
            "config": options,
            "settings": settings,
            "tokenizer": corpus.tokenizer,
            "proportions": sampler.proportions,
            "tokens": corpus.token_counts,
        }
    )
    device = _device(options)
    folder = storage.join(output, "checkpoints")
    model, optimizer, first = _start(folder, run, options, settings, device)
    step_model = torch.compile(model) if options.compile else model
    metrics = MetricsFile(pathlib.Path(folder) / METRICS, first)
    path = storage.join(folder, f"step-{first:08d}")
    for step in range(first, settings.steps):
        before = time.perf_counter()
        rate = learning_rate(
            step,
            steps=settings.steps,
            warmup_steps=settings.warmup_steps,
            peak=settings.learning_rate,
            final=options.final_rate,
        )
        for group in optimizer.param_groups:
            group["lr"] = rate
        losses, norm = _train_step(step_model, model, optimizer, sampler, step, options, settings)
        done = step + 1
        tokens = settings.batch_size * settings.model.context_length
        line = StepMetrics(
            step=done,
            steps=settings.steps,
            loss=float(losses[:, 0].sum() / losses[:, 1].sum()),
            losses=_by_source(losses, sampler.names),
            learning_rate=rate,
            gradient_norm=norm,
            tokens=done * tokens,
            tokens_per_second=tokens / (time.perf_counter() - before),
        )
        metrics.add(line)
        if on_step is not None:
            on_step(line)
        if done % options.checkpoint_every == 0 or done == settings.steps:
            path = checkpoint.save(folder, done, model, optimizer, run=run, tokenizer=tokenizer)
            checkpoint.remove_old(folder, options.keep_checkpoints)
    validation = validate(model, output, options.validation_sequences)
    return TrainResult(
        checkpoint=path,
        steps=settings.steps,
        resumed_from=first,
        parameters=settings.model.num_parameters,
        tokens=settings.steps * settings.batch_size * settings.model.context_length,
        first_loss=metrics.lines[0]["loss"],
        loss=metrics.lines[-1]["loss"],
        validation=validation,
        seconds=time.perf_counter() - began,
    )


def _train_step(
    step_model: Callable[..., Tensor],
    model: Transformer,
    optimizer: torch.optim.Optimizer,
    sampler: MixtureSampler,
    step: int,
    options: TrainConfig,
    settings: Settings,
) -> tuple[Tensor, float]:
    """Take one step; return the sum and the count of the losses by source, and the norm."""
    device = model.freqs_cis.device
    losses = torch.zeros(len(sampler.names), 2, dtype=torch.float64)
    optimizer.zero_grad(set_to_none=True)
    for part in micro_batches(
        sampler.batch(step), settings.micro_batch, device, mask_documents=options.mask_documents
    ):
        with precision(device):
            logits_BTV = step_model(part.inputs_BT, part.mask)
        loss_N = functional.cross_entropy(
            logits_BTV.float().flatten(0, 1), part.targets_BT.flatten(), reduction="none"
        )
        loss_B = loss_N.view_as(part.targets_BT).mean(dim=1)
        (loss_B.sum() / settings.batch_size).backward()  # type: ignore[no-untyped-call]
        row = torch.stack((loss_B.detach(), torch.ones_like(loss_B)), dim=1).double().cpu()
        losses.index_add_(0, part.sources_B.cpu(), row)
    norm = torch.nn.utils.clip_grad_norm_(model.parameters(), options.clip)
    optimizer.step()
    return losses, float(norm)


def _start(
    folder: str, run: Any, options: TrainConfig, settings: Settings, device: torch.device
) -> tuple[Transformer, torch.optim.AdamW, int]:
    """Make the model and its optimizer anew, or take them from the last checkpoint."""
    found = checkpoint.list_checkpoints(folder)
    last = checkpoint.Checkpoint.load(found[-1]) if found else None
    if last is None:
        model = Transformer(settings.model)
        model.init_weights(torch.Generator().manual_seed(options.seed))
        model.to(device)
    else:
        changes = config.difference(last.run, run)
        if changes:
            raise StageError(
                f"{last.path} is of another run: {'; '.join(changes)}. Train as before, or remove "
                f"{folder} to start anew"
            )
        model = last.load_model(device)
    optimizer = make_optimizer(
        model,
        rate=settings.learning_rate,
        betas=options.betas,
        weight_decay=options.weight_decay,
    )
    if last is not None:
        last.load_optimizer(optimizer)
    return model, optimizer, last.step if last else 0


def _device(options: TrainConfig) -> torch.device:
    if options.device == "auto":
        return torch.device("cuda" if torch.cuda.is_available() else "cpu")
    return torch.device(options.device)


def _read_tokenizer(output: str, corpus: TokenCorpus) -> bytes:
    path = storage.join(output, "tokenizer", checkpoint.TOKENIZER)
    if not storage.exists(path):
        raise StageError(f"{path} is missing; put the tokenizer that made the tokens there")
    with storage.open_read(path) as stream:
        data = stream.read()
    if hashlib.sha256(data).hexdigest() != corpus.tokenizer["sha256"]:
        raise StageError(f"{path} is not the tokenizer that made the tokens of {output}")
    return data


def _by_source(losses: Tensor, names: tuple[str, ...]) -> dict[str, float]:
    return {
        name: total / count
        for name, (total, count) in zip(names, losses.tolist(), strict=True)
        if count
    }
