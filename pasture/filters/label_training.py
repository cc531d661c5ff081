"""Trains a fastText classifier from labelled texts, of two labels or more."""

from __future__ import annotations

import contextlib
import dataclasses
import gzip
import json
import pathlib
import re
import tempfile
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from pasture import storage
from pasture.errors import ConfigError, InputError, ModelError
from pasture.filters.fasttext_models import (
    FastTextOptions,
    one_line,
    predict_best,
    train,
    training_line,
)
from pasture.filters.model_files import publish
from pasture.filters.sampling import TextSample

_LABEL = re.compile(r"[^\s,]{1,100}")


@dataclasses.dataclass(frozen=True)
class LabelTraining:
    """How a classifier is trained.

    Args:
        min_examples: Fewest texts of each label that a model is trained from; ours.
        max_examples: Most of each label that are used, drawn by hash (DCLM: 200,000 in all).
        held_out: One text in so many is kept out of the training, to measure on.
        fasttext: How fastText trains. Pairs of words as DCLM's classifier (Li et al. 2024,
            arXiv:2406.11794); rate, epochs and the least count are ours, for few examples.
        seed: Seed of the draws.
    """

    min_examples: int = 50
    max_examples: int = 100_000
    held_out: int = 10
    fasttext: FastTextOptions = FastTextOptions(lr=0.5, epoch=10, min_count=5, word_ngrams=2)
    seed: int = 0

    def __post_init__(self) -> None:
        if self.min_examples < 2:
            raise ConfigError(f"min_examples: {self.min_examples} is under 2")
        if self.held_out < 2:
            raise ConfigError(f"held_out: one text in {self.held_out} would leave none to learn")


def train_classifier(
    examples: Iterable[tuple[str, str]],
    *,
    path: str,
    config: LabelTraining = LabelTraining(),
    work_folder: str | None = None,
) -> dict[str, Any]:
    """Train a classifier and write it; return its card.

    Args:
        examples: Pairs of a label and a text, in any order. Equal texts of a label count once.
        path: Where the model goes, local or in a bucket.
        config: How it is trained.
        work_folder: A local folder for what is large and short-lived.

    Raises:
        ModelError: There are fewer than two labels, or too few texts of one.
        InputError: A label has white space or a comma in it.
    """
    with contextlib.ExitStack() as stack:
        work = pathlib.Path(stack.enter_context(tempfile.TemporaryDirectory(dir=work_folder)))
        samples: dict[str, TextSample] = {}
        for label, text in examples:
            if label not in samples:
                _check_label(label)
                spool = stack.enter_context(tempfile.TemporaryFile(dir=work_folder))
                samples[label] = TextSample(spool, config.max_examples, seed=config.seed)
            if text.strip():
                samples[label].add(text)
        _require(samples, config.min_examples)
        # In the order of their hashes, so that the labels come mixed.
        drawn = sorted(
            (entry, label) for label, sample in samples.items() for entry in sample.entries()
        )
        with (work / "examples").open("w", encoding="utf-8", newline="\n") as lines:
            for entry, label in drawn:
                if entry.key % config.held_out:
                    lines.write(training_line(label, samples[label].read(entry)))
        model = train(work / "examples", work / "model.bin", config.fasttext)
        held_out = [(label, e) for e, label in drawn if not e.key % config.held_out]
        found = [
            predict_best(model, [one_line(samples[label].read(entry))])[0][0]
            for label, entry in held_out
        ]
        return {
            "kind": "classifier",
            "examples": {label: len(samples[label]) for label in sorted(samples)},
            "held_out": _measure([label for label, _ in held_out], found, sorted(samples)),
            "training": dataclasses.asdict(config),
            "sha256": publish(work / "model.bin", path),
        }


def _check_label(label: str) -> None:
    if not _LABEL.fullmatch(label):
        raise InputError(
            f"the label {label[:100]!r} cannot be trained: a label has 1 to 100 characters, "
            f"without white space and commas"
        )


def _require(samples: Mapping[str, TextSample], least: int) -> None:
    if len(samples) < 2:
        raise ModelError(
            f"a classifier needs texts of two labels or more; there are {sorted(samples)}"
        )
    for label, sample in sorted(samples.items()):
        if len(sample) < least:
            raise ModelError(
                f"a classifier needs {least} or more texts of each label "
                f"(training.min_examples); there are {len(sample)} of {label}"
            )


def _measure(
    truth: list[str], found: list[str | None], labels: list[str]
) -> dict[str, dict[str, float | int | None]]:
    """Count the held-out texts of each label, with the precision and recall of the model."""
    measures: dict[str, dict[str, float | int | None]] = {}
    for label in labels:
        right = sum(a == b == label for a, b in zip(truth, found, strict=True))
        named, there = found.count(label), truth.count(label)
        measures[label] = {
            "texts": there,
            "precision": round(right / named, 4) if named else None,
            "recall": round(right / there, 4) if there else None,
        }
    return measures


def read_labels(path: str) -> Iterator[tuple[str, str]]:
    """Yield the label and the text of each line of a labels file, .gz or not.

    Raises:
        InputError: A line is not a JSON object with ``text`` and ``label``.
    """
    with contextlib.ExitStack() as stack:
        stream: Iterable[bytes] = stack.enter_context(storage.open_read(path))
        if path.endswith(".gz"):
            stream = stack.enter_context(gzip.open(stream))  # type: ignore[call-overload]
        for number, line in enumerate(stream, start=1):
            if line.strip():
                yield _read_label(path, number, line)


def _read_label(path: str, number: int, line: bytes) -> tuple[str, str]:
    try:
        row = json.loads(line)
        label, text = row["label"], row["text"]
        if isinstance(label, str) and isinstance(text, str):
            return label, text
    except (ValueError, KeyError, TypeError, RecursionError):
        pass
    name = path.rsplit("/", 1)[-1]
    raise InputError(f'{name}, line {number}: expected {{"text": "...", "label": "..."}}')
