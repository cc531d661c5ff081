"""What the command line shows: tables, progress, and the same as JSON.

Tables go to standard output; progress and notes to standard error, so that a pipe gets only
results. With ``--json`` nothing but one JSON value is printed.
"""

from __future__ import annotations

import collections
import dataclasses
import datetime
import itertools
import json
import os
import sys
import tempfile
import time
import types
from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Literal

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

from pasture.errors import ConfigError, ModelError
from pasture.manifests.clusters import deduplications, largest_clusters, write_clusters
from pasture.manifests.outputs import (
    Decision,
    Funnel,
    Output,
    compare,
    count_dropped,
    count_kept,
    count_removed_lines,
    dropped_rows,
    explain,
    funnels,
    kept_rows,
    removed_lines,
    verify,
)
from pasture.manifests.shards import MANIFEST

if TYPE_CHECKING:
    from pasture.manifests.mixture import Mixture, PlanOptions
    from pasture.pipeline.estimate import Estimate
    from pasture.pipeline.measure import Rates
    from pasture.pipeline.recipes import Recipe
    from pasture.pipeline.run import PlannedNode
    from pasture.pipeline.work import JobUse
    from pasture.tokenize.sampler import MixtureSampler
    from pasture.tokenize.trace import SamplerSettings, TracedDocument
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


def show_estimate(estimate: Estimate, as_json: bool) -> None:
    """Show what a run will take."""
    if as_json:
        show_json(dataclasses.asdict(estimate))
        return
    rows: list[Sequence[object]] = []
    for number, job in enumerate(estimate.jobs, start=1):
        for stage in job.stages:
            rows.append(
                (
                    number,
                    stage.key,
                    stage.shards,
                    size(stage.bytes_in or None),
                    duration(stage.seconds),
                    size(stage.shuffled_bytes or None),
                    size(stage.disk_bytes),
                    size(job.memory) if stage is job.stages[0] else "",
                )
            )
    table(
        ["#job", "stage or model", "#shards", "#in", "#time", "#shuffled", "#disk", "#memory"],
        rows,
        title=f"estimate, {estimate.workers} workers of the local runner",
    )
    fixed = sum(job.fixed_seconds for job in estimate.jobs)
    stdout().print(
        f"{sum(job.runs for job in estimate.jobs)} jobs, {duration(estimate.seconds)} in all, of "
        f"which {duration(fixed)} to start them; {duration(estimate.cpu_seconds)} of processor "
        f"time, {size(estimate.memory)} of memory, "
        f"{size(estimate.shuffled_bytes)} shuffled, {size(estimate.disk_bytes)} of disk",
        style="bold",
        markup=False,
        soft_wrap=True,
    )
    for note in estimate.notes:
        stdout().print(f"of the sample: {note}", markup=False, soft_wrap=True)


def duration(seconds: float) -> str:
    """Write a time for people."""
    if seconds < 1:
        return f"{seconds:.1f} s"
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    days, hours = divmod(hours, 24)
    if days:
        return f"{days} d {hours:02} h"
    if hours:
        return f"{hours} h {minutes:02} min"
    return f"{minutes} min {rest:02} s" if minutes else f"{rest} s"


def measure(recipe: Recipe, workers: int, sample_bytes: int, quiet: bool) -> Rates:
    """Run a recipe on a sample in a temporary folder, showing how it goes on."""
    from pasture.pipeline.measure import measure as measure_recipe

    with (
        tempfile.TemporaryDirectory(prefix="pasture-measure-") as folder,
        RunProgress(quiet=quiet) as progress,
    ):
        return measure_recipe(recipe, folder, progress, workers=workers, sample_bytes=sample_bytes)


class TimeLeft:
    """What is left of a run, by an estimate that is corrected by what is done.

    Args:
        expected: The estimate.
    """

    def __init__(self, expected: Estimate) -> None:
        self._stages = {
            # What is outside of the steps is spread over the job's stages.
            stage.key: stage.seconds * job.seconds / job.step_seconds if job.step_seconds else 0.0
            for job in expected.jobs
            for stage in job.stages
        }
        self._share = dict.fromkeys(self._stages, 0.0)
        self._skipped = 0.0
        self._start = time.monotonic()

    def advanced(self, key: str, share: float) -> None:
        """A share of a stage is done."""
        if key in self._share:
            self._share[key] = max(self._share[key], share)

    def skipped(self, key: str, share: float = 1.0) -> None:
        """A share of a stage was done by an earlier run: nothing is learnt from its time."""
        if key in self._share:
            self._skipped += self._stages[key] * (share - self._share[key])
            self._share[key] = share

    def seconds(self) -> float:
        """Tell the seconds that are left."""
        done = sum(self._stages[key] * share for key, share in self._share.items())
        left = sum(self._stages.values()) - done
        done_here = done - self._skipped
        took = time.monotonic() - self._start
        # The estimate counts as much as a twentieth of the run done in the time that it names.
        weight = 0.05 * (done + left)
        return left * (took + weight) / (done_here + weight)


class RunProgress:
    """Draws a run while it goes on: a bar a stage on a terminal, now and then a line elsewhere.

    Args:
        quiet: Write nothing.
        expected: What the run will take, where that was estimated; else only each stage's own
            time left is known.
        every: Seconds between two lines where there is no terminal.
    """

    def __init__(
        self, quiet: bool = False, expected: Estimate | None = None, every: float = 30.0
    ) -> None:
        self.console = Console(stderr=True, quiet=quiet, highlight=False)
        self._bars = Progress(
            TextColumn("{task.description}"),
            BarColumn(),
            MofNCompleteColumn(),
            TextColumn("{task.fields[rate]}"),
            TimeElapsedColumn(),
            TimeRemainingColumn(),
            console=self.console,
            transient=True,
            disable=quiet or not self.console.is_terminal,
        )
        self._tasks: dict[str, _Task] = {}
        self._left = None if expected is None else TimeLeft(expected)
        self._every, self._told = every, time.monotonic()
        self._whole: TaskID | None = None

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
        bar = self._bars.add_task(key, total=total, rate="")
        self._tasks[key] = _Task(bar, total, time.monotonic())

    def advanced(self, key: str, done: int) -> None:
        """Move the stage's bar."""
        task = self._tasks[key]
        if task.done is None:
            task.before = done  # what an earlier run had written
            if self._left is not None and task.total:
                self._left.skipped(key, done / task.total)
        if done != task.done:
            task.done = done
            if self._left is not None and task.total:
                self._left.advanced(key, done / task.total)
            self._bars.update(task.bar, completed=done, rate=task.rate())
        self._tell()

    def finished(self, key: str, manifest: Mapping[str, Any], skipped: bool) -> None:
        """Close the stage's bar and write its line."""
        task = self._tasks.pop(key, None)
        if task is not None:
            self._bars.remove_task(task.bar)
        if self._left is not None:
            (self._left.skipped if task is None else self._left.advanced)(key, 1.0)
        totals = manifest.get("totals", {})
        counts = ""
        if "rows_in" in totals:
            dropped = totals["rows_in"] - totals["rows"]
            counts = f"{totals['rows_in']:,} in, {totals['rows']:,} kept, {dropped:,} dropped"
        elif "splits" in manifest:
            counts = ", ".join(
                f"{split} {count['tokens']:,} tokens" for split, count in manifest["splits"].items()
            )
        took = "done before" if task is None else f"{time.monotonic() - task.start:.1f} s"
        self.console.print(f"{key:<36} {counts:<48} {took}", markup=False, soft_wrap=True)

    def used(self, use: JobUse) -> None:
        """Show nothing of it: the stages' lines tell their times."""

    def note(self, text: str) -> None:
        """Write a note."""
        self.console.print(f"note: {text}", markup=False, soft_wrap=True)

    def _tell(self) -> None:
        """Where there is no terminal, write a line of the running stages now and then."""
        now = time.monotonic()
        if self._left is not None and self.console.is_terminal:
            self._draw_left(self._left.seconds())
        if now - self._told < self._every:
            return
        self._told = now
        if self.console.is_terminal:
            return
        running = [
            f"{key} {task.done}/{task.total}{task.rate(', ')}"
            for key, task in self._tasks.items()
            if task.done is not None and task.done < task.total
        ]
        left = "" if self._left is None else f"; {duration(self._left.seconds())} left in all"
        clock = datetime.datetime.now().strftime("%H:%M:%S")
        self.console.print(f"{clock} {'; '.join(running)}{left}", markup=False, soft_wrap=True)

    def _draw_left(self, seconds: float) -> None:
        if self._whole is None:
            self._whole = self._bars.add_task("", total=None, rate="")
        self._bars.update(self._whole, description=f"the whole run: {duration(seconds)} left")


@dataclasses.dataclass
class _Task:
    """A running stage: its bar, how many shards it has, when it began, and what is done."""

    bar: TaskID
    total: int
    start: float
    done: int | None = None
    before: int = 0

    def rate(self, before: str = "") -> str:
        """Shards a minute, and the time that the rest takes at that rate."""
        made = (self.done or 0) - self.before
        if not made:
            return ""
        each = (time.monotonic() - self.start) / made
        left = duration(each * (self.total - (self.done or 0)))
        return f"{before}{60 / each:.3g} a minute, {left} left"


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
    what: Literal["dropped documents", "kept documents", "removed lines"],
    count: int,
    characters: int,
    as_json: bool,
) -> None:
    """Show documents or lines, spread evenly over all that fit."""
    if what == "kept documents":
        total = count_kept(output, source)
        found = kept_rows(output, source)
    elif what == "removed lines":
        total = count_removed_lines(output, source, reason)
        found = removed_lines(output, source, reason)
    else:
        total = count_dropped(output, source, reason)
        found = dropped_rows(output, source, reason)
    stride = max(1, total // count)
    shown = list(itertools.islice(itertools.islice(found, 0, None, stride), count))
    if as_json:
        show_json([{"stage": stage.stage, **row} for stage, row in shown])
        return
    console = stdout()
    console.print(f"{len(shown)} of {total} {what}", style="bold")
    for stage, row in shown:
        why = f"  {row['drop_filter']}/{row['drop_reason']}" if "drop_filter" in row else ""
        head = f"{stage.source}/{stage.stage}{why}  {row['id']}"
        if what == "removed lines":
            head += f", line {row['line']}"
        console.rule(escape(head), align="left")
        if what != "removed lines":
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
                _decision(d),
                len(d.row["text"]),
                _measures(d.row),
            )
            for d in decisions
        ],
        title=name,
    )


def _decision(decision: Decision) -> str:
    if not decision.kept:
        other = f"\nkept: {decision.kept_instead}" if decision.kept_instead else ""
        return f"dropped: {decision.reason}{other}"
    reasons = collections.Counter(line["drop_reason"] for line in decision.removed)
    return "\n".join(["kept", *(f"without {n} lines: {reason}" for reason, n in reasons.items())])


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
        found = storage.glob(storage.join(output.root, "checkpoints", "step-*", MANIFEST))
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


def show_clusters(
    output: Output, source: str | None, stage: str | None, count: int, as_json: bool
) -> None:
    """Show the largest clusters of duplicates."""
    found = [
        cluster
        for manifest in deduplications(output, source, stage)
        for cluster in largest_clusters(output.root, manifest, count)
    ]
    found = sorted(found, key=lambda cluster: -cluster.size)[:count]
    if as_json:
        show_json([dataclasses.asdict(cluster) for cluster in found])
        return
    table(
        ["source", "stage", "#dropped", "kept document", "its first words"],
        [(c.source, c.stage, f"{c.size:,}", c.id or c.place, c.text) for c in found],
    )


def write_all_clusters(
    output: Output, source: str | None, stage: str | None, path: str, as_json: bool
) -> None:
    """Write the duplicates of an output, each with the document that was kept for it."""
    rows = write_clusters(output.root, deduplications(output, source, stage), path)
    if as_json:
        show_json({"path": path, "duplicates": rows})
    else:
        stdout().print(f"wrote {rows:,} duplicates to {path}", markup=False, soft_wrap=True)


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
    from pasture.manifests.mixture import load_mixture, write_mixture, write_realised

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


def train(output: Output, options: Mapping[str, Any], as_json: bool) -> None:
    """Train a model, showing the loss of each source while it goes on.

    Args:
        output: The output to train on.
        options: Of ``TrainConfig``, where given.
        as_json: Show the result as JSON.
    """
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
                f"{'step':>11} {'loss':>7} {'tokens/s':>9} {'left':>8}  loss by source",
                soft_wrap=True,
            )
        lines.append(line)
        every = max(1, line.steps // 20)
        if line.step == 1 or line.step % every == 0 or line.step == line.steps:
            losses = " ".join(f"{name} {loss:.2f}" for name, loss in line.losses.items())
            mfu = "" if line.mfu is None else f"  MFU {line.mfu:.1%}"
            console.print(
                f"{line.step:>5}/{line.steps:<5} {line.loss:7.3f} {line.tokens_per_second:9,.0f}"
                f" {datetime.timedelta(seconds=round(line.seconds_left))!s:>8}  {losses}{mfu}",
                markup=False,
                soft_wrap=True,
            )

    result = train_model(output.root, TrainConfig(**options), show)
    if os.environ.get("RANK", "0") != "0":
        return
    first, last = _ends(lines)
    if as_json:
        show_json({**dataclasses.asdict(result), "losses": last})
        return
    losses = {source: found.loss for source, found in result.validation.items()}
    table(
        [
            *("source", "#loss at first", "#loss at last", "#validation loss", "#perplexity"),
            "#bits per byte",
        ],
        [
            (
                name,
                *(f"{ends[name]:.3f}" if name in ends else "" for ends in (first, last, losses)),
                *(
                    (f"{found.perplexity:,.2f}", f"{found.bits_per_byte:.3f}")
                    if found
                    else ("", "")
                ),
            )
            for name in sorted({*last, *losses})
            for found in [result.validation.get(name)]
        ],
        title=f"{result.parameters:,} parameters, {result.tokens:,} tokens, {result.seconds:.0f} s",
    )
    stdout().print(
        f"loss {result.first_loss:.3f} at step 1, {result.loss:.3f} at step {result.steps}; "
        f"checkpoint: {result.checkpoint}",
        markup=False,
        soft_wrap=True,
    )


def show_training_plan(
    options: Mapping[str, Any],
    gpus: int,
    tokens_per_gpu_second: float | None,
    gpu_memory: float,
    as_json: bool,
) -> None:
    """Show what a training would take: time, GPU-hours, and memory per GPU by layout."""
    from pasture.trainer.config import TrainConfig
    from pasture.trainer.plan import plan_training

    plan = plan_training(TrainConfig(**options), gpus, tokens_per_gpu_second)
    if as_json:
        layouts = [{**dataclasses.asdict(item), "total": item.total} for item in plan.layouts]
        show_json({**dataclasses.asdict(plan), "layouts": layouts})
        return
    table(
        [
            *("#tp", "recompute", "#weights", "#gradients", "#AdamW", "#gathered"),
            *("#activations", "#total GB", f"fits {gpu_memory:g} GB"),
        ],
        [
            (
                str(item.tp),
                item.recompute,
                *(
                    f"{size / 1e9:.1f}"
                    for size in (
                        *(item.weights, item.gradients, item.optimizer, item.gathered),
                        *(item.activations, item.total),
                    )
                ),
                "yes" if item.total <= gpu_memory * 1e9 else "no",
            )
            for item in plan.layouts
        ],
        title=f"{plan.model}: {plan.parameters:,} parameters, {plan.tokens:.3g} tokens, "
        f"{plan.gpus:,} GPUs",
    )
    paper = plan.paper_gpu_hours
    stdout().print(
        f"{plan.tokens_per_gpu_second:,.0f} tokens/s and GPU ({plan.mfu:.1%} of "
        f"{plan.peak_flops / 1e12:.0f} TFLOPS): {plan.gpu_hours:,.0f} GPU-hours, "
        f"{plan.days:.1f} days"
        + (f"; the paper: {paper:,} GPU-hours ({plan.against_paper:+.1%})" if paper else ""),
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
