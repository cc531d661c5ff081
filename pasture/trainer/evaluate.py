"""The loss on held-out text, source by source."""

# ruff: noqa: N806 (suffixes that name the axes of tensors)
from __future__ import annotations

import contextlib

import torch
from torch.nn import functional

from pasture.tokenize.reader import TokenCorpus
from pasture.trainer.data import validation_sequences
from pasture.trainer.model import Transformer


def precision(device: torch.device) -> contextlib.AbstractContextManager[object]:
    """Multiply in bfloat16 on a GPU; in float32 on a CPU, which is faster there."""
    if device.type == "cuda":
        return torch.autocast("cuda", torch.bfloat16)
    return contextlib.nullcontext()


@torch.no_grad()
def validate(model: Transformer, output: str, most: int) -> dict[str, float]:
    """Measure the loss by source, in nats a token, on up to ``most`` sequences of each.

    Sources without held-out text are missing.
    """
    device = model.freqs_cis.device
    corpus = TokenCorpus.open(output, "validation", required=False)
    found = {}
    for source, stream in corpus.streams.items():
        total, count = 0.0, 0
        for tokens_T in validation_sequences(stream, model.config.context_length, most):
            with precision(device):
                logits_BTV = model(tokens_T[None, :-1].to(device))
            targets_T = tokens_T[1:].to(device)
            total += float(functional.cross_entropy(logits_BTV[0].float(), targets_T)) * len(
                targets_T
            )
            count += len(targets_T)
        if count:
            found[source] = total / count
    return found
