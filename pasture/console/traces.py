"""Where the tokens of a training sequence come from."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from rich.markup import escape

from pasture.console.outputs import _measures
from pasture.console.text import show_json, stdout, table
from pasture.errors import ConfigError
from pasture.manifests.outputs import Output
from pasture.manifests.shards import MANIFEST

if TYPE_CHECKING:
    from pasture.tokenize.sampler import MixtureSampler
    from pasture.tokenize.trace import SamplerSettings, TracedDocument


def run_settings(
    output: Output, checkpoint: str | None, options: Mapping[str, Any]
) -> SamplerSettings:
    """Find out how a run samples: from its checkpoint, or from what ``pasture train`` was told.

    Args:
        output: The output that was trained on.
        checkpoint: A checkpoint of the run; None takes the newest one where there are no options.
        options: ``model``, ``seed``, ``context_length`` and ``batch_tokens``, where given.
    """
    from pasture import storage
    from pasture.tokenize.reader import TokenCorpus
    from pasture.tokenize.trace import SamplerSettings
    from pasture.trainer.config import TrainConfig

    if checkpoint is not None and options:
        raise ConfigError(f"a checkpoint says what {', '.join(options)} was: leave one of them out")
    if checkpoint is None and not options:
        found = storage.glob(storage.pattern(output.root, "checkpoints", "step-*", MANIFEST))
        checkpoint = found[-1][0].rsplit("/", 1)[0] if found else None
    if checkpoint is not None:
        return SamplerSettings.of_checkpoint(checkpoint)
    config = TrainConfig(**options)
    settings = config.resolve(int(TokenCorpus.open(output.root).tokenizer["vocab_size"]))
    return SamplerSettings(settings.model.context_length, settings.batch_size, config.seed)


def show_trace(output: Output, sampler: MixtureSampler, step: int, row: int, as_json: bool) -> None:
    """Show the documents behind a row of a step's batch, the steps counted from 1."""
    from pasture.tokenize.trace import plain_trace, trace_sequence

    documents = trace_sequence(output, sampler, step - 1, row)
    settings = {
        "step": step,
        "row": row,
        "seed": sampler.seed,
        "batch_size": sampler.batch_size,
        "context_length": sampler.context_length,
    }
    if as_json:
        show_json({**settings, "documents": [plain_trace(document) for document in documents]})
        return
    stdout().print(", ".join(f"{k} {v}" for k, v in settings.items()), style="bold")
    for document in documents:
        _show_traced(document, f"columns {document.first} to {document.stop - 1}")


def show_trace_of_shard(output: Output, shard: str, offset: int, as_json: bool) -> None:
    """Show the document behind a token of a shard; the shard's path may be relative to both."""
    from pasture import storage
    from pasture.tokenize.trace import plain_trace, trace_offset

    inside = storage.join(output.root, shard)
    document = trace_offset(output, inside if storage.exists(inside) else shard, offset)
    if as_json:
        show_json({"shard": shard, "offset": offset, "documents": [plain_trace(document)]})
        return
    _show_traced(document, f"{shard}, offset {offset}")


def _show_traced(traced: TracedDocument, place: str) -> None:
    document = traced.document
    facts = {
        "url": document.url,
        "license": document.license,
        "language": document.language,
        "tokens": document.tokens,
    }
    known = [f"{name}={value}" for name, value in facts.items() if value is not None]
    console = stdout()
    console.rule(escape(f"{place}: {document.source}  {document.id}"), align="left")
    console.print("  ".join(known), markup=False, soft_wrap=True)
    if not traced.decisions:
        console.print("its documents are not in the output: what let it in is not known here")
        return
    table(
        ["stage", "rules", "#characters", "measured"],
        [
            (d.stage, _rules(d.rules), len(d.row["text"]), _measures(d.row))
            for d in traced.decisions
        ],
    )


def _rules(rules: Mapping[str, Any]) -> str:
    """Write what a stage was told to do, a step a line."""
    steps = rules.get("steps", [{name: options} for name, options in rules.items()])
    return "\n".join(
        f"{name}: {_short(options)}" for step in steps for name, options in step.items()
    )


def _short(options: Any) -> str:
    if not isinstance(options, Mapping):
        return str(options)
    return ", ".join(f"{key} {value}" for key, value in options.items() if key != "model")
