"""JSON listings of origins, whose contents are untrusted."""

from __future__ import annotations

import json
from typing import Any, TypeVar

from pasture.errors import FetchError
from pasture.fetch.base import printable

T = TypeVar("T")


def parse_json(body: bytes, url: str, kind: type[T]) -> T:
    """Parse a listing that must be a JSON value of some kind.

    Raises:
        FetchError: It is none.
    """
    try:
        value = json.loads(body)
    except (ValueError, RecursionError) as error:
        raise FetchError(f"{url} is not JSON; try again later") from error
    if not isinstance(value, kind):
        raise FetchError(f"{url} is not the listing that was expected; try again later")
    return value


def whole_number(value: Any, url: str) -> int:
    """Read a number of bytes, a JSON number or its digits.

    Raises:
        FetchError: It is none.
    """
    text = str(value)
    if isinstance(value, bool) or not (text.isascii() and text.isdigit() and len(text) < 18):
        raise FetchError(f"{url}: {printable(text)} is no size of a file; try again later")
    return int(text)
