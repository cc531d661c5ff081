"""The trainer's commands: options reach the trainer, and a plan needs no tokens."""

from __future__ import annotations

import json
import pathlib

from click.testing import CliRunner

from pasture.cli import main


def call(*arguments: object, code: int = 0) -> str:
    result = CliRunner().invoke(main, [str(argument) for argument in arguments])
    assert result.exit_code == code, result.output
    return result.output


def test_plan() -> None:
    options = ("--plan", "--model", "65b", "--gpus", 2048, "--tokens-per-gpu-second", 380)
    text = call("train", *options)
    assert "1,023,392 GPU-hours, 20.8 days; the paper: 1,022,362 GPU-hours (+0.1%)" in text
    plan = json.loads(call("train", *options, "--json"))
    assert (plan["model"], plan["gpus"], len(plan["layouts"])) == ("65b", 2048, 12)


def test_train_needs_a_folder_or_a_plan() -> None:
    assert "give DIR, or --plan" in call("train", code=2)


def test_trains_exports_imports_and_generates(output: pathlib.Path, tmp_path: pathlib.Path) -> None:
    options = ("--context-length", 32, "--batch-tokens", 128, "--micro-batch", 2, "--device", "cpu")
    text = call("train", output, "--steps", 2, *options, "--recompute", "full", "--tensorboard")
    assert "bits per byte" in text
    assert (output / "checkpoints" / "tensorboard").is_dir()
    checkpoint = output / "checkpoints" / "step-00000002"
    config = json.loads((checkpoint / "MANIFEST.json").read_text())["run"]["config"]
    assert (config["context_length"], config["batch_tokens"]) == (32, 128)
    assert "recompute" not in config
    call("export-model", checkpoint, "--to", tmp_path / "hf")
    assert "wrote" in call("import", tmp_path / "hf", "--to", tmp_path / "back")
    prompt = ("--prompt", "The", "--temperature", 0, "--max-tokens", 4)
    assert call("generate", tmp_path / "back", *prompt) == call("generate", checkpoint, *prompt)
