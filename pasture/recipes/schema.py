"""A checked recipe: its sources with their stages, its models, its tokenizer and its mixture.

Numbers of the method are defaults of the dataclasses that use them; a recipe overrides them.
"""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Mapping
from typing import Any

from pasture.dedup.base import Deduplication
from pasture.errors import ConfigError
from pasture.filters.base import Step
from pasture.manifests.mixture import Mixture
from pasture.models.base import Model
from pasture.models.tokenizer import Tokenizer
from pasture.plugins import code_digest
from pasture.records import Columns
from pasture.sources.base import Source

EXTRACT = "00-extract"
TOKENS = "tokens"
INDEXES = "indexes"
STAGE_NAME = re.compile(r"\d\d-[a-z0-9]+(-[a-z0-9]+)*")
NAME = re.compile(r"[a-zA-Z0-9][a-zA-Z0-9_.-]{0,99}")
"""What a source or a model may be called: its name is that of a folder."""


@dataclasses.dataclass(frozen=True)
class Budget:
    """How much broken input a source may hold before the run fails.

    Args:
        bad_files: Most files that could not be read to their end.
        bad_records: Highest share of records that are broken, 0 to 1.
    """

    bad_files: int = 10
    bad_records: float = 0.01


@dataclasses.dataclass(frozen=True)
class Stage:
    """One stage of a source after the extraction: row steps, or one deduplication.

    Args:
        name: Its name, ``10-lines``; a source's stages are run in the order of their names.
        steps: The row steps, in order.
        dedup: The deduplication.
        columns: The extra columns of the stage's documents, with their types.
    """

    name: str
    steps: tuple[Step, ...] = ()
    dedup: Deduplication | None = None
    columns: Columns = dataclasses.field(default_factory=dict)

    @property
    def needs(self) -> tuple[str, ...]:
        """The names of the models that the steps need."""
        return tuple(dict.fromkeys(step.model_name for step in self.steps if step.model_name))

    def plain(self) -> dict[str, Any]:
        """The stage's config as plain values, for its manifest."""
        if self.dedup is not None:
            return {self.dedup.name: self.dedup.plain()}
        body: dict[str, Any] = {"steps": [{step.name: step.plain()} for step in self.steps]}
        return body | plugin_code(*map(type, self.steps))


def plugin_code(*kinds: type) -> dict[str, Any]:
    """Return ``{"code": {name: hash}}`` of the plug-in classes among some; empty without any."""
    found = {kind.name: code_digest(kind) for kind in kinds}  # type: ignore[attr-defined]
    code = {name: digest for name, digest in sorted(found.items()) if digest is not None}
    return {"code": code} if code else {}


@dataclasses.dataclass(frozen=True)
class SourceRecipe:
    """What a recipe does with one source."""

    source: Source
    patterns: tuple[str, ...]
    stages: tuple[Stage, ...]
    budget: Budget
    checksums: str = ""

    @property
    def last_stage(self) -> str:
        """The stage whose documents are tokenized."""
        return self.stages[-1].name if self.stages else EXTRACT

    @property
    def stage_names(self) -> list[str]:
        """The stages in order, the extraction first."""
        return [EXTRACT, *(stage.name for stage in self.stages)]

    @property
    def columns(self) -> Columns:
        """The extra columns of the extracted documents."""
        return self.source.new_columns()


@dataclasses.dataclass(frozen=True)
class Tokens:
    """How documents become token shards.

    Args:
        shard_bytes: Text in one shard, about, in bytes; neighbouring document shards are joined.
        validation_fraction: Share of documents held out, by a hash of their id.
        bos: Put the beginning-of-sequence token before each document (as LLaMA).
        eos: Put the end-of-sequence token after each document.
    """

    shard_bytes: int = 512 << 20
    validation_fraction: float = 0.001
    bos: bool = True
    eos: bool = True


@dataclasses.dataclass(frozen=True)
class Recipe:
    """A checked recipe.

    Args:
        name: Its name.
        seed: The seed of every draw.
        sources: The sources by the names that the recipe gives them.
        models: The models by the names that the recipe gives them.
        tokenizer: Where the tokenizer comes from.
        tokens: How documents become tokens.
        mixture: How much of each source is drawn; None draws each by its size.
        budget_tokens: Tokens that are drawn in all; None draws each source's tokens once where
            there is no mixture.
        audit_characters: Characters of a dropped document's or line's text that are kept.
        audit_lines: Removed lines of a shard that are kept; None keeps all.
        body: The recipe as plain values, after ``extends``, for ``recipe.yaml`` in the output.
    """

    name: str
    seed: int
    sources: Mapping[str, SourceRecipe]
    models: Mapping[str, Model]
    tokenizer: Tokenizer
    tokens: Tokens
    mixture: Mixture | None
    budget_tokens: float | None
    audit_characters: int
    audit_lines: int | None
    body: Mapping[str, Any]

    def stage(self, name: str) -> tuple[str, str]:
        """Read ``source`` (its last stage) or ``source/stage``.

        Raises:
            ConfigError: The recipe has no such source.
        """
        source, _, stage = name.partition("/")
        return source, stage or self.source(source).last_stage

    def source(self, name: str) -> SourceRecipe:
        """Return what the recipe does with a source.

        Raises:
            ConfigError: The recipe has no such source.
        """
        if name not in self.sources:
            raise ConfigError(f"the recipe has no source {name}, but {', '.join(self.sources)}")
        return self.sources[name]

    def stage_with(self, source: str, kind: type[Step]) -> tuple[str, str]:
        """Find the first stage of a source that has a step of a kind.

        Raises:
            ConfigError: No stage has one.
        """
        for stage in self.source(source).stages:
            if any(isinstance(step, kind) for step in stage.steps):
                return source, stage.name
        raise ConfigError(f"models: no stage of {source} has the step {kind.name}")

    def stage_before(self, source: str, kind: type[Step]) -> tuple[str, str]:
        """Find the stage before the first one that has a step of a kind.

        Raises:
            ConfigError: No stage has one.
        """
        _, name = self.stage_with(source, kind)
        names = self.source(source).stage_names
        return source, names[names.index(name) - 1]
