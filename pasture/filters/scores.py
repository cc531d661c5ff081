"""Classifiers and embeddings as extra columns, and a filter on any numeric column."""

from __future__ import annotations

import dataclasses
import re
from typing import Literal

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from pasture.errors import ConfigError
from pasture.filters import fasttext_models
from pasture.filters.base import Annotator, Filter
from pasture.records import DOCUMENT_SCHEMA, Columns, replace_column

_NAME = re.compile(r"[a-z][a-z0-9_]*")


@dataclasses.dataclass(frozen=True)
class Classifier(Annotator):
    """Measures the probability of a label under a fastText classifier, in a column of its own.

    Args:
        label: The label, without fastText's ``__label__``.
        column: The column that is added, of type float32; by default ``{label}_score``.
        model: The classifier: in a recipe, an entry of ``models`` of the kind ``classifier``.
    """

    name = "classifier"
    needs = "classifier"
    columns = ()

    label: str
    column: str = ""
    model: str = ""

    def __post_init__(self) -> None:
        if not _NAME.fullmatch(self.score_column):
            raise ConfigError(f"column: give a name in snake_case for the label {self.label!r}")

    @property
    def score_column(self) -> str:
        """The column that is added."""
        return self.column or f"{self.label}_score"

    def new_columns(self) -> Columns:
        """The column of the label's probability."""
        return {self.score_column: "float32"}

    def setup(self) -> None:
        """Load the model, and check that it has the label.

        Raises:
            ModelError: It has not.
        """
        fasttext_models.check_label(self.model, self.label)

    def annotate(self, batch: pa.RecordBatch) -> pa.RecordBatch:
        """Fill the column; an empty text has no probability."""
        values = fasttext_models.score_texts(self.model, batch["text"].to_pylist(), self.label)
        return replace_column(batch, self.score_column, pa.array(values, pa.float64()))


@dataclasses.dataclass(frozen=True)
class Embed(Annotator):
    """Measures the embedding of each text, a vector of unit length, in a column of its own.

    Args:
        column: The column that is added, of type ``list<float32>``.
        model: Word vectors: in a recipe, an entry of ``models`` of the kind ``embedding``.
    """

    name = "embed"
    needs = "embedding"
    columns = ()

    column: str = "embedding"
    model: str = ""

    def new_columns(self) -> Columns:
        """The column of the vectors."""
        return {self.column: "list<float32>"}

    def setup(self) -> None:
        """Load the vectors."""
        fasttext_models.load_vectors(self.model, fresh=True)

    def annotate(self, batch: pa.RecordBatch) -> pa.RecordBatch:
        """Fill the column; a text without a known word has no embedding."""
        model = fasttext_models.load_vectors(self.model)
        values: list[np.ndarray | None] = []
        for text in batch["text"].to_pylist():
            vector = model.get_sentence_vector(fasttext_models.one_line(text))
            length = float(np.linalg.norm(vector))
            values.append(vector / length if length > 0 else None)
        return replace_column(batch, self.column, pa.array(values, pa.list_(pa.float32())))


@dataclasses.dataclass(frozen=True)
class KeepScores(Filter):
    """Drops documents whose value of a numeric column is under a minimum or over a maximum.

    Args:
        column: A column of the schema, or one that the source or an earlier step adds.
        min: Lowest value that is kept.
        max: Highest value that is kept.
        missing: Whether a document without a value is dropped or kept.
    """

    name = "keep_scores"

    column: str
    min: float | None = None
    max: float | None = None
    missing: Literal["drop", "keep"] = "drop"

    def __post_init__(self) -> None:
        if self.min is None and self.max is None:
            raise ConfigError("min, max: give at least one of them")
        if self.min is not None and self.max is not None and self.min > self.max:
            raise ConfigError(f"min: {self.min} is over max, {self.max}")
        if self.column in DOCUMENT_SCHEMA.names:
            kind = DOCUMENT_SCHEMA.field(self.column).type
            if not pa.types.is_floating(kind):
                raise ConfigError(f"column: {self.column} is of type {kind}, and not a number")

    def reads(self) -> tuple[str, ...]:
        """The column, where it is not one of the fixed schema."""
        return () if self.column in DOCUMENT_SCHEMA.names else (self.column,)

    def reasons(self, batch: pa.RecordBatch) -> pa.Array:
        """The reason to drop each document: ``low_``, ``high_`` or ``no_`` and the column."""
        values = batch[self.column]
        if not pa.types.is_floating(values.type):
            values = values.cast(pa.float64())
        nothing = pa.scalar(None, pa.string())

        def beyond(limit: float | None, is_beyond: pc.Function) -> pa.Array:
            if limit is None:
                return pa.array([False] * len(values))
            # The column's own type, or a score of float32(0.65) would be under 0.65.
            found = is_beyond(values, pa.scalar(limit, values.type))
            return pc.fill_null(found, False)

        unknown = nothing if self.missing == "keep" else pa.scalar(f"no_{self.column}")
        return pc.case_when(
            pc.make_struct(
                pc.is_null(values, nan_is_null=True),
                beyond(self.min, pc.less),
                beyond(self.max, pc.greater),
            ),
            unknown,
            f"low_{self.column}",
            f"high_{self.column}",
            nothing,
        )
