"""Looking into an output: what was dropped and why, duplicates, traces, and the report."""

from __future__ import annotations

from typing import Any

import click

from pasture.cli.base import (
    absolute,
    echo,
    json_option,
    output_of,
)
from pasture.cli.options import run_options


@click.command()
@click.argument("folder", metavar="DIR")
@click.option("--source", metavar="S", help="Only this source.")
@click.option("--reason", metavar="R", help="Only this reason: too_short, or extract/redirect.")
@click.option("--kept", is_flag=True, help="Show kept documents instead.")
@click.option("--lines", is_flag=True, help="Show lines removed from kept documents instead.")
@click.option(
    "-n", "count", default=20, show_default=True, type=click.IntRange(1), help="How many to show."
)
@click.option(
    "--characters",
    default=600,
    show_default=True,
    type=click.IntRange(0),
    help="How much of each text.",
)
@json_option
def audit(
    folder: str,
    source: str | None,
    reason: str | None,
    kept: bool,
    lines: bool,
    count: int,
    characters: int,
    as_json: bool,
) -> None:
    """Show dropped documents of DIR with the rule that dropped them, spread over the output."""
    from pasture.console.outputs import show_audit

    if kept and lines:
        raise click.UsageError("--kept and --lines exclude each other")
    show_audit(
        output_of(folder),
        source,
        reason,
        "kept documents" if kept else "removed lines" if lines else "dropped documents",
        count,
        characters,
        as_json,
    )


@click.command()
@click.argument("folder", metavar="DIR")
@click.option("--source", metavar="S", help="Only this source.")
@click.option("--stage", metavar="STAGE", help="Only this stage: 50-exact.")
@click.option(
    "-n", "count", default=10, show_default=True, type=click.IntRange(1), help="How many clusters."
)
@click.option("--to", "path", metavar="FILE", help="Write all duplicates to this Parquet file.")
@json_option
def clusters(
    folder: str, source: str | None, stage: str | None, count: int, path: str | None, as_json: bool
) -> None:
    """Show the largest clusters of duplicates of DIR, or write all of them to a file.

    A cluster is a document that stays and those that were dropped for it. The file has a row for
    each dropped document: its id, the kept document's id (kept_id), and their similarity.
    """
    from pasture.console.outputs import show_clusters, write_all_clusters

    output = output_of(folder)
    if path is not None:
        write_all_clusters(output, source, stage, absolute(path) or "", as_json)
    else:
        show_clusters(output, source, stage, count, as_json)


@click.command()
@click.argument("folder", metavar="DIR")
@click.argument("document", metavar="ID|URL")
@json_option
def explain(folder: str, document: str, as_json: bool) -> None:
    """Tell what each stage measured and decided of one document."""
    from pasture.console.outputs import show_explanation

    show_explanation(output_of(folder), document, as_json)


@click.command()
@click.argument("folder", metavar="DIR")
@click.option("--step", type=click.IntRange(1), help="Step, from 1 as metrics.jsonl counts them.")
@click.option("--row", type=click.IntRange(0), help="Sequence of the step's batch, from 0.")
@click.option("--shard", metavar="PATH", help="Token shard, instead of a step and a row.")
@click.option("--offset", type=click.IntRange(0), help="Place of a token in the shard, from 0.")
@run_options
@click.option("--ranks", default=1, show_default=True, type=click.IntRange(1))
@click.option("--rank", default=0, show_default=True, help="The rank whose row it is, of --ranks.")
@json_option
def trace(
    folder: str,
    step: int | None,
    row: int | None,
    shard: str | None,
    offset: int | None,
    checkpoint: str | None,
    ranks: int,
    rank: int,
    as_json: bool,
    **run: Any,
) -> None:
    """Name the documents behind a training sequence of DIR, and what let each of them in.

    \b
      pasture trace corpus --step 1200 --row 3
      pasture trace corpus --shard tokens/books/train-00000-of-00002.arrow --offset 81920
    """
    from pasture.console.traces import run_settings, show_trace, show_trace_of_shard

    output = output_of(folder)
    if shard is not None and offset is not None and step is None and row is None:
        show_trace_of_shard(output, shard, offset, as_json)
    elif step is not None and row is not None and shard is None and offset is None:
        if rank >= ranks:
            raise click.UsageError(f"--rank {rank} is not one of {ranks}")
        options = {name: value for name, value in run.items() if value is not None}
        settings = run_settings(output, absolute(checkpoint), options)
        sampler = settings.sampler(output.root)
        show_trace(output, sampler, step, row * ranks + rank, as_json)
    else:
        raise click.UsageError("give --step and --row, or --shard and --offset")


@click.command()
@click.argument("first", metavar="DIR_A")
@click.argument("second", metavar="DIR_B")
@json_option
def compare(first: str, second: str, as_json: bool) -> None:
    """Show where the counts of two outputs differ, by stage and reason."""
    from pasture.console.outputs import show_comparison

    show_comparison(output_of(first), output_of(second), as_json)


@click.command()
@click.argument("folder", metavar="DIR")
@json_option
def verify(folder: str, as_json: bool) -> None:
    """Check every file of DIR against its manifest: bytes, rows, schema, counts.

    Exits with 1 where anything is wrong.
    """
    from pasture.console.outputs import show_verification

    if not show_verification(output_of(folder), as_json):
        raise SystemExit(1)


@click.command()
@click.argument("folder", metavar="DIR")
@click.option("--to", "path", metavar="FILE", help="Where to write it.  [default: DIR/report.html]")
def report(folder: str, path: str | None) -> None:
    """Write the HTML report of DIR: funnels, languages, lengths, tokens, examples."""
    from pasture import storage
    from pasture.report.data import gather
    from pasture.report.page import render

    output = output_of(folder)
    target = path or storage.join(output.root, "report.html")
    with storage.atomic_write(target) as stream:
        stream.write(render(gather(output)).encode())
    echo(f"wrote {target}")
