"""Run cc_net's own functions and Pasture's CCNet mode on the same WET files, line by line.

    python -m benchmarks.ccnet CC_NET FILE [FILE ...]

CC_NET is a checkout of github.com/facebookresearch/cc_net; its imports (func_argparse,
beautifulsoup4, pandas, requests, psutil) must be installed. Both are given the pages as Pasture
reads them, because cc_net reads headers by their position and fails on today's WET files. Each
file is a shard, and all files are one group. It tells the pages that differ in a line or in the
language, and what the rules remove: the paper's two passes, with a page's first copy kept.
"""

from __future__ import annotations

import argparse
import pathlib
import sys
import tempfile
from typing import Any

import apache_beam as beam

from benchmarks.reporting import markdown_table
from pasture import storage
from pasture.dedup.lines import DuplicateLines
from pasture.filters.fasttext_models import load
from pasture.filters.language import LanguageId, default_model
from pasture.records import DOCUMENT_SCHEMA, Document, to_batches
from pasture.runners.options import LOCAL_RUNNER
from pasture.sources.common_crawl.source import CommonCrawl
from pasture.stages.shards import StageFolder
from pasture.stages.transforms import Deduplicate

Answer = tuple[list[str], str, float]


def read(paths: list[str]) -> list[list[Document]]:
    source = CommonCrawl(inputs=tuple(paths))
    return [
        [record for record in source.read(unit) if isinstance(record, Document)]
        for unit in source.shards()
    ]


class SingleString:
    """fastText's model for a single string: its own Python function fails with numpy 2."""

    def __init__(self, model: Any) -> None:
        self.model = model

    def predict(self, text: str, k: int) -> tuple[list[str], Any]:
        import numpy as np

        pairs = self.model.f.predict(text + "\n", k, 0.0, "strict")
        return [label for _, label in pairs], np.array([score for score, _ in pairs])


def run_cc_net(checkout: str, shards: list[list[Document]]) -> dict[str, Answer]:
    sys.path.insert(0, checkout)
    from cc_net import dedup, split_by_lang

    def pages(shard: list[Document]) -> list[dict[str, Any]]:
        return [{"id": document.id, "raw_content": document.text} for document in shard]

    found: dict[str, Answer] = {}
    with tempfile.TemporaryDirectory() as folder:
        hashes = [pathlib.Path(folder, f"{number:04}.bin") for number in range(len(shards))]
        for shard, path in zip(shards, hashes, strict=True):
            collector = dedup.HashesCollector(field="raw_content", output=path)
            list(collector.map(pages(shard)))
        remover = dedup.DuplicatesRemover(field="raw_content", hashes_files=hashes)
        classifier = split_by_lang.Classifier(
            pathlib.Path(default_model()), "raw_content", "language"
        )
        kept = filter(None, remover.map(pages([page for shard in shards for page in shard])))
        left = list(kept)
        classifier.fasttext_model, classifier.ready = SingleString(load(default_model())), True
        for page in classifier.map(left):
            lines = page["raw_content"].split("\n")
            found[page["id"]] = (lines, page["language"], float(page["language_score"]))
    return found


def run_pasture(shards: list[list[Document]]) -> dict[str, Answer]:
    found: dict[str, Answer] = {}
    with tempfile.TemporaryDirectory() as folder:
        elements = []
        for index, shard in enumerate(shards):
            path = storage.join(folder, storage.shard_name("in", index, len(shards)))
            with storage.atomic_parquet(path, DOCUMENT_SCHEMA) as writer:
                for batch in to_batches(shard):
                    writer.write_batch(batch)
            elements.append((index, path))
        output = StageFolder(storage.join(folder, "out"), len(shards), "benchmark")
        with beam.Pipeline(runner=LOCAL_RUNNER) as pipeline:
            stage = Deduplicate(DuplicateLines(), output, frozenset(range(len(shards))))
            pipeline | beam.Create(elements) | stage
        language = LanguageId(mode="ccnet")
        language.setup()
        for index in range(len(shards)):
            for batch in storage.read_batches(
                storage.join(output.path, output.shard("documents", index))
            ):
                for row in language.annotate(batch).to_pylist():
                    score = round(row["language_score"], 6)
                    found[row["id"]] = (row["text"].split("\n"), row["language"], score)
    return found


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("cc_net")
    parser.add_argument("files", nargs="+")
    arguments = parser.parse_args()
    shards = read(arguments.files)
    theirs, ours = run_cc_net(arguments.cc_net, shards), run_pasture(shards)
    pages = [document for shard in shards for document in shard]
    lines = [line for page in pages for line in page.text.split("\n")]
    rows = [("read", len(pages), len(lines), sum(len(page.text) for page in pages))]
    for name, answers in (("cc_net keeps", theirs), ("Pasture keeps", ours)):
        texts = ["\n".join(kept) for kept, _, _ in answers.values()]
        rows.append((name, len(texts), sum(t.count("\n") + 1 for t in texts), sum(map(len, texts))))
    print(markdown_table(["", "pages", "lines", "characters"], rows))
    both = theirs.keys() & ours.keys()
    print(
        f"\npages that one keeps alone: {len(theirs.keys() ^ ours.keys())}; with other lines: "
        f"{sum(theirs[page][0] != ours[page][0] for page in both)}; with another language: "
        f"{sum(theirs[page][1] != ours[page][1] for page in both)}; with another score: "
        f"{sum(abs(theirs[page][2] - ours[page][2]) > 1e-6 for page in both)}"
    )


if __name__ == "__main__":
    main()
