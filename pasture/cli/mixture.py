"""``pasture mixture``: proportions and epochs of the sources."""

from __future__ import annotations

from typing import Any

import click

from pasture.cli.base import (
    Group,
    absolute,
    json_option,
    output_of,
)
from pasture.cli.options import run_options
from pasture.errors import ConfigError


@click.group(cls=Group)
def mixture() -> None:
    """Show, plan and check mixtures: sampling proportions, tokens, epochs."""


@mixture.command("show")
@click.argument("name", default="llama")
@json_option
def mixture_show(name: str, as_json: bool) -> None:
    """Show the mixture NAME (llama, llama2, llama3, sample, or a YAML file)."""
    from pasture.console.mixtures import show_mixture

    show_mixture(name, as_json)


@mixture.command("plan")
@click.argument("folder", metavar="DIR", required=False)
@click.option(
    "--mixture", "name", default="llama", show_default=True, help="Name, YAML file, or natural."
)
@click.option("--tokens", "budget", type=float, default=None, help="Token budget, such as 1.4e12.")
@click.option(
    "--max-epochs",
    type=float,
    help="Lower the sources that would be seen more often; the others take it up.",
)
@click.option(
    "--temperature",
    type=float,
    metavar="T",
    help="Weigh sources by tokens^(1/T) instead: 1 is by size, high is all alike.",
)
@click.option(
    "--epochs",
    metavar="SOURCE=N,...",
    help="Take epochs instead, and work out proportions and budget.",
)
@click.option("--to", metavar="FILE", help="Write the mixture, for a recipe.")
@click.option("--apply", is_flag=True, help="Make it DIR's mixture.yaml, which is trained by.")
@json_option
def mixture_plan(
    folder: str | None,
    name: str,
    budget: float | None,
    max_epochs: float | None,
    temperature: float | None,
    epochs: str | None,
    to: str | None,
    apply: bool,
    as_json: bool,
) -> None:
    """Plan tokens and epochs per source for the token shards of DIR.

    Without DIR, for the token counts that the mixture's publication implies.

    \b
      pasture mixture plan corpus --tokens 2e9 --max-epochs 4
      pasture mixture plan corpus --tokens 2e9 --temperature 3.3 --to mine.yaml
      pasture mixture plan corpus --epochs c4=1,books=2.5
    """
    from pasture.console.mixtures import show_mixture_plan
    from pasture.manifests.mixture import PlanOptions

    show_mixture_plan(
        None if folder is None else output_of(folder),
        name,
        budget,
        as_json,
        options=PlanOptions(max_epochs, temperature, _epochs(epochs)),
        to=absolute(to),
        apply=apply,
    )


def _epochs(text: str | None) -> dict[str, float] | None:
    """Read ``c4=1,books=2.5``."""
    if text is None:
        return None
    try:
        pairs = (part.split("=") for part in text.split(","))
        return {name.strip(): float(value) for name, value in pairs}
    except ValueError as error:
        raise ConfigError(f"--epochs: expected SOURCE=N,SOURCE=N, got {text!r}") from error


@mixture.command("drawn")
@click.argument("folder", metavar="DIR")
@click.option(
    "--steps", type=click.IntRange(1), help="Steps of the run.  [default: the checkpoint's]"
)
@run_options
@json_option
def mixture_drawn(
    folder: str, steps: int | None, checkpoint: str | None, as_json: bool, **run: Any
) -> None:
    """Show what a run on DIR has drawn of each source by some step, beside the mixture."""
    from pasture.console.mixtures import show_mixture_drawn
    from pasture.console.traces import run_settings

    output = output_of(folder)
    options = {name: value for name, value in run.items() if value is not None}
    settings = run_settings(output, absolute(checkpoint), options)
    steps = steps or settings.steps
    if steps is None:
        raise click.UsageError("give --steps, or a checkpoint")
    show_mixture_drawn(settings.sampler(output.root), steps, as_json)


@mixture.command("check")
@click.argument("folder", metavar="DIR", required=False)
@json_option
def mixture_check(folder: str | None, as_json: bool) -> None:
    """Compare with table 1 of the LLaMA paper: the realised mixture of DIR, or our arithmetic."""
    from pasture.console.mixtures import show_mixture_check

    show_mixture_check(None if folder is None else output_of(folder), as_json)
