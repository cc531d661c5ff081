"""``pasture steps``: which row steps there are, and what they do to your documents."""

from __future__ import annotations

import click

from pasture.cli.base import Group, absolute, json_option

plugins_option = click.option(
    "--plugin", "plugins", multiple=True, metavar="FILE", help="Also use this plug-in file."
)


@click.group(cls=Group)
def steps() -> None:
    """List, show and try row steps: filters, annotators and editors."""


@steps.command("list")
@plugins_option
@json_option
def steps_list(plugins: tuple[str, ...], as_json: bool) -> None:
    """List the row steps, built-in ones and plug-ins."""
    from pasture.console.steps import show_steps

    show_steps(plugins, as_json)


@steps.command("show")
@click.argument("name")
@plugins_option
@json_option
def steps_show(name: str, plugins: tuple[str, ...], as_json: bool) -> None:
    """Show what the step NAME does, and its options."""
    from pasture.console.steps import show_step

    show_step(name, plugins, as_json)


@steps.command("try")
@click.argument("step")
@click.option(
    "--input",
    "file",
    metavar="FILE",
    required=True,
    help="JSON lines or Parquet with a column text; or a text file, one document.",
)
@click.option("--limit", default=20, show_default=True, type=click.IntRange(1), help="Documents.")
@plugins_option
@json_option
def steps_try(step: str, file: str, limit: int, plugins: tuple[str, ...], as_json: bool) -> None:
    """Show what STEP does to the documents of a file. Options are given as in a recipe.

    \b
      pasture steps try gopher_quality --input documents.jsonl
      pasture steps try "keep_languages: {languages: [de]}" --input documents.jsonl
      pasture steps try short_titles --plugin my_steps.py --input documents.jsonl
    """
    from pasture.console.steps import show_trial

    show_trial(step, absolute(file) or "", limit, plugins, as_json)
