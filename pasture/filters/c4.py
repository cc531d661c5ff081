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
            line = raw.strip()
            if not line:
                continue
            line, reason = self._judge(line)
            if reason in _PAGE_REASONS:
                return Edit(text, reason)
            if reason is not None:
                removed[reason] += 1
                continue
            kept.append(line)
            if sentences < self.min_sentences:
                sentences += count_sentences(line)
        if sentences < self.min_sentences:
            return Edit(text, "too_few_sentences")
        return Edit("\n".join(kept), removed=removed)

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


# Sentences ------------------------------------------------------------------------------------

_SENTENCE_END = re.compile(r"""[.?!\u2026]+["'\u2019\u201d)\]]*(?=\s)""")
# What a period follows without ending a sentence; none that is a word as well, such as "no".
_ABBREVIATED = (
    "adm approx apr assn aug ave capt cf co corp dec dept dr ed eds est etc ext feb figs fr gen "
    "gov hon inc jan jr jul jun lt ltd maj messrs mr mrs ms mt nov oct pp prof pt rev rt sept sgt "
    "sr st ste tel univ vol vols vs"
)
_ABBREVIATIONS = frozenset(_ABBREVIATED.split())
_DOTTED = re.compile(r"(?:[a-z]\.)+[a-z]", re.IGNORECASE)


def count_sentences(text: str) -> int:
    """Count the sentences of a line of English.

    A sentence ends at the end of the line, and before a space after ``.``, ``?`` or ``!``, unless
    the period belongs to an abbreviation ("Dr.", "e.g.") or an initial, or the mark is an
    ellipsis before a lower-case letter. Of 700 pages of the release, all of which have three
    sentences by punkt, it finds fewer in 2, both with runs such as "!!!" that punkt splits.
    """
    count, start = 0, 0
    for end in _SENTENCE_END.finditer(text):
        if _ends_sentence(text, end.start(), end[0]):
            count += 1
            start = end.end()
    return count + 1 if text[start:].strip() else count


def _ends_sentence(text: str, at: int, mark: str) -> bool:
    following = text[at + len(mark) :].lstrip()[:1]
    if mark.startswith(("...", "\u2026")):
        return not following.islower()
    if mark != ".":
        return True
    word = text[text.rfind(" ", 0, at) + 1 : at].lstrip("([\"'\u201c\u2018")
    is_initial = len(word) == 1 and word.isupper() and word != "I"
    is_abbreviation = word.lower() in _ABBREVIATIONS or _DOTTED.fullmatch(word) is not None
    return not (is_initial or is_abbreviation)


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
