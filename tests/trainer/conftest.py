"""A small output to train on: two sources of regular text, with a tokenizer and a mixture."""

from __future__ import annotations

import dataclasses
import pathlib
import random
import shutil
from collections.abc import Iterator

import pytest
import torch

from pasture import storage
from pasture.manifests.mixture import make_plan, write_realised
from pasture.records import Document, to_batches
from pasture.tokenize.encode import Encoder
from pasture.tokenize.train import TokenizerTraining, train_tokenizer
from pasture.tokenize.writer import SPLITS, TokenMetadata, token_batch, write_token_shard
from pasture.trainer.config import TrainConfig
from pasture.trainer.metrics import StepMetrics, TrainResult
from pasture.trainer.train import train

ANIMALS = ("sheep", "goat", "cow", "goose", "mule", "hen")
PLACES = ("meadow", "orchard", "barn", "yard", "hill", "brook")


def sentences(seed: int, count: int) -> str:
    """Sentences that a small model can learn: each animal likes its own place."""
    rng = random.Random(seed)
    pairs = list(zip(ANIMALS, PLACES, strict=True))
    chosen = (rng.choice(pairs) for _ in range(count))
    return " ".join(f"The {animal} went back to the {place}." for animal, place in chosen)


def numbers(seed: int, count: int) -> str:
    """Another kind of text: counting to nine, over and over."""
    return "; ".join(f"x = {number % 10}" for number in range(seed, seed + 2 * count))


@pytest.fixture(scope="session")
def tokens_output(tmp_path_factory: pytest.TempPathFactory) -> pathlib.Path:
    """An output with tokens, tokenizer and mixture; not to be written to."""
    output = tmp_path_factory.mktemp("output")
    makers = {"books": sentences, "arxiv": numbers}
    texts = {
        (source, split): [make(100 * n + i, 30) for i in range(40 if n == 0 else 8)]
        for source, make in makers.items()
        for n, split in enumerate(SPLITS)
    }
    train_tokenizer(
        (text for part in texts.values() for text in part),
        str(output / "tokenizer"),
        TokenizerTraining(vocab_size=340),
    )
    encoder = Encoder(str(output / "tokenizer" / "tokenizer.model"))
    counts = {}
    for source in makers:
        folder = output / "tokens" / source
        shards = []
        for split in SPLITS:
            name = storage.shard_name(split, 0, 1, "arrow")
            rows = [
                Document(f"{source}-{split}-{i}", source, text)
                for i, text in enumerate(texts[source, split])
            ]
            record = write_token_shard(
                str(folder / name),
                (token_batch(batch, encoder) for batch in to_batches(rows)),
                TokenMetadata.of(encoder, source, split),
            )
            shards.append({"split": split, "path": name, "tokens": record.tokens})
            if split == "train":
                counts[source] = record.tokens
        tokenizer = {
            "sha256": encoder.sha256,
            "vocab_size": encoder.vocab_size,
            "dtype": encoder.dtype,
            "bos": True,
            "eos": True,
        }
        storage.write_json(
            str(folder / "MANIFEST.json"),
            {"source": source, "shards": shards, "tokenizer": tokenizer},
        )
    plan = make_plan("test", {"books": 0.5, "arxiv": 0.5}, counts, 1e5)
    write_realised(str(output / "mixture.yaml"), plan)
    return output


@pytest.fixture(scope="session", autouse=True)
def one_thread() -> Iterator[None]:
    """Small tensors on a shared machine: threads that wait for one another only cost time."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@dataclasses.dataclass(frozen=True)
class Trained:
    """An output with a trained model, and what the training told."""

    output: pathlib.Path
    result: TrainResult
    metrics: list[StepMetrics]


@pytest.fixture(scope="session")
def trained(
    tokens_output: pathlib.Path, tmp_path_factory: pytest.TempPathFactory, one_thread: None
) -> Trained:
    """A model trained for 100 short steps."""
    output = tmp_path_factory.mktemp("trained") / "output"
    shutil.copytree(tokens_output, output)
    options = TrainConfig(
        steps=100, context_length=64, batch_tokens=512, learning_rate=6e-3, device="cpu"
    )
    metrics: list[StepMetrics] = []
    return Trained(output, train(str(output), options, metrics.append), metrics)


@pytest.fixture
def output(tokens_output: pathlib.Path, tmp_path: pathlib.Path) -> pathlib.Path:
    """A copy of that output, to train in."""
    return pathlib.Path(shutil.copytree(tokens_output, tmp_path / "output"))
