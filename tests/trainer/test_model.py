"""The model: it looks back only, remembers what its cache holds, and shares heads rightly."""

from __future__ import annotations

import dataclasses
import math

import pytest
import torch

from pasture.trainer.attention import document_mask
from pasture.trainer.config import ModelConfig
from pasture.trainer.model import (
    RMSNorm,
    Transformer,
    apply_rotary_emb,
    precompute_freqs_cis,
)

CONFIG = ModelConfig(32, 3, 4, n_kv_heads=2, vocab_size=50, multiple_of=16, context_length=24)


def make(config: ModelConfig = CONFIG) -> Transformer:
    model = Transformer(config)
    model.init_weights(torch.Generator().manual_seed(0))
    for weight in model.parameters():  # wide weights show mistakes that 0.02 hides
        weight.data *= 5 if weight.ndim == 2 else 1
    return model.eval()


def ids(rows: int = 2, length: int = 20) -> torch.Tensor:
    return torch.randint(0, 50, (rows, length), generator=torch.Generator().manual_seed(1))


def test_norm_divides_by_the_root_of_the_mean_square() -> None:
    norm = RMSNorm(4, eps=0.0)
    norm.weight.data[:] = torch.tensor([1.0, 2.0, 1.0, 1.0])
    out = norm(torch.tensor([[1.0, 1.0, 1.0, 5.0]]))
    assert torch.allclose(out, torch.tensor([[1.0, 2.0, 1.0, 5.0]]) / math.sqrt(7))


def test_rotation_turns_pairs_by_position() -> None:
    freqs = precompute_freqs_cis(4, 3, 10_000.0)
    x = torch.tensor([1.0, 0.0, 0.0, 1.0]).expand(1, 3, 1, 4)
    out = apply_rotary_emb(x, freqs)[0, :, 0]
    expected = torch.tensor(
        [[math.cos(t), math.sin(t), -math.sin(t / 100), math.cos(t / 100)] for t in range(3)]
    )
    assert torch.allclose(out, expected, atol=1e-6)


def test_rotated_products_depend_on_the_distance_only() -> None:
    freqs = precompute_freqs_cis(8, 20, 500_000.0)
    generator = torch.Generator().manual_seed(0)
    q, k = torch.randn(2, 8, generator=generator)
    turned_q = apply_rotary_emb(q.expand(1, 20, 1, 8), freqs)[0, :, 0]
    turned_k = apply_rotary_emb(k.expand(1, 20, 1, 8), freqs)[0, :, 0]
    products = turned_q @ turned_k.T
    assert torch.allclose(products[3:, 3:], products[:-3, :-3], atol=1e-5)
    assert torch.allclose(products.diagonal(), (q @ k).expand(20), atol=1e-5)


def test_a_token_changes_only_what_comes_after_it() -> None:
    model, tokens = make(), ids()
    changed = tokens.clone()
    changed[:, 10] = (changed[:, 10] + 1) % 50
    before, after = model(tokens), model(changed)
    assert torch.equal(before[:, :10], after[:, :10])
    assert not torch.allclose(before[:, 10:], after[:, 10:], atol=1e-3)


@pytest.mark.parametrize("prefix", [1, 7])
def test_the_cache_gives_the_same_logits(prefix: int) -> None:
    model, tokens = make(), ids()
    caches = model.new_caches(2, 20)
    parts = [model(tokens[:, :prefix], caches=caches)]
    for place in range(prefix, 20):
        parts.append(model(tokens[:, place : place + 1], caches=caches, start=place))
    assert torch.allclose(torch.cat(parts, dim=1), model(tokens), atol=1e-4)


def test_shared_heads_are_repeated_heads() -> None:
    shared = make()
    full = Transformer(dataclasses.replace(CONFIG, n_kv_heads=None))
    weights = shared.state_dict()
    for name in list(weights):
        if name.endswith(("wk.weight", "wv.weight")):
            heads = weights[name].view(2, 8, 32)
            weights[name] = heads.repeat_interleave(2, dim=0).reshape(32, 32)
    full.load_state_dict(weights)
    assert torch.allclose(shared(ids()), full(ids()), atol=1e-4)


def test_masked_documents_do_not_see_each_other() -> None:
    model, tokens = make(), ids(1)
    documents = torch.tensor([[0] * 8 + [1] * 12])
    masked = model(tokens, document_mask(documents))
    other = tokens.clone()
    other[:, :8] = (other[:, :8] + 1) % 50
    assert torch.allclose(masked[:, 8:], model(other, document_mask(documents))[:, 8:], atol=1e-5)
    assert torch.allclose(masked[:, :8], model(tokens)[:, :8], atol=1e-4)
    assert not torch.allclose(masked[:, 8:], model(tokens)[:, 8:], atol=1e-2)


def test_tied_models_have_one_matrix() -> None:
    model = make(dataclasses.replace(CONFIG, tied=True))
    assert model.output.weight is model.tok_embeddings.weight
    assert model(ids()).shape == (2, 20, 50)


def test_a_new_model_knows_nothing() -> None:
    model = Transformer(CONFIG)
    model.init_weights(torch.Generator().manual_seed(0))
    tokens = ids()
    loss = torch.nn.functional.cross_entropy(
        model(tokens)[:, :-1].flatten(0, 1), tokens[:, 1:].flatten()
    )
    assert abs(float(loss.detach()) - math.log(50)) < 0.1


def test_weights_depend_on_the_seed_alone() -> None:
    one, two = Transformer(CONFIG), Transformer(CONFIG)
    for model in (one, two):
        model.init_weights(torch.Generator().manual_seed(7))
    assert all(torch.equal(a, b) for a, b in zip(one.parameters(), two.parameters(), strict=True))
