"""Language identification: lid.176.ftz as installed, the user's own, or trained on a source."""

from __future__ import annotations

import dataclasses
from typing import Any

from pasture import storage
from pasture.filters.language import default_model
from pasture.filters.language_training import LanguageTraining, train_language
from pasture.models.base import Model, Run, rows


@dataclasses.dataclass(frozen=True)
class LanguageModel(Model):
    """A fastText model whose labels are language codes.

    Args:
        source: Source whose documents have a language from elsewhere (the Wikipedias), as
            ``source`` or ``source/stage``, to train on. Without it, the model is fastText's
            ``lid.176.ftz``.
        training: How it is trained.
    """

    name = "language"

    source: str = ""
    training: LanguageTraining = LanguageTraining()

    def sources(self) -> tuple[str, ...]:
        """The source that is trained on, if any."""
        return (self.source,) if self.source and not self.path else ()

    @property
    def is_given(self) -> bool:
        """Whether nothing is trained."""
        return not self.sources()

    def plain(self, recipe: Any) -> dict[str, Any]:
        """What the model depends on."""
        if not self.path and not self.source:
            return {"path": "", "sha256": self.sha256, "seed": recipe.seed}
        return super().plain(recipe)

    def check(self, name: str) -> None:
        """Look for the file, or for the installed model."""
        if self.path:
            super().check(name)
        elif not self.source:
            default_model()

    def make(self, run: Run, folder: str) -> dict[str, Any]:
        """Train on the documents of a source."""
        (stage,) = self.upstream(run.recipe)
        found = rows(run.shards(stage), "language", "text")
        examples = ((language, text) for language, text in found if language is not None)
        path = storage.join(folder, "language.bin")
        return {"trained": True, **train_language(examples, path=path, config=self.training)}

    def location(self, folder: str, card: dict[str, Any]) -> str:
        """The model's file."""
        if self.path:
            return self.path
        return storage.join(folder, "language.bin") if self.source else default_model()
