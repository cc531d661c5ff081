"""Held-out loss: each token once, whatever the batch, and bits of the text that was there."""

from __future__ import annotations

import itertools
import math
import pathlib

import pytest
import torch

from pasture.tokenize.encode import Encoder, load_tokenizer
from pasture.tokenize.reader import TokenCorpus
from pasture.trainer.config import ModelConfig
from pasture.trainer.data import IGNORED, validation_batches
from pasture.trainer.evaluate import Evaluation, Validation, text_bytes, token_losses
from pasture.trainer.model import Transformer
from pasture.trainer.parallel import Ranks


def validation(output: pathlib.Path, **changes: int) -> Validation:
    path = output / "tokenizer" / "tokenizer.model"
    return Validation(
        TokenCorpus.open(str(output), "validation"),
        load_tokenizer(path.read_bytes(), str(path)),
        changes.get("context_length", 32),
        changes.get("sequences", 3),
        changes.get("micro_batch", 2),
        bool(changes.get("mask_documents", 0)),
        Ranks(torch.device("cpu")),
    )


def test_a_model_that_knows_nothing_has_the_loss_of_chance(tokens_output: pathlib.Path) -> None:
    def even(tokens_BT: torch.Tensor, mask: torch.Tensor | None) -> torch.Tensor:  # noqa: N803
        assert mask is None
        return torch.zeros(*tokens_BT.shape, 340)

    measure = validation(tokens_output)
    found = measure(even)
    assert sorted(found) == ["arxiv", "books"]
    for source, stream in measure.corpus.streams.items():
        size = text_bytes(stream, 97, measure.tokenizer)
        loss = math.log(340)
        assert found[source] == Evaluation(
            loss=pytest.approx(loss),
            perplexity=pytest.approx(340, rel=1e-5),
            bits_per_byte=pytest.approx(96 * math.log2(340) / size),
            tokens=96,
        )


def test_the_batch_does_not_matter(tokens_output: pathlib.Path) -> None:
    model = Transformer(ModelConfig(32, 1, 2, vocab_size=340, multiple_of=16, context_length=32))
    model.init_weights(torch.Generator().manual_seed(0))
    found = [
        validation(tokens_output, sequences=7, micro_batch=size)(model) for size in (1, 3, 100)
    ]
    for source, expected in found[0].items():
        for other in found[1:]:
            assert other[source].tokens == expected.tokens
            assert other[source].loss == pytest.approx(expected.loss, abs=1e-6)


@pytest.mark.parametrize("stop", [2, 5, 9, 10, 40])
@pytest.mark.parametrize("ranks", [1, 2, 3])
def test_the_ranks_read_every_token_once(
    tokens_output: pathlib.Path, stop: int, ranks: int
) -> None:
    stream = TokenCorpus.open(str(tokens_output), "validation").streams["books"]
    parts = [
        list(validation_batches(stream, stop, context_length=4, size=2, rank=r, ranks=ranks))
        for r in range(ranks)
    ]
    assert len({len(batches) for batches in parts}) == 1
    seen = [
        (given, wanted)
        for batches in parts
        for inputs, targets, _ in batches
        for given, wanted in zip(inputs.flatten().tolist(), targets.flatten().tolist(), strict=True)
        if wanted != IGNORED
    ]
    tokens = stream.read(0, stop).tolist()
    assert sorted(seen) == sorted(itertools.pairwise(tokens))


def test_documents_are_numbered_from_the_sequence_on(tokens_output: pathlib.Path) -> None:
    stream = TokenCorpus.open(str(tokens_output), "validation").streams["books"]
    starts = set(stream.document_starts(0, stream.tokens).tolist())
    stop = max(starts) + 3
    number = 0
    for inputs, _, documents in validation_batches(
        stream, stop, context_length=300, size=2, rank=0, ranks=1
    ):
        for row in documents.tolist():
            position = 300 * number
            inner = [position + i in starts for i in range(1, min(300, stop - 1 - position))]
            assert row[: len(inner) + 1] == [sum(inner[:i]) for i in range(len(inner) + 1)]
            number += 1
        assert inputs.shape == documents.shape
    assert number > 2


def test_masked_validation_is_that_of_documents_read_alone(tokens_output: pathlib.Path) -> None:
    """The second document of a sequence is foretold as where it is moved to the first place."""
    model = Transformer(ModelConfig(32, 2, 2, vocab_size=340, multiple_of=16, context_length=900))
    model.init_weights(torch.Generator().manual_seed(0))
    masked = validation(
        tokens_output, context_length=900, sequences=1, micro_batch=1, mask_documents=1
    )
    stream = masked.corpus.streams["books"]
    starts = [*stream.document_starts(0, 900).tolist(), 900]
    assert len(starts) > 2
    total = 0.0
    for first, last in itertools.pairwise(starts):
        tokens = torch.from_numpy(stream.read(first, last + 1).astype("int64"))[None]
        with torch.no_grad():
            logits = model(tokens[:, :-1])
        total += float(token_losses(logits, tokens[:, 1:]).sum())
    assert masked(model)["books"].loss == pytest.approx(total / 900, abs=1e-5)


def test_bytes_are_those_of_the_text(tokens_output: pathlib.Path) -> None:
    encoder = Encoder(str(tokens_output / "tokenizer" / "tokenizer.model"))
    stream = TokenCorpus.open(str(tokens_output), "validation").streams["books"]
    starts = stream.document_starts(0, stream.tokens).tolist()
    texts = [
        encoder.decode(stream.read(first, last).tolist())
        for first, last in zip(starts, [*starts[1:], stream.tokens], strict=True)
    ]
    tokenizer = validation(tokens_output).tokenizer
    assert text_bytes(stream, stream.tokens, tokenizer) == sum(len(t.encode()) for t in texts)
    assert text_bytes(stream, starts[1], tokenizer) == len(texts[0].encode())
    assert texts[0].startswith("The ")


def test_ignored_targets_cost_nothing() -> None:
    logits = torch.randn(1, 3, 5, generator=torch.Generator().manual_seed(0))
    losses = token_losses(logits, torch.tensor([[2, IGNORED, 4]]))
    assert losses[0, 1] == 0
    assert losses[0, 0] == pytest.approx(float(-logits[0, 0].log_softmax(0)[2]))
