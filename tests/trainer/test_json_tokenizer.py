"""A corpus that was encoded with a tokenizer.json trains, generates and exports."""

from __future__ import annotations

import pathlib
import shutil

import pytest
import tokenizers
from tokenizers import decoders, models, pre_tokenizers, processors, trainers

from pasture import storage
from pasture.manifests.mixture import make_plan, write_realised
from pasture.records import Document, documents_to_batch
from pasture.stages.tokens import tokenizer_facts
from pasture.tokenize.encode import Encoder
from pasture.tokenize.writer import TokenMetadata, token_batch, write_token_shard
from pasture.trainer.config import TrainConfig
from pasture.trainer.export import export
from pasture.trainer.generate import generate
from pasture.trainer.train import train

TEXT = "The sheep went back to the meadow. The goat went back to the orchard. " * 8


@pytest.fixture
def output(tmp_path: pathlib.Path) -> pathlib.Path:
    """An output of one source, encoded with a byte-level tokenizer.json."""
    tokenizer = tokenizers.Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=300,
        special_tokens=["<s>", "</s>"],
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        show_progress=False,
    )
    tokenizer.train_from_iterator([TEXT], trainer)
    tokenizer.post_processor = processors.TemplateProcessing(
        single="<s> $A", pair="<s> $A $B", special_tokens=[("<s>", 0)]
    )
    (tmp_path / "tokenizer").mkdir()
    path = str(tmp_path / "tokenizer" / "tokenizer.json")
    tokenizer.save(path)
    encoder = Encoder(path)
    documents = documents_to_batch([Document(str(i), "books", TEXT) for i in range(9)])
    record = write_token_shard(
        str(tmp_path / "tokens/books/train-00000-of-00001.arrow"),
        [token_batch(documents, encoder)],
        TokenMetadata.of(encoder, "books", "train"),
    )
    shard = {"split": "train", "path": "train-00000-of-00001.arrow", "tokens": record.tokens}
    body = {"source": "books", "tokenizer": tokenizer_facts(encoder), "shards": [shard]}
    storage.write_json(str(tmp_path / "tokens/books/MANIFEST.json"), body)
    plan = make_plan("one", {"books": 1.0}, {"books": record.tokens}, 1e4)
    write_realised(str(tmp_path / "mixture.yaml"), plan)
    return tmp_path


def test_trains_generates_and_exports(output: pathlib.Path, tmp_path: pathlib.Path) -> None:
    options = TrainConfig(steps=2, context_length=32, batch_tokens=128, micro_batch=4)
    checkpoint = train(str(output), options).checkpoint
    assert pathlib.Path(checkpoint, "tokenizer.json").exists()
    shutil.rmtree(output / "tokenizer")  # the checkpoint has its own
    text = generate(checkpoint, "The sheep", max_tokens=4, temperature=0)
    assert text.startswith("The sheep")
    export(checkpoint, str(tmp_path / "exported"))
    exported = tokenizers.Tokenizer.from_file(str(tmp_path / "exported" / "tokenizer.json"))
    assert exported.decode(exported.encode("The goat").ids) == "The goat"
