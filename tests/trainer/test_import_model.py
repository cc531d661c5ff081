"""Import and export against transformers: its Llama and ours give the same logits both ways."""

from __future__ import annotations

import pathlib
import shutil
from collections.abc import Iterator
from typing import Any

import pytest
import torch
from safetensors.torch import load_file, save_file

from pasture.errors import ConfigError, StageError
from pasture.trainer import checkpoint
from pasture.trainer.checkpoint import Checkpoint
from pasture.trainer.config import ModelConfig, TrainConfig
from pasture.trainer.export import export, hugging_face_config, hugging_face_weights
from pasture.trainer.import_model import import_model, read_config
from pasture.trainer.model import Transformer
from pasture.trainer.parallel import Ranks
from pasture.trainer.train import train

transformers = pytest.importorskip("transformers")
KINDS = [(None, False), (2, False), (1, True)]
IDS = torch.randint(0, 340, (2, 24), generator=torch.Generator().manual_seed(1))


@pytest.fixture(autouse=True)
def no_network(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    return


def wide(model: torch.nn.Module) -> torch.nn.Module:
    """Draw weights so wide that a mistake shows."""
    generator = torch.Generator().manual_seed(3)
    with torch.no_grad():
        for weight in model.parameters():
            spread = 0.1 if weight.ndim == 2 else 0.3
            drawn = torch.randn(weight.shape, generator=generator) * spread
            weight.copy_(drawn + (weight.ndim == 1))
    return model.eval()


def theirs(kv_heads: int | None, tied: bool, hidden: int = 112) -> Any:
    config = transformers.LlamaConfig(
        hidden_size=64,
        intermediate_size=hidden,
        num_hidden_layers=3,
        num_attention_heads=4,
        num_key_value_heads=kv_heads or 4,
        vocab_size=340,
        max_position_embeddings=24,
        tie_word_embeddings=tied,
        rms_norm_eps=1e-5,
    )
    return wide(transformers.LlamaForCausalLM(config))


@pytest.fixture
def tokenizer(tokens_output: pathlib.Path) -> pathlib.Path:
    return tokens_output / "tokenizer" / "tokenizer.model"


@pytest.mark.parametrize(("kv_heads", "tied"), KINDS)
def test_a_model_of_transformers_gives_the_same_logits_here(
    tmp_path: pathlib.Path, tokenizer: pathlib.Path, kv_heads: int | None, tied: bool
) -> None:
    model = theirs(kv_heads, tied, hidden=112 if kv_heads else 250)
    model.save_pretrained(tmp_path / "hf")
    shutil.copy(tokenizer, tmp_path / "hf")
    config = import_model(str(tmp_path / "hf"), str(tmp_path / "imported"))
    ours = Checkpoint.load(str(tmp_path / "imported")).load_model()
    assert config.num_parameters == sum(weight.numel() for weight in model.parameters())
    with torch.no_grad():
        assert torch.allclose(ours(IDS), model(IDS).logits, atol=1e-5, rtol=0)


@pytest.mark.parametrize(("kv_heads", "tied"), KINDS)
def test_a_model_of_ours_gives_the_same_logits_there_and_back(
    tmp_path: pathlib.Path, tokenizer: pathlib.Path, kv_heads: int | None, tied: bool
) -> None:
    config = ModelConfig(
        64, 3, 4, n_kv_heads=kv_heads, vocab_size=340, multiple_of=32, context_length=24, tied=tied
    )
    model = wide(Transformer(config))
    path, folder = str(tmp_path / "ours"), str(tmp_path / "hf")
    checkpoint.save(
        path,
        7,
        model,
        None,
        run={},
        tokenizer=tokenizer.read_bytes(),
        ranks=Ranks(torch.device("cpu")),
    )
    export(path, folder)
    there = transformers.LlamaForCausalLM.from_pretrained(folder, dtype=torch.float32)
    with torch.no_grad():
        assert torch.allclose(there(IDS).logits, model(IDS), atol=1e-5, rtol=0)
    import_model(folder, str(tmp_path / "back"))
    back = Checkpoint.load(str(tmp_path / "back")).load_model().state_dict()
    assert back.keys() == model.state_dict().keys()
    assert all(torch.equal(back[name], weight) for name, weight in model.state_dict().items())


@pytest.mark.parametrize(("theta", "context"), [(10_000.0, 4096), (500_000.0, 8192)])
def test_rotations_are_those_of_transformers_at_every_position(theta: float, context: int) -> None:
    """The angles to the last bit, and the logits of a full context.

    As powers of a negative exponent, frequencies move logits by 9e-4 and 2.6e-3 here.
    """
    config = ModelConfig(
        256, 2, 2, vocab_size=340, multiple_of=32, rope_theta=theta, context_length=context
    )
    model = wide(Transformer(config))
    there = transformers.LlamaForCausalLM(transformers.LlamaConfig(**hugging_face_config(config)))
    there.load_state_dict(hugging_face_weights(model.state_dict(), config))
    ids = torch.randint(0, 340, (1, context), generator=torch.Generator().manual_seed(1))
    cos, sin = there.model.rotary_emb(torch.zeros(1), torch.arange(context)[None])
    assert torch.equal(cos[0, :, :64], model.freqs_cis[..., 0])
    assert torch.equal(sin[0, :, :64], model.freqs_cis[..., 1])
    with torch.no_grad():
        assert torch.allclose(there.eval()(ids).logits, model(ids), atol=5e-5, rtol=0)


def test_weights_in_several_files(tmp_path: pathlib.Path, tokenizer: pathlib.Path) -> None:
    model = theirs(2, False)
    model.save_pretrained(tmp_path / "hf", max_shard_size="100KB")
    shutil.copy(tokenizer, tmp_path / "hf")
    assert len(list((tmp_path / "hf").glob("model-*.safetensors"))) > 1
    import_model(str(tmp_path / "hf"), str(tmp_path / "imported"))
    ours = Checkpoint.load(str(tmp_path / "imported")).load_model()
    with torch.no_grad():
        assert torch.allclose(ours(IDS), model(IDS).logits, atol=1e-5, rtol=0)


def test_a_training_begins_with_imported_weights(
    output: pathlib.Path, tmp_path: pathlib.Path
) -> None:
    options = TrainConfig(steps=3, context_length=32, batch_tokens=128, device="cpu")
    first = train(str(output), options)
    export(first.checkpoint, str(tmp_path / "hf"))
    import_model(str(tmp_path / "hf"), str(tmp_path / "start"))
    shutil.rmtree(output / "checkpoints")
    again = TrainConfig(
        steps=1, context_length=32, batch_tokens=128, device="cpu", init=str(tmp_path / "start")
    )
    assert train(str(output), again).first_loss < first.first_loss
    shutil.rmtree(output / "checkpoints")
    (tmp_path / "start" / "tokenizer.model").write_bytes(b"another")
    with pytest.raises(StageError, match="is not the tokenizer that made the tokens"):
        train(str(output), again)


def plain_config(**changes: Any) -> dict[str, Any]:
    return {
        "model_type": "llama",
        "hidden_size": 64,
        "intermediate_size": 112,
        "num_hidden_layers": 3,
        "num_attention_heads": 4,
        "vocab_size": 340,
        "rms_norm_eps": 1e-6,
        "max_position_embeddings": 24,
        **changes,
    }


def test_reads_old_and_new_names_of_the_rotation() -> None:
    for rope in ({"rope_theta": 5e5}, {"rope_parameters": {"rope_theta": 5e5}}):
        assert read_config(plain_config(**rope), "config.json").rope_theta == 5e5
    assert read_config(plain_config(), "config.json").rope_theta == 1e4


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"model_type": "qwen2"}, "model_type is 'qwen2'; only 'llama' can be used"),
        ({"attention_bias": True}, "attention_bias is True; only False"),
        ({"hidden_act": "gelu"}, "hidden_act is 'gelu'; only 'silu'"),
        ({"rope_scaling": {"rope_type": "llama3"}}, "rope_scaling is .*; only None"),
        ({"rope_parameters": {"rope_type": "llama3"}}, "rope_scaling is .*; only None"),
        ({"head_dim": 32}, "head_dim is 32, not 16"),
    ],
)
def test_models_that_are_not_llama(changes: dict[str, Any], message: str) -> None:
    with pytest.raises(ConfigError, match=f"config.json: {message}"):
        read_config(plain_config(**changes), "config.json")


def test_a_missing_value() -> None:
    body = plain_config()
    del body["rms_norm_eps"]
    with pytest.raises(ConfigError, match="'rms_norm_eps' is missing"):
        read_config(body, "config.json")


@pytest.mark.parametrize(
    ("damage", "message"),
    [
        ("config", "config.json is missing"),
        ("no weights", "holds no model.safetensors"),
        ("bytes", "model.safetensors is damaged"),
        ("another name", "model.extra is no weight of a LLaMA model"),
        ("one less", "the weights are not those of config.json"),
        ("tokenizer", "holds no tokenizer"),
    ],
)
def test_folders_that_cannot_be_read(
    tmp_path: pathlib.Path, tokenizer: pathlib.Path, damage: str, message: str
) -> None:
    folder = tmp_path / "hf"
    theirs(None, False).save_pretrained(folder)
    shutil.copy(tokenizer, folder)
    file = folder / "model.safetensors"
    if damage == "config":
        (folder / "config.json").unlink()
    elif damage == "no weights":
        file.unlink()
    elif damage == "bytes":
        file.write_bytes(b"x" * 100)
    elif damage == "tokenizer":
        (folder / "tokenizer.model").unlink()
    else:
        weights = load_file(file)
        del weights["lm_head.weight"]
        if damage == "another name":
            weights["model.extra"] = torch.zeros(1)
        save_file(weights, file)
    with pytest.raises(StageError, match=message):
        import_model(str(folder), str(tmp_path / "imported"))
    assert not (tmp_path / "imported").exists()
