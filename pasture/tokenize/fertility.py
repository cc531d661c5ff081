"""Fertility: how many bytes of text a token of a tokenizer stands for, by source and language."""

from __future__ import annotations

import dataclasses
import functools
import itertools
from collections.abc import Iterable, Iterator, Mapping

from pasture.tokenize.encode import Encoder

# Documents encoded at a time, in characters; ours.
BATCH_CHARACTERS = 4 << 20
UNKNOWN_LANGUAGE = "unknown"


@dataclasses.dataclass(frozen=True)
class Fertility:
    """What a tokenizer made of some documents.

    Args:
        source: Registry name of the source.
        language: Its language; None for all of the source's languages together.
        documents: How many were measured.
        bytes: UTF-8 bytes of their text.
        tokens: Tokens, without special ids.
        implied: Bytes a token that a publication's figures imply for the source, where they do.
    """

    source: str
    language: str | None
    documents: int
    bytes: int
    tokens: int
    implied: float | None = None

    @property
    def bytes_per_token(self) -> float:
        """Bytes that a token stands for."""
        return self.bytes / max(1, self.tokens)

    def plus(self, other: Fertility) -> Fertility:
        """Add what was measured on other documents."""
        return dataclasses.replace(
            self,
            documents=self.documents + other.documents,
            bytes=self.bytes + other.bytes,
            tokens=self.tokens + other.tokens,
        )


def measure_fertility(
    encoder: Encoder,
    documents: Iterable[tuple[str, str | None, str]],
    implied: Mapping[str, float] | None = None,
) -> list[Fertility]:
    """Measure a tokenizer on documents, by source and language; each source's sum comes first.

    Args:
        encoder: The tokenizer, without special ids.
        documents: Source, language and text of each.
        implied: Bytes a token that a publication's figures imply, by source.
    """
    counts: dict[tuple[str, str], Fertility] = {}
    for batch in _batches(documents):
        lengths = encoder.encode_batch([text for *_, text in batch]).value_lengths().to_pylist()
        for (source, language, text), tokens in zip(batch, lengths, strict=True):
            name = language or UNKNOWN_LANGUAGE
            one = Fertility(source, name, 1, len(text.encode()), tokens)
            held = counts.get((source, name))
            counts[source, name] = held.plus(one) if held else one
    rows: list[Fertility] = []
    for source, group in itertools.groupby(sorted(counts), key=lambda key: key[0]):
        parts = [counts[key] for key in group]
        total = functools.reduce(Fertility.plus, parts)
        there = (implied or {}).get(source)
        rows.append(dataclasses.replace(total, language=None, implied=there))
        rows.extend(parts)
    return rows


def _batches(
    documents: Iterable[tuple[str, str | None, str]],
) -> Iterator[list[tuple[str, str | None, str]]]:
    batch: list[tuple[str, str | None, str]] = []
    size = 0
    for document in documents:
        batch.append(document)
        size += len(document[-1])
        if size > BATCH_CHARACTERS:
            yield batch
            batch, size = [], 0
    if batch:
        yield batch


def plain_fertility(rows: Iterable[Fertility]) -> list[dict[str, object]]:
    """Turn measurements into plain values, for a card."""
    return [
        {**dataclasses.asdict(row), "bytes_per_token": round(row.bytes_per_token, 4)}
        for row in rows
    ]
