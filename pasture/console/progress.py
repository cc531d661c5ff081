"""A run while it goes on: what each stage has done, and the time that is left."""

from __future__ import annotations

import dataclasses
import datetime
import time
import types
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    TaskID,
    TextColumn,
    TimeElapsedColumn,
    TimeRemainingColumn,
)

from pasture.console.text import SafeConsole, duration

if TYPE_CHECKING:
    from pasture.driver.estimate import Estimate
    from pasture.runners.work import JobUse


MOST_BY_TIME = 0.9
"""How much of a stage that is not done its time alone can stand for; ours."""


class TimeLeft:
    """What is left of a run, by an estimate that is corrected by what is done.

    Args:
        expected: The estimate.
    """

    def __init__(self, expected: Estimate) -> None:
        self._stages = {
            # What is outside of the steps is spread over the job's stages.
            stage.key: stage.seconds * job.seconds / job.step_seconds if job.step_seconds else 0.0
            for job in expected.jobs
            for stage in job.stages
        }
        self._share = dict.fromkeys(self._stages, 0.0)
        self._skipped = 0.0
        self._start = time.monotonic()

    def advanced(self, key: str, share: float) -> None:
        """A share of a stage is done."""
        if key in self._share:
            self._share[key] = max(self._share[key], share)

    def working(self, key: str, seconds: float) -> None:
        """A stage that is of one piece, as the training of a model, goes on for so long."""
        if self._stages.get(key):
            self.advanced(key, min(seconds / self._stages[key], MOST_BY_TIME))

    def skipped(self, key: str, share: float = 1.0) -> None:
        """A share of a stage was done by an earlier run: nothing is learnt from its time."""
        if key in self._share:
            self._skipped += self._stages[key] * (share - self._share[key])
            self._share[key] = share

    def seconds(self) -> float:
        """Tell the seconds that are left."""
        done = sum(self._stages[key] * share for key, share in self._share.items())
        left = sum(self._stages.values()) - done
        done_here = done - self._skipped
        took = time.monotonic() - self._start
        # The estimate counts as much as a twentieth of the run done in the time that it names.
        weight = 0.05 * (done + left)
        return left * (took + weight) / (done_here + weight)


class RunProgress:
    """Draws a run while it goes on: a bar a stage on a terminal, now and then a line elsewhere.

    Args:
        quiet: Write nothing.
        expected: What the run will take, where that was estimated; else only each stage's own
            time left is known.
        every: Seconds between two lines where there is no terminal.
    """

    def __init__(
        self, quiet: bool = False, expected: Estimate | None = None, every: float = 30.0
    ) -> None:
        self.console = SafeConsole(stderr=True, quiet=quiet, highlight=False)
        self._bars = Progress(
            TextColumn("{task.description}"),
            BarColumn(),
            MofNCompleteColumn(),
            TextColumn("{task.fields[rate]}"),
            TimeElapsedColumn(),
            TimeRemainingColumn(),
            console=self.console,
            transient=True,
            disable=quiet or not self.console.is_terminal,
        )
        self._tasks: dict[str, _Task] = {}
        self._left = None if expected is None else TimeLeft(expected)
        self._every, self._told = every, time.monotonic()
        self._whole: TaskID | None = None

    def __enter__(self) -> RunProgress:
        self._bars.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: types.TracebackType | None,
    ) -> None:
        self._bars.stop()

    def started(self, key: str, total: int) -> None:
        """Open the stage's bar."""
        bar = self._bars.add_task(key, total=total, rate="")
        self._tasks[key] = _Task(bar, total, time.monotonic())

    def advanced(self, key: str, done: int) -> None:
        """Move the stage's bar."""
        task = self._tasks[key]
        if task.done is None:
            task.before = done  # what an earlier run had written
            if self._left is not None and task.total:
                self._left.skipped(key, done / task.total)
        if done != task.done:
            task.done = done
            if self._left is not None and task.total:
                self._left.advanced(key, done / task.total)
            self._bars.update(task.bar, completed=done, rate=task.rate())
        if self._left is not None and task.total == 1 and not done:
            self._left.working(key, time.monotonic() - task.start)
        self._tell()

    def finished(self, key: str, manifest: Mapping[str, Any], skipped: bool) -> None:
        """Close the stage's bar and write its line."""
        task = self._tasks.pop(key, None)
        if task is not None:
            self._bars.remove_task(task.bar)
        if self._left is not None:
            (self._left.skipped if task is None else self._left.advanced)(key, 1.0)
        totals = manifest.get("totals", {})
        counts = ""
        if "rows_in" in totals:
            dropped = totals["rows_in"] - totals["rows"]
            counts = f"{totals['rows_in']:,} in, {totals['rows']:,} kept, {dropped:,} dropped"
        elif "splits" in manifest:
            counts = ", ".join(
                f"{split} {count['tokens']:,} tokens" for split, count in manifest["splits"].items()
            )
        took = "done before" if task is None else f"{time.monotonic() - task.start:.1f} s"
        self.console.print(f"{key:<36} {counts:<48} {took}", markup=False, soft_wrap=True)

    def used(self, use: JobUse) -> None:
        """Show nothing of it: the stages' lines tell their times."""

    def note(self, text: str) -> None:
        """Write a note."""
        self.console.print(f"note: {text}", markup=False, soft_wrap=True)

    def _tell(self) -> None:
        """Where there is no terminal, write a line of the running stages now and then."""
        now = time.monotonic()
        if self._left is not None and self.console.is_terminal:
            self._draw_left(self._left.seconds())
        if now - self._told < self._every:
            return
        self._told = now
        if self.console.is_terminal:
            return
        running = [
            f"{key} {task.done}/{task.total}{task.rate(', ')}"
            for key, task in self._tasks.items()
            if task.done is not None and task.done < task.total
        ]
        if not running:
            running = [f"{key}: all shards are written" for key in self._tasks]
        left = "" if self._left is None else f"; {duration(self._left.seconds())} left in all"
        clock = datetime.datetime.now().strftime("%H:%M:%S")
        self.console.print(f"{clock} {'; '.join(running)}{left}", markup=False, soft_wrap=True)

    def _draw_left(self, seconds: float) -> None:
        if self._whole is None:
            self._whole = self._bars.add_task("", total=None, rate="")
        self._bars.update(self._whole, description=f"the whole run: {duration(seconds)} left")


@dataclasses.dataclass
class _Task:
    """A running stage: its bar, how many shards it has, when it began, and what is done."""

    bar: TaskID
    total: int
    start: float
    done: int | None = None
    before: int = 0

    def rate(self, before: str = "") -> str:
        """Shards a minute, and the time that the rest takes at that rate."""
        made = (self.done or 0) - self.before
        if not made:
            return ""
        each = (time.monotonic() - self.start) / made
        left = duration(each * (self.total - (self.done or 0)))
        return f"{before}{60 / each:.3g} a minute, {left} left"
