"""Running recipes: the sources, the sample, plans, runs and their state."""

from __future__ import annotations

import sys

import click

from pasture.cli.base import (
    absolute,
    echo,
    input_option,
    json_option,
    output_of,
    root_of,
)


@click.command()
@json_option
def sources(as_json: bool) -> None:
    """List the sources: what they read, under which terms, and the paper's section."""
    from pasture.console.plans import show_sources

    show_sources(as_json)


@click.command()
@click.argument("folder", metavar="DIR")
@click.option(
    "--with-installed-packages",
    is_flag=True,
    help="Also archive the Python packages installed here, as GitHub input.",
)
def sample(folder: str, with_installed_packages: bool) -> None:
    """Write the bundled raw sample of all seven sources, and its recipe, to DIR."""
    from pasture.sample import write_sample

    write_sample(folder, with_installed_packages=with_installed_packages)
    echo(f"wrote raw input of seven sources and {folder}/recipe.yaml; now run:")
    echo(f"  pasture run {folder}/recipe.yaml --output corpus")


@click.command()
@json_option
def doctor(as_json: bool) -> None:
    """Check this installation: what works, what is missing, and the command that mends it.

    Exit code 1 where the core cannot work. Uses no network.
    """
    from pasture.console.doctor import run_doctor

    sys.exit(run_doctor(as_json))


workers_option = click.option(
    "--workers",
    default=1,
    show_default=True,
    type=click.IntRange(1, 256),
    help="Worker processes of the local runner.",
)


@click.command()
@click.argument("recipe")
@input_option
@click.option("--output", metavar="DIR", help="Show what is done there already.")
@click.option(
    "--measure",
    is_flag=True,
    help="Run RECIPE on a sample of its inputs, in a temporary folder, and estimate the whole.",
)
@click.option(
    "--rates",
    metavar="FILE",
    help="Estimate by what --measure wrote here; with --measure, where it writes to.",
)
@click.option(
    "--sample-megabytes",
    default=16.0,
    show_default=True,
    type=click.FloatRange(min=0, min_open=True),
    help="Raw megabytes of each source to measure on.",
)
@workers_option
@json_option
def plan(
    recipe: str,
    root: str | None,
    output: str | None,
    measure: bool,
    rates: str | None,
    sample_megabytes: float,
    workers: int,
    as_json: bool,
) -> None:
    """Show the stages, jobs, shards and bytes of RECIPE, or estimate a run.

    RECIPE is a YAML file or a built-in name (llama, llama2, llama3, c4_from_crawl, sample).

    \b
    Time, memory, shuffle and disk of a run to come, and its progress while it goes on:
      pasture plan llama --input raw --measure --workers 8 --rates rates.json
      pasture run llama --input raw --output corpus --workers 8 --rates rates.json
    """
    from pasture.console.plans import measure_recipe, show_estimate, show_plan
    from pasture.driver.estimate import estimate
    from pasture.driver.measure import Rates
    from pasture.driver.run import plan as plan_run
    from pasture.recipes.load import load_recipe

    loaded = load_recipe(recipe, root_of(recipe, root))
    if not measure and rates is None:
        show_plan(plan_run(loaded, absolute(output)), as_json)
        return
    if measure:
        measured = measure_recipe(loaded, workers, round(sample_megabytes * 1e6), as_json)
        if rates is not None:
            measured.write(absolute(rates) or "")
    else:
        measured = Rates.read(absolute(rates) or "")
    show_estimate(estimate(loaded, measured, workers), as_json)


@click.command()
@click.argument("recipe")
@input_option
@click.option("--output", metavar="DIR", required=True, help="Folder or bucket of the output.")
@click.option("--source", metavar="S", help="Only this source, and what it needs.")
@click.option("--until", metavar="STAGE", help="Only up to a stage (20-language), or 'documents'.")
@click.option("--force", is_flag=True, help="Make stages anew whose config or input changed.")
@click.option(
    "--allow-removal",
    metavar="SOURCE/STAGE",
    multiple=True,
    help="Go on although this deduplication removes more than its max_removed. May be repeated.",
)
@workers_option
@click.option("--rates", metavar="FILE", help="What plan --measure wrote, to tell the time left.")
@json_option
@click.argument("flags", nargs=-1, type=click.UNPROCESSED)
def run(
    recipe: str,
    root: str | None,
    output: str,
    source: str | None,
    until: str | None,
    force: bool,
    allow_removal: tuple[str, ...],
    workers: int,
    rates: str | None,
    as_json: bool,
    flags: tuple[str, ...],
) -> None:
    """Run every stage of RECIPE that is not done yet. Safe to stop and to run again.

    RECIPE is a YAML file or a built-in name (llama, llama2, llama3, c4_from_crawl, sample). What
    stands after -- goes to Beam untouched: -- --runner=DataflowRunner --project=...
    """
    from pasture.console.outputs import show_summary
    from pasture.console.progress import RunProgress
    from pasture.driver.estimate import estimate
    from pasture.driver.measure import Rates
    from pasture.driver.run import run_recipe
    from pasture.recipes.load import load_recipe

    loaded = load_recipe(recipe, root_of(recipe, root))
    expected = None
    if rates is not None:
        expected = estimate(loaded, Rates.read(absolute(rates) or ""), workers)
    with RunProgress(quiet=as_json, expected=expected) as progress:
        run_recipe(
            loaded,
            absolute(output) or "",
            source=source,
            until=until,
            force=force,
            allow_removal=allow_removal,
            workers=workers,
            flags=flags,
            progress=progress,
        )
    show_summary(output_of(output), as_json)


@click.command()
@click.argument("folder", metavar="DIR")
@json_option
def status(folder: str, as_json: bool) -> None:
    """Show what is finished in DIR: every stage and model, with its counts."""
    from pasture.console.outputs import show_status

    show_status(output_of(folder), as_json)
