"""C4's rules (Raffel et al. 2020, section 2.2) as the code that made the release applies them.

``C4Lines`` cleans a page line by line, ``C4Pages`` looks at what a later deduplication of lines
left of it, and ``BadWords`` drops pages with a word of a list. The one deviation that changes
counts is the sentence splitter: C4 uses NLTK's punkt model, which would have to be downloaded;
``pasture.text.sentences`` is a small rule-based stand-in.
"""

from __future__ import annotations

import dataclasses
import functools
import re
from collections.abc import Mapping

from pasture import storage
from pasture.errors import ConfigError
from pasture.filters.base import Edit, Editor, Filter
from pasture.records import RemovedLines
from pasture.text.sentences import count_sentences

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
        removed = RemovedLines()
        kept: list[str] = []
        sentences = 0
        for number, raw in enumerate(text.splitlines()):
            line = raw.strip()
            if not line:
                continue
            line, reason = self._judge(line)
            if reason in _PAGE_REASONS:
                return Edit(text, reason)
            if reason is not None:
                removed.add(number, raw, reason)
                continue
            kept.append(line)
            if sentences < self.min_sentences:
                sentences += count_sentences(line)
        if sentences < self.min_sentences:
            return Edit(text, "too_few_sentences")
        return Edit("\n".join(kept), lines=removed)

    def _judge(self, line: str) -> tuple[str, str | None]:
        """The line without citations, and the reason against it or against its page."""
        longest = self.max_word_characters
        if longest is not None and len(line) > longest and max(map(len, line.split())) > longest:
            return line, "word_too_long"
        if self.remove_citations and "[" in line:
            line = _CITATION.sub("", line).strip()
        if self.terminal_marks and not line.endswith(self.terminal_marks):
            return line, "no_terminal_mark"
        if self.ellipsis and line.endswith(self.ellipsis):
            return line, "no_terminal_mark"
        if len(line.split(None, self.min_words)) < self.min_words:
            return line, "too_few_words"
        lower = line.lower()
        if any(phrase in lower for phrase in self.page_phrases):
            return line, "lorem_ipsum"
        if any(word in lower for word in self.code_words):
            return line, "javascript"
        if any(mark in line for mark in self.page_marks):
            return line, "curly_bracket"
        if any(phrase in lower for phrase in self.policy_phrases):
            return line, "policy_notice"
        return line, None


_PAGE_REASONS = frozenset(("lorem_ipsum", "curly_bracket"))


@dataclasses.dataclass(frozen=True)
class C4Pages(Filter):
    """Drops pages with few sentences; C4 asks again after its deduplication of lines.

    Args:
        min_sentences: A page with fewer is dropped: ``too_few_sentences``.
    """

    name = "c4_pages"

    min_sentences: int = 3

    def reason(self, text: str) -> str | None:
        """The reason to drop a text, or None to keep it."""
        sentences = 0
        for line in text.splitlines():
            if sentences >= self.min_sentences:
                break
            sentences += count_sentences(line)
        return "too_few_sentences" if sentences < self.min_sentences else None


# Bad words ------------------------------------------------------------------------------------

_WORD = re.compile(r"\w+")


@dataclasses.dataclass(frozen=True)
class BadWords(Filter):
    """Drops pages with a word or phrase of a list (C4, which took the LDNOOBW lists).

    Args:
        words: The list: a UTF-8 text file, one word or phrase a line. None is bundled.
        whole_words: Find entries only between characters that belong to no word, in any case;
            False finds them anywhere, for Chinese, Japanese and Thai.
    """

    name = "bad_words"

    words: str
    whole_words: bool = True

    def setup(self) -> None:
        """Read the list."""
        _read_entries(self.words)

    def reason(self, text: str) -> str | None:
        """The reason to drop a text, or None to keep it."""
        entries = _read_entries(self.words)
        lower = text.lower()
        if not self.whole_words:
            return "bad_word" if any(entry in lower for entry in entries) else None
        present = set(_WORD.findall(lower))
        for entry, parts in entries.items():
            if parts <= present and (parts == {entry} or _stands_alone(entry, lower)):
                return "bad_word"
        return None


@functools.lru_cache(maxsize=8)
def _read_entries(path: str) -> Mapping[str, frozenset[str]]:
    """The entries of a list, in lower case, each with the words that it is made of."""
    with storage.open_read(path) as stream:
        try:
            lines = stream.read().decode("utf-8-sig").lower().splitlines()
        except UnicodeDecodeError as error:
            raise ConfigError(f"the word list {path} is not UTF-8: {error}") from error
    entries = {line.strip(): frozenset(_WORD.findall(line)) for line in lines if line.strip()}
    if not entries:
        raise ConfigError(f"the word list {path} has no word; name a file with one word a line")
    return entries


def _stands_alone(entry: str, text: str) -> bool:
    return re.search(rf"(?<!\w){re.escape(entry)}(?!\w)", text) is not None
