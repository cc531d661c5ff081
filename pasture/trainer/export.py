"""Exports a checkpoint to the Hugging Face layout: ``LlamaForCausalLM`` loads the folder.

Hugging Face rotates the first half of a head against the second, and Meta neighbouring pairs:
the rows of the query and key matrices are put in the order that makes both the same.
"""

from __future__ import annotations

from typing import Any

from torch import Tensor

from pasture import storage
from pasture.tokenize.encode import load_tokenizer, tokenizer_name
from pasture.tokenize.huggingface_model import HuggingFaceModel
from pasture.trainer.checkpoint import Checkpoint
from pasture.trainer.config import ModelConfig

LAYER_NAMES = {
    "attention.wq.weight": "self_attn.q_proj.weight",
    "attention.wk.weight": "self_attn.k_proj.weight",
    "attention.wv.weight": "self_attn.v_proj.weight",
    "attention.wo.weight": "self_attn.o_proj.weight",
    "feed_forward.w1.weight": "mlp.gate_proj.weight",
    "feed_forward.w2.weight": "mlp.down_proj.weight",
    "feed_forward.w3.weight": "mlp.up_proj.weight",
    "attention_norm.weight": "input_layernorm.weight",
    "ffn_norm.weight": "post_attention_layernorm.weight",
}
NAMES = {
    "tok_embeddings.weight": "model.embed_tokens.weight",
    "norm.weight": "model.norm.weight",
    "output.weight": "lm_head.weight",
}


def export(path: str, folder: str) -> None:
    """Write the model and the tokenizer of a checkpoint as ``LlamaForCausalLM`` reads them."""
    from safetensors.torch import save

    checkpoint = Checkpoint.load(path)
    weights = hugging_face_weights(checkpoint.load_model().state_dict(), checkpoint.model)
    with storage.atomic_write(storage.join(folder, "model.safetensors")) as stream:
        stream.write(save(weights, {"format": "pt"}))
    special = _export_tokenizer(checkpoint, folder)
    storage.write_json(storage.join(folder, "generation_config.json"), special)
    storage.write_json(
        storage.join(folder, "config.json"), {**hugging_face_config(checkpoint.model), **special}
    )


def _export_tokenizer(checkpoint: Checkpoint, folder: str) -> dict[str, int]:
    """Write the tokenizer and what transformers must know of it; give its special ids."""
    with storage.open_read(checkpoint.tokenizer) as source:
        data = source.read()
    with storage.atomic_write(storage.join(folder, tokenizer_name(data))) as stream:
        stream.write(data)
    model = load_tokenizer(data, checkpoint.tokenizer)
    special = {"bos_token_id": model.bos_id, "eos_token_id": model.eos_id}
    facts: dict[str, Any] = {
        "clean_up_tokenization_spaces": False,
        "model_max_length": checkpoint.model.context_length,
    }
    if isinstance(model, HuggingFaceModel):
        names = {number: name for name, number in model.vocab.items()}
        facts |= {
            "tokenizer_class": "PreTrainedTokenizerFast",
            "bos_token": names.get(model.bos_id),
            "eos_token": names.get(model.eos_id),
        }
    else:
        facts |= {
            "tokenizer_class": "LlamaTokenizer",
            "add_bos_token": True,
            "add_eos_token": False,
            "legacy": False,
            "bos_token": "<s>",
            "eos_token": "</s>",
            "unk_token": "<unk>",
        }
    storage.write_json(storage.join(folder, "tokenizer_config.json"), facts)
    return {name: number for name, number in special.items() if number >= 0}


def hugging_face_config(model: ModelConfig) -> dict[str, Any]:
    """Give the shape of a model in Hugging Face's words."""
    return {
        "architectures": ["LlamaForCausalLM"],
        "model_type": "llama",
        "hidden_act": "silu",
        "hidden_size": model.dim,
        "intermediate_size": model.hidden_dim,
        "num_hidden_layers": model.n_layers,
        "num_attention_heads": model.n_heads,
        "num_key_value_heads": model.kv_heads,
        "head_dim": model.head_dim,
        "rms_norm_eps": model.norm_eps,
        "rope_theta": model.rope_theta,
        "max_position_embeddings": model.context_length,
        "vocab_size": model.vocab_size,
        "tie_word_embeddings": model.tied,
        "attention_bias": False,
        "mlp_bias": False,
        "torch_dtype": "float32",
    }


def hugging_face_weights(weights: dict[str, Tensor], model: ModelConfig) -> dict[str, Tensor]:
    """Rename the weights, and reorder the rows of queries and keys."""
    out = {}
    for name, weight in weights.items():
        if name == "output.weight" and model.tied:
            continue
        if name in NAMES:
            out[NAMES[name]] = weight.contiguous()
            continue
        _, layer, rest = name.split(".", 2)
        if rest in ("attention.wq.weight", "attention.wk.weight"):
            weight = halves_first(weight, model.head_dim)
        out[f"model.layers.{layer}.{LAYER_NAMES[rest]}"] = weight.contiguous()
    return out


def halves_first(weight: Tensor, head_dim: int) -> Tensor:
    """Put the even rows of each head before the odd ones."""
    pairs = weight.view(-1, head_dim // 2, 2, weight.shape[1])
    return pairs.transpose(1, 2).reshape(weight.shape)
