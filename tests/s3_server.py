"""A real S3 server on loopback, and a way to make it fail or dawdle."""

from __future__ import annotations

import contextlib
import threading
import time
from collections.abc import Iterator
from typing import Any

from moto.s3.models import s3_backends
from moto.server import DomainDispatcherApplication, create_backend_app
from werkzeug.serving import make_server


class Unsteady:
    """Answers requests with 503 while ``failures`` lasts, each after ``delay`` seconds."""

    def __init__(self) -> None:
        self.app = DomainDispatcherApplication(create_backend_app)
        self.failures = 0
        self.delay = 0.0
        self.requests = 0
        self._lock = threading.Lock()

    def __call__(self, environ: Any, start_response: Any) -> Any:
        with self._lock:
            self.requests += 1
            fails = self.failures > 0
            self.failures -= fails
        time.sleep(self.delay)
        if fails:
            start_response("503 Slow Down", [("Content-Type", "application/xml")])
            return [b"<Error><Code>SlowDown</Code><Message>Reduce your rate</Message></Error>"]
        return self.app(environ, start_response)


@contextlib.contextmanager
def serve() -> Iterator[tuple[str, Unsteady]]:
    """Run the server, empty; give its endpoint and what makes it fail."""
    for account in s3_backends.values():
        account["aws"].reset()  # it is kept from one server of a process to the next
    app = Unsteady()
    server = make_server("127.0.0.1", 0, app, threaded=True)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.port}", app
    finally:
        server.shutdown()
        thread.join()
