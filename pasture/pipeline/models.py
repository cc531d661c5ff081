"""The models of a run: trained by the driver on what the run itself cleaned, or the user's own.

Training reads finished stages, one batch at a time, and draws a sample of bounded size: a
document is in it or not by a hash of its id, so the sample never depends on order or workers.
"""

from __future__ import annotations

import dataclasses
import hashlib
import json
import tempfile
from collections.abc import Iterable, Iterator, Mapping
from typing import TYPE_CHECKING, Any

from pasture import config, storage
from pasture.errors import ConfigError, InputError, ModelError
from pasture.filters.base import Step
from pasture.filters.classifier import ReferenceClassifier
from pasture.filters.classifier_training import TooFewExamples, train_reference
from pasture.filters.cutoffs import PerplexitySketch, estimate_cutoffs
from pasture.filters.language import default_model
from pasture.filters.ngram import Perplexity
from pasture.filters.ngram_training import find_tool, train_ngram
from pasture.filters.references import CitedUrls, select_reference_pages
from pasture.manifests.layout import documents_key
from pasture.manifests.mixture import Mixture, load_mixture
from pasture.manifests.shards import StageManifest
from pasture.pipeline.recipes import EXTRACT, Recipe
from pasture.tokenize.encode import (
    Encoder,
    check_special,
    find_tokenizer,
    load_tokenizer,
    tokenizer_name,
)
from pasture.tokenize.fertility import measure_fertility, plain_fertility
from pasture.tokenize.huggingface_model import with_special_tokens
from pasture.tokenize.train import CARD, MODEL, TokenizerTraining, train_tokenizer

if TYPE_CHECKING:
    from pasture.pipeline.graph import Context


# Text of each source that a tokenizer's fertility is measured on, about, in bytes; ours.
MEASURED_BYTES = 4_000_000


def perplexity_stage(recipe: Recipe, source: str) -> str:
    """Name the stage of a source that measures perplexity."""
    for stage in recipe.sources[source].stages:
        if any(isinstance(step, Perplexity) for step in stage.steps):
            return stage.name
    raise ConfigError(f"models.cutoffs: no stage of {source} measures perplexity")


def stage_before(recipe: Recipe, source: str, kind: type[Step]) -> str:
    """Name the stage before the one that has a step of a kind."""
    previous = EXTRACT
    for stage in recipe.sources[source].stages:
        if any(isinstance(step, kind) for step in stage.steps):
            return previous
        previous = stage.name
    raise ConfigError(f"models: no stage of {source} has the step {kind.name}")


def model_config(context: Context, name: str) -> dict[str, Any]:
    """The part of the recipe that a model depends on, as plain values."""
    recipe = context.recipe
    value = recipe.tokenizer if name == "tokenizer" else getattr(recipe.models, name)
    body: dict[str, Any] = config.plain(value)
    if body["path"] not in ("", "ccnet"):
        # The file counts, not where it lies.
        tokens = {key: body[key] for key in ("bos_token", "eos_token") if body.get(key)}
        return {"sha256": _digest(body["path"]), **tokens}
    if name == "tokenizer":
        shares = {n: recipe.mixture.sources[n].proportion for n in recipe.sources}
        return {**body, "seed": recipe.seed, "proportions": shares}
    return {**body, "seed": recipe.seed}


def _digest(path: str) -> str:
    files = storage.list_tree(path) or storage.glob(path)
    return hashlib.sha256("".join(storage.sha256(p) for p, _ in files).encode()).hexdigest()


def check_model(context: Context, name: str) -> None:
    """Fail before any work where a model, or a tool that trains it, is missing.

    Raises:
        ModelError: The path of the recipe is not there, its hash is another one, or KenLM's
            tools are not installed.
    """
    recipe = context.recipe
    value = recipe.tokenizer if name == "tokenizer" else getattr(recipe.models, name)
    if value.path == "ccnet":
        return
    if value.path:
        if not storage.exists(value.path):
            raise ModelError(
                f"the model {name} is not at {value.path}; mend its path in the recipe, or leave "
                f"it out to have it made"
            )
        wanted = getattr(value, "sha256", None)
        if wanted and storage.sha256(value.path) != wanted:
            raise ModelError(f"{value.path} has another SHA-256 than the recipe says")
        if name == "tokenizer":
            tokenizer = load_tokenizer(given_tokenizer(recipe), value.path)
            check_special(tokenizer, value.path, bos=recipe.tokens.bos, eos=recipe.tokens.eos)
    elif name == "language":
        default_model()
    elif name == "ngram":
        find_tool("lmplz")
        find_tool("build_binary")


def model_path(context: Context, name: str) -> str | None:
    """Where a model of a finished node lies; None where it could not be trained, by recipe."""
    value = getattr(context.recipe.models, name)
    if value.path:
        return str(value.path)
    folder = context.folder(f"models/{name}")
    if name == "language":
        return default_model()
    if name == "ngram":
        return folder
    if name == "cutoffs":
        return storage.join(folder, "cutoffs.json")
    card = storage.read_json(context.places(f"models/{name}").manifest)["card"]
    return storage.join(folder, "reference.bin") if card["trained"] else None


def tokenizer_path(context: Context) -> str:
    """Where the tokenizer of a finished node lies."""
    return find_tokenizer(context.folder("tokenizer"))


def given_tokenizer(recipe: Recipe) -> bytes:
    """Read the user's tokenizer, with the special tokens that the recipe names written into it."""
    given = recipe.tokenizer
    with storage.open_read(given.path) as stream:
        data = stream.read()
    if given.bos_token or given.eos_token:
        return with_special_tokens(data, given.bos_token, given.eos_token, given.path)
    return data


def make_model(context: Context, name: str, folder: str) -> dict[str, Any]:
    """Train or estimate a model into a folder; return its card.

    A card's ``notes`` are shown to the user.
    """
    if name == "tokenizer":
        storage.remove_tree(folder)  # a tokenizer.json of before would be taken for this one
    storage.make_folder(folder)
    value = (
        context.recipe.tokenizer if name == "tokenizer" else getattr(context.recipe.models, name)
    )
    if name == "tokenizer" and value.path:
        # Beside the tokens that it makes, for whoever reads them.
        data = given_tokenizer(context.recipe)
        with storage.atomic_write(storage.join(folder, tokenizer_name(data))) as copy:
            copy.write(data)
    if value.path or name == "language":
        return {"trained": False, "given": True}
    makers = {
        "ngram": _make_ngram,
        "cutoffs": _make_cutoffs,
        "reference": _make_reference,
        "tokenizer": _make_tokenizer,
    }
    return makers[name](context, folder)


def check_languages(found: Iterable[str | None], wanted: tuple[str, ...], source: str) -> None:
    """Check, before the first model is trained, that a source has documents for all.

    Args:
        found: The languages of the source's documents.
        wanted: The languages that models are trained for.
        source: Name of the source.

    Raises:
        InputError: No language is wanted, or the source has no document in one of them.
    """
    present = {code for code in found if code is not None}
    missing = [code for code in wanted if code not in present]
    if missing or not wanted:
        raise InputError(
            f"{source} has no document in {', '.join(missing) or 'no language'}; its languages "
            f"are {', '.join(sorted(present)) or 'unknown'}"
        )


def _make_ngram(context: Context, folder: str) -> dict[str, Any]:
    models = context.recipe.models.ngram
    last = context.recipe.sources[models.source].last_stage

    def rows(*columns: str) -> Iterator[tuple[Any, ...]]:
        for _, path in context.documents(models.source, last):
            yield from storage.read_rows(path, columns)

    check_languages((found for (found,) in rows("language")), models.languages, models.source)
    cards: dict[str, Any] = {}
    for language in models.languages:
        texts = (text for text, found in rows("text", "language") if found == language)
        with tempfile.TemporaryDirectory() as work:
            cards[language] = train_ngram(
                texts, language=language, folder=folder, config=models.training, work_folder=work
            )
    notes = [note for card in cards.values() for note in card.get("notes", [])]
    return {"trained": True, "languages": cards, "notes": notes}


def _make_cutoffs(context: Context, folder: str) -> dict[str, Any]:
    recipe = context.recipe
    cutoffs = recipe.models.cutoffs
    stage = perplexity_stage(recipe, cutoffs.source)
    sketch = PerplexitySketch()
    for _, path in context.documents(cutoffs.source, stage):
        for batch in storage.read_batches(path, ["language", "perplexity"]):
            sketch.add(batch)
    found = estimate_cutoffs(sketch, cutoffs.head, cutoffs.middle)
    storage.write_json(storage.join(folder, "cutoffs.json"), found)
    return {"trained": True, "cutoffs": found}


def cited_urls(paths: Iterable[str]) -> Iterator[str]:
    """The URLs that the documents of shards cite, as their metadata says."""
    for path in paths:
        for (metadata,) in storage.read_rows(path, ["metadata"]):
            if metadata:
                yield from json.loads(metadata).get("references", [])


def _make_reference(context: Context, folder: str) -> dict[str, Any]:
    recipe = context.recipe
    model = recipe.models.reference
    stage = stage_before(recipe, model.pages, ReferenceClassifier)

    def pages(cited: bool) -> Iterator[str]:
        for _, path in context.documents(model.pages, stage):
            rows = storage.read_rows(path, ["url", "text"])
            yield from (
                text for found, text in select_reference_pages(urls, rows) if found is cited
            )

    citing = context.documents(model.citations, EXTRACT)
    urls = CitedUrls(cited_urls(path for _, path in citing))
    path = storage.join(folder, "reference.bin")
    try:
        card = train_reference(pages(True), pages(False), path=path, config=model.training)
    except TooFewExamples as error:
        if model.untrainable == "fail":
            raise
        return {
            "trained": False,
            "reason": str(error),
            "notes": [f"{error}; the recipe says keep_all, so no page is dropped for its score"],
        }
    return {"trained": True, **card}


@dataclasses.dataclass(frozen=True)
class Drawn:
    """A document that was drawn for the tokenizer.

    Args:
        source: Registry name of its source.
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
    mixture: Mixture,
    folder: str,
    training: TokenizerTraining,
    seed: int,
) -> dict[str, Any]:
    """Train a tokenizer on documents that a mixture draws; return its card, with its fertility.

    Args:
        stages: For each source, the stage that is drawn from, and its folder.
        mixture: How much of each source is drawn.
        folder: Where the tokenizer goes.
        training: How it is trained.
        seed: Seed of the draw.
    """
    shares = mixture.rescaled(stages).proportions
    wanted = {source: training.sample_bytes * share for source, share in shares.items()}
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


def _make_tokenizer(context: Context, folder: str) -> dict[str, Any]:
    recipe = context.recipe
    stages = {
        name: (
            context.manifest(name, source.last_stage),
            context.folder(documents_key(name, source.last_stage)),
        )
        for name, source in recipe.sources.items()
    }
    training = recipe.tokenizer.training
    card = train_on(stages, recipe.mixture, folder, training, recipe.seed)
    notes = []
    if card["vocab_size"] < training.vocab_size:
        notes.append(
            f"the text carries a vocabulary of {card['vocab_size']:,} pieces, not the "
            f"{training.vocab_size:,} of the recipe"
        )
    return {"trained": True, **card, "notes": notes}
