"""All commands of LaTeX that are carried out, and what each does."""

from __future__ import annotations

from collections.abc import Mapping

from pasture.sources.arxiv.latex.choices import CHOICES
from pasture.sources.arxiv.latex.conditionals import CONDITIONALS
from pasture.sources.arxiv.latex.definitions import DEFINITIONS
from pasture.sources.arxiv.latex.environments import ENVIRONMENTS
from pasture.sources.arxiv.latex.expand import Meaning
from pasture.sources.arxiv.latex.inputs import INPUTS
from pasture.sources.arxiv.latex.loops import LOOPS
from pasture.sources.arxiv.latex.modes import MODES
from pasture.sources.arxiv.latex.options import OPTIONS
from pasture.sources.arxiv.latex.verbatim import VERBATIM

COMMANDS: Mapping[str, Meaning] = {
    **DEFINITIONS,
    **CONDITIONALS,
    **CHOICES,
    **INPUTS,
    **ENVIRONMENTS,
    **LOOPS,
    **MODES,
    **OPTIONS,
    **VERBATIM,
}
