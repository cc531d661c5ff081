"""What ``pasture doctor`` finds, in this environment and in damaged ones."""

from __future__ import annotations

import importlib.metadata
import json
import pathlib
import re
import subprocess
import sys
import types

import pasture_kenlm
import pytest
from click.testing import CliRunner
from packaging.requirements import Requirement

from pasture.cli import main
from pasture.console import doctor
from pasture.console.doctor import Check, describe


def write_package(folder: pathlib.Path, name: str, version: str, *files: str) -> None:
    """Write an installed package: its metadata, and its modules, empty."""
    info = folder / f"{name.replace('-', '_')}-{version}.dist-info"
    info.mkdir()
    (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n")
    (info / "RECORD").write_text("".join(f"{file},,\n" for file in files))
    for file in files:
        (folder / file).parent.mkdir(exist_ok=True)
        (folder / file).touch()


def test_this_environment_works() -> None:
    result = CliRunner().invoke(main, ["doctor"])
    assert result.exit_code == 0, result.output
    assert result.output.endswith("The core works.\n")


def test_json_has_a_row_for_every_requirement() -> None:
    result = CliRunner().invoke(main, ["doctor", "--json"])
    rows = {row["name"]: row for row in json.loads(result.output)}
    assert {need.name for need in doctor.requirements()} <= set(rows)
    assert {f"extra [{name}]" for name in doctor.EXTRAS} <= set(rows)
    assert rows["KenLM"] == {
        "name": "KenLM",
        "state": "ok",
        "found": f"module, lmplz, build_binary in {pathlib.Path(pasture_kenlm.__file__).parent}",
        "needed_for": "n-gram models and perplexity",
        "mend": "",
        "required": True,
        "fails": False,
    }


def test_every_requirement_has_a_module_and_a_purpose() -> None:
    names = {re.sub(r"[-_.]+", "-", need.name).lower() for need in doctor.requirements()}
    assert names == set(doctor.LIBRARIES)


def test_every_extra_of_users_has_a_purpose() -> None:
    listed = set(importlib.metadata.metadata("pasture").get_all("Provides-Extra") or [])
    assert set(doctor.EXTRAS) == listed - {"dev", "docs", "release", "bench"}


def test_a_missing_core_package_fails(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(doctor, "requirements", lambda *_: [Requirement("no-such-package>=2")])
    result = CliRunner().invoke(main, ["doctor"])
    assert result.exit_code == 1
    assert "missing  no-such-package" in result.output
    assert f"{sys.executable} -m pip install 'no-such-package>=2'" in result.output


@pytest.mark.parametrize(
    ("version", "state"),
    [((3, 9), "broken"), ((3, 10), "ok"), ((3, 13), "ok"), ((3, 14), "broken")],
)
def test_supported_pythons(version: tuple[int, int], state: str) -> None:
    assert doctor.python_version(version).state == state


@pytest.mark.parametrize(
    ("wanted", "module", "state", "found"),
    [
        ("toy>=1", "toy_module", "ok", "1.5"),
        ("toy>=2", "toy_module", "broken", "1.5; >=2 needed"),
        ("toy>=1", "toy_other", "broken", "1.5; toy_other cannot be imported: No module named"),
        ("toys>=1", "toy_module", "missing", "not installed"),
    ],
)
def test_one_library(
    tmp_path: pathlib.Path,
    monkeypatch: pytest.MonkeyPatch,
    wanted: str,
    module: str,
    state: str,
    found: str,
) -> None:
    write_package(tmp_path, "toy", "1.5", "toy_module.py")
    monkeypatch.syspath_prepend(str(tmp_path))
    check = doctor.library(Requirement(wanted), module, "toys")
    assert check.state == state
    assert check.found.startswith(found)
    assert bool(check.mend) == (state != "ok")


def test_a_fasttext_that_only_predicts_is_broken(
    tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_package(tmp_path, "fasttext-predict", "0.9", "fasttext/__init__.py")
    monkeypatch.syspath_prepend(str(tmp_path))
    monkeypatch.delitem(sys.modules, "fasttext", raising=False)
    check = doctor.fasttext_module()
    assert check.state == "broken"
    assert check.found.startswith(f"{tmp_path / 'fasttext' / '__init__.py'} cannot train")
    assert "uninstall --yes fasttext-predict && " in check.mend


def test_two_packages_with_the_module_fasttext_are_broken(
    tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_package(tmp_path, "fasttext-predict", "0.9", "fasttext/__init__.py")
    write_package(tmp_path, "fasttext-numpy2", "0.10.4", "fasttext/__init__.py")
    monkeypatch.syspath_prepend(str(tmp_path))
    trained = types.SimpleNamespace(__file__="fasttext.py", train_supervised=print)
    monkeypatch.setitem(sys.modules, "fasttext", trained)
    check = doctor.fasttext_module()
    assert check.state == "broken"
    assert "fasttext-predict" in check.found
    assert "overwrite each other" in check.found


def test_kenlm_without_its_programs_is_broken(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pasture_kenlm, "__file__", "/no/such/folder/__init__.py")
    check = doctor.kenlm()
    assert (check.state, check.fails) == ("broken", True)
    assert "lmplz does not exist" in check.found


def test_a_missing_language_model_is_broken(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("pasture.filters.language.CARRIER", "no_such_package")
    assert doctor.language_model().state == "broken"


@pytest.mark.parametrize(
    ("said", "state"),
    [('openjdk version "17.0.15"', "ok"), ('openjdk version "11.0.2"', "broken")],
)
def test_java(
    tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch, said: str, state: str
) -> None:
    program = tmp_path / "bin" / "java"
    program.parent.mkdir()
    program.write_text(f"#!/bin/sh\necho '{said}' >&2\n")
    program.chmod(0o755)
    monkeypatch.setenv("JAVA_HOME", str(tmp_path))
    assert doctor.java().state == state


def test_no_java_does_not_fail(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("JAVA_HOME", raising=False)
    monkeypatch.setenv("PATH", "/no/such/folder")
    assert (doctor.java().state, doctor.java().fails) == ("missing", False)


def test_little_disk_does_not_fail(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(doctor, "SAMPLE_DISK_BYTES", 10**18)
    assert {(check.state, check.fails) for check in doctor.disks()} == {("low", False)}


def test_the_description_lists_what_to_do() -> None:
    checks = [
        Check("one", "ok", "1.0", "everything"),
        Check("two", "missing", "not installed", "filters", "pip install two"),
        Check("three", "missing", "not installed", "s3:// paths", "pip install three", False),
    ]
    assert list(describe(checks)) == [
        "ok       one    1.0",
        "missing  two    not installed",
        "absent   three  not installed",
        "",
        "Pasture cannot work before this is mended:",
        "  two, for filters",
        "    pip install two",
        "",
        "Absent or low, and not needed by the core:",
        "  three, for s3:// paths",
        "    pip install three",
        "",
        "problems: 1",
    ]


def test_the_module_needs_only_the_standard_library() -> None:
    code = (
        "import sys; from pasture.console import doctor\n"
        "print(sorted({'rich', 'yaml', 'pyarrow', 'numpy', 'fsspec'} & set(sys.modules)))"
    )
    result = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    )
    assert result.stdout.strip() == "[]"
