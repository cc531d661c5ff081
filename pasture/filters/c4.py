"""C4's rules (Raffel et al. 2020, section 2.2) as the code that made the release applies them.

``C4Lines`` cleans a page line by line, ``C4Pages`` looks at what a later deduplication of lines
left of it, and ``BadWords`` drops pages with a word of a list. The one deviation that changes
counts is the sentence splitter: C4 uses NLTK's punkt model, which would have to be downloaded;
``count_sentences`` is a small rule-based stand-in.
"""

from __future__ import annotations

import collections
import dataclasses
import functools
import re
from collections.abc import Mapping

from pasture import storage
from pasture.errors import ConfigError
from pasture.filters.base import Edit, Editor, Filter

_CITATION = re.compile(r"\[\d*\]|\[edit\]|\[citation needed\]")


@dataclasses.dataclass(frozen=True)
class C4Lines(Editor):
    """Keeps the lines of a page that read like sentences (C4), or drops the page.

    The rules run on each stripped line in the order of the arguments; a rule that drops the page
    sees only lines that passed those before it. An empty tuple or None turns a rule off.

    Args:
        max_word_characters: A line with a longer word goes: ``word_too_long``.
        remove_citations: Delete ``[1]``, ``[]``, ``[edit]`` and ``[citation needed]``.
        terminal_marks: A line without one of them at its end goes, and one that ends in
            ``ellipsis``: ``no_terminal_mark``.
        ellipsis: The ending that is no end.
        min_words: A line with fewer words goes: ``too_few_words``.
        page_phrases: A line with one of them, in any case, drops the page: ``lorem_ipsum``.
        code_words: A line with one of them, in any case, goes: ``javascript``.
        page_marks: A line with one of them drops the page: ``curly_bracket``.
        policy_phrases: A line with one of them, in any case, goes: ``policy_notice``.
        min_sentences: A page with fewer in the lines that stay is dropped: ``too_few_sentences``.
    """

    name = "c4_lines"

    max_word_characters: int | None = 1000
    remove_citations: bool = True
    terminal_marks: tuple[str, ...] = (".", "?", "!", '"')
    ellipsis: str = "..."
    min_words: int = 5
    page_phrases: tuple[str, ...] = ("lorem ipsum",)
    code_words: tuple[str, ...] = ("javascript",)
    page_marks: tuple[str, ...] = ("{",)
    policy_phrases: tuple[str, ...] = (
        "terms of use",
        "privacy policy",
        "cookie policy",
        "uses cookies",
        "use of cookies",
        "use cookies",
    )
    min_sentences: int = 3

    def edit(self, text: str) -> Edit:
        """Clean one page."""
        removed: collections.Counter[str] = collections.Counter()
        kept: list[str] = []
        sentences = 0
        for raw in text.splitlines():
            line = self._clean(raw)
            reason = self._line_reason(line)
            if reason in ("lorem_ipsum", "curly_bracket"):
                return Edit(text, reason)
            if reason is not None:
                # C4 counts blank lines with those that have no mark; they are no loss.
                removed.update([reason] if line else [])
                continue
            if sentences < self.min_sentences:
                sentences += count_sentences(line)
            kept.append(line)
        if sentences < self.min_sentences:
            return Edit(text, "too_few_sentences")
        return Edit("\n".join(kept), removed=removed)
