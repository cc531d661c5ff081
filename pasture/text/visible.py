"""Text of the corpus as it may be shown: without what a terminal or a browser would act on.

Documents, their ids and their addresses are written by strangers. An escape sequence among them
may set a terminal's title, clear it, or write its reader's clipboard; a control for right-to-left
text shows a name as another one. All that a command shows passes through ``visible``, and all JSON
through ``visible_json``.
"""

from __future__ import annotations

import re

# C0 but tab and line feed, DEL, C1; controls of direction; separators of lines; invisible
# operators and fillers; annotations; lone surrogates, which no stream can write; tags.
_CONTROLS = re.compile(
    "[\\x00-\\x08\\x0b-\\x1f\\x7f-\\x9f\\u061c\\u200b\\u200e\\u200f\\u2028-\\u202e\\u2060-\\u206f"
    "\\ufeff\\ufff9-\\ufffb\\ud800-\\udfff\\U000e0000-\\U000e0fff]"
)
_PICTURES = 0x2400
_DELETE, _DELETE_PICTURE = 0x7F, "\u2421"


def visible(text: str) -> str:
    """Return a text with its control characters as symbols; tabs and line ends stay."""
    return _CONTROLS.sub(_symbol, text)


def visible_line(text: str) -> str:
    """Return a text on one line, its line ends as symbols, too: for names and addresses."""
    return visible(text).replace("\n", chr(_PICTURES + ord("\n")))


def visible_json(encoded: str) -> str:
    """Return JSON with control characters within its strings escaped; it means the same."""
    return _CONTROLS.sub(_escape, encoded)


def _symbol(match: re.Match[str]) -> str:
    code = ord(match[0])
    if code < ord(" "):
        return chr(_PICTURES + code)
    return _DELETE_PICTURE if code == _DELETE else f"<U+{code:04X}>"


def _escape(match: re.Match[str]) -> str:
    units = match[0].encode("utf-16-be", "surrogatepass").hex()
    return "".join(f"\\u{units[at : at + 4]}" for at in range(0, len(units), 4))
