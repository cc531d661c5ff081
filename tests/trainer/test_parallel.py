"""Several processes give what one gives, go on where others stopped, and refuse what cannot be.

All jobs run in one group of processes (``train_ranks.py``), in float32 on the CPU with gloo. Sums
are taken in another order than in one process, so losses of 3 to 6 steps may differ by 2e-4.
"""

from __future__ import annotations

import importlib.util
import json
import pathlib
import shutil
import subprocess
import sys
from typing import Any

import pytest
import torch

from pasture.errors import ConfigError
from pasture.trainer.checkpoint import Checkpoint
from pasture.trainer.config import PRESETS, TrainConfig
from pasture.trainer.parallel import Ranks, connect, make_model
from pasture.trainer.train import train

pytestmark = pytest.mark.timeout(900)  # many processes: slow where others use the cores
HELPER = pathlib.Path(__file__).with_name("train_ranks.py")
TOLERANCE = 2e-4
SHORT: dict[str, Any] = {
    "model": "untied",
    "steps": 3,
    "batch_tokens": 256,
    "micro_batch": 3,
    "device": "cpu",
}
TIED = {**SHORT, "model": "tiny", "context_length": 32}
LONG = {**SHORT, "steps": 6, "checkpoint_every": 2}
# Name of the output: (processes, options, step after which they are killed) one after another.
JOBS: dict[str, list[tuple[int, dict[str, Any], int | None]]] = {
    "tp-2": [(2, {**SHORT, "tp": 2, "recompute": "selective", "validate_every": 2}, None)],
    "fsdp-4": [(4, SHORT, None)],
    "tied-4": [(4, {**TIED, "tp": 2, "mask_documents": True}, None)],
    "fsdp-2": [(2, LONG, None)],
    "twice-2": [(2, LONG, 3), (2, LONG, 5), (2, LONG, None)],
    "2-to-4": [(2, LONG, 3), (4, {**LONG, "tp": 2}, None)],
}


def helper_preset() -> Any:
    spec = importlib.util.spec_from_file_location("train_ranks", HELPER)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module.UNTIED


@pytest.fixture(scope="module")
def outputs(
    tokens_output: pathlib.Path, tmp_path_factory: pytest.TempPathFactory, one_thread: None
) -> pathlib.Path:
    """A folder of outputs: ``JOBS`` in several processes, and in one for comparison."""
    folder = tmp_path_factory.mktemp("parallel")
    for name in (*JOBS, "one", "one-tied", "one-long"):
        shutil.copytree(tokens_output, folder / name)
    jobs = [
        {
            "processes": processes,
            "output": str(folder / name),
            "options": options,
            "kill_at": kill_at,
        }
        for name, parts in JOBS.items()
        for processes, options, kill_at in parts
    ]
    done = subprocess.run(
        [sys.executable, str(HELPER), json.dumps(jobs)], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr[-5000:]
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(PRESETS, "untied", helper_preset())
        train(str(folder / "one"), TrainConfig(**SHORT, validate_every=2))
        train(str(folder / "one-tied"), TrainConfig(**TIED, mask_documents=True))
        train(str(folder / "one-long"), TrainConfig(**LONG))
    return folder


def metrics(output: pathlib.Path) -> list[dict[str, Any]]:
    lines = (output / "checkpoints" / "metrics.jsonl").read_text().splitlines()
    return [json.loads(line) for line in lines]


def column(output: pathlib.Path, name: str) -> list[float]:
    return [line[name] for line in metrics(output)]


@pytest.mark.parametrize(
    ("name", "one"),
    [
        ("tp-2", "one"),
        ("fsdp-4", "one"),
        ("tied-4", "one-tied"),
        ("fsdp-2", "one-long"),
    ],
)
def test_losses_are_those_of_one_process(outputs: pathlib.Path, name: str, one: str) -> None:
    for key in ("loss", "gradient_norm"):
        assert column(outputs / name, key) == pytest.approx(
            column(outputs / one, key), abs=TOLERANCE
        )
    ours, theirs = metrics(outputs / name), metrics(outputs / one)
    for line, other in zip(ours, theirs, strict=True):
        assert line["losses"] == pytest.approx(other["losses"], abs=TOLERANCE)
    for source, found in theirs[-1]["validation"].items():
        assert ours[-1]["validation"][source] == pytest.approx(found, rel=1e-3)
        assert ours[-1]["validation"][source]["tokens"] == found["tokens"]


def test_the_loss_falls(outputs: pathlib.Path) -> None:
    losses = column(outputs / "one-long", "loss")
    assert losses[-1] < losses[0] - 0.3


def test_killed_twice_and_resumed_is_as_unbroken(outputs: pathlib.Path) -> None:
    assert column(outputs / "twice-2", "loss") == column(outputs / "fsdp-2", "loss")
    weights = [
        Checkpoint.load(str(outputs / name / "checkpoints/step-00000006")).load_model().state_dict()
        for name in ("twice-2", "fsdp-2")
    ]
    for name, weight in weights[0].items():
        assert torch.equal(weight, weights[1][name]), name


def test_other_processes_go_on_with_the_same_data(outputs: pathlib.Path) -> None:
    """From 2 processes to 4, and from whole layers to shared ones."""
    ours, whole = metrics(outputs / "2-to-4"), metrics(outputs / "one-long")
    assert [line["step"] for line in ours] == list(range(1, 7))
    assert [sorted(line["losses"]) for line in ours] == [sorted(line["losses"]) for line in whole]
    assert column(outputs / "2-to-4", "loss") == pytest.approx(
        column(outputs / "one-long", "loss"), abs=TOLERANCE
    )


def test_one_process_reads_what_four_wrote(outputs: pathlib.Path) -> None:
    ours, theirs = (
        Checkpoint.load(str(outputs / name / "checkpoints/step-00000003")).load_model()
        for name in ("tied-4", "one-tied")
    )
    ids = torch.arange(64).view(2, 32)
    assert torch.allclose(ours(ids), theirs(ids), atol=5e-3)
    assert not list((outputs / "tied-4" / "checkpoints").glob(".partial-*"))


def test_one_process_cannot_share_layers() -> None:
    with (
        pytest.raises(ConfigError, match="1 processes cannot be divided into groups of 2"),
        connect("cpu", 2),
    ):
        pass


def test_async_tensor_parallel_needs_gpus_and_the_compiler() -> None:
    options = TrainConfig(async_tp=True, device="cpu")
    with pytest.raises(ConfigError, match="async_tp: it needs tp over 1, compile, and GPUs"):
        make_model(options.preset.model, Ranks(torch.device("cpu")), options)
