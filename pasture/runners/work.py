"""What a job took: the time of each stage's steps and what they shuffled, as Beam's metrics tell.

Timings never reach an output: they are told to whoever watches a run.
"""

from __future__ import annotations

import collections
import dataclasses
import resource
import time
from collections.abc import Iterable, Mapping
from typing import Any

from apache_beam.metrics import monitoring_infos
from apache_beam.portability import common_urns

_TIME = {
    monitoring_infos.START_BUNDLE_MSECS_URN,
    monitoring_infos.PROCESS_BUNDLE_MSECS_URN,
    monitoring_infos.FINISH_BUNDLE_MSECS_URN,
}


@dataclasses.dataclass(frozen=True)
class Work:
    """What one stage took.

    Args:
        seconds: Time inside its steps, summed over all workers.
        shuffled_bytes: What its groupings took in, estimated from Beam's samples of sizes.
        shuffled_elements: How many elements these were.
    """

    seconds: float = 0.0
    shuffled_bytes: int = 0
    shuffled_elements: int = 0

    def __add__(self, other: Work) -> Work:
        """Sum what two jobs took for the same stage."""
        return Work(
            self.seconds + other.seconds,
            self.shuffled_bytes + other.shuffled_bytes,
            self.shuffled_elements + other.shuffled_elements,
        )


@dataclasses.dataclass(frozen=True)
class JobUse:
    """What one job, or the training of a model by the driver, took.

    Args:
        seconds: Time from its start to its end.
        cpu_seconds: Processor time of this process and of the processes that it started.
        work: What each stage or model of it took, by key, where the runner tells.
    """

    seconds: float
    cpu_seconds: float
    work: Mapping[str, Work]


class Stopwatch:
    """Measures from its making: time, and processor time of this process and its children."""

    def __init__(self) -> None:
        self._start, self._cpu = time.monotonic(), cpu_seconds()

    def stop(self, work: Mapping[str, Work]) -> JobUse:
        """Tell what was used since."""
        return JobUse(time.monotonic() - self._start, cpu_seconds() - self._cpu, work)

    def seconds(self) -> float:
        """Tell how long it runs."""
        return time.monotonic() - self._start


def cpu_seconds() -> float:
    """The processor time of this process, and of those of its children that have ended."""
    used = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    return sum(usage.ru_utime + usage.ru_stime for usage in used)


def step_label(key: str) -> str:
    """The label under which a stage's steps stand: a slash would nest Beam's labels."""
    return key.replace("/", ".")


def work_by_label(pipeline_proto: Any, infos: Iterable[Any]) -> dict[str, Work]:
    """Sum a finished job's metrics by the first part of the labels of its steps."""
    seconds: collections.Counter[str] = collections.Counter()
    counts: dict[str, int] = {}
    sizes: dict[str, float] = {}
    for info in infos:
        if info.urn in _TIME:
            label = info.labels[monitoring_infos.PTRANSFORM_LABEL]
            seconds[_first(label)] += monitoring_infos.extract_counter_value(info) / 1000
        elif info.urn == monitoring_infos.ELEMENT_COUNT_URN:
            name = info.labels[monitoring_infos.PCOLLECTION_LABEL]
            counts[name] = counts.get(name, 0) + monitoring_infos.extract_counter_value(info)
        elif info.urn == monitoring_infos.SAMPLED_BYTE_SIZE_URN:
            count, total, *_ = monitoring_infos.extract_distribution(info)
            sizes[info.labels[monitoring_infos.PCOLLECTION_LABEL]] = total / max(1, count)
    shuffled: dict[str, list[int]] = collections.defaultdict(lambda: [0, 0])
    for transform in pipeline_proto.components.transforms.values():
        if transform.spec.urn == common_urns.primitives.GROUP_BY_KEY.urn:
            for name in transform.inputs.values():
                sums = shuffled[_first(transform.unique_name)]
                sums[0] += round(counts.get(name, 0) * sizes.get(name, 0))
                sums[1] += counts.get(name, 0)
    return {
        label: Work(seconds[label], *shuffled.get(label, (0, 0)))
        for label in sorted({*seconds, *shuffled})
    }


def _first(label: str) -> str:
    """The label of the stage that a step belongs to; the listing of its shards is its own."""
    return label.partition("/")[0].removesuffix(".Shards")
