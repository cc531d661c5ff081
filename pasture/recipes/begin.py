"""A first recipe for a folder of raw files: commented YAML, with what was found and why."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import yaml

from pasture import config
from pasture.errors import ConfigError
from pasture.recipes.layers import builtin_recipes
from pasture.sources.detect import Proposal, Skipped, propose_sources

# Steps whose models are trained on the sources that the built-in recipe calls by these names.
_TRAINED = {
    "perplexity": {"wikipedia"},
    "perplexity_buckets": {"wikipedia", "common_crawl"},
    "keep_buckets": {"wikipedia", "common_crawl"},
    "reference_classifier": {"wikipedia", "common_crawl"},
    "keep_references": {"wikipedia", "common_crawl"},
}
_OWN_STAGES: dict[str, Any] = {"10-exact": {"exact_duplicates": {}}}


def first_recipe(folder: str, name: str) -> tuple[str, list[str]]:
    """Write a recipe for the raw files of a folder; return it with the names of its sources.

    Sources of a kind that the built-in recipe ``llama`` has get its stages, as far as their
    models can be trained on what is there; other sources are deduplicated by exact text.

    Raises:
        ConfigError: No source reads any of the files.
        InputError: The folder is missing or empty.
    """
    found = propose_sources(folder)
    if not found.proposals:
        skipped = "; ".join(f"{item.path}: {item.why}" for item in found.skipped[:5])
        raise ConfigError(f"{folder} holds nothing that a source reads: {skipped}")
    names = {proposal.name for proposal in found.proposals}
    llama = config.read_yaml(builtin_recipes()["llama"])["sources"]
    lines = [
        "# A first recipe: read it, change it, and check it with `pasture recipe check`.",
        "# Steps and their options: `pasture steps list`; all keys: docs/recipes.md.",
        f"name: {_flow(name)}",
        "",
        "sources:",
    ]
    for proposal in found.proposals:
        stages = _stages(llama.get(proposal.kind, {}).get("stages", _OWN_STAGES), names)
        lines += _source(proposal, stages)
    lines += _left_out(found.skipped)
    return "\n".join(lines) + "\n", sorted(names)


def _stages(stages: Mapping[str, Any], names: set[str]) -> dict[str, Any]:
    """Keep the stages whose steps need no model, or one that can be trained on what is there."""
    kept = {}
    for name, stage in stages.items():
        if "steps" not in stage:
            kept[name] = stage
            continue
        steps = [step for step in stage["steps"] if _TRAINED.get(_name_of(step), set()) <= names]
        if steps:
            kept[name] = {"steps": steps}
    return kept


def _name_of(step: Any) -> str:
    return step if isinstance(step, str) else str(next(iter(step)))


def _source(proposal: Proposal, stages: Mapping[str, Any]) -> Iterator[str]:
    files = "1 file" if proposal.files == 1 else f"{proposal.files:,} files"
    kilobytes = proposal.bytes / 1000
    size = f"{kilobytes:,.1f} kB" if kilobytes < 1000 else f"{kilobytes / 1000:,.1f} MB"
    yield f"  # {files}, {size}: {_one_line(proposal.why)}"
    yield f"  {_flow(proposal.name)}:"
    yield f"    kind: {proposal.kind}"
    yield f"    inputs: {_flow(list(proposal.inputs))}"
    if proposal.options:
        yield f"    options: {_flow(dict(proposal.options))}"
    yield "    stages:"
    for name, stage in stages.items():
        yield f"      {name}: {_flow(stage)}"
    yield ""


def _left_out(skipped: tuple[Skipped, ...]) -> Iterator[str]:
    if skipped:
        yield "# Not read:"
    for item in skipped:
        yield f"#   {_one_line(item.path)} ({item.files:,}): {_one_line(item.why)}"


def _one_line(text: str) -> str:
    """Write a name as it may stand in a comment: without line breaks and control characters."""
    return "".join(c if c.isprintable() else "\N{REPLACEMENT CHARACTER}" for c in text)


def _flow(value: Any) -> str:
    text = yaml.safe_dump(
        value, default_flow_style=True, width=10**6, allow_unicode=True, sort_keys=False
    )
    return str(text).removesuffix("...\n").strip()
