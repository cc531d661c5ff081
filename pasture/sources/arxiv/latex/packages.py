r"""Packages that show or hide text by an option: ``ifdraft``, ``todonotes``, ``changes``, ...

They do not come with a paper; what they do with the options that the paper gives is known.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping

from pasture.sources.arxiv.latex.expand import Expander, Meaning
from pasture.sources.arxiv.latex.macros import Macro
from pasture.sources.arxiv.latex.reader import MANDATORY, OPTIONAL, STAR

_FIRST = Macro(("#1",), (MANDATORY, MANDATORY))
_SECOND = Macro(("#2",), (MANDATORY, MANDATORY))
_NOTHING = Macro((), (OPTIONAL, MANDATORY))
_ENDS = ("draft", "final")


def _draft(options: Collection[str], shared: Collection[str]) -> Mapping[str, Meaning]:
    asked = [option for option in (*shared, *options) if option in _ENDS]
    is_draft, is_final = "draft" in asked[-1:], "final" in asked
    return {
        "\\ifdraft": _FIRST if is_draft else _SECOND,
        "\\ifoptiondraft": _FIRST if "draft" in asked else _SECOND,
        "\\ifoptionfinal": _FIRST if is_final else _SECOND,
    }


def _optional(options: Collection[str], shared: Collection[str]) -> Mapping[str, Meaning]:
    chosen = frozenset(options)

    def opt(expander: Expander, token: str) -> None:
        found = expander.arguments(token, (MANDATORY, MANDATORY))
        if found is not None:
            names = "".join(found[0]).replace(" ", "").split(",")
            expander.reader.push(() if chosen.isdisjoint(names) else found[1])
            expander.remove()

    return {"\\opt": opt}


def _todonotes(options: Collection[str], shared: Collection[str]) -> Mapping[str, Meaning]:
    everywhere = (*shared, *options)
    is_off = (
        "disable" in options
        or ("obeyDraft" in options and "draft" not in everywhere)
        or ("obeyFinal" in options and "final" in everywhere)
    )
    if not is_off:
        return {}
    listing = {"\\listoftodos": Macro((), (OPTIONAL,))}
    return {"\\todo": _NOTHING, "\\missingfigure": _NOTHING, **listing}


def _changes(options: Collection[str], shared: Collection[str]) -> Mapping[str, Meaning]:
    if "final" not in (*shared, *options):
        return {}
    second = Macro(("#2",), (OPTIONAL, MANDATORY))
    return {
        "\\added": second,
        "\\deleted": _NOTHING,
        "\\replaced": Macro(("#2",), (OPTIONAL, MANDATORY, MANDATORY)),
        "\\highlight": second,
        "\\comment": _NOTHING,
    }


def _fixme(options: Collection[str], shared: Collection[str]) -> Mapping[str, Meaning]:
    if "draft" in (*shared, *options):
        return {}
    notes = ("\\fixme", "\\fxnote", "\\fxwarning", "\\fxerror")
    return dict.fromkeys(notes, Macro((), (STAR, OPTIONAL, MANDATORY)))


PACKAGES: Mapping[str, Callable[[Collection[str], Collection[str]], Mapping[str, Meaning]]] = {
    "ifdraft.sty": _draft,
    "optional.sty": _optional,
    "todonotes.sty": _todonotes,
    "changes.sty": _changes,
    "fixme.sty": _fixme,
}
"""By file: from the package's own options and those of the class, the meanings of its commands."""
