"""Which pages of a crawl Wikipedia cites: URLs in one spelling, looked up by hash.

English Wikipedia cites tens of millions of URLs; eight bytes are kept of each.
"""

from __future__ import annotations

import array
import urllib.parse
from collections.abc import Iterable, Iterator

import numpy as np
import xxhash

_DEFAULT_PORTS = {":80", ":443"}
# Parameters that say how a visitor came, not which page is meant.
_TRACKING = ("utm_",)
_TRACKING_NAMES = frozenset({"fbclid", "gclid", "dclid", "msclkid", "mc_cid", "mc_eid", "igshid"})


def normalise_url(url: str) -> str:
    """Bring a URL into one spelling, for comparison only: it need not lead anywhere.

    Scheme, ``www.``, fragment, default port, tracking parameters and a trailing slash go; the
    host is lower-cased, percent-escapes of plain characters are decoded. A string that is no web
    address becomes the empty string.
    """
    head, _, rest = url.strip().partition("//")
    if head.lower() not in ("", "http:", "https:") or not rest:
        return ""
    rest = rest.partition("#")[0]
    address, _, query = rest.partition("?")
    host, _, path = address.partition("/")
    host = host.rpartition("@")[2].lower().rstrip(".")
    for port in _DEFAULT_PORTS:
        host = host.removesuffix(port)
    host = host.removeprefix("www.")
    if not host:
        return ""
    kept = [part for part in query.split("&") if part and not _is_tracking(part)]
    address = "/".join((host, _plain(path))).rstrip("/")
    return f"{address}?{'&'.join(map(_plain, kept))}" if kept else address


def _is_tracking(parameter: str) -> bool:
    name = parameter.partition("=")[0].lower()
    return name.startswith(_TRACKING) or name in _TRACKING_NAMES


def _plain(part: str) -> str:
    """Spell the escapes of a path or parameter in one way, and keep those that have a meaning."""
    plain = urllib.parse.unquote_to_bytes(part.encode("utf-8", "surrogatepass"))
    return urllib.parse.quote(plain, safe="/=")


class CitedUrls:
    """A set of URLs, by 64-bit hash of their normalised spelling."""

    def __init__(self, urls: Iterable[str]) -> None:
        hashes = array.array("Q", map(_hash, filter(None, map(normalise_url, urls))))
        self._hashes = np.unique(np.frombuffer(hashes, np.uint64))

    def __len__(self) -> int:
        """The number of distinct URLs."""
        return len(self._hashes)

    def __contains__(self, url: str) -> bool:
        """Tell whether a URL, in any spelling, was cited."""
        plain = normalise_url(url)
        if not plain or not len(self._hashes):
            return False
        key = np.uint64(_hash(plain))
        place = int(np.searchsorted(self._hashes, key))
        return place < len(self._hashes) and bool(self._hashes[place] == key)


def _hash(url: str) -> int:
    return xxhash.xxh3_64_intdigest(url.encode("utf-8", "surrogatepass"))


def select_reference_pages(
    cited: CitedUrls, pages: Iterable[tuple[str | None, str]]
) -> Iterator[tuple[bool, str]]:
    """Tell for each page, given as ``(url, text)``, whether it was cited.

    The training draws its negatives from the others, by hash and seed. A page without a URL may
    be either, and is passed over.
    """
    for url, text in pages:
        if url is not None:
            yield url in cited, text
