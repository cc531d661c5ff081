r"""Logos: names set with shifted and kerned letters, such as ``\BibTeX``.

The text keeps the name that a reader sees, not the distances between its letters.
"""

from __future__ import annotations

import re

from pasture.sources.arxiv.latex.macros import Macro
from pasture.sources.arxiv.latex.names import words
from pasture.sources.arxiv.latex.styles import tokenize

LOGOS = words(
    """
    TeX LaTeX LaTeXe BibTeX XeTeX XeLaTeX LuaTeX LuaLaTeX pdfTeX pdfLaTeX PDFLaTeX AmS AmSTeX
    AmSLaTeX AMSTeX AMSLaTeX SliTeX PiCTeX METAFONT MetaPost ConTeXt LyX eTeX BibLaTeX
    """,
    "\\",
)
"""Logos whose commands everybody knows: they stay as they are."""

_MAX_BODY = 120  # tokens; the longest logo seen, of BibTeX, has 30
_SHIFTS = frozenset({"\\kern", "\\lower", "\\raise", "\\raisebox"})
_NUMBER = r"[ ]?=?[ ]?-?[0-9.,]{1,8}[ ]?"
_KERN = re.compile(rf"\\(?:kern|hskip){_NUMBER}(?:em|ex|pt)[ ]?|\\hspace\*?\{{-[^{{}}]{{1,10}}\}}")
_WIDE = re.compile(r"\\(?:kern|hskip)[ ]?(?:[1-9]|0?[.,][3-9])")  # as wide as a space
_SHIFT = re.compile(
    rf"\\(?:lower|raise){_NUMBER}(?:em|ex|pt)[ ]?\\hbox[ ]?(?=\{{)|"
    r"\\raisebox\{-?[^{}]{1,12}\}(?:\[[^\[\]]{0,12}\]){0,2}(?=\{)"
)
_FACTOR = re.compile(rf"\\spacefactor{_NUMBER}(?:\\@m)?|\\@(?![A-Za-z])|\\leavevmode[ ]?")
_LETTERS = re.compile(r"(\\[A-Za-z]{1,20}[ ]?)?\{([A-Za-z]{1,20})\}")


def flattened_logo(macro: Macro) -> Macro | None:
    """A logo without the distances between its letters; None for a macro that is none."""
    body = macro.body
    if macro.parameters or len(body) > _MAX_BODY or _SHIFTS.isdisjoint(body):
        return None
    text = "".join(body)
    if "$" in text or _WIDE.search(text):
        return None
    text = _FACTOR.sub("", _SHIFT.sub("", _KERN.sub("", text)))
    text = _LETTERS.sub(lambda match: match[0] if match[1] else match[2], text)
    tokens = tokenize(text)
    return Macro(tuple(tokens)) if any(map(str.isalpha, text)) else None
