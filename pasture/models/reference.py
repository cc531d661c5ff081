"""The classifier of pages that Wikipedia cites: a file, or trained on the run's own crawl."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Iterable, Iterator
from typing import Any, Literal

from pasture import storage
from pasture.filters.classifier import ReferenceClassifier
from pasture.filters.classifier_training import ReferenceTraining, TooFewExamples, train_reference
from pasture.filters.references import CitedUrls, select_reference_pages
from pasture.models.base import Model, Run, Stage, Stages, rows

EXTRACT = "00-extract"


@dataclasses.dataclass(frozen=True)
class ReferenceModel(Model):
    """A fastText classifier of pages that Wikipedia uses as references (LLaMA, section 2.1).

    Args:
        pages: Source whose pages are looked up (the LLaMA paper: the crawl).
        citations: Source whose documents carry ``references`` in their metadata.
        untrainable: What to do where the crawl holds too few cited pages: ``fail``, or
            ``keep_all``: no model is made, every page keeps a null score, and the run says so.
        training: How it is trained.
    """

    name = "reference"

    pages: str = "common_crawl"
    citations: str = "wikipedia"
    untrainable: Literal["fail", "keep_all"] = "fail"
    training: ReferenceTraining = ReferenceTraining()

    def sources(self) -> tuple[str, ...]:
        """The sources that are trained on."""
        return () if self.path else (self.pages, self.citations)

    def upstream(self, recipe: Stages) -> tuple[Stage, ...]:
        """The pages before the classifier's own stage, and the articles as extracted."""
        if self.path:
            return ()
        return (
            recipe.stage_before(self.pages, ReferenceClassifier),
            recipe.stage(f"{self.citations}/{EXTRACT}"),
        )

    def make(self, run: Run, folder: str) -> dict[str, Any]:
        """Train on the pages that the articles cite, against others."""
        pages, citing = map(run.shards, self.upstream(run.recipe))
        urls = CitedUrls(cited_urls(citing))

        def texts(cited: bool) -> Iterator[str]:
            for path in pages:
                found = select_reference_pages(urls, storage.read_rows(path, ["url", "text"]))
                yield from (text for is_cited, text in found if is_cited is cited)

        path = storage.join(folder, "reference.bin")
        try:
            card = train_reference(texts(True), texts(False), path=path, config=self.training)
        except TooFewExamples as error:
            if self.untrainable == "fail":
                raise
            note = f"{error}; the recipe says keep_all, so no page is dropped for its score"
            return {"trained": False, "reason": str(error), "notes": [note]}
        return {"trained": True, **card}

    def location(self, folder: str, card: dict[str, Any]) -> str | None:
        """The model's file; None where it could not be trained."""
        if self.path:
            return self.path
        return storage.join(folder, "reference.bin") if card["trained"] else None


def cited_urls(paths: Iterable[str]) -> Iterator[str]:
    """The URLs that the documents of shards cite, as their metadata says."""
    for (metadata,) in rows(list(paths), "metadata"):
        if metadata:
            yield from json.loads(metadata).get("references", [])
