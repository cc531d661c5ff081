"""What the searches for duplicates give, and the rule that ranks copies.

A document's address is ``(shard, row)``: the shard's index in the search and the row in its
file. Of equal or similar documents the best-ranked is kept, and ties go to the lowest address,
so that the answer depends neither on the order nor on the number of workers.
"""

from __future__ import annotations

import dataclasses
from typing import Any, Literal

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

Ints = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float64]
Mask = npt.NDArray[np.bool_]
Array = npt.NDArray[Any]

Keep = Literal[
    "first", "longest", "cleanest", "oldest", "newest", "best_reference", "lowest_perplexity"
]

RANK_COLUMNS: dict[str, str] = {
    "longest": "text",
    "cleanest": "text",
    "oldest": "date",
    "newest": "date",
    "best_reference": "reference_score",
    "lowest_perplexity": "perplexity",
}

MAKERS_WORDS = (
    r"(?i)project gutenberg|\be-?texts?\b|\be-?books?\b|\btranscribers?\b|\bproofread"
    r"|\bscanned by\b|\x{fffd}"
)
"""What the makers of an electronic text write in it, and what wrong decoding leaves; ours."""


@dataclasses.dataclass(frozen=True, slots=True, eq=False)
class DuplicateRows:
    """Rows of one shard that repeat documents elsewhere: parallel arrays, sorted by row.

    Args:
        rows: int64, the rows of the shard.
        of_shard: int32, the shard of the document that each row repeats.
        of_row: int64, the row of that document.
        similarity: float32, how alike the two are, 0 to 1; 1.0 for exact duplicates.
    """

    rows: Ints
    of_shard: npt.NDArray[np.int32]
    of_row: Ints
    similarity: npt.NDArray[np.float32]

    def __len__(self) -> int:
        return len(self.rows)

    def take(self, chosen: Array) -> DuplicateRows:
        """Choose rows by a mask or by positions."""
        return DuplicateRows(
            self.rows[chosen], self.of_shard[chosen], self.of_row[chosen], self.similarity[chosen]
        )

    def to_list(self) -> list[tuple[int, int, int, float]]:
        """Give ``(row, of_shard, of_row, similarity)`` for each row, as Python values."""
        columns = (self.rows, self.of_shard, self.of_row, self.similarity)
        return list(zip(*(column.tolist() for column in columns), strict=True))


def concatenate(parts: list[DuplicateRows]) -> DuplicateRows:
    """Join parts in order."""
    return DuplicateRows(
        np.concatenate([part.rows for part in parts]),
        np.concatenate([part.of_shard for part in parts]),
        np.concatenate([part.of_row for part in parts]),
        np.concatenate([part.similarity for part in parts]),
    )


def rank_columns(keep: Keep) -> list[str]:
    """Name the columns that a rule looks at."""
    return [] if keep == "first" else [RANK_COLUMNS[keep]]


def ranks(batch: pa.RecordBatch, keep: Keep) -> Floats | None:
    """Rank the documents of a batch: the lowest is kept, and NaN (no value) is the worst.

    None means that the address alone decides (``first``).
    """
    if keep == "first":
        return None
    column = batch[RANK_COLUMNS[keep]]
    if keep == "cleanest":
        marks = pc.count_substring_regex(column, MAKERS_WORDS).cast(pa.float64())
        # White space does not count, and no text has 2^31 words.
        words = pc.count_substring_regex(column, r"\S+").cast(pa.float64())
        column = pc.subtract(words, pc.multiply(marks, 2.0**31))
    elif keep == "longest":
        column = pc.utf8_length(column)
    elif keep in ("oldest", "newest"):
        column = column.cast(pa.int64())
    values: Floats = column.cast(pa.float64()).fill_null(np.nan).to_numpy(zero_copy_only=False)
    return values if keep in ("oldest", "lowest_perplexity") else -values
