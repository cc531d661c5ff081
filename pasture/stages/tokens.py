"""The last stage: documents to token shards, split into train and validation.

Neighbouring document shards are joined until a token shard holds about ``shard_bytes`` of text.
"""

from __future__ import annotations

import contextlib
import dataclasses
from collections.abc import Iterator, Mapping
from typing import Any

import apache_beam as beam
import pyarrow as pa

from pasture import __version__, storage
from pasture.manifests.mixture import MixturePlan
from pasture.manifests.shards import MANIFEST, StageManifest, fingerprint
from pasture.recipes.schema import Recipe
from pasture.stages.shards import StageFolder
from pasture.tokenize.encode import Encoder
from pasture.tokenize.writer import (
    SPLITS,
    Split,
    TokenMetadata,
    TokenShardRecord,
    TokenShardWriter,
    split_of,
    token_batch,
)


@dataclasses.dataclass(frozen=True)
class EncodingConfig:
    """How the documents of a source become tokens.

    Args:
        source: Registry name.
        model: Path of the SentencePiece model.
        bos: Put the beginning-of-sequence token before each document.
        eos: Put the end-of-sequence token after each document.
        seed: Seed of the split.
        validation_fraction: Share of documents held out for validation.
    """

    source: str
    model: str
    bos: bool
    eos: bool
    seed: int
    validation_fraction: float


def group_shards(
    manifest: StageManifest, folder: str, target_bytes: int
) -> list[tuple[int, tuple[str, ...]]]:
    """Join neighbouring shards to about ``target_bytes`` of text: ``(index, paths)``."""
    groups: list[list[str]] = []
    held = 0
    for shard in manifest.shards:
        if not shard.rows:
            continue
        if not groups or held + shard.text_bytes > target_bytes:
            groups.append([])
            held = 0
        groups[-1].append(storage.join(folder, shard.path))
        held += shard.text_bytes
    return [(index, tuple(paths)) for index, paths in enumerate(groups)]


class EncodeGroup(beam.DoFn):  # type: ignore[misc]
    """Encodes a group of document shards into one token shard a split."""

    def __init__(self, config: EncodingConfig, folder: StageFolder) -> None:
        self.config, self.folder = config, folder

    def setup(self) -> None:
        """Load the tokenizer, once a worker."""
        self._encoder = Encoder(self.config.model, bos=self.config.bos, eos=self.config.eos)

    def process(self, element: tuple[int, tuple[str, ...]]) -> Iterator[int]:
        """Write the token shards of one group; give its index."""
        index, paths = element
        writers: dict[Split, TokenShardWriter] = {}
        names = {split: self.folder.shard(split, index, "arrow") for split in SPLITS}
        with contextlib.ExitStack() as stack:
            for path in paths:
                for batch in storage.read_batches(path):
                    for split, part in self._split(batch):
                        if split not in writers:
                            metadata = TokenMetadata.of(
                                self._encoder, self.config.source, split, self.folder.fingerprint
                            )
                            target = storage.join(self.folder.path, names[split])
                            writers[split] = stack.enter_context(TokenShardWriter(target, metadata))
                        writers[split].write(token_batch(part, self._encoder))
        documents = [path.rsplit("/", 1)[-1] for path in paths]
        files = [
            {
                "split": split,
                "path": names[split],
                **dataclasses.asdict(writers[split].record),
                "documents": documents,
            }
            for split in SPLITS
            if split in writers
        ]
        self.folder.write_record(index, {"index": index, "files": files})
        yield index

    def _split(self, batch: pa.RecordBatch) -> Iterator[tuple[Split, pa.RecordBatch]]:
        """Yield the part of a batch that goes to each split, where there is one."""
        splits = [
            split_of(name, self.config.seed, self.config.validation_fraction)
            for name in batch["id"].to_pylist()
        ]
        for split in SPLITS:
            part = batch.filter(pa.array([found == split for found in splits], pa.bool_()))
            if part.num_rows:
                yield split, part


def tokenizer_facts(encoder: Encoder) -> dict[str, Any]:
    """What a reader of the shards must know of the tokenizer."""
    return {
        "sha256": encoder.sha256,
        "vocab_size": encoder.vocab_size,
        "dtype": encoder.dtype,
        "bos": encoder.bos,
        "eos": encoder.eos,
        "bos_id": encoder.bos_id,
        "eos_id": encoder.eos_id,
    }


@dataclasses.dataclass
class EncodeTokens(beam.PTransform):  # type: ignore[misc]
    """Encodes groups of document shards: ``(index, paths)`` to the indices written."""

    config: EncodingConfig
    folder: StageFolder

    def expand(self, groups: Any) -> Any:
        """Apply the transform."""
        return groups | "EncodeGroup" >> beam.ParDo(EncodeGroup(self.config, self.folder))


def token_manifest(
    source: str,
    folder: StageFolder,
    *,
    tokenizer: Mapping[str, Any],
    config: Mapping[str, Any],
    upstream: Mapping[str, str],
) -> None:
    """Write the manifest of a source's token shards."""
    shards = [
        {"index": index, **file}
        for index, record in sorted(folder.finished().items())
        for file in record["files"]  # type: ignore[attr-defined]
    ]
    counts = [field.name for field in dataclasses.fields(TokenShardRecord) if field.type == "int"]
    splits = {
        split: {key: sum(s[key] for s in shards if s["split"] == split) for key in counts}
        for split in SPLITS
    }
    body = {
        "stage": "tokens",
        "source": source,
        "fingerprint": folder.fingerprint,
        "config": config,
        "upstream": upstream,
        "tokenizer": tokenizer,
        "splits": splits,
        "shards": shards,
        "pasture": __version__,
    }
    storage.write_json(storage.join(folder.path, MANIFEST), body)


def write_corpus_manifest(output: str, recipe: Recipe, plan: MixturePlan) -> None:
    """Write ``tokens/MANIFEST.json``: what the tokens of all sources of a recipe come to.

    Args:
        output: The output folder; every source of the recipe is tokenized there.
        recipe: The recipe that was run.
        plan: The mixture that its tokens make.
    """
    sources = {}
    for name in recipe.sources:
        path = storage.join(output, "tokens", name, MANIFEST)
        manifest = storage.read_json(path)
        share = plan.sources.get(name)
        sources[name] = {
            "documents": sum(split["rows"] for split in manifest["splits"].values()),
            "tokens": sum(split["tokens"] for split in manifest["splits"].values()),
            "shards": len(manifest["shards"]),
            "splits": manifest["splits"],
            "proportion": share.proportion if share else 0,
            "epochs": share.epochs if share else 0,
            "manifest_sha256": storage.sha256(path),
        }
    body = {
        "stage": "corpus",
        "recipe": {"name": recipe.name, "fingerprint": fingerprint(dict(recipe.body))},
        "mixture": plan.name,
        "absent": plan.absent,
        "budget_tokens": plan.budget,
        "tokenizer": manifest["tokenizer"],
        "sources": sources,
        "pasture": __version__,
    }
    storage.write_json(storage.join(output, "tokens", MANIFEST), body)
