"""Fixtures that every test may use."""

from __future__ import annotations

import copy
import functools
import gzip
import json
import os
import pathlib
import shutil
import subprocess
import sys
from collections.abc import Iterator
from typing import Any

import pytest
import yaml

# With no time in it: the names of tests must not change from one collection to the next.
gzipped = functools.partial(gzip.compress, mtime=0)


@pytest.fixture(scope="session")
def real_data() -> pathlib.Path:
    """The folder of real third-party input, one subfolder a source; skips where it is absent."""
    folder = os.environ.get("PASTURE_REAL_DATA")
    if not folder or not pathlib.Path(folder).is_dir():
        pytest.skip("PASTURE_REAL_DATA names no folder of real input")
    return pathlib.Path(folder)


TOPICS = ("river", "mill", "bridge", "tide", "clock", "bread", "lamp", "rope", "kite", "owl")
ENDINGS = ("in the valley", "near the coast", "by the old road", "under the hill", "at the weir")


def sentences(number: int) -> str:
    """Three English sentences that no other number gives."""
    topic, ending = TOPICS[number % 10], ENDINGS[number // 10 % 5]
    return (
        f"The {topic} {ending} was built {number} years before the war began. "
        f"People came to see it on {number + 3} days of every year, and wrote letters home. "
        f"Nobody knew why the {topic} had been left alone for {number + 7} long winters."
    )


def write_c4(folder: pathlib.Path, shards: int = 3, rows: int = 20) -> None:
    """Raw C4: English documents, two French ones a shard, and one exact duplicate across shards."""
    folder.mkdir(parents=True, exist_ok=True)
    for shard in range(shards):
        texts = [sentences(shard * rows + i) for i in range(rows)]
        texts += [
            f"Le chat numéro {shard}{i} dort dans la maison près de la rivière, et il rêve encore."
            for i in range(2)
        ]
        texts.append(sentences(0))
        lines = [
            json.dumps(
                {
                    "text": text,
                    "timestamp": "2019-04-25T12:57:54Z",
                    "url": f"https://example.org/{shard}/{i}",
                }
            )
            for i, text in enumerate(texts)
        ]
        name = folder / f"c4-train.{shard:05d}-of-{shards:05d}.json.gz"
        name.write_bytes(gzipped("\n".join(lines).encode()))


RECIPE: dict[str, Any] = {
    "name": "small",
    "sources": {
        "c4": {
            "inputs": ["c4/*.json.gz"],
            "stages": {
                "10-language": {
                    "steps": ["language_id", {"keep_languages": {"languages": ["en"]}}]
                },
                "20-exact": {"exact_duplicates": {}},
            },
        }
    },
    "tokenizer": {"training": {"vocab_size": 2000}},
    "tokens": {"validation_fraction": 0.2, "shard_bytes": 5000},
    "mixture": "mixture.yaml",
    "budget_tokens": 10000,
}
MIXTURE = {"name": "only-c4", "tokens": 10000, "sources": {"c4": {"proportion": 1.0}}}


def write_raw(folder: pathlib.Path) -> pathlib.Path:
    """Write the raw files, recipe.yaml and mixture.yaml of a small corpus of one source."""
    write_c4(folder / "c4")
    (folder / "recipe.yaml").write_text(yaml.safe_dump(RECIPE))
    (folder / "mixture.yaml").write_text(yaml.safe_dump(MIXTURE))
    return folder


@pytest.fixture
def recipe_body() -> dict[str, Any]:
    """The small recipe, to change and write again."""
    return copy.deepcopy(RECIPE)


@pytest.fixture
def raw(tmp_path: pathlib.Path) -> pathlib.Path:
    """A small raw corpus of one source, c4, with its recipe."""
    return write_raw(tmp_path / "raw")


@pytest.fixture(scope="session")
def small_output(tmp_path_factory: pytest.TempPathFactory) -> pathlib.Path:
    """The output of the small recipe; not to be changed."""
    from pasture.driver.run import run_recipe
    from pasture.recipes.load import load_recipe

    folder = tmp_path_factory.mktemp("small")
    recipe = load_recipe(str(write_raw(folder / "raw") / "recipe.yaml"))
    run_recipe(recipe, str(folder / "out"))
    return folder / "out"


@pytest.fixture(scope="session")
def spark_master() -> Iterator[str]:
    """The address of a Spark cluster of two workers; skips where Spark cannot run.

    With ``PASTURE_SHUFFLE_SERVICE`` set it has an external shuffle service, on all addresses.
    """
    pytest.importorskip("pyspark", reason="PySpark is not installed")
    if shutil.which("java") is None:
        pytest.skip("there is no Java for Spark")
    script = pathlib.Path(__file__).parent.parent / "scripts" / "spark-cluster"
    service = ["--shuffle-service"] if os.environ.get("PASTURE_SHUFFLE_SERVICE") else []
    with subprocess.Popen(
        [sys.executable, str(script), *service],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as cluster:
        assert cluster.stdin is not None
        assert cluster.stdout is not None
        master = cluster.stdout.readline().strip()
        assert master, "the Spark cluster did not start"
        yield master
        cluster.stdin.close()
