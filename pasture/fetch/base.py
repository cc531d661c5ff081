"""What every origin of raw data implements: its terms, its manners, and its list of files.

An origin reads the publisher's own listing and returns the files to fetch. A name in a listing is
untrusted: it becomes a path below the target folder only through ``checked_path``.
"""

from __future__ import annotations

import abc
import dataclasses
import re
import zlib
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, ClassVar

from pasture.errors import ConfigError, FetchError

if TYPE_CHECKING:
    from pasture.fetch.client import Client

MAX_NAME_BYTES = 240
"""Longest part of a path, in bytes; file systems allow 255, and a suffix is added on the way."""
MAX_PATH_BYTES = 1000
"""Longest path below the target folder, in bytes; ours, the longest known one has 180."""
MAX_LISTING_BYTES = 256 << 20
"""Largest listing, before and after decompression; ours, ten times the largest known one."""
_UNSAFE = re.compile(r"[\x00-\x1f\x7f-\x9f\\\u2028\u2029\u202a-\u202e\u2066-\u2069]")


@dataclasses.dataclass(frozen=True)
class RemoteFile:
    """A file to fetch.

    Args:
        path: Where it is written, relative to the target folder.
        urls: Addresses to try in order; the next one is tried where the host has no such file.
        size: Bytes that the listing announces, where it does.
        checksum: Algorithm and hexadecimal digest that the publisher states, such as
            ``sha1:da39...``; empty where there is none.
        optional: Whether the publisher's catalogue may name files that do not exist.
    """

    path: str
    urls: tuple[str, ...]
    size: int | None = None
    checksum: str = ""
    optional: bool = False


@dataclasses.dataclass(frozen=True)
class Manners:
    """How hard an origin is used, and how long it is waited for.

    Args:
        connections: Files that are fetched at the same time.
        interval: Least seconds between two requests to one host.
        retries: Failures of one file, without progress in between, after which it is given up.
        backoff: Seconds before the second try; doubled before each further one.
        backoff_max: Most seconds of a pause of ours.
        jitter: Share of a pause that is added at random, so that clients do not return together.
        retry_after_max: Most seconds that a host may ask to wait for; above that the fetch stops.
        progress_bytes: Bytes gained that count as progress, and renew the retries.
        connect_timeout: Seconds to wait for a connection.
        read_timeout: Seconds without a byte after which a connection counts as lost.
        stall_seconds: Seconds over which fewer than ``stall_bytes`` count as lost, too.
        stall_bytes: See ``stall_seconds``.
        bytes_per_second: Most bytes a second over all connections; 0 for no limit.
        max_redirects: Most redirects of one request.
        size_probes: Files whose size is asked for where the listing states none.
        obey_robots: Whether the host's robots.txt is read and obeyed.
    """

    connections: int = 4
    interval: float = 0.25
    retries: int = 10
    backoff: float = 1.0
    backoff_max: float = 60.0
    jitter: float = 0.5
    retry_after_max: float = 900.0
    progress_bytes: int = 1 << 20
    connect_timeout: float = 20.0
    read_timeout: float = 60.0
    stall_seconds: float = 120.0
    stall_bytes: int = 64 << 10
    bytes_per_second: float = 0.0
    max_redirects: int = 5
    size_probes: int = 48
    obey_robots: bool = False


@dataclasses.dataclass(frozen=True)
class Terms:
    """What a user agrees to by fetching, and what the data are.

    Args:
        licence: Terms of use and licence, in whole sentences.
        url: Where the publisher states them.
        size: The whole of it, in words.
        advice: What to know before fetching; empty where there is nothing.
    """

    licence: str
    url: str
    size: str
    advice: str = ""


@dataclasses.dataclass(frozen=True)
class Origin(abc.ABC):
    """Where the raw data of a source are published.

    A subclass is a frozen dataclass; its fields are the options of ``pasture fetch``.

    Args:
        base_url: The publisher's address, or that of a mirror with the same layout.
        limit: Most files to fetch, in the order of the listing.
    """

    name: ClassVar[str]
    terms: ClassVar[Terms]
    manners: ClassVar[Manners] = Manners()
    headers: ClassVar[Mapping[str, str]] = {}
    """Sent with every request."""
    max_file_bytes: ClassVar[int] = 1 << 40
    """Largest file whose size nobody announced; ours."""

    base_url: str = ""
    limit: int | None = None

    def __post_init__(self) -> None:
        if not re.match(r"https?://[^/\s]", self.base_url):
            raise ConfigError(
                f"--base-url: {self.base_url!r} is no address; give one such as https://host/path"
            )
        if self.limit is not None and self.limit < 1:
            raise ConfigError(f"--limit is {self.limit}; it must be at least 1")

    @abc.abstractmethod
    def files(self, client: Client) -> list[RemoteFile]:
        """Read the publisher's listing and choose the files to fetch.

        Raises:
            FetchError: The listing cannot be read, or offers nothing of what was asked for.
        """

    def robots_url(self) -> str | None:
        """An address whose host's robots.txt is obeyed; None where none is."""
        return self.url("") if self.manners.obey_robots else None

    def sign(self, url: str) -> str:
        """Turn an address of ``files`` into the one that is requested; here the same."""
        return url

    def url(self, path: str) -> str:
        """Join the base address and a path."""
        return f"{self.base_url.rstrip('/')}/{path}"


def checked_path(name: str, listing: str) -> str:
    """Return a relative path from a listing that is safe below the target folder.

    Raises:
        FetchError: It is absolute, leaves the folder, is too long, or has control characters.
    """
    parts = name.split("/")
    wrong = ""
    if _UNSAFE.search(name) or any(0xD800 <= ord(c) <= 0xDFFF for c in name):
        wrong = "it has control characters or backslashes"
    elif name.startswith("/") or re.match(r"[A-Za-z]:", name):
        wrong = "it is absolute"
    elif any(part in ("", ".", "..") or part.startswith(".") for part in parts):
        wrong = "it has empty, hidden or dotted parts"
    elif len(name.encode()) > MAX_PATH_BYTES or any(
        len(part.encode()) > MAX_NAME_BYTES for part in parts
    ):
        wrong = "it is too long"
    if wrong:
        raise FetchError(
            f"{listing}: the name {printable(name)} is refused: {wrong}; if the listing is the "
            f"publisher's own, report it"
        )
    return name


def printable(text: str, limit: int = 120) -> str:
    """Quote text from the network for a message: without control characters, and cut."""
    quoted = ascii(text[: limit + 1])[1:-1]
    return f"'{quoted[:limit]}...'" if len(quoted) > limit else f"'{quoted}'"


def unique(files: Iterable[RemoteFile], listing: str) -> list[RemoteFile]:
    """Return the files, each path once.

    Raises:
        FetchError: A path has two different files.
    """
    found: dict[str, RemoteFile] = {}
    for file in files:
        if found.setdefault(file.path, file) != file:
            raise FetchError(
                f"{listing}: two different files are called {printable(file.path)}; "
                f"if the listing is the publisher's own, report it"
            )
    return list(found.values())


def gunzip(data: bytes, url: str, limit: int = MAX_LISTING_BYTES) -> bytes:
    """Decompress a gzip listing of bounded size.

    Raises:
        FetchError: It is damaged, cut off, or larger than the limit.
    """
    decoder = zlib.decompressobj(wbits=31)
    try:
        text = decoder.decompress(data, limit)
    except zlib.error as error:
        raise FetchError(f"{url} is no gzip file: {error}; try again later") from error
    if decoder.unconsumed_tail:
        raise FetchError(f"{url} holds more than {limit:,} bytes; it is no listing")
    if not decoder.eof:
        raise FetchError(f"{url} is cut off; try again later")
    return text
