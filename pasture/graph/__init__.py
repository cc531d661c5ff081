"""The graph of a recipe: every stage and model, what each depends on, and how each is made.

A node's key is the folder of what it makes, relative to the output: ``documents/c4/10-language``,
``models/ngram``, ``tokenizer``, ``tokens/c4``. A node is done when it has a manifest (layout.py
says where) with the fingerprint that its config and its upstream manifests give.
"""

from __future__ import annotations

from pasture.graph.base import BeamNode, Context, DriverNode, Node
from pasture.graph.build import build_graph, closure, deduplicating
from pasture.graph.documents import DocumentsNode
from pasture.graph.extract import ExtractNode
from pasture.graph.index import IndexNode
from pasture.graph.models import ModelNode, TokenizerNode
from pasture.graph.stage import StageNode
from pasture.graph.tokens import TokensNode

__all__ = [
    "BeamNode",
    "Context",
    "DocumentsNode",
    "DriverNode",
    "ExtractNode",
    "IndexNode",
    "ModelNode",
    "Node",
    "StageNode",
    "TokenizerNode",
    "TokensNode",
    "build_graph",
    "closure",
    "deduplicating",
]
