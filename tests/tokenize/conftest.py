"""A small tokenizer, and token corpora in the layout that the pipeline writes."""

from __future__ import annotations

import pathlib
from collections.abc import Callable, Mapping

import pyarrow as pa
import pytest

from pasture import storage
from pasture.tokenize.encode import Encoder
from pasture.tokenize.train import TokenizerTraining, train_tokenizer
from pasture.tokenize.writer import TokenMetadata, write_token_shard

PARAGRAPHS = [
    "The meadow lay quiet under the early light, and nobody had mown it since the spring of 1987.",
    "A shepherd counts his flock twice: once at the gate, and once again when the gate is shut.",
    "Der Hirte zählt die Schafe zweimal, denn beim ersten Mal laufen sie durcheinander.",
    "Le berger compte ses brebis deux fois ; la première fois, elles bougent trop.",
    "El pastor cuenta sus ovejas dos veces: al salir del redil y al volver por la tarde.",
    "Пастух считает овец дважды: утром у ворот и вечером, когда ворота закрыты.",
    "def count(flock):\n    total = 0\n    for _ in flock:\n        total += 1\n    return total\n",
    "| gate | sheep |\n|------|-------|\n| east |  1,204 |\n| west |    987 |\n",
    "$\\sum_{i=1}^{n} x_i = \\frac{n(n+1)}{2}$ holds for every $n \\geq 1$; see 1.",
    "    indented\n\ttabbed\n\n\nthree newlines   and   runs   of   spaces      here",
]


@pytest.fixture(scope="session")
def tokenizer(tmp_path_factory: pytest.TempPathFactory) -> str:
    """The path of a model of about 700 pieces."""
    folder = str(tmp_path_factory.mktemp("tokenizer"))
    train_tokenizer(PARAGRAPHS * 3, folder, TokenizerTraining(vocab_size=700))
    return storage.join(folder, "tokenizer.model")


@pytest.fixture(scope="session")
def encoder(tokenizer: str) -> Encoder:
    """An encoder of that model, with both special ids."""
    return Encoder(tokenizer)


WriteTokens = Callable[..., None]


@pytest.fixture(scope="session")
def write_tokens(encoder: Encoder) -> WriteTokens:
    """A function that writes the tokens of sources to an output folder, with manifests."""

    def write(
        output: pathlib.Path,
        sources: Mapping[str, Mapping[str, list[list[list[int]]]]],
        **tokenizer: object,
    ) -> None:
        """Write documents given as ``{source: {split: [shard of [document of ids]]}}``."""
        for source, splits in sources.items():
            folder = output / "tokens" / source
            shards = []
            for split, parts in splits.items():
                for number, documents in enumerate(parts):
                    name = storage.shard_name(split, number, len(parts), "arrow")
                    metadata = TokenMetadata.of(encoder, source, split)
                    batch = id_batch(source, split, number, documents)
                    rows = (batch.slice(row, 1) for row in range(batch.num_rows))
                    record = write_token_shard(str(folder / name), rows, metadata)
                    shards.append(
                        {
                            "index": number,
                            "split": split,
                            "path": name,
                            "rows": record.rows,
                            "tokens": record.tokens,
                            "bytes": record.bytes,
                            "sha256": record.sha256,
                        }
                    )
            manifest = {
                "stage": "tokens",
                "source": source,
                "shards": shards,
                "tokenizer": {
                    "sha256": encoder.sha256,
                    "vocab_size": encoder.vocab_size,
                    "dtype": encoder.dtype,
                    "bos": True,
                    "eos": True,
                    **tokenizer,
                },
            }
            storage.write_json(str(folder / "MANIFEST.json"), manifest)

    return write


def id_batch(source: str, split: str, shard: int, documents: list[list[int]]) -> pa.RecordBatch:
    """A batch of documents given by their ids, called ``source/split/shard/row``."""
    ids = [f"{source}/{split}/{shard}/{row}" for row in range(len(documents))]
    return pa.RecordBatch.from_pydict(
        {
            "id": pa.array(ids),
            "tokens": pa.array(documents, pa.list_(pa.uint16())),
            "url": pa.array([f"https://example.org/{name}" for name in ids]),
            "license": pa.array([None] * len(ids), pa.string()),
            "language": pa.array(["en"] * len(ids)),
        }
    )
