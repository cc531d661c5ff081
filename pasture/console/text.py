"""How the command line writes: tables, JSON, sizes and times for people.

Tables go to standard output; progress and notes to standard error, so that a pipe gets only
results. With ``--json`` nothing but one JSON value is printed.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterable, Sequence
from typing import Any

from rich.console import Console
from rich.markup import escape
from rich.table import Table

from pasture.text.visible import visible, visible_json, visible_line


class SafeConsole(Console):
    """A console that shows control characters as symbols; every command writes to one."""

    def print(self, *objects: Any, **options: Any) -> None:
        """Print, strings by ``visible``."""
        super().print(*(visible(o) if isinstance(o, str) else o for o in objects), **options)

    def rule(self, title: Any = "", **options: Any) -> None:
        """Draw a line with a title by ``visible_line``."""
        super().rule(visible_line(title) if isinstance(title, str) else title, **options)


def stdout() -> SafeConsole:
    """The console of results; wide enough for a table where there is no terminal."""
    return SafeConsole(width=None if sys.stdout.isatty() else 140, highlight=False, soft_wrap=False)


def say(text: str, end: str = "\n") -> None:
    """Print text as it is, but for control characters, to standard output."""
    print(visible(text), end=end)  # noqa: T201


def show_json(value: Any) -> None:
    """Print one JSON value."""
    encoded = json.dumps(value, indent=2, ensure_ascii=False, default=str)
    print(visible_json(encoded))  # noqa: T201


def size(count: int | None) -> str:
    """Write a number of bytes for people."""
    if count is None:
        return ""
    value = float(count)
    for unit in ("B", "kB", "MB", "GB"):
        if value < 1000:
            return f"{value:.0f} {unit}" if unit == "B" else f"{value:.1f} {unit}"
        value /= 1000
    return f"{value:.1f} TB"


def duration(seconds: float) -> str:
    """Write a time for people."""
    if seconds < 1:
        return f"{seconds:.1f} s"
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    days, hours = divmod(hours, 24)
    if days:
        return f"{days} d {hours:02} h"
    if hours:
        return f"{hours} h {minutes:02} min"
    return f"{minutes} min {rest:02} s" if minutes else f"{rest} s"


def table(columns: Sequence[str], rows: Iterable[Sequence[object]], title: str = "") -> None:
    """Print a table; columns whose name starts with ``#`` are set to the right."""
    made = Table(
        title=escape(visible_line(title)) or None, title_justify="left", header_style="bold"
    )
    for column in columns:
        made.add_column(
            visible_line(column.lstrip("#")), justify="right" if column.startswith("#") else "left"
        )
    for row in rows:
        made.add_row(*(escape(visible("" if cell is None else str(cell))) for cell in row))
    stdout().print(made)
