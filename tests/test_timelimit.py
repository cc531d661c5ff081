"""A call ends at its limit of processor time, and calls that keep to theirs do not."""

from __future__ import annotations

import threading

import pytest

from pasture import timelimit
from pasture.timelimit import TimeLimitExceededError, call


@pytest.fixture(autouse=True)
def looks_often(monkeypatch):
    monkeypatch.setattr(timelimit, "PERIOD_SECONDS", 0.01)


def spin() -> None:
    while True:
        pass


def test_a_call_returns_and_raises_as_ever():
    assert call(10, divmod, 7, 2) == (3, 1)
    with pytest.raises(ZeroDivisionError):
        call(10, divmod, 7, 0)


@pytest.mark.timeout(60)
def test_a_call_that_does_not_end_is_ended():
    with pytest.raises(TimeLimitExceededError):
        call(0.2, spin)
    assert call(0.2, divmod, 7, 2) == (3, 1)


@pytest.mark.timeout(60)
def test_every_thread_has_a_limit():
    ended = []

    def run() -> None:
        with pytest.raises(TimeLimitExceededError):
            call(0.2, spin)
        ended.append(True)

    threads = [threading.Thread(target=run) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert ended == [True, True]


def test_a_call_within_a_call_is_under_the_limit_of_the_outer_one():
    assert call(10, lambda: call(0.001, sum, range(300_000))) == 44999850000
