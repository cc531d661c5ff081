"""The blocks that a deduplication compares, and the jobs that the local runner takes for them.

Blocks are runs of consecutive shards. They follow from the recipe, the input files and the texts'
sizes, never from the workers; how many blocks go into one job does not change what is written.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from pasture.dedup.base import Deduplication
from pasture.sources.base import InputShard

JOB_SHARDS, WORKER_SHARDS = 16, 4
"""Smaller blocks go together into jobs of so many shards, and of so many for each worker (ours)."""


def block_starts(
    dedup: Deduplication | None, units: Sequence[InputShard], text_bytes: Sequence[int]
) -> tuple[int, ...]:
    """Number the first shard of each block; empty where all shards are compared.

    Args:
        dedup: The deduplication of a stage, if it has one.
        units: The raw input of each shard.
        text_bytes: The bytes of text of each shard, as it comes into the stage.
    """
    if dedup is None:
        return ()
    return dedup.block_starts(list(_new_files(units)), text_bytes)


def _new_files(units: Sequence[InputShard]) -> Iterator[int]:
    """Count the files of each unit that no unit before it has; large files have several units."""
    seen: set[str] = set()
    for unit in units:
        new = set(unit.paths) - seen
        yield len(new)
        seen.update(new)


def job_starts(starts: Sequence[int], num_shards: int, workers: int) -> list[int]:
    """Number the first shard of each job: whole blocks, small ones together.

    Args:
        starts: The first shard of each block; empty where there is one.
        num_shards: Shards of the stage.
        workers: Workers of the local runner.
    """
    most = max(JOB_SHARDS, WORKER_SHARDS * workers)
    jobs = [0]
    for start, end in zip(starts, [*starts[1:], num_shards], strict=False):
        if end - jobs[-1] > most and start > jobs[-1]:
            jobs.append(start)
    return jobs
