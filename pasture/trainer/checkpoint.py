"""Checkpoints: weights, optimizer and what they were trained on, complete or not there.

``<output>/checkpoints/step-00000200/`` has ``state/``, which every process writes its part of
(torch.distributed.checkpoint), the tokenizer, and ``MANIFEST.json``. It is written under another
name and renamed when whole. The state names weights by the model's layers and not by processes, so
any number of them reads it. The data's order needs no state: a step's number gives its batch.
"""

from __future__ import annotations

import contextlib
import dataclasses
import pathlib
import pickle
import shutil
import warnings
from collections.abc import Iterator, Mapping
from typing import Any, TypeAlias

import torch
from torch import Tensor
from torch.distributed.checkpoint.api import CheckpointException
from torch.distributed.checkpoint.state_dict_loader import load as load_distributed
from torch.distributed.checkpoint.state_dict_saver import save as save_distributed
from torch.distributed.fsdp import FSDPModule

from pasture import __version__, config, storage
from pasture.errors import StageError
from pasture.manifests.shards import MANIFEST
from pasture.tokenize.encode import find_tokenizer, tokenizer_name
from pasture.trainer.config import ModelConfig
from pasture.trainer.model import Transformer
from pasture.trainer.parallel import Ranks

State: TypeAlias = dict[str, Tensor]
STATE = "state"


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
        return find_tokenizer(self.path)

    def load_model(self, device: torch.device | str = "cpu") -> Transformer:
        """Build the model, whole and in this process alone, with the checkpoint's weights.

        Raises:
            StageError: The weights are missing or are not this model's.
        """
        model = Transformer(self.model)
        self.load_state(model)
        return model.to(device)

    def load_state(
        self, model: Transformer, optimizer: torch.optim.Optimizer | None = None
    ) -> None:
        """Put the checkpoint's weights into a model, and its moments into an optimizer, in place.

        Raises:
            StageError: The state is missing, damaged, or not this model's.
        """
        if optimizer is not None:
            _start(optimizer)
        folder = storage.join(self.path, STATE)
        alone = not torch.distributed.is_initialized()
        try:
            with _quiet():
                load_distributed(_state(model, optimizer), checkpoint_id=folder, no_dist=alone)
        except (CheckpointException, RuntimeError, OSError, ValueError, *DAMAGED) as error:
            raise StageError(
                f"{self.path}: the weights cannot be used: {error}. Without this folder, training "
                f"goes on from the checkpoint before it"
            ) from error


DAMAGED = (pickle.UnpicklingError, EOFError, KeyError, AttributeError)
"""What reading bytes that are no state raises."""


def save(
    path: str,
    step: int,
    model: Transformer,
    optimizer: torch.optim.Optimizer | None,
    *,
    run: Mapping[str, Any],
    tokenizer: bytes,
    ranks: Ranks,
) -> None:
    """Write a checkpoint after ``step`` steps, all processes together."""
    target = pathlib.Path(path)
    partial = target.with_name(f".partial-{target.name}")
    if ranks.is_first:
        for stale in (target, *target.parent.glob(".partial-*")):
            shutil.rmtree(stale, ignore_errors=True)
        partial.mkdir(parents=True)
    ranks.wait()
    alone = ranks.mesh is None
    with _quiet():
        save_distributed(
            _state(model, optimizer), checkpoint_id=str(partial / STATE), no_dist=alone
        )
    if ranks.is_first:
        (partial / tokenizer_name(tokenizer)).write_bytes(tokenizer)
        body = {
            "step": step,
            "model": config.plain(model.config),
            "run": run,
            "pasture": __version__,
        }
        storage.write_json(str(partial / MANIFEST), body)
        partial.rename(target)
    ranks.wait()


def step_path(folder: str, step: int) -> str:
    """Give the path of the checkpoint after so many steps."""
    return storage.join(folder, f"step-{step:08d}")


def list_checkpoints(folder: str) -> list[str]:
    """List the paths of the finished checkpoints, the newest last."""
    found = storage.glob(storage.pattern(folder, "step-*", MANIFEST))
    return [path.rsplit("/", 1)[0] for path, _ in found]


def remove_old(folder: str, keep: int) -> None:
    """Remove all finished checkpoints but the newest ``keep``."""
    for path in list_checkpoints(folder)[:-keep]:
        storage.remove_tree(path)


def _state(model: Transformer, optimizer: torch.optim.Optimizer | None) -> State:
    """Name every tensor by its weight; they are those of the model and the optimizer."""
    for part in model.modules():
        # After a validation FSDP still holds whole weights, which are not the optimizer's.
        if isinstance(part, FSDPModule):
            part.reshard()
    weights = dict(model.named_parameters())
    state: State = {f"model.{name}": weight.detach() for name, weight in weights.items()}
    if optimizer is not None:
        for name, weight in weights.items():
            for part, value in optimizer.state[weight].items():
                state[f"optimizer.{name}.{part}"] = value
    return state


def _start(optimizer: torch.optim.Optimizer) -> None:
    """Let an optimizer make its moments, which it does in its first step, and move nothing."""
    rates = [group["lr"] for group in optimizer.param_groups]
    for group in optimizer.param_groups:
        group["lr"] = 0.0
        for weight in group["params"]:
            weight.grad = torch.zeros_like(weight)
    optimizer.step()
    optimizer.zero_grad(set_to_none=True)
    for group, rate in zip(optimizer.param_groups, rates, strict=True):
        group["lr"] = rate


@contextlib.contextmanager
def _quiet() -> Iterator[None]:
    """Leave out the warning that there is no process group: one process needs none."""
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "torch.distributed is disabled")
        yield
