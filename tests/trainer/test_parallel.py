"""Several processes give what one gives, go on where others stopped, and refuse what cannot be.

All jobs run in one group of processes (``train_ranks.py``), in float32 on the CPU with gloo. Sums
are taken in another order than in one process, so that the last bits of a loss may differ: by 4e-7
at most where this was written, over 3 to 6 steps. As many processes of one layout give every bit.
"""

from __future__ import annotations

import dataclasses
import importlib.util
import json
import pathlib
import shutil
import subprocess
import sys
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest
import torch
import torch.distributed as dist
from torch.testing._internal.distributed.fake_pg import FakeStore

from pasture.errors import ConfigError
from pasture.tokenize.reader import TokenCorpus
from pasture.tokenize.sampler import MixtureSampler
from pasture.trainer.checkpoint import Checkpoint
from pasture.trainer.config import PRESETS, ModelConfig, TrainConfig
from pasture.trainer.parallel import Ranks, connect, make_model
from pasture.trainer.train import train

pytestmark = pytest.mark.timeout(900)  # many processes: slow where others use the cores
HELPER = pathlib.Path(__file__).with_name("train_ranks.py")
TOLERANCE = 1e-5
SHORT: dict[str, Any] = {
    "model": "untied",
    "steps": 3,
    "batch_tokens": 256,
    "micro_batch": 3,
    "device": "cpu",
}
TIED = {**SHORT, "model": "tiny", "context_length": 32}
LONG = {**SHORT, "steps": 6, "checkpoint_every": 2}
VALIDATED = {**LONG, "validate_every": 2}
# Name of the output: (processes, options, step after which they are killed) one after another; a
# negative step is the one in which one process is asked to stop.
JOBS: dict[str, list[tuple[int, dict[str, Any], int | None]]] = {
    "tp-2": [(2, {**SHORT, "tp": 2, "recompute": "selective", "validate_every": 2}, None)],
    "fsdp-4": [(4, SHORT, None)],
    "tied-4": [(4, {**TIED, "tp": 2, "mask_documents": True}, None)],
    "fsdp-2": [(2, LONG, None)],
    "twice-2": [(2, LONG, 3), (2, VALIDATED, 5), (2, VALIDATED, None)],
    "stopped-2": [(2, LONG, -2), (2, LONG, None)],
    "2-4-2": [(2, LONG, 3), (4, LONG, 5), (2, LONG, None)],
    "fsdp-tp-both": [(2, LONG, 3), (2, {**LONG, "tp": 2}, 5), (4, {**LONG, "tp": 2}, None)],
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
            "kill_at": kill_at if kill_at is None or kill_at > 0 else None,
            "stop_at": None if kill_at is None or kill_at > 0 else -kill_at,
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
            column(outputs / one, key), rel=TOLERANCE
        )
    ours, theirs = metrics(outputs / name), metrics(outputs / one)
    for line, other in zip(ours, theirs, strict=True):
        assert line["losses"] == pytest.approx(other["losses"], rel=TOLERANCE)
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


def test_all_processes_stop_where_one_is_asked_to(outputs: pathlib.Path) -> None:
    """In the third step; the run goes on with the fourth, and nothing is done twice."""
    assert column(outputs / "stopped-2", "loss") == column(outputs / "fsdp-2", "loss")
    seen = {path.name.split("-")[0] for path in (outputs / "stopped-2" / "seen").iterdir()}
    assert seen == {"0", "1", "2", "3", "4", "5"}


@pytest.mark.parametrize("name", ["2-4-2", "fsdp-tp-both"])
def test_other_processes_go_on_with_the_same_data(outputs: pathlib.Path, name: str) -> None:
    """Killed twice, and gone on each time with another number of processes or another layout."""
    ours, whole = metrics(outputs / name), metrics(outputs / "fsdp-2")
    assert [line["step"] for line in ours] == list(range(1, 7))
    assert [sorted(line["losses"]) for line in ours] == [sorted(line["losses"]) for line in whole]
    assert column(outputs / name, "loss") == pytest.approx(
        column(outputs / "fsdp-2", "loss"), rel=TOLERANCE
    )


@pytest.mark.parametrize("name", JOBS)
def test_every_step_has_its_tokens_whoever_trains(outputs: pathlib.Path, name: str) -> None:
    """Each process has its rows of the step's one batch, to the last token, also when resumed."""
    options = JOBS[name][0][1]
    settings = TrainConfig(**{**options, "model": "tiny", "context_length": 32}).resolve(340)
    corpus = TokenCorpus.open(str(outputs / name))
    proportions = {"books": 0.5, "arxiv": 0.5}
    sampler = MixtureSampler(corpus, proportions, 32, settings.batch_size, seed=0)
    steps = set()
    for path in (outputs / name / "seen").iterdir():
        step, rank, size = map(int, path.stem.split("-"))
        expected = sampler.batch(step).tokens[rank::size]
        assert np.array_equal(np.load(path), expected), path.name
        steps.add((step, rank, size))
    parts = {size for _, _, size in steps}
    for step in range(options["steps"]):
        assert any(all((step, rank, size) in steps for rank in range(size)) for size in parts)


def test_one_process_reads_what_four_wrote(outputs: pathlib.Path) -> None:
    ours, theirs = (
        Checkpoint.load(str(outputs / name / "checkpoints/step-00000003")).load_model()
        for name in ("tied-4", "one-tied")
    )
    ids = torch.arange(64).view(2, 32)
    assert torch.allclose(ours(ids), theirs(ids), atol=5e-3)
    assert not list((outputs / "tied-4" / "checkpoints").glob(".partial-*"))


@pytest.fixture
def four_processes() -> Iterator[None]:
    """This process as the first of four, whose messages go nowhere."""
    dist.init_process_group("fake", rank=0, world_size=4, store=FakeStore())
    yield
    dist.destroy_process_group()


@pytest.mark.usefixtures("four_processes")
@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"n_heads": 2}, "tp: 4 does not divide n_heads, 2"),
        ({"n_kv_heads": 2}, "tp: 4 does not divide n_kv_heads, 2"),
        ({"context_length": 30}, "tp: 4 does not divide context_length, 30"),
    ],
)
def test_layers_that_cannot_be_shared(changes: dict[str, int], message: str) -> None:
    options = TrainConfig(tp=4, device="cpu")
    config = dataclasses.replace(
        ModelConfig(64, 1, 8, vocab_size=340, context_length=32), **changes
    )
    with (
        connect("cpu", 4) as ranks,
        pytest.raises(ConfigError, match=message),
    ):
        make_model(config, ranks, options)


@pytest.mark.usefixtures("four_processes")
def test_processes_that_are_no_multiple_of_tp() -> None:
    with (
        pytest.raises(ConfigError, match="4 processes cannot be divided into groups of 3; start a"),
        connect("cpu", 3),
    ):
        pass


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
