"""Measures training: tokens per second, MFU, the loader's share of a step, and where time goes.

    python -m benchmarks.train [--model 1b] [--steps 20] [--compile] [--recompute selective]
    python -m benchmarks.train --model tiny --steps 5 --warmup 2

It trains on made-up tokens in a temporary folder, so that only the trainer and the loader count:
token shards that are mapped into memory, and the sampler that draws from them. The first steps warm
up. The last table is torch's profile of one more step. The peak that MFU refers to is the device's
in bfloat16, by its name, or ``--peak-flops``; on a CPU without it no MFU is told.

The bar is an MFU of 50% for ``1b`` at a context of 2,048 on one H200, with ``--compile``, and a
loader under 1% of a step. The first of them stands open until it is measured on such a device.
"""

from __future__ import annotations

import argparse
import dataclasses
import pathlib
import statistics
import tempfile

import numpy as np
import pyarrow as pa
import torch
from torch.profiler import ProfilerActivity, profile

from benchmarks.reporting import machine, markdown_table
from pasture import storage
from pasture.manifests.mixture import make_plan, write_realised
from pasture.tokenize.chunks import token_dtype
from pasture.tokenize.encode import Encoder
from pasture.tokenize.train import TokenizerTraining, train_tokenizer
from pasture.tokenize.writer import SPLITS, TokenMetadata, write_token_shard
from pasture.trainer.config import TrainConfig
from pasture.trainer.metrics import Pace, memory_bytes, peak_flops
from pasture.trainer.parallel import Ranks, connect
from pasture.trainer.run import Run
from pasture.trainer.step import Trainer
from pasture.trainer.train import start

SOURCES = ("arxiv", "books")
DOCUMENT_TOKENS = 1000


def make_output(folder: pathlib.Path, tokens: int, vocab_size: int) -> None:
    """Write an output of random tokens; its tokenizer is small, and only there to be there."""
    lines = [f"line {number} of {number * number}" for number in range(2000)]
    train_tokenizer(lines, str(folder / "tokenizer"), TokenizerTraining(vocab_size=280))
    encoder = Encoder(str(folder / "tokenizer" / "tokenizer.model"))
    dtype = token_dtype(vocab_size)
    facts = {"sha256": encoder.sha256, "vocab_size": vocab_size, "dtype": dtype}
    rng = np.random.default_rng(0)
    for source in SOURCES:
        shards = []
        for split in SPLITS:
            rows = tokens // DOCUMENT_TOKENS if split == "train" else 1
            ids = rng.integers(3, vocab_size, rows * DOCUMENT_TOKENS).astype(dtype)
            offsets = np.arange(0, len(ids) + 1, DOCUMENT_TOKENS, dtype=np.int32)
            columns = {
                "id": [f"{source}-{row}" for row in range(rows)],
                "tokens": pa.ListArray.from_arrays(pa.array(offsets), pa.array(ids)),
                **dict.fromkeys(("url", "license", "language"), pa.nulls(rows, pa.string())),
            }
            name = storage.shard_name(split, 0, 1, "arrow")
            record = write_token_shard(
                str(folder / "tokens" / source / name),
                [pa.RecordBatch.from_pydict(columns)],
                dataclasses.replace(
                    TokenMetadata.of(encoder, source, split), vocab_size=vocab_size, dtype=dtype
                ),
            )
            shards.append({"split": split, "path": name, **dataclasses.asdict(record)})
        storage.write_json(
            str(folder / "tokens" / source / "MANIFEST.json"),
            {
                "source": source,
                "shards": shards,
                "tokenizer": {**facts, "bos": True, "eos": True},
            },
        )
    shares = dict.fromkeys(SOURCES, 1 / len(SOURCES))
    plan = make_plan("even", shares, dict.fromkeys(SOURCES, tokens), float(tokens))
    write_realised(str(folder / "mixture.yaml"), plan)


def measure(run: Run, ranks: Ranks, steps: int, warmup: int) -> None:
    """Train, and print the tables."""
    options, settings = run.options, run.settings
    model, optimizer, _ = start(run)
    trainer = Trainer(run, model, optimizer)
    pace = Pace(
        run.step_tokens,
        settings.model.flops_per_token,
        ranks.size,
        options.peak_flops or peak_flops(ranks.device),
    )
    speeds, loader = [], []
    for step in range(warmup + steps):
        pace.pause()
        facts = trainer.step(step)
        timing = pace.step(0)
        if step >= warmup:
            speeds.append(timing)
            loader.append(facts["loader_seconds"] * timing["tokens_per_second"] / run.step_tokens)
    activities = [ProfilerActivity.CPU]
    if ranks.device.type == "cuda":
        activities.append(ProfilerActivity.CUDA)
    with profile(activities=activities) as found:
        trainer.step(warmup + steps)
    if not ranks.is_first:
        return
    speed = statistics.median(timing["tokens_per_second"] for timing in speeds)
    mfu = [timing["mfu"] for timing in speeds if timing["mfu"] is not None]
    row = (
        options.model,
        f"{settings.model.num_parameters:,}",
        f"{settings.model.context_length:,}",
        f"{settings.micro_batch} of {settings.batch_size}",
        f"{speed:,.0f}",
        f"{statistics.median(mfu):.1%}" if mfu else "not known",
        f"{statistics.median(loader):.2%}",
        f"{memory_bytes(ranks.device) / 1e9:.1f}",
    )
    on_gpu = ranks.device.type == "cuda"
    device = torch.cuda.get_device_name(ranks.device) if on_gpu else "CPU"
    print(f"{machine()}; {ranks.size} x {device}; torch {torch.__version__}")
    print(f"compile: {options.compile}, recompute: {options.recompute}, tp: {options.tp}\n")
    header = ("model", "parameters", "context", "sequences", "tokens/s", "MFU", "loader", "GB")
    print(markdown_table(header, [row]))
    kind = "device" if ranks.device.type == "cuda" else "cpu"
    print(found.key_averages().table(sort_by=f"self_{kind}_time_total", row_limit=15))


def main() -> None:
    """Measure what the command line asks for."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n", maxsplit=1)[0])
    parser.add_argument("--model", default="1b")
    parser.add_argument("--steps", type=int, default=20)
    parser.add_argument("--warmup", type=int, default=5)
    parser.add_argument("--context-length", type=int)
    parser.add_argument("--micro-batch", type=int)
    parser.add_argument("--batch-tokens", type=int)
    parser.add_argument("--recompute", default="none", choices=["none", "selective", "full"])
    parser.add_argument("--compile", action="store_true")
    parser.add_argument("--tp", type=int, default=1)
    parser.add_argument("--peak-flops", type=float)
    arguments = vars(parser.parse_args())
    steps, warmup = arguments.pop("steps"), arguments.pop("warmup")
    options = TrainConfig(**arguments, steps=steps + warmup + 1)
    with (
        tempfile.TemporaryDirectory() as folder,
        connect(options.device, options.tp) as ranks,
    ):
        # Each process has its own copy, which is the same: nothing is shared but messages.
        make_output(pathlib.Path(folder), 2_000_000, options.preset.model.vocab_size)
        measure(Run.open(folder, options, ranks), ranks, steps, warmup)


if __name__ == "__main__":
    main()
