"""C4: the files of allenai/c4 on the Hugging Face hub, with the hub's own sizes and SHA-256."""

from __future__ import annotations

import dataclasses
import re
import urllib.parse
from collections.abc import Iterator
from typing import Any, ClassVar, Literal

from pasture.errors import ConfigError, FetchError
from pasture.fetch.base import Origin, RemoteFile, Terms, checked_path, unique
from pasture.fetch.client import Client
from pasture.fetch.listings import parse_json, whole_number

_NAME = re.compile(r"\A[\w.-]+/(c4-(train|validation)\.\d{5}-of-\d{5}\.json\.gz)", re.ASCII)
_NEXT = re.compile(r'<([^<>]{1,2000})>;\s{0,9}rel="?next"?')
_SHA256 = re.compile(r"[0-9a-f]{64}")
_MAX_PAGES = 100
"""Pages of a listing of 1,000 files each; the data set has about 1,000 files a variant."""


@dataclasses.dataclass(frozen=True)
class C4Origin(Origin):
    """The release of C4 in JSON, at https://huggingface.co or a mirror of the hub.

    Args:
        split: ``train``, which the recipes read, or ``validation``.
        variant: Folder of the data set: ``en``, ``en.noblocklist``, ``en.noclean`` or
            ``realnewslike``.
        revision: Branch, tag or commit of the data set.
    """

    name: ClassVar[str] = "c4"
    terms: ClassVar[Terms] = Terms(
        licence="ODC-BY 1.0, and Common Crawl's terms of use for the pages.",
        url="https://huggingface.co/datasets/allenai/c4",
        size="variant en: 305 GB in 1,024 files",
    )

    base_url: str = "https://huggingface.co"
    split: Literal["train", "validation"] = "train"
    variant: str = "en"
    revision: str = "main"

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.split not in ("train", "validation"):
            raise ConfigError(f"c4: --split is {self.split!r}; give train or validation")
        for option in ("variant", "revision"):
            if not re.fullmatch(r"(?!\.)[\w.-]{1,100}", getattr(self, option), re.ASCII):
                raise ConfigError(f"c4: --{option} is {getattr(self, option)!r}; that is no name")

    def files(self, client: Client) -> list[RemoteFile]:
        """Read the hub's list of the variant's folder."""
        listing = self.url(f"api/datasets/allenai/c4/tree/{self.revision}/{self.variant}")
        found = []
        for entry in self._entries(client, listing):
            match = _NAME.fullmatch(str(entry.get("path", "")))
            if match is None or match[2] != self.split:
                continue
            path = checked_path(match[0], listing)
            digest = str((entry.get("lfs") or {}).get("oid", ""))
            found.append(
                RemoteFile(
                    f"c4/{match[1]}",
                    (self.url(f"datasets/allenai/c4/resolve/{self.revision}/{path}"),),
                    size=whole_number(entry.get("size"), listing),
                    checksum=f"sha256:{digest}" if _SHA256.fullmatch(digest) else "",
                )
            )
        if not found:
            raise FetchError(f"{listing} lists no {self.split} file; check --variant and --split")
        return sorted(unique(found, listing), key=lambda file: file.path)[: self.limit]

    def _entries(self, client: Client, listing: str) -> Iterator[dict[str, Any]]:
        url = listing
        for _ in range(_MAX_PAGES):
            body, headers = client.read(url)
            page = parse_json(body, url, list)
            yield from (entry for entry in page if isinstance(entry, dict))
            match = _NEXT.search(headers.get("Link", ""))
            if match is None:
                return
            url = urllib.parse.urljoin(url, match[1])
            if not url.startswith(self.base_url.rstrip("/") + "/"):
                raise FetchError(f"{listing}: its next page is at another host; try again later")
        raise FetchError(f"{listing} has more than {_MAX_PAGES} pages; it is no listing of C4")
