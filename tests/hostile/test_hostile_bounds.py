"""Every bad file of ``bounds`` gives its documented outcome in seconds and bounded memory."""

from __future__ import annotations

import collections
import pathlib
import resource
import time

import pytest

from pasture.manifests.shards import record_from
from pasture.sources import SOURCES
from pasture.sources.containment import UNEXPECTED
from pasture.stages.shards import StageFolder
from pasture.stages.transforms import ExtractShard
from tests.hostile.bounds import BOUNDS, MEMORY_MB, SECONDS
from tests.hostile.test_hostile_input import peak_mb


def children_mb() -> int:
    return resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss // 1024


def cpu_seconds() -> float:
    children = resource.getrusage(resource.RUSAGE_CHILDREN)
    return time.process_time() + children.ru_utime + children.ru_stime


@pytest.mark.timeout(120)
@pytest.mark.parametrize("case", BOUNDS, ids=lambda case: case.id)
def test_a_bad_file_is_cheap(case, tmp_path, record_property):
    raw, output = tmp_path / "raw", tmp_path / "output"
    raw.mkdir()
    for name, data in case.files().items():
        (raw / name).write_bytes(data)
    source = SOURCES[case.source](inputs=(f"{raw}/*",))
    units = source.shards()
    stage = ExtractShard(source, StageFolder(str(output), len(units), "fingerprint"))
    pathlib.Path("/proc/self/clear_refs").write_text("5")
    before = children_mb()  # the most that any child of this process has taken until now
    memory, start = peak_mb(), cpu_seconds()
    for index, unit in enumerate(units):
        assert list(stage.process((index, unit))) == [index]
    seconds, memory = cpu_seconds() - start, max(peak_mb() - memory, 0)
    record_property("seconds", round(seconds, 2))
    record_property("memory_mb", memory)

    records = StageFolder(str(output), 1, "fingerprint").finished()
    shards = [record_from(body) for body in records.values()]
    reasons: collections.Counter[str] = collections.Counter()
    for shard in shards:
        reasons.update({key.split("/")[1]: n for key, n in shard.dropped.items()})
        assert shard.rows_in == shard.rows + shard.rows_dropped
    assert UNEXPECTED not in reasons
    assert (sum(shard.rows for shard in shards), dict(reasons)) == (case.documents, case.reasons)
    assert seconds < SECONDS
    assert memory < MEMORY_MB
    assert children_mb() < max(2 * MEMORY_MB, before + 1)
