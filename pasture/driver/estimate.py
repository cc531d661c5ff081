"""What a run will take: what a sample took (measure.py), extrapolated to all inputs.

What is left of a job's time when that of its steps is taken off is its fixed cost: the start of
Beam and of the workers, and the loading of models. Everything else is taken to grow with the raw
bytes of the stage's source, except what has a ceiling: the training of models. On the local
runner the shuffles of a job lie in memory, and are counted there.
"""

from __future__ import annotations

import dataclasses
import math
import statistics
from collections.abc import Mapping, Sequence

from pasture.driver.measure import JobRate, Rates
from pasture.errors import ConfigError
from pasture.filters.classifier import ReferenceClassifier
from pasture.graph import (
    Context,
    DriverNode,
    ModelNode,
    Node,
    StageNode,
    TokenizerNode,
    TokensNode,
    build_graph,
)
from pasture.manifests.mixture import natural_mixture
from pasture.models.ngram import NgramModels
from pasture.models.reference import ReferenceModel
from pasture.recipes.schema import Recipe
from pasture.sources.base import InputShard
from pasture.stages.blocks import block_starts, job_starts

SHUFFLE_MEMORY = 8.0
"""Bytes of memory, over all processes of the local runner, for each byte that a job shuffles: so
grew a search for duplicates from 40 to 120 MB of shuffle, with two workers."""
SHUFFLE_BYTES_PER_SECOND = 40e6
"""How fast the local runner's driver takes in and gives out what it shuffles, about; ours."""


@dataclasses.dataclass(frozen=True)
class StageEstimate:
    """What a stage or model will take.

    Args:
        key: The stage or model.
        shards: How many shards it has, where that is known.
        bytes_in: Raw bytes of an extraction, else text.
        seconds: Time that it takes with the planned number of workers.
        busy_hours: Time inside its steps, over all workers, in hours.
        shuffled_bytes: What it shuffles.
        disk_bytes: What it leaves on disk.
    """

    key: str
    shards: int | None
    bytes_in: int
    seconds: float
    busy_hours: float
    shuffled_bytes: int
    disk_bytes: int


@dataclasses.dataclass(frozen=True)
class JobEstimate:
    """What a job will take.

    Args:
        stages: Its stages, or its one model.
        runs: As how many jobs, one after the other, the local runner takes it: a deduplication
            within blocks of shards has a job for each block.
        fixed_seconds: What these take however small their input is.
        seconds: What it takes in all.
        cpu_seconds: Processor time of all processes.
        memory: The most bytes that all processes hold on the local runner.
    """

    stages: tuple[StageEstimate, ...]
    runs: int
    fixed_seconds: float
    seconds: float
    cpu_seconds: float
    memory: int

    @property
    def step_seconds(self) -> float:
        """The part of its time that is inside its stages' steps."""
        return sum(stage.seconds for stage in self.stages)


@dataclasses.dataclass(frozen=True)
class Estimate:
    """What a run will take.

    Args:
        workers: Worker processes.
        jobs: Its jobs, in order.
        seconds: Time in all.
        cpu_seconds: Processor time of all processes.
        memory: The most bytes that all processes hold on the local runner.
        shuffled_bytes: What is shuffled in all.
        disk_bytes: What the output takes.
        notes: What to know of it.
    """

    workers: int
    jobs: tuple[JobEstimate, ...]
    seconds: float
    cpu_seconds: float
    memory: int
    shuffled_bytes: int
    disk_bytes: int
    notes: tuple[str, ...]

    def stages(self) -> dict[str, StageEstimate]:
        """All stages and models by key."""
        return {stage.key: stage for job in self.jobs for stage in job.stages}


def planned_jobs(graph: Mapping[str, Node]) -> list[list[Node]]:
    """List what runs together: models one by one, stages in waves, as a run from scratch does."""
    done: set[str] = set()
    jobs: list[list[Node]] = []
    while len(done) < len(graph):
        ready = [
            node
            for key, node in graph.items()
            if key not in done and done.issuperset(node.upstream)
        ]
        trained = [node for node in ready if isinstance(node, ModelNode)]
        jobs += [[node] for node in trained] if trained else [ready]
        done.update(node.key for node in (trained or ready))
    return jobs


def estimate(recipe: Recipe, rates: Rates, workers: int) -> Estimate:
    """Extrapolate what a sample took to all inputs of a recipe.

    Args:
        recipe: The recipe that was measured, with the inputs to estimate for.
        rates: What the sample took.
        workers: Worker processes of the local runner.

    Raises:
        ConfigError: The rates are of another recipe.
    """
    context = Context(recipe, "")
    units = {name: context.units(name) for name in recipe.sources}
    raw = {name: sum(unit.bytes for unit in found) for name, found in units.items()}
    return Extrapolation(recipe, rates, workers, raw).estimate(
        {name: len(found) for name, found in units.items()}
    )


@dataclasses.dataclass(frozen=True)
class Extrapolation:
    """Rates, and the raw bytes of each source that they are extrapolated to."""

    recipe: Recipe
    rates: Rates
    workers: int
    raw_bytes: Mapping[str, int]

    def __post_init__(self) -> None:
        missing = sorted(set(build_graph(self.recipe)) - set(self.rates.stages))
        if missing:
            raise ConfigError(
                f"the rates are of the recipe {self.rates.recipe!r} and do not tell of "
                f"{missing[0]}; measure this recipe with --measure"
            )

    def estimate(self, shards: Mapping[str, int]) -> Estimate:
        """Estimate the run; ``shards`` are the raw units of each source."""
        jobs = [self._job(nodes, shards) for nodes in planned_jobs(build_graph(self.recipe))]
        stages = [stage for job in jobs for stage in job.stages]
        return Estimate(
            workers=self.workers,
            jobs=tuple(jobs),
            seconds=sum(job.seconds for job in jobs),
            cpu_seconds=sum(job.cpu_seconds for job in jobs),
            memory=max(job.memory for job in jobs),
            shuffled_bytes=sum(stage.shuffled_bytes for stage in stages),
            disk_bytes=sum(stage.disk_bytes for stage in stages),
            notes=self.rates.notes,
        )

    def growth(self, source: str) -> float:
        """How many times the sample a source's input is."""
        return self.raw_bytes[source] / max(1, self.rates.raw_bytes[source])

    def _job(self, nodes: Sequence[Node], shards: Mapping[str, int]) -> JobEstimate:
        stages = tuple(self._stage(node, shards) for node in nodes)
        trains = isinstance(nodes[0], DriverNode)
        blocks = [
            _num_blocks(node, stage, self.workers)
            for node, stage in zip(nodes, stages, strict=True)
        ]
        fixed = 0.0 if trains else self._fixed_seconds() * max(blocks)
        seconds = fixed + sum(stage.seconds for stage in stages)
        seconds += sum(stage.shuffled_bytes for stage in stages) / SHUFFLE_BYTES_PER_SECOND
        at_once = sum(
            stage.shuffled_bytes / runs for stage, runs in zip(stages, blocks, strict=True)
        )
        memory = self._model_memory(nodes[0]) if trains else self._memory(nodes, at_once)
        processor = self._cpu_seconds(stages, trains, max(blocks))
        return JobEstimate(stages, max(blocks), fixed, seconds, processor, memory)

    def _cpu_seconds(self, stages: Sequence[StageEstimate], trains: bool, runs: int) -> float:
        """Processor time of a job: what it takes to start, and what grows with its steps' time."""
        keys = {stage.key for stage in stages}
        found = [job.cpu_seconds for job in self.rates.jobs if keys.intersection(job.keys)]
        starts = [job.cpu_seconds for job in self.rates.jobs if not _trains(job)]
        start = 0.0 if trains else min(starts)
        inside = sum(self.rates.stages[key].seconds for key in keys)
        busy = sum(stage.busy_hours for stage in stages) * 3600
        grown = (sum(found) - start * len(found)) * (busy / inside if inside else 0.0)
        return start * runs + grown

    def _stage(self, node: Node, shards: Mapping[str, int]) -> StageEstimate:
        rate = self.rates.stages[node.key]
        if isinstance(node, DriverNode):
            growth = self.model_growth(node)
            seconds = rate.seconds * growth
            return StageEstimate(node.key, None, 0, seconds, seconds / 3600, 0, rate.disk_bytes)
        source = node.key.split("/")[1]
        growth = self.growth(source)
        count, amount = shards[source], rate.amount
        if isinstance(node, TokensNode):
            amount = self.text_bytes(source)
            wanted = round(amount * growth / self.recipe.tokens.shard_bytes)
            count = max(1, min(count, wanted))
        busy = rate.seconds * growth
        return StageEstimate(
            node.key,
            count,
            round(amount * growth),
            busy / min(self.workers, count),
            busy / 3600,
            round(rate.shuffled_bytes * growth),
            round(rate.disk_bytes * growth),
        )

    def text_bytes(self, source: str) -> int:
        """Text of a source's sample that goes into its last stage of documents."""
        last = f"documents/{source}/{self.recipe.sources[source].last_stage}"
        return self.rates.stages[last].amount

    def model_growth(self, node: DriverNode) -> float:
        """How many times longer than on the sample a training takes."""
        if isinstance(node, TokenizerNode):
            return self._drawn(grown=True) / max(1.0, self._drawn(grown=False))
        assert isinstance(node, ModelNode)
        model, trained_on = self.recipe.models[node.name], self.rates.stages[node.key].amount
        if model.is_given:
            return 1.0
        if isinstance(model, ReferenceModel):
            return self._reference_growth(model, trained_on)
        sources = (name.partition("/")[0] for name in model.sources())
        growth = max((self.growth(source) for source in sources), default=1.0)
        if isinstance(model, NgramModels):
            return _capped(growth, trained_on, model.training.max_documents)
        return growth

    def _reference_growth(self, model: ReferenceModel, cited: int) -> float:
        """A page of the sample may be cited by an article outside of it; once is enough."""
        source, stage = self.recipe.stage_before(model.pages, ReferenceClassifier)
        pages = max(1, self.rates.stages[f"documents/{source}/{stage}"].rows)
        missed = (1 - min(1.0, cited / pages)) ** self.growth(model.citations)
        growth = self.growth(model.pages) * (1 - missed) * pages / max(1, cited)
        return _capped(growth, cited, model.training.max_positives)

    def _drawn(self, *, grown: bool) -> float:
        """Bytes of text that the tokenizer is trained on, of the sample or of all."""
        sizes = {name: self.raw_bytes[name] for name in self.recipe.sources}
        mixture = self.recipe.mixture or natural_mixture(sizes)
        shares = mixture.rescaled(self.recipe.sources).proportions
        most = self.recipe.tokenizer.training.sample_bytes
        return sum(
            min(self.text_bytes(name) * (self.growth(name) if grown else 1.0), most * share)
            for name, share in shares.items()
        )

    def _fixed_seconds(self) -> float:
        """The part of a job's time that is outside of its steps; the middle one of all jobs."""
        outside = [
            job.seconds
            - sum(self.rates.stages[key].seconds for key in job.keys) / self.rates.workers
            for job in self.rates.jobs
            if not _trains(job)
        ]
        return max(0.0, statistics.median(outside))

    def _memory(self, nodes: Sequence[Node], shuffled: float) -> int:
        """Memory of a job: what its sample held, and what it shuffles more than that."""
        keys = {node.key for node in nodes}
        held = [job for job in self.rates.jobs if keys.intersection(job.keys)]
        base = max((job.memory for job in held), default=0)
        measured = sum(self.rates.stages[key].shuffled_bytes for key in keys)
        return round(base + SHUFFLE_MEMORY * max(0, shuffled - measured))

    def _model_memory(self, node: Node) -> int:
        """Memory of a training: what is held anyway, and what grows with the examples.

        Only the tokenizer and the n-gram models hold their text; KenLM's share has a limit.
        """
        assert isinstance(node, DriverNode)
        (job,) = (job for job in self.rates.jobs if node.key in job.keys)
        held = max(0, job.memory - job.memory_before)
        if isinstance(node, TokenizerNode):
            return round(job.memory_before + held * self.model_growth(node))
        assert isinstance(node, ModelNode)
        model = self.recipe.models[node.name]
        if not isinstance(model, NgramModels):
            return round(job.memory_before + held)
        grown = held * self.model_growth(node)
        return round(job.memory_before + min(grown, held + _kenlm_bytes(model.training.memory)))


def _num_blocks(node: Node, stage: StageEstimate, workers: int) -> int:
    """Count the jobs that the local runner takes for a stage; each shard counts as a file."""
    if not isinstance(node, StageNode) or not stage.shards:
        return 1
    units = [InputShard((str(number),)) for number in range(stage.shards)]
    text_bytes = [stage.bytes_in // stage.shards] * stage.shards
    starts = block_starts(node.definition.dedup, units, text_bytes)
    return len(job_starts(starts, stage.shards, workers))


def _kenlm_bytes(memory: str) -> float:
    """Read the limit that KenLM is given, such as 2G; a share of the machine is no limit here."""
    units = {"K": 2**10, "M": 2**20, "G": 2**30}
    return float(memory[:-1]) * units[memory[-1]] if memory[-1] in units else math.inf


def _capped(growth: float, sample: int, most: int) -> float:
    return min(growth, max(1.0, most / max(1, sample)))


def _trains(job: JobRate) -> bool:
    return all(key == "tokenizer" or key.startswith("models/") for key in job.keys)
