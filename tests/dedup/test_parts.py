import pickle

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from pasture.dedup.parts import PartsFound, find_byte


@given(st.lists(st.sampled_from(b"\na\x00\x8a"), max_size=70), st.integers(0, 9))
def test_a_byte_is_found_wherever_it_stands(data, start):
    data = np.array(data, np.uint8)[start:]
    assert find_byte(data, b"\n").tolist() == np.flatnonzero(data == ord("\n")).tolist()


@given(st.sets(st.tuples(st.integers(0, 1 << 30), st.integers(0, (1 << 31) - 1))))
def test_parts_are_the_same_after_a_shuffle(parts):
    rows, numbers = np.array(sorted(parts), np.int64).reshape(-1, 2).T
    found = pickle.loads(pickle.dumps(PartsFound(rows, numbers)))
    assert found.to_list() == sorted(parts)
