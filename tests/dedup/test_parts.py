import pickle

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pasture.dedup.parts import Packed, PartsFound, find_byte

NUMBERS = st.lists(st.integers(0, 1 << 62) | st.integers(0, 1 << 34))


@given(st.lists(st.sampled_from(b"\na\x00\x8a"), max_size=70), st.integers(0, 9))
def test_a_byte_is_found_wherever_it_stands(data, start):
    data = np.array(data, np.uint8)[start:]
    assert find_byte(data, b"\n").tolist() == np.flatnonzero(data == ord("\n")).tolist()


@given(st.sets(st.tuples(st.integers(0, 1 << 30), st.integers(0, (1 << 31) - 1))))
def test_parts_are_the_same_after_a_shuffle(parts):
    rows, numbers = np.array(sorted(parts), np.int64).reshape(-1, 2).T
    found = pickle.loads(pickle.dumps(PartsFound(rows, numbers)))
    assert found.to_list() == sorted(parts)


@given(NUMBERS)
def test_packed_numbers_come_back(numbers):
    numbers = np.array(numbers, np.int64)
    assert np.array_equal(Packed.of(numbers).unpack(), numbers)


@pytest.mark.parametrize(
    ("steps", "rows", "numbers"),
    [
        ((-128, 127), 0, 1),
        ((-129, 0), 0, 2),
        ((0, 128), 0, 2),
        ((0, 1 << 31), 0, 8),
        ((1 << 32, 127), 1, 1),  # the next row
        (((200 << 32) - 5, 0), 2, 1),
    ],
)
def test_steps_take_the_bytes_that_hold_them(steps, rows, numbers):
    packed = Packed.of(np.cumsum([(1 << 40) + 200, *steps]))
    assert packed.rows.nbytes == 2 * rows
    assert packed.numbers.itemsize == numbers
