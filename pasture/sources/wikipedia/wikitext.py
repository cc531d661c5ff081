"""Wikitext to plain text, in linear time, without a tree.

The passes, each over the whole article:

1. ``wikitext_tags``: comments and the tags whose content is not wikitext go, or are set aside
   behind marks (formulas, code, ``<nowiki>``).
2. This module: one scan over brackets and pipes with a stack. A template is rendered by
   ``wikitext_templates`` when its braces close, a link becomes its label, a table goes but for
   lists that it sets in columns. Broken
   markup is unwound rather than shown: no bracket that the scan looks at is left in the text.
3. ``wikitext_lines``: inline formatting, then headings, lists and sections, line by line.

Where something was cut out of running text, ``GONE`` marks the place until the end, so that
blanks, commas and brackets are mended there and nowhere else.
"""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Mapping

from pasture.sources.wikipedia import wikitext_lines, wikitext_tags, wikitext_templates
from pasture.sources.wikipedia.wiki_languages import WIKI_CODES, Language
from pasture.sources.wikipedia.wikitext_tags import GONE

MAX_DEPTH = 60
"""Deepest nesting of templates, links and tables that is followed; ours. MediaWiki stops at 40
templates. It bounds the work: a character is copied once for each level that it is in."""

_MAX_ATTRIBUTES = 200
_ATTRIBUTES = re.compile(
    r"\A-{0,200}(?:\s{0,9}[\w-]{1,40}\s{0,9}=\s{0,9}(?:\"[^\"]*\"|'[^']*'|[^\s\"']+))*\s*"
)
_LAYOUT_SHARE, _DATA_SHARE = 0.75, 0.9
"""How much of a table lists have to make up to be kept, plain and of class ``wikitable``; ours. In
the real dumps lists set in columns make up 0.76 to 1, lists within the cells of data 0 to 0.77."""

_TOKEN = re.compile(r"(\{\||\|\}(?!\})|\{\{+|\}\}+|\[\[|\]\]|\||\n=)")
# Most links are plain; they need no stack.
_PLAIN_LINK = re.compile(r"\[\[(?:[^\[\]{}|\n:]+\|([^\[\]{}|\n]+)|([^\[\]{}|\n:#_]+))\]\]")
_ROOT, _TEMPLATE, _LINK, _TABLE = "root", "template", "link", "table"
_PIPE_TRICK = re.compile(r"(?:[^(,:]{0,50}:)?(.+?)(?: ?\([^()]*\)|,.*)?$", re.DOTALL)


@dataclasses.dataclass(frozen=True, slots=True)
class Site:
    """The wiki that a text is from.

    Args:
        language: Its words.
        files: Namespaces whose links vanish with their captions, lower case.
        categories: Namespaces whose links vanish, lower case.
    """

    language: Language
    files: frozenset[str]
    categories: frozenset[str]

    @classmethod
    def of(cls, language: Language, namespaces: Mapping[str, int] | None = None) -> Site:
        """Describe a wiki by its language and the namespaces that its own dump names besides."""
        named = namespaces or {}
        return cls(
            language,
            language.files | {name for name, key in named.items() if key in (-2, 6)},
            language.categories | {name for name, key in named.items() if key == 14},
        )


def to_text(wikitext: str, site: Site, title: str = "") -> str:
    """Turn an article's wikitext into plain text; empty where nothing readable is left.

    Headings stand on lines of their own, blank lines part paragraphs. ``title`` is only what
    ``{{PAGENAME}}`` gives; the caller puts it in front.
    """
    plain, kept = wikitext_tags.set_aside(wikitext)
    flat = _Scan(site, title).run(plain)
    flat = wikitext_lines.strip_inline(flat, site.files)
    text = wikitext_lines.layout(flat, site.language.sections)
    return wikitext_tags.put_back(text, kept)


def _starts_line(before: str) -> bool:
    """Tell whether a bracket of a table stands where its line starts, or right behind another."""
    before = before.rstrip(" \t:*#")
    return not before or before[-1] == "\n"


def _lists_of(table: str) -> str:
    """What is left of a table: the items of the lists that it only sets side by side, if it does.

    The content comes without its pipes, so a cell is told from its attributes by their lines.
    """
    attributes, _, content = table.partition("\n")
    lines = [
        line
        for line in content.split("\n")
        if len(line) > _MAX_ATTRIBUTES or not _ATTRIBUTES.fullmatch(line)
    ]
    items = [line for line in lines if line[:1] in ("*", "#")]
    share = _DATA_SHARE if "wikitable" in attributes else _LAYOUT_SHARE
    if len(items) < 2 or sum(map(len, items)) < share * sum(map(len, lines)):
        return GONE
    return "\n" + "\n".join(items) + "\n"


class _Frame:
    """An open bracket: its finished arguments, and the parts of the one being read."""

    __slots__ = ("arguments", "kind", "parts")

    def __init__(self, kind: str) -> None:
        self.kind = kind
        self.arguments: list[str] = []
        self.parts: list[str] = []

    def split(self) -> None:
        self.arguments.append("".join(self.parts))
        self.parts = []


class _Scan:
    """One scan over an article: templates, links and tables, innermost first."""

    def __init__(self, site: Site, title: str) -> None:
        self._site = site
        self._page = wikitext_templates.Page(site.language.code, title)
        self._stack = [_Frame(_ROOT)]
        self._too_deep = 0  # open brackets that are not on the stack, and show nothing

    def run(self, text: str) -> str:
        """Return the text with every bracket resolved."""
        stack = self._stack
        pieces = _TOKEN.split(_PLAIN_LINK.sub(lambda match: match[1] or match[2], text))
        for index in range(1, len(pieces), 2):
            top = stack[-1]
            before = pieces[index - 1]
            if before and not self._too_deep:
                top.parts.append(before)
            mark = pieces[index]
            if self._too_deep:
                self._skip(mark)
                continue
            if mark == "|":
                if top.kind is _TEMPLATE or top.kind is _LINK:
                    top.split()
                elif top.kind is _ROOT:
                    top.parts.append("|")
            elif mark == "[[":
                self._open(_LINK)
            elif mark == "]]":
                if top.kind is _LINK:
                    top.split()
                    self._close(self._link(top.arguments))
            elif mark == "{|":
                if _starts_line(before):
                    self._open(_TABLE)
            elif mark == "|}":
                self._close_table(before)
            elif mark == "\n=":
                while stack[-1].kind is _LINK:
                    self._unwind()
                stack[-1].parts.append("\n=")
            elif mark[0] == "{":
                for _ in range(min(len(mark) // 2, MAX_DEPTH)):
                    self._open(_TEMPLATE)
            else:
                self._close_templates(len(mark) // 2)
        stack[-1].parts.append(pieces[-1])
        while len(stack) > 1:
            self._unwind()
        return "".join(stack[0].parts)

    def _open(self, kind: str) -> None:
        if len(self._stack) <= MAX_DEPTH and not self._too_deep:
            self._stack.append(_Frame(kind))
        else:
            self._too_deep += 1

    def _skip(self, mark: str) -> None:
        """Pass over a mark inside brackets that are nested too deeply; a heading ends them."""
        if mark == "\n=":
            self._too_deep = 0
            self._stack[-1].parts.append(mark)
        elif mark[0] in "[{":
            self._too_deep += len(mark) // 2
        elif mark[0] in "]}" or mark == "|}":
            left = len(mark) // 2 - self._too_deep
            self._too_deep = max(-left, 0)
            if left > 0 and mark[0] == "}":
                self._close_templates(left)

    def _close(self, text: str) -> None:
        """Take the top frame off and put what it became into the one below."""
        self._stack.pop()
        self._stack[-1].parts.append(text)

    def _unwind_links(self, kind: str) -> bool:
        """Give up on open links above a frame of a kind, if there is one right below them."""
        depth = len(self._stack) - 1
        while self._stack[depth].kind is _LINK:
            depth -= 1
        if self._stack[depth].kind is not kind:
            return False
        while len(self._stack) - 1 > depth:
            self._unwind()
        return True

    def _close_templates(self, count: int) -> None:
        for _ in range(min(count, MAX_DEPTH)):
            if not self._unwind_links(_TEMPLATE):
                return  # a stray brace: it goes
            top = self._stack[-1]
            top.split()
            self._close(wikitext_templates.render(top.arguments, self._page))

    def _close_table(self, before: str) -> None:
        if _starts_line(before) and self._unwind_links(_TABLE):
            self._close(_lists_of("".join(self._stack[-1].parts)))
        elif self._stack[-1].kind is _TEMPLATE:
            self._stack[-1].split()  # an argument that starts with a brace
            self._stack[-1].parts.append("}")

    def _unwind(self) -> None:
        """Give up on the top bracket, which nothing closes: keep what does not belong to it."""
        top = self._stack[-1]
        top.split()
        inside = "|".join(top.arguments)
        if top.kind is _LINK and not self._vanishes(top.arguments[0]):
            labelled = len(top.arguments) > 1 and "\n" not in top.arguments[0]
            self._close("|".join(top.arguments[1:]) if labelled else inside)
            return
        # What belongs to a file's link ends with its line, to a template with its paragraph; a
        # table without end has swallowed the rest of its section.
        marks = {_LINK: "\n", _TEMPLATE: "\n\n"}.get(top.kind, "\n=")
        ends = [at for at in (inside.find("\n="), inside.find(marks)) if at >= 0]
        self._close(GONE + inside[min(ends) :] if ends else GONE)

    def _vanishes(self, target: str) -> bool:
        """Tell whether a link leads to a file or category, and so shows no text."""
        prefix, colon, _ = target.partition(":")
        name = prefix.strip().replace("_", " ").lower()
        return bool(colon) and (name in self._site.files or name in self._site.categories)

    def _link(self, arguments: list[str]) -> str:
        """What a closed link shows: its label, or nothing for files, categories, other wikis."""
        target = arguments[0].strip()
        if ":" in target:
            code = target.partition(":")[0].strip().lower()
            if self._vanishes(target) or (len(arguments) == 1 and code in WIKI_CODES):
                return GONE
        shown = target.removeprefix(":").lstrip()
        if len(arguments) == 1:
            return shown.removeprefix("#").replace("_", " ")
        label = "|".join(arguments[1:])
        if label.strip():
            return label
        bare = _PIPE_TRICK.match(shown[:300])  # [[Mercury (planet)|]]
        return bare[1] if bare else shown
