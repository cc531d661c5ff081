# ruff: noqa: S105  # a "token" here is one of TeX's, not a secret
"""TeX's mouth: a stack of files and token lists, and the arguments read from it.

Reading an argument either succeeds or raises ``NoArgument`` with all that it read put back, so
that a call that TeX itself could not read is left as it stands.
"""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Sequence
from typing import Literal

from pasture.sources.arxiv.latex.limits import CannotExpand
from pasture.sources.arxiv.latex.styles import Style
from pasture.sources.arxiv.latex.tokens import (
    ENVIRONMENT,
    Letters,
    Lexer,
    Lexicon,
    cost,
    is_one_group,
    token_pattern,
)

NO_VALUE = ("-NoValue-",)  # what xparse gives for an optional argument that is not there
_TRUE = ("\\BooleanTrue",)
_FALSE = ("\\BooleanFalse",)
_ENDS = ("\\begin", "\\end")
_WHITESPACE = re.compile(r"[ \t\n]*")
# After a control word TeX skips blanks and one line end, but not a blank line.
_AFTER_CONTROL_WORD = re.compile(r"[ \t]*(?:\n[ \t]*(?![ \t\n]))?")


Kind = Literal["mandatory", "optional", "star", "delimited", "group", "marked", "verbatim", "body"]


class NoArgument(Exception):  # not an error of the program: the text goes on otherwise
    """The input does not continue with the argument that a macro needs."""


@dataclasses.dataclass(frozen=True, slots=True)
class Parameter:
    """How one argument of a macro is read.

    Args:
        kind: ``mandatory``, one token or a group; ``optional``, in brackets; ``star``, a mark
            that is there or not; ``delimited``, up to ``delimiter`` (``\\def``); ``group``, a
            group that may be missing; ``marked``, behind a mark; ``verbatim``, between
            two equal characters or braces; ``body``, all that an environment holds.
        default: The value of an optional argument that is not there.
        delimiter: The tokens that end a delimited argument, the closing bracket of an optional
            one, or the mark of a star.
        opening: The opening bracket of an optional argument.
    """

    kind: Kind
    default: tuple[str, ...] = NO_VALUE
    delimiter: tuple[str, ...] = ("]",)
    opening: str = "["


MANDATORY = Parameter("mandatory")
OPTIONAL = Parameter("optional")
STAR = Parameter("star", delimiter=("*",))
BODY = Parameter("body")


class FileFrame(Lexer):
    """A file that is being read, and what is restored at its end."""

    __slots__ = ("letters", "num_conditionals", "num_groups", "out", "path", "style")

    def __init__(self, path: str, text: str, lexicon: Lexicon) -> None:
        super().__init__(text, lexicon)
        self.path = path
        self.style: Style | None = None
        self.letters: Letters = "word"  # as they were when the file was opened
        self.num_groups = 0
        self.num_conditionals = 0
        self.out: list[str] = []


class ListFrame:
    """A token list that is being read: the body of a macro, or tokens put back."""

    __slots__ = ("index", "tokens")

    def __init__(self, tokens: Sequence[str]) -> None:
        self.tokens = tokens
        self.index = 0


class Reader:
    """The input of the expander.

    Args:
        lexicon: The verbatim environments of the paper.
        max_steps: How much may be spent before the paper is given up.
    """

    def __init__(self, lexicon: Lexicon, max_steps: int) -> None:
        self.frames: list[FileFrame | ListFrame] = []
        self.pattern = token_pattern("word", "")
        self.spent = 0
        """Steps that token lists have cost so far, see ``cost``."""
        self._lexicon = lexicon
        self._max_steps = max_steps
        self._seen: list[str] = []
        self._letters: Letters = "word"
        self._unclosed: set[str] = set()  # or each would be looked for again, in quadratic time
        self._short_verbs: dict[str, str] = {}

    @property
    def letters(self) -> Letters:
        r"""What names are made of: ``@`` too after ``\makeatletter``."""
        return self._letters

    @letters.setter
    def letters(self, value: Letters) -> None:
        self._letters = value
        self.pattern = token_pattern(value, "".join(self._short_verbs))

    def set_short_verb(self, character: str, command: str) -> None:
        r"""Let a character stand for ``\verb`` or ``\lstinline``; for itself where it is none."""
        self._short_verbs.pop(character, None)
        if command:
            self._short_verbs[character] = command
        self.letters = self._letters

    def open(self, path: str, text: str) -> FileFrame:
        """Read a file from here on; what is being read goes on after it."""
        frame = FileFrame(path, text, self._lexicon)
        self.frames.append(frame)
        return frame

    def push(self, tokens: Sequence[str]) -> None:
        """Read tokens from here on.

        Raises:
            CannotExpand: The paper has spent all its steps.
        """
        if tokens:
            self.spent += cost(tokens)
            if self.spent > self._max_steps:
                raise CannotExpand("expansion_over_limit", f"{self.spent:,} steps")
            self.frames.append(ListFrame(tokens))

    def next(self) -> str | None:
        """Read one token, or None at the end of the file that is being read."""
        frames = self.frames
        while True:
            frame = frames[-1]
            if isinstance(frame, FileFrame):
                token = frame.next(self.pattern)
                if self._short_verbs and token and len(token) > 1:
                    return self._short_verbs.get(token[0], "") + token
                return token
            index = frame.index
            if index < len(frame.tokens):
                frame.index = index + 1
                return frame.tokens[index]
            frames.pop()

    def peek(self) -> str | None:
        """Tell the next token that is no whitespace, without its leading whitespace."""
        for frame in reversed(self.frames):
            if isinstance(frame, FileFrame):
                blank = _WHITESPACE.match(frame.text, frame.pos)
                assert blank is not None  # the pattern matches the empty string
                match = self.pattern.match(frame.text, blank.end())
                return match.group() if match else None
            for index in range(frame.index, len(frame.tokens)):
                if token := frame.tokens[index].lstrip():
                    return token
        return None

    def peek_raw(self) -> str | None:
        """Tell the next token, whitespace included."""
        for frame in reversed(self.frames):
            if isinstance(frame, FileFrame):
                match = self.pattern.match(frame.text, frame.pos)
                return match.group() if match else None
            if frame.index < len(frame.tokens):
                return frame.tokens[frame.index]
        return None

    def skip_after_word(self) -> None:
        """Pass over the spaces that TeX skips after a control word."""
        frame = self.frames[-1]
        if isinstance(frame, FileFrame):
            match = _AFTER_CONTROL_WORD.match(frame.text, frame.pos)
            assert match is not None  # the pattern matches the empty string
            frame.pos = match.end()
        elif frame.index < len(frame.tokens) and frame.tokens[frame.index][0] in " \t\n":
            token = frame.tokens[frame.index]
            match = _AFTER_CONTROL_WORD.match(token)
            assert match is not None  # the pattern matches the empty string
            frame.index += 1
            if rest := token[match.end() :]:
                self.frames.append(ListFrame((rest,)))

    def skip_empty_group(self) -> None:
        """Pass over the ``{}`` that only ends the name of a macro."""
        frame = self.frames[-1]
        if isinstance(frame, FileFrame):
            if frame.text.startswith("{}", frame.pos):
                frame.pos += 2
        elif list(frame.tokens[frame.index : frame.index + 2]) == ["{", "}"]:
            frame.index += 2

    def skip_line_end(self) -> None:
        """Pass over the rest of the line where it is blank."""
        frame = self.frames[-1]
        if isinstance(frame, FileFrame):
            end = frame.text.find("\n", frame.pos, frame.pos + 200)
            if end >= 0 and not frame.text[frame.pos : end].strip():
                frame.pos = end + 1

    def environment_name(self) -> tuple[str, int]:
        r"""Tell the ``{name}`` that follows, and its length in characters or tokens."""
        frame = self.frames[-1]
        if isinstance(frame, FileFrame):
            match = ENVIRONMENT.match(frame.text, frame.pos)
            return (match[1], match.end() - frame.pos) if match else ("", 0)
        tokens = frame.tokens[frame.index : frame.index + 3]
        if len(tokens) == 3 and tokens[0] == "{" and tokens[2] == "}" and tokens[1][0] != "\\":
            return tokens[1], 3
        return "", 0

    def environment_body(self, name: str) -> list[str] | None:
        r"""Read up to the ``\end`` of an environment; None, as before, where there is none."""
        if name in self._unclosed:
            return None
        tokens: list[str] = []
        depth = 1
        while (token := self.next()) is not None:
            found, length = self.environment_name() if token in _ENDS else ("", 0)
            if found == name:
                depth += 1 if token == "\\begin" else -1
                if depth == 0:
                    self.pass_over(length)
                    self.spent += cost(tokens)
                    return tokens
            tokens.append(token)
        self._unclosed.add(name)
        self.push(tokens)
        return None

    def pass_over(self, length: int) -> None:
        """Pass over what ``environment_name`` told."""
        frame = self.frames[-1]
        if isinstance(frame, FileFrame):
            frame.pos += length
        else:
            frame.index += length

    def arguments(
        self, parameters: Sequence[Parameter], prefix: Sequence[str] = ()
    ) -> list[Sequence[str]]:
        """Read the arguments of a call, behind the tokens that must stand before the first.

        Raises:
            NoArgument: They are not there; the input is as before.
        """
        self._seen = []
        try:
            for expected in prefix:
                if not _same([self._take_character()], (expected,)):
                    raise NoArgument
            return [self._argument(parameter) for parameter in parameters]
        except NoArgument:
            self.push(self._seen)
            raise
        finally:
            self.spent += cost(self._seen)

    @property
    def last_read(self) -> list[str]:
        """What ``arguments`` read last."""
        return list(self._seen)

    def put_back(self) -> None:
        """Put back what ``arguments`` read last."""
        self.push(self._seen)

    def argument(self) -> Sequence[str]:
        """Read one mandatory argument."""
        return self.arguments((MANDATORY,))[0]

    def delimited_by_brace(self) -> list[str]:
        r"""Read the parameter text of a ``\def``: all up to its opening brace."""
        tokens: list[str] = []
        self._seen = tokens
        while (token := self._take()) != "{":
            if token == "}" or len(tokens) > 200:
                self.push(tokens)
                raise NoArgument
        tokens.pop()
        self.push(["{"])
        return tokens

    def up_to(self, end: str, most: int = 200) -> list[str] | None:
        """Read up to a token; None, with the input as before, where it is not near."""
        tokens: list[str] = []
        while len(tokens) < most and (token := self.next()) is not None:
            if token == end:
                return tokens
            tokens.append(token)
        self.push(tokens)
        return None

    def character(self) -> str:
        """Read one token, a single character of a run."""
        self._seen = []
        try:
            return self._take_character()
        except NoArgument:
            self.push(self._seen)
            raise

    def skip_whitespace(self) -> None:
        """Pass over whitespace, through the ends of token lists."""
        while self._take_run(_WHITESPACE):
            pass

    def _take(self) -> str:
        token = self.next()
        if token is None:
            raise NoArgument
        self._seen.append(token)
        return token

    def _take_character(self) -> str:
        token = self._take()
        if len(token) == 1 or token[0] in "\\#":
            return token
        self._give_back(token[1:])
        return token[0]

    def _give_back(self, rest: str) -> None:
        """Put the end of the token just read back, to be read again."""
        self._seen[-1] = self._seen[-1][: -len(rest)]
        frame = self.frames[-1]
        if isinstance(frame, FileFrame):
            frame.pos -= len(rest)
        else:
            self.frames.append(ListFrame((rest,)))

    def _take_run(self, pattern: re.Pattern[str]) -> bool:
        """Take the start of the next token that matches; tell whether there was any."""
        token = self.peek_raw()
        match = pattern.match(token) if token else None
        if token is None or match is None or not match.group():
            return False
        self._take()
        if rest := token[match.end() :]:
            self._give_back(rest)
        return True

    def _argument(self, parameter: Parameter) -> Sequence[str]:
        if parameter.kind == "delimited":
            return self._delimited(parameter.delimiter)
        if parameter.kind == "mandatory":
            self.skip_whitespace()
            return self._mandatory()
        following = self.peek()
        if parameter.kind == "star":
            if following is None or following[0] != parameter.delimiter[0]:
                return _FALSE
            self.skip_whitespace()
            self._take_character()
            return _TRUE
        if parameter.kind == "marked":
            if following is None or following[0] != parameter.delimiter[0]:
                return parameter.default
            self.skip_whitespace()
            self._take_character()
            self.skip_whitespace()
            return self._mandatory()
        if parameter.kind == "verbatim":
            self.skip_whitespace()
            opening = self._take_character()
            return self._group() if opening == "{" else self._bracketed(opening)
        if parameter.kind == "group":
            if following != "{":
                return parameter.default
            self.skip_whitespace()
            return self._mandatory()
        if following is None or following[0] != parameter.opening:
            return parameter.default
        self.skip_whitespace()
        self._take_character()
        return self._bracketed(parameter.delimiter[0])

    def _mandatory(self) -> Sequence[str]:
        token = self._take_character()
        if token == "}":
            raise NoArgument
        return self._group() if token == "{" else (token,)

    def _group(self) -> list[str]:
        start, depth = len(self._seen), 1
        while depth:
            token = self._take()
            depth += (token == "{") - (token == "}")
        return self._seen[start:-1]

    def _bracketed(self, closing: str) -> list[str]:
        start, depth = len(self._seen), 0
        while True:
            token = self._take()
            if depth == 0 and token[0] not in "\\{}#" and closing in token:
                end = token.index(closing) + 1
                if rest := token[end:]:
                    self._give_back(rest)
                self._seen[-1] = token[: end - 1]
                tokens = [token for token in self._seen[start:] if token]
                self._seen[-1] = token[:end]
                return tokens
            depth += (token == "{") - (token == "}")
            if depth < 0:
                raise NoArgument

    def _delimited(self, delimiter: tuple[str, ...]) -> list[str]:
        start, width = len(self._seen), len(delimiter)
        while True:
            token = self._take_character()
            if token == "}":
                raise NoArgument
            if token == "{":
                self._group()
            elif _same(self._seen[-width:], delimiter) and len(self._seen) - start >= width:
                tokens = self._seen[start:-width]
                return tokens[1:-1] if is_one_group(tokens) else tokens


def _same(tokens: Sequence[str], delimiter: tuple[str, ...]) -> bool:
    return len(tokens) == len(delimiter) and all(
        token == expected or (expected == " " and token.isspace())
        for token, expected in zip(tokens, delimiter, strict=True)
    )
