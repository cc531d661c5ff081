"""Checkpoints: weights, optimizer and what they were trained on, complete or not there.

``<output>/checkpoints/step-00000200/`` has ``model.safetensors``, ``optimizer.pt``,
``tokenizer.model`` and, written last, ``MANIFEST.json``: a folder without one does not count.
The data's order needs no state: a step's number gives its batch.
"""

from __future__ import annotations

import dataclasses
import io
from collections.abc import Mapping
from typing import Any

import torch

from pasture import __version__, config, storage
from pasture.errors import StageError
from pasture.manifests.shards import MANIFEST
from pasture.trainer.config import ModelConfig
from pasture.trainer.model import Transformer

WEIGHTS, OPTIMIZER, TOKENIZER = "model.safetensors", "optimizer.pt", "tokenizer.model"


@dataclasses.dataclass(frozen=True)
class Checkpoint:
    """A checkpoint's folder and its manifest."""

    path: str
    step: int
    model: ModelConfig
    run: Mapping[str, Any]
    """What the training depends on: settings, tokenizer, mixture and token counts."""

    @classmethod
    def load(cls, path: str) -> Checkpoint:
        """Read the manifest of a checkpoint.

        Raises:
            StageError: The folder holds no finished checkpoint.
        """
        file = storage.join(path, MANIFEST)
        if not storage.exists(file):
            raise StageError(
                f'{path} holds no finished checkpoint; "pasture train" makes one in a folder '
                f"checkpoints/step-..."
            )
        body = storage.read_json(file)
        try:
            model = config.load(ModelConfig, body["model"], file)
            return cls(path, body["step"], model, body["run"])
        except (KeyError, TypeError) as error:
            raise StageError(f"{file} is not a checkpoint's manifest: {error!r}") from error

    @property
    def tokenizer(self) -> str:
        """The path of the tokenizer."""
        return storage.join(self.path, TOKENIZER)

    def load_model(self, device: torch.device | str = "cpu") -> Transformer:
        """Build the model with the checkpoint's weights.

        Raises:
            StageError: The weights are missing or are not this model's.
        """
        from safetensors import SafetensorError
        from safetensors.torch import load

        model = Transformer(self.model)
        with storage.open_read(storage.join(self.path, WEIGHTS)) as stream:
            data = stream.read()
        try:
            weights = load(data)
            if self.model.tied:
                weights["output.weight"] = weights["tok_embeddings.weight"]
            model.load_state_dict(weights)
        except (SafetensorError, KeyError, RuntimeError) as error:
            raise StageError(f"{self.path}: the weights cannot be used: {error}") from error
        return model.to(device)

    def load_optimizer(self, optimizer: torch.optim.Optimizer) -> None:
        """Put the checkpoint's state into an optimizer."""
        with storage.open_read(storage.join(self.path, OPTIMIZER)) as stream:
            state = torch.load(io.BytesIO(stream.read()), map_location="cpu", weights_only=True)
        optimizer.load_state_dict(state)


def save(
    folder: str,
    step: int,
    model: Transformer,
    optimizer: torch.optim.Optimizer,
    *,
    run: Mapping[str, Any],
    tokenizer: bytes,
) -> str:
    """Write a checkpoint after ``step`` steps; return its path."""
    from safetensors.torch import save as to_bytes

    path = storage.join(folder, f"step-{step:08d}")
    storage.remove_tree(path)
    weights = {name: weight.contiguous() for name, weight in model.state_dict().items()}
    if model.config.tied:
        del weights["output.weight"]
    state = io.BytesIO()
    torch.save(optimizer.state_dict(), state)
    for name, data in (
        (WEIGHTS, to_bytes(weights)),
        (OPTIMIZER, state.getvalue()),
        (TOKENIZER, tokenizer),
    ):
        with storage.atomic_write(storage.join(path, name)) as stream:
            stream.write(data)
    storage.write_json(
        storage.join(path, MANIFEST),
        {
            "step": step,
            "model": config.plain(model.config),
            "run": run,
            "pasture": __version__,
        },
    )
    return path


def list_checkpoints(folder: str) -> list[str]:
    """List the paths of the finished checkpoints, the newest last."""
    found = storage.glob(storage.join(folder, "step-*", MANIFEST))
    return [path.rsplit("/", 1)[0] for path, _ in found]


def remove_old(folder: str, keep: int) -> None:
    """Remove all finished checkpoints but the newest ``keep``."""
    for path in list_checkpoints(folder)[:-keep]:
        storage.remove_tree(path)
