"""Looking into the output of a run: status, audit, explain, compare, verify.

Reads manifests and shards only; needs neither the recipe nor Beam.
"""

from __future__ import annotations

import dataclasses
import itertools
import json
from collections.abc import Collection, Iterator, Mapping, Sequence
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from pasture import config, storage
from pasture.errors import StageError
from pasture.manifests.layout import (
    DOCUMENTS,
    Places,
    check_layout,
    documents_key,
    finished_keys,
    places,
)
from pasture.manifests.shards import ShardRecord, StageManifest, check_stage


@dataclasses.dataclass(frozen=True)
class Output:
    """The output folder of a run.

    Raises:
        StageError: The folder holds no finished stage, or has the layout of an older version.
    """

    root: str

    def __post_init__(self) -> None:
        check_layout(self.root)
        if not self.manifests():
            raise StageError(
                f'{self.root} holds no finished stage; "pasture run RECIPE --output {self.root}" '
                f"makes it"
            )

    def manifests(self) -> list[str]:
        """List the keys of what is finished, such as ``documents/c4/00-extract``, sorted."""
        return finished_keys(self.root)

    def places(self, key: str) -> Places:
        """The folders of a stage or model."""
        return places(self.root, key)

    def folder(self, key: str) -> str:
        """The folder of a stage's shards, or of a model."""
        return self.places(key).shards

    def manifest(self, key: str) -> dict[str, Any]:
        """Read the manifest of a stage or model as it stands."""
        body: dict[str, Any] = storage.read_json(self.places(key).manifest)
        return body

    def stages(self, source: str | None = None) -> list[StageManifest]:
        """The finished stages of documents, by source and then in the recipe's order.

        Raises:
            StageError: There is no such source.
        """
        stages = [
            StageManifest.load(self.places(key).audit)
            for key in self.manifests()
            if key.startswith(DOCUMENTS + "/")
        ]
        if source is not None:
            known = sorted({stage.source for stage in stages})
            try:
                config.one_of(source, known, self.root, "source")
            except ValueError as error:
                raise StageError(str(error)) from error
            stages = [stage for stage in stages if stage.source == source]
        return stages

    def stage_folder(self, stage: StageManifest) -> str:
        """The folder of a stage's documents."""
        return self.folder(documents_key(stage.source, stage.stage))

    def audit_folder(self, stage: StageManifest) -> str:
        """The folder of a stage's manifest, and of what it dropped and removed."""
        return self.places(documents_key(stage.source, stage.stage)).audit


@dataclasses.dataclass(frozen=True)
class Funnel:
    """What became of one source: documents in, kept, and dropped by stage and reason.

    Args:
        source: Registry name.
        records: Raw records read.
        documents: Documents left after the last finished stage.
        text_bytes: UTF-8 bytes of their text.
        bytes_in: Bytes of raw input.
        dropped: Dropped rows by ``stage/filter/reason``.
        tokens: Training tokens, None before the source is tokenized.
    """

    source: str
    records: int
    documents: int
    text_bytes: int
    bytes_in: int
    dropped: Mapping[str, int]
    tokens: int | None


def funnels(output: Output) -> list[Funnel]:
    """Sum up every source of an output."""
    by_source: dict[str, list[StageManifest]] = {}
    for stage in output.stages():
        by_source.setdefault(stage.source, []).append(stage)
    keys = set(output.manifests())
    result = []
    for source, stages in by_source.items():
        dropped = {
            f"{stage.stage}/{reason}": count
            for stage in stages
            for reason, count in stage.totals()["dropped"].items()
        }
        first, last = stages[0].totals(), stages[-1].totals()
        tokens = None
        if f"tokens/{source}" in keys:
            tokens = int(output.manifest(f"tokens/{source}")["splits"]["train"]["tokens"])
        result.append(
            Funnel(
                source,
                first["rows_in"],
                last["rows"],
                last["text_bytes"],
                first["bytes_in"],
                dropped,
                tokens,
            )
        )
    return result


def dropped_rows(
    output: Output, source: str | None = None, reason: str | None = None
) -> Iterator[tuple[StageManifest, dict[str, Any]]]:
    """Yield the dropped documents of an output, by source, stage, shard and row.

    Args:
        output: The output.
        source: Only this source.
        reason: Only this reason, with or without its filter (``too_short``, ``extract/redirect``).
    """
    for stage in output.stages(source):
        for shard in stage.shards:
            if any(_fits(key, reason) for key in shard.dropped):
                for row in _fitting_rows(output, stage, shard.dropped_path, reason):
                    yield stage, row


def removed_lines(
    output: Output, source: str | None = None, reason: str | None = None
) -> Iterator[tuple[StageManifest, dict[str, Any]]]:
    """Yield the lines that were removed from kept documents, as far as the audit keeps them.

    They come by source, stage, shard, row and line; the arguments are those of ``dropped_rows``.
    """
    for stage in output.stages(source):
        for shard in stage.shards:
            if shard.lines_path and any(_fits(key, reason) for key in shard.edited):
                for row in _fitting_rows(output, stage, shard.lines_path, reason):
                    yield stage, row


def _fitting_rows(
    output: Output, stage: StageManifest, path: str, reason: str | None
) -> Iterator[dict[str, Any]]:
    for batch in storage.read_batches(storage.join(output.audit_folder(stage), path)):
        for row in batch.to_pylist():
            if _fits(f"{row['drop_filter']}/{row['drop_reason']}", reason):
                yield row


def count_removed_lines(
    output: Output, source: str | None = None, reason: str | None = None
) -> int:
    """Count, from the manifests, what ``removed_lines`` yields at most."""
    return sum(
        min(shard.lines, sum(n for key, n in shard.edited.items() if _fits(key, reason)))
        for stage in output.stages(source)
        for shard in stage.shards
    )


def count_dropped(output: Output, source: str | None = None, reason: str | None = None) -> int:
    """Count what ``dropped_rows`` yields, from the manifests."""
    return sum(
        count
        for stage in output.stages(source)
        for key, count in stage.totals()["dropped"].items()
        if _fits(key, reason)
    )


def _fits(key: str, reason: str | None) -> bool:
    return reason is None or reason in (key, *key.split("/"))


def _last_stages(output: Output, source: str | None) -> list[StageManifest]:
    return list({stage.source: stage for stage in output.stages(source)}.values())


def count_kept(output: Output, source: str | None = None) -> int:
    """Count what ``kept_rows`` yields, from the manifests."""
    return sum(stage.totals()["rows"] for stage in _last_stages(output, source))


def kept_rows(
    output: Output, source: str | None = None
) -> Iterator[tuple[StageManifest, dict[str, Any]]]:
    """Yield the documents that each source's last finished stage kept."""
    for stage in _last_stages(output, source):
        for _, path in stage.paths(output.stage_folder(stage)):
            for batch in storage.read_batches(path):
                for row in batch.to_pylist():
                    yield stage, row


@dataclasses.dataclass(frozen=True)
class Decision:
    """What one stage measured and decided of one document.

    Args:
        source: Registry name.
        stage: The stage.
        kept: Whether it stayed.
        reason: ``filter/reason`` where it was dropped.
        row: The document's columns as the stage left them.
        kept_instead: Id of the document that was kept for it, where it is a duplicate.
        rules: The stage's steps, or the source's options, as its manifest has them.
        removed: The lines that the stage removed from it, as the audit keeps them.
    """

    source: str
    stage: str
    kept: bool
    reason: str | None
    row: Mapping[str, Any]
    kept_instead: str | None = None
    rules: Mapping[str, Any] = dataclasses.field(default_factory=dict)
    removed: Sequence[Mapping[str, Any]] = ()


def explain(output: Output, name: str) -> list[Decision]:
    """Follow a document, named by its id or URL, through every stage of its source.

    Raises:
        StageError: No stage has seen it.
    """
    decisions = []
    previous: StageManifest | None = None
    for stage in output.stages():
        folder, audit = output.stage_folder(stage), output.audit_folder(stage)
        for shard in stage.shards:
            kept_path, dropped_path = (
                storage.join(folder, shard.path),
                storage.join(audit, shard.dropped_path),
            )
            for path, kept in ((kept_path, True), (dropped_path, False)):
                for row in _find(path, [name]):
                    reason = None if kept else f"{row['drop_filter']}/{row['drop_reason']}"
                    other = None if kept else _kept_instead(output, previous, row)
                    lines = _removed_from(audit, shard, row["id"]) if kept else []
                    decisions.append(
                        Decision(
                            stage.source,
                            stage.stage,
                            kept,
                            reason,
                            row,
                            other,
                            _rules(stage),
                            lines,
                        )
                    )
        previous = stage
    if not decisions:
        raise StageError(
            f"no stage of {output.root} has seen a document with the id or URL {name}; "
            f'"pasture audit" lists ids'
        )
    return decisions


def explain_kept(
    output: Output, source: str, ids: Collection[str], shards: Collection[int] | None = None
) -> dict[str, list[Decision]]:
    """Tell what each stage of a source measured of documents that it kept, by id.

    Args:
        output: The output.
        source: Registry name of the source.
        ids: Ids of the documents.
        shards: Numbers of the document shards that hold them; None looks in all.
    """
    found: dict[str, list[Decision]] = {name: [] for name in ids}
    for stage in output.stages():
        for shard in stage.shards if stage.source == source else ():
            if shards is None or shard.index in shards:
                for row in _find(storage.join(output.stage_folder(stage), shard.path), ids):
                    if row["id"] in found:
                        found[row["id"]].append(
                            Decision(source, stage.stage, True, None, row, rules=_rules(stage))
                        )
    return found


def _removed_from(folder: str, shard: ShardRecord, name: str) -> list[dict[str, Any]]:
    """The lines that were removed from a document, named by its id."""
    if not shard.lines_path:
        return []
    return [
        row
        for batch in storage.read_batches(storage.join(folder, shard.lines_path))
        for row in batch.filter(pc.equal(batch["id"], name)).drop_columns("id").to_pylist()
    ]


def _rules(stage: StageManifest) -> Mapping[str, Any]:
    """What a stage was told to do; of an extraction the options, without the list of its files."""
    rules: Mapping[str, Any] = stage.config.get("options", stage.config)
    return rules


def _kept_instead(
    output: Output, searched: StageManifest | None, row: Mapping[str, Any]
) -> str | None:
    """Read the id at the address that a duplicate's metadata names, in the stage searched."""
    address = json.loads(row["metadata"] or "{}").get("duplicate_of")
    if searched is None or address is None or "index" in address:
        return None  # an index holds no ids
    if "source" in address:
        key = documents_key(address["source"], address["stage"])
        searched = StageManifest.load(output.places(key).audit)
    path = storage.join(output.stage_folder(searched), searched.shards[address["shard"]].path)
    (found,) = next(itertools.islice(storage.read_rows(path, ["id"]), address["row"], None))
    return str(found)


def _find(path: str, names: Collection[str]) -> Iterator[dict[str, Any]]:
    """Yield the rows of a shard whose id or URL is among the names."""
    wanted = pa.array(list(names), pa.string())

    def fits(batch: pa.RecordBatch) -> pa.Array:
        return pc.or_(pc.is_in(batch["id"], wanted), pc.is_in(batch["url"], wanted))

    if not any(pc.any(fits(batch)).as_py() for batch in storage.read_batches(path, ["id", "url"])):
        return
    for batch in storage.read_batches(path):
        yield from batch.filter(fits(batch)).to_pylist()


def compare(one: Output, other: Output) -> list[tuple[str, str, int, int]]:
    """Compare two outputs: ``(stage, what, count, count)`` wherever the counts differ."""
    counts: list[dict[tuple[str, str], int]] = []
    for output in (one, other):
        found: dict[tuple[str, str], int] = {}
        for stage in output.stages():
            totals = stage.totals()
            name = f"{stage.source}/{stage.stage}"
            found[name, "records in"] = totals["rows_in"]
            found[name, "kept"] = totals["rows"]
            for group in ("dropped", "edited", "marked"):
                for reason, count in totals[group].items():
                    found[name, f"{group} {reason}"] = count
        counts.append(found)
    first, second = counts
    return [
        (*key, first.get(key, 0), second.get(key, 0))
        for key in sorted({*first, *second})
        if first.get(key, 0) != second.get(key, 0)
    ]


def verify(output: Output) -> Iterator[str]:
    """Yield a line for each thing that is wrong: hashes, rows, schemas, counts between stages.

    Nothing yielded means that every file is what its manifest says, that in = kept + dropped
    holds in every shard, and that each stage took in exactly what the one before kept.
    """
    previous: StageManifest | None = None
    for stage in output.stages():
        folder = output.stage_folder(stage)
        yield from check_stage(folder, output.audit_folder(stage))
        if previous is not None and previous.source == stage.source:
            came, left = stage.totals()["rows_in"], previous.totals()["rows"]
            if came != left:
                yield f"{folder}: {came} rows came in, but {previous.stage} kept {left}"
        previous = stage
    for key in output.manifests():
        if key.startswith(("indexes/", "models/", "tokenizer")):
            for name, digest in output.manifest(key)["files"].items():
                path = storage.join(output.folder(key), name)
                if not storage.exists(path):
                    yield f"{path} is missing"
                elif storage.sha256(path) != digest:
                    yield f"{path} has other bytes than its manifest says"
