"""Beam's in-process runner, with worker processes that neither outlive it nor die unnoticed.

Beam's runner waits for ever for a worker that was killed, as the kernel does to one that takes
too much memory. Here the run ends with an error instead, and the other workers with it.
"""

from __future__ import annotations

import concurrent.futures
import contextlib
import os
import signal
import sys
import threading
from typing import Any

from apache_beam.portability import python_urns
from apache_beam.runners.portability.fn_api_runner import FnApiRunner

from pasture.errors import StageError
from pasture.runners.processes import command_line, process_tree
from pasture.runners.work import work_by_label

WORKER = "pasture.runners.worker"
BEAM_THREAD = "run_worker"
"""The name of Beam's thread that waits for a worker process, and fails where that failed."""
DEATH = (
    "a worker process was killed, most likely because memory ran out; what is finished stays: run "
    "again, with fewer --workers if need be"
)


class LocalRunner(FnApiRunner):  # type: ignore[misc]
    """Runs a pipeline in this process, or in worker processes of this machine."""

    def run_via_runner_api(self, pipeline_proto: Any, options: Any) -> Any:
        """Run a translated pipeline to its end; the result's ``work`` tells what it took.

        Raises:
            StageError: A worker process died.
        """
        result = self._run(pipeline_proto, options)
        result.work = work_by_label(pipeline_proto, result.monitoring_infos())
        return result

    def _run(self, pipeline_proto: Any, options: Any) -> Any:
        workers = False
        for environment in pipeline_proto.components.environments.values():
            if environment.urn == python_urns.SUBPROCESS_SDK:
                environment.payload = f"exec {sys.executable} -m {WORKER} {os.getpid()}".encode()
                workers = True
        if not workers:
            return super().run_via_runner_api(pipeline_proto, options)

        ended: concurrent.futures.Future[Any] = concurrent.futures.Future()
        usual = threading.excepthook

        def run() -> None:
            try:
                _end(ended, super(LocalRunner, self).run_via_runner_api(pipeline_proto, options))
            except BaseException as error:
                _end(ended, error=error)

        def on_error(failed: threading.ExceptHookArgs) -> None:
            if failed.thread is not None and failed.thread.name == BEAM_THREAD:
                _end(ended, error=StageError(f"{failed.exc_value}: {DEATH}"))
            elif not ended.done():  # else it only tells that its worker is gone
                usual(failed)

        threading.excepthook = on_error
        try:
            threading.Thread(target=run, name="local-run", daemon=True).start()
            return ended.result()
        except BaseException:
            for process in worker_processes(os.getpid()):
                with contextlib.suppress(ProcessLookupError):  # it ended just now
                    os.kill(process, signal.SIGKILL)
            raise
        finally:
            threading.excepthook = usual


def _end(
    ended: concurrent.futures.Future[Any], result: Any = None, error: BaseException | None = None
) -> None:
    """Set what a run ends with; the first one counts."""
    with contextlib.suppress(concurrent.futures.InvalidStateError):
        if error is None:
            ended.set_result(result)
        else:
            ended.set_exception(error)


def worker_processes(parent: int) -> list[int]:
    """Find the worker processes that a process has started."""
    return sorted(
        process.pid
        for process in process_tree(parent)
        if process.parent == parent and WORKER in command_line(process.pid)
    )
