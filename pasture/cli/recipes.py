"""``pasture recipe``: looking at recipes, checking and comparing them, and writing a first one."""

from __future__ import annotations

import click

from pasture.cli.base import Group, absolute, input_option, json_option, root_of


@click.group(cls=Group)
def recipe() -> None:
    """List, show, check, compare and begin recipes."""


@recipe.command("list")
@json_option
def recipe_list(as_json: bool) -> None:
    """List the built-in recipes."""
    from pasture.console.recipes import show_recipes

    show_recipes(as_json)


@recipe.command("show")
@click.argument("name")
@click.option("--resolved", is_flag=True, help="With all that it extends; says where each key is.")
@json_option
def recipe_show(name: str, resolved: bool, as_json: bool) -> None:
    """Print the recipe NAME, a built-in name or a YAML file.

    \b
      pasture recipe show llama > mine.yaml
      pasture recipe show mine.yaml --resolved
    """
    from pasture.console.recipes import show_recipe

    show_recipe(name, resolved, as_json)


@recipe.command("check")
@click.argument("file")
@input_option
@json_option
def recipe_check(file: str, root: str | None, as_json: bool) -> None:
    """Check the recipe FILE as a run would: its keys, models, tools and input files."""
    from pasture.console.recipes import show_check

    show_check(file, root_of(file, root), as_json)


@recipe.command("diff")
@click.argument("first")
@click.argument("second")
@json_option
def recipe_diff(first: str, second: str, as_json: bool) -> None:
    """Compare two recipes key by key, each with all that it extends.

    \b
      pasture recipe diff llama mine.yaml
    """
    from pasture.console.recipes import show_difference

    show_difference(first, second, as_json)


@recipe.command("init")
@click.argument("folder", metavar="DIR")
@click.option("--to", metavar="FILE", help="Where to write it.  [default: DIR/recipe.yaml]")
@click.option("--name", help="Name of the recipe.  [default: the folder's]")
def recipe_init(folder: str, to: str | None, name: str | None) -> None:
    """Look into DIR, a folder of raw files, and write a commented recipe for what is there."""
    from pasture.console.recipes import write_first_recipe

    write_first_recipe(absolute(folder) or "", absolute(to), name)
