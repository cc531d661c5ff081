"""The node that keeps what a deduplication compares, for later runs."""

from __future__ import annotations

import dataclasses
from typing import Any

import apache_beam as beam

from pasture import __version__
from pasture.dedup.base import Deduplication
from pasture.graph.base import BeamNode, Context
from pasture.stages.indexes import (
    WriteIndex,
    describe,
    write_manifest,
)
from pasture.stages.shards import StageFolder


@dataclasses.dataclass(frozen=True)
class IndexNode(BeamNode):
    """Documents to an index of what a deduplication compares.

    It holds the documents that the deduplication left. Of lines it holds those that came in: a
    line that was removed from every page is one that later pages should not have either.
    """

    source: str
    stage: str
    dedup: Deduplication

    def config(self, context: Context) -> dict[str, Any]:
        """What is compared."""
        return {"stage": self.stage, **describe(self.dedup)}

    def elements(self, context: Context) -> list[tuple[int, str]]:
        """The shards of the documents."""
        return context.documents(self.source, self.stage)

    def transform(
        self, context: Context, folder: StageFolder, pending: frozenset[int]
    ) -> beam.PTransform:
        """Read the documents once more, and keep what is compared."""
        return WriteIndex(self.dedup, folder)

    def commit(self, context: Context, folder: StageFolder) -> None:
        """Write the manifest of the index."""
        body = {
            "source": self.source,
            "stage": self.stage,
            "fingerprint": folder.fingerprint,
            "config": self.config(context),
            "upstream": self.upstream_digests(context),
            "pasture": __version__,
        }
        write_manifest(folder, body)
