"""Weighs the licence rules against licence libraries: keep or drop, and files a second.

    python -m benchmarks.licenses [--packages FOLDER] [--max-chars 20000] [--detectors NAME ...]

Two sets of texts. The table of ``tests/sources/github/test_licenses.py`` says for each text whether
it is kept. For the packages installed in FOLDER (this Python's ``site-packages`` otherwise), the
licence files are judged together and compared with what their METADATA states; a package
without a licence file or without a stated licence is left out, and so is one with a licence file
over ``--max-chars``, on which the libraries take minutes. A library that is not
importable is named as absent. A library keeps a text if it finds a licence in it and all that
it finds, joined by AND, is permitted by the source's default ``licenses``.
"""

from __future__ import annotations

import argparse
import dataclasses
import importlib.metadata
import importlib.util
import pathlib
import sysconfig
import time
from collections.abc import Callable

from pasture.sources.github import licenses, package_metadata, spdx
from pasture.sources.github.license_tree import is_license_file
from pasture.sources.github.source import GitHub

ALLOWED = GitHub(inputs=()).licenses
TABLE = pathlib.Path(__file__).parents[1] / "tests" / "sources" / "test_licenses.py"
WARM_UP = "Permission is hereby granted"

Judge = Callable[[str], bool]


def permitted(expression: spdx.Expression | None) -> bool:
    return expression is not None and spdx.permitted(expression, ALLOWED) is not None


def pasture() -> Judge:
    return lambda text: permitted(licenses.of_license_file(text))


def scancode() -> Judge:
    from licensedcode.cache import (  # type: ignore[import-not-found]
        build_spdx_license_expression,
        get_index,
    )
    from licensedcode.detection import detect_licenses  # type: ignore[import-not-found]

    index = get_index()

    def keep(text: str) -> bool:
        found = [
            spdx.parse(str(build_spdx_license_expression(detection.license_expression)))
            for detection in detect_licenses(index=index, query_string=text)
            if detection.license_expression
        ]
        return bool(found) and all(map(permitted, found))

    return keep


def spdx_matcher() -> Judge:
    from spdx_matcher import analyse_license_text  # type: ignore[import-not-found]

    def keep(text: str) -> bool:
        found = analyse_license_text(text)[0]["licenses"] if text else {}
        return permitted(spdx.all_of(found))

    return keep


CANDIDATES: dict[str, tuple[Callable[[], Judge], str]] = {
    "pasture": (pasture, "pasture"),
    "scancode-toolkit": (scancode, "licensedcode"),
    "spdx-matcher": (spdx_matcher, "spdx_matcher"),
}


@dataclasses.dataclass(frozen=True, slots=True)
class Package:
    """An installed package: what its metadata states, and its licence files."""

    name: str
    kept: bool
    texts: tuple[str, ...]


def table() -> list[tuple[str, str, bool]]:
    """The name and the text of every case of the tests, and whether it is to be kept."""
    spec = importlib.util.spec_from_file_location("license_cases", TABLE)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    kept = [(name, text, True) for name, (text, _) in module.KEPT.items()]
    return kept + [(name, text, False) for name, text in module.DROPPED.items()]


def packages(folder: str, max_chars: int) -> list[Package]:
    """The packages of a ``site-packages`` folder that state a licence and hold its text."""
    found = []
    for package in importlib.metadata.distributions(path=[folder]):
        stated = package_metadata.license_of("METADATA", package.read_text("METADATA") or "")
        # Licence files beside the METADATA are the package's own; deeper ones are of its parts.
        own = [
            pathlib.Path(str(file.locate()))
            for file in package.files or ()
            if file.parts[0].endswith(".dist-info")
            and len([part for part in file.parts[1:-1] if part != "licenses"]) == 0
            and is_license_file(file.name)
        ]
        texts = tuple(path.read_text("utf-8", "replace") for path in sorted(own))
        if stated is not None and texts and max(map(len, texts)) <= max_chars:
            found.append(Package(package.metadata["Name"], permitted(stated), texts))
    return sorted(found, key=lambda package: package.name.lower())


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--packages", default=sysconfig.get_path("purelib"))
    parser.add_argument("--max-chars", type=int, default=20_000)
    parser.add_argument("--detectors", nargs="+", choices=CANDIDATES, default=[*CANDIDATES])
    args = parser.parse_args()
    cases, installed = table(), packages(args.packages, args.max_chars)
    files = sum(len(package.texts) for package in installed)
    print(f"{len(cases)} cases; {len(installed)} packages with {files} licence files\n")
    print("| detector | table right | wrongly kept | wrongly dropped | packages agree | files/s |")
    print("|---|---|---|---|---|---|")
    notes = []
    for name in args.detectors:
        make, module = CANDIDATES[name]
        if importlib.util.find_spec(module) is None:
            print(f"| {name} | not installed | | | | |")
            continue
        judge = make()
        judge(WARM_UP)
        start = time.process_time()
        verdicts = [judge(text) for _, text, _ in cases]
        agreed = [all(map(judge, package.texts)) == package.kept for package in installed]
        speed = (len(cases) + files) / (time.process_time() - start)
        pairs = list(zip(cases, verdicts, strict=True))
        kept = [label for (label, _, right), verdict in pairs if verdict and not right]
        dropped = [label for (label, _, right), verdict in pairs if right and not verdict]
        print(
            f"| {name} | {len(cases) - len(kept) - len(dropped)} of {len(cases)} | {len(kept)} "
            f"| {len(dropped)} | {sum(agreed)} of {len(installed)} | {speed:,.3g} |",
            flush=True,
        )
        other = [
            f"{package.name} (metadata: {'keep' if package.kept else 'drop'})"
            for package, same in zip(installed, agreed, strict=True)
            if not same
        ]
        notes.append(
            f"\n{name}\n  wrongly kept: {'; '.join(kept)}\n  wrongly dropped: "
            f"{'; '.join(dropped)}\n  unlike its metadata: {'; '.join(other)}"
        )
    print("\n".join(notes))


if __name__ == "__main__":
    main()
