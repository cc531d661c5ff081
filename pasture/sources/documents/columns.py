"""The column map: which column of a row becomes which field of a document.

A name may be nested (``metadata.url``). A column of exactly that name is preferred to a nested
one. A column that the user names must hold what its field needs, and a row where it does not is
bad; a column that is only found by its usual name is used where it fits, and is metadata where
it does not.
"""

from __future__ import annotations

import dataclasses
import datetime
import decimal
import functools
import json
import math
from collections.abc import Callable, Iterable, Mapping
from typing import Any

from pasture.errors import ConfigError
from pasture.records import COLUMN_TYPES, DOCUMENT_SCHEMA, to_metadata

USUAL: dict[str, tuple[str, ...]] = {
    "text": ("text",),
    "id": ("id",),
    "url": ("url", "metadata.url"),
    "date": ("date", "timestamp", "created", "metadata.date", "metadata.timestamp"),
    "language": ("language", "metadata.language"),
    "license": ("license", "metadata.license"),
}
"""Where each field is looked for unless the column map says otherwise: the names of datatrove,
dolma, C4 and the Hugging Face Hub. The first that there is counts."""

MAX_DEPTH = 64
"""Most levels of lists and mappings in a row; ours. JSON of the Hub has fewer than 10."""

_MILLISECONDS = 1e11
"""A larger number is no date in seconds, but one in milliseconds: 1e11 seconds are year 5138."""
_MAX_FLOAT32 = 3.4028234663852886e38
_UTC = datetime.timezone.utc


class BadRow(Exception):  # a verdict on a row, which becomes a Rejected
    """A row gives no document.

    Args:
        reason: The reason of the ``Rejected``.
        detail: What exactly was met.
        text: The row's text, where it is at hand.
        is_rule: Whether the row is sound, but left out by a rule.
    """

    def __init__(
        self, reason: str, detail: str = "", *, text: str = "", is_rule: bool = False
    ) -> None:
        super().__init__(f"{reason}: {detail}")
        self.reason, self.detail, self.text, self.is_rule = reason, detail, text, is_rule


@dataclasses.dataclass(frozen=True, slots=True)
class Undecodable:
    """Stands in a row for a value that no Python value can hold.

    Args:
        reason: The reason of the ``Rejected``.
        detail: What the decoder says.
    """

    reason: str
    detail: str


@dataclasses.dataclass(frozen=True, slots=True)
class Fields:
    """What a row gives.

    Args:
        text: The text, with something in it.
        id: The row's own id, where it has one.
        url: The address.
        date: The date, in UTC.
        language: The language, as the row spells it.
        license: The licence, as the row spells it.
        extra: The typed extra columns, each with a value of its type or None.
        metadata: The rest of the row, as JSON values.
    """

    text: str
    id: str | None
    url: str | None
    date: datetime.datetime | None
    language: str | None
    license: str | None
    extra: dict[str, Any]
    metadata: dict[str, Any]

    def to_metadata(self, **more: str | None) -> str:
        """Encode the metadata; ``more`` is added where the row has no value of that name.

        Raises:
            BadRow: Some string of the row is not valid Unicode.
        """
        values = {**{key: value for key, value in more.items() if value}, **self.metadata}
        encoded = to_metadata(**values)
        try:
            for part in (self.text, self.id, self.url, self.language, self.license, encoded):
                (part or "").encode()
            for value in self.extra.values():
                if isinstance(value, str):
                    value.encode()
        except UnicodeEncodeError as error:
            raise BadRow("invalid_unicode", str(error)) from error
        return encoded


@dataclasses.dataclass(frozen=True)
class ColumnMap:
    """Turns rows into the fields of documents.

    Args:
        names: The column of a field or of an extra column; empty for none at all.
        types: The types of the extra columns, by the names of ``COLUMN_TYPES``.
        metadata: The columns that are kept as metadata; None keeps all that no field took.
    """

    names: Mapping[str, str] = dataclasses.field(default_factory=dict)
    types: Mapping[str, str] = dataclasses.field(default_factory=dict)
    metadata: tuple[str, ...] | None = None

    def __post_init__(self) -> None:
        for name, kind in self.types.items():
            if name in DOCUMENT_SCHEMA.names:
                raise ConfigError(f"columns.{name}: every document has a field of that name")
            if kind not in COLUMN_TYPES:
                raise ConfigError(f"columns.{name}: {kind!r} is none of {', '.join(COLUMN_TYPES)}")
        for name in self.names:
            if name not in USUAL and name not in self.types:
                known = ", ".join([*USUAL, *self.types])
                raise ConfigError(
                    f"column_map: there is no field {name!r}; it maps fields ({known}) to your "
                    f"columns, such as text: content; declare other columns in columns"
                )
        if self.names.get("text") == "":
            raise ConfigError("column_map.text: a document needs a text")

    def sources(self, field: str) -> tuple[str, ...]:
        """List the columns in which a field or an extra column is looked for, best first."""
        if field in self.names:
            return (self.names[field],) if self.names[field] else ()
        return USUAL.get(field, (field,))

    def missing(self, found: Iterable[str], *, all_rows: bool = True) -> str | None:
        """Return the first needed name that is not among the columns, or None.

        Args:
            found: The names of the columns, nested ones with dots.
            all_rows: Whether a column that is not among them can be in no row at all.
        """
        names = set(found)
        fields: list[str] = ["text", *self.names, *(self.types if all_rows else ())]
        for field in fields:
            sources = self.sources(field)
            if sources and not names.intersection(sources):
                return field
        return None

    def top_level(self, found: Iterable[str]) -> list[str] | None:
        """List the top-level columns that are needed; None where all are."""
        if self.metadata is None:
            return None
        fields = [*USUAL, *self.types]
        wanted = {name for field in fields for name in self.sources(field)} | {*self.metadata}
        prefixes = {name.split(".")[0] for name in wanted}
        return [name for name in found if name in wanted or name in prefixes]

    def fields(self, row: dict[str, Any]) -> Fields:
        """Take a row apart; the row is used up.

        Raises:
            BadRow: It gives no document.
        """
        inner = row.get("metadata")
        if isinstance(inner, str) and inner.startswith("{"):
            row["metadata"] = _mapping_or_string(inner)
        elif isinstance(inner, list) and inner and isinstance(inner[0], tuple):
            row["metadata"] = dict(inner)
        text = self._text(row)
        values = {name: self._take(row, name) for name in _CONVERT}
        extra = {name: self._extra(row, name, kind) for name, kind in self.types.items()}
        return Fields(text=text, extra=extra, metadata=self._rest(row), **values)

    def _text(self, row: dict[str, Any]) -> str:
        (name,) = self._looked_for["text"]
        holder, key = _find(row, name)
        if holder is None:
            raise BadRow("missing_text", f"no {name}; there are {', '.join(row)[:500]}")
        value = holder.pop(key)
        if isinstance(value, bytes):
            try:
                value = value.decode()
            except UnicodeDecodeError as error:
                raise BadRow("not_utf8", str(error)) from error
        if isinstance(value, Undecodable):
            raise BadRow(value.reason, value.detail)
        if value is not None and not isinstance(value, str):
            raise BadRow("not_a_string", f"{name} is {_kind(value)}")
        if value is None or not value.strip():
            raise BadRow("empty", is_rule=True)
        return str(value)

    @functools.cached_property
    def _looked_for(self) -> dict[str, tuple[str, ...]]:
        return {field: self.sources(field) for field in [*USUAL, *self.types]}

    def _take(self, row: dict[str, Any], field: str) -> Any:
        """Convert a field's value and remove it from the row, if there is one."""
        for name in self._looked_for[field]:
            holder, key = (row, name) if name in row else _find(row, name)
            if holder is None or holder[key] is None or holder[key] == "":
                continue
            try:
                value = _CONVERT[field](holder[key])
            except (ValueError, OverflowError, OSError) as error:
                if field in self.names:
                    raise BadRow(f"bad_{field}", f"{name}: {str(error)[:200]}") from error
                continue
            del holder[key]
            return value
        return None

    def _extra(self, row: dict[str, Any], name: str, kind: str) -> Any:
        (column,) = self._looked_for[name] or ("",)
        holder, key = _find(row, column)
        if holder is None:
            return None
        value = holder.pop(key)
        if value is None or (value == "" and kind != "string"):
            return None
        try:
            return _EXTRA[kind](value)
        except (ValueError, OverflowError, OSError) as error:
            detail = f"{name}: {str(error)[:200]}; it must be {kind}"
            raise BadRow("wrong_type", detail) from error

    def _rest(self, row: dict[str, Any]) -> dict[str, Any]:
        inner = row.get("metadata")
        if isinstance(inner, dict):
            del row["metadata"]
            for key, value in inner.items():
                row[f"metadata.{key}" if key in row else str(key)] = value
        if self.metadata is not None:
            row = {name: row[name] for name in self.metadata if name in row}
        return {key: plain(value) for key, value in row.items() if value is not None}


def _find(row: dict[str, Any], name: str) -> tuple[dict[str, Any] | None, str]:
    """Find a column: the mapping that holds it, and its key there."""
    if name in row:
        return row, name
    parts = name.split(".")
    for count in range(1, len(parts)):
        inner = row.get(".".join(parts[:count]))
        if isinstance(inner, dict):
            holder, key = _find(inner, ".".join(parts[count:]))
            if holder is not None:
                return holder, key
    return None, name


def _mapping_or_string(text: str) -> Any:
    """Parse a JSON object in a string, as Parquet files carry metadata."""
    try:
        value = json.loads(text)
    except (ValueError, RecursionError):
        return text
    return value if isinstance(value, dict) else text


def _kind(value: Any) -> str:
    return type(value).__name__


def _string(value: Any) -> str:
    if isinstance(value, Undecodable):
        raise ValueError(value.detail)
    if isinstance(value, bytes):
        return value.decode()
    if not isinstance(value, str):
        raise ValueError(f"{_kind(value)} is not a string")
    return value


def _id(value: Any) -> str:
    return str(value) if type(value) is int else _string(value)


def _license(value: Any) -> str:
    """Read a licence. Of a list, all hold: nobody has said that one may choose."""
    if isinstance(value, list) and value:
        return " AND ".join(map(_string, value))
    return _string(value)


def parse_date(value: Any) -> datetime.datetime:
    """Read a date: ISO 8601, seconds or milliseconds since 1970, or a value of Arrow's.

    A date without a zone is in UTC.

    Raises:
        ValueError: It is none of these, or beyond what Python's dates reach.
    """
    if isinstance(value, bool):
        raise ValueError("bool is not a date")
    if isinstance(value, (int, float)):
        if not math.isfinite(value):
            raise ValueError(f"{value} is not a date")
        seconds = value / 1000 if abs(value) >= _MILLISECONDS else value
        return datetime.datetime.fromtimestamp(seconds, _UTC)
    if isinstance(value, datetime.datetime):
        date = value
    elif isinstance(value, datetime.date):
        date = datetime.datetime(value.year, value.month, value.day)
    else:
        date = datetime.datetime.fromisoformat(_string(value).strip().replace("Z", "+00:00"))
    return date.astimezone(_UTC) if date.tzinfo else date.replace(tzinfo=_UTC)


_CONVERT: dict[str, Callable[[Any], Any]] = {
    "id": _id,
    "url": _string,
    "date": parse_date,
    "language": _string,
    "license": _license,
}


def _boolean(value: Any) -> bool:
    known = {"true": True, "1": True, "false": False, "0": False}
    if isinstance(value, bool):
        return value
    if isinstance(value, str) and value.strip().lower() in known:
        return known[value.strip().lower()]
    raise ValueError(f"{_shown(value)} is not true or false")


def _integer(bits: int) -> Callable[[Any], int]:
    def convert(value: Any) -> int:
        if isinstance(value, bool) or not isinstance(value, (int, float, str, decimal.Decimal)):
            raise ValueError(f"{_shown(value)} is not an integer")
        number = int(value)
        if isinstance(value, (float, decimal.Decimal)) and number != value:
            raise ValueError(f"{value} is not an integer")
        if not -(1 << bits - 1) <= number < 1 << bits - 1:
            raise ValueError(f"{_shown(value)} is out of range")
        return number

    return convert


def _float(largest: float) -> Callable[[Any], float]:
    def convert(value: Any) -> float:
        if isinstance(value, bool) or not isinstance(value, (int, float, str, decimal.Decimal)):
            raise ValueError(f"{_shown(value)} is not a number")
        number = float(value)
        if math.isfinite(number) and abs(number) > largest:
            raise ValueError(f"{_shown(value)} is out of range")
        return number

    return convert


def _shown(value: Any) -> str:
    return repr(value)[:80] if isinstance(value, (str, int, float)) else _kind(value)


def _list_of(convert: Callable[[Any], Any]) -> Callable[[Any], list[Any]]:
    def convert_all(value: Any) -> list[Any]:
        if not isinstance(value, list):
            raise ValueError(f"{_kind(value)} is not a list")
        return [convert(item) for item in value]

    return convert_all


_EXTRA: dict[str, Callable[[Any], Any]] = {
    "string": _string,
    "bool": _boolean,
    "int32": _integer(32),
    "int64": _integer(64),
    "float32": _float(_MAX_FLOAT32),
    "float64": _float(math.inf),
    "timestamp": parse_date,
    "list<string>": _list_of(_string),
    "list<float32>": _list_of(_float(_MAX_FLOAT32)),
}


def plain(value: Any, depth: int = 1) -> Any:
    """Turn a value into JSON values: dates as ISO 8601, bytes as text, no infinite numbers.

    Raises:
        BadRow: It is nested too deep, or a value cannot be decoded.
    """
    if value is None or isinstance(value, (str, bool, int)):
        return value
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if depth >= MAX_DEPTH:
        raise BadRow("too_nested", f"more than {MAX_DEPTH} levels")
    if isinstance(value, dict):
        return {str(key): plain(item, depth + 1) for key, item in value.items()}
    if isinstance(value, list):
        if value and isinstance(value[0], tuple):  # Arrow's map type
            return {str(item[0]): plain(item[1], depth + 1) for item in value}
        return [plain(item, depth + 1) for item in value]
    if isinstance(value, Undecodable):
        raise BadRow(value.reason, value.detail)
    if isinstance(value, bytes):
        return value.decode("utf-8", "backslashreplace")
    if isinstance(value, (datetime.datetime, datetime.date, datetime.time)):
        return value.isoformat()
    return str(value)  # decimal.Decimal, datetime.timedelta, uuid.UUID
