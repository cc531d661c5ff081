"""The tokenizer of a run: the user's own file, or trained on documents that the mixture draws.

A document is in the sample or not by a hash of its id, so that the sample depends neither on the
order of the documents nor on the number of workers.
"""

from __future__ import annotations

import dataclasses
import hashlib
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from pasture import config, storage
from pasture.errors import ConfigError
from pasture.manifests.mixture import Mixture, load_mixture, natural_mixture
from pasture.manifests.shards import StageManifest
from pasture.models.base import check_file, digest
from pasture.tokenize.encode import Encoder, check_special, load_tokenizer, tokenizer_name
from pasture.tokenize.fertility import measure_fertility, plain_fertility
from pasture.tokenize.huggingface_model import with_special_tokens
from pasture.tokenize.train import CARD, MODEL, TokenizerTraining, train_tokenizer

# Text of each source that a tokenizer's fertility is measured on, about, in bytes; ours.
MEASURED_BYTES = 4_000_000


@dataclasses.dataclass(frozen=True)
class Tokenizer:
    """Where the tokenizer comes from: a file, or training on the mixture.

    Args:
        path: A SentencePiece ``.model``, or a Hugging Face ``tokenizer.json``.
        bos_token: The token of a tokenizer.json that begins a text; by default the one that the
            file puts there, or that goes by a usual name.
        eos_token: The one that ends a text.
        training: How it is trained.
    """

    path: str = ""
    bos_token: str = ""
    eos_token: str = ""
    training: TokenizerTraining = TokenizerTraining()

    def __post_init__(self) -> None:
        if (self.bos_token or self.eos_token) and not self.path.endswith(".json"):
            raise ConfigError("bos_token and eos_token: only a tokenizer.json takes them")

    def rooted(self, root: str) -> Tokenizer:
        """Return the tokenizer with its relative path below a folder."""
        return dataclasses.replace(self, path=storage.join(root, self.path)) if self.path else self

    def plain(self, seed: int, proportions: Mapping[str, float] | str) -> dict[str, Any]:
        """What the tokenizer depends on, as plain values; of a file, its content."""
        if self.path:
            tokens = {"bos_token": self.bos_token, "eos_token": self.eos_token}
            return {
                "sha256": digest(self.path),
                **{key: value for key, value in tokens.items() if value},
            }
        body: dict[str, Any] = config.plain(self)
        return {**body, "seed": seed, "proportions": proportions}

    def check(self, *, bos: bool, eos: bool) -> None:
        """Fail before any work where the file is missing, damaged, or lacks special tokens.

        Raises:
            ModelError: It is so.
        """
        if self.path:
            check_file("tokenizer", self.path)
            check_special(load_tokenizer(self.read(), self.path), self.path, bos=bos, eos=eos)

    def read(self) -> bytes:
        """Read the user's tokenizer, with the named special tokens written into it."""
        with storage.open_read(self.path) as stream:
            data = stream.read()
        if self.bos_token or self.eos_token:
            return with_special_tokens(data, self.bos_token, self.eos_token, self.path)
        return data

    def make(
        self,
        stages: Mapping[str, tuple[StageManifest, str]],
        mixture: Mixture | None,
        folder: str,
        seed: int,
    ) -> dict[str, Any]:
        """Copy or train the tokenizer into a folder; return its card.

        Args:
            stages: For each source, the stage that is drawn from, and its folder.
            mixture: How much of each source is drawn; None draws each by its size.
            folder: Where the tokenizer goes; what is in it is removed.
            seed: Seed of the draw.
        """
        storage.remove_tree(folder)  # a tokenizer.json of before would be taken for this one
        storage.make_folder(folder)
        if self.path:
            # Beside the tokens that it makes, for whoever reads them.
            data = self.read()
            with storage.atomic_write(storage.join(folder, tokenizer_name(data))) as copy:
                copy.write(data)
            return {"trained": False, "given": True}
        card = train_on(stages, mixture, folder, self.training, seed)
        notes = []
        if card["vocab_size"] < self.training.vocab_size:
            notes.append(
                f"the text supports a vocabulary of {card['vocab_size']:,} pieces, not the "
                f"{self.training.vocab_size:,} of the recipe"
            )
        return {"trained": True, **card, "notes": notes}


@dataclasses.dataclass(frozen=True)
class Drawn:
    """A document that was drawn for the tokenizer.

    Args:
        source: Name of its source.
        language: Its language.
        text: Its text.
        measured: Whether it is in the smaller sample that the fertility is measured on.
    """

    source: str
    language: str | None
    text: str
    measured: bool


def draw(
    stages: Mapping[str, tuple[StageManifest, str]],
    sample_bytes: Mapping[str, float],
    seed: int,
) -> Iterator[Drawn]:
    """Draw documents by a hash of their ids, about so many bytes of each source.

    Args:
        stages: For each source, the stage that is drawn from, and its folder.
        sample_bytes: UTF-8 bytes of text to draw, by source; less where there is less.
        seed: Seed of the draw.
    """
    for source, (stage, folder) in stages.items():
        there_are = max(1, stage.totals()["text_bytes"])
        for _, path in stage.paths(folder):
            for name, language, text in storage.read_rows(path, ["id", "language", "text"]):
                key = f"{seed}:{source}:{name}"
                if in_sample(key, sample_bytes[source] / there_are):
                    yield Drawn(source, language, text, in_sample(key, MEASURED_BYTES / there_are))


def train_on(
    stages: Mapping[str, tuple[StageManifest, str]],
    mixture: Mixture | None,
    folder: str,
    training: TokenizerTraining,
    seed: int,
) -> dict[str, Any]:
    """Train a tokenizer on documents that a mixture draws; return its card, with its fertility.

    Args:
        stages: For each source, the stage that is drawn from, and its folder.
        mixture: How much of each source is drawn; None draws each by its size.
        folder: Where the tokenizer goes.
        training: How it is trained.
        seed: Seed of the draw.
    """
    if mixture is None:
        sizes = {name: stage.totals()["text_bytes"] for name, (stage, _) in stages.items()}
        shares = natural_mixture(sizes).proportions
    else:
        shares = mixture.rescaled(stages).proportions
    wanted = {source: training.sample_bytes * shares.get(source, 0.0) for source in stages}
    measured: list[Drawn] = []

    def texts() -> Iterator[str]:
        for document in draw(stages, wanted, seed):
            if document.measured:
                measured.append(document)
            yield document.text

    card = train_tokenizer(texts(), folder, training)
    card["fertility"] = fertility(storage.join(folder, MODEL), measured)
    storage.write_json(storage.join(folder, CARD), card)
    return card


def fertility(tokenizer: str, documents: Iterable[Drawn]) -> list[dict[str, object]]:
    """Measure a tokenizer, beside what the LLaMA paper's table 1 implies of its own."""
    encoder = Encoder(tokenizer, bos=False, eos=False)
    implied = load_mixture("llama").implied_bytes_per_token()
    rows = ((document.source, document.language, document.text) for document in documents)
    return plain_fertility(measure_fertility(encoder, rows, implied))


def in_sample(key: str, share: float) -> bool:
    """Tell whether a key is in a sample that holds a share (0 to 1) of all keys."""
    digest = hashlib.blake2b(key.encode(), digest_size=8).digest()
    return int.from_bytes(digest, "big") < share * 2**64
