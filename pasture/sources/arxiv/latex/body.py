r"""Cutting an expanded paper down to its body (LLaMA, section 2.1, ArXiv; after Minerva).

What stands before the first section goes, and the bibliography. The text read here has no
comments and no macros of the paper's own, so what it says is what it does.
"""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Iterator, Sequence

from pasture.sources.arxiv.latex.names import (
    BACK_MATTER,
    BIBLIOGRAPHY,
    BIBLIOGRAPHY_SETTINGS,
    PARAGRAPHS,
    REFERENCE_TITLES,
    SECTIONS,
)
from pasture.sources.arxiv.latex.tokens import Lexer, Lexicon

_BIBLIOGRAPHY_ENVIRONMENT = re.compile(
    r"(?:\w{0,80}bibliography|references|biblist|bibdiv)\Z", re.I
)
_WORDS = "|".join(
    sorted(
        {
            *SECTIONS,
            *PARAGRAPHS,
            *BIBLIOGRAPHY,
            *BIBLIOGRAPHY_SETTINGS,
            *("appendix", "maketitle", "abstract", "title", "begin", "end"),
            *("verb", "Verb", "lstinline", "mintinline", "url", "nolinkurl", "path"),
        }
    )
)
_EVENT = re.compile(rf"\\(?:\\|(?P<word>{_WORDS})(?![A-Za-z@]))")
_VERBATIM_WORDS = frozenset({"verb", "Verb", "lstinline", "mintinline", "url", "nolinkurl", "path"})
_BRACE = re.compile(r"\\.|[{}]", re.DOTALL)
_BLANKS = r"[ \t\n]{0,200}"  # more than that stands before no argument
_ARGUMENT = re.compile(rf"(?:[ \t]{{0,20}}\*)?{_BLANKS}(?:\[[^\[\]]{{0,500}}\]{_BLANKS})?\{{")
_OPTION = re.compile(r"[ \t\n]{0,20}\[")
_NAME = re.compile(r"\s{0,20}\{([^{}\\\n]{1,80})\}")
_COMMAND = re.compile(r"\\(?:[A-Za-z@]+\*?|.)", re.DOTALL)
# What may stand between a heading and the bibliography that it announces.
_SETTING = re.compile(r"\\[A-Za-z@]{1,80}\*?|\{[^{}]{0,400}\}|[0-9.]{1,12}(?:pt|em|ex|cm)|[{}]")
# What opens the bibliography's own group or page, and goes with it: "{\small", "\newpage".
_OPENING_WORDS = frozenset(
    {
        *("small", "footnotesize", "scriptsize", "tiny", "normalsize", "begingroup", "newpage"),
        *("clearpage", "cleardoublepage", "pagebreak", "balance", "sloppy", "raggedright"),
    }
)
_MAX_OPENING = 120  # characters of it
_MAX_GAP = 400  # characters between the two
_LINE_BREAK = re.compile(r"\\\\(?:\[[^\[\]]{0,80}\])?|~")
_LINE_END = re.compile(r"[ \t]{0,1000}\n")
_OPTION_PARTS = re.compile(r"\\.|[{}\]]", re.DOTALL)
_MAX_OPTION = 10_000  # characters of what titles are made of, given to \maketitle
_MAX_TITLE = 2_000  # characters of a heading
_MAX_DEPTH = 20  # braces within braces in one


@dataclasses.dataclass(frozen=True, slots=True)
class Body:
    """The body of a paper.

    Args:
        text: The text; empty where only the bibliography was there.
        start: What it starts with: ``section``, ``paragraph``, ``abstract``, ``maketitle`` or
            ``document``.
        title: The paper's title, where it has one.
    """

    text: str
    start: str
    title: str | None = None


@dataclasses.dataclass(frozen=True, slots=True)
class _Event:
    """A command that matters for the cut: its word, span, and the name or title it is given."""

    word: str
    start: int
    end: int
    name: str = ""


def cut_body(text: str, lexicon: Lexicon = Lexicon(), *, appendices: bool = True) -> Body | None:
    r"""Cut a paper down to its body; None where nothing tells where a body could start.

    The body starts at the first sectioning command; without one, at the first
    ``\paragraph``, the abstract, after ``\maketitle``, or after ``\begin{document}``, in this
    order. The bibliography goes with its heading and all that follows up to the next heading.

    Args:
        text: The expanded paper.
        lexicon: Its verbatim environments.
        appendices: Keep what follows the bibliography under a heading of its own, and
            appendices. Otherwise the text ends at the first of either, as RedPajama's does.
    """
    events = list(_read_events(text, lexicon))
    first, end = 0, len(text)
    for event in events:
        if event.word == "begin" and event.name == "document":
            first = event.end
        elif event.word == "end" and event.name == "document":
            end = event.start
            break
    title = next((_one_line(e.name) for e in events if e.word == "title"), None)
    inside = [event for event in events if first <= event.start < end]
    found = _find_start(text, inside, has_document=first > 0, first=first)
    if found is None:
        return None
    kind, start = found
    inside = [event for event in inside if event.start >= start]
    if not appendices:
        end = min((e.start for e in inside if e.word == "appendix"), default=end)
    kept = _without(text, _cuts(text, inside, end, appendices=appendices), start, end)
    has_words = any(map(str.isalpha, _COMMAND.sub("", kept)))
    return Body(kept if has_words else "", kind, title or None)


def _read_events(text: str, lexicon: Lexicon) -> Iterator[_Event]:
    lexer = Lexer(text, lexicon)
    pos = 0
    while match := _EVENT.search(text, pos):
        start, pos = match.start(), match.end()
        word = match["word"]
        if word is None:
            continue
        if word in _VERBATIM_WORDS:
            pos = lexer.verbatim_end(match[0], pos) or pos
        elif word in ("begin", "end"):
            if word == "begin" and (end := lexer.verbatim_end("\\begin", pos)):
                pos = end
            elif name := _NAME.match(text, pos):
                pos = name.end()
                yield _Event(word, start, pos, name[1])
        else:
            argument = _ARGUMENT.match(text, pos)
            end = _group_end(text, argument.end()) if argument else 0
            if argument and end:
                yield _Event(word, start, end, text[argument.end() : end - 1])
            else:
                yield _Event(word, start, pos)


def _group_end(text: str, pos: int) -> int:
    """Find the position after the brace that closes a group; 0 where it is not near."""
    depth, end = 1, pos + _MAX_TITLE
    while match := _BRACE.search(text, pos, end):
        pos = match.end()
        depth += (match[0] == "{") - (match[0] == "}")
        if depth == 0:
            return pos
        if depth > _MAX_DEPTH:
            return 0
    return 0


def _one_line(title: str) -> str:
    """A title on one line, with its commands."""
    return " ".join(_LINE_BREAK.sub(" ", title).split())


def _plain(title: str) -> str:
    """A title without commands and braces, on one line."""
    words = _COMMAND.sub(" ", title).replace("{", "").replace("}", "").replace("~", " ")
    return " ".join(words.split())


def _is_heading(event: _Event) -> bool:
    return event.word in SECTIONS


def _is_references(event: _Event) -> bool:
    is_heading = event.word in SECTIONS or event.word in PARAGRAPHS
    return is_heading and _plain(event.name).lower().rstrip(".:") in REFERENCE_TITLES


def _find_start(
    text: str, events: Sequence[_Event], *, has_document: bool, first: int
) -> tuple[str, int] | None:
    for event in events:
        if event.word == "appendix":
            break
        if _is_heading(event):
            if _plain(event.name).lower().startswith(BACK_MATTER):
                break
            return "section", event.start
    for event in events:
        if event.word == "appendix" or _is_heading(event):
            break
        if event.word in PARAGRAPHS and not _is_references(event):
            return "paragraph", event.start
    for event in events:
        if (event.word == "begin" and event.name == "abstract") or event.word == "abstract":
            return "abstract", event.start
    for event in events:
        if event.word == "maketitle":
            return "maketitle", _after_option(text, event.end)
    return ("document", first) if has_document else None


def _after_option(text: str, pos: int) -> int:
    r"""Find the position after the option of ``\maketitle``; the same where there is none."""
    if not (opening := _OPTION.match(text, pos)):
        return pos
    depth = 0
    for match in _OPTION_PARTS.finditer(text, opening.end(), opening.end() + _MAX_OPTION):
        if match[0] == "]" and depth == 0:
            return match.end()
        depth += (match[0] == "{") - (match[0] == "}")
    return pos


def _bibliographies(text: str, events: Sequence[_Event], end: int) -> Iterator[tuple[int, int]]:
    """Find the bibliographies: where each starts, and where the text resumes after it."""
    heading: _Event | None = None
    unclosed: set[str] = set()  # or each would be looked for again, in quadratic time
    index = 0
    while index < len(events):
        event = events[index]
        index += 1
        if event.start >= end:
            return
        environment = event.word == "begin" and _BIBLIOGRAPHY_ENVIRONMENT.match(event.name)
        if not (environment or event.word in BIBLIOGRAPHY or _is_references(event)):
            if _is_heading(event) or event.word in PARAGRAPHS:
                heading = event
            continue
        start = event.start
        if heading and _announces(text[heading.end : start]):
            start = heading.start
        start = _opening_start(text, start)
        if environment:
            closing = _closing(events, index, event.name) if event.name not in unclosed else None
            if closing is None:
                unclosed.add(event.name)
            index = closing or index
        while index < len(events) and not _resumes(events[index]):
            index += 1
        yield start, events[index].start if index < len(events) else end


def _opening_start(text: str, start: int) -> int:
    """Find where what opens the bibliography's own group or page starts, before it."""
    floor = max(start - _MAX_OPENING, 0)
    while True:
        end = floor + len(text[floor:start].rstrip("{ \t\n"))
        word = text.rfind("\\", floor, end)
        if word < 0 or text[word + 1 : end] not in _OPENING_WORDS:
            return end
        start = word


def _announces(gap: str) -> bool:
    """Tell whether nothing but settings stands between a heading and the bibliography."""
    return len(gap) <= _MAX_GAP and not _SETTING.sub("", gap).strip()


def _closing(events: Sequence[_Event], index: int, name: str) -> int | None:
    """The index of the event that closes an environment, from an index on."""
    for number in range(index, len(events)):
        if events[number].word == "end" and events[number].name == name:
            return number
    return None


def _resumes(event: _Event) -> bool:
    return event.word == "appendix" or (_is_heading(event) and not _is_references(event))


def _cuts(
    text: str, events: Sequence[_Event], end: int, *, appendices: bool
) -> list[tuple[int, int, str]]:
    """The spans that go, in order, each with what stands in its place."""
    cuts = [(*span, "\n\n") for span in _bibliographies(text, events, end)]
    if cuts and not appendices:
        cuts = [(cuts[0][0], end, "")]
    for event in events:
        if event.word in BIBLIOGRAPHY_SETTINGS:
            blank = _LINE_END.match(text, event.end) if text[event.start - 1] == "\n" else None
            cuts.append((event.start, blank.end() if blank else event.end, ""))
    return sorted(cuts)


def _without(text: str, cuts: Sequence[tuple[int, int, str]], start: int, end: int) -> str:
    pieces: list[str] = []
    for stop, resume, instead in cuts:
        if resume > start and stop < end:  # one cut may reach into the next
            pieces.append(text[start:stop])
            start = resume
            if instead:
                while pieces and not pieces[-1].strip():
                    pieces.pop()
                if pieces:
                    pieces[-1] = pieces[-1].rstrip() + instead
    pieces.append(text[start:end] if start < end else "")
    return "".join(pieces).strip()
