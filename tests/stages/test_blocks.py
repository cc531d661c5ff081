"""Deduplication within blocks of shards: on the local runner a job for each block."""

from __future__ import annotations

import pathlib
from typing import Any

import numpy as np
import pytest
import yaml

from pasture.dedup.exact import ExactDuplicates
from pasture.dedup.lines import DuplicateLines
from pasture.dedup.spans import DuplicateSpans
from pasture.driver.run import Silent, run_recipe
from pasture.recipes.load import load_recipe
from pasture.sources.base import InputShard
from pasture.stages import blocks
from pasture.stages.blocks import block_starts, job_starts
from tests.conftest import write_c4
from tests.trees import differences

LINES = {"10-lines": {"duplicate_lines": {"scope_shards": 2, "max_removed": 1}}}
SPANS = {"10-spans": {"duplicate_spans": {"scope_shards": 2, "sentences": 1, "max_removed": 1}}}
STAGE = "documents/c4/10-lines"
AUDIT = "audit/c4/10-lines"


class Jobs(Silent):
    """Remembers the stages of each job; stops the run after so many jobs."""

    def __init__(self, limit: int = 100) -> None:
        self.jobs: list[set[str]] = []
        self.limit = limit

    def used(self, use):
        self.jobs.append(set(use.work))
        if len(self.jobs) == self.limit:
            raise KeyboardInterrupt


@pytest.fixture
def recipe(raw, recipe_body):
    """The small corpus with five shards; gives a recipe of it with other stages."""
    write_c4(raw / "c4", shards=5, rows=3)
    for path in (raw / "c4").glob("*-of-00003.*"):
        path.unlink()

    def make(stages: dict[str, Any]) -> Any:
        recipe_body["sources"]["c4"]["stages"] = stages
        (raw / "recipe.yaml").write_text(yaml.safe_dump(recipe_body))
        return load_recipe(str(raw / "recipe.yaml"))

    return make


def run(recipe: Any, output: pathlib.Path, limit: int = 100, **options) -> list[set[str]]:
    """Run up to the documents; give the stages of each job."""
    progress = Jobs(limit)
    run_recipe(recipe, str(output), until="documents", progress=progress, **options)
    return progress.jobs


@pytest.mark.parametrize("stages", [LINES, SPANS])
def test_blocks_in_jobs_of_their_own_give_what_one_job_gives(recipe, tmp_path, monkeypatch, stages):
    assert len(run(recipe(stages), tmp_path / "one")) == 2
    monkeypatch.setattr(blocks, "JOB_SHARDS", 2)
    monkeypatch.setattr(blocks, "WORKER_SHARDS", 1)
    (stage,) = stages
    key = f"documents/c4/{stage}"
    jobs = run(recipe(stages), tmp_path / "blocks")
    assert jobs == [{"documents/c4/00-extract"}, {key}, {key}, {key}]
    assert differences(tmp_path / "one", tmp_path / "blocks") == []
    assert '"edited": {' in (tmp_path / "one/audit/c4" / stage / "MANIFEST.json").read_text()


def test_blocks_that_are_done_are_not_searched_again(recipe, tmp_path, monkeypatch):
    run(recipe(LINES), tmp_path / "whole")
    monkeypatch.setattr(blocks, "JOB_SHARDS", 2)
    monkeypatch.setattr(blocks, "WORKER_SHARDS", 1)
    with pytest.raises(KeyboardInterrupt):
        run(recipe(LINES), tmp_path / "out", limit=3)
    folder = tmp_path / "out" / AUDIT
    assert sorted(path.name for path in (folder / "_records").iterdir()) == [
        "00000.json", "00001.json", "00002.json", "00003.json",
    ]  # fmt: skip
    (folder / "_records/00002.json").unlink()
    assert run(recipe(LINES), tmp_path / "out") == [{STAGE}, {STAGE}]
    assert differences(tmp_path / "out", tmp_path / "whole") == []


def test_other_runners_take_one_job(recipe, tmp_path, monkeypatch):
    monkeypatch.setattr(blocks, "JOB_SHARDS", 2)
    monkeypatch.setattr(blocks, "WORKER_SHARDS", 1)
    flags = ["--runner=apache_beam.runners.portability.fn_api_runner.FnApiRunner"]
    assert len(run(recipe(LINES), tmp_path / "out", flags=flags)) == 2


@pytest.mark.parametrize(
    ("options", "starts"),
    [
        ({}, ()),
        ({"scope_files": 0}, ()),
        ({"scope_shards": 2}, (0, 2, 4)),
        ({"scope_shards": 9}, (0,)),
        ({"scope_files": 1}, (0, 3, 4)),
        ({"scope_files": 2}, (0, 4)),
        ({"scope_files": 3}, (0,)),
        ({"scope_bytes": 3}, (0, 1, 3, 4)),
        ({"scope_bytes": 4}, (0, 1, 4)),
        ({"scope_bytes": 1000}, (0,)),
    ],
)
def test_blocks_are_filled_up_to_their_scope(options, starts):
    """Five shards: three of one file, then one each of two files."""
    units = [InputShard((path,)) for path in ("a", "a", "a", "b", "c")]
    text_bytes = [7, 2, 1, 1, 3]
    assert block_starts(DuplicateSpans(**options), units, text_bytes) == starts


def test_a_file_is_not_split_over_blocks():
    units = [InputShard(("a", "b")), InputShard(("b",)), InputShard(("c",))]
    assert block_starts(DuplicateSpans(scope_files=1), units, [1, 1, 1]) == (0, 2)


def test_a_shard_of_several_files_counts_for_all():
    units = [InputShard(("a", "b")), InputShard(("c",)), InputShard(("d", "e", "f"))]
    assert block_starts(DuplicateSpans(scope_files=3), units, [1, 1, 1]) == (0, 2)


def test_other_deduplications_compare_all_shards():
    assert block_starts(ExactDuplicates(), [InputShard(("a",))], [1]) == ()


def test_lines_are_compared_in_blocks_of_as_many_files_as_ccnet_compares():
    assert DuplicateLines().plain()["scope_files"] == 2000
    assert block_starts(DuplicateLines(), [InputShard((str(i),)) for i in range(4001)], []) == (
        0,
        2000,
        4000,
    )


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"scope_files": -1}, "scope_files is -1; give 1 or more, or 0 for all shards"),
        ({"scope_shards": -1}, "scope_shards is -1"),
        ({"scope_files": 3, "scope_bytes": 5}, "give one of them, and set the other to null"),
    ],
)
def test_refuses_scopes_that_mean_nothing(options, message):
    with pytest.raises(ValueError, match=message):
        DuplicateLines(**options)


@pytest.mark.parametrize(
    ("scope", "workers", "sizes"),
    [(50, 1, [50, 50]), (4, 1, [16] * 6 + [4]), (4, 8, [32, 32, 32, 4]), (0, 1, [100])],
)
def test_blocks_go_together_as_far_as_the_workers_are_busy(scope, workers, sizes):
    starts = DuplicateLines(scope_files=scope).block_starts([1] * 100, [])
    jobs = job_starts(starts, 100, workers)
    assert np.diff([*jobs, 100]).tolist() == sizes
