"""Mixtures: named, planned, drawn; and what a tokenizer makes of each source."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from pasture.console.text import show_json, stdout, table
from pasture.errors import ConfigError
from pasture.manifests.outputs import Output, funnels

if TYPE_CHECKING:
    from pasture.manifests.mixture import Mixture, PlanOptions
    from pasture.tokenize.sampler import MixtureSampler


def show_mixture(name: str, as_json: bool) -> None:
    """Show a mixture as it is defined."""
    from pasture import config
    from pasture.manifests.mixture import load_mixture

    mixture = load_mixture(name)
    if as_json:
        show_json(config.plain(mixture))
        return
    table(
        ["source", "#proportion", "#epochs", "#disk, GB"],
        [
            (source, f"{share.proportion:.1%}", share.epochs, share.gigabytes)
            for source, share in mixture.sources.items()
        ],
        title=f"{mixture.name}: {mixture.tokens:,.0f} tokens",
    )
    for text in (mixture.citation, mixture.unknown):
        if text:
            stdout().print(text.strip(), markup=False)


def token_counts(output: Output) -> dict[str, int]:
    """The training tokens of each source that is tokenized."""
    return {funnel.source: funnel.tokens for funnel in funnels(output) if funnel.tokens}


def _counts(output: Output | None, mixture: Mixture) -> dict[str, int]:
    """The tokens of an output, or those that a mixture's publication implies."""
    if output is not None:
        return token_counts(output)
    return {name: round(tokens) for name, tokens in mixture.implied_tokens().items()}


def show_mixture_plan(
    output: Output | None,
    name: str,
    budget: float | None,
    as_json: bool,
    *,
    options: PlanOptions,
    to: str | None = None,
    apply: bool = False,
) -> None:
    """Show what a mixture and a budget mean for the tokens of an output; write it where asked."""
    from pasture import config, storage
    from pasture.manifests.mixture import (
        load_mixture,
        natural_mixture,
        write_mixture,
        write_realised,
    )

    if name == "natural" and output is not None:
        counts = token_counts(output)
        mixture = natural_mixture(counts)
    else:
        mixture = load_mixture(name)
        counts = _counts(output, mixture)
    plan = mixture.rescaled(counts).plan(counts, budget, options)
    if to is not None:
        write_mixture(to, plan)
    if apply:
        if output is None:
            raise ConfigError("--apply needs DIR, whose mixture.yaml it writes")
        write_realised(storage.join(output.root, "mixture.yaml"), plan)
    if as_json:
        show_json({**config.plain(plan), "warnings": plan.warnings()})
        return
    table(
        ["source", "#proportion", "#tokens there are", "#tokens sampled", "#epochs"],
        [
            (
                source,
                f"{share.proportion:.1%}",
                f"{share.unique_tokens:,}",
                f"{share.sampled_tokens:,.0f}",
                f"{share.epochs:.2f}",
            )
            for source, share in plan.sources.items()
        ],
        title=f"{plan.name}: {plan.budget:,.0f} tokens",
    )
    for line in plan.warnings():
        stdout().print(f"warning: {line}", markup=False)


def show_mixture_drawn(sampler: MixtureSampler, steps: int, as_json: bool) -> None:
    """Show what the first steps of a run draw from each source, beside what the mixture asks."""
    report = sampler.report(steps)
    if as_json:
        show_json({name: dataclasses.asdict(row) for name, row in report.items()})
        return
    total = sum(row.tokens for row in report.values())
    table(
        [
            "source",
            "#proportion",
            "#drawn",
            "#sequences",
            "#tokens",
            "#epochs planned",
            "#epochs drawn",
        ],
        [
            (
                name,
                f"{row.proportion:.3%}",
                f"{row.realised:.3%}",
                f"{row.sequences:,}",
                f"{row.tokens:,}",
                f"{row.planned_epochs:.4f}",
                f"{row.epochs:.4f}",
            )
            for name, row in report.items()
        ],
        title=f"{steps:,} steps, {total:,} tokens",
    )


def show_mixture_check(output: Output | None, as_json: bool) -> None:
    """Show a plan beside table 1 of the LLaMA paper."""
    from pasture.manifests.mixture import compare_rows, load_mixture

    paper = load_mixture("llama")
    counts = _counts(output, paper)
    rows = compare_rows(paper, paper.rescaled(counts).plan(counts))
    if as_json:
        show_json(rows)
        return
    table(
        ["source", *(f"#{key}" for key in rows[0] if key != "source")],
        [list(row.values()) for row in rows],
        title="beside table 1 of LLaMA (arXiv:2302.13971), 1.4 T tokens",
    )


def show_fertility(rows: Sequence[Mapping[str, Any]], as_json: bool) -> None:
    """Show bytes per token by source and language."""
    if as_json:
        show_json(rows)
        return
    table(
        ["source", "language", "#documents", "#bytes", "#tokens", "#bytes/token", "#LLaMA implies"],
        [
            (
                row["source"],
                row["language"] or "all",
                f"{row['documents']:,}",
                f"{row['bytes']:,}",
                f"{row['tokens']:,}",
                f"{row['bytes_per_token']:.2f}",
                "" if row["implied"] is None else f"{row['implied']:.2f}",
            )
            for row in rows
        ],
    )
