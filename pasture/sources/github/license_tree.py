"""Which licence holds for which folder of a repository.

The nearest folder up the tree that states a licence decides. A licence above a vendored
folder (``third_party/zlib``) does not reach into it: other people's code is under their
licence, and where it is not told, it is unknown.
"""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Collection, Mapping

from pasture.sources.github import licenses, package_metadata, spdx
from pasture.sources.github.spdx import Expression
from pasture.text import code_languages

VENDORED = frozenset(
    {
        "vendor", "vendors", "vendored", "_vendor", "third_party", "third-party", "thirdparty",
        "3rdparty", "3rd_party", "node_modules", "bower_components", "jspm_packages", "external",
        "externals", "extern", "godeps", "pods", "carthage", "submodules",
    }
)  # fmt: skip
"""Names of folders that hold other people's code, in lower case; ours."""

_LICENSE_NAME = re.compile(
    r"^(?:(?:[a-z0-9]{1,20}[-_.])?(?:un)?licen[cs]es?|copying|copyright)(?:[-_.].{0,40})?$"
)
_OF_SOMETHING_ELSE = re.compile(
    r"third|3rd|notice|bundled|depend|vendor|\bdocs?\b|fonts?\b|icon|asset|image|header|template"
    r"|check|sample|example|\bdata\b"
)
_DOCUMENTATION = frozenset({"doc", "docs", "documentation"})
_LICENSES_FOLDERS = ("LICENSES", "licenses")


def is_license_file(path: str) -> bool:
    """Tell whether a file of this name states the licence of the folder that it stands in."""
    *folders, name = path.lower().split("/")
    if not _DOCUMENTATION.isdisjoint(folders):
        return False  # a manual's page about the licence
    if _LICENSE_NAME.match(name) is None or _OF_SOMETHING_ELSE.search(name):
        return False
    return code_languages.detect(name, "") in (None, "Text", "Markdown", "reStructuredText")


def speaks_of_license(path: str) -> bool:
    """Tell whether ``LicenseTree`` wants to read a file: a licence, or package metadata."""
    folder, _, base = path.rpartition("/")
    collected = folder.rpartition("/")[2] in _LICENSES_FOLDERS and (
        "." not in base or base.endswith((".txt", ".md"))
    )
    return collected or is_license_file(path) or package_metadata.is_metadata(base)


@dataclasses.dataclass(frozen=True, slots=True)
class Found:
    """A licence and the file that states it."""

    expression: Expression
    origin: str


class LicenseTree:
    """The licences of one repository, from the texts of the files that state them.

    Args:
        files: The text of each licence and metadata file, by its path in the repository.
        nested: Folders that are repositories of their own, such as submodules.
    """

    def __init__(self, files: Mapping[str, str], nested: Collection[str] = ()):
        self._by_folder: dict[str, list[str]] = {}
        self._files = files
        self._nested = frozenset(nested)
        self._stated: dict[str, Found | None] = {}
        for path in sorted(files):
            folder, _, base = path.rpartition("/")
            parent, _, own = folder.rpartition("/")
            if own in _LICENSES_FOLDERS and not package_metadata.is_metadata(base):
                folder = parent
            self._by_folder.setdefault(folder, []).append(path)

    def of_file(self, path: str, default: Found | None = None) -> Found | None:
        """The licence that holds for a file, or None where none is stated.

        ``default`` is what holds for the repository where no file at its root states one.
        """
        folder = path.rpartition("/")[0]
        while True:
            if folder not in self._stated:
                self._stated[folder] = self._state(folder)
            found = self._stated[folder]
            if found is not None:
                return found
            parent, _, own = folder.rpartition("/")
            if not folder:
                return default
            if own.lower() in VENDORED or folder in self._nested:
                return None
            folder = parent

    def _state(self, folder: str) -> Found | None:
        """What a folder's own files state: its licence files, else its package's metadata."""
        paths = self._by_folder.get(folder, [])
        metadata = [path for path in paths if package_metadata.is_metadata(_base(path))]
        texts = [path for path in paths if path not in metadata]
        direct = [path for path in texts if path.rpartition("/")[0] == folder]
        stated: Expression | None = None
        origin = ""
        for path in metadata:
            stated = package_metadata.license_of(_base(path), self._files[path])
            if stated is not None:
                origin = path
                break
        read = {path: licenses.of_license_file(self._files[path]) for path in direct or texts}
        known = {path: expression for path, expression in read.items() if expression is not None}
        if known:
            # Several licence files may mean a choice; only the metadata can say so.
            if len(known) > 1 and stated is not None and spdx.is_choice(stated):
                return Found(stated, origin)
            return Found(spdx.combine("AND", *known.values()), ", ".join(known))
        unknown = [path for path in read if len(self._files[path].split()) > 3]
        if unknown and not all(_base(path).lower().startswith("copyright") for path in unknown):
            return Found("LicenseRef-unknown", unknown[0])
        return Found(stated, origin) if stated is not None else None


def _base(path: str) -> str:
    return path.rpartition("/")[2]
