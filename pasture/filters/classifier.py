"""The classifier of pages that Wikipedia cites, and the filter that uses it."""

from __future__ import annotations

import dataclasses
from typing import Literal

import pyarrow as pa
import pyarrow.compute as pc

from pasture.errors import ConfigError, ModelError
from pasture.filters import fasttext_models
from pasture.filters.base import Annotator, Filter
from pasture.records import replace_column

REFERENCE, OTHER = "reference", "other"


@dataclasses.dataclass(frozen=True)
class ReferenceClassifier(Annotator):
    """Measures how likely a page is one that Wikipedia uses as a reference.

    Paper, section 2.1: a linear model that tells pages used as references in Wikipedia from
    randomly sampled ones. The probability is that of balanced training classes.

    Args:
        model: A supervised fastText model.
        label: The model's label for references (the one trained by RedPajama: ``wiki``).
    """

    name = "reference_classifier"
    needs = "reference"
    columns = ("reference_score",)

    model: str = ""
    label: str = REFERENCE

    def setup(self) -> None:
        """Load the model, and check that it has the label."""
        if not self.model:
            raise ModelError(
                'no reference classifier; train one with "pasture models train reference", or '
                "name a fastText model under models.reference.path in the recipe"
            )
        fasttext_models.check_label(self.model, self.label)

    def annotate(self, batch: pa.RecordBatch) -> pa.RecordBatch:
        """Fill ``reference_score``; an empty text has none."""
        values = fasttext_models.score_texts(self.model, batch["text"].to_pylist(), self.label)
        return replace_column(batch, "reference_score", pa.array(values, pa.float64()))


@dataclasses.dataclass(frozen=True)
class KeepReferences(Filter):
    """Drops pages that are not classified as references (paper, section 2.1).

    Args:
        min_score: Lowest probability that stays, 0 to 1 (paper: the likelier class, which is
            0.5; RedPajama: 0.25).
        missing: Whether a page without a score is dropped or kept.
    """

    name = "keep_references"

    min_score: float = 0.5
    missing: Literal["drop", "keep"] = "drop"

    def __post_init__(self) -> None:
        if not 0 <= self.min_score <= 1:
            raise ConfigError(f"min_score: {self.min_score} is not between 0 and 1")

    def reasons(self, batch: pa.RecordBatch) -> pa.Array:
        """The reason to drop each document, null where it stays."""
        score = batch["reference_score"]
        low = pc.less(score, pa.scalar(self.min_score, score.type))
        nothing = pa.scalar(None, pa.string())
        unknown = nothing if self.missing == "keep" else pa.scalar("no_reference_score")
        found = pc.if_else(pc.fill_null(low, False), "not_a_reference", nothing)
        return pc.if_else(pc.is_null(score), unknown, found)
