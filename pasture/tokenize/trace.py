"""Traces training tokens back to the documents that they come from, and why these were let in.

Reads the manifests, the token shards, and of the document shards only those that a token shard
was made of.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from typing import Any

from pasture import storage
from pasture.errors import ConfigError, StageError
from pasture.manifests.mixture import read_realised
from pasture.manifests.outputs import Decision, Output, explain_kept
from pasture.manifests.shards import MANIFEST
from pasture.tokenize.reader import TokenCorpus, TokenDocument, TokenShard, TokenStream
from pasture.tokenize.sampler import EVEN, SHUFFLED, MixtureSampler, OrderName
from pasture.tokenize.writer import Split


@dataclasses.dataclass(frozen=True)
class TracedDocument:
    """A document behind some training tokens.

    Args:
        document: What its token shard says of it.
        first: Column of the sequence at which its tokens begin.
        stop: Column at which they end.
        decisions: What each stage measured and decided of it, in order; empty where the output
            holds its tokens only.
    """

    document: TokenDocument
    first: int
    stop: int
    decisions: Sequence[Decision]


@dataclasses.dataclass(frozen=True)
class SamplerSettings:
    """What decides which sequences a run trains on, beside its tokens.

    Args:
        context_length: Tokens that the model sees.
        batch_size: Sequences of a step, over all ranks.
        seed: Seed of the order.
        proportions: Share of each source; None takes those of the output's ``mixture.yaml``.
        tokens: Tokens of each source that there were; None does not check them.
        steps: Steps that the run has made, where it is known.
        order: Order of its sources.
    """

    context_length: int
    batch_size: int
    seed: int
    proportions: Mapping[str, float] | None = None
    tokens: Mapping[str, int] | None = None
    steps: int | None = None
    order: OrderName = EVEN

    @classmethod
    def of_checkpoint(cls, path: str) -> SamplerSettings:
        """Read the settings of the run that made a checkpoint.

        Raises:
            StageError: The folder holds no checkpoint.
        """
        file = storage.join(path, MANIFEST)
        if not storage.exists(file):
            raise StageError(f"{path} holds no finished checkpoint")
        try:
            body = storage.read_json(file)
            run = body["run"]
            return cls(
                context_length=run["settings"]["model"]["context_length"],
                batch_size=run["settings"]["batch_size"],
                seed=run["config"]["seed"],
                proportions=run["proportions"],
                tokens=run["tokens"],
                steps=body["step"],
                order=run.get("order", SHUFFLED),
            )
        except (KeyError, TypeError) as error:
            raise StageError(f"{file} is not a checkpoint's manifest: {error!r}") from error

    def sampler(self, output: str) -> MixtureSampler:
        """Make the sampler that such a run draws from.

        Raises:
            StageError: There are no tokens, or others than the run had.
        """
        corpus = TokenCorpus.open(output)
        if self.tokens is not None and self.tokens != corpus.token_counts:
            raise StageError(
                f"the run trained on {dict(self.tokens)} tokens, but {output} holds "
                f"{corpus.token_counts}: its sequences cannot be traced there"
            )
        proportions = self.proportions
        if proportions is None:
            proportions = read_realised(storage.join(output, "mixture.yaml")).proportions
        return MixtureSampler(
            corpus,
            proportions,
            self.context_length,
            self.batch_size,
            self.seed,
            order=self.order,
        )


def trace_sequence(
    output: Output, sampler: MixtureSampler, step: int, row: int
) -> list[TracedDocument]:
    """Give the documents behind a row of a step's batch over all ranks, in their order.

    Args:
        output: The output that the sampler reads.
        sampler: The sampler of the run.
        step: The step, from 0.
        row: The row, from 0.
    """
    source, position = sampler.locate(step, row)
    documents = sampler.trace(step, row)
    end = sampler.context_length + 1
    columns = []
    first = 0
    for document in documents:
        skipped = position - document.start if first == 0 else 0
        stop = min(end, first + document.tokens - skipped)
        columns.append((first, stop))
        first = stop
    decisions = _decisions(output, TokenCorpus.open(output.root).streams[source], documents)
    return [
        TracedDocument(document, first, stop, decisions[document.id])
        for document, (first, stop) in zip(documents, columns, strict=True)
    ]


def trace_offset(output: Output, path: str, offset: int) -> TracedDocument:
    """Give the document behind a token of a shard.

    Args:
        output: The output that the shard belongs to.
        path: The shard's file.
        offset: Place of the token in the shard, from 0.

    Raises:
        ConfigError: The shard has no such token.
    """
    shard = TokenShard(path)
    if not 0 <= offset < shard.tokens:
        raise ConfigError(f"offset: {offset} is not in 0 to {shard.tokens - 1}, as {path} has it")
    split: Split = "validation" if shard.metadata["split"] == "validation" else "train"
    stream = TokenCorpus.open(output.root, split).streams[shard.metadata["source"]]
    document = stream.locate(stream.position(_name(path), offset))
    (decisions,) = _decisions(output, stream, [document]).values()
    return TracedDocument(document, 0, document.tokens, decisions)


def _decisions(
    output: Output, stream: TokenStream, documents: Sequence[TokenDocument]
) -> dict[str, list[Decision]]:
    """Tell what the stages decided of documents of one stream, by id."""
    manifest = storage.read_json(storage.join(output.root, "tokens", stream.source, MANIFEST))
    made_of = {shard["path"]: shard["documents"] for shard in manifest["shards"]}
    token_shards = {_name(stream.shard_at(document.start)[0]) for document in documents}
    wanted = {name for shard in token_shards for name in made_of[shard]}
    stages = [stage for stage in output.stages() if stage.source == stream.source]
    numbers = {s.index for stage in stages[-1:] for s in stage.shards if s.path in wanted}
    ids = {document.id for document in documents}
    return explain_kept(output, stream.source, ids, numbers)


def plain_trace(traced: TracedDocument) -> dict[str, Any]:
    """Turn a traced document into plain values, without its text."""
    return {
        **dataclasses.asdict(traced.document),
        "first": traced.first,
        "stop": traced.stop,
        "decisions": [
            {
                "stage": decision.stage,
                "rules": decision.rules,
                "characters": len(decision.row["text"]),
                **{
                    name: value
                    for name, value in decision.row.items()
                    if name not in ("id", "source", "text", "url") and value is not None
                },
            }
            for decision in traced.decisions
        ],
    }


def _name(path: str) -> str:
    return path.rsplit("/", 1)[-1]
