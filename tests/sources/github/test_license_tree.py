"""Which licence holds for which folder."""

from __future__ import annotations

import pytest

from pasture.sources.github import spdx
from pasture.sources.github.license_tree import (
    Found,
    LicenseTree,
    is_license_file,
    speaks_of_license,
)

MIT = "Released under the MIT license.\n"
GPL = "GNU GENERAL PUBLIC LICENSE\nVersion 3, 29 June 2007\n"
APACHE = "Licensed under the Apache License, Version 2.0.\n"
PACKAGE_MIT = '{"license": "MIT"}'


def verdict(files: dict[str, str], path: str, default: Found | None = None) -> str | None:
    found = LicenseTree(files).of_file(path, default)
    return None if found is None else f"{spdx.to_text(found.expression)} ({found.origin})"


@pytest.mark.parametrize(
    ("files", "path", "expected"),
    [
        ({}, "a.py", None),
        ({"LICENSE": MIT}, "a.py", "MIT (LICENSE)"),
        ({"LICENSE": MIT}, "deep/er/a.py", "MIT (LICENSE)"),
        ({"LICENSE": MIT, "sub/LICENSE": GPL}, "sub/in/a.py", "GPL (sub/LICENSE)"),
        ({"LICENSE": GPL, "sub/LICENSE": MIT}, "sub/a.py", "MIT (sub/LICENSE)"),
        ({"LICENSE": GPL, "sub/package.json": PACKAGE_MIT}, "sub/a.js", "MIT (sub/package.json)"),
        ({"LICENSE": MIT, "sub/package.json": "{}"}, "sub/a.js", "MIT (LICENSE)"),
        ({"package.json": PACKAGE_MIT}, "a.js", "MIT (package.json)"),
        # A licence's text is believed before the metadata beside it.
        ({"LICENSE": GPL, "package.json": PACKAGE_MIT}, "a.js", "GPL (LICENSE)"),
        (
            {"LICENSE": "You may look, but ask Ada first.", "package.json": PACKAGE_MIT},
            "a.js",
            "LicenseRef-unknown (LICENSE)",
        ),
        ({"LICENSE": "../LICENSE", "package.json": PACKAGE_MIT}, "a.js", "MIT (package.json)"),
        # Several licence files all hold, unless the metadata offers a choice.
        (
            {"LICENSE-MIT": MIT, "LICENSE-GPL": GPL},
            "a.rs",
            "GPL AND MIT (LICENSE-GPL, LICENSE-MIT)",
        ),
        (
            {
                "LICENSE-MIT": MIT,
                "LICENSE-GPL": GPL,
                "Cargo.toml": '[package]\nlicense = "MIT OR GPL-3.0"\n',
            },
            "a.rs",
            "MIT OR GPL-3.0 (Cargo.toml)",
        ),
        ({"LICENSES/MIT.txt": MIT}, "src/a.c", "MIT (LICENSES/MIT.txt)"),
        ({"LICENSE": MIT, "licenses/lib.txt": GPL}, "src/a.c", "MIT (LICENSE)"),
        # A licence above a vendored folder does not reach into it.
        ({"LICENSE": MIT}, "vendor/lib/a.c", None),
        ({"LICENSE": MIT}, "src/third_party/a.c", None),
        (
            {"LICENSE": MIT, "vendor/lib/COPYING": APACHE},
            "vendor/lib/a.c",
            "Apache-2.0 (vendor/lib/COPYING)",
        ),
        (
            {"LICENSE": MIT, "vendor/LICENSE": APACHE},
            "vendor/lib/a.c",
            "Apache-2.0 (vendor/LICENSE)",
        ),
        ({"LICENSE": MIT}, "vendors.c", "MIT (LICENSE)"),
    ],
)
def test_nearest_licence_wins(files: dict[str, str], path: str, expected: str | None) -> None:
    assert verdict(files, path) == expected


def test_the_default_holds_at_the_root_only_where_nothing_is_stated() -> None:
    default = Found("MIT", "license column")
    assert verdict({}, "a/b.py", default) == "MIT (license column)"
    assert verdict({"LICENSE": GPL}, "a/b.py", default) == "GPL (LICENSE)"
    assert verdict({}, "vendor/b.py", default) is None


def test_a_submodule_is_not_under_the_licence_around_it() -> None:
    tree = LicenseTree({"LICENSE": MIT}, nested={"lib/other"})
    assert tree.of_file("lib/other/src/a.c") is None
    assert tree.of_file("lib/a.c") == Found("MIT", "LICENSE")


@pytest.mark.parametrize(
    "path",
    [
        "LICENSE", "license", "LICENCE.txt", "License.md", "LICENSE.rst", "LICENSE-MIT",
        "LICENSE.APACHE", "LICENSE-2.0.txt", "MIT-LICENSE.txt", "mit.license", "COPYING",
        "COPYING.LESSER", "UNLICENSE", "COPYRIGHT", "src/LICENSE", "licenses.txt",
    ],
)  # fmt: skip
def test_license_files(path: str) -> None:
    assert is_license_file(path)
    assert speaks_of_license(path)


@pytest.mark.parametrize(
    "path",
    [
        "license.py", "licenses.go", "LICENSE.java", "license-checker.js", "copying.c",
        "LICENSE-3rdparty.txt", "LICENSE-third-party", "NOTICE", "LICENSE.header",
        "docs/license.rst", "README.md", "licensed",
    ],
)  # fmt: skip
def test_other_files(path: str) -> None:
    assert not is_license_file(path)
