"""Export: the Hugging Face layout gives the same logits, checked by a forward pass of its own."""

from __future__ import annotations

import json
import pathlib

import pytest
import torch
from safetensors.torch import load_file

from pasture.trainer.checkpoint import Checkpoint
from pasture.trainer.config import ModelConfig, TrainConfig
from pasture.trainer.export import export, hugging_face_config, hugging_face_weights
from pasture.trainer.model import Transformer
from pasture.trainer.train import train

Weights = dict[str, torch.Tensor]


def hugging_face_logits(
    weights: Weights, config: dict[str, object], ids: torch.Tensor
) -> torch.Tensor:
    """LLaMA's forward pass in Hugging Face's convention: halves of a head are rotated."""
    heads, groups, width = (
        config["num_attention_heads"],
        config["num_key_value_heads"],
        config["head_dim"],
    )
    half = width // 2
    angles = torch.outer(
        torch.arange(ids.shape[1]).float(),
        1.0 / config["rope_theta"] ** (torch.arange(half).float() / half),
    )
    cos, sin = angles.cos().repeat(1, 2), angles.sin().repeat(1, 2)

    def norm(x: torch.Tensor, name: str) -> torch.Tensor:
        return weights[name] * x / (x.pow(2).mean(-1, keepdim=True) + config["rms_norm_eps"]).sqrt()

    def rotate(x: torch.Tensor) -> torch.Tensor:
        return x * cos + torch.cat((-x[..., half:], x[..., :half]), dim=-1) * sin

    x = weights["model.embed_tokens.weight"][ids]
    past = torch.ones(ids.shape[1], ids.shape[1]).tril().bool()
    for layer in range(config["num_hidden_layers"]):
        name = f"model.layers.{layer}."

        def project(y: torch.Tensor, part: str, count: int, name: str = name) -> torch.Tensor:
            out = y @ weights[f"{name}self_attn.{part}_proj.weight"].T
            return out.view(*ids.shape, count, width).transpose(1, 2)

        y = norm(x, f"{name}input_layernorm.weight")
        q, k = rotate(project(y, "q", heads)), rotate(project(y, "k", groups))
        v = project(y, "v", groups)
        k, v = (part.repeat_interleave(heads // groups, dim=1) for part in (k, v))
        scores = (q @ k.transpose(-1, -2) / width**0.5).masked_fill(~past, -torch.inf)
        mixed = (scores.softmax(-1) @ v).transpose(1, 2).flatten(2)
        x = x + mixed @ weights[f"{name}self_attn.o_proj.weight"].T
        y = norm(x, f"{name}post_attention_layernorm.weight")
        gate = torch.nn.functional.silu(y @ weights[f"{name}mlp.gate_proj.weight"].T)
        up = y @ weights[f"{name}mlp.up_proj.weight"].T
        x = x + (gate * up) @ weights[f"{name}mlp.down_proj.weight"].T
    tied = config["tie_word_embeddings"]
    head = weights["model.embed_tokens.weight" if tied else "lm_head.weight"]
    return norm(x, "model.norm.weight") @ head.T


@pytest.mark.parametrize("kv_heads", [None, 2, 1])
@pytest.mark.parametrize("tied", [False, True])
def test_logits_are_the_same(kv_heads: int | None, tied: bool) -> None:
    config = ModelConfig(
        64, 3, 4, n_kv_heads=kv_heads, vocab_size=90, multiple_of=32, context_length=20, tied=tied
    )
    model = Transformer(config)
    model.init_weights(torch.Generator().manual_seed(0))
    for weight in model.parameters():
        weight.data *= 3 if weight.ndim == 2 else 1.1
    ids = torch.randint(0, 90, (2, 20), generator=torch.Generator().manual_seed(1))
    weights = hugging_face_weights(model.state_dict(), config)
    theirs = hugging_face_logits(weights, hugging_face_config(config), ids)
    assert torch.allclose(model(ids), theirs, atol=1e-5)
    assert ("lm_head.weight" in weights) is not tied


def test_exports_a_checkpoint(output: pathlib.Path, tmp_path: pathlib.Path) -> None:
    options = TrainConfig(steps=2, context_length=32, batch_tokens=64, device="cpu")
    path = train(str(output), options).checkpoint
    export(path, str(tmp_path / "export"))
    names = sorted(file.name for file in (tmp_path / "export").iterdir())
    assert names == [
        "config.json",
        "generation_config.json",
        "model.safetensors",
        "tokenizer.model",
        "tokenizer_config.json",
    ]
    config = json.loads((tmp_path / "export" / "config.json").read_text())
    assert config["architectures"] == ["LlamaForCausalLM"]
    assert (config["vocab_size"], config["bos_token_id"], config["eos_token_id"]) == (340, 1, 2)
    weights = load_file(tmp_path / "export" / "model.safetensors")
    ids = torch.arange(10)[None]
    ours = Checkpoint.load(path).load_model()(ids)
    assert torch.allclose(ours, hugging_face_logits(weights, config, ids), atol=1e-5)
    model = (tmp_path / "export" / "tokenizer.model").read_bytes()
    assert model == (output / "tokenizer" / "tokenizer.model").read_bytes()
