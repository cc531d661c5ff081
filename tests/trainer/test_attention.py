"""Masks: a GPU's blocks say what the dense mask says, and give the same mixture of values."""

from __future__ import annotations

import pytest
import torch
from torch.nn.attention.flex_attention import create_block_mask

from pasture.trainer.attention import attend, block_mask, document_mask


def documents(rows: int, length: int, kinds: int) -> torch.Tensor:
    """Number the documents of rows, at random."""
    generator = torch.Generator().manual_seed(length)
    numbers = torch.randint(0, kinds, (rows, length), generator=generator)
    return numbers.sort(dim=1).values.to(torch.int32)


def test_tokens_see_earlier_ones_of_their_document() -> None:
    mask = document_mask(torch.tensor([[0, 0, 1, 1, 1, 2]]))
    assert isinstance(mask, torch.Tensor)
    assert mask[0, 0].int().tolist() == [
        [1, 0, 0, 0, 0, 0],
        [1, 1, 0, 0, 0, 0],
        [0, 0, 1, 0, 0, 0],
        [0, 0, 1, 1, 0, 0],
        [0, 0, 1, 1, 1, 0],
        [0, 0, 0, 0, 0, 1],
    ]


@pytest.mark.parametrize("length", [1, 100, 128, 300, 640, 1024])
@pytest.mark.parametrize("kinds", [1, 2, 5, 200])
def test_blocks_are_those_that_pytorch_finds_in_all_pairs(length: int, kinds: int) -> None:
    numbers = documents(3, length, kinds)
    ours = block_mask(numbers)

    def allowed(
        row: torch.Tensor, head: torch.Tensor, query: torch.Tensor, key: torch.Tensor
    ) -> torch.Tensor:
        return (numbers[row, query] == numbers[row, key]) & (query >= key)

    theirs = create_block_mask(allowed, 3, None, length, length, device="cpu")
    assert ours.shape == theirs.shape
    assert torch.equal(ours.to_dense(), theirs.to_dense())
    assert ours.full_kv_num_blocks is not None
    assert torch.equal(ours.kv_num_blocks, theirs.kv_num_blocks)
    assert torch.equal(ours.full_kv_num_blocks, theirs.full_kv_num_blocks)


@pytest.mark.parametrize("groups", [4, 2])
def test_blocks_mix_as_the_dense_mask_does(groups: int) -> None:
    generator = torch.Generator().manual_seed(0)
    q, k, v = (torch.randn(2, heads, 300, 16, generator=generator) for heads in (4, groups, groups))
    numbers = documents(2, 300, 5)
    dense = attend(q, k, v, document_mask(numbers), is_causal=True)
    blocks = attend(q, k, v, block_mask(numbers), is_causal=True)
    assert torch.allclose(dense, blocks, atol=1e-5)
