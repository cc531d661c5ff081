"""The nodes that the driver makes itself: models and the tokenizer."""

from __future__ import annotations

import dataclasses
from typing import Any

from pasture import storage
from pasture.graph.base import Context, DriverNode
from pasture.manifests.layout import documents_key
from pasture.models.base import Model
from pasture.recipes.schema import (
    plugin_code,
)


@dataclasses.dataclass(frozen=True)
class ModelNode(DriverNode):
    """A model that the driver trains, estimates, or takes from the user."""

    @property
    def name(self) -> str:
        """Its name in the recipe's ``models``."""
        return self.key.rsplit("/", 1)[-1]

    def model(self, context: Context) -> Model:
        """The model as the recipe describes it."""
        return context.recipe.models[self.name]

    def config(self, context: Context) -> dict[str, Any]:
        """The model's part of the recipe."""
        model = self.model(context)
        return model.plain(context.recipe) | plugin_code(type(model))

    def check(self, context: Context) -> None:
        """Look for the model, or for the tools that train it."""
        self.model(context).check(self.name)

    def make(self, context: Context) -> None:
        """Make the model."""
        model, folder = self.model(context), context.folder(self.key)
        storage.make_folder(folder)
        given = {"trained": False, "given": True}
        card = given if model.is_given else model.make(context, folder)
        self.write_manifest(context, self.name, card)


@dataclasses.dataclass(frozen=True)
class TokenizerNode(DriverNode):
    """The tokenizer: trained on the last documents of every source, or the user's."""

    def config(self, context: Context) -> dict[str, Any]:
        """The tokenizer's part of the recipe, and what it draws of each source."""
        recipe = context.recipe
        if recipe.mixture is None:
            return recipe.tokenizer.plain(recipe.seed, "natural")
        shares = {name: recipe.mixture.sources[name].proportion for name in recipe.sources}
        return recipe.tokenizer.plain(recipe.seed, shares)

    def check(self, context: Context) -> None:
        """Look at the user's tokenizer."""
        tokens = context.recipe.tokens
        context.recipe.tokenizer.check(bos=tokens.bos, eos=tokens.eos)

    def make(self, context: Context) -> None:
        """Train or copy the tokenizer."""
        recipe = context.recipe
        stages = {}
        for name, source in recipe.sources.items() if not recipe.tokenizer.path else ():
            folder = context.folder(documents_key(name, source.last_stage))
            stages[name] = (context.manifest(name, source.last_stage), folder)
        folder = context.folder(self.key)
        card = recipe.tokenizer.make(stages, recipe.mixture, folder, recipe.seed)
        self.write_manifest(context, "tokenizer", card)
