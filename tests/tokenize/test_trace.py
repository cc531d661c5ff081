"""Tracing: from a sequence, or a place in a shard, to the documents and the stages' decisions."""

from __future__ import annotations

import json
import pathlib
import shutil
from typing import Any

import pytest
from click.testing import CliRunner

from pasture import storage
from pasture.cli import main
from pasture.errors import ConfigError, StageError
from pasture.manifests.outputs import Output, kept_rows
from pasture.tokenize.encode import Encoder
from pasture.tokenize.reader import TokenCorpus, TokenShard
from pasture.tokenize.trace import SamplerSettings, trace_offset, trace_sequence

CONTEXT = 96


def call(*arguments: object, code: int = 0) -> Any:
    result = CliRunner().invoke(main, ["trace", *map(str, arguments), "--json"])
    assert result.exit_code == code, result.output
    return json.loads(result.output) if code == 0 else result.output


@pytest.fixture
def output(small_output: pathlib.Path) -> Output:
    return Output(str(small_output))


def test_the_documents_of_a_sequence_spell_its_ids(output: Output) -> None:
    """Each document's own text, encoded, has the ids of the sequence at its columns."""
    sampler = SamplerSettings(CONTEXT, 8, seed=3).sampler(output.root)
    encoder = Encoder(storage.join(output.root, "tokenizer", "tokenizer.model"))
    texts = {row["id"]: row["text"] for _, row in kept_rows(output, "c4")}
    counts = set()
    for row in range(8):
        ids = sampler.batch(5).tokens[row].tolist()
        traced = trace_sequence(output, sampler, 5, row)
        assert [t.first for t in traced] == [0, *(t.stop for t in traced[:-1])]
        assert traced[-1].stop == len(ids)
        for one in traced:
            whole = encoder.encode(texts[one.document.id])
            part = ids[one.first : one.stop]
            assert len(whole) == one.document.tokens
            assert part == (whole[: len(part)] if one.first else whole[-len(part) :]) or (
                len(traced) == 1
                and any(whole[i : i + len(part)] == part for i in range(len(whole)))
            )
        counts.add(len(traced))
    assert max(counts) > 1


def test_the_decisions_are_those_of_every_stage(output: Output) -> None:
    sampler = SamplerSettings(CONTEXT, 8, seed=3).sampler(output.root)
    for one in trace_sequence(output, sampler, 0, 0):
        assert one.document.url is not None
        assert [(d.stage, d.kept) for d in one.decisions] == [
            ("00-extract", True),
            ("10-language", True),
            ("20-exact", True),
        ]
        assert {d.row["id"] for d in one.decisions} == {one.document.id}
        assert one.decisions[1].row["language"] == "en"
        names = [name for step in one.decisions[1].rules["steps"] for name in step]
        assert names == ["language_id", "keep_languages"]


@pytest.mark.parametrize("split", ["train", "validation"])
def test_every_token_of_a_shard_leads_to_its_document(output: Output, split: str) -> None:
    for path in sorted(pathlib.Path(output.root, "tokens", "c4").glob(f"{split}-*.arrow")):
        shard = TokenShard(str(path))
        for offset in (0, shard.tokens // 2, shard.tokens - 1):
            found = trace_offset(output, str(path), offset)
            assert found.document.id == shard.document(offset)["id"]
            assert len(found.decisions) == 3
        with pytest.raises(ConfigError, match=f"offset: {shard.tokens} is not in 0 to"):
            trace_offset(output, str(path), shard.tokens)


def test_a_shard_that_the_manifest_does_not_name(output: Output, tmp_path: pathlib.Path) -> None:
    path = next(pathlib.Path(output.root, "tokens", "c4").glob("train-*.arrow"))
    strange = shutil.copy(path, tmp_path / "other.arrow")
    with pytest.raises(StageError, match=r"other\.arrow is no shard of c4"):
        trace_offset(output, str(strange), 0)


def test_tokens_without_their_documents(small_output: pathlib.Path, tmp_path: pathlib.Path) -> None:
    shutil.copytree(small_output / "tokens", tmp_path / "tokens")
    shutil.copy(small_output / "mixture.yaml", tmp_path)
    body = call(tmp_path, "--step", 1, "--row", 0)
    assert body["documents"][0]["decisions"] == []
    shown = CliRunner().invoke(main, ["trace", str(tmp_path), "--step", "1", "--row", "0"])
    assert "what let it in is not known here" in shown.output


def test_the_command_counts_steps_from_1_and_takes_the_presets_numbers(
    small_output: pathlib.Path, output: Output
) -> None:
    body = call(small_output, "--step", 4, "--row", 2)
    assert {key: body[key] for key in ("seed", "batch_size", "context_length")} == {
        "seed": 0,
        "batch_size": 8,
        "context_length": 256,
    }
    sampler = SamplerSettings(256, 8, seed=0).sampler(output.root)
    expected = trace_sequence(output, sampler, 3, 2)
    assert [d["id"] for d in body["documents"]] == [one.document.id for one in expected]
    first = body["documents"][0]
    assert first["source"] == "c4"
    assert [d["stage"] for d in first["decisions"]] == ["00-extract", "10-language", "20-exact"]
    assert all("text" not in d and d["characters"] > 0 for d in first["decisions"])


def test_a_row_of_a_rank_is_a_row_of_the_whole_batch(small_output: pathlib.Path) -> None:
    options = ("--step", 2, "--seed", 9, "--context-length", 32, "--batch-tokens", 256)
    whole = [call(small_output, *options, "--row", row)["documents"] for row in range(8)]
    for rank in range(4):
        for row in range(2):
            part = call(small_output, *options, "--row", row, "--rank", rank, "--ranks", 4)
            assert part["documents"] == whole[row * 4 + rank]


def test_the_command_takes_the_settings_of_a_checkpoint(
    small_output: pathlib.Path, tmp_path: pathlib.Path
) -> None:
    copy = tmp_path / "copy"
    shutil.copytree(small_output, copy)
    run = {
        "config": {"seed": 11},
        "settings": {"batch_size": 4, "model": {"context_length": 64}},
        "proportions": {"c4": 1.0},
        "tokens": TokenCorpus.open(str(copy)).token_counts,
    }
    for step, seed in ((10, 5), (20, 11)):
        body = {"step": step, "run": {**run, "config": {"seed": seed}}}
        storage.write_json(str(copy / f"checkpoints/step-{step:08d}/MANIFEST.json"), body)
    newest = call(copy, "--step", 1, "--row", 0)
    assert (newest["seed"], newest["batch_size"], newest["context_length"]) == (11, 4, 64)
    path = copy / "checkpoints/step-00000010"
    assert call(copy, "--step", 1, "--row", 0, "--checkpoint", path)["seed"] == 5
    assert call(copy, "--step", 1, "--row", 0, "--seed", 7)["seed"] == 7
    assert "leave one of them out" in call(
        copy, "--step", 1, "--row", 0, "--checkpoint", path, "--seed", 7, code=2
    )
    run["tokens"] = {"c4": 5}
    storage.write_json(str(path / "MANIFEST.json"), {"step": 10, "run": run})
    text = call(copy, "--step", 1, "--row", 0, "--checkpoint", path, code=1)
    assert "its sequences cannot be traced there" in text
    storage.write_json(str(path / "MANIFEST.json"), {"step": 10, "run": {}})
    text = call(copy, "--step", 1, "--row", 0, "--checkpoint", path, code=1)
    assert "is not a checkpoint's manifest" in text


def test_the_command_finds_a_shard_below_the_output(small_output: pathlib.Path) -> None:
    path = next((small_output / "tokens" / "c4").glob("train-*.arrow"))
    inner = path.relative_to(small_output)
    body = call(small_output, "--shard", inner, "--offset", 3)
    assert body["documents"] == call(small_output, "--shard", path, "--offset", 3)["documents"]
    shown = CliRunner().invoke(
        main, ["trace", str(small_output), "--shard", str(inner), "--offset", "3"]
    )
    assert "keep_languages: languages ['en']" in shown.output


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ((), "give --step and --row, or --shard and --offset"),
        (("--step", 1), "give --step and --row"),
        (("--step", 1, "--row", 0, "--shard", "x", "--offset", 1), "give --step and --row"),
        (("--step", 1, "--row", 0, "--rank", 2, "--ranks", 2), "--rank 2 is not one of 2"),
        (("--step", 0, "--row", 0), "Invalid value for '--step'"),
        (("--step", 1, "--row", 8), "rows from 0 to 7"),
        (("--step", 1, "--row", 0, "--model", "huge"), "unknown preset 'huge'"),
    ],
)
def test_words_that_cannot_work(
    small_output: pathlib.Path, arguments: tuple[object, ...], message: str
) -> None:
    assert message in call(small_output, *arguments, code=2)
