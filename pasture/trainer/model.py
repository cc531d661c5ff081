"""LLaMA's transformer, with the names of Meta's code.

Suffixes name the axes of a tensor: B batch, T time, D width of the stream, H heads of queries,
K heads of keys and values, C width of a head, F width of the feed-forward layer, V vocabulary.
"""

# ruff: noqa: N803, N806, N815 (suffixes that name the axes of tensors)
from __future__ import annotations

import dataclasses
from collections.abc import Iterator

import torch
from torch import Tensor, nn
from torch.nn import functional

from pasture.trainer.attention import Mask, attend
from pasture.trainer.config import ModelConfig


class RMSNorm(nn.Module):
    """Divides by the root of the mean square; computed in float32."""

    def __init__(self, dim: int, eps: float) -> None:
        super().__init__()
        self.eps = eps
        self.weight = nn.Parameter(torch.ones(dim))

    def forward(self, x: Tensor) -> Tensor:
        """Normalise the last axis."""
        wide = x.float()
        normed = wide * torch.rsqrt(wide.square().mean(-1, keepdim=True) + self.eps)
        return normed.type_as(x) * self.weight


def precompute_freqs_cis(head_dim: int, end: int, theta: float) -> Tensor:
    """Return cosine and sine of each position's rotation, by pair of coordinates: (T, C/2, 2).

    The frequencies are rounded as in the code of Meta and of transformers. The negative exponent
    rounds otherwise, which at position 8,000 moves the angles of Llama 3 by up to 5e-4.
    """
    frequencies = 1.0 / theta ** (torch.arange(0, head_dim, 2, dtype=torch.float32) / head_dim)
    angles = torch.outer(torch.arange(end, dtype=torch.float32), frequencies)
    return torch.stack((angles.cos(), angles.sin()), dim=-1)


def apply_rotary_emb(x_BTHC: Tensor, freqs_cis: Tensor) -> Tensor:
    """Rotate neighbouring pairs of coordinates by their position's angles."""
    real, imaginary = x_BTHC.float().reshape(*x_BTHC.shape[:-1], -1, 2).unbind(-1)
    cos, sin = freqs_cis[None, :, None].unbind(-1)
    rotated = torch.stack((real * cos - imaginary * sin, real * sin + imaginary * cos), dim=-1)
    return rotated.flatten(-2).type_as(x_BTHC)


@dataclasses.dataclass
class KVCache:
    """The keys and values of the tokens that a layer has seen."""

    k_BTKC: Tensor
    v_BTKC: Tensor

    def update(self, start: int, k_BTKC: Tensor, v_BTKC: Tensor) -> tuple[Tensor, Tensor]:
        """Store those of new tokens; return all so far."""
        end = start + k_BTKC.shape[1]
        self.k_BTKC[:, start:end] = k_BTKC
        self.v_BTKC[:, start:end] = v_BTKC
        return self.k_BTKC[:, :end], self.v_BTKC[:, :end]


class Attention(nn.Module):
    """Causal self-attention; the matrix of weights is never stored."""

    def __init__(self, config: ModelConfig) -> None:
        super().__init__()
        self.head_dim = config.head_dim
        self.wq = nn.Linear(config.dim, config.n_heads * self.head_dim, bias=False)
        self.wk = nn.Linear(config.dim, config.kv_heads * self.head_dim, bias=False)
        self.wv = nn.Linear(config.dim, config.kv_heads * self.head_dim, bias=False)
        self.wo = nn.Linear(config.n_heads * self.head_dim, config.dim, bias=False)

    def forward(
        self,
        x_BTD: Tensor,
        freqs_cis: Tensor,
        mask: Mask | None = None,
        cache: KVCache | None = None,
        start: int = 0,
    ) -> Tensor:
        """Attend to the past; a mask, where given, is causal itself.

        With a cache, new tokens come all at the start, or one at a time.
        """
        heads = (*x_BTD.shape[:2], -1, self.head_dim)
        q_BTHC = apply_rotary_emb(self.wq(x_BTD).view(heads), freqs_cis)
        k_BTKC = apply_rotary_emb(self.wk(x_BTD).view(heads), freqs_cis)
        v_BTKC = self.wv(x_BTD).view(heads)
        if cache is not None:
            k_BTKC, v_BTKC = cache.update(start, k_BTKC, v_BTKC)
        out_BHTC = attend(
            q_BTHC.transpose(1, 2),
            k_BTKC.transpose(1, 2),
            v_BTKC.transpose(1, 2),
            mask,
            is_causal=start == 0,
        )
        out_BTD: Tensor = self.wo(out_BHTC.transpose(1, 2).flatten(2))
        return out_BTD


class FeedForward(nn.Module):
    """SwiGLU."""

    def __init__(self, config: ModelConfig) -> None:
        super().__init__()
        self.w1 = nn.Linear(config.dim, config.hidden_dim, bias=False)
        self.w2 = nn.Linear(config.hidden_dim, config.dim, bias=False)
        self.w3 = nn.Linear(config.dim, config.hidden_dim, bias=False)

    def forward(self, x_BTD: Tensor) -> Tensor:
        """Map each token by itself."""
        hidden_BTF = functional.silu(self.w1(x_BTD)) * self.w3(x_BTD)
        out_BTD: Tensor = self.w2(hidden_BTF)
        return out_BTD


class TransformerBlock(nn.Module):
    """Attention and feed-forward layer, each after a normalisation and around a residual."""

    def __init__(self, config: ModelConfig) -> None:
        super().__init__()
        self.attention = Attention(config)
        self.feed_forward = FeedForward(config)
        self.attention_norm = RMSNorm(config.dim, config.norm_eps)
        self.ffn_norm = RMSNorm(config.dim, config.norm_eps)

    def forward(
        self,
        x_BTD: Tensor,
        freqs_cis: Tensor,
        mask: Mask | None = None,
        cache: KVCache | None = None,
        start: int = 0,
    ) -> Tensor:
        """Add what the two layers find to the stream."""
        x_BTD = x_BTD + self.attention(self.attention_norm(x_BTD), freqs_cis, mask, cache, start)
        out_BTD: Tensor = x_BTD + self.feed_forward(self.ffn_norm(x_BTD))
        return out_BTD


class Transformer(nn.Module):
    """The whole model: ids to logits of the next id."""

    freqs_cis: Tensor

    def __init__(self, config: ModelConfig) -> None:
        super().__init__()
        self.config = config
        self.tok_embeddings = nn.Embedding(config.vocab_size, config.dim)
        self.layers = nn.ModuleList(TransformerBlock(config) for _ in range(config.n_layers))
        self.norm = RMSNorm(config.dim, config.norm_eps)
        self.output = nn.Linear(config.dim, config.vocab_size, bias=False)
        if config.tied:
            self.output.weight = self.tok_embeddings.weight
        freqs_cis = precompute_freqs_cis(config.head_dim, config.context_length, config.rope_theta)
        self.register_buffer("freqs_cis", freqs_cis, persistent=False)

    def initial_weights(self, generator: torch.Generator) -> Iterator[tuple[str, Tensor]]:
        """Draw weights by name: normal, 0.02 wide; what adds to the stream is narrowed by depth."""
        for name, weight in self.named_parameters():
            drawn = torch.ones(weight.shape)
            if weight.ndim == 2:
                residual = name.endswith(("wo.weight", "w2.weight"))
                narrow = (2 * self.config.n_layers) ** -0.5 if residual else 1.0
                nn.init.normal_(drawn, std=0.02 * narrow, generator=generator)
            yield name, drawn

    @torch.no_grad()
    def init_weights(self, generator: torch.Generator) -> None:
        """Give the model new weights."""
        weights = dict(self.named_parameters())
        for name, drawn in self.initial_weights(generator):
            weights[name].copy_(drawn)

    def forward(
        self,
        tokens_BT: Tensor,
        mask: Mask | None = None,
        caches: list[KVCache] | None = None,
        start: int = 0,
    ) -> Tensor:
        """Give logits for every position; ``start`` is the position of the first token."""
        x_BTD = self.tok_embeddings(tokens_BT)
        freqs_cis = self.freqs_cis[start : start + tokens_BT.shape[1]]
        for index, layer in enumerate(self.layers):
            x_BTD = layer(x_BTD, freqs_cis, mask, caches[index] if caches else None, start)
        logits_BTV: Tensor = self.output(self.norm(x_BTD))
        return logits_BTV

    def new_caches(self, batch: int, length: int) -> list[KVCache]:
        """Make empty caches for ``batch`` sequences of at most ``length`` tokens."""
        weight = self.tok_embeddings.weight
        shape = (batch, length, self.config.kv_heads, self.config.head_dim)
        return [
            KVCache(
                torch.zeros(shape, dtype=weight.dtype, device=weight.device),
                torch.zeros(shape, dtype=weight.dtype, device=weight.device),
            )
            for _ in self.layers
        ]
