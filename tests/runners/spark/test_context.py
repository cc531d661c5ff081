"""What Spark says, and what the user is told."""

from __future__ import annotations

import threading

import pytest

from pasture.errors import StageError

pytest.importorskip("pyspark", reason="PySpark is not installed")

HEAD = (
    "Job aborted due to stage failure: Task 0 in stage 7.0 failed 4 times, most recent failure: "
    "Lost task 0.3 in stage 7.0 (TID 12) (127.0.0.1 executor 1): "
    "org.apache.spark.api.python.PythonException: "
)
TRACEBACK = """Traceback (most recent call last):
  File "worker.py", line 1, in process
    1 // 0
ZeroDivisionError: integer division or modulo by zero

During handling of the above exception, another exception occurred:

Traceback (most recent call last):
  File "worker.py", line 2, in process
    raise
ZeroDivisionError: integer division or modulo by zero [while running 'Divide']"""
JAVA = (
    "\tat org.apache.spark.api.python.BasePythonRunner.handlePythonException(PythonRunner.scala)\n"
)


@pytest.mark.parametrize("tail", ["\n\n" + JAVA, "\n SQLSTATE: 38000\n" + JAVA, "\n", ""])
def test_an_error_of_user_code_is_its_traceback(tail):
    from pasture.runners.spark.context import translate

    error = translate(HEAD + TRACEBACK + tail + ("\nDriver stacktrace:" if tail else ""))
    assert type(error) is RuntimeError
    assert str(error).splitlines()[-1] == TRACEBACK.splitlines()[-1]
    assert str(error).startswith(TRACEBACK)


@pytest.mark.parametrize(
    ("message", "told"),
    [
        (
            HEAD + "Traceback (most recent call last):\n"
            '  File "serializers.py", line 1, in loads\n'
            "ModuleNotFoundError: No module named 'pasture'\n\n" + JAVA,
            "the Python of Spark's executors has no pasture; install the same packages there",
        ),
        (
            "Job aborted due to stage failure: ShuffleMapStage 3 (count at x) has failed the "
            "maximum allowable number of times: 1. Most recent failure reason:\n" + JAVA,
            "Run the same command again: finished shards stay",
        ),
        (
            "Job aborted due to stage failure: Task 1 in stage 2.0 failed 4 times, most recent "
            "failure: Lost task 1.3 in stage 2.0: org.apache.spark.SparkException: Checkpoint "
            "block rdd_12_1 not found! Either the executor ...\n" + JAVA,
            "Run the same command again: finished shards stay",
        ),
        (
            "Job 3 cancelled as part of cancellation of all jobs",
            "all executors of Spark have been gone for 300 s",
        ),
        (
            "Job aborted due to stage failure: Task 1 in stage 2.0 failed 4 times, most recent "
            "failure: ExecutorLostFailure (executor 3 exited)\n" + JAVA,
            "Spark gave up: Job aborted due to stage failure: Task 1 in stage 2.0",
        ),
    ],
)
def test_an_error_of_spark_is_told_in_a_sentence(message, told):
    from pasture.runners.spark.context import translate

    error = translate(message)
    assert isinstance(error, StageError)
    assert told in str(error)
    assert "\n" not in str(error)


class Cluster:
    """Stands for a SparkContext whose executors come and go: so many at each look."""

    def __init__(self, executors):
        self.executors = iter(executors)
        self.is_cancelled = False
        self._jsc = self

    def sc(self):
        return self

    def getExecutorMemoryStatus(self):  # noqa: N802
        return self

    def size(self):
        return 1 + next(self.executors)

    def cancelAllJobs(self):  # noqa: N802
        self.is_cancelled = True


@pytest.mark.parametrize(
    ("executors", "is_cancelled"),
    [([2, 0, 0, 0], True), ([0, 0, 1, 0, 0, 1, 0, 0, 0], True), ([0, 0, 1] * 3, False)],
)
def test_jobs_end_when_executors_stay_away(executors, is_cancelled, monkeypatch):
    from pasture.runners.spark import context

    monkeypatch.setattr(context, "WATCH_SECONDS", 0.001)
    monkeypatch.setattr(context, "ALONE_SECONDS", 0.003)
    cluster = Cluster(executors)
    if is_cancelled:
        context.watch(cluster, threading.Event())
        assert next(cluster.executors, None) is None
    else:
        with pytest.raises(StopIteration):
            context.watch(cluster, threading.Event())
    assert cluster.is_cancelled is is_cancelled
