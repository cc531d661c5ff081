"""Training: the loss falls, a killed run goes on as if it had not been, another run is refused."""

from __future__ import annotations

import collections
import dataclasses
import itertools
import json
import math
import os
import pathlib
import shutil
import signal
from typing import Protocol

import numpy as np
import pytest
import torch

from pasture.errors import ConfigError, PastureError, StageError
from pasture.tokenize.reader import TokenCorpus
from pasture.tokenize.sampler import MixtureSampler
from pasture.tokenize.trace import SamplerSettings
from pasture.trainer import checkpoint
from pasture.trainer.config import ModelConfig, TrainConfig
from pasture.trainer.lifetime import only_trainer
from pasture.trainer.metrics import StepMetrics, TrainResult
from pasture.trainer.model import Transformer
from pasture.trainer.optim import make_optimizer
from pasture.trainer.parallel import Ranks
from pasture.trainer.run import Run
from pasture.trainer.train import train

SHORT = TrainConfig(
    steps=8, context_length=32, batch_tokens=128, micro_batch=3, checkpoint_every=3, device="cpu"
)


class Trained(Protocol):
    output: pathlib.Path
    result: TrainResult
    metrics: list[StepMetrics]


class KilledError(Exception):
    """Stands for a process that is killed."""


def kill_at(step: int) -> object:
    def on_step(line: StepMetrics) -> None:
        if line.step == step:
            raise KilledError

    return on_step


def files(folder: pathlib.Path) -> dict[str, bytes]:
    """Read the files of checkpoints; their indices have a random id, and metrics have times."""
    return {
        str(path.relative_to(folder)): path.read_bytes()
        for path in sorted(folder.rglob("*"))
        if path.is_file() and path.name not in ("metrics.jsonl", ".metadata")
    }


def losses(output: pathlib.Path) -> list[tuple[int, float]]:
    lines = (output / "checkpoints" / "metrics.jsonl").read_text().splitlines()
    return [(line["step"], line["loss"]) for line in map(json.loads, lines)]


def test_loss_falls_below_what_pairs_of_tokens_tell(trained: Trained) -> None:
    """The baseline is a bigram model of the training tokens, smoothed, on the validation text."""
    result, seen = trained.result, trained.metrics
    assert [line.step for line in seen] == list(range(1, 101))
    assert result.first_loss == pytest.approx(math.log(340), abs=0.5)
    assert result.loss == seen[-1].loss
    assert sorted(result.validation) == ["arxiv", "books"]
    for source, found in result.validation.items():
        assert found.loss < bigram_loss(trained.output, source)
    assert {name for line in seen for name in line.losses} == {"arxiv", "books"}
    assert (result.steps, result.resumed_from, result.tokens) == (100, 0, 100 * 512)


def bigram_loss(output: pathlib.Path, source: str) -> float:
    """Loss of add-0.1 bigrams over all sources, on a source's validation text."""
    pairs: collections.Counter[tuple[int, int]] = collections.Counter()
    for stream in TokenCorpus.open(str(output)).streams.values():
        tokens = stream.read(0, stream.tokens).tolist()
        pairs.update(itertools.pairwise(tokens))
    firsts: collections.Counter[int] = collections.Counter()
    for (first, _), count in pairs.items():
        firsts[first] += count
    stream = TokenCorpus.open(str(output), "validation").streams[source]
    tokens = stream.read(0, stream.tokens).tolist()
    chances = [
        (pairs[first, second] + 0.1) / (firsts[first] + 34.0)
        for first, second in itertools.pairwise(tokens)
    ]
    return float(-np.mean(np.log(chances)))


def test_killed_twice_and_resumed_is_as_unbroken(
    output: pathlib.Path, tokens_output: pathlib.Path, tmp_path: pathlib.Path
) -> None:
    other = pathlib.Path(shutil.copytree(tokens_output, tmp_path / "other"))
    whole = train(str(output), SHORT)
    for step in (5, 7):
        with pytest.raises(KilledError):
            train(str(other), SHORT, kill_at(step))
    resumed = train(str(other), SHORT)
    assert resumed.resumed_from == 6
    assert losses(other) == losses(output)
    assert (resumed.loss, resumed.first_loss) == (whole.loss, whole.first_loss)
    assert resumed.validation == whole.validation
    assert files(other / "checkpoints") == files(output / "checkpoints")
    assert sorted(p.name for p in (output / "checkpoints").iterdir()) == [
        "metrics.jsonl",
        "step-00000006",
        "step-00000008",
    ]


def test_a_finished_run_is_not_run_again(output: pathlib.Path) -> None:
    first = train(str(output), SHORT)
    seen: list[StepMetrics] = []
    again = train(str(output), SHORT, seen.append)
    assert seen == []
    assert (again.resumed_from, again.loss) == (8, first.loss)
    assert again.checkpoint == first.checkpoint


def test_half_a_checkpoint_does_not_count(output: pathlib.Path) -> None:
    train(str(output), SHORT)
    (output / "checkpoints" / "step-00000008" / "MANIFEST.json").unlink()
    assert train(str(output), SHORT).resumed_from == 6


def test_micro_batches_do_not_change_the_loss(
    output: pathlib.Path, tokens_output: pathlib.Path, tmp_path: pathlib.Path
) -> None:
    other = pathlib.Path(shutil.copytree(tokens_output, tmp_path / "other"))
    train(str(output), SHORT)
    train(str(other), dataclasses.replace(SHORT, micro_batch=4))
    for (_, ours), (_, theirs) in zip(losses(output), losses(other), strict=True):
        assert ours == pytest.approx(theirs, abs=1e-4)


def test_gradients_are_those_of_the_mean_over_the_whole_batch(output: pathlib.Path) -> None:
    seen: list[StepMetrics] = []
    train(str(output), SHORT, seen.append)
    settings = SHORT.resolve(340)
    model = Transformer(settings.model)
    model.init_weights(torch.Generator().manual_seed(0))
    corpus = TokenCorpus.open(str(output))
    sampler = MixtureSampler(corpus, {"books": 0.5, "arxiv": 0.5}, 32, 4, seed=0)
    tokens = torch.from_numpy(sampler.batch(0).tokens)
    logits = model(tokens[:, :-1])
    loss = torch.nn.functional.cross_entropy(logits.flatten(0, 1), tokens[:, 1:].flatten())
    loss.backward()
    norm = torch.nn.utils.get_total_norm(w.grad for w in model.parameters())
    assert seen[0].loss == pytest.approx(float(loss.detach()), abs=1e-4)
    assert seen[0].gradient_norm == pytest.approx(float(norm), rel=1e-3)


def test_what_a_killed_save_left_is_removed(output: pathlib.Path) -> None:
    left = output / "checkpoints" / ".partial-step-00000003" / "state"
    left.mkdir(parents=True)
    train(str(output), SHORT)
    assert not left.parent.exists()


def test_an_output_in_a_bucket_is_refused() -> None:
    with pytest.raises(ConfigError, match="gs://bucket/corpus: training maps token shards"):
        train("gs://bucket/corpus", SHORT)


def test_a_step_must_be_shared_evenly(output: pathlib.Path) -> None:
    class Three(Ranks):
        data_size = 3

    with pytest.raises(ConfigError, match="3 processes cannot share the 4 sequences of a step"):
        Run.open(str(output), SHORT, Three(torch.device("cpu")))


def test_another_run_is_refused(output: pathlib.Path) -> None:
    train(str(output), SHORT)
    with pytest.raises(StageError, match=r"is of another run: config\.seed: 0 -> 1\. Train as"):
        train(str(output), dataclasses.replace(SHORT, seed=1))


def test_a_run_that_an_older_pasture_began_keeps_its_order(output: pathlib.Path) -> None:
    """Its checkpoints name no order, and no schedule."""
    train(str(output), SHORT, None)
    shutil.rmtree(output / "checkpoints" / "step-00000008")
    path = output / "checkpoints" / "step-00000006" / "MANIFEST.json"
    manifest = json.loads(path.read_text())
    assert manifest["run"].pop("order") == "even"
    del manifest["run"]["config"]["schedule"], manifest["run"]["settings"]["decay_steps"]
    path.write_text(json.dumps(manifest))
    run = Run.open(str(output), SHORT, Ranks(torch.device("cpu")))
    old = MixtureSampler(
        TokenCorpus.open(str(output)),
        {"books": 0.5, "arxiv": 0.5},
        32,
        4,
        seed=0,
        order="shuffled",
    )
    assert np.array_equal(run.sampler.batch(7).tokens, old.batch(7).tokens)
    assert train(str(output), SHORT).resumed_from == 6
    assert SamplerSettings.of_checkpoint(str(path.parent)).order == "shuffled"


def test_a_stopped_run_saves_its_step_and_goes_on_as_unbroken(
    output: pathlib.Path, tokens_output: pathlib.Path, tmp_path: pathlib.Path
) -> None:
    def stop(line: StepMetrics) -> None:
        if line.step == 4:
            os.kill(os.getpid(), signal.SIGTERM)

    other = pathlib.Path(shutil.copytree(tokens_output, tmp_path / "other"))
    train(str(output), SHORT)
    before = signal.getsignal(signal.SIGTERM)
    with pytest.raises(StageError, match=r"stopped after step 4; .* resumes from .*00000004"):
        train(str(other), SHORT, stop)
    assert signal.getsignal(signal.SIGTERM) is before
    assert train(str(other), SHORT).resumed_from == 4
    assert losses(other) == losses(output)


def test_two_trainers_of_one_run_are_refused(output: pathlib.Path) -> None:
    with (
        only_trainer(str(output / "checkpoints")),
        pytest.raises(StageError, match="checkpoints: another training writes here"),
    ):
        train(str(output), SHORT)
    assert train(str(output), dataclasses.replace(SHORT, steps=1)).steps == 1


def test_named_runs_lie_side_by_side(output: pathlib.Path) -> None:
    short = dataclasses.replace(SHORT, steps=1)
    paths = [
        train(str(output), dataclasses.replace(short, run=name, seed=seed)).checkpoint
        for seed, name in enumerate([None, "seed-1", "seed-2"])
    ]
    assert [str(pathlib.Path(path).relative_to(output)) for path in paths] == [
        "checkpoints/step-00000001",
        "runs/seed-1/step-00000001",
        "runs/seed-2/step-00000001",
    ]
    again = train(str(output), dataclasses.replace(short, run="seed-1", seed=1))
    assert again.resumed_from == 1


def test_a_finished_run_is_extended(output: pathlib.Path) -> None:
    """Its learning rate follows the schedule of the new number of steps from there on."""
    train(str(output), SHORT)
    longer = dataclasses.replace(SHORT, steps=12)
    with pytest.raises(StageError, match=r"another run: config\.steps: 8 -> 12"):
        train(str(output), longer)
    seen: list[StepMetrics] = []
    result = train(str(output), dataclasses.replace(longer, extend=True), seen.append)
    assert (result.resumed_from, result.steps) == (8, 12)
    assert [line.step for line in seen] == [9, 10, 11, 12]
    assert [step for step, _ in losses(output)] == list(range(1, 13))
    assert seen[-1].learning_rate == pytest.approx(3e-4)
    assert train(str(output), longer).resumed_from == 12
    with pytest.raises(ConfigError, match="extend: 8 steps are fewer than the 12 of the run"):
        train(str(output), dataclasses.replace(SHORT, extend=True))
    with pytest.raises(StageError, match=r"another run: config\.seed: 0 -> 1"):
        train(str(output), dataclasses.replace(longer, steps=13, seed=1, extend=True))


def test_another_schedule_is_another_run(output: pathlib.Path) -> None:
    wsd = dataclasses.replace(SHORT, schedule="wsd", decay=0.5, warmup_steps=0)
    seen: list[StepMetrics] = []
    train(str(output), wsd, seen.append)
    rates = [line.learning_rate / 3e-3 for line in seen]
    assert rates == pytest.approx([1, 1, 1, 1, 0.775, 0.55, 0.325, 0.1])
    with pytest.raises(StageError, match=r"config\.schedule: 'wsd' -> 'cosine'"):
        train(str(output), dataclasses.replace(wsd, schedule="cosine"))


def test_masked_documents_train_too(output: pathlib.Path) -> None:
    masked = dataclasses.replace(SHORT, mask_documents=True, steps=2)
    assert train(str(output), masked).loss > 0


def test_no_validation_text_gives_no_validation_loss(output: pathlib.Path) -> None:
    for source in ("arxiv", "books"):
        path = output / "tokens" / source / "MANIFEST.json"
        manifest = json.loads(path.read_text())
        manifest["shards"] = [s for s in manifest["shards"] if s["split"] == "train"]
        path.write_text(json.dumps(manifest))
    assert train(str(output), SHORT).validation == {}


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("tokenizer/tokenizer.model", "holds no tokenizer; put the one that made the tokens"),
        ("tokens", "holds no train tokens"),
    ],
)
def test_what_is_missing(output: pathlib.Path, name: str, message: str) -> None:
    (output / name).rename(output / "elsewhere")
    with pytest.raises(StageError, match=message):
        train(str(output), SHORT)


def test_another_tokenizer_is_refused(output: pathlib.Path) -> None:
    with (output / "tokenizer" / "tokenizer.model").open("ab") as stream:
        stream.write(b"\x1a\x02\x18\x00")
    with pytest.raises(StageError, match="is not the tokenizer that made the tokens"):
        train(str(output), SHORT)


def test_one_batch_can_be_learned_by_heart() -> None:
    model = Transformer(ModelConfig(64, 2, 4, vocab_size=100, multiple_of=32, context_length=32))
    model.init_weights(torch.Generator().manual_seed(0))
    tokens = torch.randint(0, 100, (4, 33), generator=torch.Generator().manual_seed(1))
    optimizer = make_optimizer(model, rate=1e-2, betas=(0.9, 0.95), weight_decay=0.1)
    for _ in range(60):
        logits = model(tokens[:, :-1])
        loss = torch.nn.functional.cross_entropy(logits.flatten(0, 1), tokens[:, 1:].flatten())
        optimizer.zero_grad()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
    assert float(loss.detach()) < 0.05


def damage(path: pathlib.Path, how: str) -> None:
    state = path / "state" / "__0_0.distcp"
    if how == "cut":
        state.write_bytes(state.read_bytes()[:-1000])
    elif how == "overwritten":
        state.write_bytes(b"x" * state.stat().st_size)
    elif how == "no_state":
        state.unlink()
    elif how == "index":
        (path / "state" / ".metadata").write_bytes(b"x" * 100)
    elif how == "no_index":
        (path / "state" / ".metadata").unlink()
    else:
        (path / "MANIFEST.json").write_text(how)


@pytest.mark.parametrize(
    ("how", "message"),
    [
        ("cut", "the weights cannot be used"),
        ("overwritten", "the weights cannot be used"),
        ("no_state", "the weights cannot be used"),
        ("index", "the weights cannot be used"),
        ("no_index", "the weights cannot be used"),
        ("{}", "is not a checkpoint's manifest"),
        ('{"step":', "MANIFEST.json"),
    ],
)
def test_a_damaged_checkpoint_is_told_and_the_one_before_it_serves(
    trained_twice: pathlib.Path, how: str, message: str
) -> None:
    last = trained_twice / "checkpoints" / "step-00000002"
    damage(last, how)
    with pytest.raises(PastureError, match=rf"step-00000002.*{message}|{message}.*step-00000002"):
        train(str(trained_twice), TWO_STEPS)
    shutil.rmtree(last)
    assert train(str(trained_twice), TWO_STEPS).resumed_from == 1


TWO_STEPS = dataclasses.replace(SHORT, steps=2, checkpoint_every=1)


@pytest.fixture
def trained_twice(output: pathlib.Path) -> pathlib.Path:
    """An output with two checkpoints."""
    train(str(output), TWO_STEPS)
    return output


def test_weights_of_another_model_are_refused(
    trained_twice: pathlib.Path, tokens_output: pathlib.Path, tmp_path: pathlib.Path
) -> None:
    """Both as the run's own checkpoint and as the one to begin with, before a model is made."""
    with pytest.raises(StageError, match=r"another run: config\.model: 'tiny' -> '65b'"):
        train(str(trained_twice), dataclasses.replace(TWO_STEPS, model="65b"))
    other = shutil.copytree(tokens_output, tmp_path / "other")
    init = str(trained_twice / "checkpoints" / "step-00000002")
    with pytest.raises(StageError, match=r"is of another model: \{'dim': 128"):
        train(str(other), dataclasses.replace(TWO_STEPS, model="65b", init=init))


def test_a_loss_that_is_no_number_stops_the_run(output: pathlib.Path) -> None:
    """No checkpoint is written after it."""
    diverging = dataclasses.replace(SHORT, learning_rate=1e30, checkpoint_every=1)
    with pytest.raises(
        StageError, match=r"step 2: loss .*, gradients nan; begin anew at a lower rate"
    ):
        train(str(output), diverging)
    assert [step for step, _ in losses(output)] == [1]
    assert [path.name for path in output.glob("checkpoints/step-*")] == ["step-00000001"]


def test_a_folder_without_a_manifest_is_no_checkpoint(tmp_path: pathlib.Path) -> None:
    with pytest.raises(StageError, match="holds no finished checkpoint"):
        checkpoint.Checkpoint.load(str(tmp_path))
