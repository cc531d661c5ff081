"""Recipes: from YAML to the stages of each source, in the paper's order.

A recipe names sources with their inputs and stages, the models that the stages need, the
tokenizer and the mixture. Numbers of the method are defaults of the dataclasses that use them;
a recipe overrides what it wants other. Everything is checked here, before any work starts.
"""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Mapping
from typing import Any, Literal

from pasture import config, storage
from pasture.dedup.exact import ExactDuplicates
from pasture.dedup.lines import DuplicateLines
from pasture.dedup.near import NearDuplicates
from pasture.dedup.spans import DuplicateSpans
from pasture.dedup.urls import DuplicateUrls
from pasture.errors import ConfigError
from pasture.filters import FILTERS
from pasture.filters.base import Step
from pasture.filters.classifier_training import ReferenceTraining
from pasture.filters.ngram_training import NgramTraining
from pasture.manifests.mixture import Mixture, load_mixture
from pasture.sources import SOURCES
from pasture.sources.base import Source
from pasture.tokenize.train import TokenizerTraining

EXTRACT = "00-extract"
TOKENS = "tokens"
INDEXES = "indexes"
Dedup = ExactDuplicates | NearDuplicates | DuplicateUrls | DuplicateLines | DuplicateSpans
DEDUPS: dict[str, type[Dedup]] = {
    kind.name: kind
    for kind in (ExactDuplicates, NearDuplicates, DuplicateUrls, DuplicateLines, DuplicateSpans)
}
STAGE_NAME = re.compile(r"\d\d-[a-z0-9]+(-[a-z0-9]+)*")
MODELS = ("language", "ngram", "cutoffs", "reference")


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
    """One stage of a source after the extraction: row steps, or one deduplication."""

    name: str
    steps: tuple[Step, ...] = ()
    dedup: Dedup | None = None

    @property
    def needs(self) -> tuple[str, ...]:
        """The models that the steps need."""
        return tuple(dict.fromkeys(step.needs for step in self.steps if step.needs))

    def plain(self) -> dict[str, Any]:
        """The stage's config as plain values, for its manifest."""
        if self.dedup is not None:
            return {self.dedup.name: self.dedup.plain()}
        return {"steps": [{step.name: step.plain()} for step in self.steps]}


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


@dataclasses.dataclass(frozen=True)
class ModelFile:
    """A model that the user has.

    Args:
        path: Its file or folder; relative paths are looked up like inputs.
        sha256: Hash that the file must have.
    """

    path: str = ""
    sha256: str | None = None


@dataclasses.dataclass(frozen=True)
class NgramModels:
    """Where the n-gram models come from: a folder, or training on a source's documents.

    Args:
        path: Folder with ``{language}.sp.model`` and ``{language}.arpa.bin``.
        source: Source whose last stage the models are trained on (CCNet: Wikipedia).
        languages: One model each.
        training: How they are trained.
    """

    path: str = ""
    source: str = "wikipedia"
    languages: tuple[str, ...] = ("en",)
    training: NgramTraining = NgramTraining()


@dataclasses.dataclass(frozen=True)
class Cutoffs:
    """Where the perplexity cut-offs come from: a file, ``ccnet``, or a source's own documents.

    Args:
        path: A cutoffs.json, or ``ccnet`` for the published ones (only right with CCNet's models).
        source: Source whose perplexities they are estimated from.
        head: Percentile under which a document is ``head`` (CCNet: 30).
        middle: Percentile under which it is ``middle`` (CCNet: 60).
    """

    path: str = ""
    source: str = "common_crawl"
    head: float = 30.0
    middle: float = 60.0


@dataclasses.dataclass(frozen=True)
class ReferenceModel:
    """Where the Wikipedia-reference classifier comes from: a file, or training.

    Args:
        path: A fastText model with the labels that training gives.
        pages: Source whose pages are looked up (the LLaMA paper: the crawl).
        citations: Source whose documents carry ``references`` in their metadata.
        untrainable: What to do where the crawl holds too few cited pages: ``fail``, or
            ``keep_all``: no model is made, every page keeps a null score, and the run says so.
        training: How it is trained.
    """

    path: str = ""
    pages: str = "common_crawl"
    citations: str = "wikipedia"
    untrainable: Literal["fail", "keep_all"] = "fail"
    training: ReferenceTraining = ReferenceTraining()


@dataclasses.dataclass(frozen=True)
class Models:
    """The models that steps need, by the name that the steps know them by."""

    language: ModelFile = ModelFile()
    ngram: NgramModels = NgramModels()
    cutoffs: Cutoffs = Cutoffs()
    reference: ReferenceModel = ReferenceModel()


@dataclasses.dataclass(frozen=True)
class Tokenizer:
    """Where the tokenizer comes from: a file, or training on the mixture.

    Args:
        path: A SentencePiece ``.model``, or a Hugging Face ``tokenizer.json``.
        bos_token: The token of a tokenizer.json that begins a text; by default the one that the
            file puts there, or that goes by a usual name.
        eos_token: The one that ends a text.
        training: How it is trained.
    """

    path: str = ""
    bos_token: str = ""
    eos_token: str = ""
    training: TokenizerTraining = TokenizerTraining()

    def __post_init__(self) -> None:
        if (self.bos_token or self.eos_token) and not self.path.endswith(".json"):
            raise ConfigError("bos_token and eos_token: only a tokenizer.json takes them")


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
    """A checked recipe."""

    name: str
    seed: int
    sources: Mapping[str, SourceRecipe]
    models: Models
    tokenizer: Tokenizer
    tokens: Tokens
    mixture: Mixture
    budget_tokens: float
    audit_characters: int
    audit_lines: int | None
    body: Mapping[str, Any]
    """The recipe as it was written, after ``extends``, for ``recipe.yaml`` in the output."""


@dataclasses.dataclass(frozen=True)
class _SourceBody:
    inputs: tuple[str, ...]
    options: dict[str, Any] = dataclasses.field(default_factory=dict)
    budget: Budget = Budget()
    stages: dict[str, Any] = dataclasses.field(default_factory=dict)
    checksums: str = ""


@dataclasses.dataclass(frozen=True)
class _RecipeBody:
    name: str
    sources: dict[str, Any]
    mixture: str
    extends: str | None = None
    description: str = ""
    seed: int = 0
    models: Models = Models()
    tokenizer: Tokenizer = Tokenizer()
    tokens: Tokens = Tokens()
    budget_tokens: float = 1.4e12
    audit_characters: int = 2000
    audit_lines: int | None = None

    def __post_init__(self) -> None:
        if self.audit_lines is not None and self.audit_lines < 0:
            raise ConfigError(f"audit_lines is {self.audit_lines}; give 0 to keep none, or more")


def builtin_recipes() -> dict[str, str]:
    """Map the names of the built-in recipes to their paths."""
    return config.builtin_files("recipes")


def find_recipe(name: str) -> str:
    """Return the path of a recipe: a file, or a built-in name.

    Raises:
        ConfigError: It is neither.
    """
    builtin = builtin_recipes()
    if name in builtin:
        return builtin[name]
    if name.endswith((".yaml", ".yml")) or storage.is_url(name) or "/" in name:
        if not storage.exists(name):
            raise ConfigError(f"there is no recipe file {name}")
        return name
    return builtin[config.one_of(name, builtin, "recipe", "name")]


def read_body(path: str) -> dict[str, Any]:
    """Read a recipe's YAML, laid over the one that it ``extends`` (one level)."""
    body = config.read_yaml(path)
    if not isinstance(body, dict):
        raise ConfigError(f"{path}: a recipe is a mapping; see docs/recipes.md")
    base_name = body.get("extends")
    if base_name is None:
        return body
    builtin = builtin_recipes()
    base = config.read_yaml(builtin[config.one_of(str(base_name), builtin, path, "recipe")])
    if base.get("extends") is not None:
        raise ConfigError(f"{path}: {base_name} extends another recipe; only one level is allowed")
    merged: dict[str, Any] = config.merge(base, body)
    return merged


def load_recipe(path: str, root: str | None = None) -> Recipe:
    """Load and check a recipe.

    Args:
        path: A file or a built-in name.
        root: Folder under which relative inputs and model paths are looked up; by default the
            recipe's own folder.

    Raises:
        ConfigError: Anything in it cannot work; the message names the key.
    """
    file = find_recipe(path)
    raw = read_body(file)
    if root is None:
        root = file.rsplit("/", 1)[0] if "/" in file else "."
    body = config.load(_RecipeBody, raw, _short(file))
    where = _short(file)
    mixture = load_mixture(_mixture_path(body.mixture, root))
    models = body.models
    models = dataclasses.replace(
        models,
        language=_rooted(models.language, root),
        ngram=_rooted(models.ngram, root),
        cutoffs=models.cutoffs if models.cutoffs.path == "ccnet" else _rooted(models.cutoffs, root),
        reference=_rooted(models.reference, root),
    )
    sources = {
        str(name): _load_source(str(name), value, f"{where}: sources.{name}", root)
        for name, value in body.sources.items()
    }
    if not sources:
        raise ConfigError(f"{where}: sources: name at least one source")
    recipe = Recipe(
        name=body.name,
        seed=body.seed,
        sources=sources,
        models=models,
        tokenizer=_rooted(body.tokenizer, root),
        tokens=body.tokens,
        mixture=mixture,
        budget_tokens=body.budget_tokens,
        audit_characters=body.audit_characters,
        audit_lines=body.audit_lines,
        body=raw,
    )
    _check_models(recipe, where)
    _check_against(recipe, where)
    for name in sources:
        if name not in mixture.sources:
            raise ConfigError(
                f"{where}: the mixture {mixture.name} gives no proportion for {name}; "
                f"it knows {', '.join(mixture.sources)}"
            )
    return recipe


def _short(path: str) -> str:
    return path.rsplit("/", 1)[-1]


def _mixture_path(name: str, root: str) -> str:
    is_file = name.endswith((".yaml", ".yml"))
    return storage.join(root, name) if is_file else name


def _rooted(value: Any, root: str) -> Any:
    return dataclasses.replace(value, path=storage.join(root, value.path)) if value.path else value


def _load_source(name: str, value: Any, where: str, root: str) -> SourceRecipe:
    kind = SOURCES[config.one_of(name, SOURCES, where, "source")]
    body = config.load(_SourceBody, value, where)
    if not body.inputs:
        raise ConfigError(f"{where}.inputs: name at least one file or pattern")
    if "inputs" in body.options:
        raise ConfigError(f"{where}.options: inputs stand beside options, not in them")
    inputs = [storage.join(root, pattern) for pattern in body.inputs]
    source = config.load(kind, {**body.options, "inputs": inputs}, f"{where}.options")
    stages = tuple(
        _load_stage(stage, body.stages[stage], f"{where}.stages.{stage}", root)
        for stage in sorted(body.stages)
    )
    checksums = storage.join(root, body.checksums) if body.checksums else ""
    return SourceRecipe(source, body.inputs, stages, body.budget, checksums)


def _load_stage(name: str, value: Any, where: str, root: str) -> Stage:
    if not STAGE_NAME.fullmatch(name) or name == EXTRACT:
        raise ConfigError(
            f"{where}: a stage is called NN-name, two digits first (10-lines); "
            f"{EXTRACT} is there of itself"
        )
    if not isinstance(value, Mapping) or len(value) != 1:
        raise ConfigError(f"{where}: a stage has one key: steps, {', '.join(sorted(DEDUPS))}")
    ((key, options),) = value.items()
    one = config.one_of(str(key), ["steps", *DEDUPS], where, "kind of stage")
    if one != "steps":
        dedup = config.load(DEDUPS[one], options, f"{where}.{one}")
        indexes = tuple(storage.join(root, path) for path in dedup.index)
        return Stage(name, dedup=dataclasses.replace(dedup, index=indexes))
    if not isinstance(options, list) or not options:
        raise ConfigError(f"{where}.steps: expected a list of steps")
    return Stage(name, steps=tuple(_load_step(item, f"{where}.steps", root) for item in options))


def _load_step(value: Any, where: str, root: str) -> Step:
    if isinstance(value, str):
        value = {value: {}}
    if not isinstance(value, Mapping) or len(value) != 1:
        raise ConfigError(f"{where}: a step is a name, or a name with its options; got {value!r}")
    ((name, options),) = value.items()
    kind = FILTERS[config.one_of(str(name), FILTERS, where, "step")]
    return config.load(kind, options, f"{where}.{name}").rooted(root)


def _check_models(recipe: Recipe, where: str) -> None:
    """Check that every model that is to be trained has the source that it is trained on."""
    needed = {
        model
        for source in recipe.sources.values()
        for stage in source.stages
        for model in stage.needs
    }
    models = recipe.models
    for name, path, sources in (
        ("ngram", models.ngram.path, [models.ngram.source]),
        ("cutoffs", models.cutoffs.path, [models.cutoffs.source]),
        ("reference", models.reference.path, [models.reference.pages, models.reference.citations]),
    ):
        for source in sources:
            if name in needed and not path and source not in recipe.sources:
                raise ConfigError(
                    f"{where}: models.{name}: no path is given, and the source {source}, on "
                    f"which it would be trained, is not in the recipe"
                )


def other_stage(sources: Mapping[str, SourceRecipe], name: str) -> tuple[str, str]:
    """Read ``source`` or ``source/stage`` of ``against``: the source and its stage, or its last."""
    source, _, stage = name.partition("/")
    return source, stage or sources[source].last_stage


def _check_against(recipe: Recipe, where: str) -> None:
    """Check that deduplications look at other sources, and at stages that there are."""
    for name, source in recipe.sources.items():
        for stage in source.stages:
            for other in stage.dedup.against if stage.dedup else ():
                place = f"{where}: sources.{name}.stages.{stage.name}: against"
                other_name, _, other_stage_name = other.partition("/")
                config.one_of(other_name, recipe.sources, place, "source")
                if other_name == name:
                    raise ConfigError(f"{place}: {name} is compared with itself in any case")
                stages = [EXTRACT, *(s.name for s in recipe.sources[other_name].stages)]
                if other_stage_name:
                    config.one_of(other_stage_name, stages, place, f"stage of {other_name}")
