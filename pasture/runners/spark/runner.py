"""``--runner=spark``: runs a bounded Beam pipeline of Python transforms on Spark.

Beam's optimiser fuses the pipeline into stages (plan.py). Each stage becomes tasks of Spark, in
which Beam's own ``BundleProcessor`` runs it (bundle.py); between stages, Spark exchanges encoded
elements (exchange.py). A stage whose output several stages read is finished, kept on the executors'
disks and cut off from its origin, so that it is never computed again: if a part is lost with its
executor, the job fails.
"""

from __future__ import annotations

import collections
import dataclasses
import functools
import os
import tempfile
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from apache_beam.io.filesystems import FileSystems
from apache_beam.metrics.monitoring_infos import consolidate, is_user_monitoring_info
from apache_beam.options.pipeline_options import PipelineOptions
from apache_beam.options.value_provider import RuntimeValueProvider
from apache_beam.portability.api import metrics_pb2
from apache_beam.runners import runner
from apache_beam.runners.common import ENCODED_IMPULSE_VALUE
from apache_beam.runners.portability.fn_api_runner.fn_runner import RunnerResult
from apache_beam.transforms.environments import EmbeddedPythonEnvironment
from pyspark import (
    RDD,
    Accumulator,
    AccumulatorParam,
    Broadcast,
    SparkContext,
    StorageLevel,
    TaskContext,
)

import pasture
from pasture.errors import StageError
from pasture.runners.options import SparkOptions
from pasture.runners.spark import bundle
from pasture.runners.spark.context import LOST_OUTPUT, connect, running
from pasture.runners.spark.exchange import Exchange
from pasture.runners.spark.plan import Plan, SideInput, Stage, make_plan
from pasture.runners.spark.state import GroupStore, TaskState, side_input_state

PARTITIONS_PER_CORE = 2

Reports = dict[tuple[str, int], tuple[int, list[bytes]]]
"""By stage and partition: Spark's number of its own stage, and the encoded counts."""


class SparkRunner(runner.PipelineRunner):  # type: ignore[misc]
    """Runs pipelines on Spark; ``run()`` returns when the pipeline is done."""

    def default_environment(self, options: PipelineOptions) -> Any:
        """Python transforms run in Spark's own Python workers."""
        return EmbeddedPythonEnvironment.default()

    def run_portable_pipeline(self, pipeline: Any, options: PipelineOptions) -> RunnerResult:
        """Run a pipeline.

        Raises:
            ConfigError: It holds something that this runner does not translate.
            RuntimeError: User code failed.
            StageError: Spark failed, or gave up because it could not go on safely.
        """
        plan = make_plan(pipeline, options)
        spark_options = options.view_as(SparkOptions)
        context = connect(spark_options)
        with running(context):
            partitions = spark_options.spark_partitions or (
                PARTITIONS_PER_CORE * context.defaultParallelism
            )
            reports = _Job(context, plan, options, partitions).run()
        infos: dict[str, list[Any]] = collections.defaultdict(list)
        for (stage, _), (_, reported) in reports.items():
            infos[stage] += map(metrics_pb2.MonitoringInfo.FromString, reported)
        return RunnerResult(
            runner.PipelineState.DONE,
            {name: list(consolidate(found)) for name, found in infos.items()},
        )


class _Replace(AccumulatorParam[Reports]):
    """Counts of tasks, by stage and partition: what a task run again reports replaces the first."""

    def zero(self, value: Reports) -> Reports:
        return {}

    def addInPlace(self, value1: Reports, value2: Reports) -> Reports:  # noqa: N802
        value1.update(value2)
        return value1


class _Job:
    """The run of one plan."""

    def __init__(
        self, context: SparkContext, plan: Plan, options: PipelineOptions, partitions: int
    ) -> None:
        self._context, self._plan, self._partitions = context, plan, partitions
        self._settings = _Settings(options.get_all_options(drop_default=True), os.getcwd())
        self._reports = context.accumulator({}, _Replace())
        self._buffers: dict[str, list[RDD[bytes]]] = collections.defaultdict(list)
        self._collected: dict[str, list[bytes]] = {}
        self._kept: list[RDD[Any]] = []

    def run(self) -> Reports:
        """Run every stage; give what the tasks reported."""
        try:
            for stages in self._plan.waves():
                added = [(stage, self._add(stage)) for stage in stages]
                done = [rdd for stage, rdd in added if stage.uses != 1]
                if done:
                    # Counted by the JVM: PySpark's count() would send all of it through Python.
                    self._context.union(done)._jrdd.count()
                self._check()
            return self._reports.value
        finally:
            for rdd in self._kept:
                rdd.unpersist()

    def _check(self) -> None:
        """Fail where Spark ran a part of a stage again, after the stage was finished.

        It does so without a failed fetch, too: between two of its own stages, and for a kept part
        that was lost before it was cut off from its origin.
        """
        ran: dict[str, set[int]] = collections.defaultdict(set)
        for (stage, _), (number, _) in self._reports.value.items():
            ran[stage].add(number)
        tracker = self._context.statusTracker()
        for numbers in ran.values():
            infos = [tracker.getStageInfo(number) for number in numbers]
            if len(numbers) > 1 or any(info and info.currentAttemptId for info in infos):
                raise StageError(LOST_OUTPUT)

    def _add(self, stage: Stage) -> RDD[Any]:
        exchange = Exchange(stage.input, self._plan.components)
        task = _Task(
            stage=stage,
            exchange=exchange,
            settings=self._settings,
            side_inputs=[self._side_input(side) for side in stage.side_inputs],
            reports=self._reports,
        )
        rdd = exchange.apply(self._read(stage.input.buffer), self._partitions)
        tagged: RDD[Any] = rdd.mapPartitionsWithIndex(task)
        if stage.uses > 1:
            # Marked now, cut off from its origin when its wave has run.
            tagged.persist(StorageLevel.DISK_ONLY)
            tagged.localCheckpoint()
            self._kept.append(tagged)
        for number, (_, buffer) in enumerate(stage.outputs):
            output = tagged
            if len(stage.outputs) > 1:
                output = tagged.mapPartitions(functools.partial(_only, number))
            self._buffers[buffer].append(output)
        return tagged

    def _read(self, buffer: str) -> RDD[bytes]:
        if buffer == "impulse":
            return self._context.parallelize([ENCODED_IMPULSE_VALUE], 1)
        written = self._buffers[buffer]
        return written[0] if len(written) == 1 else self._context.union(written)

    def _side_input(self, side: SideInput) -> Broadcast[dict[bytes, bytes]]:
        if side.buffer not in self._collected:
            self._collected[side.buffer] = self._read(side.buffer).collect()
        chunks = self._collected[side.buffer]
        return self._context.broadcast(side_input_state(side, chunks, self._plan.components))


def _only(number: int, outputs: Iterable[tuple[int, bytes]]) -> Iterator[bytes]:
    return (chunk for of, chunk in outputs if of == number)


@dataclasses.dataclass(frozen=True)
class _Settings:
    """What a task takes over from the driver's process.

    Args:
        options: Beam's options.
        folder: The driver's current folder.
        version: The driver's version of Pasture.
    """

    options: Mapping[str, Any]
    folder: str
    version: str = pasture.__version__

    def apply(self) -> None:
        """Prepare the worker's process."""
        if self.version != pasture.__version__:
            raise StageError(
                f"the driver has Pasture {self.version}, and this executor {pasture.__version__}; "
                "install the same version"
            )
        _change_folder(self.folder)
        FileSystems.set_options(PipelineOptions([], **self.options))
        RuntimeValueProvider.set_runtime_options(dict(self.options))


def _change_folder(folder: str) -> None:
    """Let relative paths mean what they mean on the driver, or nothing at all.

    In the executor's own scratch folder, what a pipeline writes would be lost. Where the driver's
    folder does not exist, the current one becomes one that does not exist either.
    """
    try:
        os.chdir(folder)
    except OSError:
        with tempfile.TemporaryDirectory() as gone:
            os.chdir(gone)


@dataclasses.dataclass(frozen=True)
class _Task:
    """The work on one partition of a stage; Spark carries it to the executors."""

    stage: Stage
    exchange: Exchange
    settings: _Settings
    side_inputs: list[Broadcast[dict[bytes, bytes]]]
    reports: Accumulator[Reports]

    def __call__(self, partition: int, records: Iterable[Any]) -> Iterator[Any]:
        """Run the stage; give its chunks, with the output's number if there are several."""
        self.settings.apply()
        task = TaskContext.get()
        assert task is not None
        number = task.stageId()

        def report(infos: list[Any]) -> None:
            encoded = [info.SerializeToString() for info in infos if is_user_monitoring_info(info)]
            self.reports.add({(self.stage.name, partition): (number, encoded)})

        with GroupStore() as groups:
            outputs = bundle.run(
                self.stage.descriptor,
                self.stage.input.transform,
                {name: number for number, (name, _) in enumerate(self.stage.outputs)},
                self.exchange.chunks(records, groups),
                TaskState((side.value for side in self.side_inputs), groups),
                report,
            )
            if len(self.stage.outputs) > 1:
                yield from outputs
            else:
                yield from (chunk for _, chunk in outputs)
