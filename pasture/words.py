"""Words as texts are compared by: case-folded, of letters and digits only."""

from __future__ import annotations

import re

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


def split_words(
    texts: pa.Array,
) -> tuple[list[str], npt.NDArray[np.integer], npt.NDArray[np.int64]]:
    """Split texts into words; a run without white space is one, unless nothing is left of it.

    Returns:
        Normalised words, among them repeats and empty ones; for each word of all texts, its
        place in that list; and how many words each text has.
    """
    split = pc.utf8_split_whitespace(texts)
    encoded = split.flatten().dictionary_encode()
    words = normalise_words(encoded.dictionary)
    is_word = np.fromiter(map(bool, words), bool, len(words))
    indices = encoded.indices.to_numpy()
    kept = is_word[indices]
    ends = np.cumsum(pc.list_value_length(split).to_numpy())
    counts = np.diff(np.concatenate([[0], np.cumsum(kept)])[ends], prepend=0)
    return words, indices[kept], counts
