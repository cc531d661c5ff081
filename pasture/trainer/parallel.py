"""Several processes train one model: FSDP2, tensor parallel with sequence parallel, or both.

The processes that ``torchrun`` starts are a mesh of two axes, ``data`` by ``tensor``. Along
``tensor`` each layer's matrices are cut, and what lies between them by the sequence; along ``data``
each process has its own sequences and a shard of weights, gradients and optimizer (ZeRO-3), and
FSDP2 fetches the next block's weights while one is computed. The model's file knows nothing of it.
"""

from __future__ import annotations

import contextlib
import dataclasses
import os
import warnings
from collections.abc import Iterator

import torch
import torch.distributed as dist
from torch import Tensor, nn
from torch.distributed.device_mesh import DeviceMesh, init_device_mesh
from torch.distributed.fsdp import MixedPrecisionPolicy, fully_shard
from torch.distributed.tensor import DTensor, Replicate, Shard, distribute_tensor
from torch.distributed.tensor.parallel import (
    ColwiseParallel,
    ParallelStyle,
    PrepareModuleInput,
    RowwiseParallel,
    SequenceParallel,
    parallelize_module,
)

from pasture.errors import ConfigError
from pasture.trainer.config import ModelConfig, TrainConfig
from pasture.trainer.model import Transformer, precompute_freqs_cis
from pasture.trainer.recompute import apply_recompute


@dataclasses.dataclass(frozen=True)
class Ranks:
    """The processes that train together, as this one sees them.

    Args:
        device: Where this process computes.
        mesh: The processes by ``data`` and ``tensor``; None for one alone.
    """

    device: torch.device
    mesh: DeviceMesh | None = None

    @property
    def size(self) -> int:
        """How many processes there are."""
        return self.mesh.size() if self.mesh is not None else 1

    @property
    def data_size(self) -> int:
        """Among how many groups a step's sequences are shared."""
        return self.mesh["data"].size() if self.mesh is not None else 1

    @property
    def data_rank(self) -> int:
        """Which of these groups this process is in: all of a group read the same sequences."""
        return self.mesh["data"].get_local_rank() if self.mesh is not None else 0

    @property
    def is_first(self) -> bool:
        """Whether this is the process that writes and shows what concerns all."""
        return self.mesh is None or dist.get_rank() == 0

    def sum(self, values: Tensor) -> Tensor:
        """Sum what each group has measured on its sequences, in place."""
        if self.mesh is not None:
            dist.all_reduce(values, group=self.mesh["data"].get_group())
        return values

    def any(self, flag: bool) -> bool:
        """Return whether the flag is set in any of the processes."""
        if self.mesh is None:
            return flag
        flags = torch.tensor(int(flag), device=self.device)
        dist.all_reduce(flags, op=dist.ReduceOp.MAX)
        return bool(flags)

    def wait(self) -> None:
        """Wait for the other processes."""
        if self.mesh is not None:
            dist.barrier()


@contextlib.contextmanager
def connect(device: str, tp: int) -> Iterator[Ranks]:
    """Join the processes that ``torchrun`` started, or be alone.

    Args:
        device: ``cpu``, ``cuda``, or ``auto``.
        tp: Processes that share each layer.

    Raises:
        ConfigError: So many processes cannot be divided by ``tp``.
    """
    ours = not dist.is_initialized()
    size = int(os.environ.get("WORLD_SIZE", "1")) if ours else dist.get_world_size()
    if size % tp:
        raise ConfigError(
            f"tp: {size} processes cannot be divided into groups of {tp}; start a multiple of "
            f"{tp} with torchrun --nproc-per-node"
        )
    kind = ("cuda" if torch.cuda.is_available() else "cpu") if device == "auto" else device
    place = torch.device(kind)
    if size == 1:
        yield Ranks(place)
        return
    if kind == "cuda":
        place = torch.device("cuda", int(os.environ.get("LOCAL_RANK", "0")))
        torch.cuda.set_device(place)
    if ours:
        dist.init_process_group("cpu:gloo,cuda:nccl" if kind == "cuda" else "gloo")
    try:
        mesh = init_device_mesh(kind, (size // tp, tp), mesh_dim_names=("data", "tensor"))
        mesh._flatten("all")  # so that sums over both axes, such as norms, are one message
        with warnings.catch_warnings():
            # Logits and messages between layers are views; nothing writes to them.
            warnings.filterwarnings("ignore", "FSDP2-wrapped module .* returned a view tensor")
            yield Ranks(place, mesh)
    finally:
        if ours:
            dist.destroy_process_group()


def make_model(config: ModelConfig, ranks: Ranks, options: TrainConfig) -> Transformer:
    """Make a model over the processes; its weights are yet to be given.

    Raises:
        ConfigError: The model cannot be cut so, or the options do not go together.
    """
    if options.async_tp:
        _check_async_tp(ranks, options)
    # On no device, so that no process holds it whole; a tied one is small, and would come untied.
    whole = torch.device(ranks.device if ranks.mesh is None or config.tied else "meta")
    with whole:
        model = Transformer(config)
    if ranks.mesh is not None and options.tp > 1:
        _cut_layers(model, ranks.mesh["tensor"])
    apply_recompute(model, options.recompute)
    if options.compile:
        if options.async_tp:
            _enable_async_tp(ranks)
        for block in model.layers:
            block.compile()
    if ranks.mesh is not None:
        _shard(model, ranks.mesh["data"])
    if whole.type == "meta":
        model.to_empty(device=ranks.device)
    freqs_cis = precompute_freqs_cis(config.head_dim, config.context_length, config.rope_theta)
    model.freqs_cis = freqs_cis.to(ranks.device)
    return model


@torch.no_grad()
def init_weights(model: Transformer, generator: torch.Generator) -> None:
    """Give the model the weights that it would have in one process; each keeps its shard."""
    weights = dict(model.named_parameters())
    for name, drawn in model.initial_weights(generator):
        weight = weights[name]
        if isinstance(weight, DTensor):
            # Every process draws the same, so nothing is sent.
            drawn = distribute_tensor(
                drawn.to(weight.device),
                weight.device_mesh,
                weight.placements,
                src_data_rank=None,
            )
        weight.copy_(drawn)


def _cut_layers(model: Transformer, mesh: DeviceMesh) -> None:
    """Cut every layer over a mesh of one axis, and the stream between them by the sequence.

    Queries, keys, values and the feed-forward layer's first matrices are cut by columns, what
    follows them by rows: a block then sends four messages forward (Korthikanti et al., 2022).
    """
    config = model.config
    cut = {
        "n_heads": config.n_heads,
        "n_kv_heads": config.kv_heads,
        "context_length": config.context_length,
    }
    for name, size in cut.items():
        if size % mesh.size():
            raise ConfigError(f"tp: {mesh.size()} does not divide {name}, {size}")
    block: dict[str, ParallelStyle] = {
        "attention_norm": SequenceParallel(),
        "attention": PrepareModuleInput(
            input_layouts=(Shard(1), None, None, None, None),
            desired_input_layouts=(Replicate(), None, None, None, None),
        ),
        "attention.wq": ColwiseParallel(),
        "attention.wk": ColwiseParallel(),
        "attention.wv": ColwiseParallel(),
        "attention.wo": RowwiseParallel(output_layouts=Shard(1)),
        "ffn_norm": SequenceParallel(),
        "feed_forward": PrepareModuleInput(
            input_layouts=(Shard(1),), desired_input_layouts=(Replicate(),)
        ),
        "feed_forward.w1": ColwiseParallel(),
        "feed_forward.w3": ColwiseParallel(),
        "feed_forward.w2": RowwiseParallel(output_layouts=Shard(1)),
    }
    for layer in model.layers:
        parallelize_module(layer, mesh, block)
    parallelize_module(
        model,
        mesh,
        {
            "tok_embeddings": RowwiseParallel(input_layouts=Replicate(), output_layouts=Shard(1)),
            "norm": SequenceParallel(),
            "output": ColwiseParallel(input_layouts=Shard(1), output_layouts=Replicate()),
        },
    )
    for part in (model.tok_embeddings, model.output):
        part.register_forward_hook(_await_output)
    if config.tied:
        model.output.weight = model.tok_embeddings.weight


def _await_output(part: nn.Module, inputs: object, output: Tensor) -> Tensor:
    """Wait for the message that a layer's output is still in, before compiled code reads it.

    As the input of compiled code such a tensor loses its gradient in PyTorch 2.15, without a
    warning (pytorch issue 191113): the embedding was never trained. Its copy is a plain tensor.
    """
    return output.clone()


def _shard(model: Transformer, mesh: DeviceMesh) -> None:
    """Shard weights, gradients and optimizer by blocks; multiply in bfloat16 on a GPU."""
    precision = MixedPrecisionPolicy()
    if mesh.device_type == "cuda":
        # Inputs are not cast: the angles of the rotations must stay in float32.
        precision = MixedPrecisionPolicy(torch.bfloat16, torch.float32, cast_forward_inputs=False)
    parts: list[nn.Module] = list(model.layers)
    if not model.config.tied:
        parts += [model.tok_embeddings, model.output]
    for part in parts:
        fully_shard(part, mesh=mesh, mp_policy=precision)
    fully_shard(model, mesh=mesh, mp_policy=precision)


def _check_async_tp(ranks: Ranks, options: TrainConfig) -> None:
    if options.tp == 1 or not options.compile or ranks.device.type != "cuda":
        raise ConfigError("async_tp: it needs tp over 1, compile, and GPUs")
    from torch._inductor import config as compiler

    if not hasattr(compiler, "_micro_pipeline_tp"):
        raise ConfigError(f"async_tp: PyTorch {torch.__version__} does not have it")


def _enable_async_tp(ranks: Ranks) -> None:
    """Let the compiler send a matrix product's parts while it computes the others."""
    from torch._inductor import config as compiler
    from torch.distributed._symmetric_memory import enable_symm_mem_for_group

    assert ranks.mesh is not None
    compiler._micro_pipeline_tp = True
    enable_symm_mem_for_group(ranks.mesh["tensor"].get_group().group_name)
