"""The words of texts, as they stand, and as texts are compared by: case-folded, without marks."""

from __future__ import annotations

import dataclasses
import re
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

_OTHER_MARKS = re.compile(r"[^\w\x00-\x7f]+")
_ASCII_MARKS = bytes(code for code in range(128) if not chr(code).isalnum() and code != ord("\n"))


def normalise_words(words: pa.Array) -> list[str]:
    """Case-fold words, which hold no white space, and drop what is neither letter nor digit."""
    # All at once, with what no word holds between them.
    lines = pa.ListArray.from_arrays(pa.array([0, len(words)], pa.int32()), words)
    text = pc.binary_join(lines, "\n")[0].as_py().casefold()
    if not text.isascii():
        text = _OTHER_MARKS.sub("", text)
    normal: str = text.encode().translate(None, _ASCII_MARKS).decode()
    return normal.split("\n") if len(words) else []


@dataclasses.dataclass(frozen=True, slots=True)
class Words:
    """The words of some texts, as numbers: what stands between white space.

    Args:
        vocabulary: The different words, in the order in which they first come up.
        ids: For each word of all texts, one after the other, its place in the vocabulary.
        counts: How many words each text has.
    """

    vocabulary: pa.StringArray
    ids: npt.NDArray[np.int32]
    counts: npt.NDArray[np.int64]

    @classmethod
    def of(cls, texts: pa.Array) -> Words:
        """Split texts."""
        split = pc.utf8_split_whitespace(texts)
        encoded = split.flatten().dictionary_encode()
        ids = encoded.indices.to_numpy()
        ends = np.cumsum(pc.list_value_length(split).to_numpy())
        empty = pc.index(encoded.dictionary, "").as_py()  # white space at either end of a text
        if empty < 0:
            return cls(encoded.dictionary, ids, np.diff(ends, prepend=0))
        kept = ids != empty
        counts = np.diff(np.concatenate([[0], np.cumsum(kept)])[ends], prepend=0)
        return cls(encoded.dictionary, ids[kept], counts)

    def texts(self) -> npt.NDArray[np.int64]:
        """Give for each word the number of its text."""
        return np.repeat(np.arange(len(self.counts)), self.counts)

    def sums(self, values: npt.NDArray[Any]) -> npt.NDArray[np.int64]:
        """Add up a value of each word, for each text; ``values`` has those of the vocabulary."""
        ends = np.concatenate([[0], np.cumsum(values[self.ids], dtype=np.int64)])
        last = np.cumsum(self.counts)
        sums: npt.NDArray[np.int64] = ends[last] - ends[last - self.counts]
        return sums


def split_words(
    texts: pa.Array,
) -> tuple[list[str], npt.NDArray[np.integer], npt.NDArray[np.int64]]:
    """Split texts into words; a run without white space is one, unless nothing is left of it.

    Returns:
        Normalised words, among them repeats and empty ones; for each word of all texts, its
        place in that list; and how many words each text has.
    """
    split = Words.of(texts)
    words = normalise_words(split.vocabulary)
    is_word = np.fromiter(map(bool, words), bool, len(words))
    kept = is_word[split.ids]
    ends = np.cumsum(split.counts)
    counts = np.diff(np.concatenate([[0], np.cumsum(kept)])[ends], prepend=0)
    return words, split.ids[kept], counts
