"""N-gram models of languages: a folder of the user's, or trained on a source's documents."""

from __future__ import annotations

import dataclasses
import tempfile
from collections.abc import Iterable
from typing import Any

from pasture.errors import InputError
from pasture.filters.ngram_training import NgramTraining, find_tool, train_ngram
from pasture.models.base import Model, Run, rows


@dataclasses.dataclass(frozen=True)
class NgramModels(Model):
    """N-gram models, one a language: SentencePiece pieces and a KenLM 5-gram.

    Given by ``path``, it is a folder with ``{language}.sp.model`` and ``{language}.arpa.bin``.

    Args:
        source: Source whose last stage the models are trained on (CCNet: Wikipedia), or
            ``source/stage``.
        languages: One model each.
        training: How they are trained.
    """

    name = "ngram"

    source: str = "wikipedia"
    languages: tuple[str, ...] = ("en",)
    training: NgramTraining = NgramTraining()

    def sources(self) -> tuple[str, ...]:
        """The source that is trained on."""
        return () if self.path else (self.source,)

    def check(self, name: str) -> None:
        """Look for the folder, or for KenLM's tools."""
        super().check(name)
        if not self.path:
            find_tool("lmplz")
            find_tool("build_binary")

    def make(self, run: Run, folder: str) -> dict[str, Any]:
        """Train one model a language."""
        (stage,) = self.upstream(run.recipe)
        paths = run.shards(stage)
        check_languages((found for (found,) in rows(paths, "language")), self.languages, stage[0])
        cards: dict[str, Any] = {}
        for language in self.languages:
            texts = (t for t, found in rows(paths, "text", "language") if found == language)
            with tempfile.TemporaryDirectory() as work:
                cards[language] = train_ngram(
                    texts, language=language, folder=folder, config=self.training, work_folder=work
                )
        notes = [note for card in cards.values() for note in card.get("notes", [])]
        return {"trained": True, "languages": cards, "notes": notes}


def check_languages(found: Iterable[str | None], wanted: tuple[str, ...], source: str) -> None:
    """Check, before the first model is trained, that a source has documents for all.

    Args:
        found: The languages of the source's documents.
        wanted: The languages that models are trained for.
        source: Name of the source.

    Raises:
        InputError: No language is wanted, or the source has no document in one of them.
    """
    present = {code for code in found if code is not None}
    missing = [code for code in wanted if code not in present]
    if missing or not wanted:
        raise InputError(
            f"{source} has no document in {', '.join(missing) or 'no language'}; its languages "
            f"are {', '.join(sorted(present)) or 'unknown'}"
        )
