"""The row steps. A new one is a module and a line here."""

from __future__ import annotations

from pasture.filters.base import Step
from pasture.filters.c4 import BadWords, C4Lines, C4Pages
from pasture.filters.classifier import KeepReferences, ReferenceClassifier
from pasture.filters.code import CodeHeuristics, StripHeader
from pasture.filters.decontaminate import Decontaminate, MarkContaminated
from pasture.filters.heuristics import FineWebQuality, GopherQuality, GopherRepetition
from pasture.filters.language import KeepLanguages, LanguageId
from pasture.filters.ngram import KeepBuckets, Perplexity, PerplexityBuckets
from pasture.filters.scores import Classifier, Embed, KeepScores

FILTERS: dict[str, type[Step]] = {
    step.name: step
    for step in (
        LanguageId,
        KeepLanguages,
        C4Lines,
        C4Pages,
        BadWords,
        GopherQuality,
        GopherRepetition,
        FineWebQuality,
        Perplexity,
        PerplexityBuckets,
        KeepBuckets,
        ReferenceClassifier,
        KeepReferences,
        Classifier,
        Embed,
        KeepScores,
        CodeHeuristics,
        StripHeader,
        Decontaminate,
        MarkContaminated,
    )
}
