"""What a training reads: the tokens of an output, its mixture and its tokenizer."""

from __future__ import annotations

import dataclasses
import hashlib
from collections.abc import Mapping
from typing import Any

from pasture import config, storage
from pasture.errors import ConfigError, StageError
from pasture.manifests.mixture import read_realised
from pasture.tokenize.encode import find_tokenizer, load_tokenizer
from pasture.tokenize.reader import TokenCorpus
from pasture.tokenize.sampler import EVEN, SHUFFLED, MixtureSampler, OrderName
from pasture.trainer import checkpoint
from pasture.trainer.config import Settings, TrainConfig
from pasture.trainer.evaluate import Validation
from pasture.trainer.parallel import Ranks


@dataclasses.dataclass(frozen=True)
class Run:
    """A training to be done.

    Args:
        folder: Where its checkpoints go.
        options: How to train.
        settings: The same with the preset's values.
        sampler: Draws this process's part of each step's batch.
        tokenizer: The tokenizer's file.
        validation: Measures the loss on held-out text.
        facts: What the trained model depends on, for the manifest.
        ranks: The processes.
    """

    folder: str
    options: TrainConfig
    settings: Settings
    sampler: MixtureSampler
    tokenizer: bytes
    validation: Validation
    facts: dict[str, Any]
    ranks: Ranks

    @classmethod
    def open(cls, output: str, options: TrainConfig, ranks: Ranks) -> Run:
        """Find what there is to train on in an output folder.

        Raises:
            StageError: There are no tokens, no mixture or no tokenizer.
            ConfigError: The output is in a bucket, or the processes cannot share a step's
                sequences evenly.
        """
        if storage.is_url(output):
            raise ConfigError(
                f"{output}: training maps token shards into memory; copy tokens/, tokenizer/ and "
                f"mixture.yaml to a disk first"
            )
        corpus = TokenCorpus.open(output)
        plan = read_realised(storage.join(output, "mixture.yaml"))
        tokenizer = _read_tokenizer(output, corpus)
        settings = options.resolve(int(corpus.tokenizer["vocab_size"]))
        if settings.batch_size % ranks.data_size:
            raise ConfigError(
                f"batch_tokens: {ranks.data_size} processes cannot share the "
                f"{settings.batch_size} sequences of a step evenly"
            )
        context = settings.model.context_length
        folder = storage.join(output, *(["runs", options.run] if options.run else ["checkpoints"]))
        order = _order(folder)
        sampler = MixtureSampler(
            corpus,
            plan.proportions,
            context,
            settings.batch_size,
            options.seed,
            rank=ranks.data_rank,
            world_size=ranks.data_size,
            order=order,
        )
        validation = Validation(
            TokenCorpus.open(output, "validation", required=False),
            load_tokenizer(tokenizer, output),
            context,
            options.validation_sequences,
            settings.micro_batch,
            options.mask_documents,
            ranks,
        )
        facts = {
            "config": options.recipe(),
            "settings": settings.recipe(),
            "tokenizer": corpus.tokenizer,
            "proportions": sampler.proportions,
            "tokens": corpus.token_counts,
            "order": order,
        }
        return cls(
            folder, options, settings, sampler, tokenizer, validation, config.plain(facts), ranks
        )

    @property
    def step_tokens(self) -> int:
        """Tokens of a step, over all processes."""
        return self.settings.batch_size * self.settings.model.context_length

    def last_checkpoint(self) -> checkpoint.Checkpoint | None:
        """Find the checkpoint to go on from.

        Raises:
            StageError: It is of another run.
            ConfigError: The run shall be extended to fewer steps.
        """
        found = checkpoint.list_checkpoints(self.folder)
        if not found:
            return None
        last = checkpoint.Checkpoint.load(found[-1])
        before = _completed(last.run)
        if self.options.extend:
            before = self._extended(before)
        changes = config.difference(before, self.facts)
        if changes:
            raise StageError(
                f"{last.path} is of another run: {'; '.join(changes)}. Train as before, or remove "
                f"{self.folder} to start anew"
            )
        return last

    def _extended(self, run: dict[str, Any]) -> dict[str, Any]:
        """Give a run's facts the steps of this one and what follows from them."""
        steps = run["settings"]["steps"]
        if self.settings.steps < steps:
            raise ConfigError(
                f"extend: {self.settings.steps} steps are fewer than the {steps} of the run"
            )
        facts = self.facts["settings"]
        derived = {name: facts[name] for name in ("steps", "warmup_steps", "decay_steps")}
        return {
            **run,
            "config": {**run["config"], "steps": self.options.steps},
            "settings": {**run["settings"], **derived},
        }

    def initial_checkpoint(self) -> checkpoint.Checkpoint | None:
        """Find the checkpoint whose weights a new run begins with, where the options name one.

        Raises:
            StageError: It is of another model, or reads tokens otherwise.
        """
        path = self.options.init
        if path is None:
            return None
        given = checkpoint.Checkpoint.load(path)
        if given.model.shape != self.settings.model.shape:
            raise StageError(
                f"{path} is of another model: {given.model.shape}, not {self.settings.model.shape}"
            )
        with storage.open_read(given.tokenizer) as stream:
            if stream.read() != self.tokenizer:
                raise StageError(f"{given.tokenizer} is not the tokenizer that made the tokens")
        return given


def _completed(run: Mapping[str, Any]) -> dict[str, Any]:
    """Give a run's facts the options that its Pasture did not have yet, as it trained."""
    if "config" not in run:
        return dict(run)
    return {
        "order": SHUFFLED,
        **run,
        "config": {**config.plain(TrainConfig().recipe()), **run["config"]},
        "settings": {"decay_steps": None, **run["settings"]},
    }


def _order(folder: str) -> OrderName:
    """Return the order of sources: that of the run's checkpoints, which older ones do not name."""
    found = checkpoint.list_checkpoints(folder)
    if not found:
        return EVEN
    order: OrderName = checkpoint.Checkpoint.load(found[-1]).run.get("order", SHUFFLED)
    return order


def _read_tokenizer(output: str, corpus: TokenCorpus) -> bytes:
    path = find_tokenizer(storage.join(output, "tokenizer"))
    with storage.open_read(path) as stream:
        data = stream.read()
    if hashlib.sha256(data).hexdigest() != corpus.tokenizer["sha256"]:
        raise StageError(f"{path} is not the tokenizer that made the tokens of {output}")
    return data
