"""Measuring a recipe on a sample of its inputs: what each stage and job takes.

The sample is whole raw units of every source, spread over them. It is run like the recipe itself,
by the local runner with as many workers; Beam's metrics tell the time inside each stage's steps
and what it shuffles (work.py). estimate.py extrapolates what is measured here.
"""

from __future__ import annotations

import dataclasses
import os
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from pasture import __version__, config, storage
from pasture.driver.memory import MemoryPeak
from pasture.driver.run import Progress, run_recipe
from pasture.graph import Context, build_graph, deduplicating
from pasture.manifests.outputs import Output
from pasture.models.reference import ReferenceModel
from pasture.recipes.schema import Recipe
from pasture.runners.work import JobUse, Work
from pasture.sources.base import InputShard

SAMPLE_BYTES = 16_000_000
"""Raw bytes of each source that are measured, about; ours."""


@dataclasses.dataclass(frozen=True)
class StageRate:
    """What a stage or model took on the sample.

    Args:
        seconds: Time inside its steps, over all workers; of a model, the time of its training.
        amount: Bytes of text that went in; raw bytes of an extraction; of a model, the documents,
            pages or bytes that it was trained on.
        rows: Documents that went in.
        shuffled_bytes: What its groupings took in.
        disk_bytes: What its folders hold.
    """

    seconds: float
    amount: int
    rows: int
    shuffled_bytes: int
    disk_bytes: int


@dataclasses.dataclass(frozen=True)
class JobRate:
    """What a job took on the sample.

    Args:
        keys: Its stages, or its one model.
        seconds: From its start to its end.
        cpu_seconds: Processor time of all processes.
        memory: The most bytes that all processes together held.
        memory_before: What they held when it began.
    """

    keys: tuple[str, ...]
    seconds: float
    cpu_seconds: float
    memory: int
    memory_before: int


@dataclasses.dataclass(frozen=True)
class Rates:
    """What a sample took.

    Args:
        recipe: Name of the recipe.
        workers: Worker processes that it was measured with.
        machine_cores: Cores of the machine.
        raw_bytes: Raw bytes of the sample, by source.
        stages: What each stage and model took, by key.
        jobs: What each job took, in order.
        notes: What to know of the sample.
        pasture: Version that was measured.
    """

    recipe: str
    workers: int
    machine_cores: int
    raw_bytes: dict[str, int]
    stages: dict[str, StageRate]
    jobs: tuple[JobRate, ...]
    notes: tuple[str, ...] = ()
    pasture: str = __version__

    def write(self, path: str) -> None:
        """Write the rates as JSON."""
        storage.write_json(path, config.plain(self))

    @classmethod
    def read(cls, path: str) -> Rates:
        """Read rates.

        Raises:
            ConfigError: The file does not hold rates.
        """
        return config.load(cls, storage.read_json(path), path)


def choose_units(units: Sequence[InputShard], sample_bytes: int) -> list[InputShard]:
    """Choose raw units of about so many bytes, spread evenly; the smallest one if all are larger.

    Of a unit of many files, files are left out.
    """
    if sum(unit.bytes for unit in units) <= sample_bytes:
        return list(units)
    mean = sum(unit.bytes for unit in units) / len(units)
    count = int(sample_bytes / mean)
    chosen = [units[int((place + 0.5) * len(units) / count)] for place in range(count)]
    if count and sum(unit.bytes for unit in chosen) <= 2 * sample_bytes:
        return chosen
    return [_cut(min(units, key=lambda unit: unit.bytes), sample_bytes)]


def _cut(unit: InputShard, most: int) -> InputShard:
    """Leave files out of a unit of many, as far as their sizes are known."""
    if len(unit.paths) < 2 or not all(unit.sizes):
        return unit
    count, total = 0, 0
    for size in unit.sizes:
        if count and total + (size or 0) > most:
            break
        total += size or 0
        count += 1
    parts = {
        name: getattr(unit, name)[:count] for name in ("paths", "sizes", "versions", "checksums")
    }
    return dataclasses.replace(unit, bytes=total, **parts)


class _Meter:
    """Hears what a run tells, keeps what its jobs took, and passes all on."""

    def __init__(self, progress: Progress, memory: MemoryPeak) -> None:
        self._progress, self._memory = progress, memory
        self.work: dict[str, Work] = {}
        self.jobs: list[JobRate] = []
        self.notes: list[str] = []
        self._before = 0

    def started(self, key: str, total: int) -> None:
        self._memory.take()  # of what went before
        self._before = self._memory.take()
        self._progress.started(key, total)

    def advanced(self, key: str, done: int) -> None:
        self._progress.advanced(key, done)

    def finished(self, key: str, manifest: Mapping[str, Any], skipped: bool) -> None:
        self._progress.finished(key, manifest, skipped)

    def used(self, use: JobUse) -> None:
        for key, work in use.work.items():  # of several jobs, where there are blocks of shards
            self.work[key] = self.work.get(key, Work()) + work
        rate = JobRate(
            tuple(use.work), use.seconds, use.cpu_seconds, self._memory.take(), self._before
        )
        self.jobs.append(rate)
        self._progress.used(use)

    def note(self, text: str) -> None:
        if text.startswith("models/"):  # what the mixture of a sample is means nothing
            self.notes.append(text)
            self._progress.note(text)


def measure(
    recipe: Recipe,
    folder: str,
    progress: Progress,
    *,
    workers: int = 1,
    sample_bytes: int = SAMPLE_BYTES,
) -> Rates:
    """Run a recipe on a sample of its inputs with the local runner, and tell what it took.

    Args:
        recipe: The checked recipe.
        folder: Where the sample's output goes; empty.
        progress: Told what happens.
        workers: Worker processes, as the run will have.
        sample_bytes: Raw bytes of each source, about.
    """
    full = Context(recipe, folder)
    units = {name: choose_units(full.units(name), sample_bytes) for name in recipe.sources}
    with MemoryPeak() as memory:
        meter = _Meter(progress, memory)
        run_recipe(
            _forgiving(recipe),
            folder,
            allow_removal=deduplicating(build_graph(recipe)),
            workers=workers,
            progress=meter,
            units=units,
        )
    return Rates(
        recipe=recipe.name,
        workers=workers,
        machine_cores=os.cpu_count() or 1,
        raw_bytes={name: sum(unit.bytes for unit in chosen) for name, chosen in units.items()},
        stages=dict(_stage_rates(Output(folder), meter.work)),
        jobs=tuple(meter.jobs),
        notes=tuple(meter.notes),
    )


def _forgiving(recipe: Recipe) -> Recipe:
    """A sample may hold too few pages for the classifier."""
    named = {
        name: dataclasses.replace(model, untrainable="keep_all")
        if isinstance(model, ReferenceModel)
        else model
        for name, model in recipe.models.items()
    }
    return dataclasses.replace(recipe, models=named)


def _stage_rates(output: Output, work: Mapping[str, Work]) -> Iterator[tuple[str, StageRate]]:
    for key in output.manifests():
        manifest = output.manifest(key)
        folders = output.places(key).folders
        disk = sum(size for folder in folders for _, size in storage.list_tree(folder))
        done = work.get(key, Work())
        totals = manifest.get("totals", {})
        amount = int(totals.get("bytes_in", 0)) or _trained_on(manifest)
        rows = int(totals.get("rows_in", 0))
        yield key, StageRate(done.seconds, amount, rows, done.shuffled_bytes, disk)


def _trained_on(manifest: Mapping[str, Any]) -> int:
    """How much a model was trained on, in the unit of its ceiling; 1 where there is none."""
    card = manifest.get("card", {})
    if "languages" in card:  # n-gram models
        return max(1, *(int(found["documents"]) for found in card["languages"].values()))
    return int(card.get("cited_pages", card.get("bytes", 0))) or 1
