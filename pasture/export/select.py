"""Choosing what is exported: which stage of which source, or its tokens."""

from __future__ import annotations

import collections
from collections.abc import Mapping, Sequence
from typing import Any

from pasture import config, storage
from pasture.errors import ConfigError
from pasture.export.base import Exporter, Kind, Selection, Shard
from pasture.manifests.layout import documents_key
from pasture.manifests.outputs import Output
from pasture.manifests.shards import StageManifest, manifest_digest

LAST, TOKENS = "documents", "tokens"
SPLITS = ("train", "validation")


def select(
    output: Output, exporter: Exporter, sources: Sequence[str] = (), stages: Sequence[str] = ()
) -> Selection:
    """Choose the shards that are exported.

    Args:
        output: The output of a run.
        exporter: The format.
        sources: The sources; all of them where none is named.
        stages: ``documents`` for the last stage of each source, ``tokens``, names of stages
            (``20-exact``), or a source's stage (``c4/20-exact``), one for each source. Where none
            is named, ``documents`` or ``tokens``, by what the format is for.

    Raises:
        ConfigError: There is no such source or stage, or the format does not hold it.
    """
    wanted = list(stages) or [LAST if exporter.kinds[0] == "documents" else TOKENS]
    kind: Kind = "tokens" if TOKENS in wanted else "documents"
    if kind == "tokens" and len(wanted) > 1:
        raise ConfigError("--stage tokens cannot be combined with another stage")
    if kind not in exporter.kinds:
        raise ConfigError(
            f"the format {exporter.name} holds {exporter.kinds[0]}, not {kind}; choose another "
            f"--stage or another --format"
        )
    selection = (
        _tokens(output, sources) if kind == "tokens" else _documents(output, sources, wanted)
    )
    if not any(shard.rows for shard in selection.shards):
        raise ConfigError(f"{output.root}: there is no document to export")
    return selection


def _documents(output: Output, sources: Sequence[str], wanted: Sequence[str]) -> Selection:
    finished: dict[str, dict[str, StageManifest]] = collections.defaultdict(dict)
    for stage in output.stages():
        finished[stage.source][stage.stage] = stage
    named = [config.one_of(name, finished, "--source", "source") for name in sources]
    chosen: dict[str, StageManifest] = {}
    for name in wanted:
        for stage in _fitting(finished, named, name):
            if chosen.setdefault(stage.source, stage) != stage:
                raise ConfigError(
                    f"--stage: {chosen[stage.source].stage} and {stage.stage} are both of "
                    f"{stage.source}; export one after the other"
                )
    found = [chosen[source] for source in finished if source in chosen]
    shards = [
        Shard(
            stage.source,
            stage.stage,
            "",
            shard.index,
            storage.join(output.stage_folder(stage), shard.path),
            shard.rows,
            shard.sha256,
        )
        for stage in found
        for shard in stage.shards
    ]
    upstream = {
        documents_key(stage.source, stage.stage): manifest_digest(output.audit_folder(stage))
        for stage in found
    }
    return Selection(output, "documents", tuple(shards), upstream, tuple(found))


def _fitting(
    finished: Mapping[str, Mapping[str, StageManifest]], sources: Sequence[str], name: str
) -> list[StageManifest]:
    """Return the stages that a name given by the user means."""
    source, _, stage = name.rpartition("/")
    if source:
        config.one_of(source, finished, "--stage", "source")
        if sources and source not in sources:
            raise ConfigError(f"--stage {name} is not of --source {', '.join(sources)}")
        return [finished[source][config.one_of(stage, finished[source], "--stage", "stage")]]
    among = {key: stages for key, stages in finished.items() if not sources or key in sources}
    if stage == LAST:
        return [list(stages.values())[-1] for stages in among.values()]
    known = sorted({key for stages in among.values() for key in stages})
    config.one_of(stage, [*known, LAST, TOKENS], "--stage", "stage")
    return [stages[stage] for stages in among.values() if stage in stages]


def _tokens(output: Output, sources: Sequence[str]) -> Selection:
    keys = [key for key in output.manifests() if key.startswith("tokens/")]
    known = [key.split("/")[1] for key in keys]
    if not known:
        raise ConfigError(f'{output.root} holds no tokens; "pasture run" makes them')
    named = {config.one_of(name, known, "--source", "source with tokens") for name in sources}
    found: dict[str, dict[str, Any]] = {
        source: output.manifest(key)
        for source, key in zip(known, keys, strict=True)
        if not named or source in named
    }
    tokenizers = {source: body["tokenizer"] for source, body in found.items()}
    first = next(iter(tokenizers))
    for source, tokenizer in tokenizers.items():
        if tokenizer != tokenizers[first]:
            raise ConfigError(f"{source} and {first} were encoded with different tokenizers")
    shards = [
        Shard(
            source,
            TOKENS,
            split,
            shard["index"],
            storage.join(output.folder(f"tokens/{source}"), shard["path"]),
            shard["rows"],
            shard["sha256"],
            shard["tokens"],
        )
        for source, body in found.items()
        for split in SPLITS
        for shard in body["shards"]
        if shard["split"] == split
    ]
    upstream = {
        f"tokens/{source}": manifest_digest(output.places(f"tokens/{source}").audit)
        for source in found
    }
    return Selection(output, "tokens", tuple(shards), upstream, (), tokenizers[first])
