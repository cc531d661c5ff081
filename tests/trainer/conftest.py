"""A small output to train on: two sources of regular text, with a tokenizer and a mixture."""

from __future__ import annotations

import pathlib
import random
import shutil

import pytest

from pasture import storage
from pasture.manifests.mixture import make_plan, write_realised
from pasture.records import Document, to_batches
from pasture.tokenize.encode import Encoder
from pasture.tokenize.train import TokenizerTraining, train_tokenizer
from pasture.tokenize.writer import SPLITS, TokenMetadata, token_batch, write_token_shard

ANIMALS = ("sheep", "goat", "cow", "goose", "mule", "hen")
PLACES = ("meadow", "orchard", "barn", "yard", "hill", "brook")


def sentences(seed: int, count: int) -> str:
    """Sentences that a small model can learn: each animal likes its own place."""
    rng = random.Random(seed)
    pairs = list(zip(ANIMALS, PLACES, strict=True))
    chosen = (rng.choice(pairs) for _ in range(count))
    return " ".join(f"The {animal} went back to the {place}." for animal, place in chosen)


def numbers(seed: int, count: int) -> str:
    """Another kind of text: lists of even numbers."""
    rng = random.Random(seed)
    return "\n".join(str(2 * rng.randrange(50)) for _ in range(count))


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
    plan = make_plan("test", {"books": 0.75, "arxiv": 0.25}, counts, 1e5)
    write_realised(str(output / "mixture.yaml"), plan)
    return output


@pytest.fixture
def output(tokens_output: pathlib.Path, tmp_path: pathlib.Path) -> pathlib.Path:
    """A copy of that output, to train in."""
    return pathlib.Path(shutil.copytree(tokens_output, tmp_path / "output"))
