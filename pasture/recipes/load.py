"""Loading a recipe: from YAML to checked values. Whatever cannot work fails here.

A recipe names sources with their inputs and stages, the models that the stages need, the
tokenizer and the mixture. Relative inputs start at the folder that ``--input`` names; every other
relative path starts at the folder of the recipe that names it.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from typing import Any

from pasture import config, storage
from pasture.dedup import DEDUPS
from pasture.errors import ConfigError
from pasture.filters import FILTERS
from pasture.filters.base import Step
from pasture.manifests.mixture import Mixture, Share, load_mixture
from pasture.models import DEFAULT_MODELS, MODELS
from pasture.models.base import Model
from pasture.models.tokenizer import Tokenizer
from pasture.plugins import Kinds, classes_of, load_files
from pasture.recipes.layers import Body, expand, find_recipe, folder_of, read_body
from pasture.recipes.schema import (
    EXTRACT,
    NAME,
    STAGE_NAME,
    Budget,
    Recipe,
    SourceRecipe,
    Stage,
    Tokens,
)
from pasture.records import Columns, check_columns
from pasture.sources import SOURCES
from pasture.sources.base import Source

BUDGET_TOKENS = 1.4e12
"""Tokens that a mixture draws in all, where the recipe does not say (LLaMA, table 1)."""


@dataclasses.dataclass(frozen=True)
class Registry:
    """The kinds of sources, steps and models that a recipe may name."""

    sources: Kinds[Source]
    steps: Kinds[Step]
    models: Kinds[Model]

    @classmethod
    def of(cls, files: tuple[str, ...] = ()) -> Registry:
        """Return the built-in kinds, the installed plug-ins, and those of plug-in files.

        Raises:
            ConfigError: A file cannot be used.
        """
        modules = load_files(files)
        return cls(
            Kinds(
                "kind of source",
                Source,  # type: ignore[type-abstract]
                "pasture.sources",
                SOURCES,
                classes_of(modules, Source),  # type: ignore[type-abstract]
            ),
            Kinds("step", Step, "pasture.steps", FILTERS, classes_of(modules, Step)),
            Kinds(
                "kind of model",
                Model,  # type: ignore[type-abstract]
                "pasture.models",
                MODELS,
                classes_of(modules, Model),  # type: ignore[type-abstract]
            ),
        )


@dataclasses.dataclass(frozen=True)
class _SourceBody:
    inputs: tuple[str, ...]
    kind: str = ""
    options: dict[str, Any] = dataclasses.field(default_factory=dict)
    budget: Budget = Budget()
    stages: dict[str, Any] = dataclasses.field(default_factory=dict)
    checksums: str = ""


@dataclasses.dataclass(frozen=True)
class _RecipeBody:
    name: str
    sources: dict[str, Any]
    mixture: str | dict[str, float] = ""
    description: str = ""
    seed: int = 0
    plugins: tuple[str, ...] = ()
    models: dict[str, Any] = dataclasses.field(default_factory=dict)
    tokenizer: Tokenizer = Tokenizer()
    tokens: Tokens = Tokens()
    budget_tokens: float | None = None
    audit_characters: int = 2000
    audit_lines: int | None = None

    def __post_init__(self) -> None:
        if self.audit_lines is not None and self.audit_lines < 0:
            raise ConfigError(f"audit_lines is {self.audit_lines}; give 0 to keep none, or more")


def load_recipe(path: str, root: str | None = None) -> Recipe:
    """Load and check a recipe.

    Args:
        path: A file or a built-in name.
        root: Folder under which relative inputs are looked up; by default the recipe's own.

    Raises:
        ConfigError: Anything in it cannot work; the message names the key.
    """
    file = find_recipe(path)
    return _Loader(read_body(file), folder_of(file) if root is None else root).load()


class _Loader:
    """Turns the plain values of one recipe into a ``Recipe``."""

    def __init__(self, body: Body, root: str) -> None:
        self.body, self.root = body, root
        self.where = body.file.rsplit("/", 1)[-1]
        self.registry = Registry.of()

    def load(self) -> Recipe:
        """Load and check everything."""
        body = config.load(_RecipeBody, self.body.values, self.where)
        plugins = tuple(self._beside(path, "plugins") for path in body.plugins)
        self.registry = Registry.of(plugins)
        if not body.sources:
            raise ConfigError(f"{self.where}: sources: name at least one source")
        mixture = self._mixture(body.mixture)
        models = {str(name): self._model(str(name), value) for name, value in body.models.items()}
        recipe = Recipe(
            name=body.name,
            seed=body.seed,
            sources={str(n): self._source(str(n), v) for n, v in body.sources.items()},
            models={**DEFAULT_MODELS, **models},
            tokenizer=self._tokenizer(body.tokenizer),
            tokens=body.tokens,
            mixture=mixture,
            budget_tokens=body.budget_tokens or (BUDGET_TOKENS if mixture else None),
            audit_characters=body.audit_characters,
            audit_lines=body.audit_lines,
            body=self.body.values,
        )
        _check_models(recipe, self.where)
        _check_against(recipe, self.where)
        _check_mixture(recipe, self.where)
        return recipe

    def _beside(self, path: str, *key: str) -> str:
        """Resolve a path that starts at the folder of the recipe that names it."""
        folder = self.body.folder(*key)
        return storage.join(folder, expand(path, f"{self.where}: {'.'.join(key)}"))

    def _mixture(self, given: str | Mapping[str, float]) -> Mixture | None:
        if isinstance(given, Mapping):
            shares = {
                name: config.load(Share, {"proportion": share}, f"{self.where}: mixture.{name}")
                for name, share in given.items()
            }
            plain = {"name": "recipe", "tokens": BUDGET_TOKENS, "sources": shares}
            try:
                return Mixture(**plain)  # type: ignore[arg-type]
            except ConfigError as error:
                raise ConfigError(f"{self.where}: mixture: {error}") from error
        if given in ("", "natural"):
            return None
        is_file = given.endswith((".yaml", ".yml"))
        return load_mixture(self._beside(given, "mixture") if is_file else given)

    def _tokenizer(self, given: Tokenizer) -> Tokenizer:
        if not given.path:
            return given
        return dataclasses.replace(given, path=self._beside(given.path, "tokenizer", "path"))

    def _model(self, name: str, value: Any) -> Model:
        where = f"{self.where}: models.{name}"
        if not NAME.fullmatch(name):
            raise ConfigError(f"{where}: a model is called by letters, digits, '.', '_' and '-'")
        options = dict(value) if isinstance(value, Mapping) else value
        kind = name
        if isinstance(options, dict) and "kind" in options:
            kind = str(options.pop("kind"))
        elif name not in self.registry.models.names():
            known = ", ".join(self.registry.models.names())
            raise ConfigError(f"{where}: say which kind of model it is; kind: one of {known}")
        model = config.load(self.registry.models.get(kind, f"{where}.kind"), options, where)
        return self._expanded(model, "models", name)

    def _expanded(self, model: Model, *key: str) -> Model:
        """Resolve the paths of a model: ``path``, and what its kind says."""
        where = f"{self.where}: {'.'.join(key)}.path"
        if model.path:
            model = dataclasses.replace(model, path=expand(model.path, where))
        return model.rooted(self.body.folder(*key, "path"))

    def _source(self, name: str, value: Any) -> SourceRecipe:
        where = f"{self.where}: sources.{name}"
        if not NAME.fullmatch(name):
            raise ConfigError(f"{where}: a source is called by letters, digits, '.', '_' and '-'")
        if isinstance(value, Mapping) and "kind" not in value:
            _check_kind(name, self.registry.sources.names(), where)
        body = config.load(_SourceBody, value, where)
        kind = self.registry.sources.get(body.kind or name, f"{where}.kind")
        if not body.inputs:
            raise ConfigError(f"{where}.inputs: name at least one file or pattern")
        if "inputs" in body.options:
            raise ConfigError(f"{where}.options: inputs stand beside options, not in them")
        inputs = [storage.pattern(self.root, expand(i, f"{where}.inputs")) for i in body.inputs]
        source = config.load(kind, {**body.options, "inputs": inputs}, f"{where}.options")
        columns = source.new_columns()
        _check(columns, f"{where}.options")
        stages = []
        for stage in sorted(body.stages):
            loaded = self._stage(name, stage, body.stages[stage], columns)
            columns = loaded.columns
            stages.append(loaded)
        checksums = expand(body.checksums, f"{where}.checksums")
        checksums = storage.join(self.root, checksums) if checksums else ""
        return SourceRecipe(source, body.inputs, tuple(stages), body.budget, checksums)

    def _stage(self, source: str, name: str, value: Any, columns: Columns) -> Stage:
        where = f"{self.where}: sources.{source}.stages.{name}"
        if not STAGE_NAME.fullmatch(name) or name == EXTRACT:
            raise ConfigError(
                f"{where}: a stage is called NN-name, two digits first (10-lines); "
                f"{EXTRACT} is added automatically"
            )
        if not isinstance(value, Mapping) or len(value) != 1:
            raise ConfigError(f"{where}: a stage has one key: steps, {', '.join(sorted(DEDUPS))}")
        ((key, options),) = value.items()
        one = config.one_of(str(key), ["steps", *DEDUPS], where, "kind of stage")
        at = ("sources", source, "stages", name)
        if one != "steps":
            dedup = config.load(DEDUPS[one], options, f"{where}.{one}")
            indexes = tuple(self._beside(path, *at, one, "index") for path in dedup.index)
            return Stage(name, dedup=dataclasses.replace(dedup, index=indexes), columns=columns)
        if not isinstance(options, list) or not options:
            raise ConfigError(f"{where}.steps: expected a list of steps")
        folder = self.body.folder(*at, "steps")
        steps = tuple(self._step(item, f"{where}.steps", folder) for item in options)
        for step in steps:
            columns = _with_step(columns, step, f"{where}.steps.{step.name}")
        return Stage(name, steps=steps, columns=columns)

    def _step(self, value: Any, where: str, folder: str) -> Step:
        if isinstance(value, str):
            value = {value: {}}
        if not isinstance(value, Mapping) or len(value) != 1:
            raise ConfigError(
                f"{where}: a step is a name, or a name with its options; got {value!r}"
            )
        ((name, options),) = value.items()
        kind = self.registry.steps.get(str(name), where)
        return config.load(kind, options, f"{where}.{name}").rooted(folder)


def _check_kind(name: str, kinds: list[str], where: str) -> None:
    """Check that a source without a kind is called like one."""
    if name in kinds:
        return
    try:
        config.one_of(name, kinds, where, "source")
    except ConfigError as error:
        raise ConfigError(
            f"{error}; or say what reads it, with kind: one of {', '.join(kinds)}"
        ) from error


def _check(columns: Columns, where: str) -> None:
    try:
        check_columns(columns)
    except ConfigError as error:
        raise ConfigError(f"{where}: {error}") from error


def _with_step(columns: Columns, step: Step, where: str) -> Columns:
    """Add the columns of a step to those before it, and check those that it reads."""
    new = step.new_columns()
    _check(new, where)
    for name in step.reads():
        if name not in columns:
            known = ", ".join(columns) or "none"
            raise ConfigError(
                f"{where}: no source or step before it adds the column {name}; added are: {known}"
            )
    for name, kind in new.items():
        if columns.get(name, kind) != kind:
            raise ConfigError(
                f"{where}: the column {name} is {columns[name]} before, and cannot become {kind}"
            )
    return {**columns, **new}


def _check_models(recipe: Recipe, where: str) -> None:
    """Check that every needed model is there, of the right kind, and can be trained."""
    needed: set[str] = set()
    for name, source in recipe.sources.items():
        for stage in source.stages:
            place = f"{where}: sources.{name}.stages.{stage.name}"
            for step in stage.steps:
                _check_model(recipe, step, f"{place}.{step.name}")
            needed.update(stage.needs)
    for name in sorted(needed):
        for reference in recipe.models[name].sources():
            place = f"{where}: models.{name}"
            source_name, _, stage_name = reference.partition("/")
            if source_name not in recipe.sources:
                raise ConfigError(
                    f"{place}: no path is given, and the source {source_name}, on "
                    f"which it would be trained, is not in the recipe"
                )
            if stage_name:
                known = recipe.sources[source_name].stage_names
                config.one_of(stage_name, known, place, f"stage of {source_name}")


def _check_model(recipe: Recipe, step: Step, where: str) -> None:
    """Check that the model that a step names is in the recipe, and of the kind that it needs."""
    name = step.model_name
    if name is None:
        return
    if name not in recipe.models:
        raise ConfigError(
            f"{where}: the recipe has no model {name}; add it under models:, with kind: "
            f"{step.needs}; there are {', '.join(recipe.models)}"
        )
    kind = recipe.models[name].name
    if kind != step.needs:
        raise ConfigError(f"{where}: the model {name} is of kind {kind}, and not {step.needs}")


def _check_against(recipe: Recipe, where: str) -> None:
    """Check that deduplications look at other sources, and at stages that there are."""
    for name, source in recipe.sources.items():
        for stage in source.stages:
            for other in stage.dedup.against if stage.dedup else ():
                place = f"{where}: sources.{name}.stages.{stage.name}: against"
                other_name, _, other_stage = other.partition("/")
                config.one_of(other_name, recipe.sources, place, "source")
                if other_name == name:
                    raise ConfigError(f"{place}: {name} is compared with itself in any case")
                if other_stage:
                    known = recipe.sources[other_name].stage_names
                    config.one_of(other_stage, known, place, f"stage of {other_name}")


def _check_mixture(recipe: Recipe, where: str) -> None:
    """Check that the mixture gives a proportion for every source."""
    for name in recipe.sources if recipe.mixture else ():
        assert recipe.mixture is not None
        if name not in recipe.mixture.sources:
            raise ConfigError(
                f"{where}: the mixture {recipe.mixture.name} gives no proportion for {name}; "
                f"it knows {', '.join(recipe.mixture.sources)}; leave mixture: out to draw each "
                f"source by its size"
            )
