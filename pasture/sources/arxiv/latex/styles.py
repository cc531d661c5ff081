"""What is known of a class or package of the paper's own while it is read: its options."""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Sequence

from pasture.sources.arxiv.latex.tokens import TOKEN

_LIST_MARK = re.compile(r"[{},]")
_MAX_OPTIONS = 1_000  # options in one list; real lists have under 50


@dataclasses.dataclass(frozen=True, slots=True)
class Option:
    """A declared option.

    Args:
        code: What it runs; ``#1`` stands for its value.
        default: The value where none is given, for packages of keys and values.
    """

    code: tuple[str, ...]
    default: tuple[str, ...] = ()


@dataclasses.dataclass(slots=True)
class Style:
    r"""A class or package of the paper's own.

    Args:
        name: Its file, such as ``own.sty``.
        given: The options in the command that loads it.
        declared: The options declared so far, in their order.
        otherwise: What an option that is not declared runs (``\DeclareOption*``).
        at_end: Tokens to run when the file ends (``\AtEndOfPackage``).
        prefix: What the names of flags and values start with (kvoptions).
    """

    name: str
    given: list[str] = dataclasses.field(default_factory=list)
    declared: dict[str, Option] = dataclasses.field(default_factory=dict)
    otherwise: tuple[str, ...] | None = None
    at_end: list[str] = dataclasses.field(default_factory=list)
    prefix: str = ""

    @property
    def is_class(self) -> bool:
        """Whether it is a class, which takes the options of the document as its own."""
        return self.name.endswith(".cls")


def split_options(text: str) -> list[str]:
    """Split a list of options at its commas, those within braces apart, and drop blanks."""
    return [option for part in split_list(text) if (option := _drop_blanks(part))]


def _drop_blanks(option: str) -> str:
    head, brace, tail = option.partition("{")
    return "".join(head.split()) + brace + tail


def split_list(text: str) -> list[str]:
    """Split a list at its commas, those within braces apart."""
    parts: list[str] = []
    start, depth = 0, 0
    for match in _LIST_MARK.finditer(text):
        depth += (match[0] == "{") - (match[0] == "}")
        if match[0] == "," and depth == 0:
            parts.append(text[start : match.start()].strip())
            start = match.end()
    parts.append(text[start:].strip())
    return [part for part in parts if part][:_MAX_OPTIONS]


def key_and_value(option: str) -> tuple[str, str | None]:
    """The key of an option, and its value without the braces around it; None without one."""
    key, equals, value = option.partition("=")
    if value.startswith("{") and value.endswith("}"):
        value = value[1:-1]
    return key.strip(), value if equals else None


def tokenize(text: str) -> Sequence[str]:
    """Read a text as tokens."""
    return TOKEN.findall(text)
