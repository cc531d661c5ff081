"""Language identification with fastText, and the filter that uses it.

Measures the whole page, as CCNet does: its first thousand characters alone would be five times
faster, and take a page's menu for the page.
"""

from __future__ import annotations

import dataclasses
import importlib.util
import pathlib
from typing import Literal

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from pasture.errors import ConfigError, ModelError
from pasture.filters import fasttext_models
from pasture.filters.base import Annotator, Filter
from pasture.records import replace_column

# The data package of fastText's small model for 176 languages (packages/pasture-lid176).
CARRIER = "pasture_lid176"
DEFAULT_MODEL = "lid.176.ftz"


def default_model() -> str:
    """Return the path of ``lid.176.ftz`` in the data package that carries it.

    Raises:
        ModelError: The package is not installed, or lacks the file.
    """
    found = importlib.util.find_spec(CARRIER)
    for folder in (found and found.submodule_search_locations) or ():
        path = pathlib.Path(folder, DEFAULT_MODEL)
        if path.is_file():
            return str(path)
    raise ModelError(
        f"the language model {DEFAULT_MODEL} is missing; install the package that carries it "
        '("pip install pasture-lid176"), or name a fastText model under '
        "models.language.path in the recipe"
    )


@dataclasses.dataclass(frozen=True)
class LanguageId(Annotator):
    """Measures the language of each text (paper, section 2.1; CCNet, section 2.3).

    Fills every row, those too whose source has said a language. An empty text has none.

    Args:
        model: A fastText model whose labels are language codes; empty for lid.176.ftz.
        mode: ``pasture``: a line end is a space, the score stands as it is. ``ccnet``: line ends
            are deleted, which glues words, and the score is rounded to 2 decimals, so that a
            threshold of 0.5 keeps 0.495.
    """

    name = "language_id"
    needs = "language"
    columns = ("language", "language_score")

    model: str = ""
    mode: Literal["pasture", "ccnet"] = "pasture"

    def setup(self) -> None:
        """Load the model."""
        fasttext_models.load(self.model or default_model(), fresh=True)

    def annotate(self, batch: pa.RecordBatch) -> pa.RecordBatch:
        """Fill ``language`` and ``language_score``."""
        model = fasttext_models.load(self.model or default_model())
        newline = "" if self.mode == "ccnet" else " "
        lines = [fasttext_models.one_line(text, newline) for text in batch["text"].to_pylist()]
        languages, scores = fasttext_models.predict_best(model, lines)
        scores = np.minimum(scores, 1)  # fastText's sums end a little over 1
        if self.mode == "ccnet":
            scores = scores.round(2)
        languages = [
            language if line.strip() else None
            for language, line in zip(languages, lines, strict=True)
        ]
        known = pa.array(languages, pa.string())
        values = pc.if_else(pc.is_valid(known), pa.array(scores), None)
        return replace_column(replace_column(batch, "language", known), "language_score", values)


@dataclasses.dataclass(frozen=True)
class KeepLanguages(Filter):
    """Drops texts in other languages, or whose language is not sure.

    A language without a score was told by the source (a Wikipedia's dump), and counts as sure.

    Args:
        languages: ISO 639 codes that stay (paper, section 2.1: English, in the crawl).
        min_score: Lowest probability that stays, 0 to 1 (CCNet: 0.5).
    """

    name = "keep_languages"

    languages: tuple[str, ...] = ("en",)
    min_score: float = 0.5

    def __post_init__(self) -> None:
        if not self.languages:
            raise ConfigError("languages: an empty list would drop every document")
        if not 0 <= self.min_score <= 1:
            raise ConfigError(f"min_score: {self.min_score} is not between 0 and 1")

    def reasons(self, batch: pa.RecordBatch) -> pa.Array:
        """The reason to drop each document, null where it stays."""
        language, score = batch["language"], batch["language_score"]
        # The column's own type, or a score of float32(0.65) would be under 0.65.
        least = pa.scalar(self.min_score, score.type)
        return pc.case_when(
            pc.make_struct(
                pc.is_null(language),
                pc.invert(pc.is_in(language, pa.array(self.languages, pa.string()))),
                pc.fill_null(pc.less(score, least), False),
            ),
            "language_unknown",
            "other_language",
            "low_language_score",
        )
