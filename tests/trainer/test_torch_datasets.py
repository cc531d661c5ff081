"""The sampler as torch datasets: its own batches, whatever the workers and the restarts."""

from __future__ import annotations

import pathlib
import pickle

import pytest
import torch
from torch.utils.data import DataLoader

from pasture.tokenize.reader import TokenCorpus
from pasture.tokenize.sampler import MixtureSampler
from pasture.trainer.datasets import Tensors, TokenBatches, TokenSequences

CONTEXT = 32


def sampler(output: pathlib.Path, **ranks: int) -> MixtureSampler:
    return MixtureSampler(TokenCorpus.open(str(output)), {"c4": 1.0}, CONTEXT, 6, seed=4, **ranks)


def load(one: MixtureSampler, first: int, workers: int) -> list[Tensors]:
    dataset = TokenBatches(one, first_step=first, steps=10)
    return list(DataLoader(dataset, batch_size=None, num_workers=workers))


def equal(one: list[Tensors], other: list[Tensors]) -> bool:
    return len(one) == len(other) and all(
        a.keys() == b.keys() and all(torch.equal(a[key], b[key]) for key in a)
        for a, b in zip(one, other, strict=True)
    )


def test_batches_are_the_samplers(small_output: pathlib.Path) -> None:
    for rank in range(2):
        one = sampler(small_output, rank=rank, world_size=2)
        found = load(one, 0, 0)
        assert len(found) == 10
        for step, tensors in enumerate(found):
            batch = one.batch(step)
            assert tensors["input_ids"].tolist() == batch.tokens[:, :-1].tolist()
            assert tensors["labels"].tolist() == batch.tokens[:, 1:].tolist()
            assert tensors["document_ids"].tolist() == batch.documents()[:, :-1].tolist()
            assert tensors["sources"].tolist() == batch.sources.tolist() == [0, 0, 0]


def test_workers_and_restarts_change_nothing(small_output: pathlib.Path) -> None:
    expected = load(sampler(small_output), 0, 0)
    assert equal(load(sampler(small_output), 0, 2), expected)
    assert equal(load(sampler(small_output), 7, 0), expected[7:])


def test_travels_to_another_process_without_the_tokens(small_output: pathlib.Path) -> None:
    one = TokenBatches(sampler(small_output), steps=10)
    expected = list(one)
    data = pickle.dumps(one)
    assert len(data) < 10_000
    assert equal(list(pickle.loads(data)), expected)


def test_goes_on_for_ever(small_output: pathlib.Path) -> None:
    batches = iter(TokenBatches(sampler(small_output), first_step=1_000_000))
    assert torch.equal(
        next(batches)["labels"],
        torch.from_numpy(sampler(small_output).batch(1_000_000).tokens[:, 1:]),
    )


def test_sequences_by_number(small_output: pathlib.Path) -> None:
    sequences = TokenSequences(sampler(small_output), steps=10)
    assert len(sequences) == 60
    batches = load(sampler(small_output), 0, 0)
    for number in (0, 1, 5, 6, 31, 59):
        step, row = divmod(number, 6)
        expected = {key: values[row] for key, values in batches[step].items()}
        assert equal([sequences[number]], [expected])
    for number in (-1, 60):
        with pytest.raises(IndexError, match=f"sequence {number} is not one of 60"):
            sequences[number]
    (loaded,) = DataLoader(sequences, batch_size=60)
    assert torch.equal(loaded["labels"], torch.cat([b["labels"] for b in batches]))
