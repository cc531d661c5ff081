"""The fetch of raw data at the command line: terms, sizes, a question, and progress."""

from __future__ import annotations

import dataclasses
import datetime
import os
import sys
import threading
import time
import types
from collections.abc import Mapping
from typing import Any

import click
from rich.console import Console
from rich.progress import (
    BarColumn,
    DownloadColumn,
    Progress,
    TaskID,
    TextColumn,
    TimeRemainingColumn,
    TransferSpeedColumn,
)

from pasture import storage
from pasture.config import one_of
from pasture.console.text import duration, show_json, size, table
from pasture.errors import ConfigError
from pasture.fetch import ORIGINS
from pasture.fetch.base import Manners, Origin
from pasture.fetch.client import Client
from pasture.fetch.download import STATE, as_row
from pasture.fetch.run import Plan, Result, fetch, nearest, plan_fetch

SHOWN_FILES = 20
SHOWN_FAILURES = 5
FLAGS = {
    "crawl": "--crawl",
    "kind": "--kind",
    "segments": "--segments",
    "split": "--split",
    "variant": "--variant",
    "revision": "--revision",
    "languages": "--language",
    "date": "--date",
    "multistream": "--single-stream",
    "catalogue_url": "--catalogue",
    "since": "--since",
    "until": "--until",
    "sites": "--site",
    "item": "--item",
    "repositories": "--repositories",
}
"""The options of the command that are for some origins only, by the fields that they set."""


@dataclasses.dataclass(frozen=True)
class FetchOptions:
    """How a fetch is carried out, whatever its source.

    Args:
        yes: The user agrees to the terms; ask nothing.
        dry_run: Show what would be fetched; fetch nothing.
        as_json: Print JSON for programs.
        contact: Address of the user for the user agent.
        connections: Files at the same time; None for the origin's own number.
        interval: Least seconds between two requests to a host; None for the origin's own.
        bandwidth: Most megabytes a second; None for no limit.
        ignore_robots: Do not read robots.txt.
    """

    yes: bool = False
    dry_run: bool = False
    as_json: bool = False
    contact: str = ""
    connections: int | None = None
    interval: float | None = None
    bandwidth: float | None = None
    ignore_robots: bool = False

    def manners(self, manners: Manners) -> Manners:
        """The origin's manners with what the user changed of them."""
        changed: dict[str, Any] = {}
        if self.connections is not None:
            changed["connections"] = self.connections
        if self.interval is not None:
            changed["interval"] = self.interval
        if self.bandwidth is not None:
            changed["bytes_per_second"] = self.bandwidth * 1e6
        return dataclasses.replace(manners, **changed)


def make_origin(source: str, options: Mapping[str, Any]) -> Origin:
    """Make the origin of a source from the options that were given.

    Raises:
        ConfigError: There is no such source, or an option is not for it, or has a wrong value.
    """
    kind = ORIGINS[one_of(source, ORIGINS, "source", "SOURCE")]
    for name in options:
        if name not in _fields(kind):
            whose = [other for other, made in ORIGINS.items() if name in _fields(made)]
            raise ConfigError(
                f"{FLAGS[name]} is no option of {source}, but of {', '.join(whose)}; leave it out"
            )
    return kind(**options)


def _fields(kind: type[Origin]) -> set[str]:
    return {field.name for field in dataclasses.fields(kind)}


def show_origins(as_json: bool) -> None:
    """List what may be fetched: size, licence, and where its terms are."""
    if as_json:
        show_json({name: dataclasses.asdict(kind.terms) for name, kind in ORIGINS.items()})
        return
    table(
        ["source", "size", "licence and terms", "options"],
        [
            (
                source,
                kind.terms.size,
                f"{kind.terms.licence} {kind.terms.url}",
                " ".join(flag for name, flag in FLAGS.items() if name in _fields(kind)),
            )
            for source, kind in ORIGINS.items()
        ],
    )


def run_fetch(origin: Origin, folder: str, options: FetchOptions) -> int:
    """Fetch the raw files of an origin; return the exit code of the command."""
    _check_folder(folder)
    on_terminal = sys.stdin.isatty() and sys.stderr.isatty()
    _say_terms(origin)
    if not (options.yes or options.dry_run or on_terminal):
        raise ConfigError("there is no terminal to ask on; agree to the terms above with --yes")
    stop = threading.Event()
    with FetchProgress(quiet=options.as_json) as progress:
        client = Client(
            options.manners(origin.manners),
            stop,
            contact=options.contact,
            sign=origin.sign,
            headers=origin.headers,
            note=progress.note,
        )
        try:
            plan = plan_fetch(origin, folder, client, options.ignore_robots)
        except KeyboardInterrupt:
            click.echo("stopped; nothing was fetched", err=True)
            return 130
        _say_plan(plan)
        if options.dry_run:
            _show_files(plan, options.as_json)
            return 0
        plan.check_disk()
        if not options.yes and plan.missing:
            click.confirm("Agree to the terms and fetch?", abort=True, err=True)
        progress.begin(plan)
        try:
            result = fetch(plan, client, origin.max_file_bytes, progress)
        except KeyboardInterrupt:
            progress.stop()
            _say_stopped(plan)
            return 130
    return _show_result(origin, plan, result, options.as_json)


def _check_folder(folder: str) -> None:
    if storage.is_url(folder):
        raise ConfigError(f"--to is {folder}; give a local folder, and copy it afterwards")
    path = nearest(folder)
    if not (os.path.isdir(path) and os.access(path, os.W_OK)):
        raise ConfigError(f"--to is {folder}, but {path} is no folder to write to; give another")


def _files(count: int) -> str:
    return f"{count:,} file{'' if count == 1 else 's'}"


def _say_terms(origin: Origin) -> None:
    terms = origin.terms
    click.echo(f"{origin.name}: {terms.licence}\nterms: {terms.url}", err=True)
    if terms.advice:
        click.echo(terms.advice, err=True)


def _say_plan(plan: Plan) -> None:
    missing = len(plan.missing)
    text = f"{_files(len(plan.files))} to {plan.folder}"
    if plan.here:
        text += f", {len(plan.here):,} of them whole already"
    needed = plan.needed
    if needed is None:
        text += "; their size is not announced"
    elif missing:
        about = "about " if plan.unknown else ""
        text += f"; {about}{size(needed)} to fetch"
    if plan.kept:
        text += f", after {size(plan.kept)} that an earlier fetch left"
    click.echo(f"{text}; {size(plan.free)} are free there", err=True)


def _show_files(plan: Plan, as_json: bool) -> None:
    rows = [as_row(file, plan.sizes.get(file.path)) for file in plan.missing]
    if as_json:
        show_json({"needed_bytes": plan.needed, "free_bytes": plan.free, "files": rows})
        return
    table(
        ["file", "address", "#bytes"],
        [
            (row["path"], row["url"], "" if row["bytes"] is None else f"{row['bytes']:,}")
            for row in rows[:SHOWN_FILES]
        ],
    )
    if len(rows) > SHOWN_FILES:
        click.echo(f"and {len(rows) - SHOWN_FILES:,} more; --json lists all")


def _say_stopped(plan: Plan) -> None:
    whole = [file for file in plan.files if os.path.exists(os.path.join(plan.folder, file.path))]
    click.echo(
        f"stopped: {len(whole):,} of {len(plan.files):,} files are whole, and what arrived of "
        f"others is kept in {os.path.join(plan.folder, STATE)}; run the same command to go on",
        err=True,
    )


def _show_result(origin: Origin, plan: Plan, result: Result, as_json: bool) -> int:
    """Show what was done; the exit code is 1 where a file failed."""
    if as_json:
        show_json({"source": origin.name, "folder": plan.folder, **dataclasses.asdict(result)})
    for path, error in list(result.failed.items())[:SHOWN_FAILURES]:
        click.echo(f"error: {path}: {error}", err=True)
    if result.failed:
        left = len(plan.missing) - result.fetched - len(result.not_offered)
        click.echo(
            f"{_files(len(result.failed))} failed and {left:,} in all are missing; what arrived "
            f"is kept; run the same command to go on",
            err=True,
        )
        return 1
    if not as_json:
        absent = f", {len(result.not_offered):,} not offered" if result.not_offered else ""
        click.echo(
            f"fetched {_files(result.fetched)}, {size(result.bytes)}{absent}; with the other "
            f"sources there, go on with:"
        )
        click.echo(f"  pasture plan llama --input {plan.folder}")
    return 0


class FetchProgress:
    """Draws a fetch: bars on a terminal, a line now and then elsewhere.

    Args:
        quiet: Write nothing.
        every: Seconds between two lines where there is no terminal.
    """

    def __init__(self, quiet: bool = False, every: float = 30.0) -> None:
        self.console = Console(stderr=True, quiet=quiet, highlight=False)
        self._bars = Progress(
            TextColumn("{task.description}"),
            BarColumn(),
            DownloadColumn(),
            TransferSpeedColumn(),
            TimeRemainingColumn(),
            console=self.console,
            transient=True,
            disable=quiet or not self.console.is_terminal,
        )
        self._lock = threading.Lock()
        self._tasks: dict[str, TaskID] = {}
        self._here: dict[str, int] = {}
        self._whole: TaskID | None = None
        self._files, self._done, self._done_bytes = 0, 0, 0
        self._every, self._start, self._told = every, 0.0, 0.0

    def __enter__(self) -> FetchProgress:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: types.TracebackType | None,
    ) -> None:
        self.stop()

    def stop(self) -> None:
        """Remove the bars."""
        self._bars.stop()

    def begin(self, plan: Plan) -> None:
        """Open the bar of the whole fetch."""
        self._files = len(plan.missing)
        self._start = self._told = time.monotonic()
        total = None if plan.needed is None else plan.needed + plan.kept
        self._whole = self._bars.add_task(f"{self._files:,} files", total=total)
        self._bars.start()

    def started(self, path: str, count: int | None) -> None:
        """Open a file's bar."""
        with self._lock:
            self._tasks[path] = self._bars.add_task(os.path.basename(path), total=count)
            self._here[path] = 0

    def advanced(self, path: str, count: int) -> None:
        """Move a file's bar, and that of the whole."""
        with self._lock:
            self._here[path] = count
            self._bars.update(self._tasks[path], completed=count)
            self._update()
            self._tell()

    def finished(self, path: str, error: str) -> None:
        """Close a file's bar."""
        with self._lock:
            self._bars.remove_task(self._tasks.pop(path))
            count = self._here.pop(path)
            self._done += not error
            self._done_bytes += count
            self._update()

    def note(self, text: str) -> None:
        """Write a note."""
        self.console.print(f"note: {text}", markup=False, soft_wrap=True)

    def _bytes(self) -> int:
        return self._done_bytes + sum(self._here.values())

    def _update(self) -> None:
        if self._whole is not None:
            self._bars.update(
                self._whole,
                completed=self._bytes(),
                description=f"{self._done:,} of {self._files:,} files",
            )

    def _tell(self) -> None:
        now = time.monotonic()
        if self.console.is_terminal or now - self._told < self._every:
            return
        self._told = now
        clock = datetime.datetime.now().strftime("%H:%M:%S")
        self.console.print(
            f"{clock} {self._done:,} of {self._files:,} files, {size(self._bytes())} in "
            f"{duration(now - self._start)}",
            markup=False,
            soft_wrap=True,
        )


def fetch_or_list(
    source: str | None,
    folder: str | None,
    listed: bool,
    given: Mapping[str, Any],
    options: FetchOptions,
) -> int:
    """Carry out the command: list the origins, or fetch from one."""
    if listed:
        show_origins(options.as_json)
        return 0
    if source is None or folder is None:
        raise ConfigError("give SOURCE and --to DIR, or --list")
    return run_fetch(make_origin(source, given), folder, options)
