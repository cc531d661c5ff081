"""The loss on held-out text, source by source."""

# ruff: noqa: N803, N806 (suffixes that name the axes of tensors)
from __future__ import annotations

import contextlib
import dataclasses
import itertools
import math
from collections.abc import Callable

import torch
from torch import Tensor
from torch.nn import functional

from pasture.tokenize.encode import TokenizerModel
from pasture.tokenize.reader import TokenCorpus, TokenStream
from pasture.trainer.attention import document_mask
from pasture.trainer.data import IGNORED, validation_batches
from pasture.trainer.parallel import Ranks


@dataclasses.dataclass(frozen=True)
class Evaluation:
    """How well a model foretells the held-out text of a source.

    Args:
        loss: Mean loss, in nats a token.
        perplexity: Its exponential.
        bits_per_byte: The loss by the text's length, which another tokenizer does not change.
        tokens: Tokens that were foretold.
    """

    loss: float
    perplexity: float
    bits_per_byte: float
    tokens: int


def precision(device: torch.device) -> contextlib.AbstractContextManager[object]:
    """Multiply in bfloat16 on a GPU; in float32 on a CPU, which is faster there."""
    if device.type == "cuda":
        return torch.autocast("cuda", torch.bfloat16)
    return contextlib.nullcontext()


def token_losses(logits_BTV: Tensor, targets_BT: Tensor) -> Tensor:
    """Give the loss of each token, in nats; 0 for targets that are ``IGNORED``."""
    loss_N = functional.cross_entropy(
        logits_BTV.float().flatten(0, 1),
        targets_BT.flatten(),
        reduction="none",
        ignore_index=IGNORED,
    )
    return loss_N.view_as(targets_BT)


@dataclasses.dataclass(frozen=True)
class Validation:
    """The held-out text of a corpus, and how to measure the loss on it.

    Args:
        corpus: The held-out tokens; sources without any are missing.
        tokenizer: Spells the tokens, to count the bytes of their text.
        context_length: Tokens of a sequence.
        sequences: Most sequences of each source, from its first.
        micro_batch: Sequences of one forward pass.
        mask_documents: Let tokens see their own document only, as in training.
        ranks: The processes that share the work.
    """

    corpus: TokenCorpus
    tokenizer: TokenizerModel
    context_length: int
    sequences: int
    micro_batch: int
    mask_documents: bool
    ranks: Ranks

    @torch.no_grad()
    def __call__(self, model: Callable[..., Tensor]) -> dict[str, Evaluation]:
        """Measure the loss by source."""
        found = {}
        for source, stream in self.corpus.streams.items():
            stop = min(stream.tokens, self.sequences * self.context_length + 1)
            if stop < 2:
                continue
            total, tokens = self._loss(model, stream, stop)
            loss = total / tokens
            found[source] = Evaluation(
                loss=loss,
                perplexity=math.exp(min(loss, 700.0)),
                bits_per_byte=total / math.log(2) / text_bytes(stream, stop, self.tokenizer),
                tokens=tokens,
            )
        return found

    def _loss(
        self, model: Callable[..., Tensor], stream: TokenStream, stop: int
    ) -> tuple[float, int]:
        """Sum the losses of a stream's first tokens, and count them, over all processes."""
        ranks = self.ranks
        sums = torch.zeros(2, dtype=torch.float64, device=ranks.device)
        for batch in validation_batches(
            stream,
            stop,
            context_length=self.context_length,
            size=self.micro_batch,
            rank=ranks.data_rank,
            ranks=ranks.data_size,
        ):
            inputs_BT, targets_BT, documents_BT = (part.to(ranks.device) for part in batch)
            mask = document_mask(documents_BT) if self.mask_documents else None
            with precision(ranks.device):
                logits_BTV = model(inputs_BT, mask)
            sums[0] += token_losses(logits_BTV, targets_BT).sum(dtype=torch.float64)
            sums[1] += (targets_BT != IGNORED).sum()
        total, count = ranks.sum(sums).tolist()
        return total, round(count)


def text_bytes(stream: TokenStream, stop: int, tokenizer: TokenizerModel) -> int:
    """Count the UTF-8 bytes of a stream's first tokens, spelled document by document."""
    starts = [0, *stream.document_starts(1, stop).tolist(), stop]
    texts = (
        tokenizer.decode(stream.read(first, last).tolist())
        for first, last in itertools.pairwise(starts)
        if first < last
    )
    return max(1, sum(len(text.encode()) for text in texts))
