"""Exports: the documents and tokens of a run in the formats of other tools."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pasture import config
from pasture.export.base import Exporter
from pasture.export.bins import Megatron, NanoGpt
from pasture.export.huggingface import HuggingFace
from pasture.export.mds import Mds
from pasture.export.text import Jsonl, Parquet
from pasture.export.webdataset import WebDataset
from pasture.plugins import Kinds

EXPORTERS: dict[str, type[Exporter]] = {
    exporter.name: exporter
    for exporter in (Jsonl, Parquet, HuggingFace, Mds, WebDataset, Megatron, NanoGpt)
}


def exporters() -> Kinds[Exporter]:
    """Return the formats: the built-in ones, and those of installed packages."""
    return Kinds("format", Exporter, "pasture.exporters", EXPORTERS)  # type: ignore[type-abstract]


def load_exporter(name: str, options: Mapping[str, Any]) -> Exporter:
    """Return a format with its options.

    Raises:
        ConfigError: There is no such format or option, or an option has a wrong value.
    """
    kind = exporters().get(name, "--format")
    return config.load(kind, options, f"the format {name}")
