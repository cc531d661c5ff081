"""A folder for the Hugging Face Hub: Parquet files and a dataset card.

``datasets.load_dataset(FOLDER)`` opens it without arguments; the name of a source as the second
argument opens that source alone.
"""

from __future__ import annotations

import collections
import dataclasses
from collections.abc import Sequence
from typing import ClassVar, cast

from pasture import storage
from pasture.errors import ConfigError, StageError
from pasture.export.base import Exporter, Kind, Selection, Unit
from pasture.export.card import dataset_card
from pasture.export.files import ExportFiles, FileRecord
from pasture.export.text import copy_shard

COUNTED = ("language", "license")
"""Columns whose values the card counts."""


@dataclasses.dataclass(frozen=True)
class HuggingFace(Exporter):
    """A dataset folder for the Hugging Face Hub, with a dataset card.

    The files are the stage's Parquet files: ``data/SOURCE/train-00000-of-00003.parquet``.

    Args:
        title: Title of the dataset card.
        license: Licence of the dataset as the Hub names it; ``other`` where sources differ.
    """

    name: ClassVar[str] = "huggingface"
    kinds: ClassVar[tuple[Kind, ...]] = ("documents",)

    title: str = "A text corpus made with Pasture"
    license: str = "other"

    def write(self, unit: Unit, files: ExportFiles) -> None:
        """Copy the shard, and count the languages and licences in it."""
        (shard,) = unit.shards
        name = shard.name.replace("documents-", "train-", 1)
        counts: dict[str, collections.Counter[str]] = {
            column: collections.Counter() for column in COUNTED
        }
        for values in storage.read_rows(shard.path, COUNTED):
            for column, value in zip(COUNTED, values, strict=True):
                counts[column][value or ""] += 1
        with files.create(f"data/{shard.source}/{name}.parquet") as file:
            copy_shard(shard, file)
            file.facts.update({key: dict(sorted(found.items())) for key, found in counts.items()})
            file.facts["source"] = shard.source

    def finish(
        self, selection: Selection, records: Sequence[FileRecord], files: ExportFiles
    ) -> None:
        """Write the dataset card, and the recipe of the run."""
        recipe = storage.join(selection.output.root, "recipe.yaml")
        body = b""
        if storage.exists(recipe):
            with storage.open_read(recipe) as stream:
                body = stream.read()
            with files.create("recipe.yaml") as file:
                file.write(body)
        card = dataset_card(
            selection, records, recipe=body.decode(), title=self.title, licence=self.license
        )
        with files.create("README.md") as file:
            file.write(card.encode())


def push(folder: str, repository: str, *, public: bool = False) -> str:
    """Upload a finished dataset folder to the Hugging Face Hub; return its address there.

    Args:
        folder: The local folder.
        repository: ``NAMESPACE/NAME``; it is made where there is none.
        public: Make a new repository public. Without it a new one is private.

    Raises:
        ConfigError: The folder is remote, or the library is not installed.
        StageError: The user is not logged in, or the Hub refuses the upload.
    """
    if storage.is_url(folder):
        raise ConfigError("--push uploads from a local folder; give one with --to")
    try:
        import huggingface_hub
        from huggingface_hub.errors import HfHubHTTPError, LocalTokenNotFoundError
    except ImportError as error:
        raise ConfigError("--push needs huggingface_hub: pip install 'pasture[export]'") from error
    # The bases are the errors of the library's HTTP client, which differs between versions.
    bases = cast(tuple[type[Exception], ...], HfHubHTTPError.__bases__)
    refused: tuple[type[Exception], ...] = (*bases, OSError, ValueError)
    hub = huggingface_hub.HfApi(library_name="pasture")
    try:
        hub.whoami()
        hub.create_repo(repository, repo_type="dataset", private=not public, exist_ok=True)
        done = hub.upload_folder(
            folder_path=folder,
            repo_id=repository,
            repo_type="dataset",
            commit_message="Upload a corpus made with Pasture",
        )
    except LocalTokenNotFoundError as error:
        raise StageError('not logged in to the Hugging Face Hub; run "hf auth login"') from error
    except refused as error:
        reason = str(error).partition("\n")[0]
        raise StageError(f"the Hugging Face Hub did not take {repository}: {reason}") from error
    return str(done)
