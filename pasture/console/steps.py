"""What ``pasture steps`` prints."""

from __future__ import annotations

import dataclasses
import inspect
from collections.abc import Sequence
from typing import Any

from pasture import config
from pasture.console.text import say, show_json, table
from pasture.errors import ConfigError
from pasture.filters.base import Annotator, Editor, Filter, Step


def role_of(kind: type[Step]) -> str:
    """Say whether a class is a filter, an annotator or an editor."""
    roles = {Filter: "filter", Annotator: "annotator", Editor: "editor"}
    return next((role for base, role in roles.items() if issubclass(kind, base)), "step")


def _steps(plugins: Sequence[str]) -> dict[str, type[Step]]:
    from pasture.recipes.load import Registry

    return Registry.of(tuple(plugins)).steps.all()


def show_steps(plugins: Sequence[str], as_json: bool) -> None:
    """List the row steps."""
    rows = [
        (name, role_of(kind), kind.needs or "", _first_line(kind))
        for name, kind in _steps(plugins).items()
    ]
    if as_json:
        names = ("name", "role", "model", "does")
        show_json([dict(zip(names, row, strict=True)) for row in rows])
    else:
        table(["step", "role", "model", "does"], rows)


def _first_line(kind: type) -> str:
    return (inspect.getdoc(kind) or "").partition("\n")[0]


def show_step(name: str, plugins: Sequence[str], as_json: bool) -> None:
    """Show one step: its docstring, its options and their defaults."""
    known = _steps(plugins)
    kind = known[config.one_of(name, known, "steps show", "step")]
    options = {
        field.name: "required" if _is_required(field) else config.plain(_default(field))
        for field in dataclasses.fields(kind)
    }
    doc = inspect.getdoc(kind) or ""
    if as_json:
        body = {"name": name, "role": role_of(kind), "needs": kind.needs, "doc": doc}
        show_json({**body, "options": options})
        return
    needs = f"; needs a model of kind {kind.needs}" if kind.needs else ""
    say(f"{name} ({role_of(kind)}{needs})\n\n{doc}\n")
    for option, default in options.items():
        say(f"  {option}: {default}")


def _is_required(field: dataclasses.Field[Any]) -> bool:
    return field.default is field.default_factory is dataclasses.MISSING


def _default(field: dataclasses.Field[Any]) -> Any:
    if field.default is not dataclasses.MISSING:
        return field.default
    assert field.default_factory is not dataclasses.MISSING
    return field.default_factory()


def show_trial(step: str, file: str, limit: int, plugins: Sequence[str], as_json: bool) -> None:
    """Apply a step to the documents of a file, and show what happens to each."""
    from pasture.api import make_step, read_texts, try_step

    value = config.parse_yaml(step, "the step")
    made = make_step(value, plugins)
    if made.model_name is not None and not getattr(made, "model", ""):
        raise ConfigError(
            f'{made.name} needs a model; name its file or folder: "{made.name}: {{model: PATH}}"'
        )
    outcomes = list(try_step(made, read_texts(file, limit)))
    if as_json:
        show_json([dataclasses.asdict(outcome) for outcome in outcomes])
        return
    table(
        ["document", "outcome", "text"],
        [(o.id, o.summary(), _excerpt(o.text)) for o in outcomes],
    )
    kept = sum(outcome.reason is None for outcome in outcomes)
    say(f"{kept} of {len(outcomes)} documents are kept")


def _excerpt(text: str) -> str:
    line = " ".join(text.split())
    return line if len(line) <= 60 else f"{line[:59]}…"
