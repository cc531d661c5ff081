"""Sources, steps, models and exporters that other packages or a user's own files bring.

A plug-in is a class: a frozen dataclass with a docstring that extends ``Source``, ``Filter``,
``Annotator``, ``Editor``, ``Model`` or ``Exporter``. Two ways lead to it:

- a recipe's ``plugins:`` names Python files; their classes are pickled by value, so that workers
  need no copy of the file;
- an installed package declares entry points in the groups ``pasture.sources``, ``pasture.steps``,
  ``pasture.models`` and ``pasture.exporters``; workers need the package too.

A plug-in never replaces a built-in class: a name that is taken is an error.
"""

from __future__ import annotations

import dataclasses
import functools
import hashlib
import importlib.metadata
import importlib.util
import inspect
import pathlib
import sys
import types
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Generic, TypeVar

from pasture import config, storage
from pasture.errors import ConfigError

T = TypeVar("T")

FILE_PREFIX = "pasture_plugin_"
"""Modules of plug-in files are called by this and the hash of their code."""


@dataclasses.dataclass(frozen=True)
class Kinds(Generic[T]):
    """The classes of one sort that a recipe may name: built-in, from files, and installed.

    Args:
        what: The sort in words, for errors: ``step``.
        base: The class that all of them extend.
        group: The entry point group: ``pasture.steps``.
        builtin: The classes of this package by name.
        files: The classes of a recipe's plug-in files by name.
    """

    what: str
    base: type[T]
    group: str
    builtin: Mapping[str, type[T]]
    files: Mapping[str, type[T]] = dataclasses.field(default_factory=dict)

    def __post_init__(self) -> None:
        for name, kind in self.files.items():
            if name in self.builtin:
                raise ConfigError(
                    f"{_origin(kind)}: the {self.what} {name} is built in; rename yours"
                )

    def names(self) -> list[str]:
        """The names that are known, sorted. Imports no installed plug-in."""
        return sorted({*self.builtin, *self.files, *self._entry_points()})

    def get(self, name: str, where: str) -> type[T]:
        """Return a class by its name.

        Raises:
            ConfigError: No class has the name, or the package that has it cannot be imported.
        """
        config.one_of(name, self.names(), where, self.what)
        if name in self.builtin:
            return self.builtin[name]
        if name in self.files:
            return self.files[name]
        return self._load(self._entry_points()[name])

    def all(self) -> dict[str, type[T]]:
        """Import and return every class by name: built-in ones in their order, then others."""
        names = dict.fromkeys([*self.builtin, *self.files, *self._entry_points()])
        return {name: self.get(name, self.group) for name in names}

    def _entry_points(self) -> dict[str, importlib.metadata.EntryPoint]:
        found: dict[str, importlib.metadata.EntryPoint] = {}
        for point in _installed(self.group):
            if point.name in self.builtin:
                raise ConfigError(
                    f"{_package(point)} brings the {self.what} {point.name}, which is built in; "
                    f"uninstall the package or rename its entry point"
                )
            if point.name in found and point.value != found[point.name].value:
                raise ConfigError(
                    f"{_package(found[point.name])} and {_package(point)} both bring the "
                    f"{self.what} {point.name}; uninstall one of them"
                )
            found[point.name] = point
        return found

    def _load(self, point: importlib.metadata.EntryPoint) -> type[T]:
        try:
            kind = point.load()
        except Exception as error:  # whatever the package does at its import
            raise ConfigError(
                f"{_package(point)}: the {self.what} {point.name} cannot be imported: "
                f"{type(error).__name__}: {error}"
            ) from error
        if not (inspect.isclass(kind) and issubclass(kind, self.base)):
            raise ConfigError(
                f"{_package(point)}: {point.value} is not a subclass of {self.base.__name__}"
            )
        if kind_name(kind) != point.name:
            raise ConfigError(
                f"{_package(point)}: the entry point is called {point.name}, but {point.value} "
                f"has the name {kind_name(kind)}"
            )
        return kind


@functools.lru_cache(maxsize=8)
def _installed(group: str) -> tuple[importlib.metadata.EntryPoint, ...]:
    return tuple(sorted(importlib.metadata.entry_points(group=group), key=_point_key))


def _point_key(point: importlib.metadata.EntryPoint) -> tuple[str, str]:
    return point.name, point.value


def _package(point: importlib.metadata.EntryPoint) -> str:
    return point.dist.name if point.dist is not None else point.value


def kind_name(kind: type) -> str:
    """Return the name by which a recipe calls a class: its ``name``, set by its base class."""
    name: str = getattr(kind, "name", "")
    return name


def load_files(paths: Sequence[str]) -> list[types.ModuleType]:
    """Import plug-in files, each once a process for each state of its code.

    Raises:
        ConfigError: A file is missing, or its code raises.
    """
    return [_import_file(path, _read(path)) for path in paths]


def _read(path: str) -> bytes:
    if not path.endswith(".py"):
        raise ConfigError(f"plugins: {path} is not a Python file (.py)")
    if not storage.exists(path):
        raise ConfigError(f"plugins: there is no file {path}")
    with storage.open_read(path) as stream:
        return stream.read()


def _import_file(path: str, code: bytes) -> types.ModuleType:
    name = FILE_PREFIX + hashlib.sha256(code).hexdigest()[:16]
    if name in sys.modules:
        return sys.modules[name]
    module = types.ModuleType(name, doc=None)
    module.__file__ = path
    sys.modules[name] = module  # dataclasses look their module up while it is executed
    try:
        exec(compile(code, path, "exec"), module.__dict__)  # noqa: S102 (the user's own code)
    except Exception as error:  # whatever the user's code raises
        del sys.modules[name]
        line = _line_of(error, path)
        raise ConfigError(f"{path}{line}: {type(error).__name__}: {error}") from error
    _pickle_by_value(module)
    return module


def _line_of(error: Exception, path: str) -> str:
    """Name the line of a file in which an error was raised, where that is known."""
    if isinstance(error, SyntaxError):
        return f", line {error.lineno}"
    traceback, line = error.__traceback__, ""
    while traceback is not None:
        if traceback.tb_frame.f_code.co_filename == path:
            line = f", line {traceback.tb_lineno}"
        traceback = traceback.tb_next
    return line


def _pickle_by_value(module: types.ModuleType) -> None:
    """Let Beam and Spark send a module's classes whole, as no worker can import it."""
    from apache_beam.internal.cloudpickle import cloudpickle

    cloudpickle.register_pickle_by_value(module)


def classes_of(modules: Iterable[types.ModuleType], base: type[T]) -> dict[str, type[T]]:
    """Map the names of the subclasses that modules define to the classes.

    Raises:
        ConfigError: Two of them have one name, or one is not a dataclass.
    """
    found: dict[str, type[T]] = {}
    for module in modules:
        for kind in _defined(module, base):
            name = kind_name(kind)
            if name in found:
                raise ConfigError(f"{_origin(kind)}: two classes are called {name}")
            if "__dataclass_fields__" not in kind.__dict__:
                raise ConfigError(
                    f"{_origin(kind)}: {kind.__name__} needs the decorator "
                    f"@dataclasses.dataclass(frozen=True)"
                )
            found[name] = kind
    return found


def _defined(module: types.ModuleType, base: type[T]) -> Iterator[type[T]]:
    for value in vars(module).values():
        is_own = inspect.isclass(value) and value.__module__ == module.__name__
        if is_own and issubclass(value, base) and not inspect.isabstract(value):
            yield value


def _origin(kind: type) -> str:
    module = sys.modules.get(kind.__module__)
    return str(getattr(module, "__file__", kind.__module__))


def code_digest(kind: type) -> str | None:
    """Hash the code of a plug-in class, for fingerprints; None for a class of this package.

    Of a file, its bytes; of an installed package, every ``.py`` file below its top folder.
    """
    module = kind.__module__
    if module.partition(".")[0] == "pasture":
        return None
    if module.startswith(FILE_PREFIX):
        return module.removeprefix(FILE_PREFIX)
    return _package_digest(module.partition(".")[0])


@functools.lru_cache(maxsize=64)
def _package_digest(package: str) -> str:
    module = sys.modules[package]
    folders = [pathlib.Path(folder) for folder in getattr(module, "__path__", [])]
    if not folders and module.__file__:
        return hashlib.sha256(pathlib.Path(module.__file__).read_bytes()).hexdigest()[:16]
    digest = hashlib.sha256()
    for folder in folders:
        for path in sorted(folder.rglob("*.py")):
            digest.update(f"{path.relative_to(folder).as_posix()}\0".encode())
            digest.update(hashlib.sha256(path.read_bytes()).digest())
    return digest.hexdigest()[:16]
