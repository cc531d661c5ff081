"""What may be run: sources, plans and estimates."""

from __future__ import annotations

import dataclasses
import tempfile
from collections.abc import Sequence
from typing import TYPE_CHECKING

from pasture.console.progress import RunProgress
from pasture.console.text import duration, show_json, size, stdout, table

if TYPE_CHECKING:
    from pasture.driver.estimate import Estimate
    from pasture.driver.measure import Rates
    from pasture.driver.run import PlannedNode
    from pasture.recipes.schema import Recipe


def show_sources(as_json: bool) -> None:
    """List the sources."""
    from pasture.recipes.load import Registry

    sources = Registry.of().sources.all()
    if as_json:
        show_json({name: dataclasses.asdict(kind.info) for name, kind in sources.items()})
        return
    table(
        ["source", "title", "reads", "licence", "paper", "size"],
        [
            (name, i.title, i.formats, i.licence, i.paper_section, i.raw_size)
            for name, i in ((name, kind.info) for name, kind in sources.items())
        ],
    )


def show_plan(nodes: Sequence[PlannedNode], as_json: bool) -> None:
    """Show what a run would do."""
    if as_json:
        show_json([dataclasses.asdict(node) for node in nodes])
        return
    table(
        ["stage or model", "state", "#shards", "#raw bytes", "needs"],
        [
            (node.key, node.state, node.shards, size(node.bytes), ", ".join(node.needs))
            for node in nodes
        ],
    )


def show_estimate(estimate: Estimate, as_json: bool) -> None:
    """Show what a run will take."""
    if as_json:
        show_json(dataclasses.asdict(estimate))
        return
    rows: list[Sequence[object]] = []
    for number, job in enumerate(estimate.jobs, start=1):
        for stage in job.stages:
            rows.append(
                (
                    number,
                    stage.key,
                    stage.shards,
                    size(stage.bytes_in or None),
                    duration(stage.seconds),
                    size(stage.shuffled_bytes or None),
                    size(stage.disk_bytes),
                    size(job.memory) if stage is job.stages[0] else "",
                )
            )
    table(
        ["#job", "stage or model", "#shards", "#in", "#time", "#shuffled", "#disk", "#memory"],
        rows,
        title=f"estimate, {estimate.workers} workers of the local runner",
    )
    fixed = sum(job.fixed_seconds for job in estimate.jobs)
    stdout().print(
        f"{sum(job.runs for job in estimate.jobs)} jobs, {duration(estimate.seconds)} in all, of "
        f"which {duration(fixed)} to start them; {duration(estimate.cpu_seconds)} of processor "
        f"time, {size(estimate.memory)} of memory, "
        f"{size(estimate.shuffled_bytes)} shuffled, {size(estimate.disk_bytes)} of disk",
        style="bold",
        markup=False,
        soft_wrap=True,
    )
    for note in estimate.notes:
        stdout().print(f"of the sample: {note}", markup=False, soft_wrap=True)


def measure_recipe(recipe: Recipe, workers: int, sample_bytes: int, quiet: bool) -> Rates:
    """Run a recipe on a sample in a temporary folder, showing how it goes on."""
    from pasture.driver.measure import measure

    with (
        tempfile.TemporaryDirectory(prefix="pasture-measure-") as folder,
        RunProgress(quiet=quiet) as progress,
    ):
        return measure(recipe, folder, progress, workers=workers, sample_bytes=sample_bytes)
