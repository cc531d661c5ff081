"""Trains the classifier of pages that Wikipedia cites, against random pages of equal length.

Cited pages are longer than the crawl's others. Classes of one length distribution keep the model
from learning that, and the card tells how well length alone would do.
"""

from __future__ import annotations

import collections
import dataclasses
import math
import pathlib
import tempfile
from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np

from pasture.errors import ConfigError, ModelError
from pasture.filters.classifier import OTHER, REFERENCE
from pasture.filters.fasttext_models import (
    FastText,
    FastTextOptions,
    one_line,
    predict_label,
    train,
    training_line,
)
from pasture.filters.model_files import publish
from pasture.filters.sampling import Entry, TextSample

# How many random pages are drawn for each cited one, to match lengths from.
_DRAW = 10
_BATCH = 256


class TooFewExamples(ModelError):
    """The crawl holds too few pages of one class to train from."""


@dataclasses.dataclass(frozen=True)
class ReferenceTraining:
    """How the reference classifier is trained.

    Args:
        min_positives: Fewest cited pages that a model is trained from; ours.
        max_positives: Most that are used, drawn by hash (RedPajama: 300,000).
        held_out: One page in so many is kept out of the training, to measure on.
        bins_per_octave: How closely lengths are matched: bins for each doubling.
        fasttext: How fastText trains. RedPajama: its defaults, with which a few hundred pages
            teach nothing: every score is 0.50. Ours: a higher rate and more epochs; and words
            seen fewer than 5 times are left out, or the model has gigabytes.
        seed: Seed of the draws.
    """

    min_positives: int = 50
    max_positives: int = 300_000
    held_out: int = 10
    bins_per_octave: int = 4
    fasttext: FastTextOptions = FastTextOptions(lr=0.5, epoch=10, min_count=5)
    seed: int = 0

    def __post_init__(self) -> None:
        if self.min_positives < 2:
            raise ConfigError(f"min_positives: {self.min_positives} is under 2")
        if self.held_out < 2:
            raise ConfigError(f"held_out: one page in {self.held_out} would leave none to learn")


def train_reference(
    positives: Iterable[str],
    negatives: Iterable[str],
    *,
    path: str,
    config: ReferenceTraining = ReferenceTraining(),
    work_folder: str | None = None,
) -> dict[str, Any]:
    """Train the classifier and write it; return its card.

    Args:
        positives: Texts of pages that Wikipedia cites.
        negatives: Texts of other pages, the more the better: what is used is drawn from all.
        path: Where the model goes, local or in a bucket.
        config: How it is trained.
        work_folder: A local folder for what is large and short-lived.

    Raises:
        TooFewExamples: There are too few pages.
    """
    with (
        tempfile.TemporaryDirectory(dir=work_folder) as temporary,
        tempfile.TemporaryFile(dir=work_folder) as first,
        tempfile.TemporaryFile(dir=work_folder) as second,
    ):
        work = pathlib.Path(temporary)
        cited = TextSample(first, config.max_positives, seed=config.seed)
        for text in filter(str.strip, positives):
            cited.add(text)
        _require(len(cited), config, "cited pages")
        others = TextSample(second, _DRAW * len(cited), seed=config.seed)
        for text in filter(str.strip, negatives):
            if text not in cited:
                others.add(text)
        pairs = match_lengths(cited.entries(), others.entries(), config.bins_per_octave)
        _require(
            len(pairs),
            config,
            f"pairs of equal length, of {len(cited)} cited pages and {len(others)} others",
        )
        # Both in the order of their hashes, so that the classes come mixed.
        examples = sorted(
            [(entry, cited) for entry, _ in pairs] + [(entry, others) for _, entry in pairs],
            key=lambda example: example[0],
        )
        held_out = [(e, sample) for e, sample in examples if not e.key % config.held_out]
        with (work / "examples").open("w", encoding="utf-8", newline="\n") as lines:
            for entry, sample in examples:
                if entry.key % config.held_out:
                    label = REFERENCE if sample is cited else OTHER
                    lines.write(training_line(label, sample.read(entry)))
        model = train(work / "examples", work / "model.bin", config.fasttext)
        truth = [sample is cited for _, sample in held_out]
        scores = _score(model, held_out)
        return {
            "kind": "reference",
            "cited_pages": len(cited),
            "other_pages": len(others),
            "examples_per_class": len(pairs),
            "held_out": {REFERENCE: sum(truth), OTHER: len(truth) - sum(truth)},
            "held_out_roc_auc": roc_auc(truth, scores),
            "length_roc_auc": roc_auc(truth, [e.characters for e, _ in held_out]),
            "training": dataclasses.asdict(config),
            "sha256": publish(work / "model.bin", path),
        }


def _require(count: int, config: ReferenceTraining, what: str) -> None:
    if count < config.min_positives:
        raise TooFewExamples(
            f"the reference classifier needs {config.min_positives} or more examples of each "
            f"class (models.reference.training.min_positives); there are {count} {what}"
        )


def _score(model: FastText, examples: Sequence[tuple[Entry, TextSample]]) -> list[float]:
    scores: list[float] = []
    for start in range(0, len(examples), _BATCH):
        lines = [one_line(sample.read(entry)) for entry, sample in examples[start:][:_BATCH]]
        scores += [score or 0.0 for score in predict_label(model, lines, REFERENCE)]
    return scores


def match_lengths(
    positives: Sequence[Entry], negatives: Sequence[Entry], bins_per_octave: int
) -> list[tuple[Entry, Entry]]:
    """Pair entries whose lengths fall in one bin, lowest hashes first; the rest is left over."""

    def bins(entries: Sequence[Entry]) -> dict[int, list[Entry]]:
        found: dict[int, list[Entry]] = collections.defaultdict(list)
        for entry in sorted(entries):
            found[math.floor(math.log2(entry.characters) * bins_per_octave)].append(entry)
        return found

    left, right = bins(positives), bins(negatives)
    return [
        pair
        for length in sorted(left)
        for pair in zip(left[length], right.get(length, []), strict=False)
    ]


def roc_auc(truth: Sequence[bool], scores: Sequence[float]) -> float | None:
    """The share of pairs of a true and a false example that scores order rightly; ties count half.

    None where one of the classes is empty. Rounded to 4 decimals.
    """
    positives = sum(truth)
    negatives = len(truth) - positives
    if not positives or not negatives:
        return None
    _, places, counts = np.unique(np.array(scores), return_inverse=True, return_counts=True)
    ranks = (np.cumsum(counts) - (counts - 1) / 2)[places]
    above = float(ranks[np.array(truth)].sum()) - positives * (positives + 1) / 2
    return round(above / (positives * negatives), 4)
