"""The published schemas: every manifest of a run fits, and what does not fit is found."""

from __future__ import annotations

import copy
import importlib.resources
import json
import pathlib
import shutil
from collections.abc import Iterator
from typing import Any

import pytest

from pasture.export import load_exporter
from pasture.export.run import export
from pasture.export.select import select
from pasture.manifests.outputs import Output

jsonschema = pytest.importorskip("jsonschema")

SCHEMAS = importlib.resources.files("pasture.manifests") / "schemas"
MANIFESTS = {
    "stage": "audit/c4/*/MANIFEST.json",
    "tokens": "tokens/c4/MANIFEST.json",
    "corpus": "tokens/MANIFEST.json",
    "export": "*-export/_MANIFEST",
}


@pytest.fixture(scope="module")
def output(small_output: pathlib.Path, tmp_path_factory: pytest.TempPathFactory) -> pathlib.Path:
    """The small output, with an export of documents and one of tokens in it."""
    folder = tmp_path_factory.mktemp("schemas") / "out"
    shutil.copytree(small_output, folder)
    for name in ("jsonl", "nanogpt"):
        exporter = load_exporter(name, {})
        selection = select(Output(str(small_output)), exporter)
        export(selection, exporter, str(folder / f"{name}-export"))
    return folder


def validator(name: str) -> Any:
    schema = json.loads((SCHEMAS / f"{name}.schema.json").read_text())
    jsonschema.Draft202012Validator.check_schema(schema)
    return jsonschema.Draft202012Validator(schema)


def test_each_kind_of_manifest_has_a_schema() -> None:
    names = sorted(path.name for path in SCHEMAS.iterdir())
    assert names == sorted(f"{name}.schema.json" for name in MANIFESTS)


@pytest.mark.parametrize("name", sorted(MANIFESTS))
def test_the_manifests_of_a_run_fit(output: pathlib.Path, name: str) -> None:
    paths = sorted(output.glob(MANIFESTS[name]))
    assert paths
    for path in paths:
        errors = [e.message for e in validator(name).iter_errors(json.loads(path.read_text()))]
        assert errors == [], path


def broken(manifest: dict[str, Any], schema: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """The manifest without each key that it must have in turn, and with one too many."""
    for key in schema["required"]:
        yield {name: value for name, value in manifest.items() if name != key}
    yield {**manifest, "strange": 1}
    for number, shard in enumerate(manifest.get("shards", [])[:1]):
        shard_schema = schema["properties"]["shards"]["items"]
        changed = [{k: v for k, v in shard.items() if k != key} for key in shard_schema["required"]]
        changed += [{**shard, key: -1} for key in shard]
        for one in changed:
            shards = copy.deepcopy(manifest["shards"])
            shards[number] = one
            yield {**manifest, "shards": shards}


@pytest.mark.parametrize("name", sorted(MANIFESTS))
def test_what_is_not_a_manifest_is_found(output: pathlib.Path, name: str) -> None:
    path = sorted(output.glob(MANIFESTS[name]))[0]
    found = validator(name)
    for manifest in broken(json.loads(path.read_text()), found.schema):
        assert not found.is_valid(manifest), manifest
