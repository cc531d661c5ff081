"""The node that turns documents into documents: row steps, or a deduplication."""

from __future__ import annotations

import dataclasses
import itertools
from collections.abc import Iterator, Mapping
from typing import Any

import apache_beam as beam

from pasture.dedup.base import Deduplication
from pasture.dedup.index import IndexShard
from pasture.errors import StageError
from pasture.filters.base import Step
from pasture.filters.classifier import KeepReferences, ReferenceClassifier
from pasture.graph.base import Context
from pasture.graph.documents import DocumentsNode
from pasture.manifests.clusters import frequent_lines, largest_clusters
from pasture.manifests.shards import (
    StageManifest,
    manifest_digest,
)
from pasture.recipes.schema import (
    Stage,
)
from pasture.records import Columns
from pasture.stages.blocks import block_starts, job_starts
from pasture.stages.failures import check_steps
from pasture.stages.indexes import (
    index_shards,
    index_text_bytes,
)
from pasture.stages.shards import StageFolder
from pasture.stages.transforms import Address, ApplySteps, Deduplicate


@dataclasses.dataclass(frozen=True)
class StageNode(DocumentsNode):
    """Documents to documents: row steps, or a deduplication."""

    definition: Stage
    previous: str

    def config(self, context: Context) -> dict[str, Any]:
        """The stage's steps with their options, without the models' and the indexes' paths."""
        body = self.definition.plain()
        dedup = self.definition.dedup
        if dedup is not None and dedup.index:
            body["index"] = [manifest_digest(path) for path in dedup.index]
        return body

    def elements(self, context: Context) -> list[tuple[int, str]]:
        """The shards of the stage before."""
        return context.documents(self.source, self.previous)

    def columns(self, context: Context) -> Columns:
        """The extra columns of the source and of the steps so far."""
        return self.definition.columns

    def needs_every_shard(self) -> bool:
        """A deduplication searches every shard, also those that are written."""
        return self.definition.dedup is not None

    def blocks(
        self, context: Context, elements: list[tuple[int, str]], workers: int
    ) -> list[list[tuple[int, str]]]:
        """Split the shards by the scope of a deduplication; small scopes go together."""
        starts = job_starts(self._block_starts(context), len(elements), workers)
        return [elements[slice(*ends)] for ends in itertools.pairwise([*starts, len(elements)])]

    def _block_starts(self, context: Context) -> tuple[int, ...]:
        shards = context.manifest(self.source, self.previous).shards
        text_bytes = [shard.text_bytes for shard in shards]
        return block_starts(self.definition.dedup, context.units(self.source), text_bytes)

    def check(self, context: Context, manifest: StageManifest) -> None:
        """Hold the steps to the budget of bad records, or a deduplication to ``max_removed``."""
        option = f"sources.{self.source}.budget.bad_records"
        most = context.recipe.sources[self.source].budget.bad_records
        check_steps(manifest, context.places(self.key).audit, most, option)
        dedup, name = self.definition.dedup, f"{self.source}/{self.stage}"
        if dedup is None or name in context.allow_removal:
            return
        share = dedup.share_removed(manifest.totals())
        if share <= dedup.max_removed:
            return
        raise StageError(
            f"{name}: {dedup.name} removes {share:.1%} of the {dedup.removes}, and the recipe "
            f"allows {dedup.max_removed:.0%}{_most_removed(context.output, manifest, dedup)}"
            f'\nIf that is right, run again with "--allow-removal {name}", or raise sources.'
            f"{self.source}.stages.{self.stage}.{dedup.name}.max_removed; what is searched and "
            f"written already is kept"
        )

    def transform(
        self, context: Context, folder: StageFolder, pending: frozenset[int]
    ) -> beam.PTransform:
        """Apply the steps, or deduplicate."""
        dedup = self.definition.dedup
        if dedup is not None:
            addresses = tuple(address for _, address in self._others(context))
            return Deduplicate(
                dedup,
                folder,
                pending,
                addresses,
                self._compared_bytes(context),
                self._block_starts(context),
            )
        locations = {name: context.model_location(name) for name in self.definition.needs}
        return ApplySteps(_with_models(self.definition.steps, locations), folder)

    def other_elements(self, context: Context) -> list[tuple[int, str | IndexShard]]:
        """The shards of other sources and of indexes, the first by the lowest number."""
        shards = [shard for shard, _ in self._others(context)]
        return [(number - len(shards), shard) for number, shard in enumerate(shards)]

    def _compared_bytes(self, context: Context) -> int:
        """Count the bytes of text that a deduplication compares with each other, about."""
        dedup = self.definition.dedup
        shards = context.manifest(self.source, self.previous).shards
        ends = [*(self._block_starts(context) or (0,)), len(shards)]
        size = max(
            sum(shard.text_bytes for shard in shards[start:end])
            for start, end in itertools.pairwise(ends)
        )
        for name in dedup.against if dedup else ():
            others = context.manifest(*context.recipe.stage(name)).shards
            size += sum(shard.text_bytes for shard in others)
        return size + sum(map(index_text_bytes, dedup.index if dedup else ()))

    def _others(self, context: Context) -> Iterator[tuple[str | IndexShard, Address]]:
        dedup = self.definition.dedup
        for name in dedup.against if dedup else ():
            source, stage = context.recipe.stage(name)
            for index, path in context.documents(source, stage):
                yield path, {"source": source, "stage": stage, "shard": index}
        for folder in dedup.index if dedup else ():
            yield from index_shards(folder)


def _with_models(steps: tuple[Step, ...], locations: Mapping[str, str | None]) -> tuple[Step, ...]:
    """Give each step the place of its model.

    Where the reference classifier could not be trained, and its ``untrainable`` is ``keep_all``,
    the steps that measure its score and drop by it are left out.
    """
    untrained = any(
        isinstance(step, ReferenceClassifier) and locations[step.model_name or ""] is None
        for step in steps
    )
    if untrained:
        steps = tuple(s for s in steps if not isinstance(s, (ReferenceClassifier, KeepReferences)))
    return tuple(
        step.with_model(locations[step.model_name] or "") if step.model_name else step
        for step in steps
    )


def _most_removed(output: str, manifest: StageManifest, dedup: Deduplication) -> str:
    """Write what a deduplication removed most often, for an error."""
    if dedup.removes == "text":
        what = "these lines go most often:"
        lines = [f"{n:>9,}  {text}" for text, n in frequent_lines(output, manifest)]
    else:
        what = "the most duplicates go for these documents:"
        clusters = largest_clusters(output, manifest)
        lines = [f"{c.size:>9,}  {c.id or c.place}  {c.text}" for c in clusters]
    return "\n  ".join([f"; {what}", *lines]) if lines else ""
