"""HTTP for the fetch: one polite client for all origins, on urllib3.

urllib3 is what trafilatura and requests already bring, so it costs no install; it streams, checks
lengths, decodes chunks, and leaves redirects and retries to its caller, who must change the range
of each retry. What happens here is the same for listings and for files: the pace of requests to a
host, the pause that a host asks for, redirects, and which failures may be tried again.
"""

from __future__ import annotations

import contextlib
import random
import re
import ssl
import threading
import time
import urllib.parse
import urllib.request
import urllib.robotparser
from collections.abc import Callable, Iterator, Mapping

import urllib3
from urllib3.exceptions import (
    ConnectTimeoutError,
    HTTPError,
    InvalidHeader,
    LocationValueError,
    NameResolutionError,
    NewConnectionError,
    ReadTimeoutError,
    SSLError,
)
from urllib3.util.retry import Retry

from pasture import __version__
from pasture.errors import ConfigError, FetchError
from pasture.fetch.base import MAX_LISTING_BYTES, Manners, printable

CHUNK_BYTES = 256 << 10
RETRIED = (408, 425, 429, 500, 502, 503, 504)
"""Status codes after which a request is tried again."""
MAX_ROBOTS_BYTES = 500 << 10
"""The part of a robots.txt that RFC 9309 asks to read."""


class Missing(FetchError):
    """The host has no such file."""


class DiskFull(FetchError):
    """The disk of the target folder takes no more bytes."""


class Stopped(Exception):
    """The fetch was asked to stop."""


class Transient(Exception):
    """A request failed in a way that may pass.

    Args:
        reason: What happened, for a message.
        wait: Seconds that the host asks to wait, where it does.
    """

    def __init__(self, reason: str, wait: float | None = None) -> None:
        super().__init__(reason)
        self.reason, self.wait = reason, wait


class Client:
    """Requests to the hosts of one fetch; shared by its threads.

    Args:
        manners: Pace, timeouts and retries.
        stop: Set by whoever ends the fetch; every wait ends then.
        contact: Address of the user, which some hosts ask for; part of the user agent.
        sign: Turns an address into the one that is requested.
        headers: Sent with every request.
        note: Called with what the user should know while it happens.
    """

    def __init__(
        self,
        manners: Manners,
        stop: threading.Event | None = None,
        contact: str = "",
        sign: Callable[[str], str] = lambda url: url,
        headers: Mapping[str, str] | None = None,
        note: Callable[[str], None] = lambda text: None,
    ) -> None:
        if not contact.isascii() or not contact.isprintable():
            raise ConfigError(f"--contact: {contact!r} is no mail or web address")
        self.manners, self.note = manners, note
        self.stop = stop or threading.Event()
        self.agent = f"Pasture/{__version__} ({contact or 'LLaMA corpus pipeline; pasture fetch'})"
        self._sign, self._headers = sign, dict(headers or {})
        # Compressed transfer would make ranges and lengths mean something else.
        self._headers |= {"User-Agent": self.agent, "Accept-Encoding": "identity"}
        self._lock = threading.Lock()
        self._next: dict[str, float] = {}
        self._interval = manners.interval
        self._bytes_at = 0.0
        self._pools: dict[str, urllib3.PoolManager] = {}

    def wait(self, seconds: float) -> None:
        """Wait, unless the fetch stops.

        Raises:
            Stopped: The fetch was asked to stop.
        """
        if self.stop.wait(max(seconds, 0.0)) if seconds > 0 else self.stop.is_set():
            raise Stopped

    def received(self, count: int) -> None:
        """Account for bytes that came, and wait where that is more than the bandwidth given."""
        rate = self.manners.bytes_per_second
        if rate:
            with self._lock:
                now = time.monotonic()
                self._bytes_at = max(self._bytes_at, now) + count / rate
                pause = self._bytes_at - now
            self.wait(pause)

    @contextlib.contextmanager
    def open(
        self, url: str, headers: Mapping[str, str] | None = None, method: str = "GET"
    ) -> Iterator[urllib3.BaseHTTPResponse]:
        """Request an address once, through its redirects, and give the response.

        Raises:
            Transient: The request may be tried again.
            Missing: The host has no such file.
            FetchError: The request failed for good.
        """
        response = self._follow(url, headers or {}, method)
        try:
            yield response
        except HTTPError as error:
            raise Transient(_reason(error)) from error
        finally:
            # A body that was not read to its end leaves the connection unusable.
            response.close()

    def _follow(
        self, url: str, headers: Mapping[str, str], method: str
    ) -> urllib3.BaseHTTPResponse:
        address = self._sign(url)
        for _ in range(self.manners.max_redirects + 1):
            response = self._request(url, address, headers, method)
            location = response.get_redirect_location()
            if not location:
                self._check_status(url, address, response)
                return response
            response.close()
            address = redirected(address, location)
        raise FetchError(
            f"{url} redirects more than {self.manners.max_redirects} times; "
            f"check the address, or name a mirror with --base-url"
        )

    def _request(
        self, url: str, address: str, headers: Mapping[str, str], method: str
    ) -> urllib3.BaseHTTPResponse:
        self._take_turn(_host(address))
        timeout = urllib3.Timeout(
            connect=self.manners.connect_timeout, read=self.manners.read_timeout
        )
        try:
            return self._pool(address).request(
                method,
                address,
                headers={**self._headers, **headers},
                preload_content=False,
                redirect=False,
                retries=False,
                timeout=timeout,
            )
        except LocationValueError as error:
            raise FetchError(f"{url}: {error}; check the address") from error
        except SSLError as error:
            if any(isinstance(cause, ssl.SSLCertVerificationError) for cause in error.args):
                raise FetchError(
                    f"{url}: the host's certificate is not trusted ({error}); set SSL_CERT_FILE "
                    f"where your network has an authority of its own"
                ) from error
            raise Transient(_reason(error)) from error
        except HTTPError as error:
            raise Transient(_reason(error)) from error

    def _check_status(self, url: str, address: str, response: urllib3.BaseHTTPResponse) -> None:
        status = response.status
        if status in (200, 206, 416):
            return
        reason = printable(response.reason or "", 60).strip("'")
        said = f"HTTP {status}{' ' + reason if reason else ''}"
        response.close()
        if status in (404, 410):
            raise Missing(
                f"{url}: {said}; check what was asked for, or name a mirror with --base-url"
            )
        if status in RETRIED:
            wait = self._retry_after(response)
            if wait is not None and wait > self.manners.retry_after_max:
                raise FetchError(
                    f"{url}: {said}, and the host asks to wait {wait:,.0f} seconds; "
                    f"run the same command again after that"
                )
            if wait is not None:
                self._hold(_host(address), wait)
            raise Transient(said, wait)
        advice = "the host refuses; check its terms, your credentials, or name a mirror"
        raise FetchError(f"{url}: {said}; {advice} with --base-url")

    def _retry_after(self, response: urllib3.BaseHTTPResponse) -> float | None:
        try:
            return Retry().get_retry_after(response)
        except InvalidHeader:
            return None

    def _take_turn(self, host: str) -> None:
        with self._lock:
            now = time.monotonic()
            at = max(now, self._next.get(host, 0.0))
            self._next[host] = at + self._interval
        self.wait(at - now)

    def _hold(self, host: str, seconds: float) -> None:
        """Let no thread ask a host for some time."""
        with self._lock:
            self._next[host] = max(self._next.get(host, 0.0), time.monotonic() + seconds)

    def _pool(self, address: str) -> urllib3.PoolManager:
        parts = urllib.parse.urlsplit(address)
        proxy = urllib.request.getproxies().get(parts.scheme, "")
        if proxy and urllib.request.proxy_bypass(parts.hostname or ""):
            proxy = ""
        with self._lock:
            if proxy not in self._pools:
                size = self.manners.connections
                self._pools[proxy] = (
                    urllib3.ProxyManager(proxy, maxsize=size)
                    if proxy
                    else urllib3.PoolManager(maxsize=size)
                )
            return self._pools[proxy]

    def read(self, url: str, limit: int = MAX_LISTING_BYTES) -> tuple[bytes, Mapping[str, str]]:
        """Read a listing whole, with retries: its bytes and the response's headers.

        Raises:
            FetchError: It cannot be read, or is larger than the limit.
        """
        attempts = Attempts(self, url)
        while True:
            try:
                with self.open(url) as response:
                    body = bytearray()
                    while chunk := response.read1(CHUNK_BYTES, decode_content=False):
                        body += chunk
                        if len(body) > limit:
                            raise FetchError(
                                f"{url} has more than {limit:,} bytes; it is no listing"
                            )
                        self.received(len(chunk))
                    if response.status != 200:
                        raise FetchError(f"{url}: HTTP {response.status} is no answer to a GET")
                    return bytes(body), response.headers
            except Transient as error:
                attempts.failed(error)

    def size(self, url: str) -> int | None:
        """Ask for a file's size; None where the host does not tell.

        Raises:
            Missing: The host has no such file.
            FetchError: The host cannot be reached.
        """
        attempts = Attempts(self, url)
        while True:
            try:
                with self.open(url, method="HEAD") as response:
                    return content_length(response)
            except Transient as error:
                attempts.failed(error)
            except Missing:
                raise
            except FetchError:
                return None  # some hosts refuse HEAD; the fetch itself tells what is wrong

    def obey_robots(self, url: str) -> None:
        """Read a host's robots.txt and obey it: what it forbids, and the delay that it asks for.

        Raises:
            FetchError: It forbids the address.
        """
        robots_url = urllib.parse.urljoin(url, "/robots.txt")
        try:
            body, _ = self.read(robots_url, MAX_ROBOTS_BYTES)
        except Missing:
            return
        except FetchError as error:
            # A bucket answers 403 for what it does not have (RFC 9309: any 4xx means no rules).
            if re.search(r": HTTP 4\d\d", str(error)):
                return
            raise
        rules = urllib.robotparser.RobotFileParser()
        rules.parse(body.decode("utf-8", "replace").splitlines())
        if not rules.can_fetch("Pasture", url):
            raise FetchError(
                f"{robots_url} forbids {url} to programs; name a mirror with --base-url, or, "
                f"where the host's owner allows your use, add --ignore-robots"
            )
        delay = rules.crawl_delay("Pasture")
        if delay is not None:
            self._interval = max(self._interval, float(delay))


class Attempts:
    """Counts the failures of one file, and pauses between its tries.

    Args:
        client: Waits and notes.
        url: Named in the message when the retries are used up.
    """

    def __init__(self, client: Client, url: str) -> None:
        self._client, self._url, self._failures = client, url, 0

    def progressed(self) -> None:
        """Renew the retries: enough new bytes arrived."""
        self._failures = 0

    def failed(self, error: Transient) -> None:
        """Pause before the next try, as long as the host asks, or longer each time.

        Raises:
            FetchError: The retries are used up.
        """
        self._failures += 1
        manners = self._client.manners
        if self._failures > manners.retries:
            raise FetchError(
                f"{self._url}: {error.reason} ({self._failures} tries); "
                f"run the same command again later, or name a mirror with --base-url"
            ) from error
        doubled = manners.backoff * 2.0 ** min(self._failures - 1, 30)
        pause = min(doubled, manners.backoff_max) * (1 + manners.jitter * random.random())  # noqa: S311
        if error.wait is not None:
            # Never before the host said, and not all at that very moment.
            pause = error.wait + min(pause, manners.backoff)
        if pause >= 5:
            self._client.note(f"{self._url}: {error.reason}; trying again in {pause:.0f} s")
        self._client.wait(pause)


def redirected(address: str, location: str) -> str:
    """Return the address that a redirect leads to.

    Raises:
        FetchError: It leads from https to http, or to something that is no web address.
    """
    target = urllib.parse.urljoin(address, location)
    before, after = urllib.parse.urlsplit(address), urllib.parse.urlsplit(target)
    if after.scheme not in ("http", "https") or not after.hostname:
        wrong = "which is no web address"
    elif before.scheme == "https" and after.scheme == "http":
        wrong = "which is not encrypted"
    else:
        return target
    raise FetchError(
        f"{_without_query(address)} redirects to {printable(_without_query(target))}, {wrong}; "
        f"name a mirror with --base-url"
    )


def content_length(response: urllib3.BaseHTTPResponse) -> int | None:
    """Return the length that a response announces, where it does."""
    text = response.headers.get("Content-Length", "")
    return int(text) if re.fullmatch(r"[0-9]{1,18}", text) else None


def _host(address: str) -> str:
    return urllib.parse.urlsplit(address).netloc


def _without_query(address: str) -> str:
    """An address without its query, which may hold a signature."""
    return address.partition("?")[0]


def _reason(error: HTTPError) -> str:
    """Say what went wrong with a connection, in a few words."""
    if isinstance(error, NameResolutionError):
        return "the host's name is unknown here"
    if isinstance(error, NewConnectionError):
        return "the host refuses connections or is out of reach"
    if isinstance(error, ConnectTimeoutError):
        return "the host does not answer"
    if isinstance(error, ReadTimeoutError):
        return "the connection went silent"
    if isinstance(error, SSLError):
        return "the encrypted connection failed"
    return "the connection broke"
