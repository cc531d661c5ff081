"""Beam's options: what the user gives after ``--``, and our defaults.

The runner is named explicitly. Beam's own ``DirectRunner`` would look for another engine, try to
download it, and fall back without a word.
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence

from apache_beam.options.pipeline_options import PipelineOptions

from pasture.errors import ConfigError

LOCAL_RUNNER = "apache_beam.runners.portability.fn_api_runner.FnApiRunner"


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
    return PipelineOptions([*local, *flags])


def _unknown_flags(flags: Sequence[str]) -> list[str]:
    parser = argparse.ArgumentParser(allow_abbrev=False, add_help=False, conflict_handler="resolve")
    pending = list(PipelineOptions.__subclasses__())
    while pending:
        kind = pending.pop()
        pending.extend(kind.__subclasses__())
        if hasattr(kind, "_add_argparse_args"):
            kind._add_argparse_args(parser)
    return parser.parse_known_args(list(flags))[1]
