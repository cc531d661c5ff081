"""The node that turns raw input into documents."""

from __future__ import annotations

import dataclasses
from typing import Any

import apache_beam as beam

from pasture import config
from pasture.errors import InputError
from pasture.graph.base import Context
from pasture.graph.documents import DocumentsNode
from pasture.manifests.shards import (
    StageManifest,
)
from pasture.recipes.schema import (
    SourceRecipe,
    plugin_code,
)
from pasture.records import Columns
from pasture.sources.base import InputShard
from pasture.stages.failures import tell_failures
from pasture.stages.shards import StageFolder
from pasture.stages.transforms import Extract


@dataclasses.dataclass(frozen=True)
class ExtractNode(DocumentsNode):
    """Raw input to documents."""

    def _recipe(self, context: Context) -> SourceRecipe:
        return context.recipe.sources[self.source]

    def config(self, context: Context) -> dict[str, Any]:
        """The source's options, and the names, sizes and known checksums of its files.

        Paths count only as far as the pattern that found them goes back, so that the same
        files under another root give the same fingerprint.
        """
        recipe = self._recipe(context)
        options = config.plain(recipe.source)
        options["inputs"] = list(recipe.patterns)
        checksums = context.checksums(self.source)
        files = []
        for path, size in context.files(self.source):
            checksum = f", {checksums[path]}" if checksums else ""
            files.append(f"{path.rsplit('/', 1)[-1]} ({size} bytes{checksum})")
        body = {"source": recipe.source.name, "options": options, "files": files}
        return body | plugin_code(type(recipe.source))

    def columns(self, context: Context) -> Columns:
        """The extra columns that the source declares."""
        return self._recipe(context).columns

    def elements(self, context: Context) -> list[tuple[int, InputShard]]:
        """The raw units, the largest first: local workers are dealt them in turn, beforehand."""
        units = enumerate(context.units(self.source))
        return sorted(units, key=lambda unit: (-unit[1].bytes, unit[0]))

    def transform(
        self, context: Context, folder: StageFolder, pending: frozenset[int]
    ) -> beam.PTransform:
        """Extract."""
        return Extract(self._recipe(context).source, folder, self.source)

    def check(self, context: Context, manifest: StageManifest) -> None:
        """Hold the extraction to the recipe's budget of broken input."""
        budget = self._recipe(context).budget
        totals = manifest.totals()
        bugs = "".join(
            f"\n{line}" for line in tell_failures(context.places(self.key).audit, manifest)
        )
        bad_files = [line for shard in manifest.shards for line in shard.bad_files]
        if len(bad_files) > budget.bad_files:
            listed = "\n  ".join(bad_files[:20])
            raise InputError(
                f"{self.source}: {len(bad_files)} files could not be read to their end, and the "
                f"budget allows {budget.bad_files}; mend or remove them, or raise "
                f"sources.{self.source}.budget.bad_files:\n  {listed}" + bugs
            )
        share = totals["bad_records"] / max(1, totals["rows_in"])
        if share > budget.bad_records:
            raise InputError(
                f"{self.source}: {totals['bad_records']} of {totals['rows_in']} records are broken "
                f"({share:.1%}), and the budget allows {budget.bad_records:.1%}; read them in "
                f"{context.places(self.key).audit}/dropped-*.parquet, or raise "
                f"sources.{self.source}.budget.bad_records" + bugs
            )
