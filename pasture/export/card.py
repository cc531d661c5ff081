"""The dataset card of an export: what is in it, where it comes from, and how to make it again.

Names, languages and licences come from the corpus and are escaped: no text of the corpus can add
markup to the card.
"""

from __future__ import annotations

import collections
import html
import re
from collections.abc import Iterable, Sequence

import yaml

from pasture import __version__
from pasture.export.base import Selection
from pasture.export.files import FileRecord
from pasture.manifests.layout import documents_key
from pasture.manifests.shards import StageManifest
from pasture.sources import SOURCES

MAX_ROWS = 40
"""Languages and licences that a table lists by name; ours."""
SIZES = ((1_000, "n<1K"), (10_000, "1K<n<10K"), (100_000, "10K<n<100K"), (1_000_000, "100K<n<1M"),
         (10_000_000, "1M<n<10M"), (100_000_000, "10M<n<100M"), (1_000_000_000, "100M<n<1B"),
         (10_000_000_000, "1B<n<10B"), (100_000_000_000, "10B<n<100B"))  # fmt: skip
"""The Hub's categories of size, by documents."""
_LANGUAGE = re.compile(r"[a-z]{2,3}")
_MARKUP = re.compile(r"[\\`*_\[\]!|~$]")
_LINKS = re.compile(r"(?<=www)\.|:(?=//)|@", re.IGNORECASE)
"""What makes a link of a bare address."""

LIMITS = """\
- Documents are as the filters left them. Filters are heuristics and models: some bad text passes them and some good text does not.
- Personal data, offensive text and false statements of the sources have not been removed, unless a step above names it.
- Languages are those of a classifier, or of the source; a document that mixes languages has one.
- Duplicates are removed as far as the deduplications above search; other repetitions remain.
- The licence of a document is the one that its source states. Pasture grants no rights in the text: each source's terms hold.
- Evaluation sets are removed only where a step `decontaminate` is listed above."""  # noqa: E501


def escape(text: str) -> str:
    """Escape a text for a line of Markdown: markup, HTML, addresses, line breaks and controls."""
    line = "".join(c if c.isprintable() else " " for c in text[:200])
    line = html.escape(_MARKUP.sub(r"\\\g<0>", line), quote=False)
    return _LINKS.sub(lambda match: f"&#{ord(match[0])};", line)


def dataset_card(
    selection: Selection,
    records: Sequence[FileRecord],
    *,
    recipe: str,
    title: str,
    licence: str,
) -> str:
    """Return the dataset card, README.md, of an export.

    Args:
        selection: What was exported.
        records: The files of documents, each with its source and counts in its facts.
        recipe: The recipe of the run, as YAML.
        title: Title of the card.
        licence: Licence of the dataset, as the Hub names it.
    """
    languages, licenses = _counts(records, "language"), _counts(records, "license")
    documents = sum(record.rows for record in records)
    parts = [
        _front_matter(selection, languages, documents, title, licence),
        f"# {escape(title)}",
        f"{documents:,} documents in {len(records):,} Parquet files, made with "
        f"Pasture {__version__} from raw sources.",
        _usage(selection),
        "## Sources",
        _sources(selection),
        "## Stages",
        "Documents of each stage, and how many each rule dropped, up to the stage that this "
        "dataset holds.",
        _stages(selection),
        "## Languages",
        _count_table("language", languages),
        "## Licences of documents",
        _count_table("licence", licenses),
        "## Columns",
        _columns(),
        "## Known limits",
        LIMITS,
        "## How to reproduce",
        _reproduction(selection, recipe),
    ]
    return "\n\n".join(parts) + "\n"


def _counts(records: Iterable[FileRecord], name: str) -> collections.Counter[str]:
    total: collections.Counter[str] = collections.Counter()
    for record in records:
        total.update(record.facts[name])
    return total


def _front_matter(
    selection: Selection,
    languages: collections.Counter[str],
    documents: int,
    title: str,
    licence: str,
) -> str:
    """Return the YAML that the Hub and ``load_dataset`` read."""
    configs = [
        {
            "config_name": "default",
            "default": True,
            "data_files": [{"split": "train", "path": "data/*/train-*.parquet"}],
        }
    ]
    for source in selection.sources:
        files = [{"split": "train", "path": f"data/{source}/train-*.parquet"}]
        configs.append({"config_name": source, "data_files": files})
    body = {
        "pretty_name": title,
        "license": licence,
        "language": sorted(filter(_LANGUAGE.fullmatch, languages)),
        "task_categories": ["text-generation"],
        "size_categories": [next((name for most, name in SIZES if documents < most), "100B<n<1T")],
        "tags": ["pretraining", "pasture"],
        "configs": configs,
    }
    written = {key: value for key, value in body.items() if value}
    return f"---\n{yaml.safe_dump(written, sort_keys=False, allow_unicode=True)}---"


def _usage(selection: Selection) -> str:
    return (
        "```python\nfrom datasets import load_dataset\n\n"
        'everything = load_dataset("FOLDER_OR_REPOSITORY", split="train")\n'
        f'one_source = load_dataset("FOLDER_OR_REPOSITORY", "{selection.sources[0]}", '
        'split="train")\n```'
    )


def _table(header: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """Write a table of cells that are escaped already."""
    lines = [header, ["---"] * len(header), *rows]
    return "\n".join(f"| {' | '.join(cells)} |" for cells in lines)


def _sources(selection: Selection) -> str:
    rows = []
    for stage in selection.stages:
        extract = selection.output.stages(stage.source)[0]
        kind = SOURCES.get(extract.config.get("source", stage.source))
        totals = stage.totals()
        title = kind.info.title if kind else stage.source
        terms = kind.info.licence if kind else "see the recipe"
        where = f" ({kind.info.homepage})" if kind else ""
        rows.append(
            (
                escape(stage.source),
                escape(title) + where,
                escape(terms),
                escape(stage.stage),
                f"{totals['rows']:,}",
                f"{totals['text_bytes']:,}",
                _tokens(selection, stage),
            )
        )
    header = ("source", "raw data", "terms", "stage", "documents", "bytes of text", "tokens")
    return _table(header, rows)


def _tokens(selection: Selection, stage: StageManifest) -> str:
    """Count the tokens of a stage, where it is the one that the run tokenized."""
    key = f"tokens/{stage.source}"
    if key not in selection.output.manifests():
        return "not counted"
    body = selection.output.manifest(key)
    exported = documents_key(stage.source, stage.stage)
    if body["upstream"].get(exported) != selection.upstream[exported]:
        return "not counted"
    return f"{sum(split['tokens'] for split in body['splits'].values()):,}"


def _stages(selection: Selection) -> str:
    rows = []
    last = {stage.source: stage.stage for stage in selection.stages}
    is_over: set[str] = set()
    for stage in selection.output.stages():
        if stage.source not in last or stage.source in is_over:
            continue
        totals = stage.totals()
        rules = [f"{escape(key)}: {count:,}" for key, count in totals["dropped"].items()]
        rows.append(
            (
                escape(f"{stage.source}/{stage.stage}"),
                f"{totals['rows_in']:,}",
                f"{totals['rows']:,}",
                "<br>".join(rules),
            )
        )
        if stage.stage == last[stage.source]:
            is_over.add(stage.source)
    return _table(("stage", "in", "kept", "dropped, by rule"), rows)


def _count_table(what: str, counts: collections.Counter[str]) -> str:
    ordered = sorted(counts.items(), key=lambda item: (-item[1], item[0]))
    rows = [(escape(name) or "not known", f"{count:,}") for name, count in ordered[:MAX_ROWS]]
    if len(ordered) > MAX_ROWS:
        rest = sum(count for _, count in ordered[MAX_ROWS:])
        rows.append((f"{len(ordered) - MAX_ROWS:,} others", f"{rest:,}"))
    return _table((what, "documents"), rows)


def _columns() -> str:
    return _table(
        ("column", "content"),
        (
            ("`id`, `source`", "identifier, unique within the source; name of the source"),
            ("`text`", "the document"),
            ("`url`, `date`", "where it was; when it was crawled, revised or published"),
            ("`language`, `language_score`", "ISO 639 code, and its probability"),
            ("`perplexity`, `perplexity_bucket`", "under an n-gram model of the language"),
            ("`reference_score`", "probability of being a page that Wikipedia cites"),
            ("`license`", "SPDX expression, where the source states one for each document"),
            ("`metadata`", "a JSON object with what else the source knows"),
        ),
    )


def _reproduction(selection: Selection, recipe: str) -> str:
    stages = " ".join(f"--stage {key.partition('/')[2]}" for key in selection.upstream)
    hashes = _table(
        ("stage", "SHA-256 of its manifest"),
        ((escape(key), f"`{digest}`") for key, digest in selection.upstream.items()),
    )
    commands = (
        f"```bash\npip install pasture=={__version__}\n"
        f"pasture run recipe.yaml --input RAW --output corpus\n"
        f"pasture export corpus --format huggingface {stages} --to dataset\n```"
    )
    note = (
        "`recipe.yaml` is in this folder. With equal raw files the stages have these manifests, "
        "and the Parquet files the hashes that `_MANIFEST` lists."
    )
    fence = "`" * max(3, 1 + max(map(len, re.findall(r"`+", recipe)), default=0))
    body = f"<details><summary>The recipe</summary>\n\n{fence}yaml\n{recipe.rstrip()}\n{fence}\n\n"
    return "\n\n".join([commands, note, hashes, f"{body}</details>" if recipe else ""]).rstrip()
