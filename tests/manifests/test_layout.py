"""Where an output keeps its stages: the folders of a key, and outputs of the old layout."""

from __future__ import annotations

import pathlib
import shutil

import pytest
from click.testing import CliRunner

from pasture.cli import main
from pasture.driver.run import plan, run_recipe
from pasture.errors import StageError
from pasture.manifests.layout import Places, check_layout, finished_keys, places
from pasture.manifests.outputs import Output, verify
from pasture.recipes.load import load_recipe


@pytest.mark.parametrize(
    ("key", "shards", "audit"),
    [
        ("documents/c4/00-extract", "out/documents/c4/00-extract", "out/audit/c4/00-extract"),
        ("indexes/c4/10-exact", "out/indexes/c4/10-exact", "out/indexes/c4/10-exact"),
        ("models/ngram", "out/models/ngram", "out/models/ngram"),
        ("tokenizer", "out/tokenizer", "out/tokenizer"),
        ("tokens/c4", "out/tokens/c4", "out/tokens/c4"),
    ],
)
def test_only_a_stage_of_documents_has_an_audit_folder(key, shards, audit):
    assert places("out", key) == Places(shards, audit)
    assert places("gs://b/out", key).manifest == f"gs://b/{audit}/MANIFEST.json"
    assert set(places("out", key).folders) == {shards, audit}


def test_a_stages_folder_holds_nothing_but_documents(small_output):
    names = [path.name for path in (small_output / "documents").rglob("*") if path.is_file()]
    assert len(names) == 9
    assert all(name.startswith("documents-") for name in names)
    kept = sorted(path.name for path in (small_output / "audit/c4/20-exact").rglob("*"))
    assert kept == ["MANIFEST.json", *(f"dropped-0000{i}-of-00003.parquet" for i in range(3))]


def test_lists_what_is_finished(small_output, tmp_path):
    assert finished_keys(str(small_output)) == [
        "documents/c4/00-extract",
        "documents/c4/10-language",
        "documents/c4/20-exact",
        "models/language",
        "tokenizer",
        "tokens/c4",
    ]
    assert finished_keys(str(tmp_path / "none")) == []


@pytest.fixture
def old_output(small_output, tmp_path) -> pathlib.Path:
    """The small output in the layout of earlier versions."""
    old = pathlib.Path(shutil.copytree(small_output, tmp_path / "old"))
    for path in (old / "audit").glob("*/*/*"):
        path.rename(old / "documents" / path.relative_to(old / "audit"))
    shutil.rmtree(old / "audit")
    return old


REFUSAL = (
    "has the layout of an older version of Pasture, with MANIFEST.json in documents/c4/00-extract; "
    "use a new output folder, or move the MANIFEST.json, dropped-*.parquet and lines-*.parquet "
    "of each documents/SOURCE/STAGE to audit/SOURCE/STAGE"
)


def test_an_output_of_the_old_layout_is_refused(old_output, raw):
    recipe = load_recipe(str(raw / "recipe.yaml"))
    before = sorted(old_output.rglob("*"))
    for attempt in (
        lambda: Output(str(old_output)),
        lambda: plan(recipe, str(old_output)),
        lambda: run_recipe(recipe, str(old_output)),
    ):
        with pytest.raises(StageError) as caught:
            attempt()
        assert str(caught.value) == f"{old_output} {REFUSAL}"
    assert sorted(old_output.rglob("*")) == before


@pytest.mark.parametrize("command", ["status", "report", "audit", "verify", "clusters", "train"])
def test_every_command_refuses_it(old_output, command):
    result = CliRunner().invoke(main, [command, str(old_output)])
    assert result.exit_code == 1
    assert result.stderr == f"error: {old_output} {REFUSAL}\n"


def test_what_the_refusal_advises_works(old_output):
    for pattern in ("MANIFEST.json", "dropped-*.parquet", "lines-*.parquet"):
        for path in (old_output / "documents").glob(f"*/*/{pattern}"):
            target = old_output / "audit" / path.relative_to(old_output / "documents")
            target.parent.mkdir(parents=True, exist_ok=True)
            path.rename(target)
    check_layout(str(old_output))
    assert list(verify(Output(str(old_output)))) == []


def test_a_folder_that_is_no_output_has_no_layout(tmp_path):
    check_layout(str(tmp_path / "none"))
    check_layout(str(tmp_path))
