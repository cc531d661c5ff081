"""Which source reads the files of a folder: a proposal for a recipe, made without reading much.

Files are told by their names where these say enough, and by their first bytes, members or rows
else. Of many files of one ending in one folder only some are looked at, unless these differ.
"""

from __future__ import annotations

import collections
import dataclasses
import glob as glob_patterns
import itertools
import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from pasture import storage
from pasture.errors import InputError
from pasture.sources.documents.formats import format_by_name, is_no_data, split_of
from pasture.sources.file_kinds import Verdict, ending, judge_file
from pasture.sources.github.license_tree import is_license_file
from pasture.text import code_languages

LOOKED_AT = 8
"""So many files of one folder and ending are looked at, before all are; ours."""
MOST_LOOKED_AT = 2000
"""Most files of one folder and ending that are looked at where they differ; ours."""


@dataclasses.dataclass(frozen=True, slots=True)
class Proposal:
    """Files that one source may read.

    Args:
        name: A name for the source in a recipe, unique among the proposals.
        kind: The kind of source.
        inputs: Patterns relative to the folder; together they match these files and no others.
        options: Options that the files need, such as a column map.
        files: How many files these are.
        bytes: Their size.
        why: What told the kind, in a few words.
    """

    name: str
    kind: str
    inputs: tuple[str, ...]
    options: Mapping[str, Any]
    files: int
    bytes: int
    why: str


@dataclasses.dataclass(frozen=True, slots=True)
class Skipped:
    """Files that no source reads, or that none should.

    Args:
        path: Their common pattern, relative to the folder, or the one file.
        files: How many files these are.
        why: Why they are left out.
    """

    path: str
    files: int
    why: str


@dataclasses.dataclass(frozen=True, slots=True)
class Findings:
    """What there is in a folder.

    Args:
        proposals: The sources, sorted by name.
        skipped: What is left out, sorted by path.
    """

    proposals: tuple[Proposal, ...]
    skipped: tuple[Skipped, ...]


def propose_sources(folder: str) -> Findings:
    """Look into a folder of raw files; tell which source reads which of them.

    Raises:
        InputError: The folder is not there, or holds no file.
        StorageError: It cannot be read.
    """
    root = storage.absolute(folder).rstrip("/") + "/"
    listed = storage.list_tree(root) if storage.exists(root) else []
    if not listed:
        raise InputError(f"{folder} is no folder, or holds no file")
    sizes = {path.removeprefix(root): size for path, size in listed}
    verdicts = _verdicts(root, sizes)
    _skip_doubles(verdicts)
    return Findings(tuple(_propose(root, sizes, verdicts)), tuple(_summarize_skipped(verdicts)))


def _verdicts(root: str, sizes: Mapping[str, int]) -> dict[str, Verdict]:
    """Judge every file, by its folder where that is one of a kind."""
    verdicts: dict[str, Verdict] = {}
    groups: dict[tuple[str, str], list[str]] = {}
    folders = _special_folders(sizes)
    every = {folder for path in sizes for folder in _ancestors(path)}
    named = (folder for folder in every if f"/{folder}".endswith("/attributes/"))
    dolma = {f for f in named if f"{f.removesuffix('attributes/')}documents/" in every}
    for path in sizes:
        owner = next((folder for folder in _ancestors(path) if folder in folders), None)
        if owner is not None:
            verdicts[path] = folders[owner]
        elif any(is_no_data(part) for part in path.split("/")):
            verdicts[path] = Verdict(None, "a hidden file, or one that describes others")
        elif dolma.intersection(_ancestors(path)):
            verdicts[path] = Verdict(None, "attributes of dolma, not documents")
        else:
            groups.setdefault((path.rpartition("/")[0], ending(path)), []).append(path)
    for paths in groups.values():
        verdicts.update(_judge_group(root, sizes, paths))
    return {path: verdicts[path] for path in sizes}


def _judge_group(root: str, sizes: Mapping[str, int], paths: Sequence[str]) -> dict[str, Verdict]:
    """Judge files of one folder and ending: some of them, and all where these differ."""
    step = max(len(paths) // LOOKED_AT, 1)
    seen = {path: judge_file(root + path, sizes[path]) for path in paths[::step][:LOOKED_AT]}
    if len(set(seen.values())) == 1:
        return dict.fromkeys(paths, next(iter(seen.values())))
    for path in paths[:MOST_LOOKED_AT]:
        seen.setdefault(path, judge_file(root + path, sizes[path]))
    rest = Verdict(None, f"not looked at: {len(paths):,} files of many kinds in one folder")
    return {path: seen.get(path, rest) for path in paths}


def _special_folders(sizes: Mapping[str, int]) -> dict[str, Verdict]:
    """Find the folders that are an input as a whole: datasets and repositories."""
    found: dict[str, Verdict] = {}
    below: dict[str, list[str]] = collections.defaultdict(list)
    for path in sizes:
        for folder in _ancestors(path):
            below[folder].append(path.removeprefix(folder))
    for folder in sorted(below, key=lambda name: (name.count("/"), name)):
        if any(owner in found for owner in _ancestors(folder.rstrip("/"))):
            continue
        inner = below[folder]
        name = folder.rstrip("/") or "."
        if "dataset_dict.json" in inner:
            splits = sorted({path.split("/")[0] for path in inner if path.endswith("/state.json")})
            split = "train" if "train" in splits or not splits else splits[0]
            why = f"a dataset saved to disk, with the splits {', '.join(splits)}"
            found[folder] = Verdict("documents", why, (("split", split),), name)
        elif "state.json" in inner and "dataset_info.json" in inner:
            found[folder] = Verdict("documents", "a dataset saved to disk", (), name)
        # A licence beside everything says nothing of what lies in the folders.
        elif (folder or ".git/HEAD" in inner) and _is_repository(inner):
            found[folder] = Verdict("github", "a repository with a licence file", (), name)
    return found


def _is_repository(inner: Sequence[str]) -> bool:
    """Tell whether a folder is a repository of code, and not one of data."""
    has_license = any(is_license_file(path) for path in inner if "/" not in path)
    if not has_license and not any(path.startswith(".git/") for path in inner):
        return False
    rows = (path for path in inner if format_by_name(path) in ("parquet", "arrow", "jsonl"))
    if any(not path.endswith(".json") for path in rows):
        return False
    return any(
        code_languages.KINDS.get(language, "data") != "data"
        for path in inner
        if (language := code_languages.detect(path, "")) is not None
    )


def _ancestors(path: str) -> list[str]:
    """List the folders that hold a file, from the root, which is empty, down."""
    parts = path.split("/")[:-1]
    return ["", *(f"{'/'.join(parts[:depth])}/" for depth in range(1, len(parts) + 1))]


def _top(path: str) -> str:
    """Return the first folder of a path, which is empty for a file of the root."""
    return path.partition("/")[0] if "/" in path else ""


def _skip_doubles(verdicts: dict[str, Verdict]) -> None:
    """Leave out what would be read twice, READMEs beside rows, and the held-out splits."""
    for path, verdict in list(verdicts.items()):
        wet = re.sub(r"\.warc(\.gz)?$", r".warc.wet\1", path)
        if verdict.kind == "common_crawl" and wet != path and wet in verdicts:
            verdicts[path] = Verdict(None, "the pages of the WET file beside it")
    rows = [p for p, v in verdicts.items() if v.kind == "documents" and not v.folder]
    trees = {_top(path) for path in rows if format_by_name(path) != "text"}
    splits: dict[str, set[str]] = collections.defaultdict(set)
    for path in rows:
        splits[_top(path)].add(split_of(path) or "")
    for path in rows:
        top, split = _top(path), split_of(path)
        if format_by_name(path) == "text":
            if top in trees:
                verdicts[path] = Verdict(None, "text that describes the files beside it")
        elif split in ("test", "validation") and "train" in splits[top]:
            verdicts[path] = Verdict(None, f"the split {split} of a dataset")


def _propose(
    root: str, sizes: Mapping[str, int], verdicts: Mapping[str, Verdict]
) -> list[Proposal]:
    groups: dict[tuple[str, str, tuple[tuple[str, str], ...]], list[str]] = {}
    for path, verdict in verdicts.items():
        if verdict.kind:
            groups.setdefault((verdict.kind, _top(path), verdict.options), []).append(path)
    kinds = collections.Counter(kind for kind, _, _ in groups)
    proposals: list[Proposal] = []
    for (kind, top, options), paths in groups.items():
        is_own = kind == "documents" or kinds[kind] > 1
        wanted = re.sub(r"[^a-z0-9]+", "_", top.lower()).strip("_") if is_own else kind
        taken = {proposal.name for proposal in proposals} | (set(kinds) - {kind})
        names = (f"{wanted or kind}_{n}" if n > 1 else wanted or kind for n in itertools.count(1))
        proposals.append(
            Proposal(
                name=next(name for name in names if name not in taken),
                kind=kind,
                inputs=tuple(_patterns(root, paths, verdicts)),
                options=_options(options),
                files=len(paths),
                bytes=sum(sizes[path] for path in paths),
                why=", ".join(dict.fromkeys(verdicts[path].why for path in paths)),
            )
        )
    return sorted(proposals, key=lambda proposal: proposal.name)


def _options(pairs: Iterable[tuple[str, str]]) -> dict[str, Any]:
    options: dict[str, Any] = {}
    for key, value in pairs:
        outer, dot, inner = key.partition(".")
        options[outer] = {inner: value} if dot else value
    return options


def _patterns(root: str, paths: Sequence[str], verdicts: Mapping[str, Verdict]) -> list[str]:
    """Find patterns that match the files of a proposal, and no others."""
    folders = sorted({verdicts[path].folder for path in paths if verdicts[path].folder})
    parent = folders[0].rpartition("/")[0] if folders else ""
    below = {path for path in verdicts if path.startswith(f"{parent}/")}
    if len(folders) > 1 and parent and below == set(paths):
        return [f"{glob_patterns.escape(parent)}/*"]
    found = [glob_patterns.escape(folder) for folder in folders]
    single = [path for path in paths if not verdicts[path].folder]
    allowed = set(single)
    by_ending: dict[str, list[str]] = {}
    for path in single:
        by_ending.setdefault(ending(path), []).append(path)
    for suffix, group in sorted(by_ending.items()):
        found += _cover(root, group, suffix, allowed)
    return found


def _cover(root: str, paths: Sequence[str], suffix: str, allowed: set[str]) -> list[str]:
    """Cover files of one ending: by one pattern, else one a folder, else by their names."""
    escape = glob_patterns.escape
    if len(paths) == 1:
        return [escape(paths[0])]
    folders = sorted({path.rpartition("/")[0] for path in paths})
    if len(folders) == 1:
        names = [path.rsplit("/", 1)[-1] for path in paths]
        prefix = _common_prefix(names)
        before = f"{escape(folders[0])}/" if folders[0] else ""
        tried = [f"{before}*{suffix}", f"{before}{escape(prefix)}*{suffix}"]
    else:
        shared = "/".join(_common_prefix([folder.split("/") for folder in folders]))
        before = f"{escape(shared)}/" if shared else ""
        tried = [f"{before}*/*{suffix}", f"{before}**/*{suffix}"]
    for pattern in tried:
        matched = {path.removeprefix(root) for path, _ in storage.glob(escape(root) + pattern)}
        if set(paths) <= matched <= allowed:
            return [pattern]
    if len(folders) == 1:
        return [escape(path) for path in paths]
    parts = [[p for p in paths if p.rpartition("/")[0] == folder] for folder in folders]
    return [pattern for part in parts for pattern in _cover(root, part, suffix, allowed)]


def _common_prefix(values: Sequence[Any]) -> Any:
    """Return the longest start that all strings, or all lists, share."""
    least, most = min(values), max(values)
    pairs = itertools.takewhile(lambda pair: pair[0] == pair[1], zip(least, most, strict=False))
    length = sum(1 for _ in pairs)
    return least[:length]


def _summarize_skipped(verdicts: Mapping[str, Verdict]) -> list[Skipped]:
    groups: dict[tuple[str, str, str], list[str]] = {}
    for path, verdict in verdicts.items():
        if verdict.kind is None:
            key = (path.rpartition("/")[0], ending(path), verdict.why)
            groups.setdefault(key, []).append(path)
    return sorted(
        (
            Skipped(
                paths[0] if len(paths) == 1 else f"{folder}/*{suffix}".lstrip("/"), len(paths), why
            )
            for (folder, suffix, why), paths in groups.items()
        ),
        key=lambda skipped: (skipped.path, skipped.why),
    )
