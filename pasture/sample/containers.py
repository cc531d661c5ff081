"""Reading the sample's bundles of texts, and writing its files."""

from __future__ import annotations

import importlib.resources
import re

from pasture import storage

_MARK = re.compile(r"(?m)^=== (.+)\n")


def read_bundle(source: str, name: str) -> list[tuple[str, str]]:
    """Read ``texts/{source}/{name}.txt`` as ``(mark, text)``: each text after ``=== mark``."""
    path = importlib.resources.files("pasture.sample") / "texts" / source / f"{name}.txt"
    _, *parts = _MARK.split(path.read_text(encoding="utf-8"))
    return [(mark, text.strip("\n")) for mark, text in zip(parts[::2], parts[1::2], strict=True)]


def write_file(folder: str, name: str, data: bytes) -> None:
    """Write a file of the sample."""
    with storage.atomic_write(storage.join(folder, name)) as stream:
        stream.write(data)
