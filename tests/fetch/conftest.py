"""A web server, and manners without pauses."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from pasture.fetch.base import Manners
from pasture.fetch.client import Client
from tests.web_server import WebServer, serve

QUICK = Manners(
    connections=2,
    interval=0.0,
    retries=3,
    backoff=0.001,
    backoff_max=0.01,
    connect_timeout=2.0,
    read_timeout=2.0,
    progress_bytes=1000,
)


@pytest.fixture
def web() -> Iterator[WebServer]:
    with serve() as server:
        yield server


@pytest.fixture
def quick() -> Manners:
    return QUICK


@pytest.fixture
def client() -> Client:
    return Client(QUICK)
