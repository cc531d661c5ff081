"""Rules on the shape of a text: Gopher's quality and repetition rules, and FineWeb's.

Each rule has its own reason and its own threshold, and None turns it off. Lines are stripped, and
blank ones are no lines. Words are what stands between white space. All is computed with the
standard library's C loops, and the costly rules are skipped where a cheaper one shows that they
cannot fire.
"""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Iterator, Sequence

import numpy as np
import numpy.typing as npt

from pasture.filters.base import Filter

_LETTER = re.compile(r"[^\W\d_]")
_WORD = re.compile(r"\w+")
_PARAGRAPH_BREAK = re.compile(r"\n\s*\n")
_BULLETS = (
    "\u2022",
    "\u2023",
    "\u25e6",
    "\u25aa",
    "\u25cf",
    "\u25b6",
    "\u2043",
    "\u2219",
    "- ",
    "* ",
)
_ELLIPSES = ("...", "\u2026")


def _lines(text: str) -> list[str]:
    return [line for line in map(str.strip, text.split("\n")) if line]


@dataclasses.dataclass(frozen=True)
class GopherQuality(Filter):
    """Drops texts that do not look like prose (Gopher, Rae et al. 2021, appendix A.1.1).

    Args:
        min_words: Fewest words: ``too_few_words``.
        max_words: Most words: ``too_many_words``.
        min_mean_word: Lowest mean length of a word in characters: ``words_too_short``.
        max_mean_word: Highest mean length of a word in characters: ``words_too_long``.
        max_hashes: Most hash signs for each word: ``too_many_hashes``.
        max_ellipses: Most ellipses for each word: ``too_many_ellipses``.
        max_bullet_lines: Largest share of lines that begin with a bullet:
            ``too_many_bullet_lines``.
        max_ellipsis_lines: Largest share of lines that end with an ellipsis:
            ``too_many_ellipsis_lines``.
        min_alphabetic_words: Smallest share of words with a letter:
            ``too_few_alphabetic_words``.
        min_stop_words: Fewest different stop words: ``too_few_stop_words``.
        stop_words: The stop words, in lower case; Gopher's are English.
    """

    name = "gopher_quality"

    min_words: int | None = 50
    max_words: int | None = 100_000
    min_mean_word: float | None = 3.0
    max_mean_word: float | None = 10.0
    max_hashes: float | None = 0.1
    max_ellipses: float | None = 0.1
    max_bullet_lines: float | None = 0.9
    max_ellipsis_lines: float | None = 0.3
    min_alphabetic_words: float | None = 0.8
    min_stop_words: int | None = 2
    stop_words: tuple[str, ...] = ("the", "be", "to", "of", "and", "that", "have", "with")

    def reason(self, text: str) -> str | None:
        """The reason to drop a text, or None to keep it."""
        words = text.split()
        if self.min_words is not None and len(words) < self.min_words:
            return "too_few_words"
        if self.max_words is not None and len(words) > self.max_words:
            return "too_many_words"
        if not words:
            return None
        return (
            self._word_reason(text, words)
            or self._line_reason(_lines(text))
            or self._vocabulary_reason(text, words)
        )

    def _word_reason(self, text: str, words: Sequence[str]) -> str | None:
        mean = sum(map(len, words)) / len(words)
        if self.min_mean_word is not None and mean < self.min_mean_word:
            return "words_too_short"
        if self.max_mean_word is not None and mean > self.max_mean_word:
            return "words_too_long"
        if self.max_hashes is not None and text.count("#") / len(words) > self.max_hashes:
            return "too_many_hashes"
        ellipses = sum(map(text.count, _ELLIPSES))
        if self.max_ellipses is not None and ellipses / len(words) > self.max_ellipses:
            return "too_many_ellipses"
        return None

    def _line_reason(self, lines: Sequence[str]) -> str | None:
        bullets = sum(line.startswith(_BULLETS) for line in lines)
        if self.max_bullet_lines is not None and bullets / len(lines) > self.max_bullet_lines:
            return "too_many_bullet_lines"
        trailing = sum(line.endswith(_ELLIPSES) for line in lines)
        if self.max_ellipsis_lines is not None and trailing / len(lines) > self.max_ellipsis_lines:
            return "too_many_ellipsis_lines"
        return None

    def _vocabulary_reason(self, text: str, words: Sequence[str]) -> str | None:
        if self.min_alphabetic_words is not None:
            alphabetic = sum(word.isalpha() or _LETTER.search(word) is not None for word in words)
            if alphabetic / len(words) < self.min_alphabetic_words:
                return "too_few_alphabetic_words"
        if self.min_stop_words is not None:
            lower = text.lower()
            found = len(set(self.stop_words).intersection(lower.split()))
            if found < self.min_stop_words:  # look again, past punctuation
                found = len(set(self.stop_words).intersection(_WORD.findall(lower)))
            if found < self.min_stop_words:
                return "too_few_stop_words"
        return None


@dataclasses.dataclass(frozen=True)
class GopherRepetition(Filter):
    """Drops texts that repeat themselves (Gopher, Rae et al. 2021, appendix A.1.1, table A1).

    A share of characters is one of the characters of the words, lines or paragraphs, without
    the white space between them. What comes for the second time is a duplicate, its first copy
    is none. The reasons are the names of the arguments without ``max_``.

    Args:
        max_duplicate_lines: Largest share of lines that are duplicates.
        max_duplicate_line_characters: Largest share of characters in duplicate lines.
        max_duplicate_paragraphs: Largest share of paragraphs (between blank lines) that are
            duplicates.
        max_duplicate_paragraph_characters: Largest share of characters in them.
        max_top_2_gram: Largest share of characters in the most frequent pair of words, if it
            occurs more than once.
        max_top_3_gram: The same for three words.
        max_top_4_gram: The same for four words.
        max_duplicate_5_grams: Largest share of characters in duplicate runs of five words.
        max_duplicate_6_grams: The same for six words.
        max_duplicate_7_grams: The same for seven words.
        max_duplicate_8_grams: The same for eight words.
        max_duplicate_9_grams: The same for nine words.
        max_duplicate_10_grams: The same for ten words.
    """

    name = "gopher_repetition"

    max_duplicate_lines: float | None = 0.30
    max_duplicate_line_characters: float | None = 0.20
    max_duplicate_paragraphs: float | None = 0.30
    max_duplicate_paragraph_characters: float | None = 0.20
    max_top_2_gram: float | None = 0.20
    max_top_3_gram: float | None = 0.18
    max_top_4_gram: float | None = 0.16
    max_duplicate_5_grams: float | None = 0.15
    max_duplicate_6_grams: float | None = 0.14
    max_duplicate_7_grams: float | None = 0.13
    max_duplicate_8_grams: float | None = 0.12
    max_duplicate_9_grams: float | None = 0.11
    max_duplicate_10_grams: float | None = 0.10

    def reason(self, text: str) -> str | None:
        """The reason to drop a text, or None to keep it."""
        return self._copy_reason(text) or self._ngram_reason(text.split())

    def _copy_reason(self, text: str) -> str | None:
        count, characters = duplicate_shares(_lines(text))
        if self.max_duplicate_lines is not None and count > self.max_duplicate_lines:
            return "duplicate_lines"
        limit = self.max_duplicate_line_characters
        if limit is not None and characters > limit:
            return "duplicate_line_characters"
        if "\n" not in text:
            return None
        paragraphs = [block.strip() for block in _PARAGRAPH_BREAK.split(text.strip())]
        count, characters = duplicate_shares(paragraphs)
        if self.max_duplicate_paragraphs is not None and count > self.max_duplicate_paragraphs:
            return "duplicate_paragraphs"
        limit = self.max_duplicate_paragraph_characters
        if limit is not None and characters > limit:
            return "duplicate_paragraph_characters"
        return None

    def _ngram_reason(self, words: Sequence[str]) -> str | None:
        tops = {2: self.max_top_2_gram, 3: self.max_top_3_gram, 4: self.max_top_4_gram}
        copies = {
            5: self.max_duplicate_5_grams,
            6: self.max_duplicate_6_grams,
            7: self.max_duplicate_7_grams,
            8: self.max_duplicate_8_grams,
            9: self.max_duplicate_9_grams,
            10: self.max_duplicate_10_grams,
        }
        limits = [limit for limit in copies.values() if limit is not None]
        for n, ngrams in enumerate(NGrams.of_each_length(words, 10), 1):
            top, copy = tops.get(n), copies.get(n)
            if ngrams.all_differ:
                return None  # and so do all longer ones
            if top is not None and ngrams.top_share() > top:
                return f"top_{n}_gram"
            if copy is not None:
                share = ngrams.duplicate_share()
                if share > copy:
                    return f"duplicate_{n}_grams"
                if share <= min(limits):
                    return None  # longer ones lie within these, so their share is no larger
        return None


@dataclasses.dataclass(frozen=True, slots=True)
class NGrams:
    """The n-grams of a text, as numbers.

    Args:
        n: How many words each has.
        ids: For each place in the text the number of the n-gram there, counted from 0.
        count: How many different n-grams there are.
        lengths: For each word its characters.
    """

    n: int
    ids: npt.NDArray[np.int64]
    count: int
    lengths: npt.NDArray[np.int64]

    @classmethod
    def of_each_length(cls, words: Sequence[str], longest: int) -> Iterator[NGrams]:
        """Yield the single words, the pairs, and so on, while the text is long enough."""
        numbers: dict[str, int] = {}
        single = np.fromiter((numbers.setdefault(w, len(numbers)) for w in words), np.int64)
        lengths = np.fromiter(map(len, words), np.int64, len(words))
        grams = cls(1, single, len(numbers), lengths)
        while len(grams.ids):
            yield grams
            if grams.n == longest:
                break
            # An n-gram is its first n - 1 words, which have a number, and its last one.
            pairs = grams.ids[:-1] * len(numbers) + single[grams.n :]
            different, ids = np.unique(pairs, return_inverse=True)
            grams = cls(grams.n + 1, ids, len(different), lengths)

    @property
    def all_differ(self) -> bool:
        """Whether none occurs twice."""
        return self.count == len(self.ids)

    def top_share(self) -> float:
        """The share of characters in the n-gram that occurs most often; 0 if all differ.

        Among those that occur equally often, the longest counts. Copies may overlap, so the share
        of a text such as "ha ha ha" can be over 1.
        """
        counts = np.bincount(self.ids)
        top = int(counts.max())
        if top < 2:
            return 0.0
        places = np.flatnonzero(counts[self.ids] == top)
        characters = sum(self.lengths[places + word] for word in range(self.n))
        return top * float(np.max(characters)) / float(self.lengths.sum())

    def duplicate_share(self) -> float:
        """The share of characters that lie in an n-gram that came before, each counted once."""
        first = np.full(self.count, len(self.ids))
        np.minimum.at(first, self.ids, np.arange(len(self.ids)))
        places = np.flatnonzero(first[self.ids] < np.arange(len(self.ids)))
        covers = np.zeros(len(self.lengths) + 1, np.int64)
        covers[places] += 1
        covers[places + self.n] -= 1
        covered = np.cumsum(covers)[:-1] > 0
        return float(self.lengths[covered].sum()) / float(self.lengths.sum())


def duplicate_shares(units: Sequence[str]) -> tuple[float, float]:
    """The shares of units, and of their characters, that are copies of an earlier unit."""
    unique = set(units)
    if len(unique) == len(units):
        return 0.0, 0.0
    total = sum(map(len, units))
    characters = total - sum(map(len, unique))
    return (len(units) - len(unique)) / len(units), characters / total


@dataclasses.dataclass(frozen=True)
class FineWebQuality(Filter):
    """Drops lists, menus and other texts whose lines are no sentences (Penedo et al. 2024).

    The three rules that FineWeb adds to those of Gopher and C4. Blank lines are no lines.

    Args:
        min_punctuated_lines: A text whose share of lines with a terminal mark is this or less is
            dropped: ``too_few_punctuated_lines``.
        max_duplicate_line_characters: A text whose share of characters in duplicate lines is this
            or more is dropped: ``duplicate_line_characters``. The paper has 0.1, the code that
            was published with it 0.01.
        max_short_lines: A text whose share of short lines is this or more is dropped:
            ``too_many_short_lines``.
        short_line_characters: A line with fewer characters is short.
        terminal_marks: What a sentence may end with. FineWeb's code has the ASCII ones.
    """

    name = "fineweb_quality"

    min_punctuated_lines: float | None = 0.12
    max_duplicate_line_characters: float | None = 0.1
    max_short_lines: float | None = 0.67
    short_line_characters: int = 30
    terminal_marks: tuple[str, ...] = (
        *(".", "?", "!", '"', "'"),
        *("\u2026", "\u201d", "\u2019", "\u00bb", "\u3002", "\uff1f", "\uff01", "\u061f", "\u0964"),
    )

    def reason(self, text: str) -> str | None:
        """The reason to drop a text, or None to keep it."""
        lines = _lines(text)
        if not lines:
            return None
        punctuated = sum(line.endswith(self.terminal_marks) for line in lines) / len(lines)
        if self.min_punctuated_lines is not None and punctuated <= self.min_punctuated_lines:
            return "too_few_punctuated_lines"
        short = sum(len(line) < self.short_line_characters for line in lines) / len(lines)
        if self.max_short_lines is not None and short >= self.max_short_lines:
            return "too_many_short_lines"
        limit = self.max_duplicate_line_characters
        if limit is not None and duplicate_shares(lines)[1] >= limit:
            return "duplicate_line_characters"
        return None
