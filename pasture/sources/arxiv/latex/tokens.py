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
import functools
import re
import string
from collections.abc import Iterable, Mapping, Sequence
from typing import Literal

from pasture.sources.arxiv.latex.names import HIDDEN_ENVIRONMENTS, VERBATIM_ENVIRONMENTS

LETTERS = frozenset(string.ascii_letters)

Letters = Literal["word", "at", "code"]
r"""What names are made of: letters; ``@`` too (``\makeatletter``); ``_`` and ``:`` too (expl3)."""
_LETTERS: dict[Letters, str] = {"word": "A-Za-z", "at": "A-Za-z@", "code": "A-Za-z@_:"}


@functools.lru_cache(maxsize=64)
def token_pattern(letters: Letters, short_verbs: str) -> re.Pattern[str]:
    """The pattern of a token.

    Args:
        letters: What names are made of.
        short_verbs: Characters that start and end verbatim text on a line.
    """
    short = re.escape(short_verbs)
    # A run is cut at 512 characters, so that splitting one never costs much.
    pattern = rf"[^\\{{}}$#{short}]{{1,512}}|\\[{_LETTERS[letters]}]+|\\.|[{{}}$]|#+[1-9]?|\\"
    for character in map(re.escape, short_verbs):
        pattern += rf"|{character}(?:[^\n{character}]{{1,{_MAX_INLINE}}}{character})?"
    return re.compile(pattern, re.DOTALL)


_MAX_INLINE = 2000  # characters of a \verb, which TeX ends on its line
TOKEN = token_pattern("word", "")

ENVIRONMENT = re.compile(r"[ \t\n]{0,20}\{([^{}\\\n]{1,80})\}")
BLANKS = re.compile(r"[ \t]*")
_BLANK_LINE = re.compile(r"[ \t]{0,1000}(?:\n|\Z)")
# Braces may nest once in a URL; it ends on its line.
_URL = re.compile(r"[ \t]{0,20}\{(?:[^{}\n]|\{[^{}\n]{0,2000}\}){0,4000}\}")
_OPTION = re.compile(r"[ \t]{0,20}\[(?:\\.|\{[^{}\n]{0,200}\}|[^\[\]{}\\\n]){0,500}\]")
_LANGUAGE = re.compile(r"\{[^{}\n]{0,80}\}")
_AFTER_WORD = re.compile(r"(?<!\\)\\[A-Za-z@]+\Z")
_VERBATIM_WORDS = frozenset(
    {
        *("\\begin", "\\verb", "\\Verb", "\\lstinline", "\\mintinline"),
        *("\\url", "\\nolinkurl", "\\path"),
    }
)
_DECLARED_VERBATIM = re.compile(
    r"\\(?:lstnewenvironment|(?:Define|Custom|Recustom)VerbatimEnvironment|newverbatim|"
    r"newtcblisting|newtcbinputlisting|(?:Declare|New)TCBListing)"
    r"[ \t]{0,20}(?:\[[^\]\n]{0,200}\][ \t]{0,20})?\{([A-Za-z*]{1,80})\}"
)
_DECLARED_MINTED = re.compile(r"\\newmint(ed|inline|)(?:\[([A-Za-z]{1,80})\])?\{([A-Za-z]{1,80})\}")
_DECLARED_INLINE = re.compile(r"\\CustomVerbatimCommand\{?\\([A-Za-z]{1,80})\}?\{Verb\*?\}")
_SAME_AS_INLINE = re.compile(
    r"\\(?:let|def|newcommand\*?)[ ]?\{?(\\[A-Za-z]{1,80})\}?[ ]?=?[ ]?\{?"
    r"(\\(?:verb|Verb|lstinline)(?:\[[^\[\]{}\n]{0,200}\])?)(?![A-Za-z|+!])"
)
_DECLARED_SHORT = re.compile(
    r"\\(?:MakeShortVerb|DefineShortVerb|lstMakeShortInline)\*?(?:\[[^\]\n]{0,200}\])?"
    r"[ \t]{0,20}\{?\\?([^A-Za-z0-9\\{}\s])"
)
_DECLARED_COMMENT = re.compile(r"\\excludecomment[ \t]{0,20}\{([A-Za-z*]{1,80})\}")


@dataclasses.dataclass(frozen=True)
class Lexicon:
    """The environments of a paper whose text is not TeX.

    Args:
        verbatim: Their text is kept as it stands.
        comments: Their text is a comment, or goes to a file.
        inline: Commands of the paper's own that work as ``\\verb`` does, each with the
            command that its text is written with: ``\\verb`` for another name of it, or itself.
        short: Characters that do so in some of the paper.
    """

    verbatim: frozenset[str] = VERBATIM_ENVIRONMENTS
    comments: frozenset[str] = HIDDEN_ENVIRONMENTS
    inline: Mapping[str, str] = dataclasses.field(default_factory=dict)
    short: frozenset[str] = frozenset()


def read_lexicon(texts: Iterable[str]) -> Lexicon:
    """Find the verbatim and comment environments, and the commands, that a paper declares."""
    verbatim = set(VERBATIM_ENVIRONMENTS)
    comments = set(HIDDEN_ENVIRONMENTS)
    inline: dict[str, str] = {}
    short: set[str] = set()
    for text in texts:
        verbatim.update(_DECLARED_VERBATIM.findall(text))
        for kind, name, code in _DECLARED_MINTED.findall(text):
            if kind == "ed":
                verbatim.update((name, f"{name}*") if name else (f"{code}code", f"{code}code*"))
            else:
                name = f"\\{name or code + kind}"
                inline[name] = name
        inline.update((f"\\{name}", f"\\{name}") for name in _DECLARED_INLINE.findall(text))
        inline.update(_SAME_AS_INLINE.findall(text))
        short.update(_DECLARED_SHORT.findall(text))
        comments.update(_DECLARED_COMMENT.findall(text))
    return Lexicon(frozenset(verbatim), frozenset(comments), inline, frozenset(short))


@functools.lru_cache(maxsize=64)
def _stop(inline: frozenset[str], short: frozenset[str]) -> re.Pattern[str]:
    """What matters for comments: their sign, and what may hold it as text."""
    words = ["begin", "verb", "Verb", "lstinline", "mintinline", "url", "nolinkurl", "path", "href"]
    words.extend(name[1:] for name in sorted(inline))
    pattern = rf"%|\\(?:[\\%]|(?:{'|'.join(words)})(?![A-Za-z]))"
    for character in map(re.escape, sorted(short - {"%"})):
        pattern += rf"|(?<!\\){character}[^\n{character}]{{1,{_MAX_INLINE}}}{character}"
    return re.compile(pattern)


def cost(tokens: Sequence[str]) -> int:
    """What a token list costs to go through, in steps: its tokens, and an eighth of its text."""
    return len(tokens) + sum(map(len, tokens)) // 8


def is_one_group(tokens: Sequence[str]) -> bool:
    """Tell whether the tokens are one group and nothing else."""
    if len(tokens) < 2 or tokens[0] != "{" or tokens[-1] != "}":
        return False
    depth = 0
    for token in tokens[:-1]:
        depth += (token == "{") - (token == "}")
        if depth == 0:
            return False
    return True


def is_control_word(token: str) -> bool:
    """Tell a control word from a control symbol, verbatim text and ordinary characters."""
    return token[0] == "\\" and token[-1] in LETTERS


class Lexer:
    """Reads tokens from a text without comments, one at a time.

    Args:
        text: The text.
        lexicon: Its verbatim environments.
    """

    __slots__ = ("_lexicon", "_unclosed", "_verbatim", "pos", "text")

    def __init__(self, text: str, lexicon: Lexicon) -> None:
        self.text = text
        self.pos = 0
        self._lexicon = lexicon
        self._verbatim = _VERBATIM_WORDS.union(lexicon.inline)
        # Environments with no end ahead: each is looked for once, or time would be quadratic.
        self._unclosed: set[str] = set()

    def next(self, pattern: re.Pattern[str] = TOKEN) -> str | None:
        """Read one token, or None at the end of the text."""
        match = pattern.match(self.text, self.pos)
        if match is None:
            return None
        token = match.group()
        self.pos = match.end()
        if token in self._verbatim and (end := self.verbatim_end(token, self.pos)):
            after, self.pos = self.pos, end
            return self._lexicon.inline.get(token, token) + self.text[after:end]
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
        if not opening or opening in LETTERS or opening.isspace() or opening in "*\\}":
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
    stops = _stop(frozenset(lexicon.inline), lexicon.short)
    while stop := stops.search(text, search):
        token, at = stop.group(), stop.start()
        if token != "%":
            search = stop.end()
            name = ENVIRONMENT.match(text, search) if token == "\\begin" else None
            if name and name[1] in lexicon.comments:
                if end := lexer.environment_end(name[1], name.end()):
                    pieces.append(text[pos:at])
                    pos = search = _line_end(text, at, end)
            elif token[0] == "\\" and token[1] not in "\\%":
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
