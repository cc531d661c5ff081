"""What a record makes a parser raise becomes a ``Rejected``; what is no fault of it passes."""

from __future__ import annotations

import errno

import pytest

from pasture.errors import StorageError
from pasture.sources import containment
from pasture.sources.base import Rejected
from pasture.sources.containment import contained, contained_file


def fail(error: Exception) -> int:
    raise error


@pytest.mark.parametrize(
    ("error", "reason", "said"),
    [
        (KeyError("x"), "unexpected_error", "KeyError: 'x'"),
        (RecursionError("too deep"), "unexpected_error", "RecursionError: too deep"),
        (OSError("no number"), "unexpected_error", "OSError: no number"),
        (MemoryError(), "memory_limit", "MemoryError"),
        (containment.TimeLimitExceededError(), "time_limit", "TimeLimitExceededError"),
    ],
)
def test_a_record_that_fails_is_rejected_with_its_place(error, reason, said):
    found = contained("page:7", "dump.xml:123", fail, error)
    assert found == Rejected("page:7", reason, "bad_record", f"dump.xml:123: {said}")


def test_a_record_that_does_well_is_returned():
    assert contained("page:7", "dump.xml:123", divmod, 7, 2) == (3, 1)


@pytest.mark.parametrize(
    "error",
    [
        StorageError("gone"),
        OSError(errno.ENOSPC, "full"),
        ImportError("py7zr"),
        KeyboardInterrupt(),
    ],
)
def test_what_is_no_fault_of_a_record_passes(error):
    with pytest.raises(type(error)):
        contained("page:7", "dump.xml:123", fail, error)
    with pytest.raises(type(error)):
        list(contained_file("dump.xml", (fail(error) for _ in "x")))


def test_a_file_that_fails_keeps_its_records():
    def read():
        yield 1
        raise KeyError("x")

    bad = Rejected("dump.xml", "unexpected_error", "bad_file", "KeyError: 'x'")
    assert list(contained_file("dump.xml", read())) == [1, bad]


def test_a_file_of_nothing_but_broken_records_is_not_read_to_its_end(monkeypatch):
    monkeypatch.setattr(containment, "MAX_BAD_RECORDS", 3)
    bad = Rejected("a:1", "not_json", "bad_record")
    assert list(contained_file("a", [bad, bad, 1, bad, bad, bad, bad, 2])) == [
        *(bad, bad, 1, bad, bad, bad),
        Rejected("a", "too_many_bad_records", "bad_file", "3 records in a row are broken"),
    ]


def test_the_line_that_raised_is_named():
    from pasture.sources.dates import parse_utc

    found = contained("a:1", "a, line 1", parse_utc, None)
    assert isinstance(found, Rejected)
    assert "in pasture/sources/dates.py, line" in found.detail
