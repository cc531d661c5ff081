"""The mixture sampler as torch datasets, for training loops other than ours.

    sampler = MixtureSampler(TokenCorpus.open("corpus"), proportions, 2048, 64, seed=0)
    loader = DataLoader(TokenBatches(sampler, first_step=1000), batch_size=None, num_workers=2)

The data's order needs no state: a loop that resumes begins at the step that it stopped at.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from typing import TypeAlias

import numpy as np
import torch
from torch import Tensor
from torch.utils.data import Dataset, IterableDataset, get_worker_info

from pasture.tokenize.sampler import Batch, MixtureSampler

Tensors: TypeAlias = dict[str, Tensor]


class TokenBatches(IterableDataset[Tensors]):
    """The batches of a sampler's rank, step after step, the same with any number of workers.

    Each has ``input_ids`` and ``labels`` (rows, context), ``document_ids`` (rows, context), equal
    where tokens may attend to one another, and ``sources`` (rows), places in ``sampler.names``.

    Args:
        sampler: Draws the batches.
        first_step: The step to begin at.
        steps: How many there are in all; None goes on for ever.
    """

    def __init__(
        self, sampler: MixtureSampler, first_step: int = 0, steps: int | None = None
    ) -> None:
        self.sampler, self.first_step, self.steps = sampler, first_step, steps

    def __iter__(self) -> Iterator[Tensors]:
        worker = get_worker_info()
        place, count = (worker.id, worker.num_workers) if worker else (0, 1)
        for step in itertools.count(self.first_step + place, count):
            if self.steps is not None and step >= self.steps:
                return
            yield to_tensors(self.sampler.batch(step))


class TokenSequences(Dataset[Tensors]):
    """The sequences of a run by their number; step s has those from ``s * batch_size`` on.

    An item is what ``TokenBatches`` has in a row.

    Args:
        sampler: Draws the sequences; its rank is of no account.
        steps: Steps of the run.
    """

    def __init__(self, sampler: MixtureSampler, steps: int) -> None:
        self.sampler, self.steps = sampler, steps

    def __len__(self) -> int:
        return self.steps * self.sampler.batch_size

    def __getitem__(self, number: int) -> Tensors:
        if not 0 <= number < len(self):
            raise IndexError(f"sequence {number} is not one of {len(self)}")
        row = to_tensors(self.sampler.sequences(np.array([number])))
        return {name: values[0] for name, values in row.items()}


def to_tensors(batch: Batch) -> Tensors:
    """Turn a batch into inputs, the targets one place on, documents and sources."""
    tokens = torch.from_numpy(batch.tokens)
    return {
        "input_ids": tokens[:, :-1],
        "labels": tokens[:, 1:],
        "document_ids": torch.from_numpy(batch.documents())[:, :-1],
        "sources": torch.from_numpy(batch.sources),
    }
