"""What an expansion may use: files that it reads, and how far it goes."""

from __future__ import annotations

import dataclasses
from typing import Protocol

from pasture.sources.arxiv.latex.tokens import Lexicon


class CannotExpand(Exception):  # a verdict on the paper, which becomes a Rejected
    """A paper cannot be expanded.

    Args:
        reason: The reason of the ``Rejected``.
        detail: What exactly was met.
    """

    def __init__(self, reason: str, detail: str) -> None:
        super().__init__(f"{reason}: {detail}")
        self.reason = reason
        self.detail = detail


@dataclasses.dataclass(frozen=True)
class ExpansionLimits:
    """How far macros are expanded; all are ours, ten times what real papers need.

    Args:
        call_steps: Steps (``reader.cost``) that one call in the text may take, besides eight
            times what its arguments cost.
        total_steps: Steps that all the calls of a paper may take.
        input_chars: Characters of all the files read, a file counting each time.
        inputs: Files read, a file counting each time.
        nesting: Definitions expanded within definitions (``\\edef``).
    """

    call_steps: int = 100_000
    total_steps: int = 10_000_000
    input_chars: int = 64_000_000
    inputs: int = 2_000
    nesting: int = 20


class Files(Protocol):
    """The files of a submission, as the expander needs them."""

    lexicon: Lexicon

    def resolve(self, name: str, beside: str = "", extension: str = ".tex") -> str | None:
        """Find the file that ``\\input{name}`` names."""

    def text(self, path: str) -> str:
        """The text of a file, without comments."""

    def part(self, path: str) -> str:
        """The text of a file that another one reads."""
