from __future__ import annotations

import pathlib
import uuid

import fsspec
import pytest

from pasture.errors import ModelError
from pasture.filters.model_files import local_copy, publish


@pytest.fixture(autouse=True)
def own_copies(tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    local_copy.cache_clear()


def test_a_local_file_is_used_where_it_is(tmp_path: pathlib.Path) -> None:
    path = tmp_path / "model.bin"
    path.write_bytes(b"model")
    assert local_copy(str(path)) == str(path)


def test_a_file_in_a_bucket_is_copied_once_a_version(tmp_path: pathlib.Path) -> None:
    url = f"memory://{uuid.uuid4().hex}/model.bin"
    copies = []
    for content in (b"one", b"two"):
        fsspec.filesystem("memory").pipe(url, content)
        local_copy.cache_clear()
        copies += [local_copy(url), local_copy(url)]
        assert pathlib.Path(copies[-1]).read_bytes() == content
    assert copies[0] == copies[1] != copies[2] == copies[3]
    assert len(list(tmp_path.rglob("*.partial-*"))) == 0


@pytest.mark.parametrize("path", ["/no/such/model.bin", "memory://no/such/model.bin"])
def test_a_missing_file_is_an_error(path: str) -> None:
    with pytest.raises(ModelError, match="missing"):
        local_copy(path)


def test_copies_are_never_taken_from_a_link(tmp_path: pathlib.Path) -> None:
    url = f"memory://{uuid.uuid4().hex}/model.bin"
    fsspec.filesystem("memory").pipe(url, b"one")
    folder = pathlib.Path(local_copy(url)).parent
    for copy in folder.iterdir():
        copy.unlink()
    folder.rmdir()
    folder.symlink_to(tmp_path)
    local_copy.cache_clear()
    with pytest.raises(ModelError, match="belongs to another user"):
        local_copy(url)


def test_publishes_a_file_and_its_hash(tmp_path: pathlib.Path) -> None:
    source = tmp_path / "a"
    source.write_bytes(b"")
    digest = publish(source, str(tmp_path / "new" / "b"))
    assert (tmp_path / "new" / "b").read_bytes() == b""
    assert digest == "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
