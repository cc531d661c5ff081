"""Samples training sequences from a mixture of sources, deterministically.

The sequences of a run are numbered. A block of 2^k of them holds a fixed number of each source's
(largest remainder of the proportions), in an order that a seeded permutation gives. A source's
sequences are cut from its token stream, each epoch in another permutation and from another first
token. So (seed, number) alone gives a sequence: any step's batch can be rebuilt, for any number of
ranks, and a run resumes without state. The permutations are computed, never stored.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from typing import TypeAlias

import numpy as np
import numpy.typing as npt

from pasture.errors import ConfigError
from pasture.tokenize.reader import TokenCorpus, TokenDocument, TokenStream

Array: TypeAlias = npt.NDArray[np.int64]

# A 2% source then has 82 sequences of a block: rounding moves it by 0.1% of itself at most.
BLOCK_BITS = 12


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
    ) -> None:
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
        self._block = 1 << block_bits
        self.block_counts = apportion(self.proportions, self._block)
        for name, count in self.block_counts.items():
            if count == 0:
                raise ConfigError(
                    f"{name}: a proportion of {proportions[name]} is less than one sequence in a "
                    f"block of {self._block}; raise it, or block_bits, or leave the source out"
                )
        counts = list(self.block_counts.values())
        self._counts = np.array(counts, np.int64)
        self._ends = np.cumsum(self._counts)
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
        blocks, rest = divmod(total, self._block)
        partial = self._sources(np.arange(blocks * self._block, blocks * self._block + rest))[0]
        drawn = blocks * self._counts + np.bincount(partial, minlength=len(self.names))
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

    def _sources(self, numbers: Array) -> tuple[Array, Array]:
        """Give the source of each sequence, and which of the source's sequences it is."""
        blocks, places = np.divmod(numbers, self._block)
        slots = permute(places, np.full_like(places, self._block), _key(self.seed, 0, blocks))
        sources = np.searchsorted(self._ends, slots, side="right")
        counts = self._counts[sources]
        return sources, blocks * counts + slots - (self._ends[sources] - counts)

    def _locate(self, numbers: Array) -> tuple[Array, Array]:
        """Give the source of each sequence, and the position of its first token."""
        sources, ordinals = self._sources(numbers)
        lengths = self._lengths[sources]
        epochs, places = np.divmod(ordinals, lengths)
        # Hashed by name, so that another set of sources does not change a source's order.
        names = np.array([_name_key(name) for name in self.names], np.uint64)[sources]
        keys = _key(self.seed, names, epochs)
        shift = (_mix(keys) % self._room[sources].astype(np.uint64)).astype(np.int64)
        return sources, permute(places, lengths, keys) * self.context_length + shift


def apportion(proportions: Mapping[str, float], seats: int) -> dict[str, int]:
    """Share out whole seats by proportions: largest remainder, ties to the first name.

    Raises:
        ConfigError: A proportion is not positive, or they do not sum to 1 within 1e-9.
    """
    if not proportions or not all(0 < p <= 1 for p in proportions.values()):
        raise ConfigError(f"proportions must be over 0 and at most 1, got {dict(proportions)}")
    if abs(sum(proportions.values()) - 1) > 1e-9:
        raise ConfigError(f"proportions must sum to 1, not to {sum(proportions.values()):.12g}")
    quotas = {name: proportions[name] * seats for name in sorted(proportions)}
    counts = {name: int(quota) for name, quota in quotas.items()}
    by_remainder = sorted(quotas, key=lambda name: (counts[name] - quotas[name], name))
    for name in by_remainder[: seats - sum(counts.values())]:
        counts[name] += 1
    return counts


def permute(places: Array, sizes: Array, keys: npt.NDArray[np.uint64]) -> Array:
    """Send each place below its size to another, one to one for a given size and key.

    A Feistel network over a grid that is little larger than the size (Black and Rogaway, 2002):
    each round adds a hash of one coordinate to the other, modulo the other's side. A place that
    lands behind the size is sent on until it lands before it.
    """
    sides = np.ceil(np.sqrt(sizes)).astype(np.int64)
    others = -(-sizes // sides)
    out = places.copy()
    todo = np.arange(len(places))
    while len(todo):
        side, other, key = sides[todo], others[todo], keys[todo]
        left, right = np.divmod(out[todo], other)
        for turn in range(3):
            left = (left + _hash(key, 2 * turn, right) % side) % side
            right = (right + _hash(key, 2 * turn + 1, left) % other) % other
        out[todo] = left * other + right
        todo = todo[out[todo] >= sizes[todo]]
    return out


def _hash(keys: npt.NDArray[np.uint64], turn: int, values: Array) -> Array:
    mixed = _mix(keys ^ _mix(values.astype(np.uint64) * np.uint64(8) + np.uint64(turn)))
    return (mixed >> np.uint64(1)).astype(np.int64)


def _key(seed: int, stream: npt.ArrayLike, index: Array) -> npt.NDArray[np.uint64]:
    """Derive a key from a seed and two numbers."""
    first = _mix(np.array([seed], np.int64).astype(np.uint64) + np.asarray(stream, np.uint64))
    return _mix(first ^ _mix(index.astype(np.uint64)))


def _mix(values: npt.NDArray[np.uint64]) -> npt.NDArray[np.uint64]:
    """Scramble 64-bit numbers one to one (the output function of SplitMix64)."""
    values = values + np.uint64(0x9E3779B97F4A7C15)
    values = (values ^ (values >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    values = (values ^ (values >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return values ^ (values >> np.uint64(31))


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
