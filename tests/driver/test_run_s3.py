"""A recipe with its input and output in a bucket of a real S3 server on loopback."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
import s3fs

from pasture.driver.run import plan, run_recipe
from pasture.errors import StageError
from pasture.export import load_exporter
from pasture.export.run import export
from pasture.export.select import select
from pasture.manifests.outputs import Output, verify
from pasture.recipes.load import load_recipe
from tests.s3_server import serve
from tests.trees import differences


@pytest.fixture
def bucket(raw, monkeypatch) -> Iterator[s3fs.S3FileSystem]:
    """The raw files of the small recipe, in ``s3://corpus/raw``."""
    with serve() as (endpoint, _):
        monkeypatch.setenv("AWS_ENDPOINT_URL", endpoint)
        monkeypatch.setenv("AWS_ACCESS_KEY_ID", "somebody")
        monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "secret")
        monkeypatch.setenv("AWS_DEFAULT_REGION", "us-east-1")
        s3fs.S3FileSystem.clear_instance_cache()
        fs = s3fs.S3FileSystem(use_listings_cache=False)
        fs.mkdir("corpus")
        fs.put(str(raw), "corpus/raw", recursive=True)
        yield fs
        s3fs.S3FileSystem.clear_instance_cache()


def test_a_bucket_gets_the_same_bytes_as_a_disk(bucket, raw, tmp_path):
    run_recipe(load_recipe(str(raw / "recipe.yaml")), str(tmp_path / "out"))
    recipe = load_recipe("s3://corpus/raw/recipe.yaml")
    run_recipe(recipe, "s3://corpus/out")

    bucket.get("corpus/out", str(tmp_path / "bucket"), recursive=True)
    assert differences(tmp_path / "bucket", tmp_path / "out") == []
    assert list(verify(Output("s3://corpus/out"))) == []
    assert {node.state for node in plan(recipe, "s3://corpus/out")} == {"done"}

    for name in ("jsonl", "megatron"):
        exporter = load_exporter(name, {})
        export(select(Output("s3://corpus/out"), exporter), exporter, f"s3://corpus/{name}")
        bucket.get(f"corpus/{name}", str(tmp_path / name / "bucket"), recursive=True)
        local = select(Output(str(tmp_path / "out")), exporter)
        export(local, exporter, str(tmp_path / name / "disk"))
        assert differences(tmp_path / name / "bucket", tmp_path / name / "disk") == []


def test_a_run_in_a_bucket_goes_on_where_it_stopped(bucket, monkeypatch):
    recipe = load_recipe("s3://corpus/raw/recipe.yaml")
    run_recipe(recipe, "s3://corpus/out", until="20-exact")
    manifest = "corpus/out/audit/c4/20-exact/MANIFEST.json"
    whole = bucket.cat_file(manifest)
    bucket.rm(manifest)
    bucket.rm("corpus/out/documents/c4/20-exact/documents-00001-of-00003.parquet")
    run_recipe(recipe, "s3://corpus/out", until="20-exact")
    assert bucket.cat_file(manifest) == whole
    bucket.pipe_file("corpus/raw/c4/c4-train.00000-of-00003.json.gz", b"other")
    with pytest.raises(StageError, match="made with another config or input"):
        run_recipe(load_recipe("s3://corpus/raw/recipe.yaml"), "s3://corpus/out")
