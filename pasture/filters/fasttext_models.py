"""fastText models: loading, predicting and training, for language ID and the classifiers.

fastText's Python module is called here alone. Models are loaded once a process.
"""

from __future__ import annotations

import dataclasses
import functools
import json
import os
import pathlib
import subprocess
import sys
from collections.abc import Mapping
from typing import Protocol, cast

import numpy as np
import numpy.typing as npt

from pasture.errors import ModelError
from pasture.filters import fasttext_file
from pasture.filters.model_files import local_copy

LABEL = "__label__"


class FastText(Protocol):
    """The part of fastText's model object that is used."""

    def predict(
        self, text: list[str], k: int = 1
    ) -> tuple[list[list[str]], list[npt.NDArray[np.float32]]]:
        """Give the ``k`` best labels of each line, and their probabilities; -1 gives all."""

    def get_labels(self) -> list[str]:
        """The labels that the model tells apart."""


def load(path: str, *, fresh: bool = False) -> FastText:
    """Load a supervised model, once a process.

    Args:
        path: The model, local or in a bucket.
        fresh: Look again whether there is a newer one, as ``setup`` of a step does.

    Raises:
        ModelError: It is missing, damaged, or not a supervised fastText model.
    """
    if fresh:
        local_copy.cache_clear()
    local = local_copy(path)
    status = os.stat(local)
    return _load(local, status.st_mtime_ns, status.st_size)


@functools.lru_cache(maxsize=8)
def _load(path: str, mtime_ns: int, size: int) -> FastText:
    """Load a local file; time and size tell a model that was trained again from the old one."""
    return _open(path)


def _open(path: str) -> FastText:
    import fasttext

    fasttext_file.check(path)
    try:
        return cast(FastText, fasttext.load_model(path))
    except (ValueError, RuntimeError, MemoryError) as error:
        raise ModelError(f"{path} cannot be loaded: {error}") from error


def one_line(text: str, newline: str = " ") -> str:
    """Put a text on one line, as fastText wants it."""
    return text.replace("\n", newline)


def predict_best(
    model: FastText, lines: list[str]
) -> tuple[list[str | None], npt.NDArray[np.float32]]:
    """Give the best label of each line and its probability, null and NaN where there is none."""
    # A list, always: predict of a single string breaks with numpy 2.
    labels, scores = model.predict(lines)
    best = [found[0].removeprefix(LABEL) if found else None for found in labels]
    values = np.array([found[0] if len(found) else np.nan for found in scores], np.float32)
    return best, values


def check_label(path: str, label: str) -> None:
    """Load a classifier anew, and check that it has a label.

    Raises:
        ModelError: It cannot be loaded, or has no such label.
    """
    labels = load(path, fresh=True).get_labels()
    if LABEL + label not in labels:
        raise ModelError(f"{path} has no label {label!r}, but {', '.join(sorted(labels)[:10])}")


def score_texts(path: str, texts: list[str], label: str) -> list[float | None]:
    """Give the probability of a label for each text; an empty text has none."""
    lines = [one_line(text) for text in texts]
    scores = predict_label(load(path), lines, label)
    return [score if line.strip() else None for score, line in zip(scores, lines, strict=True)]


def predict_label(model: FastText, lines: list[str], label: str) -> list[float | None]:
    """Give the probability of one label for each line, null where fastText knows no word."""
    wanted = LABEL + label
    return [
        min(float(scores[found.index(wanted)]), 1.0) if wanted in found else None
        for found, scores in zip(*model.predict(lines, k=-1), strict=True)
    ]


@dataclasses.dataclass(frozen=True)
class FastTextOptions:
    """How fastText trains; its own names and, but where said, its own defaults.

    Args:
        dim: Size of the vectors.
        lr: Learning rate at the start; it falls to zero over the epochs.
        epoch: Passes over the examples.
        min_count: A word that is rarer gets no vector of its own.
        word_ngrams: Longest sequence of words that is a feature.
        minn: Shortest sequence of characters that is a feature; 0 for none.
        maxn: Longest one; 0 for none.
        bucket: Number of vectors that the n-grams are hashed to.
        loss: ``softmax``, or ``hs`` (hierarchical), faster where labels are many.
        seed: Of the vectors at the start.
    """

    dim: int = 100
    lr: float = 0.1
    epoch: int = 5
    min_count: int = 1
    word_ngrams: int = 1
    minn: int = 0
    maxn: int = 0
    bucket: int = 2_000_000
    loss: str = "softmax"
    seed: int = 0


def training_line(label: str, text: str) -> str:
    """Write one example; a text that spells fastText's mark cannot give itself a label."""
    return f"{LABEL}{label} {one_line(text).replace(LABEL, ' ')}\n"


# The program of the process that trains: function, examples, model, and options as JSON.
_TRAIN = """
import json, sys, fasttext
options = json.loads(sys.argv[4])
train = getattr(fasttext, sys.argv[1])
train(sys.argv[2], thread=1, verbose=0, **options).save_model(sys.argv[3])
"""
# glibc fills what it gives out with the complement of this byte; its cache of small blocks, which
# it does not fill, is off.
_ZERO_MEMORY = "glibc.malloc.perturb=255:glibc.malloc.tcache_count=0"


def train(examples: pathlib.Path, path: pathlib.Path, options: FastTextOptions) -> FastText:
    """Train a supervised model on a file of ``training_line`` lines; equal files, equal bytes.

    One thread, as more of them race for the same vectors. But with one thread fastText 0.9.3 sets
    only the first tenth of the vectors, and leaves in the others what the memory held: another
    model each time, or "Encountered NaN". So the training has a process of its own, in which
    memory is zero when it is given out.

    Raises:
        ModelError: The examples cannot be learned from.
    """
    _run_training("train_supervised", examples, path, dataclasses.asdict(options))
    return _open(str(path))


def _run_training(
    function: str, examples: pathlib.Path, path: pathlib.Path, options: Mapping[str, object]
) -> None:
    command = [sys.executable, "-c", _TRAIN, function, str(examples), str(path)]
    command.append(json.dumps(options))
    environment = {**os.environ, "GLIBC_TUNABLES": _ZERO_MEMORY}
    done = subprocess.run(  # noqa: S603 (this Python, no shell)
        command, env=environment, capture_output=True
    )
    if done.returncode != 0:
        said = done.stderr.decode("utf-8", "replace").strip().splitlines()
        raise ModelError(
            f"fastText cannot learn from these examples: {said[-1] if said else done.returncode}"
        )


class WordVectors(Protocol):
    """The part of fastText's model object that gives vectors."""

    def get_sentence_vector(self, text: str) -> npt.NDArray[np.float32]:
        """Average the vectors of a line's words, each of unit length."""

    def get_dimension(self) -> int:
        """The size of a vector."""


@dataclasses.dataclass(frozen=True)
class VectorOptions:
    """What fastText learns word vectors with: skip-gram (Bojanowski et al. 2017), its defaults.

    Args:
        dim: Size of the vectors.
        lr: Learning rate at the start; it falls to zero over the epochs.
        epoch: Passes over the texts.
        min_count: A word that is rarer gets no vector of its own.
        ws: Words on each side that are predicted.
        minn: Shortest sequence of characters that is a feature; 0 for none.
        maxn: Longest one; 0 for none.
        bucket: Number of vectors that the sequences are hashed to. Ours: a tenth of fastText's, as
            a run's texts are fewer.
    """

    dim: int = 100
    lr: float = 0.05
    epoch: int = 5
    min_count: int = 5
    ws: int = 5
    minn: int = 3
    maxn: int = 6
    bucket: int = 200_000


def train_vectors(texts: pathlib.Path, path: pathlib.Path, options: VectorOptions) -> None:
    """Train word vectors on a file of one text a line; equal files, equal bytes (see ``train``).

    Raises:
        ModelError: The texts cannot be learned from.
    """
    given = {"model": "skipgram", **dataclasses.asdict(options)}
    _run_training("train_unsupervised", texts, path, given)


def load_vectors(path: str, *, fresh: bool = False) -> WordVectors:
    """Load word vectors, once a process; the arguments are those of ``load``.

    Raises:
        ModelError: They are missing or damaged, or the file is a classifier.
    """
    if fresh:
        local_copy.cache_clear()
    local = local_copy(path)
    status = os.stat(local)
    return _load_vectors(local, status.st_mtime_ns, status.st_size)


@functools.lru_cache(maxsize=2)
def _load_vectors(path: str, mtime_ns: int, size: int) -> WordVectors:
    import fasttext

    fasttext_file.check(path, supervised=False)
    try:
        return cast(WordVectors, fasttext.load_model(path))
    except (ValueError, RuntimeError, MemoryError) as error:
        raise ModelError(f"{path} cannot be loaded: {error}") from error
