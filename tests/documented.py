"""The code blocks of documentation, to run them."""

from __future__ import annotations

import pathlib
import re

ROOT = pathlib.Path(__file__).parent.parent
_BLOCK = re.compile(r"^```(\w*)\n(.*?)^```$", re.M | re.S)


def blocks(page: str, heading: str | None = None) -> list[tuple[str, str]]:
    """List the code blocks of a page, or of the part under one heading: language and code."""
    text = (ROOT / page).read_text()
    if heading is not None:
        _, _, text = text.partition(f"\n## {heading}\n")
        assert text, f"{page} has no heading {heading}"
        text = text.partition("\n## ")[0]
    return [(match[1], match[2]) for match in _BLOCK.finditer(text)]
