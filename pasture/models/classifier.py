"""A fastText classifier from labels: those of a file, or classes that stages of the run make up."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Mapping
from typing import Any

from pasture import storage
from pasture.errors import ConfigError
from pasture.filters.label_training import LabelTraining, read_labels, train_classifier
from pasture.models.base import Model, Run, Stages, check_file, digest, rows


@dataclasses.dataclass(frozen=True)
class ClassifierModel(Model):
    """A fastText classifier of documents, from a labels file or from stages of the run.

    Args:
        labels: A file with an object a line, ``{"text": ..., "label": ...}``, as JSON; .gz is
            read too. A relative path starts at the recipe's folder.
        classes: Label to the stages, as ``source`` or ``source/stage``, whose documents have it.
            DCLM's way: good documents against those of the crawl (Li et al. 2024,
            arXiv:2406.11794, section 4.4).
        training: How it is trained.
    """

    name = "classifier"

    labels: str = ""
    classes: Mapping[str, tuple[str, ...]] = dataclasses.field(default_factory=dict)
    training: LabelTraining = LabelTraining()

    def __post_init__(self) -> None:
        given = [name for name in ("path", "labels", "classes") if getattr(self, name)]
        if len(given) != 1:
            raise ConfigError(
                f"a classifier has one of path, labels and classes; this one has "
                f"{' and '.join(given) or 'none'}"
            )
        if self.classes and len(self.classes) < 2:
            raise ConfigError("classes: name two labels or more")

    def sources(self) -> tuple[str, ...]:
        """The stages of all classes."""
        return tuple(dict.fromkeys(name for names in self.classes.values() for name in names))

    def rooted(self, root: str) -> Model:
        """Return the model with relative paths below a folder."""
        rooted = super().rooted(root)
        if not self.labels:
            return rooted
        return dataclasses.replace(self, labels=storage.join(root, self.labels))

    def plain(self, recipe: Stages) -> dict[str, Any]:
        """What the model depends on; of a labels file, its content."""
        body = super().plain(recipe)
        return {**body, "labels": digest(self.labels)} if self.labels else body

    def check(self, name: str) -> None:
        """Look for the model or the labels."""
        super().check(name)
        if self.labels:
            check_file(f"{name}: labels", self.labels)

    def make(self, run: Run, folder: str) -> dict[str, Any]:
        """Train the classifier."""
        examples = read_labels(self.labels) if self.labels else self._documents(run)
        path = storage.join(folder, "classifier.bin")
        return {"trained": True, **train_classifier(examples, path=path, config=self.training)}

    def _documents(self, run: Run) -> Iterator[tuple[str, str]]:
        for label, names in self.classes.items():
            for name in names:
                for (text,) in rows(run.shards(run.recipe.stage(name)), "text"):
                    yield label, text

    def location(self, folder: str, card: dict[str, Any]) -> str:
        """The model's file."""
        return self.path or storage.join(folder, "classifier.bin")
