"""Imports a model in the Hugging Face layout of ``LlamaForCausalLM`` as a checkpoint.

The checkpoint has weights and a tokenizer and no optimizer: text can be generated from it, it can
be exported, and a training can begin with it (``TrainConfig.init``).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import torch
from torch import Tensor

from pasture import storage
from pasture.errors import ConfigError, StageError
from pasture.tokenize.encode import find_tokenizer
from pasture.trainer import checkpoint
from pasture.trainer.config import ModelConfig
from pasture.trainer.export import LAYER_NAMES, NAMES
from pasture.trainer.model import Transformer
from pasture.trainer.parallel import Ranks

OURS = {theirs: ours for ours, theirs in (*NAMES.items(), *LAYER_NAMES.items())}
# What a config may say only so, for its model to be LLaMA's.
EXPECTED = {
    "model_type": "llama",
    "hidden_act": "silu",
    "attention_bias": False,
    "mlp_bias": False,
    "rope_scaling": None,
}


def import_model(folder: str, path: str) -> ModelConfig:
    """Write the model of a Hugging Face folder as a checkpoint at ``path``; give its shape.

    Args:
        folder: Has ``config.json``, the weights as safetensors in one file or several, and
            ``tokenizer.model`` or ``tokenizer.json``.
        path: Folder of the checkpoint; one that is there is replaced.

    Raises:
        ConfigError: The model is not one of LLaMA's kind.
        StageError: A file is missing, or the weights are not those of the config.
    """
    file = storage.join(folder, "config.json")
    if not storage.exists(file):
        raise StageError(f"{file} is missing; a folder of a Hugging Face model has one")
    body = storage.read_json(file)
    config = read_config(body, file)
    model = Transformer(config)
    weights = {
        name: weight for shard in _shards(folder) for name, weight in our_weights(shard, config)
    }
    if config.tied:
        weights["output.weight"] = weights["tok_embeddings.weight"]
    try:
        model.load_state_dict(weights)
    except RuntimeError as error:
        raise StageError(f"{folder}: the weights are not those of config.json: {error}") from error
    with storage.open_read(find_tokenizer(folder)) as stream:
        tokenizer = stream.read()
    checkpoint.save(
        path,
        0,
        model,
        None,
        run={"imported": body},
        tokenizer=tokenizer,
        ranks=Ranks(torch.device("cpu")),
    )
    return config


def read_config(body: Mapping[str, Any], file: str) -> ModelConfig:
    """Read the shape of a model from its ``config.json``.

    Raises:
        ConfigError: A value is missing, or is not one that LLaMA has.
    """
    rope = body.get("rope_parameters") or {}
    found = {**EXPECTED, **body}
    found["rope_scaling"] = None if rope.get("rope_type", "default") == "default" else rope
    found["rope_scaling"] = body.get("rope_scaling") or found["rope_scaling"]
    for name, expected in EXPECTED.items():
        if found[name] != expected:
            raise ConfigError(f"{file}: {name} is {found[name]!r}; only {expected!r} can be used")
    try:
        dim, hidden = body["hidden_size"], body["intermediate_size"]
        config = ModelConfig(
            dim=dim,
            n_layers=body["num_hidden_layers"],
            n_heads=body["num_attention_heads"],
            n_kv_heads=body.get("num_key_value_heads"),
            vocab_size=body["vocab_size"],
            # Rounded up to itself, the width is what the file says.
            multiple_of=hidden,
            ffn_dim_multiplier=min(1.0, hidden / int(8 * dim / 3)),
            norm_eps=body["rms_norm_eps"],
            rope_theta=rope.get("rope_theta") or body.get("rope_theta") or 10_000.0,
            context_length=body["max_position_embeddings"],
            tied=body.get("tie_word_embeddings", False),
        )
    except KeyError as error:
        raise ConfigError(f"{file}: {error} is missing") from error
    head_dim = body.get("head_dim") or config.head_dim
    if head_dim != config.head_dim:
        raise ConfigError(f"{file}: head_dim is {head_dim}, not {config.head_dim}")
    return config


def our_weights(weights: Mapping[str, Tensor], model: ModelConfig) -> Iterator[tuple[str, Tensor]]:
    """Rename weights, in float32, and put the rows of queries and keys in Meta's order.

    Raises:
        StageError: A weight is none of LLaMA's.
    """
    for name, weight in weights.items():
        prefix, rest = "", name
        if name.startswith("model.layers."):
            _, _, layer, rest = name.split(".", 3)
            prefix = f"layers.{layer}."
        if rest == "self_attn.rotary_emb.inv_freq" or (model.tied and rest == "lm_head.weight"):
            continue  # old exports have the first, which is computed here
        if rest not in OURS:
            raise StageError(f"{name} is no weight of a LLaMA model")
        weight = weight.float()
        if rest in ("self_attn.q_proj.weight", "self_attn.k_proj.weight"):
            weight = pairs_together(weight, model.head_dim)
        yield prefix + OURS[rest], weight


def pairs_together(weight: Tensor, head_dim: int) -> Tensor:
    """Put rows that rotate together side by side; undoes ``export.halves_first``."""
    halves = weight.view(-1, 2, head_dim // 2, weight.shape[1])
    return halves.transpose(1, 2).reshape(weight.shape)


def _shards(folder: str) -> Iterator[dict[str, Tensor]]:
    """Read the files of weights, one after another.

    Raises:
        StageError: There are none, or one is damaged.
    """
    from safetensors import SafetensorError
    from safetensors.torch import load

    paths = [path for path, _ in storage.glob(storage.pattern(folder, "model*.safetensors"))]
    if not paths:
        raise StageError(f"{folder} holds no model.safetensors, and other formats are not read")
    for path in paths:
        with storage.open_read(path) as stream:
            data = stream.read()
        try:
            yield load(data)
        except SafetensorError as error:
            raise StageError(f"{path} is damaged: {error}") from error
