"""The models that can be trained, and how: sizes and settings of the LLaMA papers as data.

Sources: LLaMA (arXiv:2302.13971, table 2), Llama 2 (arXiv:2307.09288, table 1 and appendix A.2),
Llama 3 (arXiv:2407.21783, table 3). ``tiny``, ``125m`` and ``1b`` are ours.
"""

from __future__ import annotations

import dataclasses
import re
from typing import Any, Literal

from pasture.config import one_of, plain
from pasture.errors import ConfigError


@dataclasses.dataclass(frozen=True)
class ModelConfig:
    """The shape of a model, with Meta's names.

    Args:
        dim: Width of the residual stream.
        n_layers: Transformer blocks.
        n_heads: Heads of queries.
        n_kv_heads: Heads of keys and values that groups of queries share (Llama 2 70B, Llama 3);
            None: as many as of queries.
        vocab_size: Ids of the tokenizer.
        multiple_of: The hidden width of the feed-forward layer is rounded up to a multiple of it.
        ffn_dim_multiplier: Factor of that width, where it is not 1.
        norm_eps: Added to the mean square before its root.
        rope_theta: Base of the rotary frequencies (500,000 in Llama 3).
        context_length: Tokens that the model sees.
        tied: Use the embedding as the output layer too.
    """

    dim: int
    n_layers: int
    n_heads: int
    n_kv_heads: int | None = None
    vocab_size: int = 32_000
    multiple_of: int = 256
    ffn_dim_multiplier: float = 1.0
    norm_eps: float = 1e-5
    rope_theta: float = 10_000.0
    context_length: int = 2048
    tied: bool = False

    def __post_init__(self) -> None:
        if self.dim % self.n_heads or self.head_dim % 2:
            raise ConfigError(f"dim: {self.dim} is no even multiple of {self.n_heads} heads")
        if self.n_heads % self.kv_heads:
            raise ConfigError(f"n_kv_heads: {self.kv_heads} does not divide {self.n_heads} heads")

    @property
    def kv_heads(self) -> int:
        """Heads of keys and values."""
        return self.n_kv_heads or self.n_heads

    @property
    def head_dim(self) -> int:
        """Width of a head."""
        return self.dim // self.n_heads

    @property
    def hidden_dim(self) -> int:
        """Width of the feed-forward layer: 2/3 of 4*dim, rounded up."""
        hidden = int(self.ffn_dim_multiplier * int(2 * 4 * self.dim / 3))
        return self.multiple_of * -(-hidden // self.multiple_of)

    @property
    def shape(self) -> dict[str, Any]:
        """What weights must agree in to be this model's: all but the length of the context."""
        names = ("dim", "n_layers", "n_heads", "kv_heads", "hidden_dim", "vocab_size", "tied")
        return {name: getattr(self, name) for name in (*names, "norm_eps", "rope_theta")}

    @property
    def num_parameters(self) -> int:
        """Weights of the model."""
        attention = 2 * self.dim * self.head_dim * (self.n_heads + self.kv_heads)
        layer = attention + 3 * self.dim * self.hidden_dim + 2 * self.dim
        embeddings = (1 if self.tied else 2) * self.vocab_size * self.dim
        return self.n_layers * layer + embeddings + self.dim

    @property
    def flops_per_token(self) -> float:
        """Floating-point operations of a training step per token, forward and backward.

        Six for each weight that is multiplied, and the attention over half the context.
        """
        embedding = 0 if self.tied else self.vocab_size * self.dim
        attention = 6 * self.n_layers * self.dim * self.context_length
        return 6 * (self.num_parameters - embedding) + attention


@dataclasses.dataclass(frozen=True)
class Preset:
    """A model and the settings that it is trained with.

    Args:
        model: Its shape.
        learning_rate: Peak of the schedule.
        batch_tokens: Tokens of a step.
        tokens: Tokens of the whole training.
        micro_batch: Sequences of one forward pass; ours.
    """

    model: ModelConfig
    learning_rate: float
    batch_tokens: int
    tokens: float
    micro_batch: int = 1


def _llama(dim: int, heads: int, layers: int, rate: float, tokens: float) -> Preset:
    model = ModelConfig(dim, layers, heads, norm_eps=1e-6)
    return Preset(model, rate, 4 << 20, tokens)


def _llama2(
    dim: int,
    heads: int,
    layers: int,
    rate: float,
    *,
    kv_heads: int | None = None,
    multiple_of: int = 256,
    multiplier: float = 1.0,
) -> Preset:
    model = ModelConfig(
        dim,
        layers,
        heads,
        n_kv_heads=kv_heads,
        multiple_of=multiple_of,
        ffn_dim_multiplier=multiplier,
        context_length=4096,
    )
    return Preset(model, rate, 4 << 20, 2.0e12)


def _llama3(
    dim: int,
    heads: int,
    layers: int,
    rate: float,
    multiple_of: int,
    *,
    multiplier: float = 1.3,
    tokens: float = 15.0e12,
) -> Preset:
    model = ModelConfig(
        dim,
        layers,
        heads,
        n_kv_heads=8,
        vocab_size=128_256,
        multiple_of=multiple_of,
        ffn_dim_multiplier=multiplier,
        rope_theta=500_000.0,
        context_length=8192,
    )
    return Preset(model, rate, 4 << 20, tokens)


PRESETS: dict[str, Preset] = {
    "tiny": Preset(
        ModelConfig(128, 4, 4, multiple_of=32, context_length=256, tied=True),
        learning_rate=3e-3,
        batch_tokens=2048,
        tokens=409_600,
        micro_batch=8,
    ),
    "125m": Preset(ModelConfig(768, 12, 12), 6e-4, 1 << 19, 2.5e9, micro_batch=8),
    "1b": Preset(ModelConfig(2048, 20, 16), 4e-4, 1 << 20, 20e9, micro_batch=4),
    "7b": _llama(4096, 32, 32, 3.0e-4, 1.0e12),
    "13b": _llama(5120, 40, 40, 3.0e-4, 1.0e12),
    "33b": _llama(6656, 52, 60, 1.5e-4, 1.4e12),
    "65b": _llama(8192, 64, 80, 1.5e-4, 1.4e12),
    "llama2-7b": _llama2(4096, 32, 32, 3.0e-4),
    "llama2-13b": _llama2(5120, 40, 40, 3.0e-4),
    "llama2-34b": _llama2(8192, 64, 48, 1.5e-4, kv_heads=8),
    "llama2-70b": _llama2(8192, 64, 80, 1.5e-4, kv_heads=8, multiple_of=4096, multiplier=1.3),
    "llama3-8b": _llama3(4096, 32, 32, 3.0e-4, 1024),
    "llama3-70b": _llama3(8192, 64, 80, 1.5e-4, 4096),
    # The paper begins with 4 M tokens a step and 4,096 tokens a sequence, and raises both.
    "llama3-405b": _llama3(16_384, 128, 126, 8e-5, 4096, multiplier=1.2, tokens=15.6e12),
}


EXECUTION = frozenset(
    {
        *("micro_batch", "validation_sequences", "checkpoint_every", "keep_checkpoints"),
        *("validate_every", "device", "compile", "recompute", "tp", "async_tp"),
        *("peak_flops", "tensorboard", "run", "extend"),
    }
)
"""Options of ``TrainConfig`` that may change from one start of a run to the next."""
RUN_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,99}")
"""Names of runs are names of folders everywhere; ours."""
AT_LEAST_ONE = (
    *("steps", "context_length", "batch_tokens", "micro_batch", "checkpoint_every"),
    *("keep_checkpoints", "validate_every", "tp", "peak_flops"),
)


@dataclasses.dataclass(frozen=True)
class TrainConfig:
    """How a model is trained. None takes the preset's value.

    Args:
        model: A name of ``PRESETS``.
        steps: Optimizer steps; by default, as many as the preset's tokens make.
        seed: Seed of the weights and of the data's order.
        context_length: Tokens of a sequence.
        batch_tokens: Tokens of a step, a multiple of the context.
        micro_batch: Sequences of one forward pass; a step's gradients are summed over them.
        learning_rate: Peak of the schedule.
        warmup_steps: Steps up to the peak (LLaMA, section 2.3); a run of fewer than 20,000 steps
            warms up over a tenth of them (ours).
        schedule: How the rate falls after the warm-up: along a ``cosine`` (section 2.3), or, in
            ``wsd``, linearly over the last ``decay`` of the steps (MiniCPM, arXiv:2404.06395).
        decay: Share of the steps in which the rate of ``wsd`` falls; 0.1 as in MiniCPM.
        final_rate: Share of the peak that the schedule ends at (section 2.3).
        weight_decay: Of matrices only (section 2.3).
        betas: AdamW's (section 2.3).
        clip: Largest norm of the gradients (section 2.3).
        mask_documents: Let tokens see their own document only. The paper does not say.
        validation_sequences: Most sequences of each source that validation reads; ours.
        checkpoint_every: Steps between checkpoints; the last step is always kept.
        keep_checkpoints: How many of them stay.
        validate_every: Steps between validations; it is always done after the last step.
        init: Checkpoint whose weights the training begins with, such as an imported model's.
        device: ``cpu``, ``cuda``, or ``auto``.
        compile: Compile the model (torch.compile).
        recompute: Activation checkpointing: what the backward pass computes again; ``none``,
            ``selective`` (what is cheap) or ``full`` (each block).
        tp: Processes that share each layer (tensor parallel, with sequence parallel).
        async_tp: Overlap their messages with computation.
        peak_flops: Operations per second that a device can do, for MFU; by default by its name.
        tensorboard: Write metrics for TensorBoard too.
        run: Name of the run, which has its checkpoints in a folder of its own, ``runs/NAME``; None
            for the output's only one, in ``checkpoints``.
        extend: Go on with a run though ``steps`` is now more than it was begun with.
    """

    model: str = "tiny"
    steps: int | None = None
    seed: int = 0
    context_length: int | None = None
    batch_tokens: int | None = None
    micro_batch: int | None = None
    learning_rate: float | None = None
    warmup_steps: int = 2000
    schedule: Literal["cosine", "wsd"] = "cosine"
    decay: float = 0.1
    final_rate: float = 0.1
    weight_decay: float = 0.1
    betas: tuple[float, float] = (0.9, 0.95)
    clip: float = 1.0
    mask_documents: bool = False
    validation_sequences: int = 64
    checkpoint_every: int = 1000
    keep_checkpoints: int = 2
    validate_every: int | None = None
    init: str | None = None
    device: Literal["auto", "cpu", "cuda"] = "auto"
    compile: bool = False
    recompute: Literal["none", "selective", "full"] = "none"
    tp: int = 1
    async_tp: bool = False
    peak_flops: float | None = None
    tensorboard: bool = False
    run: str | None = None
    extend: bool = False

    def __post_init__(self) -> None:
        if self.run is not None and not RUN_NAME.fullmatch(self.run):
            raise ConfigError(
                f"run: {self.run!r} is no name of a run; it has 1 to 100 letters, digits, dots, "
                f"hyphens and underscores, and begins with a letter or a digit"
            )
        one_of(self.model, PRESETS, "model", "preset")
        one_of(self.schedule, ("cosine", "wsd"), "schedule", "schedule")
        if not 0 < self.decay <= 0.9 or not 0 <= self.final_rate <= 1 or self.warmup_steps < 0:
            raise ConfigError(
                f"decay: {self.decay}, final_rate: {self.final_rate}, warmup_steps: "
                f"{self.warmup_steps}; decay must be over 0 and at most 0.9, since the warm-up may "
                f"take a tenth of the steps, final_rate from 0 to 1, and warmup_steps not below 0"
            )
        for name in AT_LEAST_ONE:
            value = getattr(self, name)
            if value is not None and value < 1:
                raise ConfigError(f"{name}: {value} is less than 1")

    @property
    def preset(self) -> Preset:
        """The preset of the model."""
        return PRESETS[self.model]

    def recipe(self) -> dict[str, Any]:
        """Give what decides the model that comes out: a run that resumes must keep it."""
        return {name: value for name, value in plain(self).items() if name not in EXECUTION}

    def resolve(self, vocab_size: int) -> Settings:
        """Fill in the preset's values, for a tokenizer of so many ids.

        Raises:
            ConfigError: The batch is no multiple of the context.
        """
        preset = self.preset
        context = self.context_length or preset.model.context_length
        batch_tokens = self.batch_tokens or preset.batch_tokens
        if batch_tokens % context:
            raise ConfigError(f"batch_tokens: {batch_tokens} is no multiple of {context}")
        batch = batch_tokens // context
        steps = self.steps or max(1, round(preset.tokens / batch_tokens))
        return Settings(
            model=dataclasses.replace(preset.model, vocab_size=vocab_size, context_length=context),
            steps=steps,
            batch_size=batch,
            micro_batch=min(self.micro_batch or preset.micro_batch, batch),
            learning_rate=self.learning_rate or preset.learning_rate,
            warmup_steps=min(self.warmup_steps, steps // 10),
            decay_steps=max(1, round(self.decay * steps)) if self.schedule == "wsd" else None,
        )


@dataclasses.dataclass(frozen=True)
class Settings:
    """A ``TrainConfig`` with the preset's values filled in.

    Args:
        model: Shape of the model.
        steps: Optimizer steps.
        batch_size: Sequences of a step.
        micro_batch: Sequences of one forward pass.
        learning_rate: Peak of the schedule.
        warmup_steps: Steps up to the peak.
        decay_steps: Last steps in which the rate falls linearly; None for a cosine.
    """

    model: ModelConfig
    steps: int
    batch_size: int
    micro_batch: int
    learning_rate: float
    warmup_steps: int
    decay_steps: int | None = None

    def recipe(self) -> dict[str, Any]:
        """Give what decides the model that comes out."""
        return {name: value for name, value in plain(self).items() if name not in EXECUTION}
