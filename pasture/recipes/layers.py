"""Recipe files: finding them, and laying each over the one that it ``extends``.

The result remembers which file each key comes from: a relative path in a recipe starts at the
folder of the file that names it.
"""

from __future__ import annotations

import dataclasses
import os
import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from pasture import config, storage
from pasture.errors import ConfigError

MAX_DEPTH = 20
"""Most recipes that may extend each other, one after the other; ours."""
_VARIABLE = re.compile(r"\$(\$|\w+|\{\w+\})")

Key = tuple[str, ...]


@dataclasses.dataclass(frozen=True)
class Body:
    """The plain values of a recipe, with all that it extends.

    Args:
        values: The merged mapping.
        origins: The file that each key's value comes from, for keys whose value is not a mapping.
        file: The recipe's own file.
    """

    values: dict[str, Any]
    origins: Mapping[Key, str]
    file: str

    def origin(self, *key: str) -> str:
        """Return the file that a key's value comes from, or the nearest key above it."""
        for length in range(len(key), 0, -1):
            if key[:length] in self.origins:
                return self.origins[key[:length]]
        return self.file

    def folder(self, *key: str) -> str:
        """Return the folder at which the relative paths under a key start."""
        return folder_of(self.origin(*key))


def folder_of(file: str) -> str:
    """Return the folder of a file."""
    return file.rpartition("/")[0] or ("/" if file.startswith("/") else ".")


def builtin_recipes() -> dict[str, str]:
    """Map the names of the built-in recipes to their paths."""
    return config.builtin_files("recipes")


def find_recipe(name: str) -> str:
    """Return the path of a recipe: a file, or a built-in name.

    Raises:
        ConfigError: It is neither.
    """
    builtin = builtin_recipes()
    if name in builtin:
        return builtin[name]
    if name.endswith((".yaml", ".yml")) or storage.is_url(name) or "/" in name:
        if not storage.exists(name):
            raise ConfigError(f"there is no recipe file {name}")
        return name
    return builtin[config.one_of(name, builtin, "recipe", "name")]


def read_body(file: str) -> Body:
    """Read a recipe's YAML, merged over the recipe that it extends, to any depth.

    ``extends`` is a built-in name, or a file, relative to the folder of the file that names it.

    Raises:
        ConfigError: A file is not a mapping, is missing, or extends itself in a circle.
    """
    values: dict[str, Any] = {}
    origins: dict[Key, str] = {}
    for path, layer in reversed(list(_layers(file))):
        merged = config.merge(values, layer)
        origins = {
            key: path if _is_set(layer, key) else origins[key]
            for key in _leaves(merged)
            if _is_set(layer, key) or key in origins
        }
        values = merged
    values.pop("extends", None)
    return Body(values, origins, file)


def _layers(file: str) -> Iterator[tuple[str, dict[str, Any]]]:
    """Yield a recipe's file and values, then those of the recipe that it extends, and so on."""
    seen: list[str] = []
    path: str | None = file
    while path is not None:
        name = storage.absolute(path)
        if name in seen:
            circle = " -> ".join(_short(other) for other in [*seen[seen.index(name) :], name])
            raise ConfigError(f"{_short(file)}: extends: the recipes extend each other: {circle}")
        if len(seen) == MAX_DEPTH:
            raise ConfigError(f"{_short(file)}: extends: more than {MAX_DEPTH} recipes in a row")
        seen.append(name)
        body = config.read_yaml(path)
        if not isinstance(body, dict):
            raise ConfigError(f"{path}: a recipe is a mapping; see docs/recipes.md")
        yield path, body
        path = _base(path, body.get("extends"))


def _base(path: str, base: Any) -> str | None:
    """Return the file that a recipe extends, if it extends any."""
    if base is None:
        return None
    if not isinstance(base, str):
        raise ConfigError(f"{_short(path)}: extends: expected a name or a file, got {base!r}")
    builtin = builtin_recipes()
    if base in builtin:
        return builtin[base]
    if not base.endswith((".yaml", ".yml")):
        config.one_of(base, builtin, f"{_short(path)}: extends", "recipe")
    file = storage.join(folder_of(path), expand(base, f"{_short(path)}: extends"))
    if not storage.exists(file):
        raise ConfigError(f"{_short(path)}: extends: there is no recipe file {file}")
    return file


def _leaves(values: Mapping[str, Any], above: Key = ()) -> Iterator[Key]:
    for name, value in values.items():
        key = (*above, str(name))
        if isinstance(value, Mapping) and value:
            yield from _leaves(value, key)
        else:
            yield key


def _is_set(layer: Any, key: Sequence[str]) -> bool:
    """Tell whether a layer itself gives the value of a key."""
    for part in key:
        if not isinstance(layer, Mapping) or part not in map(str, layer):
            return False
        layer = next(value for name, value in layer.items() if str(name) == part)
    return True


def expand(path: str, where: str) -> str:
    """Replace ``~``, ``$NAME`` and ``${NAME}`` in a path; ``$$`` stands for a dollar sign.

    Raises:
        ConfigError: The environment has no such variable.
    """

    def value(match: re.Match[str]) -> str:
        name = match[1].strip("{}")
        if name == "$":
            return "$"
        if name not in os.environ:
            raise ConfigError(
                f"{where}: the environment variable {name} of {path} is not set; write $$ for a "
                f"dollar sign"
            )
        return os.environ[name]

    return os.path.expanduser(_VARIABLE.sub(value, path))


def _short(path: str) -> str:
    return path.rsplit("/", 1)[-1]
