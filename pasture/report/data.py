"""What the report shows, gathered from the output of a run.

Counts come from manifests. Distributions and examples come from the shards, from at most
``MAX_ROWS`` documents a source, spread evenly over its shards.
"""

from __future__ import annotations

import collections
import dataclasses
import itertools
import math
from collections.abc import Iterable, Mapping
from typing import Any

from pasture import config, storage
from pasture.manifests.clusters import Cluster, is_deduplication, largest_clusters
from pasture.manifests.outputs import Funnel, Output, dropped_rows, funnels, kept_rows
from pasture.manifests.shards import StageManifest

MAX_ROWS = 50_000
EXAMPLES = 6
MAX_DUPLICATES = 5_000_000


@dataclasses.dataclass(frozen=True)
class FunnelStep:
    """One stage of a source's funnel."""

    stage: str
    rows_in: int
    rows: int
    dropped: Mapping[str, int]
    edited: Mapping[str, int]


@dataclasses.dataclass(frozen=True)
class Histogram:
    """Counts in bins; bin ``i`` holds values from ``edges[i]`` up to ``edges[i + 1]``."""

    edges: tuple[float, ...]
    counts: tuple[int, ...]


@dataclasses.dataclass(frozen=True)
class Example:
    """One document, kept or dropped."""

    id: str
    url: str | None
    text: str
    why: str


@dataclasses.dataclass(frozen=True)
class SourceReport:
    """What the report shows of one source."""

    funnel: Funnel
    steps: tuple[FunnelStep, ...]
    languages: tuple[tuple[str, int], ...]
    buckets: tuple[tuple[str, int], ...]
    lengths: Histogram
    perplexity: Histogram | None
    kept: tuple[Example, ...]
    dropped: tuple[Example, ...]
    clusters: tuple[Cluster, ...] = ()


@dataclasses.dataclass(frozen=True)
class Report:
    """Everything on the page."""

    recipe: str
    sources: tuple[SourceReport, ...]
    mixture: Mapping[str, Mapping[str, Any]]
    cards: Mapping[str, Mapping[str, Any]]


def histogram(values: Iterable[float], bins_per_decade: int = 6) -> Histogram | None:
    """Count positive values in bins of equal width on a logarithmic scale."""
    counts: collections.Counter[int] = collections.Counter(
        math.floor(math.log10(value) * bins_per_decade) for value in values if value > 0
    )
    if not counts:
        return None
    bins = range(min(counts), max(counts) + 1)
    edges = [10 ** (i / bins_per_decade) for i in (*bins, bins[-1] + 1)]
    return Histogram(tuple(edges), tuple(counts[i] for i in bins))


def gather(output: Output) -> Report:
    """Gather the report's data."""
    stages: dict[str, list[StageManifest]] = {}
    for stage in output.stages():
        stages.setdefault(stage.source, []).append(stage)
    recipe_path = storage.join(output.root, "recipe.yaml")
    mixture_path = storage.join(output.root, "mixture.yaml")
    recipe = config.read_yaml(recipe_path)["name"] if storage.exists(recipe_path) else ""
    mixture = config.read_yaml(mixture_path)["sources"] if storage.exists(mixture_path) else {}
    return Report(
        recipe=str(recipe),
        sources=tuple(
            _gather_source(output, funnel, stages[funnel.source]) for funnel in funnels(output)
        ),
        mixture=mixture,
        cards={
            key: output.manifest(key)["card"]
            for key in output.manifests()
            if key.startswith(("models/", "tokenizer"))
        },
    )


def _gather_source(output: Output, funnel: Funnel, stages: list[StageManifest]) -> SourceReport:
    steps = tuple(
        FunnelStep(s.stage, t["rows_in"], t["rows"], t["dropped"], t["edited"])
        for s, t in ((s, s.totals()) for s in stages)
    )
    languages: collections.Counter[str] = collections.Counter()
    buckets: collections.Counter[str] = collections.Counter()
    lengths: list[int] = []
    perplexities: list[float] = []
    kept: list[Example] = []
    stride = max(1, funnel.documents // MAX_ROWS)
    rows = itertools.islice(kept_rows(output, funnel.source), 0, None, stride)
    every = max(1, min(funnel.documents, MAX_ROWS) // EXAMPLES)
    for number, (_, row) in enumerate(rows):
        lengths.append(len(row["text"]))
        languages[row["language"] or "not identified"] += 1
        if row["perplexity_bucket"]:
            buckets[row["perplexity_bucket"]] += 1
        if row["perplexity"]:
            perplexities.append(row["perplexity"])
        if number % every == every // 2 and len(kept) < EXAMPLES:
            kept.append(Example(row["id"], row["url"], row["text"][:800], "kept"))
    return SourceReport(
        funnel=funnel,
        steps=steps,
        languages=tuple(_ordered(languages)),
        buckets=tuple(_ordered(buckets)),
        lengths=histogram(lengths) or Histogram((), ()),
        perplexity=histogram(perplexities, bins_per_decade=12),
        kept=tuple(kept),
        dropped=tuple(_dropped_examples(output, funnel)),
        clusters=tuple(
            cluster
            for stage in filter(is_deduplication, stages)
            if sum(s.rows_dropped for s in stage.shards) <= MAX_DUPLICATES
            for cluster in largest_clusters(output.root, stage, EXAMPLES)
        ),
    )


def _ordered(counts: Mapping[str, int]) -> list[tuple[str, int]]:
    return sorted(counts.items(), key=lambda item: (-item[1], item[0]))


def _dropped_examples(output: Output, funnel: Funnel) -> list[Example]:
    """One example of each of the most frequent reasons."""
    wanted = [
        key.split("/", 1)[1]
        for key, _ in sorted(funnel.dropped.items(), key=lambda item: (-item[1], item[0]))
    ][: EXAMPLES * 2]
    examples = []
    for reason in dict.fromkeys(wanted):
        for stage, row in itertools.islice(dropped_rows(output, funnel.source, reason), 1):
            text = row["text"][:800]
            examples.append(Example(row["id"], row["url"], text, f"{stage.stage}: {reason}"))
    return examples
