"""Trains the tokenizer: a SentencePiece BPE model with LLaMA's settings.

Reads texts, one at a time, keeps a bounded random sample of their lines, and writes
``tokenizer.model``, ``tokenizer.vocab`` and ``card.json``. Equal texts give equal bytes: the
trainer runs in one thread, since the number of threads is kept in the model file.
"""

from __future__ import annotations

import collections
import dataclasses
import hashlib
import logging
import random
import re
from collections.abc import Iterable, Iterator
from typing import Any

from pasture import __version__, storage
from pasture.errors import ConfigError, ModelError
from pasture.text.sentencepiece_training import train_pieces

log = logging.getLogger(__name__)

MODEL = "tokenizer.model"
VOCAB = "tokenizer.vocab"
CARD = "card.json"

# A vocabulary up to this size is tried however little text there is; ours.
SMALL_VOCABULARY = 4000

# The trainer skips a sentence that holds one of these: it uses the block as a mark of its own.
RESERVED = ("\0", "\u2585")


@dataclasses.dataclass(frozen=True)
class TokenizerTraining:
    """How the tokenizer is trained.

    The LLaMA paper, section 2.1, gives BPE by SentencePiece, numbers split into digits and byte
    fallback; the size of the vocabulary, the coverage and the ids are those of the released
    model.

    Args:
        vocab_size: Pieces, with the 256 bytes and the three special ones.
        character_coverage: Share of the characters seen that get a piece; rarer ones are spelled
            in bytes.
        split_digits: Make each digit a piece of its own.
        byte_fallback: Spell what has no piece in UTF-8 bytes, so that nothing is unknown.
        max_line_bytes: A longer line is cut, at a space where it has one; the trainer would
            drop it (4,192 is the trainer's default).
        min_bytes_per_piece: Text that there must be for each piece, in UTF-8 bytes; ours. With
            less, phrases that are seen once become pieces, so the vocabulary is made smaller.
        sample_bytes: Text that the trainer is given, in UTF-8 bytes; ours. It needs about seven
            times as much memory.
        seed: Seed of the sample.
    """

    vocab_size: int = 32_000
    character_coverage: float = 0.99995
    split_digits: bool = True
    byte_fallback: bool = True
    max_line_bytes: int = 4192
    min_bytes_per_piece: int = 50
    sample_bytes: int = 200_000_000
    seed: int = 0

    def __post_init__(self) -> None:
        smallest = 3 + 256 * self.byte_fallback + 1
        if self.vocab_size < smallest:
            raise ConfigError(
                f"vocab_size: {self.vocab_size} is too small; special pieces, bytes and one "
                f"character need {smallest}"
            )
        if not 0.98 <= self.character_coverage <= 1:
            raise ConfigError(f"character_coverage: {self.character_coverage} is not in 0.98 to 1")
        if self.min_bytes_per_piece < 1:
            raise ConfigError(f"min_bytes_per_piece: {self.min_bytes_per_piece} is less than 1")
        if self.max_line_bytes < 16:
            raise ConfigError(f"max_line_bytes: {self.max_line_bytes} is less than 16")
        if self.sample_bytes < 1:
            raise ConfigError(f"sample_bytes: {self.sample_bytes} is less than 1")


@dataclasses.dataclass(frozen=True)
class Sample:
    """The lines that the trainer is given, and what they were drawn from."""

    lines: list[str]
    bytes: int
    lines_seen: int
    bytes_seen: int
    lines_skipped: int


def train_tokenizer(
    texts: Iterable[str], folder: str, config: TokenizerTraining | None = None
) -> dict[str, Any]:
    """Train a tokenizer and write it to a folder; return its card.

    Where the texts cannot carry the vocabulary asked for, the largest that they can carry is
    trained; the card has both numbers, and a warning is logged.

    Raises:
        ModelError: There is no text, or the trainer refuses it.
    """
    config = config or TokenizerTraining()
    sample = draw_sample(texts, config)
    if not sample.lines:
        raise ModelError("there is no text to train a tokenizer on; check the stages before it")
    model = _train_largest(sample, config)
    vocab = _vocab(model)
    card = {
        "algorithm": "sentencepiece bpe",
        "requested_vocab_size": config.vocab_size,
        "vocab_size": len(vocab),
        "sha256": hashlib.sha256(model).hexdigest(),
        "lines": len(sample.lines),
        "bytes": sample.bytes,
        "lines_seen": sample.lines_seen,
        "bytes_seen": sample.bytes_seen,
        "lines_skipped": sample.lines_skipped,
        "training": dataclasses.asdict(config),
        "pasture": __version__,
    }
    with storage.atomic_write(storage.join(folder, MODEL)) as stream:
        stream.write(model)
    with storage.atomic_write(storage.join(folder, VOCAB)) as stream:
        stream.write("".join(f"{piece}\t{score:g}\n" for piece, score in vocab).encode())
    storage.write_json(storage.join(folder, CARD), card)
    return card


def draw_sample(texts: Iterable[str], config: TokenizerTraining) -> Sample:
    """Draw lines at random until they make up ``sample_bytes``, in one pass.

    Each line gets a random number, and those with the lowest ones stay; at most twice the
    sample is held.
    """
    rng = random.Random(config.seed)  # noqa: S311 (a sample, not a secret)
    held: list[tuple[float, int, int, str]] = []
    held_bytes = 0
    counts: collections.Counter[str] = collections.Counter()
    highest = 1.0
    for text in texts:
        for line in split_lines(text, config.max_line_bytes):
            size = len(line.encode())
            counts.update(lines=1, bytes=size)
            if any(mark in line for mark in RESERVED):
                counts["skipped"] += 1
                continue
            key = rng.random()
            if key > highest:
                continue
            held.append((key, counts["lines"], size, line))
            held_bytes += size
            if held_bytes > 2 * config.sample_bytes:
                held, held_bytes = _lowest(held, config.sample_bytes)
                highest = held[-1][0]
    held, held_bytes = _lowest(held, config.sample_bytes)
    held.sort(key=lambda row: row[1])
    return Sample(
        lines=[line for *_, line in held],
        bytes=held_bytes,
        lines_seen=counts["lines"],
        bytes_seen=counts["bytes"],
        lines_skipped=counts["skipped"],
    )


def _lowest(
    rows: list[tuple[float, int, int, str]], budget: int
) -> tuple[list[tuple[float, int, int, str]], int]:
    """Keep the rows of the lowest keys that fit a budget of bytes; at least one."""
    rows.sort()
    total = 0
    for index, row in enumerate(rows):
        if index and total + row[2] > budget:
            return rows[:index], total
        total += row[2]
    return rows, total


def split_lines(text: str, max_bytes: int) -> Iterator[str]:
    """Yield the lines of a text, without empty ones, each at most ``max_bytes`` long in UTF-8.

    A longer line is cut before a space where it has one. That space is left out: the trainer
    puts a space before each line that it is given.
    """
    step = max_bytes // 4  # characters; none takes more than four bytes
    for line in text.split("\n"):
        start = 0
        while len(line) - start > step:
            space = line.rfind(" ", start + 1, min(start + step + 1, len(line) - 1))
            cut = space if space > 0 else start + step
            yield line[start:cut]
            start = cut + (space > 0)
        if start < len(line):
            yield line[start:]


def _train_largest(sample: Sample, config: TokenizerTraining) -> bytes:
    """Train with the vocabulary asked for, or else with the largest that the lines can carry."""
    carried = max(SMALL_VOCABULARY, sample.bytes // config.min_bytes_per_piece)
    vocab_size = min(config.vocab_size, carried)
    try:
        model = _train(sample.lines, config, vocab_size)
    except RuntimeError as error:
        # The trainer names the most pieces that it finds, or the characters that need one.
        limit = re.search(r"too high .*<= (\d+)|required_chars. \d+ vs (\d+)", str(error))
        if limit is None or int(limit[1] or limit[2]) > config.vocab_size:
            raise ModelError(f"the tokenizer cannot be trained: {error}") from error
        vocab_size = int(limit[1] or limit[2])
        try:
            model = _train(sample.lines, config, vocab_size)
        except RuntimeError as again:
            raise ModelError(f"the tokenizer cannot be trained: {again}") from again
    if vocab_size < config.vocab_size:
        log.warning(
            "%d bytes of text carry %d pieces, not the %d asked for: the tokenizer has %d",
            sample.bytes,
            vocab_size,
            config.vocab_size,
            vocab_size,
        )
    return model


def _train(lines: list[str], config: TokenizerTraining, vocab_size: int) -> bytes:
    return train_pieces(
        lines,
        model_type="bpe",
        vocab_size=vocab_size,
        character_coverage=config.character_coverage,
        split_digits=config.split_digits,
        byte_fallback=config.byte_fallback,
        max_sentence_length=config.max_line_bytes,
        normalization_rule_name="identity",
        remove_extra_whitespaces=False,
        allow_whitespace_only_pieces=True,
        add_dummy_prefix=True,
        unk_id=0,
        bos_id=1,
        eos_id=2,
        pad_id=-1,
        num_threads=1,
        minloglevel=2,
    )


def _vocab(model: bytes) -> list[tuple[str, float]]:
    import sentencepiece

    processor = sentencepiece.SentencePieceProcessor(model_proto=model)
    return [
        (processor.id_to_piece(i), processor.get_score(i)) for i in range(processor.vocab_size())
    ]
