"""Recipes that extend others: to any depth, from names and files, each path beside its file."""

from __future__ import annotations

import pytest
import yaml

from pasture.errors import ConfigError
from pasture.recipes.layers import expand, read_body
from pasture.recipes.load import load_recipe


def write(path, **body):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(yaml.safe_dump(body))
    return str(path)


def test_a_recipe_extends_files_and_built_in_names_to_any_depth(tmp_path):
    write(tmp_path / "base" / "one.yaml", extends="llama", seed=1, description="one")
    write(tmp_path / "two.yaml", extends="base/one.yaml", seed=2)
    top = write(tmp_path / "three.yaml", extends="two.yaml", name="three")
    body = read_body(top)
    assert (body.values["name"], body.values["seed"], body.values["description"]) == (
        "three",
        2,
        "one",
    )
    assert "extends" not in body.values
    assert len(load_recipe(top, "/data").sources) == 7


def test_each_key_knows_the_file_that_gives_its_value(tmp_path):
    base = write(tmp_path / "base" / "one.yaml", name="one", seed=1, models={"a": {"x": 1, "y": 2}})
    top = write(tmp_path / "two.yaml", extends="base/one.yaml", models={"a": {"y": 3}})
    body = read_body(top)
    assert body.origins == {
        ("name",): base,
        ("seed",): base,
        ("models", "a", "x"): base,
        ("models", "a", "y"): top,
        ("extends",): top,
    }
    assert body.folder("models", "a", "x") == str(tmp_path / "base")
    assert body.origin("models", "a", "z") == top


def test_a_key_that_a_recipe_takes_away_has_no_origin(tmp_path):
    write(tmp_path / "one.yaml", name="one", mixture="llama")
    body = read_body(write(tmp_path / "two.yaml", extends="one.yaml", mixture=None))
    assert "mixture" not in body.values
    assert ("mixture",) not in body.origins


@pytest.mark.parametrize(
    ("extends", "message"),
    [
        ("two.yaml", r"the recipes extend each other: two.yaml -> one.yaml -> two.yaml"),
        ("absent.yaml", "two.yaml: extends: there is no recipe file .*/absent.yaml"),
        ("lama", "two.yaml: extends: unknown recipe 'lama'; did you mean llama"),
        (3, "two.yaml: extends: expected a name or a file, got 3"),
    ],
)
def test_a_recipe_that_cannot_be_extended_is_an_error(tmp_path, extends, message):
    write(tmp_path / "one.yaml", extends="two.yaml")
    path = write(tmp_path / "two.yaml", extends=extends if extends != "two.yaml" else "one.yaml")
    with pytest.raises(ConfigError, match=message):
        read_body(path)


def test_paths_take_the_home_folder_and_variables(monkeypatch):
    monkeypatch.setenv("HOME", "/home/shepherd")
    monkeypatch.setenv("RAW", "/data/raw")
    assert expand("~/a/${RAW}/$RAW/b$$c", "r.yaml") == "/home/shepherd/a//data/raw//data/raw/b$c"
    with pytest.raises(ConfigError, match=r"the environment variable ABSENT of .* write \$\$"):
        expand("$ABSENT/x", "r.yaml")


def test_files_of_a_recipe_lie_beside_the_recipe_that_names_them(tmp_path):
    base = tmp_path / "base"
    write(base / "mix.yaml", name="mine", tokens=100, sources={"c4": {"proportion": 1.0}})
    write(
        base / "one.yaml",
        name="one",
        sources={"c4": {"inputs": ["c4/*.json.gz"]}},
        mixture="mix.yaml",
        models={"language": {"path": "lid.bin"}},
    )
    top = write(tmp_path / "two.yaml", extends="base/one.yaml", tokenizer={"path": "t.model"})
    recipe = load_recipe(top, "/data")
    assert recipe.mixture is not None
    assert recipe.mixture.name == "mine"
    assert recipe.models["language"].path == str(base / "lid.bin")
    assert recipe.tokenizer.path == str(tmp_path / "t.model")
    assert recipe.sources["c4"].source.inputs == ("/data/c4/*.json.gz",)
