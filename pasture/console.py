"""What the command line shows: tables, progress, and the same as JSON.

Tables go to standard output; progress and notes to standard error, so that a pipe gets only
results. With ``--json`` nothing but one JSON value is printed.
"""

from __future__ import annotations

import dataclasses
import itertools
import json
import os
import sys
import time
import types
from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from rich.console import Console
from rich.markup import escape
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    TaskID,
    TextColumn,
    TimeElapsedColumn,
    TimeRemainingColumn,
)
from rich.table import Table

from pasture.errors import ModelError
from pasture.manifests.outputs import (
    Funnel,
    Output,
    compare,
    count_dropped,
    count_kept,
    dropped_rows,
    explain,
    funnels,
    kept_rows,
    verify,
)

if TYPE_CHECKING:
    from pasture.manifests.mixture import Mixture
    from pasture.pipeline.run import PlannedNode
    from pasture.trainer.metrics import StepMetrics

MEASURES = ("language", "language_score", "perplexity", "perplexity_bucket", "reference_score")


def stdout() -> Console:
    """The console of results; wide enough for a table where there is no terminal."""
    return Console(width=None if sys.stdout.isatty() else 140, highlight=False, soft_wrap=False)


def show_json(value: Any) -> None:
    """Print one JSON value."""
    print(json.dumps(value, indent=2, ensure_ascii=False, default=str))  # noqa: T201


def size(count: int | None) -> str:
    """Write a number of bytes for people."""
    if count is None:
        return ""
    value = float(count)
    for unit in ("B", "kB", "MB", "GB"):
        if value < 1000:
            return f"{value:.0f} {unit}" if unit == "B" else f"{value:.1f} {unit}"
        value /= 1000
    return f"{value:.1f} TB"


def table(columns: Sequence[str], rows: Iterable[Sequence[object]], title: str = "") -> None:
    """Print a table; columns whose name starts with ``#`` are set to the right."""
    made = Table(title=escape(title) or None, title_justify="left", header_style="bold")
    for column in columns:
        made.add_column(column.lstrip("#"), justify="right" if column.startswith("#") else "left")
    for row in rows:
        made.add_row(*(escape("" if cell is None else str(cell)) for cell in row))
    stdout().print(made)


def show_sources(as_json: bool) -> None:
    """List the sources."""
    from pasture.sources import SOURCES

    if as_json:
        show_json({name: dataclasses.asdict(kind.info) for name, kind in SOURCES.items()})
        return
    table(
        ["source", "title", "reads", "licence", "paper", "size"],
        [
            (name, i.title, i.formats, i.licence, i.paper_section, i.raw_size)
            for name, i in ((name, kind.info) for name, kind in SOURCES.items())
        ],
    )


def show_plan(nodes: Sequence[PlannedNode], as_json: bool) -> None:
    """Show what a run would do."""
    if as_json:
        show_json([dataclasses.asdict(node) for node in nodes])
        return
    table(
        ["stage or model", "state", "#shards", "#raw bytes", "needs"],
        [
            (node.key, node.state, node.shards, size(node.bytes), ", ".join(node.needs))
            for node in nodes
        ],
    )


class RunProgress:
    """Draws a run while it goes on: a bar a stage on a terminal, a line a stage elsewhere."""

    def __init__(self, quiet: bool = False) -> None:
        self.console = Console(stderr=True, quiet=quiet, highlight=False)
        self._bars = Progress(
            TextColumn("{task.description}"),
            BarColumn(),
            MofNCompleteColumn(),
            TimeElapsedColumn(),
            TimeRemainingColumn(),
            console=self.console,
            transient=True,
            disable=quiet or not self.console.is_terminal,
        )
        self._tasks: dict[str, tuple[TaskID, int, float]] = {}

    def __enter__(self) -> RunProgress:
        self._bars.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: types.TracebackType | None,
    ) -> None:
        self._bars.stop()

    def started(self, key: str, total: int) -> None:
        """Open the stage's bar."""
        task = self._bars.add_task(key, total=total)
        self._tasks[key] = (task, total, time.monotonic())

    def advanced(self, key: str, done: int) -> None:
        """Move the stage's bar."""
        self._bars.update(self._tasks[key][0], completed=done)

    def finished(self, key: str, manifest: Mapping[str, Any], skipped: bool) -> None:
        """Close the stage's bar and write its line."""
        if key in self._tasks:
            self._bars.remove_task(self._tasks[key][0])
        totals = manifest.get("totals", {})
        counts = ""
        if "rows_in" in totals:
            dropped = totals["rows_in"] - totals["rows"]
            counts = f"{totals['rows_in']:,} in, {totals['rows']:,} kept, {dropped:,} dropped"
        elif "splits" in manifest:
            counts = ", ".join(
                f"{split} {count['tokens']:,} tokens" for split, count in manifest["splits"].items()
            )
        took = "done before" if skipped else f"{time.monotonic() - self._tasks[key][2]:.1f} s"
        self.console.print(f"{key:<36} {counts:<48} {took}", markup=False, soft_wrap=True)

    def note(self, text: str) -> None:
        """Write a note."""
        self.console.print(f"note: {text}", markup=False, soft_wrap=True)


def show_summary(output: Output, as_json: bool) -> None:
    """Show, for each source: documents and bytes in, kept, dropped by reason, tokens, epochs."""
    sources = funnels(output)
    plan = _mixture(output)
    if as_json:
        body = {"output": output.root, "sources": [dataclasses.asdict(f) for f in sources]}
        show_json({**body, "mixture": plan})
        return
    rows: list[Sequence[object]] = []
    for funnel in sources:
        share = plan.get(funnel.source, {})
        rows.append(
            (
                funnel.source,
                f"{funnel.records:,}",
                size(funnel.bytes_in),
                f"{funnel.documents:,}",
                size(funnel.text_bytes),
                _reasons(funnel),
                "" if funnel.tokens is None else f"{funnel.tokens:,}",
                f"{share['proportion']:.1%}" if share else "",
                f"{share['epochs']:.2f}" if share else "",
            )
        )
    table(
        [
            "source",
            "#records in",
            "#raw",
            "#documents",
            "#text",
            "dropped, by reason",
            "#train tokens",
            "#proportion",
            "#epochs",
        ],
        rows,
    )


def _reasons(funnel: Funnel, most: int = 6) -> str:
    """The most frequent reasons of a source, a line each."""
    ordered = sorted(funnel.dropped.items(), key=lambda item: (-item[1], item[0]))
    lines = [f"{count:,} {key.split('/', 1)[1]}" for key, count in ordered[:most]]
    if len(ordered) > most:
        rest = sum(count for _, count in ordered[most:])
        lines.append(f"{rest:,} for {len(ordered) - most} other reasons")
    return "\n".join(lines)


def _mixture(output: Output) -> dict[str, dict[str, float]]:
    from pasture import config, storage

    path = storage.join(output.root, "mixture.yaml")
    if not storage.exists(path):
        return {}
    sources: dict[str, dict[str, float]] = config.read_yaml(path)["sources"]
    return sources


def show_status(output: Output, as_json: bool) -> None:
    """List what is finished."""
    rows: list[dict[str, Any]] = []
    for key in output.manifests():
        manifest = output.manifest(key)
        totals = manifest.get("totals", {})
        splits = manifest.get("splits", {})
        rows.append(
            {
                "key": key,
                "shards": len(manifest["shards"]) if "shards" in manifest else None,
                "rows_in": totals.get("rows_in"),
                "rows": totals.get("rows"),
                "dropped": totals["rows_in"] - totals["rows"] if "rows_in" in totals else None,
                "text_bytes": totals.get("text_bytes"),
                "tokens": sum(split["tokens"] for split in splits.values()) if splits else None,
            }
        )
    if as_json:
        show_json(rows)
        return
    table(
        ["stage or model", "#shards", "#in", "#kept", "#dropped", "#text", "#tokens"],
        [
            (
                row["key"],
                row["shards"],
                row["rows_in"],
                row["rows"],
                row["dropped"],
                size(row["text_bytes"]),
                row["tokens"],
            )
            for row in rows
        ],
    )


def show_audit(
    output: Output,
    source: str | None,
    reason: str | None,
    kept: bool,
    count: int,
    characters: int,
    as_json: bool,
) -> None:
    """Show documents, spread evenly over all that fit."""
    if kept:
        total = count_kept(output, source)
        found = kept_rows(output, source)
    else:
        total = count_dropped(output, source, reason)
        found = dropped_rows(output, source, reason)
    stride = max(1, total // count)
    shown = list(itertools.islice(itertools.islice(found, 0, None, stride), count))
    if as_json:
        show_json([{"stage": stage.stage, **row} for stage, row in shown])
        return
    console = stdout()
    what = "kept" if kept else "dropped"
    console.print(f"{len(shown)} of {total} {what} documents", style="bold")
    for stage, row in shown:
        why = "" if kept else f"  {row['drop_filter']}/{row['drop_reason']}"
        head = f"{row['source']}/{stage.stage}{why}  {row['id']}"
        console.rule(escape(head), align="left")
        console.print(_measures(row), markup=False, style="dim")
        console.print(row["text"][:characters], markup=False)


def _measures(row: Mapping[str, Any]) -> str:
    values = {name: row[name] for name in ("url", *MEASURES, "license") if row[name] is not None}
    parts = [f"{k}={v:.4g}" if isinstance(v, float) else f"{k}={v}" for k, v in values.items()]
    if row["metadata"]:
        parts.append(row["metadata"][:300])
    return "  ".join(parts)


def show_explanation(output: Output, name: str, as_json: bool) -> None:
    """Show what every stage measured and decided of a document."""
    decisions = explain(output, name)
    if as_json:
        show_json([dataclasses.asdict(decision) for decision in decisions])
        return
    table(
        ["source", "stage", "decision", "#characters", "measured"],
        [
            (
                d.source,
                d.stage,
                "kept"
                if d.kept
                else f"dropped: {d.reason}"
                + (f"\nkept: {d.kept_instead}" if d.kept_instead else ""),
                len(d.row["text"]),
                _measures(d.row),
            )
            for d in decisions
        ],
        title=name,
    )


def show_comparison(one: Output, other: Output, as_json: bool) -> None:
    """Show where counts differ."""
    rows = compare(one, other)
    if as_json:
        show_json([{"stage": s, "count": w, "first": a, "second": b} for s, w, a, b in rows])
        return
    if not rows:
        stdout().print("no count differs")
        return
    table(
        ["stage", "count", f"#{one.root}", f"#{other.root}", "#difference"],
        [(stage, what, a, b, f"{b - a:+d}") for stage, what, a, b in rows],
    )


def show_verification(output: Output, as_json: bool) -> bool:
    """Show what is wrong; return whether nothing is."""
    from pasture.tokenize.verify import verify_tokens

    problems = [*verify(output), *verify_tokens(output.root)]
    if as_json:
        show_json({"output": output.root, "problems": problems})
    elif problems:
        for problem in problems:
            stdout().print(problem, markup=False)
        stdout().print(f"{len(problems)} problems", style="bold red")
    else:
        stdout().print(f"{len(output.manifests())} stages and models are what they claim to be")
    return not problems


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
    output: Output | None, name: str, budget: float | None, as_json: bool
) -> None:
    """Show what a mixture and a budget mean for the tokens of an output."""
    from pasture import config
    from pasture.manifests.mixture import load_mixture

    mixture = load_mixture(name)
    counts = _counts(output, mixture)
    plan = mixture.rescaled(counts).plan(counts, budget)
    if as_json:
        show_json(config.plain(plan))
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


def train(output: Output, model: str, steps: int | None, seed: int, as_json: bool) -> None:
    """Train a model, showing the loss of each source while it goes on."""
    # Threads that spin while they wait take the processor from those that work.
    os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
    try:
        from pasture.trainer.config import TrainConfig
        from pasture.trainer.train import train as train_model
    except ModuleNotFoundError as error:
        message = f"{error.name} is not installed; the trainer needs pip install 'pasture[trainer]'"
        raise ModelError(message) from error

    console = Console(stderr=True, quiet=as_json, highlight=False)
    lines: list[StepMetrics] = []

    def show(line: StepMetrics) -> None:
        if not lines:
            console.print(
                f"{'step':>11} {'loss':>7} {'tokens/s':>9}  loss by source", soft_wrap=True
            )
        lines.append(line)
        every = max(1, line.steps // 20)
        if line.step == 1 or line.step % every == 0 or line.step == line.steps:
            losses = " ".join(f"{name} {loss:.2f}" for name, loss in line.losses.items())
            console.print(
                f"{line.step:>5}/{line.steps:<5} {line.loss:7.3f} {line.tokens_per_second:9,.0f}"
                f"  {losses}",
                markup=False,
                soft_wrap=True,
            )

    result = train_model(output.root, TrainConfig(model=model, steps=steps, seed=seed), show)
    first, last = _ends(lines)
    if as_json:
        show_json({**dataclasses.asdict(result), "losses": last})
        return
    table(
        ["source", "#loss at first", "#loss at last", "#validation loss"],
        [
            (name, *(f"{ends[name]:.3f}" if name in ends else "" for ends in (first, last, found)))
            for found in [result.validation]
            for name in sorted({*last, *found})
        ],
        title=f"{result.parameters:,} parameters, {result.tokens:,} tokens, {result.seconds:.0f} s",
    )
    stdout().print(
        f"loss {result.first_loss:.3f} at step 1, {result.loss:.3f} at step {result.steps}; "
        f"checkpoint: {result.checkpoint}",
        markup=False,
        soft_wrap=True,
    )


def _ends(lines: Sequence[StepMetrics]) -> tuple[dict[str, float], dict[str, float]]:
    """Each source's loss when it was first and last seen: a step may hold none of a small one."""
    first: dict[str, float] = {}
    last: dict[str, float] = {}
    for line in lines:
        for name, loss in line.losses.items():
            first.setdefault(name, loss)
            last[name] = loss
    return first, last
