"""All commands of LaTeX that are carried out, and what each does."""

from __future__ import annotations

from collections.abc import Mapping

from pasture.sources.latex.choices import CHOICES
from pasture.sources.latex.conditionals import CONDITIONALS
from pasture.sources.latex.definitions import DEFINITIONS
from pasture.sources.latex.environments import ENVIRONMENTS
from pasture.sources.latex.expand import Meaning
from pasture.sources.latex.inputs import INPUTS
from pasture.sources.latex.loops import LOOPS
from pasture.sources.latex.modes import MODES
from pasture.sources.latex.options import OPTIONS
from pasture.sources.latex.verbatim import VERBATIM

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
