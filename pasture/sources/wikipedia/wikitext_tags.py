"""The first pass over wikitext: comments, and tags whose content is not wikitext.

References, galleries and the like go. Formulas, code and ``<nowiki>`` are set aside behind marks
that no later pass looks into, and put back at the very end.
"""

from __future__ import annotations

import html
import re

GONE = "\x7f"
"""Marks where something was cut out. No such character is left in any text."""
_MARK = "\x02{}\x03"
_MARKED = re.compile("\x02(\\d+)\x03")
# Control characters are no text, and three of them are marks here.
_CONTROL: dict[int, str | None] = dict.fromkeys((*range(9), 11, 12, *range(14, 32), 127))
_CONTROL[13] = "\n"
_HAS_CONTROL = re.compile("[\x00-\x08\x0b-\x1f\x7f]")

_CUT = (
    "ref", "references", "gallery", "timeline", "imagemap", "graph", "mapframe", "maplink",
    "templatedata", "templatestyles", "score", "hiero", "inputbox", "categorytree", "indicator",
    "charinsert", "includeonly", "table", "phonos", "rss", "quiz", "dynamicpagelist", "slideshow",
    "style", "script",
)  # fmt: skip
_FORMULAS = ("math", "chem", "ce")
_CODE = ("syntaxhighlight", "source", "pre", "nowiki")
_NAMES = (*_CUT, *_FORMULAS, *_CODE)
_OPEN = re.compile(rf"<!--|<({'|'.join(_NAMES)})(?=[\s/>])([^<>]{{0,2000}})>", re.IGNORECASE)
_CLOSE = {name: re.compile(rf"</{name}\s{{0,20}}>", re.IGNORECASE) for name in _NAMES}
_INNER_REF = re.compile(r"<ref[\s>]", re.IGNORECASE)
_REF_END = re.compile(r"[\n<]")
_DOUBLED = re.compile(r"([{}\[\]])(?=\1)|\{(?=\|)|\|(?=\})")


def set_aside(wikitext: str) -> tuple[str, list[str]]:
    """Drop comments and unreadable tags; replace formulas and code by marks.

    Returns:
        The text with marks, and what the marks stand for, in order.
    """
    text = wikitext
    if _HAS_CONTROL.search(text):
        text = text.replace("\r\n", "\n").translate(_CONTROL)
    kept: list[str] = []
    parts: list[str] = []
    closes: dict[str, tuple[int, int]] = {}  # the next closing tag of each name, once looked up
    position = 0
    while match := _OPEN.search(text, position):
        parts.append(text[position : match.start()])
        position = match.end()
        if not match[1]:
            end = text.find("-->", position)
            position = len(text) if end < 0 else end + 3  # as MediaWiki: to the end of the page
            if parts[-1].endswith("\n") and text.startswith("\n", position):
                position += 1  # a comment alone on its line takes the line with it
            continue
        name = match[1].lower()
        if match[2].endswith("/"):
            parts.append(GONE if name in _CUT else "")
            continue
        if name not in closes or closes[name][0] < position:
            found = _CLOSE[name].search(text, position)
            closes[name] = found.span() if found else (len(text) + 1, 0)
        start, end = closes[name]
        broken = start > len(text)
        if broken or (name == "ref" and _INNER_REF.search(text, position, start)):
            parts.append(GONE)
            if name == "ref":  # it ends with its line, or where the next tag opens
                stop = _REF_END.search(text, position)
                position = stop.start() if stop else len(text)
            continue
        parts.append(_replace(name, text[position:start], kept))
        position = end
    parts.append(text[position:])
    return "".join(parts), kept


def put_back(text: str, kept: list[str]) -> str:
    """Put what was set aside back in its places."""
    return _MARKED.sub(lambda match: kept[int(match[1])], text) if kept else text


def _replace(name: str, body: str, kept: list[str]) -> str:
    if name in _CUT:
        return GONE
    if name in _FORMULAS:
        # Braces in a row mean no more to LaTeX than braces with blanks between.
        content = _DOUBLED.sub(r"\g<0> ", " ".join(body.split()))
        if not content:
            return GONE
        content = f"${content}$" if name == "math" else f"$\\ce{{{content}}}$"
    else:
        content = html.unescape(body if name == "nowiki" else body.strip("\n"))
        if not content.strip():
            return ""
    kept.append(content)
    return _MARK.format(len(kept) - 1)
