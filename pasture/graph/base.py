"""What every node of the graph has: a key, what it depends on, and a fingerprint."""

from __future__ import annotations

import abc
import dataclasses
from collections.abc import Mapping
from typing import Any

import apache_beam as beam

from pasture import __version__, config, storage
from pasture.errors import StageError
from pasture.manifests.layout import Places, documents_key, places
from pasture.manifests.shards import (
    StageManifest,
    fingerprint,
    manifest_digest,
)
from pasture.recipes.schema import (
    Recipe,
)
from pasture.records import Columns
from pasture.sources.base import InputShard, checksums_of, read_checksums
from pasture.stages.shards import StageFolder


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
