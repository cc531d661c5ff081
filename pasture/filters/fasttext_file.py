"""Checks that a fastText model file is whole, before fastText opens it.

fastText reads a file that breaks off without a word: it reads for ever in the dictionary, stops
the process with an arithmetic error, or computes with what the memory held. The file's own
numbers tell how long it must be.
"""

from __future__ import annotations

import dataclasses
import os
import struct
from typing import BinaryIO

from pasture.errors import ModelError

_MAGIC = 793712314
_VERSIONS = (11, 12)
_SUPERVISED = 3
_WORD_VECTORS = (1, 2)  # CBOW and skip-gram
_LOSSES = (1, 2, 3, 4)  # hierarchical softmax, negative sampling, softmax, one against all
_QUANTIZER_CENTROIDS = 256
_CHUNK = 1 << 20
_MAX_DIM = 100_000
_MAX_NGRAMS = 100
"""Longest n-gram of words or characters; ours. Models have up to 6."""
_MAX_WORD = 10_000
"""Longest word, in bytes, of which fastText takes every n-gram; ours."""
_MAX_COUNT = 10**15
"""What fastText takes for the count of a node of its tree that is not built yet."""


@dataclasses.dataclass(frozen=True)
class _Head:
    """The settings that fastText computes places in memory from."""

    dim: int
    bucket: int
    uses_buckets: bool


def check(path: str, *, supervised: bool = True) -> None:
    """Check the structure of a model, at the cost of reading its dictionary.

    Every number that fastText computes a place in memory from is compared with the others, because
    it does not do so itself: a bit that flipped in one of them ends the process.

    Args:
        path: The local file.
        supervised: Whether it must be a classifier, or else word vectors.

    Raises:
        ModelError: It is something else, another kind of model, or not whole.
    """
    with open(path, "rb") as stream:  # noqa: PTH123 (a path as fastText takes it)
        try:
            head = _check_head(stream, supervised)
            words, labels, pruned = _check_dictionary(stream, int(supervised))
            quantized = _boolean(stream)
            rows = words + (head.bucket if pruned is None else pruned)
            if pruned is None and head.uses_buckets and head.bucket < 1:
                raise ValueError("it has n-grams, and no buckets for them")
            _check_matrix(stream, quantized, rows, head.dim)
            quantized_output = _boolean(stream)
            outputs = labels if supervised else words
            _check_matrix(stream, quantized and quantized_output, outputs, head.dim)
        except (ValueError, OverflowError, OSError) as error:
            what = "supervised fastText model" if supervised else "fastText model of word vectors"
            raise ModelError(f"{path} is no whole, {what}: {error}") from error
        needed, found = stream.tell(), os.fstat(stream.fileno()).st_size
        if needed != found:
            raise ModelError(
                f"{path} is no whole fastText model: it has {found:,} bytes of {needed:,}"
            )


def _read(stream: BinaryIO, layout: str) -> tuple[int, ...]:
    size = struct.calcsize(layout)
    data = stream.read(size)
    if len(data) < size:
        raise ValueError("it breaks off")
    return struct.unpack(layout, data)


def _skip(stream: BinaryIO, size: int) -> None:
    """Pass over bytes; that they are there is checked at the end."""
    if size < 0:
        raise ValueError("a size in it is negative")
    stream.seek(size, os.SEEK_CUR)


def _within(name: str, value: int, low: int, high: int) -> int:
    if not low <= value <= high:
        raise ValueError(f"its {name} is {value:,}; {low:,} to {high:,} can be")
    return value


def _boolean(stream: BinaryIO) -> bool:
    return bool(_within("flag", _read(stream, "<B")[0], 0, 1))


def _check_head(stream: BinaryIO, supervised: bool) -> _Head:
    magic, version = _read(stream, "<2i")
    if magic != _MAGIC or version not in _VERSIONS:
        raise ValueError("its first bytes are others")
    dim, _, _, _, _, ngrams, loss, model, bucket, minn, maxn, _, _ = _read(stream, "<12id")
    if supervised and model != _SUPERVISED:
        raise ValueError("it has word vectors only")
    if not supervised and model not in _WORD_VECTORS:
        raise ValueError("it is a classifier")
    if loss not in _LOSSES:
        raise ValueError(f"its loss is {loss}")
    _within("length of word n-grams", ngrams, 0, _MAX_NGRAMS)
    _within("longest character n-gram", maxn, 0, _MAX_NGRAMS)
    _within("shortest character n-gram", minn, 0, _MAX_NGRAMS)
    _within("number of buckets", bucket, 0, (1 << 31) - 1)
    return _Head(_within("size of vectors", dim, 1, _MAX_DIM), bucket, ngrams > 1 or maxn > 0)


def _check_dictionary(stream: BinaryIO, least_labels: int) -> tuple[int, int, int | None]:
    """Return the numbers of words and labels, and of pruned n-grams where any were."""
    size, words, labels, _, pruned = _read(stream, "<3i2q")
    _within("number of words and labels", size, 1, (1 << 31) - 1)
    _within("number of words", words, 0, size)
    _within("number of labels", labels, least_labels, size)
    if size != words + labels:
        raise ValueError(f"it has {size:,} entries, but {words:,} words and {labels:,} labels")
    buffer, place = b"", 0
    for number in range(size):
        while (end := buffer.find(b"\0", place)) < 0 or end + 10 > len(buffer):
            chunk = stream.read(_CHUNK)
            if not chunk or len(buffer) - place > _MAX_WORD:
                raise ValueError("it breaks off in its dictionary")
            buffer, place = buffer[place:] + chunk, 0
        count, kind = _ENTRY.unpack_from(buffer, end + 1)  # after the zero that ends the word
        is_label = number >= words
        if kind != is_label or not 0 <= count < _MAX_COUNT or end - place > _MAX_WORD:
            raise ValueError(f"entry {number:,} of its dictionary is damaged")
        if is_label:
            buffer[place:end].decode()  # of which fastText's module makes a string
        place = end + 10
    stream.seek(place - len(buffer), os.SEEK_CUR)
    if pruned < 0:
        _within("number of pruned n-grams", pruned, -1, -1)
        return words, labels, None
    for _ in range(_within("number of pruned n-grams", pruned, 0, (1 << 31) - 1)):
        _within("place of a pruned n-gram", _read(stream, "<2i")[1], 0, pruned - 1)
    return words, labels, pruned


_ENTRY = struct.Struct("<qb")


def _check_matrix(stream: BinaryIO, quantized: bool, rows: int, columns: int) -> None:
    """Check a matrix of so many rows and columns, and pass over it."""
    norms = _boolean(stream) if quantized else False
    found = _read(stream, "<2q")
    if found != (rows, columns):
        raise ValueError(f"a matrix is {found[0]:,} by {found[1]:,}, not {rows:,} by {columns:,}")
    if not quantized:
        _skip(stream, 4 * rows * columns)
        return
    codes = _read(stream, "<i")[0]
    _skip(stream, codes)
    parts = _check_quantizer(stream, columns)
    if codes != rows * parts:
        raise ValueError(f"it has {codes:,} codes for {rows:,} rows in {parts:,} parts")
    if norms:
        _skip(stream, rows)
        _check_quantizer(stream, 1)


def _check_quantizer(stream: BinaryIO, columns: int) -> int:
    """Check a quantizer, and pass over it; return in how many parts it cuts a row."""
    dim, parts, size, last = _read(stream, "<4i")
    _within("size of a part", size, 1, columns)
    if (dim, parts, last) != (columns, -(-columns // size), columns % size or size):
        raise ValueError("a quantizer is damaged")
    _skip(stream, 4 * dim * _QUANTIZER_CENTROIDS)
    return parts
