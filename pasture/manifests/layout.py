"""Where the output of a run keeps each stage and model: one function from a key to its places.

A stage of documents has two folders. ``documents/SOURCE/STAGE`` holds its documents and nothing
else, so that any Parquet reader opens it as it is; ``audit/SOURCE/STAGE`` holds its manifest and
the dropped rows and removed lines. Indexes, models, the tokenizer and tokens have one folder.
"""

from __future__ import annotations

import dataclasses

from pasture import storage
from pasture.errors import StageError
from pasture.manifests.shards import MANIFEST

DOCUMENTS, AUDIT = "documents", "audit"
OTHERS = ("indexes/*/*", "models/*", "tokenizer", "tokens/*")
"""Patterns of the keys that have one folder."""


@dataclasses.dataclass(frozen=True)
class Places:
    """The folders of a stage or model.

    Args:
        shards: Folder of the shards, or of a model's files.
        audit: Folder of the manifest and of what was dropped; the same one where the key is not
            a stage of documents.
    """

    shards: str
    audit: str

    @property
    def manifest(self) -> str:
        """The path of the manifest, which exists once the stage or model is finished."""
        return storage.join(self.audit, MANIFEST)

    @property
    def folders(self) -> tuple[str, ...]:
        """The folders, each once; the one with the manifest first."""
        return tuple(dict.fromkeys((self.audit, self.shards)))


def documents_key(source: str, stage: str) -> str:
    """Return the key of a stage of documents, such as ``documents/c4/00-extract``."""
    return f"{DOCUMENTS}/{source}/{stage}"


def places(root: str, key: str) -> Places:
    """Return the places of a stage or model in an output.

    Args:
        root: The output folder.
        key: Key of the stage or model, such as ``documents/c4/00-extract`` or ``models/ngram``.
    """
    kind, *rest = key.split("/")
    shards = storage.join(root, kind, *rest)
    return Places(shards, storage.join(root, AUDIT, *rest) if kind == DOCUMENTS else shards)


def finished_keys(root: str) -> list[str]:
    """List the keys of the finished stages and models of an output, sorted."""
    if not storage.exists(root):
        return []
    stages = [key.partition("/")[2] for key in _folders_with_manifest(root, f"{AUDIT}/*/*")]
    others = [key for pattern in OTHERS for key in _folders_with_manifest(root, pattern)]
    return sorted([*(f"{DOCUMENTS}/{stage}" for stage in stages), *others])


def _folders_with_manifest(root: str, pattern: str) -> list[str]:
    """List the folders below a root that match a pattern and hold a manifest."""
    found = storage.glob(storage.pattern(root, *pattern.split("/"), MANIFEST))
    parts = pattern.count("/") + 1
    return ["/".join(path.split("/")[-parts - 1 : -1]) for path, _ in found]


def check_layout(root: str) -> None:
    """Refuse an output whose manifests lie among the documents, as earlier versions had them.

    Raises:
        StageError: The output has the old layout.
    """
    if not storage.exists(storage.join(root, DOCUMENTS)):
        return
    old = _folders_with_manifest(root, f"{DOCUMENTS}/*/*")
    if old:
        raise StageError(
            f"{root} has the layout of an older version of Pasture, with {MANIFEST} in {old[0]}; "
            f"use a new output folder, or move the {MANIFEST}, dropped-*.parquet and "
            f"lines-*.parquet of each documents/SOURCE/STAGE to audit/SOURCE/STAGE"
        )
