"""The graph of a recipe: every stage and model, what each depends on, and how each is made.

A node's key is the folder of what it makes, relative to the output: ``documents/c4/10-language``,
``models/ngram``, ``tokenizer``, ``tokens/c4``. A node is done when it has a manifest (layout.py
says where) with the fingerprint that its config and its upstream manifests give.
"""

from __future__ import annotations

import abc
import dataclasses
import itertools
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

import apache_beam as beam

from pasture import __version__, config, storage
from pasture.dedup.base import Deduplication
from pasture.dedup.index import IndexShard
from pasture.errors import ConfigError, InputError, StageError
from pasture.filters.base import Step
from pasture.filters.classifier import KeepReferences, ReferenceClassifier
from pasture.manifests.clusters import frequent_lines, largest_clusters
from pasture.manifests.layout import Places, documents_key, places
from pasture.manifests.shards import (
    StageManifest,
    fingerprint,
    manifest_digest,
)
from pasture.models.base import Model
from pasture.pipeline.blocks import block_starts, job_starts
from pasture.pipeline.failures import check_steps, tell_failures
from pasture.pipeline.indexes import (
    WriteIndex,
    describe,
    index_shards,
    index_text_bytes,
    write_manifest,
)
from pasture.pipeline.shards import StageFolder, shard_records
from pasture.pipeline.stages import Address, ApplySteps, Deduplicate, Extract
from pasture.pipeline.tokens import (
    EncodeTokens,
    EncodingConfig,
    group_shards,
    token_manifest,
    tokenizer_facts,
)
from pasture.recipes.schema import (
    EXTRACT,
    INDEXES,
    TOKENS,
    Recipe,
    SourceRecipe,
    Stage,
    plugin_code,
)
from pasture.records import Columns
from pasture.sources.base import InputShard, checksums_of, read_checksums
from pasture.tokenize.encode import Encoder, find_tokenizer


@dataclasses.dataclass(frozen=True)
class Context:
    """What every node may look at: the recipe, and where the output is.

    Inputs are listed once, so that a run goes by one listing from its plan to its manifests.
    """

    recipe: Recipe
    output: str
    allow_removal: frozenset[str] = frozenset()
    """Deduplications, as ``source/stage``, that may remove more than their ``max_removed``."""
    _files: dict[str, list[tuple[str, int]]] = dataclasses.field(default_factory=dict, repr=False)
    _units: dict[str, list[InputShard]] = dataclasses.field(default_factory=dict, repr=False)

    def files(self, source: str) -> list[tuple[str, int]]:
        """The raw files of a source: ``(path, bytes)``."""
        if source not in self._files:
            self._files[source] = self.recipe.sources[source].source.files()
        return self._files[source]

    def units(self, source: str) -> list[InputShard]:
        """The raw units of work of a source."""
        if source not in self._units:
            raw = self.recipe.sources[source].source
            # 0 is the size of what a listing names and nobody has looked at.
            sizes = {path: size or None for path, size in self.files(source)}
            versions, checksums = raw.versions(), self.checksums(source)
            self._units[source] = [
                dataclasses.replace(
                    unit,
                    sizes=tuple(map(sizes.get, unit.paths)),
                    versions=tuple(map(versions.get, unit.paths)),
                    checksums=tuple(map(checksums.get, unit.paths)),
                )
                for unit in raw.shards()
            ]
        return self._units[source]

    def checksums(self, source: str) -> dict[str, str]:
        """The checksums of a source's raw files, where the recipe names a list of them."""
        path = self.recipe.sources[source].checksums
        if not path:
            return {}
        return checksums_of(self.files(source), read_checksums(path), path)

    def places(self, key: str) -> Places:
        """The folders of a node."""
        return places(self.output, key)

    def folder(self, key: str) -> str:
        """The folder of a node's shards, or of a model."""
        return self.places(key).shards

    def documents(self, source: str, stage: str) -> list[tuple[int, str]]:
        """The shards of a finished stage: ``(index, path)``."""
        folder = self.folder(documents_key(source, stage))
        return self.manifest(source, stage).paths(folder)

    def shards(self, stage: tuple[str, str]) -> list[str]:
        """The paths of a finished stage's shards, in order."""
        return [path for _, path in self.documents(*stage)]

    def model_location(self, name: str) -> str | None:
        """Where a finished model lies; None where it could not be trained, as the recipe allows."""
        found = self.places(f"models/{name}")
        card = storage.read_json(found.manifest)["card"]
        return self.recipe.models[name].location(found.shards, card)

    def manifest(self, source: str, stage: str) -> StageManifest:
        """The manifest of a finished stage."""
        return StageManifest.load(self.places(documents_key(source, stage)).audit)


@dataclasses.dataclass(frozen=True)
class Node(abc.ABC):
    """One thing that a run makes, with one manifest."""

    key: str
    upstream: tuple[str, ...]

    @abc.abstractmethod
    def config(self, context: Context) -> dict[str, Any]:
        """What the output depends on, beside the upstream and the code's version."""

    def upstream_digests(self, context: Context) -> dict[str, str]:
        """Hash the manifests that the node depends on. They must be finished."""
        return {key: manifest_digest(context.places(key).audit) for key in self.upstream}

    def fingerprint(self, context: Context) -> str:
        """Hash all that the output depends on."""
        return fingerprint(__version__, self.config(context), self.upstream_digests(context))

    def manifest(self, context: Context) -> dict[str, Any] | None:
        """Read the node's manifest, or None where it is not done."""
        path = context.places(self.key).manifest
        if not storage.exists(path):
            return None
        body: dict[str, Any] = storage.read_json(path)
        return body

    def changes(self, context: Context, manifest: Mapping[str, Any]) -> list[str]:
        """Name what changed since a manifest was written; empty where it still holds."""
        if manifest["fingerprint"] == self.fingerprint(context):
            return []
        lines = config.difference(manifest["config"], self.config(context))
        lines += config.difference(manifest["upstream"], self.upstream_digests(context), "upstream")
        lines += config.difference(manifest["pasture"], __version__, "pasture version")
        return lines or ["fingerprint"]


@dataclasses.dataclass(frozen=True)
class BeamNode(Node):
    """A node that a Beam job makes, shard by shard."""

    @abc.abstractmethod
    def elements(self, context: Context) -> list[tuple[int, Any]]:
        """The units of work: ``(index, what the transform takes)``."""

    @abc.abstractmethod
    def transform(
        self, context: Context, folder: StageFolder, pending: frozenset[int]
    ) -> beam.PTransform:
        """The transform that writes the shards."""

    @abc.abstractmethod
    def commit(self, context: Context, folder: StageFolder) -> None:
        """Check what the job wrote, and write the manifest."""

    def needs_every_shard(self) -> bool:
        """Whether the transform must see the shards that are written already, too."""
        return False

    def blocks(
        self, context: Context, elements: list[tuple[int, Any]], workers: int
    ) -> list[list[tuple[int, Any]]]:
        """Split the units into runs that need nothing of each other, for one job each."""
        return [elements]

    def other_elements(self, context: Context) -> list[tuple[int, Any]]:
        """What the transform looks at besides, by negative numbers, and writes nothing of."""
        return []

    def stage_folder(self, context: Context, num_shards: int) -> StageFolder:
        """The folder that the job writes to."""
        found = context.places(self.key)
        return StageFolder(
            found.shards,
            num_shards,
            self.fingerprint(context),
            context.recipe.audit_characters,
            context.recipe.audit_lines,
            found.audit,
            self.columns(context),
        )

    def columns(self, context: Context) -> Columns:
        """The extra columns of the shards, where they hold documents."""
        return {}

    def finish(self, context: Context, folder: StageFolder) -> None:
        """Commit the node, and remove the shards' records."""
        missing = sorted(set(range(folder.num_shards)) - set(folder.finished()))
        if missing:
            raise StageError(
                f"{self.key}: the job ended, but {len(missing)} of {folder.num_shards} shards are "
                f"missing (the first is {missing[0]}); run again to make them"
            )
        self.commit(context, folder)
        folder.remove_records()


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


@dataclasses.dataclass(frozen=True)
class DriverNode(Node):
    """A node that the driver makes itself: a model or the tokenizer."""

    @abc.abstractmethod
    def check(self, context: Context) -> None:
        """Fail before any work where a file or a tool is missing."""

    @abc.abstractmethod
    def make(self, context: Context) -> None:
        """Make it, and write the manifest."""

    def write_manifest(self, context: Context, name: str, card: Mapping[str, Any]) -> None:
        """Write the manifest: the card, and the hash of each file of the folder."""
        folder = context.folder(self.key)
        files = {
            path[len(folder) :].lstrip("/"): storage.sha256(path)
            for path, _ in storage.list_tree(folder)
        }
        body = {
            "model": name,
            "fingerprint": self.fingerprint(context),
            "config": self.config(context),
            "upstream": self.upstream_digests(context),
            "card": card,
            "files": files,
            "pasture": __version__,
        }
        storage.write_json(context.places(self.key).manifest, body)


@dataclasses.dataclass(frozen=True)
class ModelNode(DriverNode):
    """A model that the driver trains, estimates, or takes from the user."""

    @property
    def name(self) -> str:
        """Its name in the recipe's ``models``."""
        return self.key.rsplit("/", 1)[-1]

    def model(self, context: Context) -> Model:
        """The model as the recipe describes it."""
        return context.recipe.models[self.name]

    def config(self, context: Context) -> dict[str, Any]:
        """The model's part of the recipe."""
        model = self.model(context)
        return model.plain(context.recipe) | plugin_code(type(model))

    def check(self, context: Context) -> None:
        """Look for the model, or for the tools that train it."""
        self.model(context).check(self.name)

    def make(self, context: Context) -> None:
        """Make the model."""
        model, folder = self.model(context), context.folder(self.key)
        storage.make_folder(folder)
        given = {"trained": False, "given": True}
        card = given if model.is_given else model.make(context, folder)
        self.write_manifest(context, self.name, card)


@dataclasses.dataclass(frozen=True)
class TokenizerNode(DriverNode):
    """The tokenizer: trained on the last documents of every source, or the user's."""

    def config(self, context: Context) -> dict[str, Any]:
        """The tokenizer's part of the recipe, and what it draws of each source."""
        recipe = context.recipe
        if recipe.mixture is None:
            return recipe.tokenizer.plain(recipe.seed, "natural")
        shares = {name: recipe.mixture.sources[name].proportion for name in recipe.sources}
        return recipe.tokenizer.plain(recipe.seed, shares)

    def check(self, context: Context) -> None:
        """Look at the user's tokenizer."""
        tokens = context.recipe.tokens
        context.recipe.tokenizer.check(bos=tokens.bos, eos=tokens.eos)

    def make(self, context: Context) -> None:
        """Train or copy the tokenizer."""
        recipe = context.recipe
        stages = {}
        for name, source in recipe.sources.items() if not recipe.tokenizer.path else ():
            folder = context.folder(documents_key(name, source.last_stage))
            stages[name] = (context.manifest(name, source.last_stage), folder)
        folder = context.folder(self.key)
        card = recipe.tokenizer.make(stages, recipe.mixture, folder, recipe.seed)
        self.write_manifest(context, "tokenizer", card)


def build_graph(recipe: Recipe) -> dict[str, Node]:
    """List the nodes of a recipe by key, each after what it depends on."""
    nodes: dict[str, Node] = {}
    needed: dict[str, None] = {}
    for name, source in recipe.sources.items():
        key = documents_key(name, EXTRACT)
        nodes[key] = ExtractNode(key, (), name)
        previous = EXTRACT
        for stage in source.stages:
            key = documents_key(name, stage.name)
            against = stage.dedup.against if stage.dedup else ()
            upstream = (
                documents_key(name, previous),
                *(f"models/{n}" for n in stage.needs),
                *(documents_key(*recipe.stage(other)) for other in against),
            )
            nodes[key] = StageNode(key, upstream, name, stage, previous)
            if stage.dedup is not None and stage.dedup.keep_index:
                indexed = previous if stage.dedup.removes == "text" else stage.name
                index = f"{INDEXES}/{name}/{stage.name}"
                upstream = (documents_key(name, indexed),)
                nodes[index] = IndexNode(index, upstream, name, indexed, stage.dedup)
            needed.update(dict.fromkeys(stage.needs))
            previous = stage.name
    for model in needed:
        key = f"models/{model}"
        stages = recipe.models[model].upstream(recipe)
        nodes[key] = ModelNode(key, tuple(documents_key(*stage) for stage in stages))
    last = {name: documents_key(name, s.last_stage) for name, s in recipe.sources.items()}
    trained = () if recipe.tokenizer.path else tuple(last.values())
    nodes["tokenizer"] = TokenizerNode("tokenizer", trained)
    for name in recipe.sources:
        key = f"{TOKENS}/{name}"
        nodes[key] = TokensNode(key, (last[name], "tokenizer"), name)
    return dict(_sorted(nodes))


def deduplicating(nodes: Mapping[str, Node]) -> list[str]:
    """Name the stages that deduplicate, as ``source/stage``."""
    return [
        f"{node.source}/{node.stage}"
        for node in nodes.values()
        if isinstance(node, StageNode) and node.definition.dedup is not None
    ]


def _sorted(nodes: Mapping[str, Node]) -> Iterator[tuple[str, Node]]:
    """Yield the nodes, each after its upstream.

    Raises:
        ConfigError: They depend on each other in a circle.
    """
    done: set[str] = set()
    left = dict(nodes)
    while left:
        ready = [key for key, node in left.items() if done.issuperset(node.upstream)]
        if not ready:
            raise ConfigError(
                "these stages and models wait for each other: "
                + "; ".join(f"{key} needs {', '.join(n.upstream)}" for key, n in left.items())
            )
        for key in ready:
            yield key, left.pop(key)
        done.update(ready)


def closure(nodes: Mapping[str, Node], keys: Iterable[str]) -> dict[str, Node]:
    """Keep the nodes with the given keys and all that they depend on, in order."""
    wanted: set[str] = set()
    stack = list(keys)
    while stack:
        key = stack.pop()
        if key not in wanted:
            wanted.add(key)
            stack.extend(nodes[key].upstream)
    return {key: node for key, node in nodes.items() if key in wanted}
