"""Documents of one's own through a whole run: the same bytes whatever the number of workers."""

from __future__ import annotations

import json

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import yaml

from pasture.driver.run import run_recipe
from pasture.errors import ConfigError
from pasture.manifests.outputs import Output, funnels, verify
from pasture.recipes.load import load_recipe
from tests.conftest import sentences
from tests.trees import differences


@pytest.fixture
def own(tmp_path, recipe_body):
    raw = tmp_path / "raw"
    raw.mkdir()
    rows = [{"body": sentences(i), "id": f"row-{i}", "score": i / 7} for i in range(120)]
    (raw / "a.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows[:60]))
    pq.write_table(pa.Table.from_pylist(rows[60:]), raw / "b.parquet", row_group_size=10)
    (raw / "c.jsonl").write_text('{"body": "not closed\n' + json.dumps({"body": sentences(200)}))
    source = recipe_body["sources"].pop("c4")
    source["inputs"] = ["*.jsonl", "*.parquet"]
    source["options"] = {"column_map": {"text": "body"}, "shard_bytes": 4000}
    source["budget"] = {"bad_records": 0.1}
    recipe_body["sources"]["documents"] = source
    (raw / "recipe.yaml").write_text(yaml.safe_dump(recipe_body))
    mixture = {"name": "own", "tokens": 10000, "sources": {"documents": {"proportion": 1.0}}}
    (raw / "mixture.yaml").write_text(yaml.safe_dump(mixture))
    return raw


def test_two_workers_give_the_same_bytes(own, tmp_path):
    for workers, name in ((1, "one"), (2, "two")):
        recipe = load_recipe(str(own / "recipe.yaml"))
        run_recipe(recipe, str(tmp_path / name), workers=workers)
    assert differences(tmp_path / "one", tmp_path / "two") == []
    output = Output(str(tmp_path / "one"))
    assert list(verify(output)) == []
    (funnel,) = funnels(output)
    assert funnel.records == 122
    assert funnel.dropped["00-extract/extract/not_json"] == 1
    assert len(list((tmp_path / "one").glob("documents/documents/00-extract/documents-*"))) > 3


def test_a_wrong_column_map_stops_before_any_stage(own, tmp_path):
    body = yaml.safe_load((own / "recipe.yaml").read_text())
    body["sources"]["documents"]["options"]["column_map"] = {"text": "boddy"}
    (own / "recipe.yaml").write_text(yaml.safe_dump(body))
    with pytest.raises(ConfigError, match=r"no column boddy, .* it has body \(string\), id"):
        run_recipe(load_recipe(str(own / "recipe.yaml")), str(tmp_path / "out"))
    assert list((tmp_path / "out").glob("documents/**/*.parquet")) == []
