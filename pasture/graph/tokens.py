"""The node that encodes the last documents of a source."""

from __future__ import annotations

import dataclasses
from typing import Any

import apache_beam as beam

from pasture import config
from pasture.graph.base import BeamNode, Context
from pasture.manifests.layout import documents_key
from pasture.stages.shards import StageFolder
from pasture.stages.tokens import (
    EncodeTokens,
    EncodingConfig,
    group_shards,
    token_manifest,
    tokenizer_facts,
)
from pasture.tokenize.encode import Encoder, find_tokenizer


@dataclasses.dataclass(frozen=True)
class TokensNode(BeamNode):
    """The last documents of a source to token shards."""

    source: str

    def config(self, context: Context) -> dict[str, Any]:
        """The options of the encoding."""
        return {**config.plain(context.recipe.tokens), "seed": context.recipe.seed}

    def elements(self, context: Context) -> list[tuple[int, tuple[str, ...]]]:
        """Groups of neighbouring document shards."""
        stage = context.recipe.sources[self.source].last_stage
        folder = context.folder(documents_key(self.source, stage))
        manifest = context.manifest(self.source, stage)
        return group_shards(manifest, folder, context.recipe.tokens.shard_bytes)

    def transform(
        self, context: Context, folder: StageFolder, pending: frozenset[int]
    ) -> beam.PTransform:
        """Encode."""
        return EncodeTokens(self._encoding(context), folder)

    def _encoding(self, context: Context) -> EncodingConfig:
        tokens = context.recipe.tokens
        return EncodingConfig(
            source=self.source,
            model=find_tokenizer(context.folder("tokenizer")),
            bos=tokens.bos,
            eos=tokens.eos,
            seed=context.recipe.seed,
            validation_fraction=tokens.validation_fraction,
        )

    def commit(self, context: Context, folder: StageFolder) -> None:
        """Write the manifest of the token shards."""
        encoding = self._encoding(context)
        encoder = Encoder(encoding.model, bos=encoding.bos, eos=encoding.eos)
        token_manifest(
            self.source,
            folder,
            tokenizer=tokenizer_facts(encoder),
            config=self.config(context),
            upstream=self.upstream_digests(context),
        )
