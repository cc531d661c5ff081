"""The report as HTML: plain tags, inline SVG, no script, nothing loaded from elsewhere.

Every text that comes from the data is escaped, and the page forbids scripts and loads by its own
content security policy.
"""

from __future__ import annotations

import html
from collections.abc import Iterable, Sequence

from pasture.manifests.clusters import Cluster
from pasture.report.data import Example, Histogram, Report, SourceReport
from pasture.text.visible import visible

POLICY = "default-src 'none'; style-src 'unsafe-inline'"
STYLE = """
:root { --ink: #1d2733; --soft: #64707d; --line: #d9dee3; --kept: #2f7d4f; --gone: #c2703d; }
body { font: 15px/1.5 system-ui, sans-serif; color: var(--ink); max-width: 1080px;
  margin: 2rem auto; padding: 0 1.2rem; background: #fff; }
h1 { font-size: 1.7rem; margin-bottom: .2rem; }
h2 { font-size: 1.3rem; margin-top: 2.6rem; border-bottom: 2px solid var(--line); }
h3 { font-size: 1rem; margin: 1.4rem 0 .4rem; }
nav a { margin-right: 1rem; } a { color: #24598f; }
table { border-collapse: collapse; margin: .6rem 0; font-variant-numeric: tabular-nums; }
th, td { padding: .2rem .8rem .2rem 0; text-align: left; border-bottom: 1px solid var(--line);
  vertical-align: top; }
td.n, th.n { text-align: right; }
.bar { display: inline-block; height: .7rem; background: var(--kept); vertical-align: middle; }
.bar.gone { background: var(--gone); }
.two { display: flex; flex-wrap: wrap; gap: 2rem; }
pre { white-space: pre-wrap; overflow-wrap: anywhere; background: #f6f7f8; padding: .7rem;
  max-height: 14rem; overflow: auto; font: 12.5px/1.45 ui-monospace, monospace; margin: .3rem 0; }
.soft { color: var(--soft); } .id { overflow-wrap: anywhere; font-size: .85rem; }
details { margin: .4rem 0; } summary { cursor: pointer; }
"""


def escape(text: str) -> str:
    """Escape a text for HTML, the control characters in it as symbols."""
    return html.escape(visible(text))


def render(report: Report) -> str:
    """Write the page."""
    title = f"Pasture: {report.recipe}"
    links = " ".join(
        f'<a href="#{escape(s.funnel.source)}">{escape(s.funnel.source)}</a>'
        for s in report.sources
    )
    parts = [
        "<!doctype html>",
        '<html lang="en"><head><meta charset="utf-8">',
        f'<meta http-equiv="Content-Security-Policy" content="{POLICY}">',
        '<meta name="viewport" content="width=device-width, initial-scale=1">',
        f"<title>{escape(title)}</title><style>{STYLE}</style></head><body>",
        f"<h1>{escape(title)}</h1><nav>{links}</nav>",
        "<h2>The corpus</h2>",
        _overview(report),
        "<h2>Tokens, beside LLaMA's table 1</h2>",
        _mixture(report),
        *(_source(source) for source in report.sources),
        "<h2>Models</h2>",
        _cards(report),
        "</body></html>\n",
    ]
    return "\n".join(parts)


def _table(columns: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """A table of cells that are HTML already; columns that start with # are numbers."""
    classes = [' class="n"' if column.startswith("#") else "" for column in columns]
    head = "".join(
        f"<th{c}>{escape(column.lstrip('#'))}</th>"
        for c, column in zip(classes, columns, strict=True)
    )
    body = "\n".join(
        "<tr>"
        + "".join(f"<td{c}>{cell}</td>" for c, cell in zip(classes, row, strict=True))
        + "</tr>"
        for row in rows
    )
    return f"<table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>"


def _bar(share: float, kind: str = "") -> str:
    return f'<span class="bar {kind}" style="width:{max(0.0, min(1.0, share)) * 160:.0f}px"></span>'


def _megabytes(count: int) -> str:
    return f"{count / 1e6:,.2f}"


def _overview(report: Report) -> str:
    return _table(
        ["source", "#records in", "#raw MB", "#documents", "#text MB", "kept", "#tokens"],
        [
            (
                escape(f.source),
                f"{f.records:,}",
                _megabytes(f.bytes_in),
                f"{f.documents:,}",
                _megabytes(f.text_bytes),
                _bar(f.documents / max(1, f.records)) + f" {f.documents / max(1, f.records):.0%}",
                "" if f.tokens is None else f"{f.tokens:,}",
            )
            for f in (source.funnel for source in report.sources)
        ],
    )


def _mixture(report: Report) -> str:
    if not report.mixture:
        return "<p>Not every source is tokenized yet, so there is no mixture.</p>"
    from pasture.manifests.mixture import load_mixture

    paper = load_mixture("llama").sources
    rows = []
    for name, share in report.mixture.items():
        theirs = paper.get(name)
        rows.append(
            (
                escape(name),
                f"{int(share['unique_tokens']):,}",
                f"{float(share['proportion']):.1%}",
                f"{float(share['epochs']):.2f}",
                "" if theirs is None else f"{theirs.proportion:.1%}",
                "" if theirs is None or theirs.epochs is None else f"{theirs.epochs:.2f}",
            )
        )
    return _table(
        ["source", "#tokens", "#proportion", "#epochs", "#LLaMA's proportion", "#LLaMA's epochs"],
        rows,
    )


def _source(source: SourceReport) -> str:
    funnel = source.funnel
    steps = [
        (
            f"<strong>{escape(step.stage)}</strong>",
            f"{step.rows_in:,}",
            f"{step.rows:,}",
            _bar(step.rows / max(1, funnel.records)),
            "<br>".join(
                [f"{count:,} {escape(reason)}" for reason, count in _most(step.dropped)]
                + [
                    f'<span class="soft">{count:,} lines: {escape(reason)}</span>'
                    for reason, count in _most(step.edited)
                ]
            ),
        )
        for step in source.steps
    ]
    charts = [("Length of a document, characters", source.lengths)]
    if source.perplexity is not None:
        charts.append(("Perplexity", source.perplexity))
    drawn = "".join(f"<div><h3>{title}</h3>{_chart(data)}</div>" for title, data in charts)
    counts = ""
    for title, pairs in (("language", source.languages), ("bucket", source.buckets)):
        if pairs:
            rows = [(escape(name), f"{count:,}") for name, count in pairs[:12]]
            counts += f"<div><h3>&nbsp;</h3>{_table([title, '#documents'], rows)}</div>"
    return "\n".join(
        [
            f'<h2 id="{escape(funnel.source)}">{escape(funnel.source)}</h2>',
            _table(["stage", "#in", "#kept", "share of all", "dropped"], steps),
            f'<div class="two">{drawn}{counts}</div>',
            _examples("Kept documents", source.kept),
            _examples("Dropped documents", source.dropped),
            _clusters(source.clusters),
        ]
    )


def _most(counts: object, most: int = 12) -> list[tuple[str, int]]:
    assert hasattr(counts, "items")
    ordered: list[tuple[str, int]] = sorted(counts.items(), key=lambda i: (-i[1], i[0]))
    return ordered[:most]


def _chart(data: Histogram) -> str:
    """A bar chart as SVG; the axis is logarithmic."""
    if not data.counts:
        return '<p class="soft">no documents</p>'
    width, height, top = 440, 130, max(data.counts)
    step = width / len(data.counts)
    bars = "".join(
        f'<rect x="{i * step:.1f}" y="{height - count / top * height:.1f}" '
        f'width="{max(1.0, step - 1.5):.1f}" height="{count / top * height:.1f}" fill="#4a7fb0">'
        f"<title>{data.edges[i]:,.0f} to {data.edges[i + 1]:,.0f}: {count:,}</title></rect>"
        for i, count in enumerate(data.counts)
    )
    every = max(1, len(data.counts) // 5)
    labels = "".join(
        f'<text x="{i * step:.1f}" y="{height + 14}" font-size="11" fill="#64707d">'
        f"{data.edges[i]:,.0f}</text>"
        for i in range(0, len(data.counts), every)
    )
    return (
        f'<svg role="img" viewBox="0 0 {width} {height + 20}" width="{width}" '
        f'height="{height + 20}">{bars}'
        f'<line x1="0" y1="{height}" x2="{width}" y2="{height}" stroke="#9aa5b0"/>{labels}</svg>'
    )


def _examples(title: str, examples: Sequence[Example]) -> str:
    blocks = "\n".join(
        f'<div class="id"><strong>{escape(e.why)}</strong> <span class="soft">'
        f"{escape(e.id)} {escape(e.url or '')}</span></div><pre>{escape(e.text)}</pre>"
        for e in examples
    )
    return f"<details><summary>{title} ({len(examples)} examples)</summary>{blocks}</details>"


def _clusters(clusters: Sequence[Cluster]) -> str:
    if not clusters:
        return ""
    rows = [
        (escape(c.stage), f"{c.size:,}", escape(c.id or c.place), escape(c.text)) for c in clusters
    ]
    shown = _table(["stage", "#dropped for it", "document that stays", "its first words"], rows)
    return f"<details><summary>Largest clusters of duplicates</summary>{shown}</details>"


def _cards(report: Report) -> str:
    return "\n".join(
        f"<h3>{escape(key)}</h3>"
        + _table(
            ["fact", "value"],
            [(escape(str(k)), escape(str(v))[:400]) for k, v in sorted(card.items())],
        )
        for key, card in report.cards.items()
    )
