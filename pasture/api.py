"""Pasture as a library: recipes, runs, outputs, sources and steps for programs and notebooks.

Everything here is also in the package itself: ``pasture.load_recipe``, ``pasture.step``.
"""

from __future__ import annotations

import dataclasses
import itertools
import json
from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any, overload

import pyarrow as pa
import pyarrow.dataset as ds

from pasture import config, storage
from pasture.errors import ConfigError, InputError
from pasture.filters.base import Annotator, Editor, Filter, Step
from pasture.manifests.outputs import Decision, Output
from pasture.manifests.outputs import explain as explain_key
from pasture.manifests.shards import StageManifest
from pasture.recipes.load import Registry, load_recipe
from pasture.recipes.schema import Recipe
from pasture.records import (
    DOCUMENT_SCHEMA,
    Columns,
    Document,
    documents_to_batch,
    to_batches,
    with_columns,
)
from pasture.sources.base import Rejected

if TYPE_CHECKING:
    from pasture.driver.run import Progress
    from pasture.tokenize.reader import TokenStream
    from pasture.tokenize.writer import Split

__all__ = [
    "Documents",
    "Outcome",
    "StepCall",
    "documents",
    "explain",
    "load_recipe",
    "run",
    "source",
    "step",
    "tokens",
]


def run(
    recipe: Recipe | str,
    output: str,
    *,
    input: str | None = None,  # noqa: A002 (the name of the command's option)
    until: str | None = None,
    workers: int = 1,
    force: bool = False,
    progress: Progress | None = None,
) -> Output:
    """Run a recipe, or what is left of it, and return its output.

    Args:
        recipe: A recipe, its file, or a built-in name.
        output: Folder or bucket of the output.
        input: Folder under which relative inputs lie, where ``recipe`` is a name or a file.
        until: Only up to this stage (``20-language``, ``documents``, ``tokens``).
        workers: Worker processes of the local runner.
        force: Make stages anew whose config or input changed.
        progress: Callbacks for what happens.

    Raises:
        PastureError: Something cannot work; a later run continues with what is done.
    """
    from pasture.driver.run import run_recipe

    loaded = load_recipe(recipe, input) if isinstance(recipe, str) else recipe
    run_recipe(loaded, output, until=until, workers=workers, force=force, progress=progress)
    return Output(storage.absolute(output))


@dataclasses.dataclass(frozen=True)
class Documents:
    """The documents of a finished stage: an iterable of rows, or an Arrow dataset.

    Args:
        manifest: The stage's manifest, with its counts.
        paths: The Parquet files, in order.
    """

    manifest: StageManifest
    paths: tuple[str, ...]

    def __iter__(self) -> Iterator[dict[str, Any]]:
        """Yield each document as a mapping of its columns; ``metadata`` is decoded."""
        for path in self.paths:
            for batch in storage.read_batches(path):
                for row in batch.to_pylist():
                    row["metadata"] = json.loads(row["metadata"] or "{}")
                    yield row

    def __len__(self) -> int:
        """Return the number of documents."""
        return int(self.manifest.totals()["rows"])

    def dataset(self) -> ds.Dataset:
        """Return the files as an Arrow dataset, for queries and for pandas, polars or DuckDB."""
        fs, _ = storage.file_system(self.paths[0])
        inner = [storage.file_system(path)[1] for path in self.paths]
        return ds.dataset(inner, filesystem=fs, format="parquet")


def documents(output: Output | str, source: str, stage: str | None = None) -> Documents:
    """Return the documents of a stage of a source, by default of its last finished one.

    Raises:
        StageError: The output holds no such source.
        ConfigError: The source has no such stage.
    """
    opened = Output(storage.absolute(output)) if isinstance(output, str) else output
    stages = {found.stage: found for found in opened.stages(source)}
    name = next(reversed(stages)) if stage is None else stage
    manifest = stages[config.one_of(name, stages, source, "stage")]
    paths = manifest.paths(opened.stage_folder(manifest))
    return Documents(manifest, tuple(path for _, path in paths))


def explain(output: Output | str, key: str) -> list[Decision]:
    """Follow a document, named by its id or URL, through every stage of its source.

    Raises:
        StageError: No stage has seen it.
    """
    opened = Output(storage.absolute(output)) if isinstance(output, str) else output
    return explain_key(opened, key)


def tokens(output: Output | str, source: str, split: Split = "train") -> TokenStream:
    """Open the memory-mapped token shards of a source as one stream.

    Args:
        output: The output.
        source: The source.
        split: ``train`` or ``validation``.

    Raises:
        ConfigError: The output holds no tokens of the source.
    """
    from pasture.tokenize.reader import TokenCorpus

    root = storage.absolute(output) if isinstance(output, str) else output.root
    streams = TokenCorpus.open(root, split).streams
    return streams[config.one_of(source, streams, "tokens", "source")]


def source(kind: str, *inputs: str, **options: Any) -> Iterator[Document | Rejected]:
    """Read raw files as a source of a kind does, one record after the other.

    Raises:
        ConfigError: There is no such kind, or an option cannot work.
        InputError: A pattern matches no file.
    """
    known = Registry.of().sources
    made = config.load(known.get(kind, "source"), {**options, "inputs": list(inputs)}, kind)
    for shard in made.shards():
        yield from made.read(shard)


@dataclasses.dataclass(frozen=True)
class Outcome:
    """What a step does to one document.

    Args:
        id: The document's id.
        text: Its text afterwards; of a dropped document, its text before.
        reason: Why it is dropped; None where it is kept.
        columns: The columns that the step measured.
        removed: The lines that the step removed, each with its reason.
    """

    id: str
    text: str
    reason: str | None = None
    columns: Mapping[str, Any] = dataclasses.field(default_factory=dict)
    removed: Sequence[tuple[str, str]] = ()

    def summary(self) -> str:
        """Say in a few words what happened."""
        if self.reason is not None:
            return f"dropped: {self.reason}"
        parts = [f"{name}={value}" for name, value in self.columns.items()]
        if self.removed:
            parts.append(f"{len(self.removed)} lines removed")
        return ", ".join(["kept", *parts])


def try_step(step: Step, batches: Iterator[pa.RecordBatch]) -> Iterator[Outcome]:
    """Yield what a step does to each document of some batches."""
    step.setup()
    for batch in batches:
        yield from _outcomes(step, batch)


def _outcomes(step: Step, batch: pa.RecordBatch) -> Iterator[Outcome]:
    batch = _widened(step, batch)
    ids, texts = batch["id"].to_pylist(), batch["text"].to_pylist()
    if isinstance(step, Annotator):
        names = (*step.columns, *step.new_columns())
        measured = step.annotate(batch).select(list(names)).to_pylist()
        for name, text, columns in zip(ids, texts, measured, strict=True):
            yield Outcome(name, text, columns=columns)
    elif isinstance(step, Filter):
        for name, text, reason in zip(ids, texts, step.reasons(batch).to_pylist(), strict=True):
            yield Outcome(name, text, reason)
    elif isinstance(step, Editor):
        for name, text, edit in zip(ids, texts, step.edits(batch), strict=True):
            reason = edit.reason or ("empty" if not edit.text.strip() else None)
            removed = tuple(zip(edit.lines.texts, edit.lines.reasons, strict=True))
            yield Outcome(name, text if reason else edit.text, reason, removed=removed)


def _widened(step: Step, batch: pa.RecordBatch) -> pa.RecordBatch:
    """Add the step's own columns to a batch, null."""
    new = {
        name: kind for name, kind in step.new_columns().items() if name not in batch.schema.names
    }
    if not new:
        return batch
    extra = with_columns(batch.select(DOCUMENT_SCHEMA.names), new)
    for name in new:
        batch = batch.append_column(extra.schema.field(name), extra[name])
    return batch


@dataclasses.dataclass(frozen=True)
class StepCall:
    """A row step to call on a text or on an Arrow batch of documents.

    Args:
        step: The step, its model loaded.
    """

    step: Step

    @overload
    def __call__(self, documents: str) -> Outcome: ...

    @overload
    def __call__(self, documents: pa.RecordBatch) -> pa.RecordBatch: ...

    def __call__(self, documents: str | pa.RecordBatch) -> Outcome | pa.RecordBatch:
        """Return what happens to a text; of a batch, the rows that are kept, as they become."""
        if isinstance(documents, str):
            row = Document(id="text", source="text", text=documents)
            return next(_outcomes(self.step, documents_to_batch([row])))
        batch = _widened(self.step, documents)
        if isinstance(self.step, Annotator):
            return self.step.annotate(batch)
        outcomes = list(_outcomes(self.step, batch))
        index = batch.schema.get_field_index("text")
        texts = pa.array([outcome.text for outcome in outcomes], pa.string())
        edited = batch.set_column(index, batch.schema.field(index), texts)
        return edited.filter(pa.array([outcome.reason is None for outcome in outcomes]))


def step(name: str, *, plugins: Sequence[str] = (), **options: Any) -> StepCall:
    """Make a row step by its name; ``options`` are those of a recipe.

    Args:
        name: Its name, such as ``gopher_quality``.
        plugins: Plug-in files to look into, too.
        **options: Its options. A step that needs a model takes its file or folder as ``model``.

    Raises:
        ConfigError: There is no such step, or an option cannot work.
        ModelError: Its model is missing.
    """
    made = make_step({name: options}, plugins)
    made.setup()
    return StepCall(made)


def make_step(value: Any, plugins: Sequence[str] = ()) -> Step:
    """Make a step from what a recipe says: a name, or a name with its options.

    Raises:
        ConfigError: It cannot be one.
    """
    if isinstance(value, str):
        value = {value: {}}
    if not isinstance(value, Mapping) or len(value) != 1:
        raise ConfigError(f"a step is a name, or a name with its options; got {value!r}")
    ((name, options),) = value.items()
    kind = Registry.of(tuple(plugins)).steps.get(str(name), "step")
    return config.load(kind, options, str(name)).rooted(".")


def read_texts(path: str, limit: int) -> Iterator[pa.RecordBatch]:
    """Read the first documents of a file: JSON lines or Parquet with ``text``, or plain text.

    Raises:
        InputError: The file has no column ``text``, or a line of it is not an object.
    """
    if path.endswith(".parquet"):
        yield from _parquet(path, limit)
        return
    with storage.open_read(path) as stream:
        if not path.endswith((".jsonl", ".json", ".ndjson")):
            text = stream.read().decode("utf-8", "replace")
            rows = [Document(id=path.rsplit("/", 1)[-1], source="file", text=text)]
        else:
            lines = itertools.islice(enumerate(stream, start=1), limit)
            rows = [_json_document(path, number, line) for number, line in lines]
    yield from to_batches(rows)


def _json_document(path: str, number: int, line: bytes) -> Document:
    try:
        row = json.loads(line)
        text = row["text"]
    except (ValueError, KeyError, TypeError, RecursionError):
        text = None
    if not isinstance(text, str):
        name = path.rsplit("/", 1)[-1]
        raise InputError(f'{name}, line {number}: expected an object with a string "text"')
    known = {key: row[key] for key in ("id", "url", "language") if isinstance(row.get(key), str)}
    return Document(**{"id": str(number), **known}, source="file", text=text)


def _parquet(path: str, limit: int) -> Iterator[pa.RecordBatch]:
    left = limit
    for batch in storage.read_batches(path):
        if "text" not in batch.schema.names:
            raise InputError(f"{path} has no column text, but {', '.join(batch.schema.names)}")
        rows = batch[:left]
        extra: Columns = {}
        yield rows if rows.schema.names[:2] == ["id", "source"] else _as_documents(rows, extra)
        left -= rows.num_rows
        if left <= 0:
            return


def _as_documents(rows: pa.RecordBatch, columns: Columns) -> pa.RecordBatch:
    texts = rows["text"].to_pylist()
    found = [Document(str(i), "file", text or "") for i, text in enumerate(texts, start=1)]
    return documents_to_batch(found, columns)
