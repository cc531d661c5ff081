"""Exports from the command line."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from typing import Any

import yaml
from rich.console import Console
from rich.progress import Progress

from pasture import storage
from pasture.console.text import show_json, size, stdout
from pasture.errors import ConfigError
from pasture.export import exporters, load_exporter
from pasture.export.run import Exported, export
from pasture.export.select import select
from pasture.manifests.outputs import Output
from pasture.manifests.shards import MANIFEST


def run_export(
    root: str,
    name: str | None,
    target: str | None,
    *,
    sources: Sequence[str],
    stages: Sequence[str],
    options: Sequence[str],
    push: str | None,
    public: bool,
    workers: int,
    as_json: bool,
) -> None:
    """Write an export, upload it where that is wanted, and show what it holds."""
    if _is_checkpoint(root):
        raise ConfigError(
            f'{root} is a checkpoint of the trainer; export it with "pasture export-model {root}"'
        )
    if name is None or target is None:
        raise ConfigError(f"give --to, and --format: one of {', '.join(exporters().names())}")
    if push is not None and name != "huggingface":
        raise ConfigError("--push works with --format huggingface only")
    if push is not None and storage.is_url(target):
        raise ConfigError("--push uploads from a local folder; give one with --to")
    exporter = load_exporter(name, _options(options))
    selection = select(Output(root), exporter, sources, stages)
    console = Console(stderr=True)
    is_quiet = as_json or not console.is_terminal
    with Progress(console=console, transient=True, disable=is_quiet) as bar:
        task = bar.add_task(name, total=None)
        done = export(
            selection,
            exporter,
            target,
            workers=workers,
            progress=lambda done, total: bar.update(task, completed=done, total=total),
        )
    address = None
    if push is not None:
        from pasture.export.huggingface import push as upload

        address = upload(done.path, push, public=public)
    _show(done, address, as_json)


def _is_checkpoint(path: str) -> bool:
    """Tell whether a path is a checkpoint, which ``pasture export`` took in earlier versions."""
    manifest = storage.join(path, MANIFEST)
    return storage.exists(manifest) and "run" in storage.read_json(manifest)


def _options(options: Sequence[str]) -> dict[str, Any]:
    """Read ``KEY=VALUE`` options; values are written as in YAML."""
    found = {}
    for option in options:
        key, is_pair, value = option.partition("=")
        if not is_pair:
            raise ConfigError(f"--option {option}: expected KEY=VALUE, such as compression=gzip")
        try:
            found[key.strip()] = yaml.safe_load(value)
        except yaml.YAMLError as error:
            raise ConfigError(f"--option {option}: {value!r} is no value") from error
    return found


def _show(done: Exported, address: str | None, as_json: bool) -> None:
    if as_json:
        show_json({**dataclasses.asdict(done), "pushed": address})
        return
    totals = done.manifest["totals"]
    what = f"{totals['rows']:,} documents"
    if totals["tokens"]:
        what += f", {totals['tokens']:,} tokens"
    verb = "holds already" if done.skipped else "holds"
    text = f"{done.path} {verb} {what}: {len(done.manifest['files']):,} files"
    stdout().print(f"{text}, {size(totals['bytes'])}", markup=False, soft_wrap=True)
    if address is not None:
        stdout().print(f"uploaded to {address}", markup=False, soft_wrap=True)
