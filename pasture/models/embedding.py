"""Embeddings of documents: fastText word vectors, the user's own or trained on the run's texts."""

from __future__ import annotations

import dataclasses
import pathlib
import tempfile
from typing import Any

from pasture import storage
from pasture.errors import ConfigError, ModelError
from pasture.filters.fasttext_models import VectorOptions, one_line, train_vectors
from pasture.filters.model_files import publish
from pasture.filters.sampling import TextSample
from pasture.models.base import Model, Run, rows


@dataclasses.dataclass(frozen=True)
class VectorTraining:
    """How word vectors are trained.

    Args:
        max_documents: Most texts used, drawn by hash; ours.
        fasttext: How fastText trains.
        seed: Seed of the draw.
    """

    max_documents: int = 100_000
    fasttext: VectorOptions = VectorOptions()
    seed: int = 0


@dataclasses.dataclass(frozen=True)
class EmbeddingModel(Model):
    """Word vectors, whose average over a text is its embedding.

    Args:
        stages: Sources, as ``source`` or ``source/stage``, whose texts they are trained on.
        training: How they are trained.
    """

    name = "embedding"

    stages: tuple[str, ...] = ()
    training: VectorTraining = VectorTraining()

    def __post_init__(self) -> None:
        if bool(self.path) == bool(self.stages):
            raise ConfigError("an embedding has either path or stages")

    def sources(self) -> tuple[str, ...]:
        """The stages that are trained on."""
        return self.stages

    def make(self, run: Run, folder: str) -> dict[str, Any]:
        """Train the vectors on texts of all stages, drawn by their hashes."""
        with (
            tempfile.TemporaryDirectory() as temporary,
            tempfile.TemporaryFile() as spool,
        ):
            work = pathlib.Path(temporary)
            sample = TextSample(spool, self.training.max_documents, seed=self.training.seed)
            for stage in self.upstream(run.recipe):
                for (text,) in rows(run.shards(stage), "text"):
                    sample.add(text)
            if not len(sample):
                raise ModelError(f"{', '.join(self.stages)}: no text is left to train vectors on")
            with (work / "texts").open("w", encoding="utf-8", newline="\n") as lines:
                lines.writelines(f"{one_line(text)}\n" for text in sample)
            train_vectors(work / "texts", work / "vectors.bin", self.training.fasttext)
            digest = publish(work / "vectors.bin", storage.join(folder, "vectors.bin"))
        training = dataclasses.asdict(self.training)
        return {"trained": True, "documents": len(sample), "training": training, "sha256": digest}

    def location(self, folder: str, card: dict[str, Any]) -> str:
        """The model's file."""
        return self.path or storage.join(folder, "vectors.bin")
