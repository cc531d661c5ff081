"""Every layout gives the gradients of one process that compiles and shards nothing.

The cases are the product of compilation, recomputation, tensor parallel, FSDP, masks and shared
heads. All run in one group of processes (``gradient_ranks.py``), in float32 on the CPU with gloo.
By default a part runs in which each pair of values occurs; ``PASTURE_TEST_ALL=1`` runs all of
them, and those of the default part with the default compiler too.
"""

from __future__ import annotations

import dataclasses
import importlib.util
import itertools
import json
import os
import pathlib
import subprocess
import sys
from types import ModuleType
from typing import Any

import pytest
import torch

pytestmark = pytest.mark.timeout(3600)
HELPER = pathlib.Path(__file__).with_name("gradient_ranks.py")
ALL = os.environ.get("PASTURE_TEST_ALL") == "1"


@dataclasses.dataclass(frozen=True)
class Case:
    """One way to compute the gradients."""

    processes: int
    tp: int
    compile: bool
    recompute: str
    model: str
    mask: str

    def __str__(self) -> str:
        words = (
            f"{self.processes // self.tp}x{self.tp}",
            self.model,
            self.recompute,
            "compiled" if self.compile else "eager",
            self.mask,
        )
        return "-".join(words)

    def options(self) -> dict[str, Any]:
        return {
            "model": self.model,
            "tp": self.tp,
            "compile": self.compile,
            "recompute": self.recompute,
            "mask_documents": self.mask != "causal",
        }


LAYOUTS = ((1, 1), (2, 1), (2, 2), (4, 1), (4, 2))
EVERY = [
    Case(*layout, compile=compiled, recompute=recompute, model=model, mask=mask)
    for layout, compiled, recompute, model, mask in itertools.product(
        LAYOUTS,
        (False, True),
        ("none", "selective", "full"),
        ("equal", "grouped", "tied"),
        ("causal", "dense", "blocks"),
    )
]


def pairs(case: Case) -> set[tuple[str, Any, str, Any]]:
    """Give each pair of values that a case has; the layout is one value."""
    values = {
        "layout": (case.processes, case.tp),
        "compile": case.compile,
        "recompute": case.recompute,
        "model": case.model,
        "mask": case.mask,
    }
    return {
        (one, values[one], other, values[other]) for one, other in itertools.combinations(values, 2)
    }


def covering(cases: list[Case]) -> list[Case]:
    """Choose few cases in which each pair of values occurs, greedily."""
    left = set().union(*map(pairs, cases))
    chosen = []
    while left:
        best = max(cases, key=lambda case: len(pairs(case) & left))
        chosen.append(best)
        left -= pairs(best)
    return chosen


PART = covering(EVERY)
# Name of the compiler and the cases that it compiles.
RUNS = [("aot_eager", EVERY if ALL else PART)] + ([("inductor", PART)] if ALL else [])


def helper() -> ModuleType:
    spec = importlib.util.spec_from_file_location("gradient_ranks", HELPER)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="module", params=RUNS, ids=lambda run: run[0])
def found(
    request: pytest.FixtureRequest,
    tokens_output: pathlib.Path,
    tmp_path_factory: pytest.TempPathFactory,
) -> dict[Case, dict[str, Any]]:
    """What each case computed."""
    backend, cases = request.param
    folder = tmp_path_factory.mktemp("gradients")
    jobs = [
        {
            "processes": case.processes,
            "output": str(tokens_output),
            "options": case.options(),
            "blocks": case.mask == "blocks",
        }
        for case in cases
    ]
    done = subprocess.run(
        [sys.executable, str(HELPER), json.dumps(jobs), str(folder), backend],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-5000:]
    return {case: torch.load(folder / f"{n}.pt") for n, case in enumerate(cases)}


@pytest.fixture(scope="module")
def expected(tokens_output: pathlib.Path) -> dict[tuple[str, bool], dict[str, Any]]:
    """What one process computes that compiles, shards and recomputes nothing."""
    module = helper()
    module.add_presets()
    return {
        (model, mask): module.gradients(
            str(tokens_output), {"model": model, "mask_documents": mask}
        )
        for model in module.SHAPES
        for mask in (False, True)
    }


def test_gradients_of_every_weight_are_those_of_one_process(
    found: dict[Case, dict[str, Any]], expected: dict[tuple[str, bool], dict[str, Any]]
) -> None:
    """Within 2e-5 of the largest value of each weight's gradient."""
    wrong = {}
    for case, result in found.items():
        whole = expected[case.model, case.mask != "causal"]
        assert result["gradients"].keys() == whole["gradients"].keys()
        for name, gradient in whole["gradients"].items():
            assert gradient.abs().max() > 0
            strays = (result["gradients"][name] - gradient).abs().max() / gradient.abs().max()
            if not strays < 2e-5:
                wrong[f"{case} {name}"] = float(strays)
        assert result["loss"] == pytest.approx(whole["loss"], rel=1e-6)
    assert wrong == {}


def test_validation_losses_are_those_of_one_process(
    found: dict[Case, dict[str, Any]], expected: dict[tuple[str, bool], dict[str, Any]]
) -> None:
    for case, result in found.items():
        whole = expected[case.model, case.mask != "causal"]["validation"]
        assert result["validation"] == pytest.approx(whole, rel=1e-6), str(case)


def test_what_should_be_compiled_is_compiled(found: dict[Case, dict[str, Any]]) -> None:
    """Blocks and losses are, with recomputation too; else only FlexAttention is."""
    for case, result in found.items():
        # With and without gradients: the block, and the losses in training.
        least = 3 if case.compile else 2 if case.mask == "blocks" else 0
        assert least <= result["graphs"] <= 2 * least, (str(case), result["graphs"])


def test_masks_change_the_losses(expected: dict[tuple[str, bool], dict[str, Any]]) -> None:
    """Otherwise the masked cases would show nothing."""
    for model in ("equal", "grouped", "tied"):
        plain, masked = expected[model, False], expected[model, True]
        assert plain["loss"] != pytest.approx(masked["loss"], rel=1e-6)
        assert plain["validation"] != pytest.approx(masked["validation"], rel=1e-6)
