"""A worker process of the local runner: Beam's own, which ends with the process that started it.

A run that is killed must leave no worker that goes on writing into its output.
"""

from __future__ import annotations

import ctypes
import logging
import os
import signal
import sys

from apache_beam.runners.worker import sdk_worker_main

PR_SET_PDEATHSIG = 1
"""From Linux's <sys/prctl.h>: the signal that a process gets when its parent dies."""


def main() -> None:
    """Work until there is no more."""
    parent = int(sys.argv.pop(1))  # it may be dead already
    if ctypes.CDLL(None, use_errno=True).prctl(PR_SET_PDEATHSIG, signal.SIGKILL) != 0:
        raise OSError(ctypes.get_errno(), "prctl")
    if os.getppid() != parent:  # it died before we asked
        sys.exit(1)
    # It warns that there is no folder for a pickled __main__: our workers import what they run.
    logging.getLogger(sdk_worker_main.__name__).setLevel(logging.ERROR)
    sdk_worker_main.main(sys.argv)


if __name__ == "__main__":
    main()
