"""Dates as records spell them, as moments in UTC that every column can hold."""

from __future__ import annotations

import datetime


def parse_utc(value: str) -> datetime.datetime:
    """Parse a date in ISO 8601; without an offset it is in UTC.

    Raises:
        ValueError: It is no date, or one that lies outside of the calendar in UTC.
    """
    date = datetime.datetime.fromisoformat(value.replace("Z", "+00:00"))
    utc = datetime.timezone.utc
    if date.tzinfo is None:
        return date.replace(tzinfo=utc)
    try:
        return date.astimezone(utc)
    except OverflowError as error:
        raise ValueError(f"{value[:50]} is outside of the calendar in UTC") from error
