"""A tokenizer.json in a recipe: from documents to shards, and what fails before any work."""

from __future__ import annotations

import json
import pathlib
from typing import Any

import pyarrow as pa
import pytest
import tokenizers
import yaml
from tokenizers import decoders, models, pre_tokenizers, trainers

from pasture import storage
from pasture.driver.run import run_recipe
from pasture.errors import ConfigError, ModelError
from pasture.manifests.outputs import Output, kept_rows
from pasture.recipes.load import load_recipe
from pasture.tokenize.reader import TokenCorpus
from pasture.tokenize.verify import verify_tokens


def write_tokenizer(path: pathlib.Path, special: list[str]) -> tokenizers.Tokenizer:
    tokenizer = tokenizers.Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=400,
        special_tokens=special,
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        show_progress=False,
    )
    tokenizer.train_from_iterator(["The river in the valley was built before the war."], trainer)
    tokenizer.save(str(path))
    return tokenizer


def run(raw: pathlib.Path, body: dict[str, Any], tokenizer: dict[str, Any], output: str) -> None:
    (raw / "recipe.yaml").write_text(yaml.safe_dump({**body, "tokenizer": tokenizer}))
    run_recipe(load_recipe(str(raw / "recipe.yaml")), output, force=True)


def test_a_tokenizer_json_makes_the_shards(
    raw: pathlib.Path, recipe_body: dict[str, Any], tmp_path: pathlib.Path
) -> None:
    output = tmp_path / "out"
    tokenizer = write_tokenizer(raw / "mine.json", ["<|bos|>", "<|eos|>"])
    names = {"path": "mine.json", "bos_token": "<|bos|>", "eos_token": "<|eos|>"}
    run(raw, recipe_body, names, str(output))
    assert list(verify_tokens(str(output))) == []
    texts = {row["id"]: row["text"] for _, row in kept_rows(Output(str(output)), "c4")}
    seen = 0
    for path in output.glob("tokens/c4/*.arrow"):
        for row in pa.ipc.open_file(path).read_all().to_pylist():
            assert row["tokens"] == [0, *tokenizer.encode(texts[row["id"]]).ids, 1]
            seen += 1
    assert seen == len(texts)
    facts = TokenCorpus.open(str(output)).tokenizer
    path = str(output / "tokenizer/tokenizer.json")
    assert facts == {
        "sha256": storage.sha256(path),
        "vocab_size": tokenizer.get_vocab_size(),
        "dtype": "uint16",
        "bos": True,
        "eos": True,
        "bos_id": 0,
        "eos_id": 1,
    }
    # As its library reads it, the copy says which tokens begin and end a text.
    assert tokenizers.Tokenizer.from_file(path).encode("").ids == [0, 1]


def test_the_file_counts_and_takes_the_place_of_another(
    raw: pathlib.Path, recipe_body: dict[str, Any], tmp_path: pathlib.Path
) -> None:
    output = tmp_path / "out"
    write_tokenizer(raw / "mine.json", ["<s>", "</s>"])
    run(raw, recipe_body, {"path": "mine.json"}, str(output))
    first = Output(str(output)).manifest("tokenizer")
    assert list(first["files"]) == ["tokenizer.json"]
    assert list(first["config"]) == ["sha256"]
    assert (output / "tokenizer/tokenizer.json").read_bytes() == (raw / "mine.json").read_bytes()
    run(raw, recipe_body, recipe_body["tokenizer"], str(output))
    names = sorted(path.name for path in (output / "tokenizer").iterdir())
    assert names == ["MANIFEST.json", "card.json", "tokenizer.model", "tokenizer.vocab"]
    assert list(verify_tokens(str(output))) == []


@pytest.mark.parametrize(
    ("special", "names", "error", "message"),
    [
        (["<|endoftext|>"], {}, ConfigError, r"mine\.json has no bos id; set tokens\.bos to"),
        (["<s>"], {"eos_token": "[END]"}, ConfigError, r"eos_token: .* has no token '\[END\]'"),
        (None, {}, ModelError, r"mine\.json is not a Hugging Face tokenizer\.json"),
    ],
)
def test_what_cannot_work_fails_before_any_work(
    raw: pathlib.Path,
    recipe_body: dict[str, Any],
    tmp_path: pathlib.Path,
    special: list[str] | None,
    names: dict[str, str],
    error: type[Exception],
    message: str,
) -> None:
    if special is None:
        (raw / "mine.json").write_text(json.dumps({"hidden_size": 128}))
    else:
        write_tokenizer(raw / "mine.json", special)
    with pytest.raises(error, match=message):
        run(raw, recipe_body, {"path": "mine.json", **names}, str(tmp_path / "out"))
    assert not (tmp_path / "out" / "documents").exists()


@pytest.mark.parametrize("path", ["", "mine.model"])
def test_only_a_tokenizer_json_takes_names(
    raw: pathlib.Path, recipe_body: dict[str, Any], tmp_path: pathlib.Path, path: str
) -> None:
    with pytest.raises(ConfigError, match=r"only a tokenizer\.json takes them"):
        run(raw, recipe_body, {"path": path, "bos_token": "<s>"}, str(tmp_path / "out"))
