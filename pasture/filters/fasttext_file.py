"""Checks that a fastText model file is whole, before fastText opens it.

fastText reads a file that breaks off without a word: it reads for ever in the dictionary, stops
the process with an arithmetic error, or computes with what the memory held. The file's own
numbers tell how long it must be.
"""

from __future__ import annotations

import os
import struct
from typing import BinaryIO

from pasture.errors import ModelError

_MAGIC = 793712314
_VERSIONS = (11, 12)
_SUPERVISED = 3
_QUANTIZER_CENTROIDS = 256
_CHUNK = 1 << 20


def check(path: str) -> None:
    """Check the structure of a supervised model, at the cost of reading its dictionary.

    Raises:
        ModelError: It is something else, another kind of model, or not whole.
    """
    with open(path, "rb") as stream:  # noqa: PTH123 (a path as fastText takes it)
        try:
            _check_head(stream)
            _skip_dictionary(stream)
            quantized = _read(stream, "<?")[0]
            _skip_matrix(stream, quantized)
            quantized_output = _read(stream, "<?")[0]
            _skip_matrix(stream, quantized and quantized_output)
        except (ValueError, OverflowError, OSError) as error:
            raise ModelError(f"{path} is no whole, supervised fastText model: {error}") from error
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


def _check_head(stream: BinaryIO) -> None:
    magic, version = _read(stream, "<2i")
    if magic != _MAGIC or version not in _VERSIONS:
        raise ValueError("its first bytes are others")
    if _read(stream, "<12id")[7] != _SUPERVISED:
        raise ValueError("it has word vectors only")


def _skip_dictionary(stream: BinaryIO) -> None:
    size, _, _, _, pruned = _read(stream, "<3i2q")
    buffer, place = b"", 0
    for _ in range(size):
        while (end := buffer.find(b"\0", place)) < 0 or end + 10 > len(buffer):
            chunk = stream.read(_CHUNK)
            if not chunk:
                raise ValueError("it breaks off in its dictionary")
            buffer, place = buffer[place:] + chunk, 0
        place = end + 10  # the zero after the word, a count of 8 bytes, a type of 1
    stream.seek(place - len(buffer), os.SEEK_CUR)
    _skip(stream, 8 * max(pruned, 0))


def _skip_matrix(stream: BinaryIO, quantized: int) -> None:
    if not quantized:
        rows, columns = _read(stream, "<2q")
        _skip(stream, 4 * rows * columns)
        return
    norms, rows, _, codes = _read(stream, "<?2qi")
    _skip(stream, codes)
    _skip_quantizer(stream)
    if norms:
        _skip(stream, rows)
        _skip_quantizer(stream)


def _skip_quantizer(stream: BinaryIO) -> None:
    dim = _read(stream, "<4i")[0]
    _skip(stream, 4 * dim * _QUANTIZER_CENTROIDS)
