"""Model files, found and brought to where the libraries can open them: on a local disk."""

from __future__ import annotations

import functools
import hashlib
import os
import pathlib
import shutil
import tempfile
import uuid

from pasture import storage
from pasture.errors import ModelError


@functools.lru_cache(maxsize=256)
def local_copy(path: str) -> str:
    """Return a local path for a model file; one in a bucket is copied once to this machine.

    All workers of a machine share the copy. Its name holds the version that the bucket told.
    The answer is remembered, as steps ask for each batch; ``setup`` of a step clears it, so that
    a model that was trained again under the same name is copied again.

    Raises:
        ModelError: There is no such file.
    """
    if not storage.exists(path):
        raise ModelError(f"the model {path} is missing")
    if not storage.is_url(path):
        return path
    fs, inner = storage.file_system(path)
    version = hashlib.sha256(f"{path} {fs.ukey(inner)}".encode()).hexdigest()[:16]
    target = _copies() / f"{version}-{os.path.basename(inner)}"
    if not target.exists():
        partial = target.with_name(f"{target.name}{storage.PARTIAL}{uuid.uuid4().hex[:12]}")
        try:
            with storage.open_read(path) as source, partial.open("wb") as copy:
                shutil.copyfileobj(source, copy, 1 << 20)
            partial.replace(target)
        finally:
            partial.unlink(missing_ok=True)
    return str(target)


def _copies() -> pathlib.Path:
    """The folder of copies. Its name can be guessed, so it must be this user's own."""
    folder = pathlib.Path(tempfile.gettempdir()) / f"pasture-models-{os.getuid()}"
    folder.mkdir(mode=0o700, exist_ok=True)
    if folder.is_symlink() or folder.stat().st_uid != os.getuid():
        raise ModelError(f"{folder} belongs to another user; remove it, or set TMPDIR")
    return folder


def publish(source: pathlib.Path, path: str) -> str:
    """Put a finished local file at its place, local or in a bucket; return its sha256."""
    with source.open("rb") as stream, storage.atomic_write(path) as target:
        shutil.copyfileobj(stream, target, 1 << 20)
    return storage.sha256(path)
