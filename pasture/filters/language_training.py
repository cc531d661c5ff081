"""Trains a fastText language identifier from texts of known language, such as the Wikipedias.

An example is a line of a text. Each language has as many as the others, if it has them.
"""

from __future__ import annotations

import contextlib
import dataclasses
import pathlib
import tempfile
from collections.abc import Iterable
from typing import Any

from pasture.errors import ModelError
from pasture.filters.fasttext_models import (
    FastTextOptions,
    one_line,
    predict_best,
    train,
    training_line,
)
from pasture.filters.model_files import publish
from pasture.filters.sampling import TextSample


@dataclasses.dataclass(frozen=True)
class LanguageTraining:
    """How the language identifier is trained.

    Args:
        lines: Most lines of each language, drawn by hash; ours.
        min_characters: Shortest line that is an example; ours.
        held_out: One line in so many is kept out of the training, to measure on.
        fasttext: How fastText trains: small vectors over sequences of 2 to 4 characters and
            hierarchical softmax, as lid.176; buckets and rates are ours.
        seed: Seed of the draw.
    """

    lines: int = 50_000
    min_characters: int = 40
    held_out: int = 20
    fasttext: FastTextOptions = FastTextOptions(
        dim=16, lr=0.5, epoch=25, min_count=100, minn=2, maxn=4, bucket=200_000, loss="hs"
    )
    seed: int = 0


def train_language(
    examples: Iterable[tuple[str, str]],
    *,
    path: str,
    config: LanguageTraining = LanguageTraining(),
    work_folder: str | None = None,
) -> dict[str, Any]:
    """Train the identifier and write it; return its card.

    Args:
        examples: Pairs of an ISO 639 code and a text of that language.
        path: Where the model goes, local or in a bucket.
        config: How it is trained.
        work_folder: A local folder for what is large and short-lived.

    Raises:
        ModelError: There are fewer than two languages.
    """
    with contextlib.ExitStack() as stack:
        work = pathlib.Path(stack.enter_context(tempfile.TemporaryDirectory(dir=work_folder)))
        samples: dict[str, TextSample] = {}
        for language, text in examples:
            for line in text.splitlines():
                line = line.strip()
                if len(line) < config.min_characters:
                    continue
                if language not in samples:
                    spool = stack.enter_context(tempfile.TemporaryFile(dir=work_folder))
                    samples[language] = TextSample(spool, config.lines, seed=config.seed)
                samples[language].add(line)
        if len(samples) < 2:
            raise ModelError(
                f"a language identifier needs lines of {config.min_characters} or more "
                f"characters in two languages; there are {sorted(samples)}"
            )
        drawn = sorted(
            (entry, language) for language, sample in samples.items() for entry in sample.entries()
        )
        with (work / "examples").open("w", encoding="utf-8", newline="\n") as lines:
            for entry, language in drawn:
                if entry.key % config.held_out:
                    lines.write(training_line(language, samples[language].read(entry)))
        model = train(work / "examples", work / "model.bin", config.fasttext)
        held_out = {language: [0, 0] for language in sorted(samples)}
        for entry, language in drawn:
            if not entry.key % config.held_out:
                best, _ = predict_best(model, [one_line(samples[language].read(entry))])
                held_out[language][0] += 1
                held_out[language][1] += best == [language]
        total, right = (sum(values) for values in zip(*held_out.values(), strict=True))
        return {
            "kind": "language",
            "lines": {language: len(samples[language]) for language in sorted(samples)},
            "held_out_lines": total,
            "held_out_accuracy": round(right / total, 4) if total else None,
            "held_out_accuracy_by_language": {
                language: round(correct / count, 4) if count else None
                for language, (count, correct) in held_out.items()
            },
            "training": dataclasses.asdict(config),
            "sha256": publish(work / "model.bin", path),
        }
