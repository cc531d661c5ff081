"""How many posts each site of Stack Exchange has: by the dump's table of sites, or by counting.

The dump has a table, ``Sites.xml``, with the number of questions and answers of each site. A site
that it does not name is counted in its own rows, for which its archive is read once.
"""

from __future__ import annotations

import functools
import posixpath
import re
from collections.abc import Iterable, Mapping

from lxml import etree

from pasture import storage
from pasture.errors import InputError
from pasture.sources.containers.archives import read_limited
from pasture.sources.containers.compression import TooLarge
from pasture.sources.stackexchange import dump

TABLE = "Sites.xml"
_MAX_TABLE_BYTES = 64 << 20
"""The table of 2024 holds less than 1 MB for 370 sites; ours."""
_KIND = re.compile(rb"\sPostTypeId\s*=\s*[\"'][12][\"']")
_HOST = re.compile(r"https?://([^/]+)")


def is_table(path: str) -> bool:
    """Tell whether a file is the table of sites, by its name."""
    return posixpath.basename(path).lower() == TABLE.lower()


def tables_beside(paths: Iterable[str]) -> list[tuple[str, int]]:
    """Find the tables in the folders of the sites' files, as ``(path, bytes)``."""
    folders = set()
    for path in paths:
        folder, name = posixpath.split(path)
        # An unpacked site has a folder of its own within that of the dump.
        folders.add(posixpath.dirname(folder) if name.lower().startswith("posts.xml") else folder)
    found = []
    for folder in sorted(folders):
        table = storage.join(folder, TABLE) if folder else TABLE
        state = None if table.startswith(("http://", "https://")) else storage.state(table)
        if state is not None:
            found.append((table, state[0]))
    return found


def posts_by_table(path: str) -> dict[str, int]:
    """Read the number of questions and answers of each site of a table.

    Raises:
        InputError: The table is damaged.
    """
    try:
        with storage.open_read(path) as stream:
            root = etree.fromstring(read_limited(stream, _MAX_TABLE_BYTES), _parser())
        return {
            host[1]: int(row.get("TotalQuestions", "")) + int(row.get("TotalAnswers", ""))
            for row in root.iter("row")
            if (host := _HOST.match(row.get("Url", "")))
        }
    except (TooLarge, etree.XMLSyntaxError, ValueError) as error:
        raise InputError(
            f"the table of sites {path} cannot be read: {error}; mend it, remove it to have the "
            f"posts counted, or name the sites (option sites)"
        ) from error


def _parser() -> etree.XMLParser:
    return etree.XMLParser(resolve_entities=False, no_network=True, load_dtd=False)


@functools.lru_cache(maxsize=1024)
def count_posts(path: str, size: int) -> int:
    """Count the questions and answers in a site's file, as far as it can be read.

    Args:
        path: The archive or ``Posts.xml`` of a site.
        size: Its bytes, so that a file that has changed is counted anew.
    """
    splitter = dump.RowSplitter()
    count = 0

    def sink(data: bytes) -> None:
        nonlocal count
        count += sum(
            row is not None and _KIND.search(row) is not None for _, row in splitter.feed(data)
        )

    dump.feed_posts(path, sink)
    return count


def largest(sites: Mapping[str, tuple[str, int]], tables: Iterable[str], number: int) -> list[str]:
    """Choose the sites with the most posts; ties go to the first name.

    Args:
        sites: The file of each site, as ``(path, bytes)``.
        tables: Tables of sites.
        number: How many to choose.
    """
    known: dict[str, int] = {}
    for table in tables:
        known.update(posts_by_table(table))
    posts = {
        site: known[site] if site in known else count_posts(*file) for site, file in sites.items()
    }
    return sorted(sites, key=lambda site: (-posts[site], site))[:number]
