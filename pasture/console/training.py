"""Training: its progress, its result, and what it would take."""

from __future__ import annotations

import dataclasses
import datetime
import os
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from pasture.console.text import SafeConsole, show_json, stdout, table
from pasture.errors import ModelError
from pasture.manifests.outputs import Output

if TYPE_CHECKING:
    from pasture.trainer.metrics import StepMetrics


def run_training(output: Output, options: Mapping[str, Any], as_json: bool) -> None:
    """Train a model, showing the loss of each source while it goes on.

    Args:
        output: The output to train on.
        options: Of ``TrainConfig``, where given.
        as_json: Show the result as JSON.
    """
    # Threads that spin while they wait take the processor from those that work.
    os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
    try:
        from pasture.trainer.config import TrainConfig
        from pasture.trainer.train import train as train_model
    except ModuleNotFoundError as error:
        message = f"{error.name} is not installed; the trainer needs pip install 'pasture[trainer]'"
        raise ModelError(message) from error

    console = SafeConsole(stderr=True, quiet=as_json, highlight=False)
    lines: list[StepMetrics] = []

    def show(line: StepMetrics) -> None:
        if not lines:
            console.print(
                f"{'step':>11} {'loss':>7} {'tokens/s':>9} {'left':>8}  loss by source",
                soft_wrap=True,
            )
        lines.append(line)
        every = max(1, line.steps // 20)
        if line.step == 1 or line.step % every == 0 or line.step == line.steps:
            losses = " ".join(f"{name} {loss:.2f}" for name, loss in line.losses.items())
            mfu = "" if line.mfu is None else f"  MFU {line.mfu:.1%}"
            console.print(
                f"{line.step:>5}/{line.steps:<5} {line.loss:7.3f} {line.tokens_per_second:9,.0f}"
                f" {datetime.timedelta(seconds=round(line.seconds_left))!s:>8}  {losses}{mfu}",
                markup=False,
                soft_wrap=True,
            )

    result = train_model(output.root, TrainConfig(**options), show)
    if os.environ.get("RANK", "0") != "0":
        return
    first, last = _ends(lines)
    if as_json:
        show_json({**dataclasses.asdict(result), "losses": last})
        return
    losses = {source: found.loss for source, found in result.validation.items()}
    table(
        [
            *("source", "#loss at first", "#loss at last", "#validation loss", "#perplexity"),
            "#bits per byte",
        ],
        [
            (
                name,
                *(f"{ends[name]:.3f}" if name in ends else "" for ends in (first, last, losses)),
                *(
                    (f"{found.perplexity:,.2f}", f"{found.bits_per_byte:.3f}")
                    if found
                    else ("", "")
                ),
            )
            for name in sorted({*last, *losses})
            for found in [result.validation.get(name)]
        ],
        title=f"{result.parameters:,} parameters, {result.tokens:,} tokens, {result.seconds:.0f} s",
    )
    stdout().print(
        f"loss {result.first_loss:.3f} at step 1, {result.loss:.3f} at step {result.steps}; "
        f"checkpoint: {result.checkpoint}",
        markup=False,
        soft_wrap=True,
    )


def _ends(lines: Sequence[StepMetrics]) -> tuple[dict[str, float], dict[str, float]]:
    """Each source's loss when it was first and last seen: a step may hold none of a small one."""
    first: dict[str, float] = {}
    last: dict[str, float] = {}
    for line in lines:
        for name, loss in line.losses.items():
            first.setdefault(name, loss)
            last[name] = loss
    return first, last


def show_training_plan(
    options: Mapping[str, Any],
    gpus: int,
    tokens_per_gpu_second: float | None,
    gpu_memory: float,
    as_json: bool,
) -> None:
    """Show what a training would take: time, GPU-hours, and memory per GPU by layout."""
    from pasture.trainer.config import TrainConfig
    from pasture.trainer.plan import plan_training

    plan = plan_training(TrainConfig(**options), gpus, tokens_per_gpu_second)
    if as_json:
        layouts = [{**dataclasses.asdict(item), "total": item.total} for item in plan.layouts]
        show_json({**dataclasses.asdict(plan), "layouts": layouts})
        return
    table(
        [
            *("#tp", "recompute", "#weights", "#gradients", "#AdamW", "#gathered"),
            *("#activations", "#total GB", f"fits {gpu_memory:g} GB"),
        ],
        [
            (
                str(item.tp),
                item.recompute,
                *(
                    f"{size / 1e9:.1f}"
                    for size in (
                        *(item.weights, item.gradients, item.optimizer, item.gathered),
                        *(item.activations, item.total),
                    )
                ),
                "yes" if item.total <= gpu_memory * 1e9 else "no",
            )
            for item in plan.layouts
        ],
        title=f"{plan.model}: {plan.parameters:,} parameters, {plan.tokens:.3g} tokens, "
        f"{plan.gpus:,} GPUs",
    )
    paper = plan.paper_gpu_hours
    stdout().print(
        f"{plan.tokens_per_gpu_second:,.0f} tokens/s and GPU ({plan.mfu:.1%} of "
        f"{plan.peak_flops / 1e12:.0f} TFLOPS): {plan.gpu_hours:,.0f} GPU-hours, "
        f"{plan.days:.1f} days"
        + (f"; the paper: {paper:,} GPU-hours ({plan.against_paper:+.1%})" if paper else ""),
        markup=False,
        soft_wrap=True,
    )
