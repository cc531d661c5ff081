"""The files of an input: which there are, which format each has, and what each is called.

A format is told by the end of a file's name, before that of its compression, and by the file's
first bytes where the name does not tell it.
"""

from __future__ import annotations

import dataclasses
import fnmatch
import glob as glob_patterns
import itertools
import re
from collections.abc import Iterable, Sequence
from typing import Literal

from pasture import storage
from pasture.errors import ConfigError, InputError
from pasture.sources.containers import archives, compression

Format = Literal["jsonl", "parquet", "arrow", "csv", "tsv", "text"]

SUFFIXES: dict[str, Format] = {
    **dict.fromkeys((".jsonl", ".json", ".ndjson", ".jsonlines"), "jsonl"),
    **dict.fromkeys((".parquet", ".pq"), "parquet"),
    **dict.fromkeys((".arrow", ".arrows", ".feather", ".ipc"), "arrow"),
    ".csv": "csv",
    **dict.fromkeys((".tsv", ".tab"), "tsv"),
    **dict.fromkeys((".txt", ".text", ".md", ".markdown", ".rst"), "text"),
}
"""Formats by the end of the name, in lower case."""
COMPRESSIONS = (".gz", ".zst", ".zstd", ".bz2", ".xz")

NO_DATA = (
    *(".*", "_*", "cache-*.arrow", "tmp*.arrow", "indices*.arrow"),
    *("dataset_info.json", "dataset_infos.json", "dataset_dict.json", "state.json"),
    *("MANIFEST.json", "stats.json", "dropped-*-of-*.parquet", "lines-*-of-*.parquet"),
)
"""Files of a folder that hold no documents: hidden ones, and what `datasets`, datatrove and
Pasture write beside their data."""

MAGIC_BYTES = 4096
_SPLITS = {
    "train": ("train", "training"),
    "validation": ("validation", "valid", "val", "dev"),
    "test": ("test", "testing", "eval", "evaluation"),
}
_SPLIT = re.compile(
    r"(?:^|[-_./ ])(?:(train(?:ing)?)|(valid(?:ation)?|val|dev)|(test(?:ing)?|eval(?:uation)?))"
    r"(?=[-_./ ]|\d*(?:[-_./ ]|$))"
)


@dataclasses.dataclass(frozen=True, slots=True)
class InputFile:
    """A file of documents.

    Args:
        path: Where it is.
        bytes: Its size.
        format: Its format.
    """

    path: str
    bytes: int
    format: Format


def format_by_name(path: str) -> Format | None:
    """Tell the format by a file's name."""
    name = path.rsplit("/", 1)[-1].lower()
    for ending in COMPRESSIONS:
        name = name.removesuffix(ending)
    return next((kind for suffix, kind in SUFFIXES.items() if name.endswith(suffix)), None)


def tell_format(path: str) -> Format | None:
    """Tell the format of a file by its name, or else by its first bytes."""
    return format_by_name(path) or format_by_content(path)


def format_by_content(path: str) -> Format | None:
    """Tell the format by a file's first bytes; text and CSV look like nothing in particular."""
    with storage.open_read(path) as stream:
        try:
            start = compression.decompress(stream).read(MAGIC_BYTES)
        except archives.DAMAGED:
            return None
    if start.startswith(b"PAR1"):
        return "parquet"
    if start.startswith((b"ARROW1\0\0", b"\xff\xff\xff\xff")):
        return "arrow"
    return "jsonl" if start.removeprefix(b"\xef\xbb\xbf").lstrip().startswith(b"{") else None


def list_files(
    patterns: Sequence[str], whose: str, given: Format | None, split: str
) -> list[InputFile]:
    """List the files of documents, sorted by path; each once.

    Args:
        patterns: Files, patterns and folders.
        whose: The source's name, for errors.
        given: The format of all files, where the user has said so.
        split: The split of a dataset that is wanted; empty where there is one only.

    Raises:
        InputError: An input matches nothing, or a file's format cannot be told.
        ConfigError: A folder has several splits, and none is named.
    """
    found: dict[str, InputFile] = {}
    for pattern in patterns:
        listed = storage.glob(pattern)
        folders = [] if listed else find_folders(pattern)
        if not listed and not folders:
            raise storage.no_match(pattern, whose)
        files = _with_formats(listed, given, whose)
        for folder in folders:
            files += _read_folder(folder, given, split, whose)
        found.update({file.path: file for file in files})
    return [found[path] for path in sorted(found)]


def find_folders(pattern: str) -> list[str]:
    """List the folders that match a pattern, or the one folder that it names, sorted."""
    fs, inner = storage.file_system(pattern)
    if any(mark in inner for mark in "*?["):
        listed = fs.glob(inner, detail=True).values()
    else:
        listed = [fs.info(inner)] if fs.exists(inner) else []
    names = [info["name"].rstrip("/") for info in listed if info["type"] == "directory"]
    return sorted(map(fs.unstrip_protocol, names) if storage.is_url(pattern) else names)


def folder_pattern(folder: str) -> str:
    """Return the pattern of all files below a folder."""
    return glob_patterns.escape(folder.rstrip("/")) + "/**"


def base_folder(patterns: Sequence[str]) -> str:
    """Return the deepest folder that holds all inputs, with a slash at its end.

    It goes by the patterns alone, up to their first wildcards, so every worker finds the same one.
    """
    folders = []
    for pattern in patterns:
        path = pattern if storage.is_url(pattern) else storage.file_system(pattern)[1]
        fixed = re.split(r"[*?\[]", path.rstrip("/"), maxsplit=1)[0]
        folders.append(fixed.split("/")[:-1])
    shared = [
        parts[0]
        for parts in itertools.takewhile(
            lambda parts: len(set(parts)) == 1, zip(*folders, strict=False)
        )
    ]
    return "".join(f"{part}/" for part in shared)


def _with_formats(
    files: Iterable[tuple[str, int]], given: Format | None, whose: str
) -> list[InputFile]:
    """Tell the formats of files that a pattern names; text beside data is no document."""
    found: list[InputFile] = []
    for path, size in files:
        kind = given or tell_format(path)
        if kind is None:
            raise InputError(
                f"{whose}: the format of {path} cannot be told by its name or its first bytes; "
                f"leave it out of the inputs, or set options.format"
            )
        found.append(InputFile(path, size, kind))
    return found if given else _without_readmes(found)


def _read_folder(folder: str, given: Format | None, split: str, whose: str) -> list[InputFile]:
    """List the documents of a folder: a dataset's, dolma's, or a tree of data or text files."""
    root = folder.rstrip("/") + "/"
    listed = [
        (path, size)
        for path, size in storage.list_tree(folder)
        if not any(is_no_data(part) for part in path.removeprefix(root).split("/"))
    ]
    if any(path.startswith(f"{root}documents/") for path, _ in listed):  # dolma's layout
        listed = [item for item in listed if not item[0].startswith(f"{root}attributes/")]
    found = []
    for path, size in listed:
        kind = given or format_by_name(path)
        if kind is not None:
            found.append(InputFile(path, size, kind))
    found = found if given else _without_readmes(found)
    if not found:
        raise InputError(
            f"{whose}: the folder {folder} holds no file of a known format "
            f"({', '.join(SUFFIXES)}); name the files by a pattern, and set options.format"
        )
    return _of_split(found, root, split, whose)


def is_no_data(name: str) -> bool:
    """Tell whether a file or folder of this name holds no documents."""
    return any(fnmatch.fnmatchcase(name, pattern) for pattern in NO_DATA)


def _without_readmes(files: list[InputFile]) -> list[InputFile]:
    """Leave out text files that lie among files of rows: they describe them."""
    rows = [file for file in files if file.format != "text"]
    return rows or files


def split_of(path: str) -> str | None:
    """Tell the split of a file of a dataset by its path in it, as the Hub's libraries do."""
    matches = list(_SPLIT.finditer(path.lower()))
    if not matches:
        return None
    return [*_SPLITS][next(i for i, group in enumerate(matches[-1].groups()) if group)]


def _of_split(files: list[InputFile], root: str, split: str, whose: str) -> list[InputFile]:
    """Keep the files of the wanted split."""
    if files[0].format == "text":
        return files
    is_dictionary = storage.exists(f"{root}dataset_dict.json")
    splits: dict[str, list[InputFile]] = {}
    for file in files:
        inner = file.path.removeprefix(root)
        name = inner.split("/")[0] if is_dictionary else split_of(inner)
        splits.setdefault(name or "train", []).append(file)
    if split == "all" or (not split and len(splits) == 1):
        return files
    if not split:
        raise ConfigError(
            f"{whose}: the folder {root} holds several splits ({', '.join(sorted(splits))}); set "
            f"options.split to one of them or to all, or name its files by a pattern"
        )
    if split not in splits:
        raise ConfigError(
            f"{whose}: options.split: the folder {root} has no split {split!r}; it has "
            f"{', '.join(sorted(splits))}"
        )
    return splits[split]
