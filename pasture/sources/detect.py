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

from pasture import code_languages, storage
from pasture.errors import InputError
from pasture.sources import archives
from pasture.sources.base import Rejected
from pasture.sources.documents.check import sample_rows
from pasture.sources.documents.columns import ColumnMap
from pasture.sources.documents.formats import (
    COMPRESSIONS,
    InputFile,
    format_by_content,
    format_by_name,
    is_no_data,
    split_of,
)
from pasture.sources.documents.lines import TableStyle
from pasture.sources.documents.tables import (
    TableLimits,
    is_text,
    read_arrow,
    read_parquet,
    read_types,
)
from pasture.sources.license_tree import is_license_file

LOOKED_AT = 8
"""So many files of one folder and ending are looked at, before all are; ours."""
MOST_LOOKED_AT = 2000
"""Most files of one folder and ending that are looked at where they differ; ours."""
TEXT_COLUMNS = ("text", "content", "body", "raw_content", "document", "article", "markdown")
"""Usual names of the column of texts, best first."""
MIN_TEXT_CHARACTERS = 200
"""Mean length from which on a column of another name is taken for the texts; ours. Questions,
titles and addresses are shorter."""

_ROWS = 20
_START_BYTES = 64 << 10
_MEMBERS = 20
_ARXIV_MEMBER = re.compile(r"(?:.*/)?(?:\d{4}\.\d{4,5}|[a-z-]+\d{7})\.(?:gz|pdf|tar\.gz)$")
_OTHER_TABLE = re.compile(r"-(?:Badges|Comments|PostHistory|PostLinks|Tags|Users|Votes)\.7z$", re.I)
_CRAWL = re.compile(r"\.(?:warc|wet)(?:\.gz)?$|\.warc\.wet(?:\.gz)?$|(?:wet|warc)\.paths(?:\.gz)?$")
_WAT = re.compile(r"\.wat(?:\.gz)?$|wat\.paths(?:\.gz)?$")
_ARCHIVE = re.compile(r"\.(?:tar(?:\.(?:gz|bz2|xz|zst))?|tgz|tbz2?|txz|zip)$", re.I)
_README = re.compile(r"(?:readme|license|licence|copying|provenance|changelog)\b", re.I)
_LIMITS = TableLimits(row_bytes=64 << 20, batch_bytes=1 << 28, row_group_bytes=1 << 40)


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


@dataclasses.dataclass(frozen=True, slots=True)
class _Verdict:
    """What a file is; without a kind it is left out."""

    kind: str | None
    why: str
    options: tuple[tuple[str, str], ...] = ()
    folder: str = ""
    """The folder that is the input, where not the file by itself is."""


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


def _verdicts(root: str, sizes: Mapping[str, int]) -> dict[str, _Verdict]:
    """Judge every file, by its folder where that is one of a kind."""
    verdicts: dict[str, _Verdict] = {}
    groups: dict[tuple[str, str], list[str]] = {}
    folders = _special_folders(sizes)
    every = {folder for path in sizes for folder in _ancestors(path)}
    dolma = {f for f in every if re.sub(r"attributes/$", "documents/", f) in every - {f}}
    for path in sizes:
        owner = next((folder for folder in _ancestors(path) if folder in folders), None)
        if owner is not None:
            verdicts[path] = folders[owner]
        elif any(is_no_data(part) for part in path.split("/")):
            verdicts[path] = _Verdict(None, "a hidden file, or one that describes others")
        elif dolma.intersection(_ancestors(path)):
            verdicts[path] = _Verdict(None, "attributes of dolma, not documents")
        else:
            groups.setdefault((path.rpartition("/")[0], ending(path)), []).append(path)
    for paths in groups.values():
        verdicts.update(_judge_group(root, sizes, paths))
    return {path: verdicts[path] for path in sizes}


def _judge_group(root: str, sizes: Mapping[str, int], paths: Sequence[str]) -> dict[str, _Verdict]:
    """Judge files of one folder and ending: some of them, and all where these differ."""
    step = max(len(paths) // LOOKED_AT, 1)
    seen = {path: _judge(root, path, sizes[path]) for path in paths[::step][:LOOKED_AT]}
    if len(set(seen.values())) == 1:
        return dict.fromkeys(paths, next(iter(seen.values())))
    for path in paths[:MOST_LOOKED_AT]:
        seen.setdefault(path, _judge(root, path, sizes[path]))
    rest = _Verdict(None, f"not looked at: {len(paths):,} files of many kinds in one folder")
    return {path: seen.get(path, rest) for path in paths}


def _special_folders(sizes: Mapping[str, int]) -> dict[str, _Verdict]:
    """Find the folders that are an input as a whole: datasets and repositories."""
    found: dict[str, _Verdict] = {}
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
            found[folder] = _Verdict("documents", why, (("split", split),), name)
        elif "state.json" in inner and "dataset_info.json" in inner:
            found[folder] = _Verdict("documents", "a dataset saved to disk", (), name)
        elif _is_repository(inner):
            found[folder] = _Verdict("github", "a repository with a licence file", (), name)
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


def ending(path: str) -> str:
    """Return the end of a file's name that tells its format, with that of its compression."""
    name = path.rsplit("/", 1)[-1].lower()
    last = next((suffix for suffix in COMPRESSIONS if name.endswith(suffix)), "")
    stem = name.removesuffix(last)
    for known in (".warc.wet", ".warc.wat"):
        if stem.endswith(known):
            return known + last
    dot = stem.rfind(".")
    inner = stem[dot:] if dot > 0 else ""
    return (inner if re.fullmatch(r"\.[a-z0-9]{1,12}", inner) else "") + last


def _judge(root: str, path: str, size: int) -> _Verdict:
    """Judge one file."""
    name = path.rsplit("/", 1)[-1]
    if _WAT.search(name):
        return _Verdict(None, "WAT: a crawl's metadata, not its text")
    if _CRAWL.search(name):
        return _Verdict("common_crawl", "the name of a crawl's file")
    if "multistream-index" in name:
        return _Verdict(None, "the index of a Wikipedia dump, not its text")
    if "pages-articles" in name or "pages-meta-current" in name:
        return _Verdict("wikipedia", "the name of a Wikipedia dump")
    if name.lower().endswith(".7z"):
        if _OTHER_TABLE.search(name):
            return _Verdict(None, "a table of a StackExchange dump that has no posts")
        return _Verdict("stackexchange", "a 7z archive, as StackExchange's dump has them")
    if name.startswith("arXiv_src"):
        return _Verdict("arxiv", "the name of a bulk archive of arXiv")
    if _ARCHIVE.search(name):
        return _judge_archive(root + path)
    return _judge_content(root + path, size)


def _judge_archive(path: str) -> _Verdict:
    names = []
    limits = archives.Limits(member_bytes=1 << 20, total_bytes=256 << 20)
    for member in itertools.islice(archives.read_members(path, limits), _MEMBERS):
        if isinstance(member, Rejected):
            if member.kind == "bad_file":
                break
            names.append(member.locator.removeprefix(f"{path}:"))
        else:
            names.append(member.name)
    if not names:
        return _Verdict(None, "an archive that cannot be read, or is empty")
    if any(_ARXIV_MEMBER.fullmatch(name) for name in names):
        return _Verdict("arxiv", "an archive of submissions named as arXiv names them")
    if all(name.lower().endswith((".txt", ".htm", ".html")) for name in names):
        return _Verdict("books", "an archive of text files")
    if any(is_license_file(n) or code_languages.detect(n, "") is not None for n in names):
        return _Verdict("github", "an archive of source files")
    return _Verdict(None, f"an archive of files of no known kind, such as {names[0][:100]}")


def _judge_content(path: str, size: int) -> _Verdict:
    with storage.open_read(path) as stream:
        try:
            start = archives.decompress(stream).read(_START_BYTES)
        except archives.DAMAGED:
            return _Verdict(None, "a damaged file")
    if not start.strip():
        return _Verdict(None, "an empty file")
    if start.startswith(b"WARC/"):
        return _Verdict("common_crawl", "WARC records")
    if b"<mediawiki" in start[:2000]:
        return _Verdict("wikipedia", "a MediaWiki export")
    if b"<posts>" in start[:2000]:
        return _Verdict("stackexchange", "the posts of a StackExchange site")
    kind = format_by_name(path) or format_by_content(path)
    if kind == "text" and _README.match(path.rsplit("/", 1)[-1]):
        return _Verdict(None, "text that describes the files beside it")
    if kind is None:
        return _Verdict(None, "no known format")
    if kind != "text":
        return _judge_rows(InputFile(path, size, kind))
    if b"\0" in start:
        return _Verdict(None, "binary data under a text file's name")
    if b"project gutenberg" in start.lower():
        return _Verdict("books", "a text of Project Gutenberg")
    return _Verdict("documents", "text files")


def _judge_rows(file: InputFile) -> _Verdict:
    """Judge a file of rows by its columns."""
    try:
        rows = _first_rows(file)
    except InputError:
        return _Verdict(None, "one JSON array; write its elements one a line")
    names = list(dict.fromkeys(name for row in rows for name in row))
    if not names:
        return _Verdict(None, "no row that can be read")
    if file.format == "jsonl":
        if {"repo_name", "path", "content"} <= set(names):
            return _Verdict("github", "rows with repo_name, path and content")
        if set(names) == {"text", "timestamp", "url"}:
            return _Verdict("c4", "rows with text, timestamp and url, as C4 has them")
    column = _text_column(rows, names)
    if column is None:
        listed = ", ".join(sorted(names))[:200]
        return _Verdict(None, f"rows without a column of texts; there are {listed}")
    if column == "text":
        return _Verdict("documents", "rows with a column text")
    return _Verdict("documents", f"rows with texts in {column}", (("column_map.text", column),))


def _first_rows(file: InputFile) -> list[dict[str, Any]]:
    if file.format in ("jsonl", "csv", "tsv"):
        return sample_rows(file, TableStyle())
    types = read_types(file.path, file.format) or {}
    strings = [name for name, kind in types.items() if is_text(kind)]
    if not strings:
        return [dict.fromkeys(types)] if types else []
    columns = ColumnMap({"text": strings[0]})
    read = read_parquet if file.format == "parquet" else read_arrow
    records = itertools.islice(read(file.path, columns, _LIMITS), _ROWS)
    rows = [row for _, row in records if not isinstance(row, Rejected)]
    # A file without rows has columns all the same.
    return rows or [dict.fromkeys(strings, "")]


def _text_column(rows: Sequence[Mapping[str, Any]], names: Sequence[str]) -> str | None:
    """Guess the column of texts: one of a usual name, or that of the longest strings."""
    lengths: collections.Counter[str] = collections.Counter()
    for row in rows:
        for name, value in row.items():
            if isinstance(value, (str, bytes)):
                lengths[name] += len(value)
            elif value is not None:
                lengths[name] -= MIN_TEXT_CHARACTERS * len(rows)  # no column of strings
    for name in TEXT_COLUMNS:
        if name in names and lengths[name] >= 0:
            return name
    if not lengths:
        return None
    name, total = max(lengths.items(), key=lambda item: (item[1], item[0]))
    return name if total >= MIN_TEXT_CHARACTERS * len(rows) else None


def _skip_doubles(verdicts: dict[str, _Verdict]) -> None:
    """Leave out what would be read twice, READMEs beside rows, and the held-out splits."""
    for path, verdict in list(verdicts.items()):
        wet = re.sub(r"\.warc(\.gz)?$", r".warc.wet\1", path)
        if verdict.kind == "common_crawl" and wet != path and wet in verdicts:
            verdicts[path] = _Verdict(None, "the pages of the WET file beside it")
    rows = [p for p, v in verdicts.items() if v.kind == "documents" and not v.folder]
    trees = {_top(path) for path in rows if format_by_name(path) != "text"}
    splits: dict[str, set[str]] = collections.defaultdict(set)
    for path in rows:
        splits[_top(path)].add(split_of(path) or "")
    for path in rows:
        top, split = _top(path), split_of(path)
        if format_by_name(path) == "text":
            if top in trees:
                verdicts[path] = _Verdict(None, "text that describes the files beside it")
        elif split in ("test", "validation") and "train" in splits[top]:
            verdicts[path] = _Verdict(None, f"the split {split} of a dataset")


def _propose(
    root: str, sizes: Mapping[str, int], verdicts: Mapping[str, _Verdict]
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


def _patterns(root: str, paths: Sequence[str], verdicts: Mapping[str, _Verdict]) -> list[str]:
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


def _summarize_skipped(verdicts: Mapping[str, _Verdict]) -> list[Skipped]:
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
