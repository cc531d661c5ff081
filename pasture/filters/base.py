"""Row steps: what may be done to the documents of a batch.

A **Filter** drops documents and says why. An **Annotator** fills declared columns and drops
nothing. An **Editor** rewrites the text, and may drop a document while doing so. Measuring and
deciding are separate steps, so that a threshold can change without measuring again.
"""

from __future__ import annotations

import collections
import dataclasses
from collections.abc import Mapping
from typing import Any, ClassVar

import pyarrow as pa
import pyarrow.compute as pc

from pasture import config
from pasture.records import Columns, RemovedLines, snake_case


@dataclasses.dataclass(frozen=True)
class Step:
    """One step of a recipe. A subclass is a frozen dataclass; its fields are its options."""

    name: ClassVar[str]
    """What a recipe calls the step; by default the class's name in snake_case."""
    needs: ClassVar[str | None] = None
    """The kind of model that the step needs. Such a step has a field ``model``: in a recipe it
    names an entry of ``models`` (by default the one that is called like the kind), and the
    pipeline sets it to the model's folder or file."""

    def __init_subclass__(cls, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        if "name" not in cls.__dict__:
            cls.name = snake_case(cls.__name__)

    @property
    def model_name(self) -> str | None:
        """The entry of the recipe's ``models`` that the step uses, if it uses any."""
        if self.needs is None:
            return None
        given: str = getattr(self, "model", "")
        return given or self.needs

    def with_model(self, path: str) -> Step:
        """Return the step with the folder or file of its model."""
        return dataclasses.replace(self, model=path)  # type: ignore[call-arg]

    def new_columns(self) -> Columns:
        """Return the columns beyond the fixed schema that the step adds, with their types.

        The step finds them in each batch, filled with nulls, and replaces them.
        """
        return {}

    def reads(self) -> tuple[str, ...]:
        """Return the columns beyond the fixed schema that the step reads."""
        return ()

    def rooted(self, root: str) -> Step:
        """The step with the relative paths of its files, where it reads any, under a folder."""
        return self

    def plain(self) -> dict[str, Any]:
        """The options that the output depends on, as plain values."""
        body: dict[str, Any] = config.plain(self)
        return body

    def check(self) -> None:
        """Fail where a file that the step reads cannot work. Called before any work starts."""

    def setup(self) -> None:
        """Load models. Called once in each worker process, before the first batch."""


@dataclasses.dataclass(frozen=True)
class Filter(Step):
    """Decides which documents stay.

    Override ``reason`` to look at one text at a time, or ``reasons`` to look at other columns
    or at the whole batch at once.
    """

    def reason(self, text: str) -> str | None:
        """The reason to drop a text, or None to keep it."""
        raise NotImplementedError

    def reasons(self, batch: pa.RecordBatch) -> pa.Array:
        """The reason to drop each document of a batch, null where it stays."""
        return pa.array([self.reason(text) for text in batch["text"].to_pylist()], pa.string())


@dataclasses.dataclass(frozen=True)
class Annotator(Step):
    """Measures documents: fills the columns that it declares."""

    columns: ClassVar[tuple[str, ...]]

    def annotate(self, batch: pa.RecordBatch) -> pa.RecordBatch:
        """Return the batch with ``columns`` filled, rows and order unchanged."""
        raise NotImplementedError

    def marked(self, batch: pa.RecordBatch) -> collections.Counter[str]:
        """Count the marks of an annotated batch that the manifest should tell; here none."""
        return collections.Counter()


_NOTHING: Mapping[str, int] = {}
_NO_LINES = RemovedLines()


@dataclasses.dataclass(frozen=True, slots=True)
class Edit:
    """What an editor made of one text.

    Args:
        text: The new text. An empty one drops the document, with the reason ``empty``.
        reason: Why the whole document is dropped, or None.
        removed: How many parts went that are no lines, by reason.
        lines: The lines that went, each with its reason, in their order.
    """

    text: str
    reason: str | None = None
    removed: Mapping[str, int] = dataclasses.field(default_factory=lambda: _NOTHING)
    lines: RemovedLines = dataclasses.field(default_factory=lambda: _NO_LINES)


@dataclasses.dataclass(frozen=True)
class Editor(Step):
    """Rewrites texts. Override ``edit``, or ``edits`` to look at other columns too."""

    def edit(self, text: str) -> Edit:
        """Rewrite one text."""
        raise NotImplementedError

    def edits(self, batch: pa.RecordBatch) -> list[Edit]:
        """Rewrite the texts of a batch, one ``Edit`` for each row."""
        return [self.edit(text) for text in batch["text"].to_pylist()]


def split(
    batch: pa.RecordBatch, name: str, reasons: pa.Array
) -> tuple[pa.RecordBatch, pa.RecordBatch]:
    """Split a batch into its kept rows, and its dropped rows with their reasons."""
    if reasons.null_count == batch.num_rows:
        empty = batch.slice(0, 0)
        none = pa.array([], pa.string())
        return batch, empty.append_column("drop_filter", none).append_column("drop_reason", none)
    names = pa.array([name] * batch.num_rows, pa.string())
    audited = batch.append_column("drop_filter", names).append_column("drop_reason", reasons)
    return batch.filter(pc.is_null(reasons)), audited.filter(pc.is_valid(reasons))
