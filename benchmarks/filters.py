"""Measure the chain of language ID, C4's rules and Gopher's rules, beside datatrove's filters.

    python -m benchmarks.filters 'FOLDER/*.warc.wet.gz'

Needs ``pip install datatrove spacy`` beside Pasture. Four ways over the same pages, in turns:
Pasture's steps, batch by batch; datatrove's filters, page by page, as its pipeline calls them;
and of both the language ID alone, which for fastText's own loop over the pages is the least that
any chain can take. Both load the same lid.176.ftz, and have the thresholds of C4's code and of
Gopher's paper. datatrove's words and sentences come from spaCy's rules for English, which need no
model.

Each filter is also run by itself on all pages: how many each side keeps, and on how many both say
the same.
"""

from __future__ import annotations

import argparse
import functools
import itertools
import statistics
import time
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from benchmarks.reporting import machine, markdown_table
from pasture.filters import fasttext_models
from pasture.filters.base import Annotator, Editor, Filter, Step, split
from pasture.filters.c4 import C4Lines
from pasture.filters.heuristics import GopherQuality, GopherRepetition
from pasture.filters.language import KeepLanguages, LanguageId, default_model
from pasture.records import Document, replace_column, to_batches
from pasture.sources.common_crawl.source import CommonCrawl

STEPS: dict[str, tuple[Step, ...]] = {
    "language": (LanguageId(), KeepLanguages(languages=("en",), min_score=0.5)),
    "C4 rules": (C4Lines(),),
    "Gopher quality": (GopherQuality(),),
    "Gopher repetition": (GopherRepetition(),),
}


def apply_steps(steps: Sequence[Step], batch: pa.RecordBatch) -> pa.RecordBatch:
    """Run steps over a batch, without the audit of what they drop."""
    for step in steps:
        if isinstance(step, Annotator):
            batch = step.annotate(batch)
        elif isinstance(step, Filter):
            batch, _ = split(batch, step.name, step.reasons(batch))
        else:
            assert isinstance(step, Editor)
            edits = step.edits(batch)
            edited = replace_column(batch, "text", pa.array([edit.text for edit in edits]))
            batch = edited.filter(pa.array([edit.reason is None for edit in edits]))
    return batch


def pasture_chain(batches: list[pa.RecordBatch], steps: Sequence[Step]) -> list[str]:
    """The ids of the pages that Pasture's steps keep."""
    kept = [apply_steps(steps, batch) for batch in batches]
    return [page for batch in kept for page in batch["id"].to_pylist()]


def bare_language_loop(texts: list[str]) -> list[str]:
    """What any chain has to do at least: ask fastText for each page."""
    predict = fasttext_models.load(default_model()).predict
    return [predict([text.replace("\n", " ")])[0][0][0] for text in texts]


class OneText:
    """fastText's model as datatrove calls it; ``predict`` of a string breaks with NumPy 2."""

    def __init__(self, model: fasttext_models.FastText) -> None:
        self.model = model

    def predict(self, text: str, k: int) -> tuple[list[str], npt.NDArray[np.float32]]:
        labels, scores = self.model.predict([text], k=k)
        return labels[0], scores[0]


def datatrove_filters() -> dict[str, Any]:
    """datatrove's filters, with the thresholds of ``STEPS``."""
    from datatrove.pipeline.filters import (
        C4QualityFilter,
        GopherQualityFilter,
        GopherRepetitionFilter,
        LanguageFilter,
    )

    LanguageFilter._requires_dependencies = []  # a wheel of fastText for NumPy 2
    language = LanguageFilter(languages=["en"], language_threshold=0.5)
    language.model._model = OneText(fasttext_models.load(default_model()))  # no download
    return {
        "language": language,
        "C4 rules": C4QualityFilter(min_num_sentences=3, min_words_per_line=5),
        "Gopher quality": GopherQualityFilter(),
        "Gopher repetition": GopherRepetitionFilter(),
    }


def datatrove_chain(pages: list[Document], filters: Sequence[Any]) -> list[str]:
    """The ids of the pages that datatrove's filters keep."""
    from datatrove.data import Document as Page

    kept = []
    for page in pages:
        document = Page(text=page.text, id=page.id)
        if all(_keeps(one.filter(document)) for one in filters):
            kept.append(page.id)
    return kept


def _keeps(answer: bool | tuple[bool, str]) -> bool:
    return answer if isinstance(answer, bool) else answer[0]


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("inputs", nargs="+", help="WET or WARC files, or patterns")
    parser.add_argument("--pages", type=int, help="the first so many; all by default")
    parser.add_argument("--runs", type=int, default=3)
    args = parser.parse_args()

    source = CommonCrawl(inputs=tuple(args.inputs))
    found = (page for shard in source.shards() for page in source.read(shard))
    documents = (page for page in found if isinstance(page, Document))
    pages = list(itertools.islice(documents, args.pages))
    texts = [page.text for page in pages]
    megabytes = sum(len(text.encode()) for text in texts) / 1e6
    batches = list(to_batches(pages))
    filters = datatrove_filters()
    chain = [step for steps in STEPS.values() for step in steps]

    ways: dict[str, Callable[[], list[str]]] = {
        "Pasture, chain": functools.partial(pasture_chain, batches, chain),
        "datatrove, chain": functools.partial(datatrove_chain, pages, list(filters.values())),
    }
    for name, steps in STEPS.items():
        ways[f"Pasture, {name}"] = functools.partial(pasture_chain, batches, steps)
        ways[f"datatrove, {name}"] = functools.partial(datatrove_chain, pages, [filters[name]])
    ways["fastText alone"] = functools.partial(bare_language_loop, texts)

    kept = {name: set(way()) for name, way in ways.items()}  # and loads what is loaded once
    seconds: dict[str, list[float]] = {name: [] for name in ways}
    for _ in range(args.runs):
        for name, way in ways.items():
            start = time.process_time()
            way()
            seconds[name].append(time.process_time() - start)
    speed = {name: megabytes / statistics.median(times) for name, times in seconds.items()}

    print(f"{len(pages)} pages, {megabytes:.1f} MB of text. {machine()}, one core.\n")
    rows = []
    for name in ("chain", *STEPS):
        ours, theirs = f"Pasture, {name}", f"datatrove, {name}"
        ratio = speed[ours] / speed[theirs]
        same = len(pages) - len(kept[ours] ^ kept[theirs])
        rows.append(
            (
                name,
                f"{speed[ours]:.1f}",
                f"{speed[theirs]:.1f}",
                f"{ratio:.1f}",
                len(kept[ours]),
                len(kept[theirs]),
                f"{same / len(pages):.1%}",
            )
        )
    header = ("filter", "Pasture, MB/s", "datatrove, MB/s", "ratio", "Pasture keeps")
    print(markdown_table((*header, "datatrove keeps", "same answer"), rows))
    print(f"\nfastText's own loop: {speed['fastText alone']:.1f} MB/s.")


if __name__ == "__main__":
    main()
