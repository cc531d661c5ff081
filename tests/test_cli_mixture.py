"""The commands on mixtures and tokenizers: plans, what a run draws, fertility."""

from __future__ import annotations

import json
import pathlib
import shutil
from typing import Any

import pytest
from click.testing import CliRunner

from pasture import storage
from pasture.cli import main
from pasture.manifests.mixture import load_mixture, read_realised
from pasture.tokenize.reader import TokenCorpus
from pasture.tokenize.trace import SamplerSettings


def text(*arguments: object, code: int = 0) -> str:
    result = CliRunner().invoke(main, [str(argument) for argument in arguments])
    assert result.exit_code == code, result.output
    return result.output


def call(*arguments: object) -> Any:
    return json.loads(text(*arguments, "--json"))


@pytest.fixture
def output(small_output: pathlib.Path, tmp_path: pathlib.Path) -> pathlib.Path:
    shutil.copytree(small_output, tmp_path / "out")
    return tmp_path / "out"


def test_without_options_the_plan_is_llamas_table() -> None:
    plan = call("mixture", "plan")
    found = {
        name: (round(100 * share["proportion"], 1), round(share["epochs"], 2))
        for name, share in plan["sources"].items()
    }
    assert found == {
        "common_crawl": (67.0, 1.10),
        "c4": (15.0, 1.06),
        "github": (4.5, 0.64),
        "wikipedia": (4.5, 2.45),
        "books": (4.5, 2.23),
        "arxiv": (2.5, 1.06),
        "stackexchange": (2.0, 1.03),
    }
    assert plan["warnings"] == []
    assert call("mixture", "plan", "--tokens", "5e12")["warnings"][0].startswith("wikipedia would")


def test_a_cap_and_a_temperature() -> None:
    capped = call("mixture", "plan", "--max-epochs", 2)
    epochs = {name: round(share["epochs"], 2) for name, share in capped["sources"].items()}
    assert (capped["name"], epochs["wikipedia"], epochs["books"]) == ("llama-max-epochs-2", 2, 2)
    assert sum(share["proportion"] for share in capped["sources"].values()) == pytest.approx(1)
    flat = call("mixture", "plan", "--temperature", 1e9)
    assert {round(share["proportion"], 4) for share in flat["sources"].values()} == {0.1429}
    shown = text("mixture", "plan", "--max-epochs", "0.1", code=2)
    assert "fewer than the budget" in shown


def test_epochs_to_proportions() -> None:
    plan = call("mixture", "plan", "--epochs", "wikipedia=2.45, books=2.23")
    assert plan["budget"] == pytest.approx(126e9, rel=1e-6)
    shares = {name: share["proportion"] for name, share in plan["sources"].items()}
    assert shares == pytest.approx({"wikipedia": 0.5, "books": 0.5})
    assert "expected SOURCE=N" in text("mixture", "plan", "--epochs", "books", code=2)
    assert "leave one of them out" in text(
        "mixture", "plan", "--epochs", "books=1", "--tokens", "1e9", code=2
    )


def test_a_plan_is_written_for_recipes_and_for_the_trainer(
    output: pathlib.Path, tmp_path: pathlib.Path
) -> None:
    mine = tmp_path / "mine.yaml"
    before = read_realised(str(output / "mixture.yaml"))
    plan = call("mixture", "plan", output, "--tokens", "5e4", "--temperature", 2, "--to", mine)
    assert load_mixture(str(mine)).tokens == 5e4
    assert read_realised(str(output / "mixture.yaml")) == before
    text("mixture", "plan", output, "--mixture", mine, "--apply")
    after = read_realised(str(output / "mixture.yaml"))
    assert (after.name, after.budget) == (plan["name"], 5e4)
    assert after.proportions == {"c4": 1.0}
    assert "--apply needs DIR" in text("mixture", "plan", "--apply", code=2)


def test_what_a_run_draws(output: pathlib.Path) -> None:
    tokens = TokenCorpus.open(str(output)).token_counts
    drawn = call("mixture", "drawn", output, "--steps", 30)["c4"]
    assert drawn == {
        "proportion": 1.0,
        "realised": 1.0,
        "sequences": 240,
        "tokens": 240 * 256,
        "epochs": 240 * 256 / tokens["c4"],
        "planned_epochs": 240 * 256 / tokens["c4"],
    }
    assert "30 steps, 61,440 tokens" in text("mixture", "drawn", output, "--steps", 30)
    assert "give --steps, or a checkpoint" in text("mixture", "drawn", output, code=2)
    run = {
        "config": {"seed": 1},
        "settings": {"batch_size": 4, "model": {"context_length": 64}},
        "proportions": {"c4": 1.0},
        "tokens": tokens,
    }
    path = str(output / "checkpoints/step-00000050/MANIFEST.json")
    storage.write_json(path, {"step": 50, "run": run})
    assert call("mixture", "drawn", output)["c4"]["sequences"] == 200
    assert SamplerSettings.of_checkpoint(path.rsplit("/", 1)[0]).steps == 50


def test_fertility(small_output: pathlib.Path, output: pathlib.Path) -> None:
    rows = call("tokenizer", "fertility", small_output)
    assert rows == storage.read_json(str(small_output / "tokenizer/card.json"))["fertility"]
    path = shutil.copy(small_output / "tokenizer/tokenizer.model", output.parent / "mine.model")
    assert call("tokenizer", "fertility", small_output, "--tokenizer", path) == rows
    shown = text("tokenizer", "fertility", small_output)
    assert "LLaMA implies" in shown
    assert "3.95" in shown
