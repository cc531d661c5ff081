"""The kinds of models that a recipe may name. A new one is a module and a line here."""

from __future__ import annotations

from pasture.models.base import Model
from pasture.models.classifier import ClassifierModel
from pasture.models.cutoffs import Cutoffs
from pasture.models.embedding import EmbeddingModel
from pasture.models.language import LanguageModel
from pasture.models.ngram import NgramModels
from pasture.models.reference import ReferenceModel

MODELS: dict[str, type[Model]] = {
    kind.name: kind
    for kind in (
        *(LanguageModel, NgramModels, Cutoffs, ReferenceModel, ClassifierModel, EmbeddingModel),
    )
}

DEFAULT_MODELS: dict[str, Model] = {
    model.name: model for model in (LanguageModel(), NgramModels(), Cutoffs(), ReferenceModel())
}
"""The models that every recipe has, by the names that steps look for."""
