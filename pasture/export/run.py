"""Running an export: unit by unit, taken up where it stopped, and committed at the end.

On a local disk an export is made in ``TO.partial-export`` and gets its name when it is whole. In a
bucket it is made in place, and whole once it has a manifest, which is written last. The manifest is
``_MANIFEST``: readers of Parquet folders pass over names that begin with an underscore.
"""

from __future__ import annotations

import concurrent.futures
import concurrent.futures.process
import dataclasses
import multiprocessing
import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

from pasture import __version__, config, storage
from pasture.errors import StageError
from pasture.export.base import Exporter, Selection, Unit
from pasture.export.files import RECORDS, ExportFiles, FileRecord, read_records, remove_others
from pasture.manifests.shards import fingerprint

EXPORT_MANIFEST = "_MANIFEST"
STARTED = "_started.json"
UNFINISHED = f"{storage.PARTIAL}export"


@dataclasses.dataclass(frozen=True)
class Exported:
    """A finished export.

    Args:
        path: Where it is.
        manifest: Its manifest.
        skipped: Whether an earlier call made it.
    """

    path: str
    manifest: Mapping[str, Any]
    skipped: bool = False


def _silent(done: int, total: int) -> None:
    pass


def export(
    selection: Selection,
    exporter: Exporter,
    target: str,
    *,
    workers: int = 1,
    progress: Callable[[int, int], None] = _silent,
) -> Exported:
    """Write an export, or what is missing of it.

    Args:
        selection: What is exported.
        exporter: The format, with its options.
        target: Folder or URL of the export; it must be empty or absent, or hold this export.
        workers: Processes that write units. The bytes are the same with any number.
        progress: Called with the number of finished units, and of all.

    Raises:
        ConfigError: The format cannot hold the selection.
        StageError: Something else is at the target, or a shard is not what its manifest says.
    """
    exporter.check(selection)
    target = storage.absolute(target).rstrip("/")
    mark = fingerprint(__version__, exporter.name, config.plain(exporter), dict(selection.upstream))
    manifest = _existing(target, mark)
    if manifest is not None:
        storage.remove_tree(storage.join(target, RECORDS))  # a killed export left them
        return Exported(target, manifest, skipped=True)
    work = target if storage.is_url(target) else target + UNFINISHED
    manifest = None if work == target else _whole(work, mark)
    if manifest is not None:  # it was killed just before it got its name
        _commit(work, target, manifest)
        return Exported(target, manifest)
    remove_others(work, mark)
    # A bucket shows by this whose unfinished export it holds, before the first unit is written.
    storage.write_json(storage.join(work, RECORDS, STARTED), {"fingerprint": mark})
    units = exporter.units(selection)
    written = read_records(work, mark)
    progress(len(written), len(units))
    to_write = [unit for unit in units if unit.name not in written]
    for name, made in _write_units(exporter, to_write, work, mark, workers):
        written[name] = made
        progress(len(written), len(units))
    records = [record for unit in units for record in written[unit.name]]
    closing = ExportFiles(work, mark)
    exporter.finish(selection, records, closing)
    body = _manifest(selection, exporter, mark, [*records, *closing.records])
    _commit(work, target, body)
    return Exported(target, body)


def _write_units(
    exporter: Exporter, units: Sequence[Unit], work: str, mark: str, workers: int
) -> Iterator[tuple[str, list[FileRecord]]]:
    """Write and record units; yield the name and the files of each that is written.

    Raises:
        StageError: A worker process was killed.
    """
    if workers == 1 or len(units) < 2:
        for unit in units:
            yield _write_unit(exporter, unit, work, mark)
        return
    # Forked processes would hold the locks of the parent's threads.
    context = multiprocessing.get_context("spawn")
    pool = concurrent.futures.ProcessPoolExecutor(min(workers, len(units)), mp_context=context)
    try:
        waiting = [pool.submit(_write_unit, exporter, unit, work, mark) for unit in units]
        for done in concurrent.futures.as_completed(waiting):
            yield done.result()
    except concurrent.futures.process.BrokenProcessPool as error:
        raise StageError(
            "a worker process was killed, perhaps for want of memory; run again to continue, "
            "with fewer --workers"
        ) from error
    finally:
        pool.shutdown(cancel_futures=True)


def _write_unit(
    exporter: Exporter, unit: Unit, work: str, mark: str
) -> tuple[str, list[FileRecord]]:
    files = ExportFiles(work, mark)
    exporter.write(unit, files)
    files.write_record(unit.name)
    return unit.name, files.records


def _existing(target: str, mark: str) -> dict[str, Any] | None:
    """Read the manifest of the same export at the target; None where nothing is there.

    Raises:
        StageError: Something else is there.
    """
    path = storage.join(target, EXPORT_MANIFEST)
    if storage.exists(path):
        manifest: dict[str, Any] = storage.read_json(path)
        if manifest.get("fingerprint") == mark:
            return manifest
        raise StageError(
            f"{target} holds an export of other data or with other options; remove it, or choose "
            f"another --to"
        )
    if not storage.exists(target):
        return None
    found = [path for path, _ in storage.list_tree(target)]
    if found and not (storage.is_url(target) and _is_begun(target, mark)):
        raise StageError(f"{target} is not empty; choose another --to, or remove {found[0]}")
    return None


def _whole(work: str, mark: str) -> dict[str, Any] | None:
    """Read the manifest of the same export that has not got its name yet."""
    path = storage.join(work, EXPORT_MANIFEST)
    if not storage.exists(path):
        return None
    body: dict[str, Any] = storage.read_json(path)
    return body if body["fingerprint"] == mark else None


def _is_begun(target: str, mark: str) -> bool:
    """Tell whether an unfinished export of the same fingerprint is in a bucket."""
    for path, _ in storage.glob(storage.pattern(target, RECORDS, "*.json")):
        if storage.read_json(path)["fingerprint"] == mark:
            return True
    return False


def _manifest(
    selection: Selection, exporter: Exporter, mark: str, records: list[FileRecord]
) -> dict[str, Any]:
    rows = sum(shard.rows for shard in selection.shards)
    return {
        "format": exporter.name,
        "options": config.plain(exporter),
        "kind": selection.kind,
        "fingerprint": mark,
        "upstream": dict(selection.upstream),
        "tokenizer": None if selection.tokenizer is None else dict(selection.tokenizer),
        "totals": {
            "rows": rows,
            "tokens": sum(shard.tokens for shard in selection.shards),
            "bytes": sum(record.bytes for record in records),
        },
        "files": [
            {name: getattr(record, name) for name in ("path", "bytes", "sha256", "rows")}
            for record in sorted(records, key=lambda record: record.path)
        ],
        "pasture": __version__,
    }


def _commit(work: str, target: str, body: dict[str, Any]) -> None:
    """Write the manifest, and give the export its name."""
    storage.write_json(storage.join(work, EXPORT_MANIFEST), body)
    storage.remove_tree(storage.join(work, RECORDS))
    if work != target:
        try:
            os.replace(work, target)  # in place of an empty folder, if there is one
        except OSError as error:
            raise StageError(f"cannot rename {work} to {target}: {error.strerror}") from error
