"""A real web server on loopback whose pages can fail in the ways in which hosts fail."""

from __future__ import annotations

import contextlib
import dataclasses
import http.server
import re
import ssl
import threading
from collections.abc import Callable, Iterator, Mapping


@dataclasses.dataclass
class Page:
    """What a path has, and how it fails.

    Args:
        body: The file.
        etag: Its version; empty for none.
        last_modified: Its date; empty for none.
        ranges: Whether the server knows Range.
        announces: Content-Length in place of the true one; -1 for none, with chunks.
        faults: What happens to the next GETs instead, one each.
        headers: More headers.
    """

    body: bytes
    etag: str = '"one"'
    last_modified: str = ""
    ranges: bool = True
    announces: int | None = None
    faults: list[Callable[[Handler, Page], None]] = dataclasses.field(default_factory=list)
    headers: Mapping[str, str] = dataclasses.field(default_factory=dict)


@dataclasses.dataclass(frozen=True)
class Request:
    """A request that came."""

    method: str
    path: str
    headers: Mapping[str, str]


def status(code: int, **headers: str) -> Callable[[Handler, Page], None]:
    """Answer with a status; an underscore in a header's name stands for a hyphen."""

    def answer(handler: Handler, page: Page) -> None:
        handler.send_response(code)
        for name, value in headers.items():
            handler.send_header(name.replace("_", "-"), value)
        handler.send_header("Content-Length", "0")
        handler.end_headers()

    return answer


def cut(after: int) -> Callable[[Handler, Page], None]:
    """Close the connection after so many bytes of the body."""

    def answer(handler: Handler, page: Page) -> None:
        handler.send_page(page, most=after)
        handler.close_connection = True

    return answer


def changed(body: bytes, etag: str) -> Callable[[Handler, Page], None]:
    """Put another file in the place of the page's, and answer with it."""

    def answer(handler: Handler, page: Page) -> None:
        page.body, page.etag = body, etag
        handler.send_page(page)

    return answer


def endless(handler: Handler, page: Page) -> None:
    """Send chunks until the client hangs up."""
    handler.send_response(200)
    handler.send_header("Transfer-Encoding", "chunked")
    handler.end_headers()
    with contextlib.suppress(OSError):
        while True:
            handler.send_chunk(b"x" * 50_000)
    handler.close_connection = True


class Handler(http.server.BaseHTTPRequestHandler):
    """Answers from the server's pages."""

    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    server: WebServer

    def log_message(self, *arguments: object) -> None:
        """Say nothing."""

    def do_GET(self) -> None:
        self._answer()

    def do_HEAD(self) -> None:
        self._answer()

    def _answer(self) -> None:
        self.server.requests.append(Request(self.command, self.path, dict(self.headers.items())))
        page = self.server.pages.get(self.path)
        if page is None:
            status(404)(self, Page(b""))
        elif self.command == "GET" and page.faults:
            page.faults.pop(0)(self, page)
        else:
            self.send_page(page)

    def send_page(self, page: Page, most: int | None = None) -> None:
        """Send a page as a sound server does, or only its first bytes."""
        start = self._start(page)
        body = page.body[start:]
        self.send_response(206 if start else 200)
        if start:
            total = len(page.body)
            self.send_header("Content-Range", f"bytes {start}-{total - 1}/{total}")
        if page.etag:
            self.send_header("ETag", page.etag)
        if page.last_modified:
            self.send_header("Last-Modified", page.last_modified)
        for name, value in page.headers.items():
            self.send_header(name, value)
        chunked = page.announces == -1
        if chunked:
            self.send_header("Transfer-Encoding", "chunked")
        else:
            length = len(body) if page.announces is None else page.announces
            self.send_header("Content-Length", str(length))
        self.end_headers()
        if self.command == "HEAD":
            return
        with contextlib.suppress(OSError):
            if chunked:
                if body[:most]:
                    self.send_chunk(body[:most])
                if most is None:
                    self.send_chunk(b"")
            else:
                self.wfile.write(body[:most])
                if page.announces is not None:
                    self.close_connection = True

    def send_chunk(self, data: bytes) -> None:
        """Send one chunk; an empty one is the last."""
        self.wfile.write(b"%x\r\n%s\r\n" % (len(data), data))

    def _start(self, page: Page) -> int:
        match = re.fullmatch(r"bytes=(\d+)-", self.headers.get("Range", ""))
        validator = self.headers.get("If-Range")
        same = validator is None or validator in (page.etag, page.last_modified)
        return int(match[1]) if match and page.ranges and same else 0


class WebServer(http.server.ThreadingHTTPServer):
    """A server of pages by path; it keeps what was requested."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.pages: dict[str, Page] = {}
        self.requests: list[Request] = []
        self.scheme = "http"

    def handle_error(self, request: object, client_address: object) -> None:
        """Say nothing of clients that hang up."""

    @property
    def address(self) -> str:
        """The server's base address."""
        return f"{self.scheme}://127.0.0.1:{self.server_port}"

    def put(self, path: str, body: bytes, **options: object) -> Page:
        """Add a page."""
        self.pages[path] = page = Page(body, **options)  # type: ignore[arg-type]
        return page

    def got(self, path: str, method: str = "GET") -> list[Request]:
        """The requests of a path."""
        return [each for each in self.requests if (each.path, each.method) == (path, method)]


@contextlib.contextmanager
def serve(context: ssl.SSLContext | None = None) -> Iterator[WebServer]:
    """Run the server, with TLS where a context is given."""
    with WebServer() as server:
        if context is not None:
            server.socket = context.wrap_socket(server.socket, server_side=True)
            server.scheme = "https"
        thread = threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True)
        thread.start()
        try:
            yield server
        finally:
            server.shutdown()
            thread.join()
