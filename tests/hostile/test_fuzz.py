"""A short fuzzing of every source with fixed seeds; scripts/fuzz goes on as long as one likes."""

from __future__ import annotations

import random

import pytest

from pasture.sources import SOURCES
from tests.hostile.fuzz import FORMATS, check, damaged

FILES = 60


@pytest.mark.parametrize("source", sorted(SOURCES))
def test_damaged_files_break_nothing(source):
    for number in range(FILES):
        name, data = damaged(random.Random(f"{source} {number}"), source)
        check(source, name, data)


def test_most_of_the_damaged_files_are_read_into():
    """Mutations that only break the container would test little."""
    sizes = set()
    for number in range(50):
        sizes.add(len(damaged(random.Random(number), "c4")[1]))
    assert len(sizes) > 30
    assert set(FORMATS) == set(SOURCES)
