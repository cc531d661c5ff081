"""The docs say what the program does: every command, source, step and reason has its place."""

from __future__ import annotations

import pathlib
import re
import subprocess
import sys

import pytest

from pasture.sources import SOURCES

ROOT = pathlib.Path(__file__).parent.parent
DOCS = ROOT / "docs"


def test_the_pages_made_from_the_code_are_up_to_date():
    script = str(ROOT / "scripts" / "reference-docs")
    result = subprocess.run([sys.executable, script, "--check"], capture_output=True, text=True)
    assert result.returncode == 0, result.stderr


@pytest.mark.parametrize("name", sorted(SOURCES))
def test_every_source_has_a_page(name):
    page = (DOCS / "sources" / f"{name}.md").read_text()
    assert len(page) > 1500


@pytest.mark.parametrize("name", sorted(SOURCES))
def test_every_reason_of_a_source_is_on_its_page(name):
    """Reasons are the literals that stand second in ``Rejected(...)``, or first in ``BadRow``."""
    folder = ROOT / "pasture" / "sources"
    modules = [folder / f"{name}.py", *(folder / name).rglob("*.py")]
    code = "".join(path.read_text() for path in modules if path.exists())
    reasons = set(
        re.findall(r"Rejected\(\s*[^,()]+(?:\([^()]*\))?[^,()]*,\s*\"([a-z_0-9]+)\"", code)
    )
    reasons |= set(re.findall(r"BadRow\(\s*\"([a-z_0-9]+)\"", code))
    page = (DOCS / "sources" / f"{name}.md").read_text()
    assert reasons
    assert {reason for reason in reasons if f"`{reason}`" not in page} == set()


def test_no_page_names_a_path_of_a_machine():
    pattern = re.compile(r"(^|[^\w.])/(home|root|work|tmp)/\w")
    found = [
        f"{path.relative_to(ROOT)}: {line}"
        for path in [*DOCS.rglob("*.md"), *ROOT.glob("*.md")]
        for line in path.read_text().splitlines()
        if pattern.search(line)
    ]
    assert found == []
