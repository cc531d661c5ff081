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

EXPORTERS: dict[str, type[Exporter]] = {
    exporter.name: exporter
    for exporter in (Jsonl, Parquet, HuggingFace, Mds, WebDataset, Megatron, NanoGpt)
}


def load_exporter(name: str, options: Mapping[str, Any]) -> Exporter:
    """Return a format with its options.

    Raises:
        ConfigError: There is no such format or option, or an option has a wrong value.
    """
    kind = EXPORTERS[config.one_of(name, EXPORTERS, "--format", "format")]
    return config.load(kind, options, f"the format {name}")
