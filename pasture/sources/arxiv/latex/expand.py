# ruff: noqa: S105  # a "token" here is one of TeX's, not a secret
r"""The expander: runs a paper's definitions, and writes the paper without them.

It reads the main file as TeX would, follows ``\input``, carries out definitions and the
conditionals whose outcome is known, replaces the paper's own macros by what they stand for,
and copies everything else character by character.

Expansion is bounded twice. A call that grows past its share is taken back and its macro left
as it stands from then on (``unexpanded``); a paper past the total is given up.
"""

from __future__ import annotations

import collections
import contextlib
import dataclasses
import re
from collections.abc import Callable, Mapping, Sequence

from pasture.sources.arxiv.latex.limits import CannotExpand, ExpansionLimits, Files
from pasture.sources.arxiv.latex.macros import (
    Environment,
    Frozen,
    Macro,
    ends_openly,
    is_argument,
    is_internal,
    is_one_token,
    is_taken_for_option,
    is_writable,
    substitute,
)
from pasture.sources.arxiv.latex.names import DEFINED
from pasture.sources.arxiv.latex.reader import (
    MANDATORY,
    OPTIONAL,
    FileFrame,
    NoArgument,
    Parameter,
    Reader,
)
from pasture.sources.arxiv.latex.styles import Style
from pasture.sources.arxiv.latex.tokens import LETTERS, cost, is_control_word

_LINE_END = re.compile(r"[ \t]{0,1000}\n")
QUIETLY = "\\<quietly>"  # runs the group behind it as a style file's code; no text can hold it
_MAX_ARGUMENTS = 9  # TeX's own limit
_PREFIXES = frozenset({"\\global", "\\long", "\\protected", "\\outer", "\\expandafter"})


@dataclasses.dataclass(slots=True)
class _Call:
    """A call in a file that is being expanded, and the state before it."""

    token: str
    frame: FileFrame
    pos: int
    num_out: int
    num_groups: int
    num_conditionals: int
    num_open: int
    spent: int
    limit: int
    in_math: bool
    is_undone: bool = False


Handler = Callable[["Expander", str], None]
"""What a command of LaTeX does: it is called with its name, which has been read."""
Meaning = Macro | Frozen | Handler


class Expander:
    """Expands one paper. Use it once.

    Args:
        files: The files of the submission.
        commands: What LaTeX's own commands do (``commands.COMMANDS``).
        limits: How far to go.
    """

    def __init__(
        self,
        files: Files,
        commands: Mapping[str, Meaning],
        limits: ExpansionLimits = ExpansionLimits(),
    ) -> None:
        self.files = files
        self.limits = limits
        self.reader = Reader(files.lexicon, limits.total_steps)
        self.meanings: dict[str, Meaning] = dict(commands)
        self.environments: dict[str, Environment] = {}
        self.conditionals: list[bool] = []
        """For each open conditional: whether its ``\\else`` and ``\\fi`` are ours to remove."""
        self.flags: dict[str, bool] = {}
        self.class_options: list[str] = []
        self.passed: dict[str, list[str]] = {}
        """The options that are passed to a class or package, by its file (``own.sty``)."""
        self.loaded: dict[str, list[str]] = {}
        """The options with which each class or package was loaded, by its file."""
        self.at_begin: list[str] | None = []
        """What waits for the beginning of the document; None after it."""
        self.at_end: list[str] = []
        self.out: list[str] = []
        self.used: list[str] = []
        self.counts: collections.Counter[str] = collections.Counter()
        self.unexpanded: dict[str, None] = {}
        self.is_global = False
        self.in_math = False
        self.is_display = False
        self.text_follows = False
        """Whether the next group is text, in a formula too."""
        self._groups: list[dict[str, Meaning | None] | None] = []
        self._modes: list[bool] = []  # for each group: whether it stands in a formula
        self.open_environments: list[tuple[str, tuple[str, ...]]] = []
        """The expanded environments that are open: name, and what the end becomes."""
        self._call: _Call | None = None
        self._input_chars = 0
        self.nesting = 0
        self._has_gap = False  # something was removed from the line being written

    def expand(self, main: str) -> str:
        """Return the text of the paper whose main file is given.

        Raises:
            CannotExpand: It goes over the limits, or changes TeX's own syntax.
        """
        self.open_file(main)
        self._run(0)
        return "".join(self.out)

    def expanded(self, tokens: Sequence[str]) -> list[str]:
        r"""Expand tokens on their own, as ``\edef`` and file names need it."""
        if self.nesting >= self.limits.nesting:
            return list(tokens)
        outer = self.out, self._has_gap, self._call, self.in_math
        bottom, num_groups = len(self.reader.frames), len(self._groups)
        self.nesting += 1
        frame = self.reader.open("", "")
        self.out = []
        self._call = call = self._start("", frame)
        self.reader.push(tokens)
        self._run(bottom)
        self.nesting -= 1
        self.close_groups(num_groups)
        result = list(tokens) if call.is_undone else self.out
        self.out, self._has_gap, self._call, self.in_math = outer
        return result

    def text(self, tokens: Sequence[str]) -> str:
        """The text that tokens expand to, without the blanks around it."""
        return "".join(self.expanded(tokens)).strip()

    def finish(self) -> None:
        r"""Stop reading: ``\end{document}``."""
        for frame in self.reader.frames:
            if isinstance(frame, FileFrame):
                frame.pos = len(frame.text)
            else:
                frame.index = len(frame.tokens)

    def _run(self, bottom: int) -> None:
        """Expand until the stack of input is down to a height."""
        reader, meanings = self.reader, self.meanings
        while True:
            token = reader.next()
            if token is None:
                self._close_file()
                if len(reader.frames) == bottom:
                    return
                continue
            first = token[0]
            if first == "\\":
                meaning = meanings.get(token)
                if meaning is None:
                    if "@" in token and not self.nesting and is_internal(token):
                        self._drop_internal()
                    else:
                        self.emit(token)
                elif isinstance(meaning, Macro):
                    self._expand_call(token, meaning)
                elif isinstance(meaning, Frozen):
                    self._emit_frozen(meaning)
                else:
                    meaning(self, token)
                    if token not in _PREFIXES:
                        self.is_global = False
            elif first == "{":
                self.open_group()
                if self.text_follows:
                    self.in_math = self.text_follows = False
                self.emit(token)
            elif first == "}":
                self.close_group()
                self.emit(token)
            elif first == "$":
                self._write_dollar()
            else:
                if self.in_math and "\n\n" in token:
                    self.in_math = False
                self.emit(token)

    def emit(self, token: str) -> None:
        """Write a token, apart from a control word before it that it would lengthen."""
        out = self.out
        if self._has_gap:
            self._has_gap = False
            if token[0] in " \t\n" and (not out or out[-1].rstrip(" \t")[-1:] == "\n"):
                blank = _LINE_END.match(token)
                token = token[blank.end() :] if blank else token
                if not token:
                    self._has_gap = True
                    return
        if token[0] in LETTERS and out and is_control_word(out[-1]):
            out.append(" ")
        out.append(token)

    def _write_dollar(self) -> None:
        """Write ``$`` or ``$$``, which start a formula or end one."""
        opens = not self.in_math
        self.emit("$")
        if (opens or self.is_display) and self.reader.peek_raw() == "$":
            self.reader.next()
            self.emit("$")
            self.is_display = opens
        self.in_math = opens

    def _drop_internal(self) -> None:
        """Leave out an internal of LaTeX, and its arguments: the text cannot hold either."""
        reader = self.reader
        with contextlib.suppress(NoArgument):
            for _ in range(_MAX_ARGUMENTS):
                following = (reader.peek_raw() or "")[:1]
                if following not in ("{", "["):
                    break
                reader.arguments((MANDATORY if following == "{" else OPTIONAL,))
        reader.skip_after_word()
        self.remove()

    def _emit_frozen(self, meaning: Frozen) -> None:
        if meaning.token == "\\relax":
            self.remove()
            return
        if not self.nesting and is_internal(meaning.token):
            self._drop_internal()
            return
        if meaning.token[0] != "\\":
            self.reader.skip_after_word()
        self.emit(meaning.token)

    def remove(self) -> None:
        """Note that something was removed here, so that no blank line stays in its place."""
        self._has_gap = True

    # Meanings and their scope.

    def define(self, name: str, meaning: Meaning) -> None:
        """Give a name its meaning, until the group ends, or for good after ``\\global``."""
        if self.is_global:
            for group in self._groups:
                if group:
                    group.pop(name, None)
            self.reader.spent += len(self._groups) // 16
        elif self._groups:
            group = self._groups[-1]
            if group is None:
                group = self._groups[-1] = {}
            group.setdefault(name, self.meanings.get(name))
        self.meanings[name] = meaning

    def meaning(self, token: str) -> Meaning:
        """The meaning of a token, ``Frozen`` where only TeX knows it."""
        return self.meanings.get(token) or Frozen(token)

    def is_defined(self, token: str) -> bool:
        """Tell whether a name has a meaning, from the paper or from LaTeX and pdfTeX."""
        meaning = self.meanings.get(token)
        if isinstance(meaning, Frozen) and meaning.token == token:
            return token in DEFINED  # after ``\\let\\foo\\undefined``
        return meaning is not None or token in DEFINED or token[0] != "\\"

    def open_group(self) -> None:
        """Start a group."""
        self._groups.append(None)
        self._modes.append(self.in_math)

    def close_groups(self, depth: int) -> None:
        """End the groups above a depth: what they defined is as before."""
        while len(self._groups) > max(depth, 0):
            self.in_math = self._modes.pop()
            for name, meaning in (self._groups.pop() or {}).items():
                if meaning is None:
                    self.meanings.pop(name, None)
                else:
                    self.meanings[name] = meaning

    def close_group(self) -> None:
        """End the innermost group."""
        self.close_groups(len(self._groups) - 1)

    # Calls.

    def _expand_call(self, token: str, macro: Macro) -> None:
        reader = self.reader
        if token in self.unexpanded or not is_writable(macro, self.meanings):
            self.leave(token)
            return
        is_outermost = self.enter_call(token)
        if (is_control_word(token) or is_internal(token)) and self._skips_space(macro):
            reader.skip_after_word()
        if self.expand_once(token, macro, is_outermost=is_outermost):
            self.check_call()

    def _skips_space(self, macro: Macro) -> bool:
        """Tell whether the space behind a name goes; it stays where TeX would not set it."""
        if macro.may_take_nothing():
            return not self.in_math and not macro.sets_environment()
        return macro.follows_directly()

    def expand_once(self, token: str, macro: Macro, *, is_outermost: bool = False) -> bool:
        """Put what a call stands for into the input, or its name where it has no arguments."""
        try:
            arguments = self.reader.arguments(macro.parameters, macro.prefix)
        except NoArgument:
            self.leave(token)
            return False
        if is_outermost and self._call:
            self._call.limit += 8 * sum(map(cost, arguments))
        body = substitute(macro.body, arguments) if macro.takes_tokens else macro.body
        if macro.may_take_nothing() and is_control_word(token) and not ends_openly(body):
            self.reader.skip_empty_group()
        is_plain = not (macro.parameters or macro.prefix or is_one_token(body))
        if is_plain and is_argument(self.out):
            body = ("{", *body, "}")
        elif is_taken_for_option(body, self.out):
            body = ("{", "}", *body)
        self.reader.push(body)
        self.remove()
        return True

    def enter_call(self, token: str) -> bool:
        """Note the state before a call that stands in a file, not in a macro."""
        frames = self.reader.frames
        is_outermost = isinstance(frames[-1], FileFrame)
        if is_outermost or self._call is None:
            frame = next(f for f in reversed(frames) if isinstance(f, FileFrame))
            self._call = self._start(token, frame)
        return is_outermost

    def _start(self, token: str, frame: FileFrame) -> _Call:
        heights = len(self.out), len(self._groups), len(self.conditionals)
        num_open = len(self.open_environments)
        spent, limit = self.reader.spent, self.limits.call_steps
        return _Call(token, frame, frame.pos, *heights, num_open, spent, limit, self.in_math)

    def check_call(self) -> None:
        """Undo a call that grew too large, and leave its macro as it stands from now on."""
        call = self._call
        if call is None or self.reader.spent - call.spent <= call.limit:
            return
        frames = self.reader.frames
        while frames[-1] is not call.frame:
            frames.pop()
        call.frame.pos = call.pos
        call.is_undone = True
        del self.out[call.num_out :]
        del self.conditionals[call.num_conditionals :]
        del self.open_environments[call.num_open :]
        self.close_groups(call.num_groups)
        self.in_math = call.in_math
        self._call = None
        if call.token:
            self.leave(call.token)

    def leave(self, token: str) -> None:
        """Write a macro's name as it stands, and remember that it was not expanded."""
        self.unexpanded.setdefault(token)
        self.emit(token)

    def arguments(self, token: str, parameters: Sequence[Parameter]) -> list[Sequence[str]] | None:
        """Read the arguments of a command; None, its name written, where they are not there."""
        try:
            return self.reader.arguments(parameters)
        except NoArgument:
            self.emit(token)
            return None

    # Files.

    def open_file(self, path: str, style: Style | None = None) -> None:
        """Read a file from here on. A style file gives definitions and no text."""
        text = self.files.part(path) if self.used else self.files.text(path)
        self._input_chars += len(text)
        self.counts["inputs"] += 1
        limits = self.limits
        if self._input_chars > limits.input_chars or self.counts["inputs"] > limits.inputs:
            raise CannotExpand("input_over_limit", f"{self._input_chars:,} characters at {path}")
        if path not in self.used:
            self.used.append(path)
        self._open(path, text, style)
        if style:
            self.reader.letters = "at"

    def run_quietly(self, tokens: Sequence[str], code: str = "") -> None:
        """Run tokens, and code, as those of a style file: for their definitions only."""
        self._open("", code, Style(""))
        self.reader.push(tokens)

    def _open(self, path: str, text: str, style: Style | None) -> None:
        frame = self.reader.open(path, text)
        frame.style = style
        frame.letters = self.reader.letters
        frame.num_groups = len(self._groups)
        frame.num_conditionals = len(self.conditionals)
        frame.out = self.out
        self._call = None
        if style:
            self.out = []

    def is_open(self, path: str) -> bool:
        """Tell whether a file is being read already."""
        return any(isinstance(f, FileFrame) and f.path == path for f in self.reader.frames)

    @property
    def style(self) -> Style | None:
        """The style file that is being read; None outside of any."""
        for frame in reversed(self.reader.frames):
            if isinstance(frame, FileFrame) and frame.style:
                return frame.style
        return None

    def _close_file(self) -> None:
        frame = self.reader.frames[-1]
        assert isinstance(frame, FileFrame)  # ``Reader.next`` passes the ends of lists over
        if frame.style and frame.style.at_end:
            self.reader.push(frame.style.at_end)
            frame.style.at_end = []
            return
        self.reader.frames.pop()
        if frame.style:
            self.out = frame.out
            self.reader.letters = frame.letters
            self.close_groups(frame.num_groups)
            del self.conditionals[frame.num_conditionals :]
        self._call = None
