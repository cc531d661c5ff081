"""The boundary around each record and each file of an extraction.

Whatever a record makes a parser raise becomes a ``Rejected`` with the record's file and place, and
the records around it survive. What is no fault of a record passes through: Pasture's own errors,
such as a storage that fails, errors of the operating system, and packages that are missing.
"""

from __future__ import annotations

import os
import traceback
from collections.abc import Callable, Iterable, Iterator
from typing import ParamSpec, TypeVar

import pasture
from pasture import timelimit
from pasture.errors import PastureError
from pasture.sources.base import Rejected
from pasture.timelimit import TimeLimitExceededError

RECORD_SECONDS = 60.0
"""Most processor time of one record. Ours: the worst page that the limits of HTML let through
takes about half of it, sound records take milliseconds."""

MAX_BAD_RECORDS = 10_000
"""How many broken records in a row end the reading of a file; ours."""

UNEXPECTED = "unexpected_error"
"""The reason of a record that met a bug of Pasture or of a library."""

_PACKAGE = os.path.dirname(pasture.__file__)
_BOUNDARY = frozenset((__file__, timelimit.__file__))
P = ParamSpec("P")
T = TypeVar("T")


def contained(
    locator: str, place: str, function: Callable[P, T], *args: P.args, **kwargs: P.kwargs
) -> T | Rejected:
    """Turn one record into a document; into a ``Rejected`` where that fails.

    Args:
        locator: What the record is called.
        place: Its file, and where it stands there.
        function: Called with the other arguments.
    """
    try:
        return timelimit.call(RECORD_SECONDS, function, *args, **kwargs)
    except Exception as error:  # the boundary of one record
        return Rejected(locator, reason_of(error), "bad_record", f"{place}: {describe(error)}")


def contained_file(path: str, records: Iterable[T]) -> Iterator[T | Rejected]:
    """Yield the records of a file, and a ``Rejected`` of kind ``bad_file`` where reading fails.

    A file of nothing but broken records, of which a bomb makes billions, is not read to its end.
    """
    bad = 0
    try:
        for record in records:
            bad = bad + 1 if isinstance(record, Rejected) and record.kind == "bad_record" else 0
            yield record
            if bad >= MAX_BAD_RECORDS:
                detail = f"{bad:,} records in a row are broken"
                yield Rejected(path, "too_many_bad_records", "bad_file", detail)
                return
    except Exception as error:  # the boundary of one file
        yield Rejected(path, reason_of(error), "bad_file", describe(error))


def reason_of(error: Exception) -> str:
    """Name what ended a record; raise the error again where it is no fault of the record.

    Raises:
        Exception: ``error``, where it passes the boundary.
    """
    if isinstance(error, TimeLimitExceededError):
        return "time_limit"
    if isinstance(error, MemoryError):
        return "memory_limit"
    is_system = isinstance(error, OSError) and error.errno is not None
    if is_system or isinstance(error, PastureError | ImportError):
        raise error
    return UNEXPECTED


def describe(error: Exception) -> str:
    """Tell an error's kind and message, and the innermost line of Pasture that it passed."""
    frames = traceback.extract_tb(error.__traceback__)
    ours = [frame for frame in frames if _is_ours(frame.filename)]
    at = ""
    if ours:
        name = os.path.relpath(ours[-1].filename, _PACKAGE)
        at = f" in pasture/{name}, line {ours[-1].lineno}"
    said = str(error)[:300]
    return f"{type(error).__name__}{': ' if said else ''}{said}{at}"


def _is_ours(file: str) -> bool:
    return file.startswith(_PACKAGE + os.sep) and file not in _BOUNDARY
