"""Nodes whose shards hold documents."""

from __future__ import annotations

import dataclasses

from pasture.errors import StageError
from pasture.graph.base import BeamNode, Context
from pasture.manifests.shards import (
    StageManifest,
)
from pasture.stages.shards import StageFolder, shard_records


@dataclasses.dataclass(frozen=True)
class DocumentsNode(BeamNode):
    """A node whose shards hold documents."""

    source: str

    @property
    def stage(self) -> str:
        """The stage's folder name."""
        return self.key.rsplit("/", 1)[-1]

    def commit(self, context: Context, folder: StageFolder) -> None:
        """Check the counts and write the stage's manifest."""
        manifest = StageManifest(
            source=self.source,
            stage=self.stage,
            fingerprint=folder.fingerprint,
            config=self.config(context),
            upstream=self.upstream_digests(context),
            shards=shard_records(folder.finished()),
            columns=folder.columns,
        )
        for shard in manifest.shards:
            if shard.rows_in != shard.rows + shard.rows_dropped:
                raise StageError(
                    f"{self.key}: shard {shard.index}: {shard.rows_in} rows came in, but "
                    f"{shard.rows} were kept and {shard.rows_dropped} dropped: a bug in a step"
                )
        self.check(context, manifest)
        manifest.write(folder.audit)

    def check(self, context: Context, manifest: StageManifest) -> None:
        """Check more, before the manifest is written."""
