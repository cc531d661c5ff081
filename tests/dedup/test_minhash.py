import datasketch
import numpy as np
import pyarrow as pa
import pytest
from datasketch.lsh import _optimal_param

from pasture.dedup import minhash
from pasture.dedup.minhash import (
    band_keys,
    best_layout,
    match_probability,
    permutations,
    signatures,
)
from pasture.dedup.shingles import Shingles, shingle


def random_sets(sizes, seed=0):
    random = np.random.default_rng(seed)
    parts = [random.integers(0, 1 << 32, size, dtype=np.uint32) for size in sizes]
    starts = np.concatenate([[0], np.cumsum(sizes)])
    return Shingles(np.concatenate(parts), starts)


@pytest.mark.parametrize(("count", "seed"), [(1, 1), (128, 1), (128, 7), (256, 0)])
def test_permutations_are_datasketchs(count, seed):
    reference = datasketch.MinHash(count, seed=seed, scheme="affine32")
    assert np.array_equal(np.array(permutations(count, seed)), reference.permutations)


@pytest.mark.parametrize("chunk", [1, 100, 1 << 17])
def test_signatures_are_datasketchs(monkeypatch, chunk):
    monkeypatch.setattr(minhash, "CHUNK", chunk)
    sets = random_sets([5, 0, 1, 300, 0, 40, 0])
    found = signatures(sets, *permutations(64, 3))
    for index, row in enumerate(found):
        reference = datasketch.MinHash(64, seed=3, scheme="affine32", hashfunc=int)
        reference.update_batch(sets.of(index).tolist())
        assert np.array_equal(row, reference.hashvalues)


def test_signatures_of_nothing():
    empty = Shingles(np.empty(0, np.uint32), np.zeros(1, np.int64))
    assert signatures(empty, *permutations(8, 1)).shape == (0, 8)


def test_the_estimate_of_jaccard_is_unbiased():
    """Over pairs of word sets with known Jaccard, the error is that of independent draws."""
    random = np.random.default_rng(5)
    errors, variances = [], []
    for pair in range(300):
        shared = int(random.integers(0, 120))
        words = [f"w{pair}x{number}" for number in range(240 - shared)]
        texts = [" ".join(words[:120]), " ".join(words[120 - shared :])]
        true = shared / len(words)
        first, second = signatures(shingle(pa.array(texts), "words", 1), *permutations(128, 1))
        errors.append((first == second).mean() - true)
        variances.append(true * (1 - true) / 128)
    standard_error = np.sqrt(sum(variances)) / len(errors)
    assert abs(np.mean(errors)) < 3 * standard_error
    assert 0.8 < np.mean(np.square(errors)) / np.mean(variances) < 1.2


def test_band_keys_are_equal_where_bands_are():
    signature = np.array([[1, 2, 3, 4, 9], [1, 2, 3, 5, 9], [3, 4, 1, 2, 9]], np.uint32)
    keys = band_keys(signature, bands=2, rows=2)
    assert keys.shape == (3, 2)
    assert keys[0, 0] == keys[1, 0]
    assert len(np.unique(keys)) == 5  # the same rows in another band have another key


@pytest.mark.parametrize("num_permutations", [16, 64, 128])
@pytest.mark.parametrize("threshold", [0.2, 0.5, 0.7, 0.75, 0.8, 0.9, 0.95])
def test_layout_is_datasketchs_optimum(threshold, num_permutations):
    wanted = _optimal_param(threshold, num_permutations, 0.5, 0.5)
    assert best_layout(threshold, num_permutations) == wanted


def test_match_probability():
    assert match_probability([0.0, 0.5, 1.0], 2, 1).tolist() == [0.0, 0.75, 1.0]
