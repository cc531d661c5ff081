"""The n-grams of words that texts repeat, counted for a batch of texts at once.

A longer n-gram can only occur twice where both n-grams one word shorter in it do, so each length
looks at the places alone where the one before it found a repeat. Of most texts little is left
after pairs.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator

import numpy as np
import numpy.typing as npt
import pyarrow.compute as pc

from pasture.text.words import Words

_Numbers = npt.NDArray[np.int64]


@dataclasses.dataclass(frozen=True, slots=True)
class _Lengths:
    """How long the words of some texts are.

    Args:
        texts: For each word the number of its text.
        ends: For each word the characters of all words up to its end, with a 0 before the first.
        totals: For each text the characters of its words.
    """

    texts: _Numbers
    ends: _Numbers
    totals: _Numbers

    @classmethod
    def of(cls, words: Words) -> _Lengths:
        lengths = pc.utf8_length(words.vocabulary).to_numpy()
        ends = np.concatenate([[0], np.cumsum(lengths[words.ids], dtype=np.int64)])
        return cls(words.texts(), ends, words.sums(lengths))


@dataclasses.dataclass(frozen=True, slots=True)
class RepeatedNGrams:
    """The n-grams that occur more than once in their text.

    Args:
        n: How many words each has.
        places: The words that they start with, in order, by their place among those of all texts.
        ids: For each place the number of the n-gram there; equal ones in two texts differ.
        is_copy: For each place whether the n-gram was in the text before.
        lengths: Of the words of all texts.
    """

    n: int
    places: _Numbers
    ids: _Numbers
    is_copy: npt.NDArray[np.bool_]
    lengths: _Lengths

    @classmethod
    def of_each_length(cls, words: Words, longest: int) -> Iterator[RepeatedNGrams]:
        """Yield the pairs of words, the runs of three, and so on, while a text repeats one."""
        lengths = _Lengths.of(words)
        places = np.flatnonzero(lengths.texts[1:] == lengths.texts[:-1])
        # At most 2**10 texts of 2**24 words in all, so a pair and its text fit in 63 bits.
        keys = lengths.texts[places] * len(words.vocabulary) + words.ids[places]
        keys = keys * len(words.vocabulary) + words.ids[places + 1]
        found = cls._find(2, places, keys, lengths)
        while len(found.places):
            yield found
            if found.n == longest:
                break
            places, ids = found.places, found.ids
            follows = np.flatnonzero(places[1:] == places[:-1] + 1)
            keys = ids[follows] * (ids.max() + 1) + ids[follows + 1]
            found = cls._find(found.n + 1, places[follows], keys, lengths)

    @classmethod
    def _find(cls, n: int, places: _Numbers, keys: _Numbers, lengths: _Lengths) -> RepeatedNGrams:
        """Keep what occurs more than once among candidates; equal keys are equal n-grams."""
        order = np.argsort(keys, kind="stable")
        in_order = keys[order]
        equal = in_order[1:] == in_order[:-1]
        is_copy, has_copy = np.append(False, equal), np.append(equal, False)
        repeated = np.flatnonzero(is_copy | has_copy)
        ids = np.cumsum(~is_copy[repeated])
        kept = order[repeated]
        back = np.argsort(kept)
        return cls(n, places[kept[back]], ids[back], is_copy[repeated[back]], lengths)

    def top_shares(self) -> npt.NDArray[np.float64]:
        """For each text, the share of characters in the n-gram that occurs most often.

        Among those that occur equally often, the longest counts. Copies may overlap, so the share
        of a text such as "ha ha ha" can be over 1. It is 0 where no n-gram is repeated.
        """
        counts = np.bincount(self.ids)[self.ids]
        characters = self.lengths.ends[self.places + self.n] - self.lengths.ends[self.places]
        texts = self.lengths.texts[self.places]
        starts = np.flatnonzero(np.diff(texts, prepend=-1))
        top = np.maximum.reduceat(counts, starts)
        is_top = counts == np.repeat(top, np.diff(starts, append=len(texts)))
        longest = np.maximum.reduceat(np.where(is_top, characters, 0), starts)
        shares = np.zeros(len(self.lengths.totals))
        found = texts[starts]
        shares[found] = top * longest.astype(np.float64) / self.lengths.totals[found]
        return shares

    def duplicate_shares(self) -> npt.NDArray[np.float64]:
        """For each text, the share of characters in n-grams that came before, each counted once."""
        copies = self.places[self.is_copy]
        # A copy adds the words that the one before it does not reach.
        starts = np.maximum(copies, np.concatenate([[0], copies[:-1] + self.n]))
        characters = self.lengths.ends[copies + self.n] - self.lengths.ends[starts]
        texts, totals = self.lengths.texts[copies], self.lengths.totals
        return np.bincount(texts, characters, len(totals)) / np.maximum(totals, 1)
