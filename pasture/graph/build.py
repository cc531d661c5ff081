"""Building the graph of a recipe, and taking parts of it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping

from pasture.errors import ConfigError
from pasture.graph.base import Node
from pasture.graph.extract import ExtractNode
from pasture.graph.index import IndexNode
from pasture.graph.models import ModelNode, TokenizerNode
from pasture.graph.stage import StageNode
from pasture.graph.tokens import TokensNode
from pasture.manifests.layout import documents_key
from pasture.recipes.schema import (
    EXTRACT,
    INDEXES,
    TOKENS,
    Recipe,
)


def build_graph(recipe: Recipe) -> dict[str, Node]:
    """List the nodes of a recipe by key, each after what it depends on."""
    nodes: dict[str, Node] = {}
    needed: dict[str, None] = {}
    for name, source in recipe.sources.items():
        key = documents_key(name, EXTRACT)
        nodes[key] = ExtractNode(key, (), name)
        previous = EXTRACT
        for stage in source.stages:
            key = documents_key(name, stage.name)
            against = stage.dedup.against if stage.dedup else ()
            upstream = (
                documents_key(name, previous),
                *(f"models/{n}" for n in stage.needs),
                *(documents_key(*recipe.stage(other)) for other in against),
            )
            nodes[key] = StageNode(key, upstream, name, stage, previous)
            if stage.dedup is not None and stage.dedup.keep_index:
                indexed = previous if stage.dedup.removes == "text" else stage.name
                index = f"{INDEXES}/{name}/{stage.name}"
                upstream = (documents_key(name, indexed),)
                nodes[index] = IndexNode(index, upstream, name, indexed, stage.dedup)
            needed.update(dict.fromkeys(stage.needs))
            previous = stage.name
    for model in needed:
        key = f"models/{model}"
        stages = recipe.models[model].upstream(recipe)
        nodes[key] = ModelNode(key, tuple(documents_key(*stage) for stage in stages))
    last = {name: documents_key(name, s.last_stage) for name, s in recipe.sources.items()}
    trained = () if recipe.tokenizer.path else tuple(last.values())
    nodes["tokenizer"] = TokenizerNode("tokenizer", trained)
    for name in recipe.sources:
        key = f"{TOKENS}/{name}"
        nodes[key] = TokensNode(key, (last[name], "tokenizer"), name)
    return dict(_sorted(nodes))


def deduplicating(nodes: Mapping[str, Node]) -> list[str]:
    """Name the stages that deduplicate, as ``source/stage``."""
    return [
        f"{node.source}/{node.stage}"
        for node in nodes.values()
        if isinstance(node, StageNode) and node.definition.dedup is not None
    ]


def _sorted(nodes: Mapping[str, Node]) -> Iterator[tuple[str, Node]]:
    """Yield the nodes, each after its upstream.

    Raises:
        ConfigError: They depend on each other in a circle.
    """
    done: set[str] = set()
    left = dict(nodes)
    while left:
        ready = [key for key, node in left.items() if done.issuperset(node.upstream)]
        if not ready:
            raise ConfigError(
                "these stages and models wait for each other: "
                + "; ".join(f"{key} needs {', '.join(n.upstream)}" for key, n in left.items())
            )
        for key in ready:
            yield key, left.pop(key)
        done.update(ready)


def closure(nodes: Mapping[str, Node], keys: Iterable[str]) -> dict[str, Node]:
    """Keep the nodes with the given keys and all that they depend on, in order."""
    wanted: set[str] = set()
    stack = list(keys)
    while stack:
        key = stack.pop()
        if key not in wanted:
            wanted.add(key)
            stack.extend(nodes[key].upstream)
    return {key: node for key, node in nodes.items() if key in wanted}
