"""Beam's options: what the user gives after ``--``, and our defaults.

The runner is named explicitly. Beam's own ``DirectRunner`` would look for another engine, try to
download it, and fall back without a word.
"""

from __future__ import annotations

import argparse
import importlib.util
from collections.abc import Sequence

from apache_beam.options.pipeline_options import PipelineOptions, StandardOptions
from apache_beam.runners.runner import create_runner

from pasture.errors import ConfigError

LOCAL_RUNNER = "pasture.runners.local.LocalRunner"
SPARK_RUNNER = "pasture.runners.spark.runner.SparkRunner"


class SparkOptions(PipelineOptions):  # type: ignore[misc]
    """The flags of our Spark runner, ``--runner=spark``. Beam's own is ``--runner=SparkRunner``."""

    @classmethod
    def _add_argparse_args(cls, parser: argparse.ArgumentParser) -> None:
        parser.add_argument(
            "--spark_master",
            help="Where to run: spark://host:7077, local[2], yarn. Default: what Spark is "
            "configured with.",
        )
        parser.add_argument(
            "--spark_conf",
            action="append",
            help="A setting of Spark, such as spark.executor.memory=4g. May be repeated.",
        )
        parser.add_argument(
            "--spark_partitions",
            type=int,
            default=0,
            help="Partitions of an exchange. Default: two for each core.",
        )


def beam_options(flags: Sequence[str], workers: int = 1) -> PipelineOptions:
    """Build Beam's options.

    Args:
        flags: Beam's own flags, such as ``--runner=DataflowRunner``; without a runner, Beam's
            in-process runner is taken.
        workers: Worker processes of the local runner; 1 runs in this process.

    Raises:
        ConfigError: A flag that Beam does not know, or workers for another runner.
    """
    unknown = _unknown_flags(flags)
    if unknown:
        raise ConfigError(f"Beam does not know {' '.join(unknown)}; flags after -- go to Beam")
    names_runner = any(flag.split("=")[0] == "--runner" for flag in flags)
    if names_runner and workers > 1:
        raise ConfigError(
            "--workers is for the local runner; the runner after -- has its own flags"
        )
    local: list[str] = []
    if not names_runner:
        local = [f"--runner={LOCAL_RUNNER}"]
        if workers > 1:
            local += [
                "--direct_running_mode=multi_processing",
                f"--direct_num_workers={workers}",
            ]
    options = PipelineOptions([*local, *flags])
    standard = options.view_as(StandardOptions)
    if standard.runner == "spark":
        if importlib.util.find_spec("pyspark") is None:
            raise ConfigError("--runner=spark needs PySpark: pip install 'pasture[spark]'")
        standard.runner = SPARK_RUNNER
    elif names_runner:
        _check_runner(standard.runner)
    return options


def _check_runner(name: str) -> None:
    """Fail before any work where Beam knows no such runner, or cannot import it."""
    try:
        create_runner(name)
    except (ValueError, ImportError) as error:
        said = str(error).partition("\n")[0]
        raise ConfigError(f"--runner={name}: {said}") from error


def _unknown_flags(flags: Sequence[str]) -> list[str]:
    parser = argparse.ArgumentParser(allow_abbrev=False, add_help=False, conflict_handler="resolve")
    pending = list(PipelineOptions.__subclasses__())
    while pending:
        kind = pending.pop()
        pending.extend(kind.__subclasses__())
        if hasattr(kind, "_add_argparse_args"):
            kind._add_argparse_args(parser)
    return parser.parse_known_args(list(flags))[1]
