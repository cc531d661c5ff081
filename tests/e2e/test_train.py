"""The tiny preset learns more of the bundled sample than pairs of tokens tell."""

from __future__ import annotations

import pathlib
from collections.abc import Iterator

import numpy as np
import numpy.typing as npt
import pytest
import torch
import yaml

from pasture.tokenize.reader import TokenCorpus
from pasture.trainer.config import TrainConfig
from pasture.trainer.train import train

STEPS = 80
STATED_LOSS = 7.0
"""Nats a token over all held-out text of the sample, after so many steps."""


def bigram_losses(output: pathlib.Path) -> npt.NDArray[np.float64]:
    """Loss of each held-out token under bigrams, which fall back on single tokens.

    They are counted in the training tokens, each source weighted as the mixture samples it.
    """
    corpus = TokenCorpus.open(str(output))
    sources = yaml.safe_load((output / "mixture.yaml").read_text())["sources"]
    size = int(corpus.tokenizer["vocab_size"])
    pairs = np.zeros((size, size), np.float32)
    for name, stream in corpus.streams.items():
        tokens = stream.read(0, stream.tokens).astype(np.int64)
        weight = sources[name]["proportion"] * sum(corpus.token_counts.values()) / stream.tokens
        np.add.at(pairs, (tokens[:-1], tokens[1:]), weight)
    singles = (pairs.sum(0) + 1) / (pairs.sum() + size)
    losses = []
    for stream in TokenCorpus.open(str(output), "validation").streams.values():
        tokens = stream.read(0, stream.tokens).astype(np.int64)
        first, second = tokens[:-1], tokens[1:]
        chances = (pairs[first, second] + 2 * singles[second]) / (pairs[first].sum(1) + 2)
        losses.append(-np.log(chances))
    return np.concatenate(losses)


@pytest.fixture
def one_thread() -> Iterator[None]:
    """Small tensors on a shared machine: threads that wait for one another only cost time."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.mark.timeout(900)
@pytest.mark.usefixtures("one_thread")
def test_the_tiny_model_beats_bigrams(sample_output: pathlib.Path, tmp_path: pathlib.Path) -> None:
    for name in ("tokens", "tokenizer", "mixture.yaml"):
        (tmp_path / name).symlink_to(sample_output / name)
    found = train(str(tmp_path), TrainConfig(steps=STEPS, device="cpu")).validation
    tokens = sum(source.tokens for source in found.values())
    loss = sum(source.loss * source.tokens for source in found.values()) / tokens
    expected = bigram_losses(tmp_path)
    assert tokens == len(expected)
    assert loss < STATED_LOSS < expected.mean()
