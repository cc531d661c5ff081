"""Running a recipe: plan, skip what is done, run what is ready, commit.

Stages are materialised, and each commits by writing its manifest last. One Beam job runs every
stage that is ready, of all sources, so a whole corpus is a handful of jobs; only the local runner
takes more, where a deduplication compares blocks of shards. Models are trained by the driver
between jobs.
"""

from __future__ import annotations

import dataclasses
import itertools
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Literal, Protocol

import apache_beam as beam
import yaml
from apache_beam.options.pipeline_options import DirectOptions, PipelineOptions, StandardOptions

from pasture import config, storage
from pasture.driver.lock import output_lock
from pasture.errors import PastureError, StageError
from pasture.graph import (
    BeamNode,
    Context,
    DocumentsNode,
    DriverNode,
    ExtractNode,
    Node,
    StageNode,
    TokensNode,
    build_graph,
    closure,
    deduplicating,
)
from pasture.manifests.layout import check_layout
from pasture.manifests.mixture import natural_mixture, write_realised
from pasture.manifests.shards import StageManifest
from pasture.recipes.schema import Recipe
from pasture.runners.options import LOCAL_RUNNER, beam_options
from pasture.runners.work import JobUse, Stopwatch, Work, step_label
from pasture.sources.base import InputShard
from pasture.stages.failures import tell_failures
from pasture.stages.indexes import check_index
from pasture.stages.shards import RECORDS, StageFolder
from pasture.stages.tokens import write_corpus_manifest

POLL_SECONDS = 0.3


class Progress(Protocol):
    """What a run tells while it goes on. The command line draws it; a program may ignore it."""

    def started(self, key: str, total: int) -> None:
        """A stage or model has been started; ``total`` is its number of shards."""

    def advanced(self, key: str, done: int) -> None:
        """So many of its shards are written."""

    def finished(self, key: str, manifest: Mapping[str, Any], skipped: bool) -> None:
        """It is committed; ``skipped`` where an earlier run did it."""

    def used(self, use: JobUse) -> None:
        """A job has ended, or a model is trained: what it took."""

    def note(self, text: str) -> None:
        """Something that the user should know."""


class Silent:
    """Tells nothing."""

    def started(self, key: str, total: int) -> None:
        """Ignore it."""

    def advanced(self, key: str, done: int) -> None:
        """Ignore it."""

    def finished(self, key: str, manifest: Mapping[str, Any], skipped: bool) -> None:
        """Ignore it."""

    def used(self, use: JobUse) -> None:
        """Ignore it."""

    def note(self, text: str) -> None:
        """Ignore it."""


@dataclasses.dataclass(frozen=True)
class PlannedNode:
    """One line of a plan.

    Args:
        key: The stage or model.
        state: ``done``, ``to do``, or ``changed`` (done, but with another config or input).
        shards: How many shards it has, where that is known before it runs.
        bytes: Raw bytes that an extraction reads.
        needs: The stages and models that must be done first.
    """

    key: str
    state: Literal["done", "to do", "changed"]
    shards: int | None
    bytes: int | None
    needs: tuple[str, ...]


def choose(
    graph: Mapping[str, Node], source: str | None = None, until: str | None = None
) -> dict[str, Node]:
    """Keep the part of a graph that leads to a source's (or every source's) stage.

    Raises:
        ConfigError: There is no such source or stage.
    """
    keys = [key for key in graph if key.startswith(("documents/", "indexes/", "tokens/"))]
    if source is not None:
        known = sorted({key.split("/")[1] for key in keys})
        config.one_of(source, known, "--source", "source")
        keys = [key for key in keys if key.split("/")[1] == source]
    if until is not None:
        known = sorted({key.split("/")[2] for key in keys if key.startswith("documents/")})
        name = config.one_of(until, [*known, "documents", "tokens"], "--until", "stage")
        if name == "documents":
            keys = [key for key in keys if not key.startswith("tokens/")]
        elif name != "tokens":
            keys = [key for key in keys if key.endswith(f"/{name}")]
    return closure(graph, keys)


def plan(recipe: Recipe, output: str | None) -> list[PlannedNode]:
    """List what a run would do. Reads listings and manifests only."""
    lines = []
    done: set[str] = set()
    context = Context(recipe, output or "")
    if output:
        check_layout(output)
    for key, node in build_graph(recipe).items():
        manifest = node.manifest(context) if output else None
        state: Literal["done", "to do", "changed"] = "to do"
        if manifest is not None and done.issuperset(node.upstream):
            state = "changed" if node.changes(context, manifest) else "done"
        if state == "done":
            done.add(key)
        shards: int | None = None
        size: int | None = None
        if isinstance(node, ExtractNode):
            units = [unit for _, unit in node.elements(context)]
            shards, size = len(units), sum(unit.bytes for unit in units)
        elif manifest is not None and "shards" in manifest:
            shards = len(manifest["shards"])
        lines.append(PlannedNode(key, state, shards, size, node.upstream))
    return lines


def run_recipe(
    recipe: Recipe,
    output: str,
    *,
    source: str | None = None,
    until: str | None = None,
    force: bool = False,
    allow_removal: Sequence[str] = (),
    workers: int = 1,
    flags: Sequence[str] = (),
    progress: Progress | None = None,
    units: Mapping[str, list[InputShard]] | None = None,
) -> None:
    """Run a recipe, or the part of it that leads to one source's stage.

    Args:
        recipe: The checked recipe.
        output: Folder or bucket of the output; made where it is absent.
        source: Only this source, and what it needs.
        until: Only up to this stage (``20-language``, ``documents``, ``tokens``).
        force: Make stages anew whose config or input changed; without it the run stops there.
        allow_removal: Deduplications, as ``source/stage``, that may remove more than their
            ``max_removed``; without it the run stops there.
        workers: Worker processes of the local runner.
        flags: Beam's own flags.
        progress: Told what happens.
        units: The raw units to read of each source, in place of all: a sample.

    Raises:
        PastureError: Something cannot work; what is done stays, and a later run goes on there.
    """
    progress = progress or Silent()
    output = storage.absolute(output)
    check_layout(output)
    graph = build_graph(recipe)
    deduplications = deduplicating(graph)
    for name in allow_removal:
        config.one_of(name, deduplications, "--allow-removal", "deduplication")
    context = Context(recipe, output, frozenset(allow_removal), _units=dict(units or {}))
    options = beam_options(flags, workers)
    wanted = choose(graph, source, until)
    check_before(context, wanted)
    storage.make_folder(output)
    with output_lock(output):
        storage.remove_partial(output)
        _make(context, wanted, options, force, progress)


def _make(
    context: Context,
    wanted: Mapping[str, Node],
    options: PipelineOptions,
    force: bool,
    progress: Progress,
) -> None:
    """Make every node that is not done, a wave of ready ones at a time; then the mixture."""
    done: set[str] = set()
    while len(done) < len(wanted):
        ready = [
            node
            for key, node in wanted.items()
            if key not in done and done.issuperset(node.upstream)
        ]
        to_make = [node for node in ready if not _is_done(context, node, force, progress)]
        # Models first: the stages that they make ready join the next job.
        trained = [node for node in to_make if isinstance(node, DriverNode)]
        jobs = [] if trained else [node for node in to_make if isinstance(node, BeamNode)]
        for node in trained:
            progress.started(node.key, 1)
            watch = Stopwatch()
            with _Poll({node.key: lambda: 0}, progress):
                node.make(context)
            progress.used(watch.stop({node.key: Work(watch.seconds())}))
            _tell(context, node, progress)
        if jobs:
            _run_stages(context, jobs, options, progress)
        waiting = {node.key for node in to_make} - {node.key for node in (*trained, *jobs)}
        done.update({node.key for node in ready} - waiting)
    with storage.atomic_write(storage.join(context.output, "recipe.yaml")) as stream:
        stream.write(yaml.safe_dump(dict(context.recipe.body), sort_keys=False).encode())
    if any(isinstance(node, TokensNode) for node in wanted.values()):
        _write_mixture(context, progress)
    for key, stage in wanted.items():
        if isinstance(stage, DocumentsNode):
            folder = context.places(key).audit
            for line in tell_failures(folder, StageManifest.load(folder)):
                progress.note(line)


def check_before(context: Context, wanted: Mapping[str, Node]) -> None:
    """Fail before any work: list the inputs, and look for models, tools, indexes and files."""
    for node in wanted.values():
        if isinstance(node, ExtractNode):
            node.elements(context)
        elif isinstance(node, DriverNode):
            node.check(context)
        elif isinstance(node, StageNode):
            for step in node.definition.steps:
                step.check()
            if node.definition.dedup is not None:
                for path in node.definition.dedup.index:
                    check_index(node.definition.dedup, path)


def _is_done(context: Context, node: Node, force: bool, progress: Progress) -> bool:
    manifest = node.manifest(context)
    if manifest is None:
        return False
    changes = node.changes(context, manifest)
    if not changes:
        # A run that was killed just after it committed the node left them.
        storage.remove_tree(storage.join(context.places(node.key).audit, RECORDS))
        progress.finished(node.key, manifest, skipped=True)
        return True
    if not force:
        raise StageError(
            f"{node.key} was made with another config or input:\n  "
            + "\n  ".join(changes)
            + "\nRun with --force to make it and what depends on it anew, or choose another output."
        )
    # The manifest first: half a folder is never taken for a whole one.
    storage.remove_tree(context.places(node.key).manifest)
    for folder in context.places(node.key).folders:
        storage.remove_tree(folder)
    return False


def _tell(context: Context, node: Node, progress: Progress) -> None:
    manifest = node.manifest(context)
    assert manifest is not None
    for line in manifest.get("card", {}).get("notes", []):
        progress.note(f"{node.key}: {line}")
    progress.finished(node.key, manifest, skipped=False)


def _run_stages(
    context: Context, nodes: Sequence[BeamNode], options: PipelineOptions, progress: Progress
) -> None:
    """Run the stages that are ready, of all sources; commit each.

    They are one Beam job. The local runner keeps what a job shuffles in memory until its end, so
    there a deduplication within blocks of shards takes a job for each block.
    """
    is_local = options.view_as(StandardOptions).runner == LOCAL_RUNNER
    workers = options.view_as(DirectOptions).direct_num_workers
    folders: list[tuple[BeamNode, StageFolder]] = []
    parts: list[list[_Part]] = []
    for node in nodes:
        elements = node.elements(context)
        folder = node.stage_folder(context, len(elements))
        folder.clean()
        finished = folder.finished()
        folders.append((node, folder))
        progress.started(node.key, len(elements))
        runs = [
            _Part(node, folder, block, frozenset(index for index, _ in block) - set(finished))
            for block in (node.blocks(context, elements, workers) if is_local else [elements])
        ]
        parts.append([part for part in runs if part.pending])
    with _Poll({node.key: folder.num_finished for node, folder in folders}, progress):
        for job in itertools.zip_longest(*parts):
            _run_job(context, [part for part in job if part], options, progress)
    for node, folder in folders:
        node.finish(context, folder)
        _tell(context, node, progress)


@dataclasses.dataclass(frozen=True)
class _Part:
    """What one job makes of a stage."""

    node: BeamNode
    folder: StageFolder
    elements: Sequence[tuple[int, Any]]
    pending: frozenset[int]


def _run_job(
    context: Context, parts: Sequence[_Part], options: PipelineOptions, progress: Progress
) -> None:
    """Run one Beam job, and tell what it took."""
    pipeline = beam.Pipeline(options=options)
    for part in parts:
        add_stage(pipeline, context, part.node, part.folder, part.elements, part.pending)
    watch = Stopwatch()
    work = _wait(pipeline)
    labels = {step_label(part.node.key): part.node.key for part in parts}
    told = {labels[label]: done for label, done in work.items() if label in labels}
    progress.used(watch.stop(told))


def add_stage(
    pipeline: beam.Pipeline,
    context: Context,
    node: BeamNode,
    folder: StageFolder,
    elements: Sequence[tuple[int, Any]],
    pending: frozenset[int],
) -> None:
    """Add one stage to a Beam job, its steps labelled by its key."""
    if not node.needs_every_shard():
        elements = [element for element in elements if element[0] in pending]
    elements = [*elements, *node.other_elements(context)]
    label = step_label(node.key)
    (
        pipeline
        | f"{label}.Shards" >> beam.Create(elements, reshuffle=True)
        | label >> node.transform(context, folder, pending)
    )


def _wait(pipeline: beam.Pipeline) -> Mapping[str, Work]:
    """Run a job to its end; return what its stages took by label, where the runner tells."""
    try:
        result = pipeline.run()
        result.wait_until_finish()
    except PastureError:
        raise
    except RuntimeError as error:
        # Beam gives a worker's error as text; its last line is the error itself.
        lines = [line for line in str(error).strip().splitlines() if line.strip()]
        raise StageError(f"the Beam job failed: {lines[-1].strip() if lines else error}") from error
    work: Mapping[str, Work] = getattr(result, "work", {})
    return work


class _Poll:
    """Tells how many shards are finished while a job runs, on any runner: counts their records.

    A model has none, but whoever watches should hear that its training goes on.
    """

    def __init__(self, counts: Mapping[str, Callable[[], int]], progress: Progress) -> None:
        self._counts, self._progress = counts, progress
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._watch, daemon=True)

    def __enter__(self) -> None:
        self._thread.start()

    def __exit__(self, *error: object) -> None:
        self._stop.set()
        self._thread.join()

    def _watch(self) -> None:
        pause = POLL_SECONDS
        while not self._stop.wait(pause):
            start = time.monotonic()
            for key, count in self._counts.items():
                self._progress.advanced(key, count())
            # Listing a bucket, or many shards, takes its time: at most a twentieth of the run's.
            pause = max(POLL_SECONDS, 20 * (time.monotonic() - start))


def _write_mixture(context: Context, progress: Progress) -> None:
    """Write ``mixture.yaml`` once the tokens of every source of the recipe are there."""
    counts = {}
    for name in context.recipe.sources:
        path = context.places(f"tokens/{name}").manifest
        if not storage.exists(path):
            return
        counts[name] = int(storage.read_json(path)["splits"]["train"]["tokens"])
    present = {name for name, count in counts.items() if count}
    for name in sorted(set(counts) - present):
        progress.note(f"{name}: no document was left to train on")
    if not present:
        raise StageError("no source has a document left; read what was dropped: pasture audit")
    mixture = (context.recipe.mixture or natural_mixture(counts)).rescaled(present)
    realised = mixture.plan(counts, context.recipe.budget_tokens)
    write_realised(storage.join(context.output, "mixture.yaml"), realised)
    write_corpus_manifest(context.output, context.recipe, realised)
    for line in realised.warnings():
        progress.note(line)
