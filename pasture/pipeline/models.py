"""The models of a run: trained by the driver on what the run itself cleaned, or the user's own.

Training reads finished stages, one batch at a time, and draws a sample of bounded size: a
document is in it or not by a hash of its id, so the sample never depends on order or workers.
"""

from __future__ import annotations

import hashlib
import json
import logging
from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING, Any

from pasture import config, storage
from pasture.errors import ConfigError, ModelError
from pasture.filters.base import Step
from pasture.filters.ngram import Perplexity
from pasture.manifests.shards import StageManifest
from pasture.pipeline.recipes import EXTRACT, Recipe

if TYPE_CHECKING:
    from pasture.pipeline.graph import Context

log = logging.getLogger(__name__)


def perplexity_stage(recipe: Recipe, source: str) -> str:
    """Name the stage of a source that measures perplexity."""
    for stage in recipe.sources[source].stages:
        if any(isinstance(step, Perplexity) for step in stage.steps):
            return stage.name
    raise ConfigError(f"models.cutoffs: no stage of {source} measures perplexity")


def stage_before(recipe: Recipe, source: str, kind: type[Step]) -> str:
    """Name the stage before the one that has a step of a kind."""
    previous = EXTRACT
    for stage in recipe.sources[source].stages:
        if any(isinstance(step, kind) for step in stage.steps):
            return previous
        previous = stage.name
    raise ConfigError(f"models: no stage of {source} has the step {kind.name}")
