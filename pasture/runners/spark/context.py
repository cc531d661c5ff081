"""The connection to Spark: safe defaults, and errors that a user can read."""

from __future__ import annotations

import contextlib
import os
import re
import sys
import threading
import time
import warnings
from collections.abc import Iterator

from py4j.protocol import Py4JJavaError  # type: ignore[import-untyped]
from pyspark import SparkConf, SparkContext
from pyspark.errors import PySparkRuntimeError

from pasture.errors import ConfigError, StageError
from pasture.runners.options import SparkOptions

DEFAULTS = {
    "spark.app.name": "pasture",
    # Spark would run lost tasks of a finished stage again, and go on. Where a task does not give
    # the same output twice, records would be lost or doubled without a word; so give up instead.
    "spark.stage.maxConsecutiveAttempts": "1",
    # The web page of a job listens on all addresses, without a password.
    "spark.ui.enabled": "false",
    "spark.ui.showConsoleProgress": "false",
    # Errors of tasks reach the user as errors of the run.
    "spark.log.level": "ERROR",
}
"""Our settings, unless the user, ``spark-submit`` or ``spark-defaults.conf`` says otherwise."""

LOST_OUTPUT = (
    "an executor of Spark was lost with output that others had begun to read, and running it again "
    "would not be safe. Run the same command again: finished shards stay. An external shuffle "
    "service avoids this"
)
QUIET_SECONDS = 30
ALONE_SECONDS = 300
WATCH_SECONDS = 5

_LOOPBACK = re.compile(r"local(\[.*\])?$|spark://(127\.[0-9.]+|localhost)(:|$)")
_TRACEBACK = re.compile(
    r"Traceback \(most recent call last\):\n.*?(?=\n\s*at |\n *SQLSTATE|\n\nDriver |\Z)", re.S
)
_LOST_OUTPUT = re.compile("maximum allowable number of times|Checkpoint block .* not found")
_CANCELLED = re.compile("cancelled as part of cancellation of all jobs")
_NOT_INSTALLED = re.compile(r"ModuleNotFoundError: No module named '(pasture|apache_beam)")


def connect(options: SparkOptions) -> SparkContext:
    """Connect to Spark, or take the connection that this process has already.

    Raises:
        ConfigError: There is no master, or the connection goes to another one.
        StageError: Spark does not start, or the master does not answer.
    """
    if options.spark_master and _LOOPBACK.match(options.spark_master):
        os.environ.setdefault("SPARK_LOCAL_IP", "127.0.0.1")
    os.environ.setdefault("PYSPARK_PYTHON", sys.executable)
    try:
        context = SparkContext.getOrCreate(_configuration(options))
        _wait_for_an_executor(context)
        return context
    except PySparkRuntimeError as error:
        raise StageError(
            f"Spark did not start; is there a Java 17, and JAVA_HOME? {error}"
        ) from error
    except Py4JJavaError as error:
        raise translate(str(error.java_exception.getMessage())) from None


def _configuration(options: SparkOptions) -> SparkConf:
    settings = {}
    for line in options.spark_conf or []:
        name, separator, value = line.partition("=")
        if not separator or not name.startswith("spark."):
            raise ConfigError(f"--spark_conf is {line!r}; give spark.some.name=value")
        settings[name] = value
    if options.spark_master:
        settings["spark.master"] = options.spark_master
    active = SparkContext._active_spark_context
    if active is not None:
        if settings.get("spark.master", active.master) != active.master:
            raise ConfigError(
                f"this process is connected to {active.master} already; stop its SparkContext "
                f"before a pipeline goes to {settings['spark.master']}"
            )
        return active.getConf()
    configuration = SparkConf()
    for name, value in settings.items():
        configuration.set(name, value)
    if not configuration.contains("spark.master"):
        raise ConfigError("no Spark master; give --spark_master=spark://host:7077")
    for name, value in DEFAULTS.items():
        configuration.setIfMissing(name, value)
    if _LOOPBACK.match(configuration.get("spark.master") or ""):
        configuration.setIfMissing("spark.driver.host", "127.0.0.1")
        configuration.setIfMissing("spark.driver.bindAddress", "127.0.0.1")
    if configuration.get("spark.shuffle.service.enabled", "false") == "true":
        # What several stages read outlives an executor, too.
        configuration.setIfMissing("spark.shuffle.service.fetch.rdd.enabled", "true")
    return configuration


def _executors(context: SparkContext) -> int:
    # The driver is counted, too.
    return int(context._jsc.sc().getExecutorMemoryStatus().size()) - 1


def _wait_for_an_executor(context: SparkContext) -> None:
    """Wait until there is one, as Spark itself would, but not in silence."""
    told = time.monotonic() + QUIET_SECONDS
    while not _is_local(context) and not _executors(context):
        if time.monotonic() > told:
            warnings.warn(
                f"no executor of {context.master} has come in {QUIET_SECONDS} s; has the cluster a "
                "free core, and memory for spark.executor.memory? Still waiting",
                stacklevel=2,
            )
            told = float("inf")
        time.sleep(0.1)


def _is_local(context: SparkContext) -> bool:
    return str(context.master).startswith("local")


@contextlib.contextmanager
def running(context: SparkContext) -> Iterator[None]:
    """Turn Spark's errors into ours, and end jobs that wait for a cluster that is gone.

    Raises:
        RuntimeError: User code failed: the Python traceback, whose last line is the error with
            Beam's label of the step. As Beam's own runners do.
        StageError: Spark gave up, or no executor is left.
    """
    done = threading.Event()
    if not _is_local(context):
        threading.Thread(target=watch, args=(context, done), daemon=True).start()
    try:
        yield
    except Py4JJavaError as error:
        raise translate(str(error.java_exception.getMessage())) from None
    finally:
        done.set()


def watch(context: SparkContext, done: threading.Event) -> None:
    """Cancel the jobs once there has been no executor for ``ALONE_SECONDS``."""
    alone = 0.0
    while not done.wait(WATCH_SECONDS):
        alone = 0.0 if _executors(context) else alone + WATCH_SECONDS
        if alone >= ALONE_SECONDS:
            context.cancelAllJobs()
            return


def translate(message: str) -> Exception:
    """Make an error of ours of what Spark says; see ``running``."""
    found = _TRACEBACK.search(message)
    if found is None:
        first = message.strip().split("\n")[0]
        if _LOST_OUTPUT.search(message):
            return StageError(f"{LOST_OUTPUT}. Spark says: {first}")
        if _CANCELLED.search(message):
            return StageError(
                f"all executors of Spark have been gone for {ALONE_SECONDS} s. Is the cluster up? "
                "Run the same command again: finished shards stay"
            )
        return StageError(f"Spark gave up: {first}")
    traceback = found.group().strip()
    missing = _NOT_INSTALLED.search(traceback)
    if missing:
        return StageError(
            f"the Python of Spark's executors has no {missing.group(1)}; install the same packages "
            "there, and name that Python by the environment variable PYSPARK_PYTHON"
        )
    return RuntimeError(traceback)
