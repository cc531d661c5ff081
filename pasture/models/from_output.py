"""Training a model from the output of a run, outside a recipe: ``pasture models train``."""

from __future__ import annotations

import contextlib
import gzip
import json
import os
import tempfile
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from pasture import storage
from pasture.errors import InputError
from pasture.filters.classifier import ReferenceClassifier
from pasture.filters.classifier_training import ReferenceTraining, train_reference
from pasture.filters.language_training import train_language
from pasture.filters.ngram_training import NgramTraining, train_ngram
from pasture.filters.references import CitedUrls, select_reference_pages
from pasture.manifests.mixture import load_mixture
from pasture.manifests.outputs import Output
from pasture.manifests.shards import StageManifest
from pasture.models.ngram import check_languages
from pasture.models.reference import cited_urls
from pasture.models.tokenizer import draw, fertility, train_on
from pasture.tokenize.encode import find_tokenizer
from pasture.tokenize.train import TokenizerTraining


def _columns(output: Output, stage: StageManifest, *names: str) -> Iterator[tuple[Any, ...]]:
    """Yield the values of columns, a document at a time."""
    for _, path in stage.paths(output.stage_folder(stage)):
        yield from storage.read_rows(path, names)


def _last(output: Output, source: str) -> StageManifest:
    return output.stages(source)[-1]


def _unclassified(output: Output, source: str) -> StageManifest:
    """The last stage of a source that no reference classifier has decided on."""
    stages = output.stages(source)
    names = [{name for step in s.config.get("steps", []) for name in step} for s in stages]
    decided = [ReferenceClassifier.name in found for found in names]
    return stages[decided.index(True) - 1 if True in decided else -1]


def ngram(
    output: Output, target: str, source: str, languages: tuple[str, ...], vocabulary: int
) -> dict[str, Any]:
    """Train n-gram models on the last documents of a source; return their cards by language.

    Raises:
        InputError: No language is named, or the source has no document in one of them.
    """
    stage = _last(output, source)
    config = NgramTraining(vocabulary=vocabulary)
    check_languages((found for (found,) in _columns(output, stage, "language")), languages, source)
    cards = {}
    for language in languages:
        texts = (t for t, found in _columns(output, stage, "text", "language") if found == language)
        with tempfile.TemporaryDirectory() as work:
            cards[language] = train_ngram(
                texts, language=language, folder=target, config=config, work_folder=work
            )
    return cards


def _with_card(path: str, card: dict[str, Any]) -> dict[str, Any]:
    """Write a model's card beside it: ``lid.card.json`` beside ``lid.bin``."""
    storage.write_json(f"{path.removesuffix('.bin')}.card.json", card)
    return card


def reference(
    output: Output, target: str, pages: str, citations: str, min_positives: int
) -> dict[str, Any]:
    """Train the reference classifier on the pages that a source cites; return its card."""
    citing = output.stages(citations)[0]
    paths = citing.paths(output.stage_folder(citing))
    cited = CitedUrls(cited_urls(path for _, path in paths))
    stage = _unclassified(output, pages)

    def texts(positive: bool) -> Iterator[str]:
        rows = _columns(output, stage, "url", "text")
        return (text for found, text in select_reference_pages(cited, rows) if found is positive)

    config = ReferenceTraining(min_positives=min_positives)
    card = train_reference(texts(True), texts(False), path=target, config=config)
    return _with_card(target, card)


def language(output: Output, target: str, source: str) -> dict[str, Any]:
    """Train language identification on the documents whose source knows their language."""
    rows = _columns(output, _last(output, source), "language", "text")
    examples = ((found, text) for found, text in rows if found is not None)
    return _with_card(target, train_language(examples, path=target))


def quality(labelled: str, target: str, positive: str, min_positives: int) -> dict[str, Any]:
    """Train a quality classifier on labelled documents; return its card.

    Raises:
        InputError: A line of the file is not a JSON object with ``text`` and ``label``.
    """

    def texts(wanted: bool) -> Iterator[str]:
        return (
            row["text"] for row in _read_labelled(labelled) if (row["label"] == positive) is wanted
        )

    config = ReferenceTraining(min_positives=min_positives)
    card = train_reference(texts(True), texts(False), path=target, config=config)
    return _with_card(target, card)


def _read_labelled(path: str) -> Iterator[Mapping[str, str]]:
    with contextlib.ExitStack() as stack:
        stream: Iterable[bytes] = stack.enter_context(storage.open_read(path))
        if path.endswith(".gz"):
            stream = stack.enter_context(gzip.open(stream))  # type: ignore[call-overload]
        for number, line in enumerate(stream, start=1):
            try:
                row = json.loads(line)
                fits = isinstance(row["text"], str) and isinstance(row["label"], str)
            except (ValueError, KeyError, TypeError):
                fits = False
            if not fits:
                name = os.path.basename(path)
                raise InputError(
                    f'{name}, line {number}: expected {{"text": "...", "label": "..."}}'
                )
            yield row


def tokenizer(
    output: Output,
    target: str,
    mixture_name: str,
    *,
    vocab_size: int,
    sample_bytes: int,
    seed: int,
) -> dict[str, Any]:
    """Train a tokenizer on the last documents of every source, drawn by a mixture."""
    config = TokenizerTraining(vocab_size=vocab_size, sample_bytes=sample_bytes, seed=seed)
    return train_on(_last_stages(output), load_mixture(mixture_name), target, config, seed)


def tokenizer_fertility(
    output: Output, tokenizer: str | None, sample_bytes: int, seed: int
) -> list[dict[str, object]]:
    """Measure a tokenizer on the last documents of every source; by default the output's own.

    Args:
        output: The output.
        tokenizer: Path of a SentencePiece model or a tokenizer.json.
        sample_bytes: UTF-8 bytes of each source to measure on, about.
        seed: Seed of the draw.
    """
    stages = _last_stages(output)
    documents = draw(stages, dict.fromkeys(stages, sample_bytes), seed)
    return fertility(tokenizer or find_tokenizer(output.folder("tokenizer")), documents)


def _last_stages(output: Output) -> dict[str, tuple[StageManifest, str]]:
    return {stage.source: (stage, output.stage_folder(stage)) for stage in output.stages()}
