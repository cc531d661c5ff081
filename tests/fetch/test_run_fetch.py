"""A whole fetch: the plan, the disk, several files, and what stops them."""

from __future__ import annotations

import dataclasses
import threading
from typing import ClassVar

import pytest

from pasture.errors import FetchError
from pasture.fetch.base import Manners, Origin, RemoteFile, Terms
from pasture.fetch.client import Client
from pasture.fetch.run import Plan, fetch, plan_fetch
from tests.web_server import cut, status

LIMIT = 1 << 20


@dataclasses.dataclass(frozen=True)
class Files(Origin):
    """An origin of given files."""

    name: ClassVar[str] = "files"
    terms: ClassVar[Terms] = Terms("None.", "https://host", "small")
    given: tuple[RemoteFile, ...] = ()

    def files(self, client: Client) -> list[RemoteFile]:
        return list(self.given)


class Told:
    """Keeps what it is told."""

    def __init__(self) -> None:
        self.events: list[tuple[str, str]] = []

    def started(self, path: str, size: int | None) -> None:
        self.events.append(("started", path))

    def advanced(self, path: str, count: int) -> None:
        pass

    def finished(self, path: str, error: str) -> None:
        self.events.append((error or "finished", path))


def origin(web, count: int, **options) -> Files:
    files = tuple(RemoteFile(f"f/{i}", (f"{web.address}/{i}",), **options) for i in range(count))
    return Files(web.address, given=files)


def test_plans_by_listed_sizes_without_a_request(web, client, tmp_path):
    plan = plan_fetch(origin(web, 3, size=10), str(tmp_path / "new"), client)
    assert (plan.needed, plan.unknown, len(plan.missing)) == (30, 0, 3)
    assert plan.free > 0
    assert web.requests == []
    assert not (tmp_path / "new").exists()


def test_asks_for_a_few_sizes_spread_over_the_list(web, quick, tmp_path):
    for number in range(10):
        web.put(f"/{number}", b"x" * (100 + number))
    client = Client(dataclasses.replace(quick, size_probes=2))
    plan = plan_fetch(origin(web, 10), str(tmp_path), client)
    assert [request.path for request in web.requests] == ["/0", "/5"]
    assert plan.sizes == {"f/0": 100, "f/5": 105}
    assert (plan.needed, plan.unknown) == (1025, 8)


def test_no_size_is_known(web, quick, tmp_path):
    client = Client(dataclasses.replace(quick, size_probes=0))
    plan = plan_fetch(origin(web, 2), str(tmp_path), client)
    assert plan.needed is None
    plan.check_disk()


def test_what_is_here_is_not_needed(web, client, tmp_path):
    for number in range(3):
        web.put(f"/{number}", b"x" * 1000)
    web.pages["/1"].faults = [cut(400)] + [cut(0)] * 9
    files = origin(web, 2, size=1000)
    result = fetch(plan_fetch(files, str(tmp_path), client), client, LIMIT, Told())
    assert (result.fetched, list(result.failed)) == (1, ["f/1"])
    client.stop.clear()
    plan = plan_fetch(origin(web, 3, size=1000), str(tmp_path), client)
    assert (sorted(plan.here), plan.kept, plan.needed) == (["f/0"], 400, 1600)


def test_a_disk_that_is_too_small_is_told_before_any_file(web, tmp_path):
    plan = Plan(str(tmp_path), (RemoteFile("a", ("x",), 100),), frozenset(), {"a": 100}, 0, 99)
    with pytest.raises(FetchError, match="100 bytes are needed and 99 are free; make room"):
        plan.check_disk()
    dataclasses.replace(plan, free=1 << 30).check_disk()


def test_fetches_all_and_tells_of_each(web, client, tmp_path):
    for number in range(7):
        web.put(f"/{number}", b"%d" % number)
    told = Told()
    plan = plan_fetch(origin(web, 7), str(tmp_path), client)
    result = fetch(plan, client, LIMIT, told)
    assert (result.fetched, result.bytes, result.failed) == (7, 7, {})
    assert [(tmp_path / f"f/{i}").read_text() for i in range(7)] == list("0123456")
    assert sorted(told.events) == sorted(
        [("started", f"f/{i}") for i in range(7)] + [("finished", f"f/{i}") for i in range(7)]
    )


def test_uses_no_more_connections_than_it_may(web, quick, tmp_path):
    lock, most, now = threading.Lock(), [0], [0]
    both = threading.Barrier(2, timeout=5)

    def counted(handler, page) -> None:
        with lock:
            now[0] += 1
            most[0] = max(most[0], now[0])
        both.wait()
        with lock:
            now[0] -= 1
        handler.send_page(page)

    for number in range(6):
        web.put(f"/{number}", b"x", faults=[counted])
    client = Client(dataclasses.replace(quick, connections=2, size_probes=0))
    fetch(plan_fetch(origin(web, 6), str(tmp_path), client), client, LIMIT, Told())
    assert most == [2]


def test_one_bad_file_does_not_stop_the_others(web, client, tmp_path):
    for number in range(6):
        web.put(f"/{number}", b"x")
    web.pages["/2"].faults = [status(403)]
    plan = plan_fetch(origin(web, 6), str(tmp_path), client)
    result = fetch(plan, client, LIMIT, Told())
    assert result.fetched == 5
    assert list(result.failed) == ["f/2"]
    assert "HTTP 403" in result.failed["f/2"]


def test_stops_where_nothing_works(web, quick, tmp_path):
    client = Client(dataclasses.replace(quick, connections=1, size_probes=0))
    plan = plan_fetch(origin(web, 100), str(tmp_path), client)
    result = fetch(plan, client, LIMIT, Told())
    assert len(result.failed) == 5
    assert len(web.requests) <= 6


def test_files_that_a_catalogue_names_in_vain_are_no_failures(web, client, tmp_path):
    web.put("/9", b"x")
    plan = plan_fetch(origin(web, 10, optional=True), str(tmp_path), client)
    result = fetch(plan, client, LIMIT, Told())
    assert (result.fetched, len(result.not_offered), result.failed) == (1, 9, {})


def test_robots_txt_is_read_where_the_origin_says_so(web, client, tmp_path):
    class Polite(Files):
        manners = Manners(obey_robots=True)

    web.put("/robots.txt", b"User-agent: *\nDisallow: /\n")
    polite = Polite(web.address)
    with pytest.raises(FetchError, match=r"robots\.txt forbids"):
        plan_fetch(polite, str(tmp_path), client)
    plan_fetch(polite, str(tmp_path), client, ignore_robots=True)
    plan_fetch(Files(web.address), str(tmp_path), client)
    assert len(web.requests) == 1
