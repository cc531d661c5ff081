"""Which pages of a crawl Wikipedia cites: URLs in one spelling, looked up by hash.

English Wikipedia cites tens of millions of URLs; eight bytes are kept of each.
"""

from __future__ import annotations

import array
from collections.abc import Iterable, Iterator

import numpy as np
import xxhash

from pasture.text.urls import normalise_url


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
