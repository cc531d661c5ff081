"""A plug-in for tests: a source, a filter, an annotator, a model and an exporter, with raw files.

As a program it writes these to a folder: ``python tests/plugin_code.py FOLDER``.
"""

from __future__ import annotations

import pathlib
import subprocess
import sys
from typing import Any

VERSES = ["the lamb is white as snow", "a short one", "bleat", "# not a poem"]
POEMS = ["the snow is white", "grass and more grass", "no"]
RECIPE: dict[str, Any] = {
    "name": "poems",
    "plugins": ["shepherd.py"],
    "sources": {
        "verses": {"kind": "poems", "inputs": ["verses/*.txt"]},
        "shouted": {
            "kind": "poems",
            "inputs": ["poems/*.txt"],
            "options": {"upper": False},
            "stages": {
                "10-liked": {"steps": ["short_poems", {"liking": {"model": "mine"}}]},
                "20-kept": {"steps": [{"keep_scores": {"column": "liking", "min": 0.5}}]},
            },
        },
    },
    "models": {"mine": {"kind": "liked"}},
}
PROJECT = """[build-system]
requires = ["setuptools"]
build-backend = "setuptools.build_meta"

[project]
name = "shepherd"
version = "1.0"

[tool.setuptools]
packages = ["shepherd"]

[project.entry-points."pasture.sources"]
poems = "shepherd:Poems"

[project.entry-points."pasture.steps"]
short_poems = "shepherd:ShortPoems"
liking = "shepherd:Liking"

[project.entry-points."pasture.models"]
liked = "shepherd:Liked"

[project.entry-points."pasture.exporters"]
lines = "shepherd:Lines"
"""

PLUGIN = '''
"""Poems, and what a shepherd thinks of them."""

import dataclasses
import json

import pyarrow as pa

from pasture import storage
from pasture.export.base import Exporter, folder_of, plain_rows
from pasture.filters.base import Annotator, Filter
from pasture.models.base import Model, rows
from pasture.records import Document, replace_column
from pasture.sources.base import Rejected, Source, one_shard_each


@dataclasses.dataclass(frozen=True)
class Poems(Source):
    """One poem a line of a text file."""

    upper: bool = False

    def new_columns(self):
        return {"syllables": "int32"}

    def shards(self):
        return one_shard_each(self.files())

    def read(self, shard):
        (path,) = shard.paths
        with storage.open_read(path) as stream:
            for number, line in enumerate(stream, start=1):
                text = line.decode().strip()
                if text.startswith("#"):
                    yield Rejected(f"poems:{number}", "comment")
                    continue
                extra = {"syllables": sum(map(text.count, "aeiou"))}
                text = text.upper() if self.upper else text
                yield Document(id=f"{path[-5:]}:{number}", source=self.name, text=text, extra=extra)


@dataclasses.dataclass(frozen=True)
class ShortPoems(Filter):
    """Drops poems with few words.

    Args:
        words: Fewest words that are kept.
    """

    words: int = 3

    def reason(self, text):
        return "too_few_words" if len(text.split()) < self.words else None


@dataclasses.dataclass(frozen=True)
class Liked(Model):
    """The words that a shepherd likes, counted over a source."""

    source: str = "verses"

    def sources(self):
        return (self.source,)

    def make(self, run, folder):
        (stage,) = self.upstream(run.recipe)
        words = sorted({w for (text,) in rows(run.shards(stage), "text") for w in text.split()})
        storage.write_json(storage.join(folder, "words.json"), words)
        return {"trained": True, "words": len(words)}

    def location(self, folder, card):
        return storage.join(folder, "words.json")


@dataclasses.dataclass(frozen=True)
class Liking(Annotator):
    """Measures the share of liked words."""

    needs = "liked"
    columns = ()

    model: str = ""

    def new_columns(self):
        return {"liking": "float64"}

    def annotate(self, batch):
        liked = set(storage.read_json(self.model))
        shares = []
        for text in batch["text"].to_pylist():
            words = text.split()
            shares.append(sum(w in liked for w in words) / len(words))
        return replace_column(batch, "liking", pa.array(shares, pa.float64()))


@dataclasses.dataclass(frozen=True)
class Lines(Exporter):
    """One text a line."""

    name = "lines"
    kinds = ("documents",)

    def write(self, unit, files):
        (shard,) = unit.shards
        with files.create(f"{folder_of(shard)}/{shard.name}.txt") as file:
            for row in plain_rows(shard.path):
                file.write(row["text"].encode() + b"\\n")
'''


def write_poems(folder: pathlib.Path, *, as_file: bool) -> None:
    """Write raw poems with a recipe; and the plug-in beside it, where the recipe is to name it."""
    import yaml

    for name, lines in (("verses", VERSES), ("poems", POEMS)):
        (folder / name).mkdir(parents=True)
        for part in ("a", "b"):
            text = "".join(f"{line} {part}\n" for line in lines)
            (folder / name / f"{part}.txt").write_text(text)
    body = dict(RECIPE)
    if as_file:
        (folder / "shepherd.py").write_text(PLUGIN)
    else:
        del body["plugins"]
    (folder / "recipe.yaml").write_text(yaml.safe_dump(body))


def write_package(folder: pathlib.Path) -> None:
    """Write the plug-in as a package that can be installed."""
    (folder / "shepherd").mkdir(parents=True)
    (folder / "shepherd" / "__init__.py").write_text(PLUGIN)
    (folder / "pyproject.toml").write_text(PROJECT)


def install(package: pathlib.Path, site: pathlib.Path) -> None:
    """Install the package to a folder for ``PYTHONPATH``."""
    subprocess.run(
        [
            *(sys.executable, "-m", "pip", "install", "--quiet", "--no-index", "--no-deps"),
            *("--no-build-isolation", "--target", str(site), str(package)),
        ],
        check=True,
    )


if __name__ == "__main__":
    write_poems(pathlib.Path(sys.argv[1]) / "raw", as_file=False)
    write_package(pathlib.Path(sys.argv[1]) / "package")
