"""Text from a checkpoint: greedy, or sampled with a temperature from the likeliest tokens."""

# ruff: noqa: N803, N806 (suffixes that name the axes of tensors)
from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from pasture.errors import ConfigError
from pasture.tokenize.encode import Encoder
from pasture.trainer.checkpoint import Checkpoint
from pasture.trainer.model import Transformer


def generate(
    path: str,
    prompt: str,
    *,
    max_tokens: int = 100,
    temperature: float = 0.8,
    top_p: float = 0.95,
    seed: int = 0,
) -> str:
    """Go on from a prompt with the model of a checkpoint; return the prompt and what follows.

    Args:
        path: Folder of a checkpoint.
        prompt: Text to go on from; may be empty.
        max_tokens: Most tokens to add.
        temperature: 0 takes the likeliest token each time.
        top_p: Sample from the likeliest tokens that make up this probability.
        seed: Seed of the sampling.
    """
    checkpoint = Checkpoint.load(path)
    encoder = Encoder(checkpoint.tokenizer, bos=True, eos=False)
    model = checkpoint.load_model("cuda" if torch.cuda.is_available() else "cpu")
    (ids,) = generate_ids(
        model,
        [encoder.encode(prompt)],
        max_tokens=max_tokens,
        temperature=temperature,
        top_p=top_p,
        seed=seed,
        stop=encoder.eos_id,
    )
    return encoder.decode(ids)


@torch.inference_mode()
def generate_ids(
    model: Transformer,
    prompts: Sequence[Sequence[int]],
    *,
    max_tokens: int,
    temperature: float = 0.8,
    top_p: float = 0.95,
    seed: int = 0,
    stop: int = -1,
) -> list[list[int]]:
    """Go on from several prompts at once; return each with what follows, without ``stop``.

    All sequences advance together, from the end of the shortest prompt on; one that is still in
    its prompt takes the prompt's next id and not the model's.

    Raises:
        ConfigError: A prompt is empty, or longer than the model's context.
    """
    lengths = [len(prompt) for prompt in prompts]
    context = model.config.context_length
    if min(lengths) < 1 or max(lengths) > context:
        raise ConfigError(f"a prompt has {lengths} ids; it must have 1 to {context}")
    if not (temperature >= 0 and 0 < top_p <= 1):
        raise ConfigError(f"temperature {temperature} or top_p {top_p} is out of range")
    device = model.freqs_cis.device
    total = min(context, max(lengths) + max_tokens)
    tokens_BT = torch.full((len(prompts), total), -1, device=device)
    for row, prompt in enumerate(prompts):
        tokens_BT[row, : len(prompt)] = torch.tensor(prompt, device=device)
    ends = [min(total, length + max_tokens) for length in lengths]
    generator = torch.Generator(device).manual_seed(seed)
    caches = model.new_caches(len(prompts), total)
    open_B = torch.ones(len(prompts), dtype=torch.bool, device=device)
    start = 0
    for position in range(min(lengths), total):
        logits_BTV = model(tokens_BT[:, start:position], caches=caches, start=start)
        start = position
        next_B = sample(logits_BTV[:, -1].float(), temperature, top_p, generator)
        given_B = tokens_BT[:, position] >= 0
        next_B = torch.where(given_B, tokens_BT[:, position], next_B)
        tokens_BT[:, position] = next_B
        open_B &= given_B | (next_B != stop)
        if not open_B.any():
            break
    rows = [row[:end] for row, end in zip(tokens_BT.tolist(), ends, strict=True)]
    return [_cut(row, length, stop) for row, length in zip(rows, lengths, strict=True)]


def sample(
    logits_BV: Tensor, temperature: float, top_p: float, generator: torch.Generator
) -> Tensor:
    """Choose an id for each row."""
    if temperature == 0:
        return logits_BV.argmax(dim=-1)
    probabilities_BV, order_BV = (logits_BV / temperature).softmax(dim=-1).sort(descending=True)
    before_BV = probabilities_BV.cumsum(dim=-1) - probabilities_BV
    kept_BV = probabilities_BV.masked_fill(before_BV >= top_p, 0.0)
    choice_B1 = torch.multinomial(kept_BV, 1, generator=generator)
    return order_BV.gather(-1, choice_B1).squeeze(-1)


def _cut(row: list[int], length: int, stop: int) -> list[int]:
    """Cut a row at the first ``stop`` after its prompt, or where it was not filled."""
    for mark in (stop, -1):
        if mark in row[length:]:
            row = row[: row.index(mark, length)]
    return row
