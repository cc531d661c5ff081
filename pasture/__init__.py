"""Pasture rebuilds the pretraining corpus of LLaMA from raw public sources.

As a library: ``pasture.load_recipe``, ``pasture.run``, ``pasture.documents``, ``pasture.explain``,
``pasture.tokens``, ``pasture.source`` and ``pasture.step``; see ``pasture.api``.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from pasture.api import documents, explain, load_recipe, run, source, step, tokens

__version__ = "0.1.0"
__all__ = [
    "__version__",
    "documents",
    "explain",
    "load_recipe",
    "run",
    "source",
    "step",
    "tokens",
]


def __getattr__(name: str) -> Any:
    """Import the library when it is first used, so that ``pasture --help`` answers at once."""
    if name in __all__:
        return getattr(importlib.import_module("pasture.api"), name)
    raise AttributeError(f"module 'pasture' has no attribute {name!r}")
