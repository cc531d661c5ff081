"""GitHub: archives of the repositories of a list, from its archive host.

The host makes an archive when it is asked for: it announces no size, publishes no checksum, and
cannot go on in the middle, so an archive that breaks off is fetched from its start.
"""

from __future__ import annotations

import dataclasses
import re
import urllib.parse
from typing import ClassVar

from pasture import storage
from pasture.errors import ConfigError
from pasture.fetch.base import MAX_NAME_BYTES, Manners, Origin, RemoteFile, Terms
from pasture.fetch.client import Client

_REPOSITORY = re.compile(
    r"(?P<owner>[A-Za-z0-9][A-Za-z0-9-]{0,38})/(?P<name>[A-Za-z0-9._-]{1,100})"
    r"(?:@(?P<ref>[A-Za-z0-9_][\w./+-]{0,199}))?",
    re.ASCII,
)
_MAX_LIST_BYTES = 64 << 20


@dataclasses.dataclass(frozen=True)
class GitHubOrigin(Origin):
    """Archives of repositories, at https://codeload.github.com or a mirror.

    Args:
        repositories: File with ``owner/name`` or ``owner/name@ref`` a line; ``#`` starts a
            comment. Without a ref it is the default branch.
    """

    name: ClassVar[str] = "github"
    terms: ClassVar[Terms] = Terms(
        licence="Each repository has its own licence; the source keeps files under Apache, BSD "
        "and MIT licences only. GitHub's terms of service hold for the download.",
        url="https://docs.github.com/site-policy/github-terms/github-terms-of-service",
        size="a repository: 10 kB to some GB; sizes are not announced",
        advice="The paper's data set is on Google BigQuery and cannot be fetched this way "
        "(docs/sources/github.md). Name a tag or commit (owner/name@v1.0) to fetch the same "
        "files again later.",
    )
    manners: ClassVar[Manners] = Manners(connections=2, interval=1.0, size_probes=0)
    max_file_bytes: ClassVar[int] = 5 << 30

    base_url: str = "https://codeload.github.com"
    repositories: str = ""

    def __post_init__(self) -> None:
        super().__post_init__()
        if not self.repositories:
            raise ConfigError("github: give --repositories FILE, with owner/name@ref a line")

    def files(self, client: Client) -> list[RemoteFile]:
        """Read the list of repositories; asks no host."""
        with storage.open_read(self.repositories) as stream:
            text = stream.read(_MAX_LIST_BYTES).decode("utf-8", "replace")
        found: dict[str, RemoteFile] = {}
        for number, line in enumerate(text.splitlines(), start=1):
            entry = line.partition("#")[0].strip()
            if not entry:
                continue
            file = self._archive(entry, f"{self.repositories}, line {number}")
            # GitHub's names differ in more than case, and so do the source's repositories.
            if found.setdefault(file.path.lower(), file) != file:
                raise ConfigError(
                    f"{self.repositories}, line {number}: {entry} is listed with another ref "
                    f"or spelling before; a corpus holds one of each repository"
                )
        if not found:
            raise ConfigError(f"{self.repositories} lists no repository; write owner/name a line")
        return list(found.values())[: self.limit]

    def _archive(self, entry: str, where: str) -> RemoteFile:
        match = _REPOSITORY.fullmatch(entry)
        if match is None or match["name"] in (".", "..") or ".." in (match["ref"] or ""):
            raise ConfigError(f"{where}: {entry[:100]!r} is no owner/name or owner/name@ref")
        owner, name, ref = match["owner"], match["name"], match["ref"] or "HEAD"
        path = f"github/{owner}__{name}.tar.gz"
        if len(path) > MAX_NAME_BYTES:
            raise ConfigError(f"{where}: {entry[:100]!r} is too long a name")
        address = f"{owner}/{name}/tar.gz/{urllib.parse.quote(ref)}"
        return RemoteFile(path, (self.url(address),))
