"""What a run has made: counts, states, audits, comparisons."""

from __future__ import annotations

import collections
import dataclasses
import itertools
from collections.abc import Mapping, Sequence
from typing import Any, Literal

from rich.markup import escape

from pasture.console.text import show_json, size, stdout, table
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
from pasture.records import DROPPED_SCHEMA, REMOVED_LINE_SCHEMA
from pasture.text.visible import visible_line

FIXED = frozenset((*DROPPED_SCHEMA.names, *REMOVED_LINE_SCHEMA.names))
"""The columns that every row has; what else a row has are extra columns."""
MEASURES = ("language", "language_score", "perplexity", "perplexity_bucket", "reference_score")


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
    extra = [name for name in row if name not in FIXED]
    names = ("url", *MEASURES, "license", *extra)
    values = {name: row[name] for name in names if row[name] is not None}
    parts = [f"{k}={v:.4g}" if isinstance(v, float) else f"{k}={v}" for k, v in values.items()]
    if row["metadata"]:
        parts.append(row["metadata"][:300])
    return visible_line("  ".join(parts))


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
