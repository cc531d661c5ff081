"""Perplexity cut-offs: estimated from a corpus through a mergeable histogram, kept in a file.

Shards are summarised apart and merged by adding counts. All is integer arithmetic, so the
cut-offs depend on the perplexities only, not on how they came in, nor on the machine.
"""

from __future__ import annotations

import csv
import functools
import importlib.resources
import math
import os
from collections.abc import Iterable, Mapping

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from pasture import storage
from pasture.errors import ConfigError, ModelError, StorageError
from pasture.filters.model_files import local_copy

Cutoffs = dict[str, dict[str, float]]

PUBLISHED = "ccnet"
# Perplexities are counted in tenths, as they are rounded. Up to 511 tenths each value has a bin of
# its own; from there on each octave has 256, so that a bin is under 0.4% wide.
_BITS = 8
_LARGEST = (1 << 40) - 1
_BINS = (40 - _BITS) << _BITS


def _bin_of(tenths: npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
    length = np.frexp(tenths.astype(np.float64))[1].astype(np.int64)  # bits of the number
    shift = np.maximum(length - (_BITS + 1), 0)
    bins: npt.NDArray[np.int64] = (shift << _BITS) + (tenths >> shift)
    return bins


def _middle_of(index: int) -> float:
    """The perplexity in the middle of a bin, rounded down to a tenth."""
    shift = max((index >> _BITS) - 1, 0)
    lowest = (index - (shift << _BITS)) << shift
    return (lowest + ((1 << shift) - 1) // 2) / 10


class PerplexitySketch:
    """How often each perplexity was seen, per language; at most 66 KB a language."""

    def __init__(self) -> None:
        self.counts: dict[str, npt.NDArray[np.int64]] = {}

    def add(self, batch: pa.RecordBatch) -> None:
        """Count the documents of a batch that have a language and a perplexity."""
        self.add_values(batch["language"].to_pylist(), batch["perplexity"].to_pylist())

    def add_values(
        self, languages: Iterable[str | None], perplexities: Iterable[float | None]
    ) -> None:
        """Count perplexities, each beside its language."""
        values: dict[str, list[float]] = {}
        for language, perplexity in zip(languages, perplexities, strict=True):
            if language is not None and perplexity is not None and not math.isnan(perplexity):
                values.setdefault(language, []).append(perplexity)
        for language, found in values.items():
            tenths = np.clip(np.rint(np.array(found, np.float64) * 10), 0, _LARGEST)
            self._add(language, np.bincount(_bin_of(tenths.astype(np.int64)), minlength=_BINS))

    def merge(self, other: PerplexitySketch) -> None:
        """Add what another sketch has counted."""
        for language, counts in other.counts.items():
            self._add(language, counts)

    def _add(self, language: str, counts: npt.NDArray[np.int64]) -> None:
        if language in self.counts:
            counts = self.counts[language] + counts
        self.counts[language] = counts

    def percentile(self, language: str, percent: float) -> float:
        """The perplexity that about ``percent`` of a language's documents are under."""
        ranks = np.cumsum(self.counts[language])
        rank = max(math.ceil(percent / 100 * int(ranks[-1])), 1)
        return _middle_of(int(np.searchsorted(ranks, rank)))


def estimate_cutoffs(sketch: PerplexitySketch, head: float = 30.0, middle: float = 60.0) -> Cutoffs:
    """Estimate the cut-offs of each language.

    Args:
        sketch: The perplexities seen.
        head: Percentile under which a document is ``head`` (CCNet: 30).
        middle: Percentile under which it is ``middle`` (CCNet: 60).
    """
    if not 0 < head <= middle < 100:
        raise ConfigError(f"head {head} and middle {middle} are no rising percentiles under 100")
    return {
        language: {
            "head": sketch.percentile(language, head),
            "middle": sketch.percentile(language, middle),
        }
        for language in sorted(sketch.counts)
    }


def load_cutoffs(path: str) -> Cutoffs:
    """Read a cutoffs.json, ``{language: {"head": x, "middle": y}}``; ``ccnet`` is built in.

    Raises:
        ModelError: There is no such file, or it says something else.
    """
    if path == PUBLISHED:
        return _published()
    if not path:
        raise ModelError(
            "no perplexity cut-offs; name a cutoffs.json under models.cutoffs.path in the recipe, "
            f'or "{PUBLISHED}" for the published ones, if you use the published models'
        )
    local = local_copy(path)
    return _load(local, os.stat(local).st_mtime_ns)


@functools.lru_cache(maxsize=8)
def _load(path: str, mtime_ns: int) -> Cutoffs:
    """Read a local file; the time tells a file that was estimated again from the old one."""
    try:
        return _checked(storage.read_json(path))
    except (AttributeError, KeyError, TypeError, ValueError, StorageError) as error:
        raise ModelError(
            f"{path} holds no cut-offs, one {{language: {{head: x, middle: y}}}}: {error!r}"
        ) from error


def _checked(found: Mapping[str, Mapping[str, float]]) -> Cutoffs:
    table = {
        language: {"head": float(cuts["head"]), "middle": float(cuts["middle"])}
        for language, cuts in found.items()
    }
    for language, cuts in table.items():
        if not 0 <= cuts["head"] <= cuts["middle"]:
            raise ValueError(f"{language}: head is over middle")
    return table


@functools.lru_cache(maxsize=1)
def _published() -> Cutoffs:
    """The 30th and 60th percentiles that CCNet published for its 48 models."""
    data = importlib.resources.files(__package__).joinpath("ccnet_cutoffs.csv").read_text("utf-8")
    return {
        row["language"]: {"head": float(row["head"]), "middle": float(row["middle"])}
        for row in csv.DictReader(data.splitlines())
    }
