"""The Python of the pages on tokens, mixtures and manifests runs as it stands there."""

from __future__ import annotations

import pathlib
import re
import shutil
from collections.abc import Callable
from typing import Any

import pytest

from pasture.manifests.mixture import make_plan, write_realised

DOCS = pathlib.Path(__file__).parents[2] / "docs"
BLOCK = re.compile(r"^```python\n(.*?)^```$", re.MULTILINE | re.DOTALL)


@pytest.fixture
def corpus(
    tmp_path: pathlib.Path, write_tokens: Callable[..., None], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A folder ``corpus`` with tokens of two sources, in the current folder."""
    for name in ("HF_HUB_OFFLINE", "HF_DATASETS_OFFLINE"):
        monkeypatch.setenv(name, "1")
    monkeypatch.setenv("HF_HOME", str(tmp_path / "cache"))
    import datasets

    monkeypatch.setattr(datasets.config, "HF_DATASETS_CACHE", tmp_path / "cache")
    documents = [[1, *range(10, 500), 2] for _ in range(5)]
    sources = {"books": {"train": [documents, documents]}, "c4": {"train": [documents]}}
    write_tokens(tmp_path / "corpus", sources)
    plan = make_plan("two", {"books": 0.25, "c4": 0.75}, {"books": 4920, "c4": 2460}, 1e4)
    write_realised(str(tmp_path / "corpus" / "mixture.yaml"), plan)
    monkeypatch.chdir(tmp_path)


def run(page: str) -> dict[str, Any]:
    """Run the blocks of a page, one after another, in one namespace; return it."""
    blocks = BLOCK.findall((DOCS / page).read_text())
    assert blocks
    names: dict[str, Any] = {}
    for block in blocks:
        exec(compile(block, page, "exec"), names)
    return names


@pytest.mark.usefixtures("corpus")
def test_tokens() -> None:
    names = run("tokens.md")
    row = names["sampler"].batch(0).tokens[0].tolist()
    first = next(iter(names["stream"]))
    assert (first["input_ids"], first["labels"]) == (row[:-1], row[1:])
    loaded = next(iter(names["batches"]))
    assert loaded["labels"].tolist() == names["sampler"].batch(1000).tokens[:, 1:].tolist()
    assert names["books"].num_rows == 10


@pytest.mark.usefixtures("corpus")
def test_mixture() -> None:
    run("mixture.md")


@pytest.mark.usefixtures("corpus")
def test_data_format(small_output: pathlib.Path) -> None:
    shutil.copytree(small_output / "documents", "corpus/documents")
    names = run("data-format.md")
    rows = [len(names["frame"]), len(names["same"]), names["count"], len(names["c4"])]
    assert rows == [60] * 4
