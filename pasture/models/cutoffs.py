"""Perplexity cut-offs: a file, CCNet's published ones, or estimated from a source's documents."""

from __future__ import annotations

import dataclasses
from typing import Any

from pasture import storage
from pasture.filters.cutoffs import PUBLISHED, PerplexitySketch, estimate_cutoffs
from pasture.filters.ngram import Perplexity
from pasture.models.base import Model, Run, Stage, Stages


@dataclasses.dataclass(frozen=True)
class Cutoffs(Model):
    """Two perplexities a language, which part head, middle and tail.

    Given by ``path``, it is a cutoffs.json, or ``ccnet`` for the published ones (only right with
    CCNet's models).

    Args:
        source: Source whose perplexities they are estimated from.
        head: Percentile under which a document is ``head`` (CCNet: 30).
        middle: Percentile under which it is ``middle`` (CCNet: 60).
    """

    name = "cutoffs"

    source: str = "common_crawl"
    head: float = 30.0
    middle: float = 60.0

    def sources(self) -> tuple[str, ...]:
        """The source that they are estimated from."""
        return () if self.path else (self.source,)

    def upstream(self, recipe: Stages) -> tuple[Stage, ...]:
        """The stage that measures perplexity."""
        return tuple(recipe.stage_with(source, Perplexity) for source in self.sources())

    def rooted(self, root: str) -> Model:
        """Return the model with relative paths below a folder."""
        return self if self.path == PUBLISHED else super().rooted(root)

    def plain(self, recipe: Stages) -> dict[str, Any]:
        """What the cut-offs depend on."""
        if self.path == PUBLISHED:
            return {"path": PUBLISHED}
        return super().plain(recipe)

    def check(self, name: str) -> None:
        """Look for the file."""
        if self.path != PUBLISHED:
            super().check(name)

    def make(self, run: Run, folder: str) -> dict[str, Any]:
        """Estimate the cut-offs of each language."""
        (stage,) = self.upstream(run.recipe)
        sketch = PerplexitySketch()
        for path in run.shards(stage):
            for batch in storage.read_batches(path, ["language", "perplexity"]):
                sketch.add(batch)
        found = estimate_cutoffs(sketch, self.head, self.middle)
        storage.write_json(storage.join(folder, "cutoffs.json"), found)
        return {"trained": True, "cutoffs": found}

    def location(self, folder: str, card: dict[str, Any]) -> str:
        """The file, or ``ccnet``."""
        return self.path or storage.join(folder, "cutoffs.json")
