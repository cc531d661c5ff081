"""``pasture models`` and ``pasture tokenizer``: trainings outside of a recipe."""

from __future__ import annotations

import click

from pasture.cli.base import (
    Group,
    absolute,
    json_option,
    output_of,
)


@click.group(cls=Group)
def models() -> None:
    """Train the models that filters use, on what a run has cleaned or on your own labels."""


@models.group(cls=Group, name="train")
def models_train() -> None:
    """Train a model from the documents of a run, and write it with its card."""


to_option = click.option(
    "--to", "target", metavar="PATH", required=True, help="Folder or file that the model goes to."
)


@models_train.command("ngram")
@click.argument("folder", metavar="DIR")
@to_option
@click.option("--source", default="wikipedia", show_default=True, help="Source to train on.")
@click.option("--languages", default="en", show_default=True, help="Codes, with commas between.")
@click.option(
    "--vocabulary",
    default=65_536,
    show_default=True,
    type=click.IntRange(300),
    help="Pieces of the SentencePiece model.",
)
def models_train_ngram(
    folder: str, target: str, source: str, languages: str, vocabulary: int
) -> None:
    """Train 5-gram models on the last documents of a source: PATH/{language}.arpa.bin."""
    from pasture.console.text import show_json
    from pasture.models.from_output import ngram

    codes = tuple(code.strip() for code in languages.split(",") if code.strip())
    show_json(ngram(output_of(folder), absolute(target) or "", source, codes, vocabulary))


@models_train.command("reference")
@click.argument("folder", metavar="DIR")
@to_option
@click.option("--pages", default="common_crawl", show_default=True, help="Source of the pages.")
@click.option(
    "--citations", default="wikipedia", show_default=True, help="Source whose documents cite URLs."
)
@click.option("--min-positives", default=50, show_default=True, type=click.IntRange(2))
def models_train_reference(
    folder: str, target: str, pages: str, citations: str, min_positives: int
) -> None:
    """Train the classifier of pages that Wikipedia cites: the fastText model PATH."""
    from pasture.console.text import show_json
    from pasture.models.from_output import reference

    show_json(reference(output_of(folder), absolute(target) or "", pages, citations, min_positives))


@models_train.command("language")
@click.argument("folder", metavar="DIR")
@to_option
@click.option(
    "--source",
    default="wikipedia",
    show_default=True,
    help="Source whose documents have a language.",
)
def models_train_language(folder: str, target: str, source: str) -> None:
    """Train language identification on documents of known language: the fastText model PATH."""
    from pasture.console.text import show_json
    from pasture.models.from_output import language

    show_json(language(output_of(folder), absolute(target) or "", source))


@models_train.command("quality")
@click.argument("labelled", metavar="FILE")
@to_option
@click.option("--positive", default="good", show_default=True, help="The label of good documents.")
@click.option("--min-positives", default=50, show_default=True, type=click.IntRange(2))
def models_train_quality(labelled: str, target: str, positive: str, min_positives: int) -> None:
    """Train a quality classifier on labelled documents: the fastText model PATH.

    FILE has a JSON object a line, {"text": ..., "label": ...}; .gz is read too. The labels may
    come from people or from any model (Llama 3 used Llama 2's). Name the model as
    models.reference.path in a recipe to drop documents by its score.
    """
    from pasture.console.text import show_json
    from pasture.models.from_output import quality

    show_json(quality(absolute(labelled) or "", absolute(target) or "", positive, min_positives))


@click.group(cls=Group)
def tokenizer() -> None:
    """Train a tokenizer, or measure one."""


@tokenizer.command("train")
@click.argument("folder", metavar="DIR")
@to_option
@click.option(
    "--mixture",
    "mixture_name",
    default="llama",
    show_default=True,
    help="How much of each source the sample has.",
)
@click.option("--vocab-size", default=32_000, show_default=True, type=click.IntRange(300))
@click.option(
    "--sample-bytes",
    default=200_000_000,
    show_default=True,
    type=click.IntRange(1),
    help="Text that it is trained on.",
)
@click.option("--seed", default=0, show_default=True)
def tokenizer_train(
    folder: str, target: str, mixture_name: str, vocab_size: int, sample_bytes: int, seed: int
) -> None:
    """Train a SentencePiece BPE tokenizer on the last documents of DIR: PATH/tokenizer.model."""
    from pasture.console.text import show_json
    from pasture.models.from_output import tokenizer as train_one

    show_json(
        train_one(
            output_of(folder),
            absolute(target) or "",
            mixture_name,
            vocab_size=vocab_size,
            sample_bytes=sample_bytes,
            seed=seed,
        )
    )


@tokenizer.command("fertility")
@click.argument("folder", metavar="DIR")
@click.option("--tokenizer", "path", metavar="FILE", help="Tokenizer.  [default: that of DIR]")
@click.option(
    "--sample-bytes",
    default=4_000_000,
    show_default=True,
    type=click.IntRange(1),
    help="Text of each source, about.",
)
@click.option("--seed", default=0, show_default=True)
@json_option
def tokenizer_fertility(
    folder: str, path: str | None, sample_bytes: int, seed: int, as_json: bool
) -> None:
    """Measure bytes per token by source and language, beside what LLaMA's table 1 implies."""
    from pasture.console.mixtures import show_fertility
    from pasture.models.from_output import tokenizer_fertility as measure

    rows = measure(output_of(folder), absolute(path), sample_bytes, seed)
    show_fertility(rows, as_json)
