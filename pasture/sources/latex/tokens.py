# ruff: noqa: S105  # a "token" here is one of TeX's, not a secret
r"""TeX's lexical rules: tokens, verbatim text, and comments.

A token is a plain string, told by its first character: ``\`` a control sequence (or verbatim
text, which starts with its own command), ``{``, ``}`` and ``$`` themselves, ``#`` a parameter,
anything else a run of ordinary characters. Tokens keep every character, so that joining them
gives the text back. Category codes are TeX's own, but for ``@``, which ``\makeatletter`` turns
into a letter; a paper that changes others is refused (definitions.py).
"""

from __future__ import annotations

import dataclasses
import re
import string
from collections.abc import Iterable

from pasture.sources.latex.names import VERBATIM_ENVIRONMENTS

LETTERS = frozenset(string.ascii_letters)

# A run is cut at 512 characters, so that splitting one never costs much.
_PATTERN = r"[^\\{{}}$#]{{1,512}}|\\[{letters}]+|\\.|[{{}}$]|#+[1-9]?|\\"
TOKEN = re.compile(_PATTERN.format(letters="A-Za-z"), re.DOTALL)
TOKEN_AT_LETTER = re.compile(_PATTERN.format(letters="A-Za-z@"), re.DOTALL)

ENVIRONMENT = re.compile(r"[ \t\n]{0,20}\{([^{}\\\n]{1,80})\}")
BLANKS = re.compile(r"[ \t]*")
_BLANK_LINE = re.compile(r"[ \t]*(?:\n|\Z)")
# Braces may nest once in a URL; it ends on its line.
_URL = re.compile(r"[ \t]{0,20}\{(?:[^{}\n]|\{[^{}\n]{0,2000}\}){0,4000}\}")
_OPTION = re.compile(r"[ \t]{0,20}\[[^\[\]\n]{0,500}\]")
_LANGUAGE = re.compile(r"\{[^{}\n]{0,80}\}")
_AFTER_WORD = re.compile(r"(?<!\\)\\[A-Za-z@]+\Z")
_STOP = re.compile(
    r"%|\\(?:[\\%]|(?:begin|verb|lstinline|mintinline|url|nolinkurl|path|href)(?![A-Za-z]))"
)

_VERBATIM_WORDS = frozenset(
    {"\\begin", "\\verb", "\\lstinline", "\\mintinline", "\\url", "\\nolinkurl", "\\path"}
)
_DECLARED_VERBATIM = re.compile(
    r"\\(?:lstnewenvironment|DefineVerbatimEnvironment|newtcblisting|newtcbinputlisting|"
    r"newverbatim|CustomVerbatimEnvironment)[ \t]*(?:\[[^\]\n]{0,200}\])?[ \t]*\{([A-Za-z*]+)\}"
)
_DECLARED_MINTED = re.compile(r"\\newminted(?:\[([A-Za-z]+)\])?\{([A-Za-z]+)\}")
_DECLARED_COMMENT = re.compile(r"\\excludecomment[ \t]*\{([A-Za-z*]+)\}")
_MAX_INLINE = 2000  # characters of a \verb, which TeX ends on its line


@dataclasses.dataclass(frozen=True)
class Lexicon:
    """The environments of a paper whose text is not TeX.

    Args:
        verbatim: Their text is kept as it stands.
        comments: Their text is a comment.
    """

    verbatim: frozenset[str] = VERBATIM_ENVIRONMENTS
    comments: frozenset[str] = frozenset({"comment"})


def read_lexicon(texts: Iterable[str]) -> Lexicon:
    """Find the verbatim and comment environments that a paper declares itself."""
    verbatim = set(VERBATIM_ENVIRONMENTS)
    comments = {"comment"}
    for text in texts:
        verbatim.update(_DECLARED_VERBATIM.findall(text))
        verbatim.update(name or f"{code}code" for name, code in _DECLARED_MINTED.findall(text))
        comments.update(_DECLARED_COMMENT.findall(text))
    return Lexicon(frozenset(verbatim), frozenset(comments))


def is_control_word(token: str) -> bool:
    """Tell a control word from a control symbol, verbatim text and ordinary characters."""
    return token[0] == "\\" and token[-1] in LETTERS


class Lexer:
    """Reads tokens from a text without comments, one at a time.

    Args:
        text: The text.
        lexicon: Its verbatim environments.
    """

    __slots__ = ("_lexicon", "_unclosed", "pos", "text")

    def __init__(self, text: str, lexicon: Lexicon) -> None:
        self.text = text
        self.pos = 0
        self._lexicon = lexicon
        # Environments with no end ahead: each is looked for once, or time would be quadratic.
        self._unclosed: set[str] = set()

    def next(self, pattern: re.Pattern[str] = TOKEN) -> str | None:
        """Read one token, or None at the end of the text."""
        match = pattern.match(self.text, self.pos)
        if match is None:
            return None
        token = match.group()
        start, self.pos = self.pos, match.end()
        if token in _VERBATIM_WORDS and (end := self.verbatim_end(token, self.pos)):
            self.pos = end
            return self.text[start:end]
        return token

    def verbatim_end(self, word: str, pos: int) -> int:
        """Find where the verbatim text ends that a control word starts; 0 where it starts none.

        Args:
            word: The control word.
            pos: The position after it.
        """
        if word == "\\begin":
            match = ENVIRONMENT.match(self.text, pos)
            if match is None or match[1] not in self._lexicon.verbatim:
                return 0
            return self.environment_end(match[1], match.end())
        if word in ("\\url", "\\nolinkurl", "\\path", "\\href"):
            match = _URL.match(self.text, pos)
            return match.end() if match else 0
        return self._inline_end(word, pos)

    def environment_end(self, name: str, pos: int) -> int:
        r"""Find the position after ``\end{name}``; 0 where there is none."""
        if name in self._unclosed:
            return 0
        closing = f"\\end{{{name}}}"
        end = self.text.find(closing, pos)
        if end < 0:
            self._unclosed.add(name)
            return 0
        return end + len(closing)

    def _inline_end(self, word: str, pos: int) -> int:
        text = self.text
        if word == "\\verb":
            pos += text.startswith("*", pos)
        elif option := _OPTION.match(text, pos):
            pos = option.end()
        if word == "\\mintinline":
            language = _LANGUAGE.match(text, pos)
            if language is None:
                return 0
            pos = language.end()
        opening = text[pos : pos + 1]
        if not opening or opening in LETTERS or opening.isspace() or opening in "*\\":
            return 0
        closing = "}" if opening == "{" and word != "\\verb" else opening
        end = text.find(closing, pos + 1, pos + 1 + _MAX_INLINE)
        if end < 0 or text.find("\n", pos, end) >= 0:
            return 0
        return end + 1


def strip_comments(text: str, lexicon: Lexicon) -> str:
    r"""Remove comments as TeX does, and leave ``\%``, verbatim text and URLs alone.

    A line that is all comment goes with its end. Behind text, a comment takes the end of its
    line and the next line's indent with it, as in TeX, unless that would join what TeX keeps
    apart.
    """
    lexer = Lexer(text, lexicon)
    pieces: list[str] = []
    pos = 0  # up to here the text is dealt with
    joined = -1  # where a line goes on that a comment broke off
    search = 0
    while stop := _STOP.search(text, search):
        token, at = stop.group(), stop.start()
        if token != "%":
            search = stop.end()
            name = ENVIRONMENT.match(text, search) if token == "\\begin" else None
            if name and name[1] in lexicon.comments:
                if end := lexer.environment_end(name[1], name.end()):
                    pieces.append(text[pos:at])
                    pos = search = _line_end(text, at, end)
            elif token[1] not in "\\%":
                search = lexer.verbatim_end(token, search) or search
            continue
        end = text.find("\n", at)
        end = len(text) if end < 0 else end
        before = at
        while before > pos and text[before - 1] in " \t":
            before -= 1
        if before == joined or before == 0 or text[before - 1] == "\n":
            pieces.append(text[pos:before])
            pos = min(end + 1, len(text))
            if before == joined:
                pos = joined = _skip_blanks(text, pos)
            else:
                pos = _skip_second_blank_line(text, before, pos)
        elif before < at or _BLANK_LINE.match(text, end + 1) or _ends_in_word(text, pos, at):
            pieces.append(text[pos:before])
            pos = end
        else:
            pieces.append(text[pos:at])
            pos = joined = _skip_blanks(text, min(end + 1, len(text)))
        search = pos
    if not pieces:
        return text
    pieces.append(text[pos:])
    return "".join(pieces)


def _skip_blanks(text: str, pos: int) -> int:
    match = BLANKS.match(text, pos)
    return match.end() if match else pos


def _skip_second_blank_line(text: str, before: int, pos: int) -> int:
    """Pass over a blank line behind removed lines that stood behind a blank line too."""
    if before and not text.startswith("\n\n", max(before - 2, 0)):
        return pos
    match = _BLANK_LINE.match(text, pos)
    return match.end() if match else pos


def _ends_in_word(text: str, pos: int, at: int) -> bool:
    r"""Tell whether a control word stands at the end: ``\foo%`` and ``bar`` must not join."""
    return _AFTER_WORD.search(text, max(pos, at - 80), at) is not None


def _line_end(text: str, start: int, end: int) -> int:
    """Extend a removed span over the end of its line where it has its lines for itself."""
    if start and text[start - 1] != "\n":
        return end
    match = _BLANK_LINE.match(text, end)
    return match.end() if match else end
