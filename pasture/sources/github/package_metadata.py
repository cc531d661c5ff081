"""Reads the licence that a package's metadata states: ``pyproject.toml``, ``package.json`` ...

Only the licence is wanted, so nothing is parsed as a whole but JSON: TOML, INI and the others
are read line by line, which no input can make slow or deep. A field that points at a file
("see LICENSE") says nothing; the file is read on its own.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator

from pasture.sources.github import spdx
from pasture.sources.github.spdx import Expression

MAX_CHARS = 500_000
"""Longest metadata file that is read; ours."""

_SECTIONS = frozenset({"metadata", "project", "package", "tool.poetry", "workspace.package"})
_POINTER = re.compile(r"^(?:see|file)\b|\bsee licen[cs]e\b|^(?:\./)?licen[cs]e(?:\.\w+)?$", re.I)
_INLINE_TEXT = re.compile(r"""\btext\s*=\s*["']([^"']{1,200})["']""")
_CLASSIFIER = re.compile(r"License :: (?:OSI Approved :: )?([^\"'\n,]{2,100})")
_LINE = re.compile(
    r"""(?m)^[ \t]*(?:\w+\.)?licenses?[ \t]*[:=][ \t]*\[?[ \t]*["']?([^"'\]\n,#]{2,200})"""
)
_POM = re.compile(r"<license>\s*<name>([^<]{2,200})</name>", re.I)
_NO_ANSWER = frozenset({"unknown", "none", "", "other", "dual license", "various", "custom"})


def is_metadata(base: str) -> bool:
    """Tell whether a file of this name may state its package's licence."""
    return base in _READERS or base.endswith((".gemspec", ".cabal", ".podspec"))


def license_of(base: str, text: str) -> Expression | None:
    """The licence that a metadata file states, or None where it states none."""
    reader = _READERS.get(base, _from_lines)
    return reader(text[:MAX_CHARS]) if len(text) <= MAX_CHARS else None


def _parse(value: str) -> Expression | None:
    """Read one field. A long one is the licence's whole text, which people paste there."""
    value = value.strip().strip("\"'").strip()
    if value.lower() in _NO_ANSWER or len(value) > 200 or _POINTER.search(value):
        return None
    return spdx.parse(value)


def _from_json(text: str) -> Expression | None:
    try:
        package = json.loads(text)
    except (ValueError, RecursionError):
        return None  # broken metadata states no licence, so the files stay out
    if not isinstance(package, dict):
        return None
    value = package.get("license") or package.get("licenses")
    values = value if isinstance(value, list) else [value]
    names = [v.get("type") or v.get("name") if isinstance(v, dict) else v for v in values]
    found = [_parse(name) for name in names if isinstance(name, str)]
    # A list is a choice, in npm's old form and in Composer's.
    known = [expression for expression in found if expression is not None]
    return spdx.combine("OR", *known) if known and len(known) == len(values) else None


def _fields(text: str) -> Iterator[tuple[str, str]]:
    """The ``key = value`` lines of a TOML or INI file that stand in a package's section."""
    section = ""
    for line in text.splitlines():
        bare = line.strip()
        if bare.startswith("[") and bare.endswith("]") and "=" not in bare:
            section = bare.strip("[] ")
        elif section in _SECTIONS and "=" in bare and not line[:1].isspace():
            key, _, value = bare.partition("=")
            yield key.strip().lower().replace("-", "_"), value.strip()


def _from_ini(text: str) -> Expression | None:
    for key, value in _fields(text):
        if key in ("license", "license_expression", "licence"):
            inline = _INLINE_TEXT.search(value) if value.startswith("{") else None
            if value.startswith("{") and inline is None:
                continue
            found = _parse(inline[1] if inline else value.partition(" #")[0])
            if found is not None:
                return found
    return _from_classifiers(text)


def _from_classifiers(text: str) -> Expression | None:
    """Read Python's trove classifiers; several of them are not said to be a choice."""
    names = dict.fromkeys(_CLASSIFIER.findall(text))
    found = [
        _parse(re.sub(r"\s{0,9}\([^)]{0,100}\)", "", name))
        for name in names
        if name != "OSI Approved"
    ]
    return spdx.all_of(expression for expression in found if expression is not None)


def _from_headers(text: str) -> Expression | None:
    """Read METADATA or PKG-INFO, whose header fields end at the first empty line."""
    head = text.partition("\n\n")[0]
    for name in ("License-Expression", "License"):
        match = re.search(rf"(?m)^{name}:[ \t]*([^\n]+)$", head)
        found = _parse(match[1]) if match else None
        if found is not None:
            return found
    return _from_classifiers(head)


def _from_lines(text: str) -> Expression | None:
    """Read the first ``license: X`` or ``license = "X"`` line: gemspec, cabal, setup.py."""
    match = _LINE.search(text)
    found = _parse(match[1].partition(" + ")[0]) if match else None
    return found if found is not None else _from_classifiers(text)


def _from_setup_py(text: str) -> Expression | None:
    match = re.search(r"""\blicen[cs]e\s{0,9}=\s{0,9}["']([^"'\n]{2,200})["']""", text)
    found = _parse(match[1]) if match else None
    return found if found is not None else _from_classifiers(text)


def _from_r(text: str) -> Expression | None:
    """Read R's DESCRIPTION, where ``MIT + file LICENSE`` is the usual form, and | is OR."""
    match = re.search(r"(?m)^License:[ \t]*([^\n]+)$", text)
    return _parse(re.sub(r"\s{0,9}\+\s{0,9}file\s{1,9}\w+", "", match[1])) if match else None


def _from_pom(text: str) -> Expression | None:
    # Maven says that several licences are a choice.
    found = [_parse(name) for name in _POM.findall(text)]
    known = [expression for expression in found if expression is not None]
    return spdx.combine("OR", *known) if known else None


_READERS = {
    "package.json": _from_json,
    "bower.json": _from_json,
    "composer.json": _from_json,
    "pyproject.toml": _from_ini,
    "setup.cfg": _from_ini,
    "Cargo.toml": _from_ini,
    "METADATA": _from_headers,
    "PKG-INFO": _from_headers,
    "setup.py": _from_setup_py,
    "DESCRIPTION": _from_r,
    "pom.xml": _from_pom,
}
