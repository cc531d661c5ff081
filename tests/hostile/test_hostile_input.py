"""Every bad file of the corpus gives its documented outcome, and what is around it survives.

Each case goes through the stage of a run that meets it, in bounded memory; the limit of time of
every test is its bound of time.
"""

from __future__ import annotations

import collections
import pathlib

import pyarrow.parquet as pq
import pytest

from pasture.manifests.shards import record_from
from pasture.sources import SOURCES
from pasture.stages.shards import StageFolder
from pasture.stages.transforms import ExtractShard
from tests.hostile.cases import CASES, Case
from tests.hostile.document_cases import DOCUMENT_CASES

ALL_CASES = CASES + DOCUMENT_CASES

MEMORY_MB = 1200
"""What a case may add to the memory of the process. Most add a few MB, though they unpack to
1 GB; a book at the limit of 64 MB, all in one line, adds 900."""


def peak_mb() -> int:
    """The most memory that was resident since the mark was last reset, in MB."""
    status = pathlib.Path("/proc/self/status").read_text().splitlines()
    (line,) = [line for line in status if line.startswith("VmHWM:")]
    return int(line.split()[1]) // 1024


def extract(case: Case, folder: pathlib.Path, output: pathlib.Path) -> int:
    """Extract every unit of a case; give the memory that this took, in MB."""
    for name, data in case.files().items():
        (folder / name).write_bytes(data)
    source = SOURCES[case.source](inputs=(f"{folder}/*",))
    units = source.shards()
    stage = ExtractShard(source, StageFolder(str(output), len(units), "fingerprint"))
    pathlib.Path("/proc/self/clear_refs").write_text("5")
    before = peak_mb()
    for index, unit in enumerate(units):
        assert list(stage.process((index, unit))) == [index]
    return peak_mb() - before


@pytest.mark.timeout(120)
@pytest.mark.parametrize("case", ALL_CASES, ids=lambda case: case.id)
def test_bad_input(case, tmp_path):
    raw, output = tmp_path / "raw", tmp_path / "output"
    raw.mkdir()
    memory = extract(case, raw, output)

    records = StageFolder(str(output), 1, "fingerprint").finished()
    shards = [record_from(body) for body in records.values()]
    reasons: collections.Counter[str] = collections.Counter()
    for shard in shards:
        reasons.update({key.split("/")[1]: n for key, n in shard.dropped.items()})
        assert shard.rows_in == shard.rows + shard.rows_dropped
    assert dict(reasons) == case.reasons
    assert sum(shard.rows for shard in shards) == case.documents
    for path in output.glob("documents-*.parquet"):
        for text in pq.read_table(path)["text"].to_pylist():
            assert "root:" not in text, "the text of a file that the input only named"
    for path in output.glob("dropped-*.parquet"):
        assert all(pq.read_table(path)["drop_reason"].to_pylist())
    assert memory < MEMORY_MB


def test_there_are_enough_cases_of_every_source():
    assert len({case.id for case in ALL_CASES}) == len(ALL_CASES) >= 60
    assert {case.source for case in ALL_CASES} == set(SOURCES)
