"""What ``pasture recipe`` prints."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import yaml

from pasture import config, storage
from pasture.console.text import say, show_json, size, table
from pasture.recipes.layers import Body, builtin_recipes, find_recipe, read_body


def show_recipes(as_json: bool) -> None:
    """List the built-in recipes with their descriptions."""
    bodies = {name: read_body(path).values for name, path in builtin_recipes().items()}
    rows = [
        (name, ", ".join(body["sources"]), body.get("description", ""))
        for name, body in bodies.items()
    ]
    if as_json:
        names = ("name", "sources", "description")
        show_json([dict(zip(names, row, strict=True)) for row in rows])
    else:
        table(["recipe", "sources", "description"], rows)


def show_recipe(name: str, resolved: bool, as_json: bool) -> None:
    """Print a recipe as it is written, or with all that it extends."""
    file = find_recipe(name)
    body = read_body(file)
    if as_json:
        origins = {".".join(key): _short(path) for key, path in body.origins.items()}
        show_json({"recipe": body.values, "origins": origins})
    elif resolved:
        say("\n".join(_annotated(body)))
    else:
        with storage.open_read(file) as stream:
            say(stream.read().decode("utf-8", "replace"), end="")


def _annotated(body: Body) -> Iterator[str]:
    """Write a resolved recipe as YAML; a comment behind each value names the file it is from."""

    def lines(values: Mapping[str, Any], key: tuple[str, ...]) -> Iterator[str]:
        indent = "  " * len(key)
        for name, value in values.items():
            here = (*key, str(name))
            shown = _flow(name)
            if isinstance(value, Mapping) and value:
                yield f"{indent}{shown}:"
                yield from lines(value, here)
            else:
                yield f"{indent}{shown}: {_flow(value)}  # {_short(body.origin(*here))}"

    return lines(body.values, ())


def _flow(value: Any) -> str:
    text = yaml.safe_dump(value, default_flow_style=True, width=10**6, allow_unicode=True)
    return str(text).removesuffix("...\n").strip()


def _short(path: str) -> str:
    return path.rsplit("/", 1)[-1]


def show_check(file: str, root: str, as_json: bool) -> None:
    """Check a recipe as a run does before its first job, and say what it holds."""
    from pasture.driver.run import check_before
    from pasture.graph import Context, build_graph
    from pasture.recipes.load import load_recipe

    recipe = load_recipe(file, root)
    graph = build_graph(recipe)
    context = Context(recipe, "")
    check_before(context, graph)
    needed = [key.removeprefix("models/") for key in graph if key.startswith("models/")]
    models = {name: recipe.models[name].name for name in needed}
    if as_json:
        sources = [
            {
                "source": name,
                "kind": source.source.name,
                "files": len(context.files(name)),
                "bytes": sum(size for _, size in context.files(name)),
                "stages": source.stage_names,
            }
            for name, source in recipe.sources.items()
        ]
        show_json({"name": recipe.name, "sources": sources, "models": models})
        return
    rows = []
    for name, source in recipe.sources.items():
        files = context.files(name)
        count = size(sum(length for _, length in files))
        rows.append((name, source.source.name, len(files), count, ", ".join(source.stage_names)))
    table(["source", "kind", "#files", "#size", "stages"], rows)
    for name, kind in models.items():
        made = "given" if recipe.models[name].is_given else "trained by the run"
        say(f"model {name}: kind {kind}, {made}")
    say(f"{file} can be run")


def show_difference(first: str, second: str, as_json: bool) -> None:
    """Compare two recipes key by key."""
    old, new = (read_body(find_recipe(name)).values for name in (first, second))
    lines = config.difference(old, new)
    if as_json:
        show_json(lines)
    else:
        say("\n".join(lines) or "the recipes say the same")


def write_first_recipe(folder: str, to: str | None, name: str | None) -> None:
    """Write a commented recipe for the raw files of a folder, and name the next command."""
    from pasture.recipes.begin import first_recipe

    target = to or storage.join(folder, "recipe.yaml")
    text, sources = first_recipe(folder, name or folder.rstrip("/").rsplit("/", 1)[-1])
    with storage.atomic_write(target) as stream:
        stream.write(text.encode())
    say(f"wrote {target}: {', '.join(sources)}; read it, then run:")
    shown = f" --input {folder}" if to else ""
    say(f"  pasture run {target}{shown} --output corpus --until documents")
