r"""Text and formulas: which of the two is being written.

It decides ``\ifmmode``, and lets ``\ensuremath`` in an author's macro become what it means:
nothing in a formula, dollars in text. A formula that a blank line breaks has ended, as in TeX.
"""

from __future__ import annotations

from collections.abc import Mapping

from pasture.sources.arxiv.latex.conditionals import Condition
from pasture.sources.arxiv.latex.expand import Expander, Handler
from pasture.sources.arxiv.latex.names import DECLARATIONS, NO_SPACE_BEFORE, TEXT_COMMANDS
from pasture.sources.arxiv.latex.reader import FileFrame, NoArgument
from pasture.sources.arxiv.latex.tokens import is_control_word

_SCRIPTS = ("^", "_")


def _open_formula(expander: Expander, token: str) -> None:
    expander.emit(token)
    expander.in_math = True


def _close_formula(expander: Expander, token: str) -> None:
    expander.emit(token)
    expander.in_math = False


def _text_command(expander: Expander, token: str) -> None:
    expander.emit(token)
    expander.text_follows = expander.reader.peek() == "{"


def _ensuremath(expander: Expander, token: str) -> None:
    if isinstance(expander.reader.frames[-1], FileFrame):
        expander.emit(token)
        return
    try:
        formula = expander.reader.argument()
    except NoArgument:
        expander.emit(token)
        return
    if not expander.in_math:
        expander.reader.push(["$", *formula, "$"])
        return
    before = expander.out[-1] if expander.out else ""
    after = (expander.reader.peek() or "")[:1]
    needs_braces = (
        before.endswith(_SCRIPTS)
        or (before and is_control_word(before))
        or after in ("^", "_", "'")
        or not DECLARATIONS.isdisjoint(formula)
    )
    expander.reader.push(["{", *formula, "}"] if needs_braces else formula)


def _in_math(expander: Expander) -> bool | None:
    return expander.in_math


def _xspace(expander: Expander, token: str) -> None:
    r"""Write the space of ``\xspace`` unless punctuation, a space or a brace follows."""
    following = expander.reader.peek_raw()
    if following is None:
        return
    if following[0] == "\\":
        spaced = following not in NO_SPACE_BEFORE
    else:
        spaced = following[0] not in "{}~.!,:;?/')- \t\n"
    if spaced:
        expander.emit(" ")
    else:
        expander.remove()


MODES: Mapping[str, Handler] = {
    "\\(": _open_formula,
    "\\[": _open_formula,
    "\\)": _close_formula,
    "\\]": _close_formula,
    "\\ensuremath": _ensuremath,
    "\\xspace": _xspace,
    "\\ifmmode": Condition(_in_math),
    **dict.fromkeys(sorted(TEXT_COMMANDS), _text_command),
}
