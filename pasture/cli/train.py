"""The trainer: training and sampling, and models of other libraries."""

from __future__ import annotations

from typing import Any

import click

from pasture.cli.base import (
    absolute,
    echo,
    json_option,
    output_of,
)


@click.command()
@click.argument("folder", metavar="DIR", required=False)
@click.option("--model", default="tiny", show_default=True, help="Preset: tiny, 125m, 1b, 7b ...")
@click.option("--steps", type=click.IntRange(1), default=None, help="Optimizer steps.")
@click.option("--seed", type=int, default=0, show_default=True)
@click.option("--context-length", type=click.IntRange(1), help="[default: the preset's]")
@click.option("--batch-tokens", type=click.IntRange(1), help="Of a step.  [default: the preset's]")
@click.option("--micro-batch", type=click.IntRange(1), help="Sequences of one forward pass.")
@click.option("--learning-rate", type=float, help="Its peak.  [default: the preset's]")
@click.option(
    "--schedule",
    type=click.Choice(["cosine", "wsd"]),
    help="How it falls: along a cosine, or linearly at the end.  [default: cosine]",
)
@click.option("--warmup-steps", type=click.IntRange(0), help="Steps up to the peak.")
@click.option("--decay", type=float, help="Share of the steps in which wsd falls.  [default: 0.1]")
@click.option("--final-rate", type=float, help="Share of the peak at the end.  [default: 0.1]")
@click.option("--mask-documents", is_flag=True, help="Let tokens see their own document only.")
@click.option("--init", metavar="CHECKPOINT", help="Begin with the weights of this checkpoint.")
@click.option("--checkpoint-every", type=click.IntRange(1), help="Steps.  [default: 1000]")
@click.option("--keep-checkpoints", type=click.IntRange(1), help="[default: 2]")
@click.option("--validate-every", type=click.IntRange(1), help="Steps.  [default: at the end]")
@click.option("--device", type=click.Choice(["auto", "cpu", "cuda"]), help="[default: auto]")
@click.option("--compile", is_flag=True, help="Compile the model.")
@click.option(
    "--recompute",
    type=click.Choice(["none", "selective", "full"]),
    help="What the backward pass computes again, to save memory.  [default: none]",
)
@click.option("--tp", type=click.IntRange(1), help="Processes that share each layer.  [default: 1]")
@click.option("--async-tp", is_flag=True, help="Overlap their messages with computation.")
@click.option("--peak-flops", type=float, help="A device's operations per second, for MFU.")
@click.option("--tensorboard", is_flag=True, help="Write metrics for TensorBoard too.")
@click.option("--run", metavar="NAME", help="Keep its checkpoints in DIR/runs/NAME.")
@click.option("--extend", is_flag=True, help="Go on with more --steps than the run began with.")
@click.option("--plan", "plan_only", is_flag=True, help="Tell time and memory; train nothing.")
@click.option("--gpus", type=click.IntRange(1), default=8, show_default=True, help="With --plan.")
@click.option("--tokens-per-gpu-second", type=float, help="With --plan.  [default: from 45% MFU]")
@click.option("--gpu-memory", type=float, default=80.0, show_default=True, help="GB, with --plan.")
@json_option
def train(
    folder: str | None,
    plan_only: bool,
    gpus: int,
    tokens_per_gpu_second: float | None,
    gpu_memory: float,
    as_json: bool,
    **options: Any,
) -> None:
    """Train a LLaMA on the token shards of DIR, sampled by its mixture; resumes where it was.

    \b
      pasture train corpus
      torchrun --nproc-per-node 8 -m pasture.cli train corpus --model 7b --tp 2 --compile
      pasture train --plan --model 65b --gpus 2048 --tokens-per-gpu-second 380

    Under torchrun the processes shard the model (FSDP), and --tp of them share each layer.
    """
    from pasture.console.training import run_training, show_training_plan

    given = {k: value for k, value in options.items() if value is not None and value is not False}
    if "init" in given:
        given["init"] = absolute(given["init"])
    if plan_only:
        show_training_plan(given, gpus, tokens_per_gpu_second, gpu_memory, as_json)
    elif folder is None:
        raise click.UsageError("give DIR, or --plan")
    else:
        run_training(output_of(folder), given, as_json)


@click.command()
@click.argument("checkpoint")
@click.option("--prompt", default="", help="Text to go on from.")
@click.option("--max-tokens", default=100, show_default=True, type=click.IntRange(1))
@click.option("--temperature", default=0.8, show_default=True, type=click.FloatRange(0))
@click.option("--top-p", default=0.95, show_default=True, type=click.FloatRange(0, 1))
@click.option("--seed", type=int, default=0, show_default=True)
def generate(
    checkpoint: str, prompt: str, max_tokens: int, temperature: float, top_p: float, seed: int
) -> None:
    """Sample text from CHECKPOINT (a folder checkpoints/step-...)."""
    from pasture.trainer.generate import generate as generate_text

    echo(
        generate_text(
            absolute(checkpoint) or "",
            prompt,
            max_tokens=max_tokens,
            temperature=temperature,
            top_p=top_p,
            seed=seed,
        )
    )


@click.command("import")
@click.argument("folder", metavar="MODEL")
@click.option("--to", "checkpoint", metavar="CHECKPOINT", required=True, help="Where to write it.")
def import_(folder: str, checkpoint: str) -> None:
    """Import MODEL, a folder in the Hugging Face LlamaForCausalLM layout, as a checkpoint.

    \b
      pasture import Llama-2-7b-hf --to llama2-7b
      pasture train corpus --model llama2-7b --init llama2-7b
    """
    from pasture.trainer.import_model import import_model

    config = import_model(absolute(folder) or "", absolute(checkpoint) or "")
    echo(f"wrote {checkpoint}: {config.num_parameters:,} parameters")
