"""The text that the n-gram models see: CCNet's normalised form, one line a document.

Case, accents and the values of digits go, punctuation becomes ASCII, control characters
(line ends among them) are deleted without a space in their place. Models are only right on
text in the form that they were trained on, so training and scoring share this module.
"""

from __future__ import annotations

import functools
import itertools
import re
import sys
import unicodedata

import numpy as np
import numpy.typing as npt

# CCNet's table (Wenzek et al. 2020; SOURCES of its published models). A full-width "1" is a digit
# before this table is reached, so CCNet's entry for it never fires and is left out.
PUNCTUATION = {
    **dict.fromkeys("„”“«»」「《》", '"'),
    **dict.fromkeys("´’", "'"),
    **dict.fromkeys("∶：", ":"),
    **dict.fromkeys("，、", ","),
    **dict.fromkeys("–━►", "-"),
    "。": ".",
    "？": "?",
    "！": "!",
    "（": "(",
    "）": ")",
    "；": ";",
    "～": "~",
    "〈": "<",
    "〉": ">",
    "【": "[",
    "】": "]",
    "％": "%",
}
LONG_PUNCTUATION = {"—": " - ", "．": ". ", "…": "..."}

_DIGIT = re.compile(r"\d")
_ASCII = {
    c: None if c < 32 or c == 127 else "0" if chr(c).isdigit() else chr(c) for c in range(128)
}
# Lower-casing looks at the neighbours of this letter alone: it has another form at a word's end.
_SIGMA = "Σ"
# Marks in the table; neither is a character.
_DELETED = sys.maxunicode + 1
_LONGER = sys.maxunicode + 2


def normalise(text: str) -> str:
    """Bring a text into the form that CCNet's models are trained on and score."""
    text = text.strip()
    if text.isascii():
        return text.lower().translate(_ASCII)
    for mark, plain in LONG_PUNCTUATION.items():
        text = text.replace(mark, plain)
    if _SIGMA in text:
        text = text.lower()
    codes = _look_up(text)
    if (codes == _LONGER).any():  # Hangul, and vowel signs of Indic scripts
        codes = _look_up(unicodedata.normalize("NFD", text.lower()))
    kept: bytes = codes[codes != _DELETED].astype("<u4", copy=False).tobytes()
    return kept.decode("utf-32-le")


def _look_up(text: str) -> npt.NDArray[np.uint32]:
    codes: npt.NDArray[np.uint32] = _table().take(np.frombuffer(text.encode("utf-32-le"), "<u4"))
    return codes


@functools.lru_cache(maxsize=1)
def _table() -> npt.NDArray[np.uint32]:
    """What each character becomes: itself, another one, ``_DELETED``, or ``_LONGER``."""
    table = np.arange(sys.maxunicode + 1, dtype=np.uint32)
    # Nothing else changes: the planes between hold ideographs, private use, and no characters.
    changing = itertools.chain(range(0x20000), range(0x2F800, 0x2FA20), range(0xE0100, 0xE01F0))
    for code in changing:
        plain = normalise_character(chr(code))
        table[code] = ord(plain) if len(plain) == 1 else _LONGER if plain else _DELETED
    return table


def normalise_character(character: str) -> str:
    """Normalise one character by the rules, one after the other."""
    decomposed = unicodedata.normalize("NFD", character.lower())
    bare = "".join(c for c in decomposed if unicodedata.category(c) != "Mn")
    plain = "".join(PUNCTUATION.get(c, c) for c in _DIGIT.sub("0", bare))
    return "".join(c for c in plain if not (ord(c) < 32 or 127 <= ord(c) < 160))
