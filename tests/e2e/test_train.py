"""The tiny preset learns more of a corpus than pairs of tokens tell: of the sample, of real data.

The baselines are bigrams of the same training tokens, each source weighted as the mixture samples
it, measured on the same held-out tokens. On real data they are smoothed as well as bigrams can be
(Kneser and Ney, 1995). On the sample, whose hundred thousand tokens are too few for a model to be
better than that, they fall back on how often a token is.
"""

from __future__ import annotations

import pathlib
from collections.abc import Callable, Iterator, Mapping
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt
import pytest
import torch
import yaml

from pasture.driver.run import run_recipe
from pasture.recipes.load import load_recipe
from pasture.tokenize.reader import TokenCorpus
from pasture.trainer.config import TrainConfig
from pasture.trainer.evaluate import Evaluation
from pasture.trainer.train import train

Ids: TypeAlias = npt.NDArray[np.int64]
Floats: TypeAlias = npt.NDArray[np.float64]
DISCOUNT = 0.75
MOST = 64 * 256
"""Held-out tokens of each source that training measures."""


class Bigrams:
    """Pairs of tokens and how much they weigh, held sparse as sorted numbers.

    Args:
        streams: Training tokens by source.
        weights: What a pair of each source counts.
        size: Tokens of the vocabulary.
    """

    def __init__(
        self, streams: Mapping[str, npt.NDArray[np.int64]], weights: Mapping[str, float], size: int
    ) -> None:
        self.size = size
        codes = np.concatenate([t[:-1] * size + t[1:] for t in streams.values()])
        each = np.concatenate([np.full(len(t) - 1, weights[n]) for n, t in streams.items()])
        self.codes, places = np.unique(codes, return_inverse=True)
        self.counts = np.bincount(places, each)
        self.firsts, self.seconds = np.divmod(self.codes, size)
        self.totals = np.bincount(self.firsts, self.counts, size)

    def count(self, first: Ids, second: Ids) -> Floats:
        """Look up pairs."""
        codes = first * self.size + second
        places = np.searchsorted(self.codes, codes).clip(max=len(self.codes) - 1)
        return np.where(self.codes[places] == codes, self.counts[places], 0.0)

    def fall_back(self, first: Ids, second: Ids) -> Floats:
        """Give chances with two more followers of each token, spread as single tokens are."""
        singles = np.bincount(self.seconds, self.counts, self.size) + 1
        single = (singles / singles.sum())[second]
        return (self.count(first, second) + 2 * single) / (self.totals[first] + 2)

    def kneser_ney(self, first: Ids, second: Ids) -> Floats:
        """Give chances where seen pairs leave a share to tokens, by how many each has followed."""
        # A pair of a rare source may count less than the discount: no more than it has is taken.
        taken = np.bincount(self.firsts, np.minimum(self.counts, DISCOUNT), self.size)
        follows = np.bincount(self.seconds, minlength=self.size) + 1.0
        single = (follows / follows.sum())[second]
        known = np.maximum(self.count(first, second) - DISCOUNT, 0) + taken[first] * single
        totals = self.totals[first]
        return np.where(totals > 0, known / np.maximum(totals, 1e-9), single)


def count_bigrams(output: pathlib.Path) -> Bigrams:
    """Count the bigrams of an output's training tokens."""
    corpus = TokenCorpus.open(str(output))
    sources = yaml.safe_load((output / "mixture.yaml").read_text())["sources"]
    total = sum(corpus.token_counts.values())
    return Bigrams(
        {name: s.read(0, s.tokens).astype(np.int64) for name, s in corpus.streams.items()},
        {
            name: sources[name]["proportion"] * total / s.tokens
            for name, s in corpus.streams.items()
        },
        int(corpus.tokenizer["vocab_size"]),
    )


def bigram_losses(output: pathlib.Path, chances: Callable[[Ids, Ids], Floats]) -> Floats:
    """Loss of each held-out token that training measures, in nats."""
    held_out = TokenCorpus.open(str(output), "validation").streams.values()
    parts = [stream.read(0, min(stream.tokens, MOST + 1)).astype(np.int64) for stream in held_out]
    return -np.log(np.concatenate([chances(part[:-1], part[1:]) for part in parts]))


def mean_loss(found: Mapping[str, Evaluation]) -> tuple[float, int]:
    """Give the loss over all held-out tokens, and their number."""
    tokens = sum(source.tokens for source in found.values())
    return sum(source.loss * source.tokens for source in found.values()) / tokens, tokens


@pytest.fixture
def one_thread() -> Iterator[None]:
    """Small tensors on a shared machine: threads that wait for one another only cost time."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.mark.parametrize("name", ["fall_back", "kneser_ney"])
def test_chances_of_bigrams_sum_to_one(name: str) -> None:
    tokens = np.array([0, 1, 2, 1, 1, 0, 3], np.int64)
    bigrams = Bigrams({"a": tokens, "b": tokens[::-1]}, {"a": 0.5, "b": 2.0}, 5)
    for first in range(5):
        chances = getattr(bigrams, name)(np.full(5, first), np.arange(5))
        assert chances.sum() == pytest.approx(1)


@pytest.mark.timeout(900)
@pytest.mark.usefixtures("one_thread")
def test_the_tiny_model_beats_bigrams(sample_output: pathlib.Path, tmp_path: pathlib.Path) -> None:
    for name in ("tokens", "tokenizer", "mixture.yaml"):
        (tmp_path / name).symlink_to(sample_output / name)
    loss, tokens = mean_loss(train(str(tmp_path), TrainConfig(steps=80, device="cpu")).validation)
    expected = bigram_losses(tmp_path, count_bigrams(tmp_path).fall_back)
    assert tokens == len(expected)
    assert loss < 7.0 < expected.mean()


# Three sources as they come, and pieces so few that bigrams of three million tokens know them well.
NEAR = {"ngram": 13, "verify": "containment", "min_similarity": 0.9, "keep": "longest"}
RECIPE: dict[str, Any] = {
    "name": "real",
    "sources": {
        "books": {
            "inputs": ["books/gutenberg/*.txt", "books/*.tar.gz"],
            # Another edition of a held-out book would tell the bigrams its pairs.
            "stages": {"10-near": {"near_duplicates": NEAR}},
            "budget": {"bad_files": 10, "bad_records": 0.1},
        },
        "c4": {
            "inputs": ["c4/*.json.gz"],
            "stages": {"10-exact": {"exact_duplicates": {}}},
            "budget": {"bad_files": 10, "bad_records": 0.1},
        },
        "stackexchange": {
            "inputs": ["stackexchange/*.7z"],
            "stages": {"10-exact": {"exact_duplicates": {}}},
            "budget": {"bad_files": 10, "bad_records": 0.1},
        },
    },
    "tokenizer": {"training": {"vocab_size": 1000, "sample_bytes": 1_000_000}},
    "tokens": {"validation_fraction": 0.05},
    "budget_tokens": 1_000_000,
}
MIXTURE = {
    "name": "real",
    "tokens": 1_000_000,
    "sources": {
        "books": {"proportion": 0.4},
        "c4": {"proportion": 0.4},
        "stackexchange": {"proportion": 0.2},
    },
}


@pytest.mark.real_data
@pytest.mark.timeout(1800)
@pytest.mark.usefixtures("one_thread")
def test_the_tiny_model_beats_bigrams_of_real_data(
    real_data: pathlib.Path, tmp_path: pathlib.Path
) -> None:
    """In 800 steps of 1,024 tokens, a fifth of what the bigrams are counted in."""
    (tmp_path / "mixture.yaml").write_text(yaml.safe_dump(MIXTURE))
    body = {**RECIPE, "mixture": str(tmp_path / "mixture.yaml")}
    (tmp_path / "recipe.yaml").write_text(yaml.safe_dump(body))
    output = tmp_path / "output"
    run_recipe(load_recipe(str(tmp_path / "recipe.yaml"), str(real_data)), str(output))
    options = TrainConfig(steps=800, batch_tokens=1024, device="cpu")
    loss, tokens = mean_loss(train(str(output), options).validation)
    expected = bigram_losses(output, count_bigrams(output).kneser_ney)
    assert tokens == len(expected) == 3 * MOST
    assert loss < 4.1 < expected.mean()
