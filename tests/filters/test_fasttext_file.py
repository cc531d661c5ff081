from __future__ import annotations

import os
import pathlib
import subprocess
import sys

import fasttext
import pytest

from pasture.errors import ModelError
from pasture.filters.fasttext_file import check
from pasture.filters.fasttext_models import FastTextOptions, train, training_line
from pasture.filters.language import default_model


@pytest.fixture(scope="module")
def models(tmp_path_factory: pytest.TempPathFactory) -> dict[str, bytes]:
    """Models of every layout, as bytes."""
    folder = tmp_path_factory.mktemp("models")
    lines = [training_line("ab"[i % 2], f"left{i % 2} right word{i}") for i in range(400)]
    (folder / "examples").write_text("".join(lines))
    plain = folder / "plain"
    train(folder / "examples", plain, FastTextOptions(dim=8, minn=2, maxn=3, bucket=500))
    for name, options in (
        ("quantized", {}),
        ("norms", {"qnorm": True}),
        ("pruned", {"cutoff": 300}),
    ):
        model = fasttext.load_model(str(plain))
        model.quantize(**options)
        model.save_model(str(folder / name))
    return {
        "lid.176.ftz": pathlib.Path(default_model()).read_bytes(),
        **{p.name: p.read_bytes() for p in folder.iterdir() if p.name != "examples"},
    }


def test_whole_models_pass(tmp_path: pathlib.Path, models: dict[str, bytes]) -> None:
    for name, content in models.items():
        (tmp_path / name).write_bytes(content)
        check(str(tmp_path / name))


@pytest.mark.parametrize("share", [0.0, 0.001, 0.01, 0.1, 0.5, 0.99])
def test_models_that_break_off_are_errors(
    tmp_path: pathlib.Path, models: dict[str, bytes], share: float
) -> None:
    path = tmp_path / "model"
    for content in models.values():
        path.write_bytes(content[: int(len(content) * share)])
        with pytest.raises(ModelError, match="fastText model"):
            check(str(path))


def test_a_byte_more_or_less_is_an_error(tmp_path: pathlib.Path, models: dict[str, bytes]) -> None:
    path = tmp_path / "model"
    for content in (models["plain"][:-1], models["plain"] + b"x", models["quantized"][:-1]):
        path.write_bytes(content)
        with pytest.raises(ModelError, match="bytes of"):
            check(str(path))


@pytest.mark.parametrize(
    "content",
    [b"", b"a" * 100, b"\xff" * 1000, b"\xba\x16\x4f\x2f\x0c\x00\x00\x00" + b"\xff" * 300],
)
def test_other_files_are_errors(tmp_path: pathlib.Path, content: bytes) -> None:
    path = tmp_path / "model"
    path.write_bytes(content)
    with pytest.raises(ModelError):
        check(str(path))


def test_word_vectors_are_an_error(tmp_path: pathlib.Path) -> None:
    (tmp_path / "text").write_text("some words of a text\n" * 10)
    model = fasttext.train_unsupervised(
        str(tmp_path / "text"), dim=4, minCount=1, bucket=10, thread=1, verbose=0, epoch=1, lr=0
    )
    model.save_model(os.fspath(tmp_path / "model"))
    with pytest.raises(ModelError, match="word vectors only"):
        check(str(tmp_path / "model"))


FLIPS = """
import collections, os, pathlib, random, resource, signal, sys
from pasture.errors import ModelError
from pasture.filters.fasttext_models import load, predict_best, predict_label

def use(path):
    model = load(path)
    predict_best(model, ["left0 right", "word7 left1", "", "\\u00e9"])
    predict_label(model, ["word3"], "a")

found = collections.Counter()
for number in range(int(sys.argv[2])):
    chance = random.Random(number)
    path = chance.choice(sorted(pathlib.Path(sys.argv[1]).glob("*.model")))
    content = bytearray(path.read_bytes())
    span = chance.choice((120, 400, len(content)))
    content[chance.randrange(min(span, len(content)))] ^= 1 << chance.randrange(8)
    flipped = path.with_suffix(f".{number}")
    flipped.write_bytes(content)
    child = os.fork()
    if child == 0:
        signal.alarm(20)
        try:
            use(str(flipped))
        except ModelError:
            os._exit(1)
        except BaseException as error:
            print(number, path.name, repr(error), flush=True)
            os._exit(2)
        os._exit(0)
    found[os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])] += 1
    flipped.unlink()
print(sorted(found))
"""


def test_a_bit_that_flips_ends_no_process(tmp_path: pathlib.Path, models: dict[str, bytes]) -> None:
    """A model is refused, or loads and predicts; nothing ends the process."""
    for name, content in models.items():
        if len(content) < 1 << 20:
            (tmp_path / f"{name}.model").write_bytes(content)
    done = subprocess.run(
        [sys.executable, "-c", FLIPS, str(tmp_path), "400"],
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout.splitlines() == ["[0, 1]"]
