"""A strict loader: plain values, as YAML gives them, into the dataclasses that use them.

An unknown key, a missing field or a wrong type is an error that names the place and the nearest
known name. There is no interpolation, and the environment is never read.
"""

from __future__ import annotations

import collections.abc
import dataclasses
import difflib
import importlib.resources
import math
import types
import typing
from collections.abc import Iterable, Mapping
from typing import Any, TypeVar

import yaml

from pasture import storage
from pasture.errors import ConfigError

T = TypeVar("T")


class _UniqueKeyLoader(yaml.SafeLoader):
    """YAML's safe loader, but a key that stands twice in a mapping is an error."""


def _unique_mapping(loader: _UniqueKeyLoader, node: yaml.MappingNode) -> dict[Any, Any]:
    seen: set[Any] = set()
    for key_node, _ in node.value:
        key = loader.construct_object(key_node)
        if isinstance(key, collections.abc.Hashable) and key in seen:
            line = key_node.start_mark.line + 1
            raise ConfigError(f"line {line}: the key {key!r} stands twice")
        seen.add(key)
    return loader.construct_mapping(node, deep=True)


_UniqueKeyLoader.add_constructor(yaml.resolver.BaseResolver.DEFAULT_MAPPING_TAG, _unique_mapping)


def read_yaml(path: str) -> Any:
    """Read a YAML file.

    Raises:
        ConfigError: The file is not YAML, or a key stands twice.
    """
    with storage.open_read(path) as stream:
        return parse_yaml(stream.read(), path)


def parse_yaml(data: bytes | str, label: str) -> Any:
    """Parse YAML; ``label`` names its origin in errors."""
    try:
        return yaml.load(data, Loader=_UniqueKeyLoader)  # noqa: S506 (a safe loader's child)
    except (yaml.YAMLError, UnicodeDecodeError, ConfigError) as error:
        raise ConfigError(f"{label}: {error}") from error


def builtin_files(kind: str) -> dict[str, str]:
    """Map the names of the built-in ``recipes`` or ``mixtures`` to their paths."""
    folder = importlib.resources.files("pasture.manifests") / kind
    return {
        entry.name.removesuffix(".yaml"): str(entry)
        for entry in sorted(folder.iterdir(), key=lambda entry: entry.name)
        if entry.name.endswith(".yaml")
    }


def one_of(name: str, known: Iterable[str], where: str, what: str) -> str:
    """Return the name if it is known.

    Raises:
        ConfigError: It is not; the message names the nearest known ones.
    """
    names = sorted(known)
    if name in names:
        return name
    near = difflib.get_close_matches(name, names, n=3, cutoff=0.5)
    hint = f"did you mean {' or '.join(near)}?" if near else f"known: {', '.join(names) or 'none'}"
    raise ConfigError(f"{where}: unknown {what} {name!r}; {hint}")


def load(kind: type[T], value: Any, where: str) -> T:
    """Turn a mapping into a dataclass, recursively; ``where`` names the place in errors.

    Raises:
        ConfigError: An unknown key, a missing field, a wrong type, or a value that the
            dataclass itself refuses.
    """
    if value is None:
        value = {}
    if not isinstance(value, Mapping):
        raise ConfigError(f"{where}: expected a mapping of options, got {value!r}")
    hints = typing.get_type_hints(kind)
    fields = {field.name: field for field in dataclasses.fields(kind) if field.init}  # type: ignore[arg-type]
    arguments = {}
    for key, item in value.items():
        one_of(str(key), fields, where, "key")
        arguments[str(key)] = _convert(hints[key], item, f"{where}.{key}")
    for name, field in fields.items():
        required = field.default is field.default_factory is dataclasses.MISSING
        if required and name not in arguments:
            raise ConfigError(f"{where}: the key {name!r} is missing")
    try:
        return kind(**arguments)
    except ConfigError as error:
        raise ConfigError(f"{where}: {error}") from error
    except ValueError as error:
        raise ConfigError(f"{where}: {error}") from error


def _convert(hint: Any, value: Any, where: str) -> Any:
    origin, arguments = typing.get_origin(hint), typing.get_args(hint)
    if hint is Any:
        return value
    if origin in (typing.Union, types.UnionType):
        return _convert_union(arguments, value, where)
    if origin is typing.Literal:
        if value not in arguments:
            raise ConfigError(f"{where}: {value!r} is none of {', '.join(map(repr, arguments))}")
        return value
    if origin in (tuple, list, frozenset):
        if isinstance(value, str) or not isinstance(value, collections.abc.Sequence):
            raise ConfigError(f"{where}: expected a list, got {value!r}")
        items = [_convert(arguments[0], item, f"{where}[{i}]") for i, item in enumerate(value)]
        return origin(items)
    if origin in (dict, collections.abc.Mapping):
        if not isinstance(value, Mapping):
            raise ConfigError(f"{where}: expected a mapping, got {value!r}")
        return {
            _convert(arguments[0], key, where): _convert(arguments[1], item, f"{where}.{key}")
            for key, item in value.items()
        }
    if dataclasses.is_dataclass(hint):
        return load(typing.cast(type, hint), value, where)
    return _convert_scalar(hint, value, where)


def _convert_union(members: tuple[Any, ...], value: Any, where: str) -> Any:
    if value is None and type(None) in members:
        return None
    errors = []
    for member in members:
        if member is not type(None):
            try:
                return _convert(member, value, where)
            except ConfigError as error:
                errors.append(str(error))
    raise ConfigError("; or ".join(errors) or f"{where}: {value!r} fits no type")


def _convert_scalar(hint: Any, value: Any, where: str) -> Any:
    if hint in (int, float) and not isinstance(value, (bool, int)):
        # YAML 1.1 reads 1e12 as a string.
        try:
            number = float(value)
        except (TypeError, ValueError):
            number = math.nan
        if hint is float and not math.isnan(number):
            return number
        if hint is int and number.is_integer():
            return int(number)
    elif hint is float and type(value) is int:
        return float(value)
    elif type(value) is hint:
        return value
    raise ConfigError(f"{where}: expected {hint.__name__}, got {value!r}")


def plain(value: Any) -> Any:
    """Turn a config value into plain JSON values, for a manifest."""
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return {f.name: plain(getattr(value, f.name)) for f in dataclasses.fields(value)}
    if isinstance(value, Mapping):
        return {str(key): plain(item) for key, item in value.items()}
    if isinstance(value, (tuple, list)):
        return [plain(item) for item in value]
    if isinstance(value, (set, frozenset)):
        return sorted(plain(item) for item in value)
    return value


def merge(base: Any, override: Any) -> Any:
    """Lay one mapping over another, deeply; null removes a key, lists are replaced whole."""
    if not (isinstance(base, Mapping) and isinstance(override, Mapping)):
        return override
    merged = {key: value for key, value in base.items() if override.get(key, value) is not None}
    for key, value in override.items():
        if value is not None:
            merged[key] = merge(base.get(key), value)
    return merged


def difference(old: Any, new: Any, where: str = "") -> list[str]:
    """Name what differs between two plain configs: ``a.b: 1 -> 2``, one line a key."""
    if isinstance(old, Mapping) and isinstance(new, Mapping):
        return [
            line
            for key in sorted({*old, *new})
            for line in difference(old.get(key), new.get(key), f"{where}.{key}" if where else key)
        ]
    return [] if old == new else [f"{where}: {old!r} -> {new!r}"]
