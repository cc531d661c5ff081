"""Decontamination: documents that share n-grams of words with evaluation sets.

Two published ways. GPT-3's (Brown et al., 2020, appendix C) looks for one shared n-gram of 13
words. Llama 2's (Touvron et al., 2023, section A.6) looks at how much of an evaluation item is
covered by shared n-grams. Words are numbered by the vocabulary of the evaluation sets, so equal
numbers mean equal words: what a hash finds is confirmed on the words themselves.
"""

from __future__ import annotations

import collections
import dataclasses
import functools
import gzip
import json
import re
import zlib
from collections.abc import Collection, Iterator, Mapping
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from pasture import config, storage
from pasture.errors import ConfigError, InputError
from pasture.filters.base import Annotator, Filter, Step
from pasture.records import replace_column, to_metadata
from pasture.text.words import split_words

MAX_WORDS = 100_000_000
"""Words of all evaluation sets together; ours. They take about 2 GB of memory."""

MAX_BYTES = 1 << 30
"""Bytes of one file, unpacked; ours."""

_SET_NAME = re.compile(r"[A-Za-z0-9_.-]+")
_FACTOR = np.uint64(0x9E3779B97F4A7C15)  # 2^64 divided by the golden ratio, odd
_SLICE_ROWS = 256
_TABLE_BITS = 26

Ints = npt.NDArray[np.int64]
Hashes = npt.NDArray[np.uint64]


@dataclasses.dataclass(frozen=True)
class EvaluationSet:
    """The files of an evaluation set.

    Args:
        files: Files or patterns, under the root of the inputs, plain or as ``.gz``. A ``.jsonl``
            or ``.json`` file has an item a line; of any other, each paragraph is an item.
        fields: The fields of a JSON line that hold its text: strings, or lists of strings;
            ``choices.text`` is the field ``text`` in ``choices``. Each is compared by itself.
    """

    files: tuple[str, ...]
    fields: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        if not self.files:
            raise ConfigError("files: name at least one file or pattern")

    def found(self) -> list[tuple[str, int]]:
        """List the files as ``(path, bytes)``.

        Raises:
            InputError: A pattern matches no file.
        """
        return storage.find_files(self.files, "evaluation set")

    def items(self) -> Iterator[list[str]]:
        """Yield the texts of each item.

        Raises:
            InputError: A line is not JSON, or has not the fields.
        """
        for path, _ in self.found():
            text = _read(path)
            if path.removesuffix(".gz").endswith((".jsonl", ".json")):
                yield from self._json_items(path, text)
            else:
                yield from ([paragraph] for paragraph in re.split(r"\n[^\S\n]*\n", text))

    def _json_items(self, path: str, text: str) -> Iterator[list[str]]:
        if not self.fields:
            raise ConfigError(f"{path} has JSON lines: name the fields that hold the text")
        for number, line in enumerate(text.split("\n"), start=1):
            if line.strip():
                try:
                    item = json.loads(line)
                    yield [t for field in self.fields for t in _field(item, field.split("."))]
                except (ValueError, KeyError, TypeError, RecursionError) as error:
                    raise InputError(
                        f"{path}, line {number}: {error!r}; an item is a JSON object a line with "
                        f"the fields {', '.join(self.fields)}"
                    ) from error


def _read(path: str) -> str:
    try:
        with storage.open_read(path) as stream:
            file = gzip.GzipFile(fileobj=stream) if path.endswith(".gz") else stream
            data = file.read(MAX_BYTES + 1)
        if len(data) > MAX_BYTES:
            raise InputError(f"{path} holds more than {MAX_BYTES:,} bytes; split it")
        return data.decode()
    except UnicodeDecodeError as error:
        raise InputError(f"{path} is not UTF-8: {error}") from error
    except (OSError, EOFError, zlib.error) as error:
        raise InputError(f"{path} cannot be unpacked: {error}") from error


def _field(value: Any, names: list[str]) -> Iterator[str]:
    """Yield the texts of a field; null has none."""
    if isinstance(value, list):
        for item in value:
            yield from _field(item, names)
    elif names:
        yield from _field(value[names[0]], names[1:])
    elif isinstance(value, str):
        yield value
    elif value is not None:
        raise TypeError(f"{value!r} is not text")


class Occurrences(NamedTuple):
    """The n-grams of one length: their hashes, sorted, and where each starts."""

    hashes: Hashes
    starts: Ints
    table: npt.NDArray[np.bool_]
    shift: np.uint64


@dataclasses.dataclass(frozen=True, eq=False)
class EvaluationIndex:
    """The n-grams of evaluation sets.

    Args:
        names: Names of the sets.
        vocabulary: Numbers of the words.
        words: The words of all texts that are compared, one text after the other.
        item_of: The item of each word.
        set_of: The set of each item, by its number.
        sizes: Words of each item that are compared.
        grams: The n-grams by their length.
    """

    names: tuple[str, ...]
    vocabulary: Mapping[str, int]
    words: Ints
    item_of: Ints
    set_of: Ints
    sizes: Ints
    grams: Mapping[int, Occurrences]

    @classmethod
    def of(cls, sets: Mapping[str, EvaluationSet], ngram: int, min_ngram: int) -> EvaluationIndex:
        """Read evaluation sets, and index their n-grams."""
        vocabulary: dict[str, int] = {}
        texts: list[Ints] = []
        items: list[int] = []
        set_of: list[int] = []
        total = 0
        for number, evaluation in enumerate(sets.values()):
            for item in evaluation.items():
                words, indices, counts = split_words(pa.array(item, pa.string()))
                ids = [vocabulary.setdefault(word, len(vocabulary)) for word in words]
                numbered = np.array(ids, np.int64)[indices]
                for end, count in zip(np.cumsum(counts).tolist(), counts.tolist(), strict=True):
                    if count >= min_ngram:
                        texts.append(numbered[end - count : end])
                        items.append(len(set_of))
                        total += count
                if total > MAX_WORDS:
                    raise InputError(f"the evaluation sets have more than {MAX_WORDS:,} words")
                set_of.append(number)
        counts = np.array([len(text) for text in texts], np.int64)
        item_of = np.repeat(np.array(items, np.int64), counts)
        all_words = np.concatenate([np.empty(0, np.int64), *texts])
        return cls(
            names=tuple(sets),
            vocabulary=vocabulary,
            words=all_words,
            item_of=item_of,
            set_of=np.array(set_of, np.int64),
            sizes=np.bincount(item_of, minlength=len(set_of)),
            grams={
                n: _occurrences(all_words, counts, n, ngram) for n in range(min_ngram, ngram + 1)
            },
        )

    def overlaps(self, texts: pa.Array) -> list[dict[str, float]]:
        """For each text the sets that it shares n-grams with, by the share of their worst item."""
        words, indices, counts = split_words(texts)
        numbers = np.array([self.vocabulary.get(word, -1) for word in words], np.int64)
        ids = numbers[indices]
        text_of = np.repeat(np.arange(len(counts)), counts)
        hits = [
            _shared(ids, text_of, hashes, self.words, n, self.grams[n])
            for n, hashes in _rolling(ids, self.grams)
        ]
        texts_hit, places = (np.concatenate(column) for column in zip(*hits, strict=True))
        found: list[dict[str, float]] = [{} for _ in range(len(counts))]
        if not len(texts_hit):
            return found
        # Pairs as one number each, text first: numpy sorts those a hundred times faster.
        covered = np.unique(texts_hit * len(self.words) + places)
        texts_hit, places = np.divmod(covered, len(self.words))
        pairs, shared = np.unique(
            texts_hit * len(self.sizes) + self.item_of[places], return_counts=True
        )
        texts_hit, items = np.divmod(pairs, len(self.sizes))
        shares = shared / self.sizes[items]
        for text, item, share in zip(
            texts_hit.tolist(), items.tolist(), shares.tolist(), strict=True
        ):
            name = self.names[self.set_of[item]]
            found[text][name] = max(share, found[text].get(name, 0.0))
        return [dict(sorted(of.items(), key=lambda i: self.names.index(i[0]))) for of in found]


def _occurrences(words: Ints, counts: Ints, n: int, longest: int) -> Occurrences:
    """Index the n-grams of texts; those shorter than the longest n-gram are one as a whole."""
    starts = np.cumsum(counts) - counts
    if n == longest:
        chosen = counts >= n
        windows = counts[chosen] - n + 1
        first = np.cumsum(windows) - windows
        places = np.repeat(starts[chosen] - first, windows) + np.arange(windows.sum())
    else:
        places = starts[counts == n]
    ((_, rolled),) = _rolling(words, [n])
    hashes = rolled[places]
    order = np.argsort(hashes, kind="stable")
    # Hardly any place is taken, so that few n-grams of a document need a search.
    shift = np.uint64(64 - min(_TABLE_BITS, len(hashes).bit_length() + 4))
    table = np.zeros(1 << (64 - int(shift)), bool)
    table[hashes >> shift] = True
    return Occurrences(hashes[order], places[order], table, shift)


def _rolling(words: Ints, lengths: Collection[int]) -> Iterator[tuple[int, Hashes]]:
    """Hash the windows of some lengths, in ascending order, by the words' numbers."""
    values = (words.astype(np.uint64) + np.uint64(1)) * _FACTOR
    values ^= values >> np.uint64(29)
    total = values
    for n in range(1, max(lengths) + 1):
        if n > 1:
            total = total[:-1] * _FACTOR + values[n - 1 :]
        if n in lengths:
            yield n, total ^ (total >> np.uint64(32))


def _shared(
    ids: Ints, text_of: Ints, hashes: Hashes, words: Ints, n: int, grams: Occurrences
) -> tuple[Ints, Ints]:
    """Find the n-grams of texts, given by their hashes, among those of the evaluation sets.

    Returns:
        Pairs of a text and a word of the evaluation sets that a shared n-gram covers.
    """
    none = np.empty(0, np.int64), np.empty(0, np.int64)
    if not len(grams.hashes) or not len(hashes):
        return none
    at = np.flatnonzero(grams.table[hashes >> grams.shift])
    # No word outside of the vocabulary, no text's end, and each n-gram once a text.
    unknown = np.concatenate([[0], np.cumsum(ids < 0)])
    at = at[(unknown[at + n] == unknown[at]) & (text_of[at] == text_of[at + n - 1])]
    first = np.searchsorted(grams.hashes, hashes[at], "left")
    repeats = np.searchsorted(grams.hashes, hashes[at], "right") - first
    at, first, repeats = at[repeats > 0], first[repeats > 0], repeats[repeats > 0]
    _, once = np.unique(text_of[at] * len(grams.hashes) + first, return_index=True)
    at, first, repeats = at[once], first[once], repeats[once]
    if not len(at):
        return none
    here = np.repeat(at, repeats)
    offset = np.arange(len(here)) - np.repeat(np.cumsum(repeats) - repeats, repeats)
    there = grams.starts[np.repeat(first, repeats) + offset]
    window = np.arange(n)
    equal = (ids[here[:, None] + window] == words[there[:, None] + window]).all(axis=1)
    here, there = here[equal], there[equal]
    return np.repeat(text_of[here], n), (there[:, None] + window).reshape(-1)


@dataclasses.dataclass(frozen=True)
class EvaluationOverlap(Step):
    """Compares documents with evaluation sets.

    Args:
        sets: The evaluation sets by name: ``files``, and for JSON lines ``fields``.
        ngram: Words of a shared n-gram (GPT-3: 13).
        min_ngram: A text of the sets with fewer words than ``ngram`` is compared as a whole, and
            with fewer than this not at all (GPT-3: 8).
        min_overlap: Lowest share of an evaluation item's words that shared n-grams cover, 0 to
            1; 0: one shared n-gram is enough (GPT-3). Llama 2 calls 0.8 dirty, under 0.2 clean.
    """

    sets: dict[str, EvaluationSet]
    ngram: int = 13
    min_ngram: int = 8
    min_overlap: float = 0.0

    def __post_init__(self) -> None:
        if not self.sets:
            raise ConfigError("sets: name at least one evaluation set")
        for name in self.sets:
            if not _SET_NAME.fullmatch(name):
                raise ConfigError(f"sets: {name!r}: use letters, digits, '_', '.' and '-' only")
        if not 1 <= self.min_ngram <= self.ngram:
            raise ConfigError(
                f"min_ngram is {self.min_ngram} and ngram {self.ngram}; give 1 or more, and no "
                f"more than ngram"
            )
        if not 0 <= self.min_overlap <= 1:
            raise ConfigError(f"min_overlap is {self.min_overlap}; give a share of 0 to 1")

    def rooted(self, root: str) -> EvaluationOverlap:
        """Look up relative files under a folder."""
        sets = {
            name: dataclasses.replace(s, files=tuple(storage.join(root, f) for f in s.files))
            for name, s in self.sets.items()
        }
        return dataclasses.replace(self, sets=sets)

    def plain(self) -> dict[str, Any]:
        """The options, with names, sizes and hashes in the place of the files' paths."""
        body: dict[str, Any] = config.plain(self)
        for name, evaluation in self.sets.items():
            body["sets"][name]["files"] = [
                f"{path.rsplit('/', 1)[-1]} ({size} bytes, sha256 {storage.sha256(path)})"
                for path, size in evaluation.found()
            ]
        return body

    def check(self) -> None:
        """Read the evaluation sets once, to fail before any work where they are not right."""
        EvaluationIndex.of(self.sets, self.ngram, self.min_ngram)

    def setup(self) -> None:
        """Read the evaluation sets."""
        assert self._index

    @functools.cached_property
    def _index(self) -> EvaluationIndex:
        return EvaluationIndex.of(self.sets, self.ngram, self.min_ngram)

    def overlaps(self, batch: pa.RecordBatch) -> list[dict[str, float]]:
        """For each document the sets that it overlaps, with the highest share of an item."""
        texts = batch["text"]
        found = [
            of
            for start in range(0, len(texts), _SLICE_ROWS)
            for of in self._index.overlaps(texts.slice(start, _SLICE_ROWS))
        ]
        return [
            {name: share for name, share in of.items() if share >= self.min_overlap} for of in found
        ]


@dataclasses.dataclass(frozen=True)
class Decontaminate(EvaluationOverlap, Filter):
    """Drops documents that overlap evaluation sets (GPT-3, appendix C; Llama 2, section A.6).

    The reason is ``contaminated:SET``; of several sets, the first. Words are compared case-folded
    and by their letters and digits only.

    Args:
        sets: The evaluation sets by name: ``files``, and for JSON lines ``fields``.
        ngram: Words of a shared n-gram (GPT-3: 13).
        min_ngram: A text of the sets with fewer words than ``ngram`` is compared as a whole, and
            with fewer than this not at all (GPT-3: 8).
        min_overlap: Lowest share of an evaluation item's words that shared n-grams cover, 0 to
            1; 0: one shared n-gram is enough (GPT-3). Llama 2 calls 0.8 dirty, under 0.2 clean.
    """

    name = "decontaminate"

    def reasons(self, batch: pa.RecordBatch) -> pa.Array:
        """The reason to drop each document, null where it stays."""
        reasons = [f"contaminated:{next(iter(of))}" if of else None for of in self.overlaps(batch)]
        return pa.array(reasons, pa.string())


@dataclasses.dataclass(frozen=True)
class MarkContaminated(EvaluationOverlap, Annotator):
    """Marks documents that overlap evaluation sets, and drops none.

    The metadata gets ``contaminated``: by set, the highest share of an item that is covered. The
    manifest counts the documents by set, as ``marked``.

    Args:
        sets: As of ``decontaminate``.
        ngram: As of ``decontaminate``.
        min_ngram: As of ``decontaminate``.
        min_overlap: As of ``decontaminate``.
    """

    name = "mark_contaminated"
    columns = ("metadata",)

    def annotate(self, batch: pa.RecordBatch) -> pa.RecordBatch:
        """Return the batch with the overlaps in its metadata."""
        notes = batch["metadata"].to_pylist()
        for row, of in enumerate(self.overlaps(batch)):
            if of:
                shares = {name: round(share, 4) for name, share in of.items()}
                notes[row] = to_metadata(
                    **{**json.loads(notes[row] or "{}"), "contaminated": shares}
                )
        return replace_column(batch, "metadata", pa.array(notes, pa.string()))

    def marked(self, batch: pa.RecordBatch) -> collections.Counter[str]:
        """Count the documents by set."""
        notes = (
            json.loads(note).get("contaminated", {})
            for note in batch["metadata"].to_pylist()
            if note
        )
        return collections.Counter(name for of in notes for name in of)
