"""What a training will take: time, GPU-hours, and memory per GPU by how the model is spread.

Time follows from tokens per second and GPU. Memory is an estimate of what training in bfloat16 with
float32 weights, gradients and AdamW moments holds, all sharded over all GPUs. It needs no torch.
"""

from __future__ import annotations

import dataclasses
from typing import Literal

from pasture.errors import ConfigError
from pasture.trainer.config import ModelConfig, TrainConfig

A100_FLOPS = 312e12
"""Dense bfloat16 operations per second of an A100 (NVIDIA's data sheet)."""
ASSUMED_MFU = 0.45
"""Where no speed is given; ours. The paper's models come to 43% to 51%."""
PAPER_GPU_HOURS = {"7b": 82_432, "13b": 135_168, "33b": 530_432, "65b": 1_022_362}
"""A100-80GB hours of LLaMA, table 15."""
TENSOR_PARALLEL = (1, 2, 4, 8)


@dataclasses.dataclass(frozen=True)
class Layout:
    """One way to spread a model, and the bytes that it takes on each GPU.

    Args:
        tp: GPUs that share each layer.
        recompute: Activation checkpointing.
        weights: Shard of the weights, in float32.
        gradients: Shard of the gradients, in float32.
        optimizer: Shard of AdamW's two moments, in float32.
        gathered: Weights of two blocks and of the output layer in bfloat16, and one's gradients.
        activations: What a forward pass keeps, and the logits.
    """

    tp: int
    recompute: Literal["none", "selective", "full"]
    weights: float
    gradients: float
    optimizer: float
    gathered: float
    activations: float

    @property
    def total(self) -> float:
        """All of them."""
        return self.weights + self.gradients + self.optimizer + self.gathered + self.activations


@dataclasses.dataclass(frozen=True)
class TrainingPlan:
    """What a training takes.

    Args:
        model: Name of the preset.
        parameters: Weights.
        tokens: Tokens trained on.
        gpus: GPUs.
        tokens_per_gpu_second: Speed.
        mfu: Share of ``peak_flops`` that this is.
        peak_flops: Operations per second of a GPU.
        gpu_hours: Hours of all GPUs together.
        days: Days from start to end.
        paper_gpu_hours: What the paper's table says, where it has the model.
        layouts: Memory by layout.
    """

    model: str
    parameters: int
    tokens: float
    gpus: int
    tokens_per_gpu_second: float
    mfu: float
    peak_flops: float
    gpu_hours: float
    days: float
    paper_gpu_hours: int | None
    layouts: list[Layout]

    @property
    def against_paper(self) -> float | None:
        """How far the GPU-hours are from the paper's, as a share of them."""
        return self.gpu_hours / self.paper_gpu_hours - 1 if self.paper_gpu_hours else None


def plan_training(
    options: TrainConfig, gpus: int, tokens_per_gpu_second: float | None = None
) -> TrainingPlan:
    """Work out what the training of a preset takes.

    Args:
        options: What to train; the steps are the preset's unless given.
        gpus: How many GPUs.
        tokens_per_gpu_second: Their speed; None assumes an MFU of 45%.

    Raises:
        ConfigError: So many GPUs cannot share the model and the sequences of a step evenly.
    """
    settings = options.resolve(options.preset.model.vocab_size)
    model = settings.model
    step_tokens = settings.batch_size * model.context_length
    tokens = options.steps * step_tokens if options.steps else options.preset.tokens
    peak = options.peak_flops or A100_FLOPS
    speed = tokens_per_gpu_second or ASSUMED_MFU * peak / model.flops_per_token
    hours = tokens / speed / 3600
    layouts = [
        memory(model, gpus=gpus, tp=tp, micro_batch=settings.micro_batch, recompute=recompute)
        for tp in TENSOR_PARALLEL
        if gpus % tp == model.kv_heads % tp == settings.batch_size % (gpus // tp) == 0
        for recompute in ("none", "selective", "full")
    ]
    if not layouts:
        raise ConfigError(
            f"gpus: {gpus} cannot share the {settings.batch_size} sequences of a step evenly; "
            f"change their number, or batch_tokens"
        )
    return TrainingPlan(
        model=options.model,
        parameters=model.num_parameters,
        tokens=tokens,
        gpus=gpus,
        tokens_per_gpu_second=speed,
        mfu=speed * model.flops_per_token / peak,
        peak_flops=peak,
        gpu_hours=hours,
        days=hours / gpus / 24,
        paper_gpu_hours=PAPER_GPU_HOURS.get(options.model),
        layouts=layouts,
    )


def memory(
    model: ModelConfig,
    *,
    gpus: int,
    tp: int,
    micro_batch: int,
    recompute: Literal["none", "selective", "full"],
) -> Layout:
    """Estimate the bytes on each GPU; what the allocator and NCCL take besides is not counted."""
    shard = model.num_parameters / gpus
    dim, hidden, kv = model.dim, model.hidden_dim, model.kv_heads * model.head_dim
    block = 2 * dim * (dim + kv) + 3 * dim * hidden
    output = model.vocab_size * dim
    # Values that a block keeps of each token. Of everything: the inputs of both norms and of all
    # products, queries, keys and values, and SwiGLU's three. Selective: the block's input, and
    # the outputs of attention and of all products.
    kept = {
        "none": 6 * dim + 2 * kv + 3 * hidden,
        "selective": 5 * dim + 2 * kv + 2 * hidden,
        "full": dim,
    }
    tokens = micro_batch * model.context_length
    # A block that is computed again is whole for a while.
    again = kept["none"] if recompute != "none" else 0
    stream = 2 * tokens * (model.n_layers * kept[recompute] + again) / tp
    logits = (2 + 4 + 4) * tokens * model.vocab_size
    return Layout(
        tp=tp,
        recompute=recompute,
        weights=4 * shard,
        gradients=4 * shard,
        optimizer=8 * shard,
        gathered=2 * (3 * block + output) / tp,
        activations=stream + logits,
    )
