"""Sizes and times for people."""

import pytest

from pasture.console.text import duration, size


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (0.25, "0.2 s"),
        (59, "59 s"),
        (61, "1 min 01 s"),
        (7300, "2 h 01 min"),
        (200_000, "2 d 07 h"),
    ],
)
def test_writes_a_time_for_people(seconds, text):
    assert duration(seconds) == text


@pytest.mark.parametrize(
    ("count", "text"),
    [
        (None, ""),
        (0, "0 B"),
        (999, "999 B"),
        (1000, "1.0 kB"),
        (2_500_000, "2.5 MB"),
        (7 * 10**12, "7.0 TB"),
        (7 * 10**15, "7000.0 TB"),
    ],
)
def test_writes_a_size_for_people(count, text):
    assert size(count) == text
