"""Options that several command groups have."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import click


def run_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """Add the options that say which training run of DIR is meant."""
    for option in reversed(
        (
            click.option(
                "--checkpoint",
                metavar="PATH",
                help="Checkpoint of the run.  [default: the newest of DIR, where no option below "
                "is given]",
            ),
            click.option("--model", help="Preset that the run trained.  [default: tiny]"),
            click.option("--seed", type=int, help="Seed of the run.  [default: 0]"),
            click.option(
                "--context-length", type=click.IntRange(1), help="[default: the preset's]"
            ),
            click.option("--batch-tokens", type=click.IntRange(1), help="[default: the preset's]"),
        )
    ):
        command = option(command)
    return command
