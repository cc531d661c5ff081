"""Rules on the shape of a text: Gopher's quality and repetition rules, and FineWeb's.

Each rule has its own reason and its own threshold, and None turns it off. Lines are stripped, and
blank ones are no lines. Words are what stands between white space; what is asked of each is asked
once of each different word of a batch.
"""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Iterator, Sequence

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from pasture.filters.base import Filter
from pasture.filters.word_ngrams import RepeatedNGrams
from pasture.text.words import Words

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


_PART_BYTES = 1 << 20
"""Text that is judged at once, so that the numbers of its words stay in the processor's cache."""


def _parts(texts: pa.Array) -> Iterator[pa.Array]:
    rows = max(1, len(texts) * _PART_BYTES // max(texts.nbytes, 1))
    for start in range(0, len(texts), rows):
        yield texts.slice(start, rows)


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
        return self._judge(pa.array([text]))[0]

    def reasons(self, batch: pa.RecordBatch) -> pa.Array:
        """The reason to drop each document, null where it stays."""
        found = [reason for part in _parts(batch["text"]) for reason in self._judge(part)]
        return pa.array(found, pa.string())

    def _judge(self, texts: pa.Array) -> list[str | None]:
        words = Words.of(texts)
        vocabulary = words.vocabulary.to_pylist()
        has_letter = [word.isalpha() or _LETTER.search(word) is not None for word in vocabulary]
        shapes = zip(
            words.counts.tolist(),
            words.sums(pc.utf8_length(words.vocabulary).to_numpy()).tolist(),
            words.sums(np.array(has_letter, np.bool_)).tolist(),
            self._count_stop_words(words, vocabulary),
            strict=True,
        )
        return [
            self._reason(text, *shape)
            for text, shape in zip(texts.to_pylist(), shapes, strict=True)
        ]

    def _count_stop_words(self, words: Words, vocabulary: list[str]) -> list[int]:
        """For each text, how many different stop words stand between white space."""
        numbers = {word: number for number, word in enumerate(dict.fromkeys(self.stop_words))}
        spelled = [numbers.get(word.lower(), -1) for word in vocabulary]
        found = np.array(spelled, np.int64)[words.ids]
        pairs = words.texts()[found >= 0] * len(numbers) + found[found >= 0]
        is_there = np.zeros((len(words.counts), len(numbers)), np.bool_)
        is_there.flat[pairs] = True
        counts: list[int] = is_there.sum(axis=1).tolist()
        return counts

    def _reason(
        self, text: str, words: int, characters: int, alphabetic: int, stop_words: int
    ) -> str | None:
        if self.min_words is not None and words < self.min_words:
            return "too_few_words"
        if self.max_words is not None and words > self.max_words:
            return "too_many_words"
        if not words:
            return None
        return (
            self._word_reason(text, words, characters)
            or self._line_reason(text)
            or self._vocabulary_reason(text, words, alphabetic, stop_words)
        )

    def _word_reason(self, text: str, words: int, characters: int) -> str | None:
        mean = characters / words
        if self.min_mean_word is not None and mean < self.min_mean_word:
            return "words_too_short"
        if self.max_mean_word is not None and mean > self.max_mean_word:
            return "words_too_long"
        if self.max_hashes is not None and text.count("#") / words > self.max_hashes:
            return "too_many_hashes"
        ellipses = sum(map(text.count, _ELLIPSES))
        if self.max_ellipses is not None and ellipses / words > self.max_ellipses:
            return "too_many_ellipses"
        return None

    def _line_reason(self, text: str) -> str | None:
        if not any(mark in text for mark in (*_BULLETS, *_ELLIPSES)):
            return None
        lines = _lines(text)
        bullets = sum(line.startswith(_BULLETS) for line in lines)
        if self.max_bullet_lines is not None and bullets / len(lines) > self.max_bullet_lines:
            return "too_many_bullet_lines"
        trailing = sum(line.endswith(_ELLIPSES) for line in lines)
        if self.max_ellipsis_lines is not None and trailing / len(lines) > self.max_ellipsis_lines:
            return "too_many_ellipsis_lines"
        return None

    def _vocabulary_reason(
        self, text: str, words: int, alphabetic: int, stop_words: int
    ) -> str | None:
        if self.min_alphabetic_words is not None and alphabetic / words < self.min_alphabetic_words:
            return "too_few_alphabetic_words"
        if self.min_stop_words is not None and stop_words < self.min_stop_words:
            # Look again, past punctuation.
            found = set(self.stop_words).intersection(_WORD.findall(text.lower()))
            if len(found) < self.min_stop_words:
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
        return self._judge(pa.array([text]))[0]

    def reasons(self, batch: pa.RecordBatch) -> pa.Array:
        """The reason to drop each document, null where it stays."""
        found = [reason for part in _parts(batch["text"]) for reason in self._judge(part)]
        return pa.array(found, pa.string())

    def _judge(self, texts: pa.Array) -> list[str | None]:
        return [
            copies or ngrams
            for copies, ngrams in zip(
                map(self._copy_reason, texts.to_pylist()),
                self._ngram_reasons(Words.of(texts)),
                strict=True,
            )
        ]

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

    def _ngram_reasons(self, words: Words) -> list[str | None]:
        tops = {2: self.max_top_2_gram, 3: self.max_top_3_gram, 4: self.max_top_4_gram}
        copies = {
            5: self.max_duplicate_5_grams,
            6: self.max_duplicate_6_grams,
            7: self.max_duplicate_7_grams,
            8: self.max_duplicate_8_grams,
            9: self.max_duplicate_9_grams,
            10: self.max_duplicate_10_grams,
        }
        reasons: list[str | None] = [None] * len(words.counts)
        for ngrams in RepeatedNGrams.of_each_length(words, 10):
            n = ngrams.n
            for limit, shares, reason in (
                (tops.get(n), ngrams.top_shares, f"top_{n}_gram"),
                (copies.get(n), ngrams.duplicate_shares, f"duplicate_{n}_grams"),
            ):
                if limit is not None:
                    for text in np.flatnonzero(shares() > limit).tolist():
                        reasons[text] = reasons[text] or reason
        return reasons


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
