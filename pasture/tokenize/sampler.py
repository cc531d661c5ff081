"""Samples training sequences from a mixture of sources, deterministically.

The sequences of a run are numbered. ``blend`` assigns each number to a source, as evenly as whole
sequences allow, and to one of the source's sequences, in ascending order. A source's sequences are
cut from its token stream, each epoch in another permutation and from another first token, so that
each comes once an epoch. So (seed, number) alone gives a sequence: any step's batch can be rebuilt,
for any number of ranks, and a run resumes without state. The permutations are computed, not stored.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from typing import Literal, TypeAlias

import numpy as np
import numpy.typing as npt

from pasture.errors import ConfigError
from pasture.tokenize.blend import Blend, Order, ShuffledBlocks
from pasture.tokenize.permutation import Array, derive_key, mix, permute
from pasture.tokenize.reader import TokenCorpus, TokenDocument, TokenStream

BLOCK_BITS = 12
"""Ours: a block takes 4 to 20 ms to compute, and has a place for sources from 0.025% on."""
OrderName: TypeAlias = Literal["even", "shuffled"]
EVEN: OrderName = "even"
SHUFFLED: OrderName = "shuffled"
ORDERS = (EVEN, SHUFFLED)


@dataclasses.dataclass(frozen=True)
class Batch:
    """The sequences that one rank trains on in one step.

    Args:
        tokens: Ids, one row a sequence of ``context_length + 1``: inputs are all but the last,
            targets all but the first.
        sources: For each row, the place of its source in ``names``.
        document_starts: For each row, the columns at which a document starts, ascending.
        names: The sources.
    """

    tokens: Array
    sources: Array
    document_starts: list[Array]
    names: tuple[str, ...]

    def documents(self) -> npt.NDArray[np.int32]:
        """Number the documents of each row from 0: equal numbers may attend to one another."""
        starts = np.zeros(self.tokens.shape, np.int32)
        for row, columns in enumerate(self.document_starts):
            starts[row, columns] = 1
        starts[:, 0] = 0
        return np.cumsum(starts, axis=1, dtype=np.int32)


@dataclasses.dataclass(frozen=True)
class SourceReport:
    """What a run has drawn from a source by some step.

    Args:
        proportion: Share of the sequences that the mixture asks for.
        realised: Share of the sequences that were drawn.
        sequences: Sequences drawn.
        tokens: Tokens drawn, as targets.
        epochs: Tokens drawn, in passes over the source.
        planned_epochs: Passes that the proportion alone would make.
    """

    proportion: float
    realised: float
    sequences: int
    tokens: int
    epochs: float
    planned_epochs: float


class MixtureSampler:
    """Draws batches from a token corpus.

    Args:
        corpus: The tokens.
        proportions: Share of the sequences for each source; they sum to 1. Sources that the
            corpus has and this does not name are left out.
        context_length: Tokens that the model sees.
        batch_size: Sequences of a step, over all ranks.
        seed: Seed of every permutation.
        rank: This process, from 0.
        world_size: Processes that share each step's batch.
        block_bits: A block has ``2 ** block_bits`` sequences.
        order: ``even`` (``Blend``), or ``shuffled`` for runs that were begun before it.

    Raises:
        ConfigError: A source has no tokens, or too small a proportion for a block, or the
            proportions do not sum to 1.
    """

    def __init__(
        self,
        corpus: TokenCorpus,
        proportions: Mapping[str, float],
        context_length: int,
        batch_size: int,
        seed: int,
        *,
        rank: int = 0,
        world_size: int = 1,
        block_bits: int = BLOCK_BITS,
        order: OrderName = EVEN,
    ) -> None:
        if order not in ORDERS:
            raise ConfigError(f"order: {order!r} is none of {', '.join(ORDERS)}")
        if not 0 <= rank < world_size <= batch_size:
            raise ConfigError(
                f"rank {rank} of {world_size} processes cannot share a batch of {batch_size}"
            )
        if context_length < 1:
            raise ConfigError(f"context_length: {context_length} is less than 1")
        absent = sorted(set(proportions) - set(corpus.streams))
        if absent:
            raise ConfigError(
                f"the mixture names sources without {corpus.split} tokens: {', '.join(absent)}; "
                f"run them, or rescale the mixture to the sources that are there"
            )
        self.names = tuple(sorted(proportions))
        self.proportions = {name: proportions[name] for name in self.names}
        self.context_length, self.batch_size, self.seed = context_length, batch_size, seed
        self.rank, self.world_size = rank, world_size
        self._streams = [corpus.streams[name] for name in self.names]
        block = 1 << block_bits
        self._order: Order = (
            Blend(self.proportions, block)
            if order == EVEN
            else ShuffledBlocks(self.proportions, block, seed)
        )
        tokens = np.array([stream.tokens for stream in self._streams], np.int64)
        # A sequence shares its first token with the one before it: as an input it is new.
        self._lengths = np.maximum(1, (tokens - 1) // context_length)
        # The cut of an epoch may begin anywhere that leaves room for its sequences. A source
        # shorter than one sequence is read round and round, from any of its tokens.
        room = tokens - 1 - self._lengths * context_length
        self._room = np.where(room >= 0, room + 1, tokens)

    def batch(self, step: int) -> Batch:
        """Draw this rank's part of a step's batch; steps count from 0."""
        first = step * self.batch_size
        return self.sequences(
            np.arange(first + self.rank, first + self.batch_size, self.world_size)
        )

    def sequences(self, numbers: Array) -> Batch:
        """Draw sequences by their numbers in the run: the first of step s is ``s * batch_size``."""
        sources, starts = self._locate(numbers)
        tokens = np.empty((len(numbers), self.context_length + 1), np.int64)
        document_starts = [
            _fill(row, self._streams[source], start)
            for row, source, start in zip(tokens, sources.tolist(), starts.tolist(), strict=True)
        ]
        return Batch(tokens, sources, document_starts, self.names)

    def locate(self, step: int, row: int) -> tuple[str, int]:
        """Give the source of a row of a step's batch over all ranks, and its place in the stream.

        Raises:
            ConfigError: The step or the row is not there.
        """
        if step < 0 or not 0 <= row < self.batch_size:
            raise ConfigError(
                f"step {step}, row {row}: steps count from 0, and rows from 0 to "
                f"{self.batch_size - 1}"
            )
        sources, starts = self._locate(np.array([step * self.batch_size + row]))
        return self.names[sources[0]], int(starts[0])

    def trace(self, step: int, row: int) -> list[TokenDocument]:
        """Name the documents behind a row of a step's batch over all ranks, in their order."""
        source, position = self.locate(step, row)
        stream = self._streams[self.names.index(source)]
        documents: list[TokenDocument] = []
        left = self.context_length + 1
        while left > 0:
            document = stream.locate(position % stream.tokens)
            taken = document.start + document.tokens - position % stream.tokens
            documents.append(document)
            position += taken
            left -= taken
        return documents

    def report(self, steps: int) -> dict[str, SourceReport]:
        """Count what the first ``steps`` steps draw from each source, exactly."""
        total = steps * self.batch_size
        drawn = self._order.counts(total)
        return {
            name: SourceReport(
                proportion=self.proportions[name],
                realised=int(drawn[i]) / max(1, total),
                sequences=int(drawn[i]),
                tokens=int(drawn[i]) * self.context_length,
                epochs=int(drawn[i]) * self.context_length / self._streams[i].tokens,
                planned_epochs=self.proportions[name]
                * total
                * self.context_length
                / self._streams[i].tokens,
            )
            for i, name in enumerate(self.names)
        }

    def _locate(self, numbers: Array) -> tuple[Array, Array]:
        """Give the source of each sequence, and the position of its first token."""
        sources, ordinals = self._order.draw(numbers)
        lengths = self._lengths[sources]
        epochs, places = np.divmod(ordinals, lengths)
        # Hashed by name, so that another set of sources does not change a source's order.
        names = np.array([_name_key(name) for name in self.names], np.uint64)[sources]
        keys = derive_key(self.seed, names, epochs)
        shift = (mix(keys) % self._room[sources].astype(np.uint64)).astype(np.int64)
        return sources, permute(places, lengths, keys) * self.context_length + shift


def _name_key(name: str) -> int:
    import hashlib

    return int.from_bytes(hashlib.blake2b(name.encode(), digest_size=8).digest(), "big")


def _fill(row: Array, stream: TokenStream, start: int) -> Array:
    """Fill a row from a stream, round its end if need be; return where documents start."""
    filled = 0
    starts = []
    while filled < len(row):
        position = (start + filled) % stream.tokens
        stop = min(position + len(row) - filled, stream.tokens)
        row[filled : filled + stop - position] = stream.read(position, stop)
        starts.append(stream.document_starts(position, stop) - position + filled)
        filled += stop - position
    return starts[0] if len(starts) == 1 else np.concatenate(starts)
