"""The licence that a package's metadata states."""

from __future__ import annotations

import json
import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pasture.sources.github import package_metadata, spdx

CLASSIFIER = "License :: OSI Approved :: "
SIZE = package_metadata.MAX_CHARS


@pytest.mark.parametrize(
    ("base", "text", "expected"),
    [
        ("package.json", '{"license": "MIT"}', "MIT"),
        ("package.json", '{"license": "(MIT OR GPL-2.0)"}', "MIT OR GPL-2.0"),
        ("package.json", '{"license": {"type": "BSD-3-Clause", "url": "x"}}', "BSD-3-Clause"),
        ("package.json", '{"licenses": [{"type": "MIT"}, {"type": "GPL"}]}', "MIT OR GPL"),
        ("package.json", '{"license": "SEE LICENSE IN LICENSE.md"}', None),
        ("package.json", '{"license": "UNLICENSED"}', "LicenseRef-proprietary"),
        ("package.json", '{"name": "x"}', None),
        ("package.json", "[1, 2]", None),
        ("package.json", '{"license": "MIT"', None),
        ("package.json", "[" * 200_000, None),
        ("package.json", '{"license": 3}', None),
        ("composer.json", '{"license": ["MIT", "GPL-3.0-only"]}', "MIT OR GPL-3.0-only"),
        ("Cargo.toml", '[package]\nlicense = "MIT/Apache-2.0"\n', "MIT OR Apache-2.0"),
        ("Cargo.toml", '[dependencies]\nlicense = "1.0"\n', None),
        ("Cargo.toml", '[package]\nlicense-file = "LICENSE"\n', None),
        ("pyproject.toml", '[project]\nlicense = "Apache-2.0"\n', "Apache-2.0"),
        ("pyproject.toml", '[project]\nlicense = {text = "BSD License"}\n', "LicenseRef-BSD"),
        ("pyproject.toml", '[project]\nlicense = {file = "LICENSE"}\n', None),
        ("pyproject.toml", '[tool.poetry]\nlicense = "MIT"\n', "MIT"),
        ("pyproject.toml", f'[project]\nclassifiers = ["{CLASSIFIER}MIT License"]\n', "MIT"),
        ("setup.cfg", "[metadata]\nlicense = BSD 3-Clause\n", "BSD-3-Clause"),
        ("setup.cfg", "[options]\nlicense = MIT\n", None),
        ("setup.py", 'setup(name="x", license="MIT")', "MIT"),
        (
            "setup.py",
            f'classifiers=["{CLASSIFIER}GNU General Public License v3 (GPLv3)"]',
            "GNU General Public License v3",
        ),
        ("METADATA", "Name: x\nLicense-Expression: MIT AND Zlib\n\nLicense: GPL", "MIT AND Zlib"),
        ("METADATA", "Name: x\nLicense: UNKNOWN\n\nbody", None),
        (
            "PKG-INFO",
            f"Name: x\nLicense: Dual License\nClassifier: {CLASSIFIER}BSD License\n"
            f"Classifier: {CLASSIFIER}Apache Software License\n",
            "LicenseRef-BSD AND Apache-2.0",
        ),
        ("DESCRIPTION", "Package: x\nLicense: MIT + file LICENSE\n", "MIT"),
        ("DESCRIPTION", "Package: x\nLicense: GPL (>= 2)\n", "GPL (>= 2)"),
        ("x.gemspec", 'spec.license = "MIT"\n', "MIT"),
        ("x.gemspec", "spec.licenses = ['Apache-2.0']\n", "Apache-2.0"),
        ("x.cabal", "license:             BSD3\nlicense-file: LICENSE\n", "BSD-3-Clause"),
        (
            "pom.xml",
            "<licenses><license>\n<name>Apache License, Version 2.0</name></license></licenses>",
            "Apache-2.0",
        ),
        ("pom.xml", "<project><name>MIT</name></project>", None),
    ],
)
def test_license_of(base: str, text: str, expected: str | None) -> None:
    assert package_metadata.is_metadata(base)
    found = package_metadata.license_of(base, text)
    if expected is None or " (>=" in expected:
        assert found is None or spdx.permitted(found, ("MIT", "Apache-2.0")) is None
    else:
        assert found is not None
        assert spdx.to_text(found) == expected


def test_other_files_are_no_metadata() -> None:
    assert not package_metadata.is_metadata("package.py")


@pytest.mark.parametrize(
    ("base", "text"),
    [
        ("pom.xml", "<license><name>" + " " * SIZE),
        ("pom.xml", "<license>" + " " * SIZE),
        ("pom.xml", "<license><name>ab</name>" * SIZE),
        ("DESCRIPTION", "License: a" + " " * SIZE),
        ("DESCRIPTION", "License: a" + " +" * SIZE),
        ("package.json", json.dumps({"license": [f"a{n}" for n in range(50_000)]})),
        ("composer.json", '{"license": ' * SIZE),
        ("setup.py", "".join(f"License :: a{n}\n" for n in range(50_000))),
        ("METADATA", "License: " + "(" * SIZE),
        ("setup.cfg", "[metadata]\n" + "license = {" + "text " * SIZE),
        ("a.cabal", "license " * SIZE),
        ("a.gemspec", "license" + "\t" * SIZE),
        ("pyproject.toml", "[" * SIZE),
        ("pyproject.toml", "x" * 10_000_000),
    ],
    ids=lambda text: text[:20],
)
def test_hostile_texts_take_bounded_time(base: str, text: str) -> None:
    start = time.process_time()
    for length in (SIZE, len(text)):
        package_metadata.license_of(base, text[:length])
    assert time.process_time() - start < 5


@settings(max_examples=50)
@given(
    st.sampled_from(
        ["package.json", "pyproject.toml", "setup.py", "METADATA", "pom.xml", "a.cabal"]
    ),
    st.text(max_size=300),
)
def test_no_text_breaks_the_readers(base: str, text: str) -> None:
    package_metadata.license_of(base, text)
    package_metadata.license_of(base, "license = " + text + "\n[project]\nlicense = " + text)
