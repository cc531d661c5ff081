"""The interface of every model that steps need: what it is trained on, and how it is made.

A recipe's ``models`` maps names to models, each of a kind. A model is made once by the driver,
from finished stages of the same run or from a file of labels, before the first stage that needs
it; or it is a file that the user has.
"""

from __future__ import annotations

import abc
import dataclasses
import hashlib
from collections.abc import Sequence
from typing import Any, ClassVar, Protocol

from pasture import config, storage
from pasture.errors import ModelError
from pasture.filters.base import Step
from pasture.records import snake_case

Stage = tuple[str, str]
"""A source's name and the name of one of its stages."""


class Stages(Protocol):
    """The part of a recipe that tells a model which stages there are."""

    @property
    def seed(self) -> int:
        """The recipe's seed, for draws."""

    def stage(self, name: str) -> Stage:
        """Read ``source`` (its last stage) or ``source/stage``."""

    def stage_with(self, source: str, kind: type[Step]) -> Stage:
        """Find the stage of a source that has a step of a kind."""

    def stage_before(self, source: str, kind: type[Step]) -> Stage:
        """Find the stage before the one that has a step of a kind."""


class Run(Protocol):
    """The part of a run that a training reads: the recipe, and finished stages."""

    @property
    def recipe(self) -> Stages:
        """The recipe."""

    def shards(self, stage: Stage) -> list[str]:
        """The paths of a finished stage's shards, in order."""


@dataclasses.dataclass(frozen=True)
class Model(abc.ABC):
    """A model of a recipe. A subclass is a frozen dataclass; its fields are its options.

    Args:
        path: The model's file or folder, if the user has one; it is made otherwise. A relative
            path starts at the recipe's folder.
        sha256: Hash that the file at ``path`` must have.
    """

    name: ClassVar[str]
    """The kind's name: what a recipe gives as ``kind:``."""

    path: str = ""
    sha256: str | None = None

    def __init_subclass__(cls, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        if "name" not in cls.__dict__:
            cls.name = snake_case(cls.__name__)

    @property
    def is_given(self) -> bool:
        """Whether the user has the model, so that nothing is trained."""
        return bool(self.path)

    def sources(self) -> tuple[str, ...]:
        """The sources, as ``source`` or ``source/stage``, that a training would read."""
        return ()

    def upstream(self, recipe: Stages) -> tuple[Stage, ...]:
        """The stages that must be finished before the model can be made."""
        return tuple(recipe.stage(name) for name in self.sources())

    def rooted(self, root: str) -> Model:
        """Return the model with relative paths below a folder."""
        return dataclasses.replace(self, path=storage.join(root, self.path)) if self.path else self

    def plain(self, recipe: Stages) -> dict[str, Any]:
        """What the model depends on, as plain values; of a file, its content."""
        if self.is_given:
            return {"sha256": digest(self.path)}
        body = {name: value for name, value in config.plain(self).items() if name != "sha256"}
        return {**body, "seed": recipe.seed}

    def check(self, name: str) -> None:
        """Fail before any work where the file, or a tool for the training, is missing.

        Args:
            name: What the recipe calls the model.

        Raises:
            ModelError: There is no file at ``path``, or it has another hash.
        """
        if self.is_given:
            check_file(name, self.path, self.sha256)

    @abc.abstractmethod
    def make(self, run: Run, folder: str) -> dict[str, Any]:
        """Train the model into a folder; return its card. Not called where it is given.

        ``trained`` in the card is True, or False where the model could not be trained and the
        recipe allows that. The ``notes`` of a card are shown to the user.
        """

    def location(self, folder: str, card: dict[str, Any]) -> str | None:
        """Where steps find the model; None where it could not be trained, as the recipe allows.

        Args:
            folder: The folder that ``make`` wrote to.
            card: The card that ``make`` returned.
        """
        return self.path or folder


def digest(path: str) -> str:
    """Hash the content of a file, or of every file of a folder."""
    files = storage.list_tree(path) or storage.glob(path)
    return hashlib.sha256("".join(storage.sha256(p) for p, _ in files).encode()).hexdigest()


def check_file(name: str, path: str, sha256: str | None = None) -> None:
    """Check that a model of the user is there, and is the one that the recipe means.

    Raises:
        ModelError: It is not.
    """
    if not storage.exists(path):
        raise ModelError(
            f"the model {name} is not at {path}; correct its path in the recipe, or leave the "
            f"path out to have the model made"
        )
    if sha256 and storage.sha256(path) != sha256:
        raise ModelError(f"{path} has another SHA-256 than the recipe says")


def rows(paths: Sequence[str], *columns: str) -> Any:
    """Yield the values of columns of shards, a document at a time."""
    for path in paths:
        yield from storage.read_rows(path, columns)
