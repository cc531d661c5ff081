"""Perplexity under n-gram models, and CCNet's buckets of it.

A model is a pair of files, ``{language}.sp.model`` (SentencePiece) and ``{language}.arpa.bin``
(KenLM), named as CCNet names its published ones, which load unchanged.
"""

from __future__ import annotations

import dataclasses
import functools
import math
import os
import posixpath
from typing import Protocol

import pyarrow as pa
import pyarrow.compute as pc

from pasture import storage
from pasture.errors import ConfigError, ModelError
from pasture.filters import cutoffs
from pasture.filters.base import Annotator, Filter
from pasture.filters.model_files import local_copy
from pasture.filters.ngram_text import normalise
from pasture.records import replace_column

PIECES, NGRAMS = ".sp.model", ".arpa.bin"
BUCKETS = ("head", "middle", "tail", "all")


class _Pieces(Protocol):
    def encode(self, text: str, *, out_type: type[str]) -> list[str]: ...


class _Ngrams(Protocol):
    def score(self, sentence: str) -> float: ...


@dataclasses.dataclass(frozen=True, slots=True)
class NgramModel:
    """A loaded model of one language."""

    pieces: _Pieces
    ngrams: _Ngrams

    def log10(self, line: str) -> tuple[float, int]:
        """Score one normalised line: log10 of its probability, and its length with its end."""
        pieces = self.pieces.encode(line, out_type=str)
        return self.ngrams.score(" ".join(pieces)), len(pieces) + 1


def perplexity(log10: float, length: int) -> float:
    """Turn a summed log10 probability into a perplexity a token, rounded to 0.1 as by CCNet."""
    return round(math.pow(10, -log10 / length), 1)


@functools.lru_cache(maxsize=8)
def find_models(folder: str) -> dict[str, tuple[str, str]]:
    """List the models of a folder: language to the two files.

    Raises:
        ModelError: The folder has none, or one of a pair is missing.
    """
    files = dict.fromkeys(path for path, _ in storage.glob(storage.pattern(folder, "*")))
    names = {posixpath.basename(path): path for path in files}
    languages = sorted(
        {name.removesuffix(end) for name in names for end in (PIECES, NGRAMS) if name.endswith(end)}
    )
    if not languages:
        raise ModelError(
            f"{folder or 'no folder'}: no n-gram models there (LANGUAGE{PIECES} with "
            f'LANGUAGE{NGRAMS}); train them with "pasture models train ngram", or name a folder '
            "under models.ngram.path in the recipe"
        )
    for language in languages:
        for end in (PIECES, NGRAMS):
            if language + end not in names:
                raise ModelError(f"{storage.join(folder, language + end)} is missing")
    return {lang: (names[lang + PIECES], names[lang + NGRAMS]) for lang in languages}


def load_model(pieces: str, ngrams: str) -> NgramModel:
    """Load one model, once a process; KenLM maps the file, so that processes share its memory.

    Raises:
        ModelError: A file is missing or damaged.
    """
    local = local_copy(pieces), local_copy(ngrams)
    return _load(*local, *(os.stat(path).st_mtime_ns for path in local))


@functools.lru_cache(maxsize=64)
def _load(pieces: str, ngrams: str, *_mtimes: int) -> NgramModel:
    """Load local files; the times tell files that were trained again from the old ones."""
    return open_model(pieces, ngrams)


def open_model(pieces: str, ngrams: str) -> NgramModel:
    """Open the local files of one model.

    Raises:
        ModelError: One is damaged.
    """
    import pasture_kenlm
    import sentencepiece

    try:
        return NgramModel(sentencepiece.SentencePieceProcessor(pieces), pasture_kenlm.Model(ngrams))
    except (OSError, RuntimeError) as error:
        raise ModelError(f"cannot load {pieces} with {ngrams}: {error}") from error


@dataclasses.dataclass(frozen=True)
class Perplexity(Annotator):
    """Measures how far a text is from the text that its language's model was trained on.

    CCNet, section 2.4: 10 to the power of -(sum of log10 probabilities) / (pieces + 1), the
    whole document as one line. A text stays null whose language is unknown or has no model.

    Args:
        model: Folder of the models.
        max_characters: What is measured of a longer text: its start. Ours; CCNet has no limit,
            and a page of a crawl is at most a megabyte.
    """

    name = "perplexity"
    needs = "ngram"
    columns = ("perplexity",)

    model: str = ""
    max_characters: int = 1_000_000

    def setup(self) -> None:
        """Check that the models are there. Each is loaded when its language comes up."""
        find_models.cache_clear()
        local_copy.cache_clear()
        find_models(self.model)

    def annotate(self, batch: pa.RecordBatch) -> pa.RecordBatch:
        """Fill ``perplexity``."""
        files = find_models(self.model)
        models = {
            language: load_model(*files[language])
            for language in batch["language"].unique().to_pylist()
            if language in files
        }
        values = [
            self._measure(models[language], text) if language in models else None
            for language, text in zip(
                batch["language"].to_pylist(), batch["text"].to_pylist(), strict=True
            )
        ]
        return replace_column(batch, "perplexity", pa.array(values, pa.float64()))

    def _measure(self, model: NgramModel, text: str) -> float | None:
        line = normalise(text[: self.max_characters])
        return perplexity(*model.log10(line)) if line else None


@dataclasses.dataclass(frozen=True)
class PerplexityBuckets(Annotator):
    """Sorts documents into ``head``, ``middle`` and ``tail`` by perplexity, per language.

    CCNet, section 2.4: under the 30th percentile, under the 60th, the rest. A document without
    a perplexity, or of a language without cut-offs, is in ``all``.

    Args:
        model: A cutoffs.json, or ``ccnet`` for the published cut-offs, which are only right
            with the published models.
    """

    name = "perplexity_buckets"
    needs = "cutoffs"
    columns = ("perplexity_bucket",)

    model: str = ""

    def setup(self) -> None:
        """Read the cut-offs."""
        local_copy.cache_clear()
        cutoffs.load_cutoffs(self.model)

    def annotate(self, batch: pa.RecordBatch) -> pa.RecordBatch:
        """Fill ``perplexity_bucket``."""
        table = cutoffs.load_cutoffs(self.model)
        languages = batch["language"].to_pylist()
        found = [table.get(language) for language in languages]
        # In the column's type: 340.1 is not under a cut-off of 340.1.
        head = pa.array([cut and cut["head"] for cut in found], pa.float32())
        middle = pa.array([cut and cut["middle"] for cut in found], pa.float32())
        value = batch["perplexity"]
        buckets = pc.case_when(
            pc.make_struct(
                pc.or_(pc.is_null(value), pc.is_null(head)),
                pc.fill_null(pc.less(value, head), False),
                pc.fill_null(pc.less(value, middle), False),
            ),
            "all",
            "head",
            "middle",
            "tail",
        )
        return replace_column(batch, "perplexity_bucket", buckets)


@dataclasses.dataclass(frozen=True)
class KeepBuckets(Filter):
    """Drops documents whose perplexity is in a bucket that is not wanted.

    Args:
        buckets: What stays, of ``head``, ``middle``, ``tail`` and ``all`` (RedPajama: head and
            middle). ``all`` is what could not be sorted: it stays only if it is named.
    """

    name = "keep_buckets"

    buckets: tuple[str, ...] = ("head", "middle")

    def __post_init__(self) -> None:
        unknown = [bucket for bucket in self.buckets if bucket not in BUCKETS]
        if unknown or not self.buckets:
            raise ConfigError(f"buckets: {self.buckets} is not a choice of {', '.join(BUCKETS)}")

    def reasons(self, batch: pa.RecordBatch) -> pa.Array:
        """The reason to drop each document, null where it stays."""
        bucket = pc.fill_null(batch["perplexity_bucket"], "all")
        dropped = pc.invert(pc.is_in(bucket, pa.array(self.buckets, pa.string())))
        unsorted = pc.equal(bucket, "all")
        reason = pc.if_else(
            unsorted, "perplexity_unknown", pc.binary_join_element_wise("perplexity", bucket, "_")
        )
        return pc.if_else(dropped, reason, pa.scalar(None, pa.string()))
