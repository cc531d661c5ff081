"""Stack Exchange: the archives of its sites at archive.org, with their sizes and SHA-1 sums."""

from __future__ import annotations

import dataclasses
import re
from typing import ClassVar

from pasture.errors import ConfigError, FetchError
from pasture.fetch.base import Manners, Origin, RemoteFile, Terms, checked_path, unique
from pasture.fetch.client import Client
from pasture.fetch.listings import parse_json, whole_number
from pasture.sources.stackexchange.source import is_meta, site_of

_ARCHIVE = re.compile(r"\A[A-Za-z0-9.]+(?:-([A-Za-z]+))?\.7z")
_SHA1 = re.compile(r"[0-9a-f]{40}")


@dataclasses.dataclass(frozen=True)
class StackExchangeOrigin(Origin):
    """The dump of Stack Exchange as archive.org holds it, one archive a site.

    Args:
        sites: Sites to fetch, such as ``beer.stackexchange.com``; none for the largest.
        item: Name of the dump at archive.org.
        limit: How many of the largest sites to fetch; the paper's 28 where no site is named.
    """

    name: ClassVar[str] = "stackexchange"
    terms: ClassVar[Terms] = Terms(
        licence="CC BY-SA 2.5, 3.0 or 4.0, by the date of each post. Attribution and share-alike "
        "bind whoever passes the texts on.",
        url="https://archive.org/details/stackexchange",
        size="about 25 GB of 7z for the posts of all sites, most of it Stack Overflow",
        advice="Stack Exchange offers newer dumps to its logged-in users only, site by site. For "
        "a trial name a small site: --site beer.stackexchange.com.",
    )
    manners: ClassVar[Manners] = Manners(connections=2, interval=1.0)

    base_url: str = "https://archive.org"
    sites: tuple[str, ...] = ()
    item: str = "stackexchange"

    def __post_init__(self) -> None:
        super().__post_init__()
        if not re.fullmatch(r"[A-Za-z0-9][\w.-]{0,99}", self.item, re.ASCII):
            raise ConfigError(f"stackexchange: --item is {self.item!r}; that is no item's name")

    def files(self, client: Client) -> list[RemoteFile]:
        """Read the item's list of files and choose the sites."""
        listing = self.url(f"metadata/{self.item}")
        body, _ = client.read(listing)
        entries = parse_json(body, listing, dict).get("files")
        if not isinstance(entries, list):
            raise FetchError(f"{listing} lists no files; check --item")
        found: dict[str, RemoteFile] = {}
        for entry in entries:
            name = str(entry.get("name", "")) if isinstance(entry, dict) else ""
            match = _ARCHIVE.fullmatch(name)
            if match is None or match[1] not in (None, "Posts"):
                continue
            path = checked_path(name, listing)
            digest = str(entry.get("sha1", ""))
            file = RemoteFile(
                f"stackexchange/{path}",
                (self.url(f"download/{self.item}/{path}"),),
                size=whole_number(entry.get("size"), listing),
                checksum=f"sha1:{digest}" if _SHA1.fullmatch(digest) else "",
            )
            site = site_of(path)
            # Where a site has both, its posts alone are enough.
            if site not in found or match[1] == "Posts":
                found[site] = file
        return unique(self._choose(found, listing), listing)

    def _choose(self, found: dict[str, RemoteFile], listing: str) -> list[RemoteFile]:
        if missing := sorted(set(self.sites) - set(found)):
            raise FetchError(f"{listing} has no archive of {', '.join(missing)}; check --site")
        if self.sites:
            return [found[site] for site in dict.fromkeys(self.sites)][: self.limit]
        sites = [site for site in found if not is_meta(site)]
        if not sites:
            raise FetchError(f"{listing} lists no archive of a site; check --item")
        sites.sort(key=lambda site: (-(found[site].size or 0), site))
        return [found[site] for site in sites[: self.limit or 28]]
