"""A limit on the processor time of one call, enforced from a thread that watches.

The limit is a last resort behind the limits of the parsers, which are counts and do not depend on
the machine. It raises in the thread of the call as soon as that runs Python again: a call into C
that does not return is not interrupted, so parsers that cannot be bounded run in a process of
their own. A call costs about half a microsecond more under the limit: nobody looks at a clock but
the thread that watches, once a second.
"""

from __future__ import annotations

import ctypes
import os
import threading
import time
from collections.abc import Callable
from typing import ParamSpec, TypeVar

PERIOD_SECONDS = 1.0
"""How often the watching thread looks; ours."""

P = ParamSpec("P")
T = TypeVar("T")


class TimeLimitExceededError(Exception):
    """A call took more processor time than it may."""


class _State:
    """What one thread runs under a limit at the moment; made in that thread."""

    __slots__ = ("clock", "count", "fired", "lock", "seconds", "seen", "since", "task", "thread")

    def __init__(self) -> None:
        self.thread = threading.get_ident()
        # Of the own thread, which lives: the identifier of one that has ended may be used again.
        known = hasattr(time, "pthread_getcpuclockid")
        self.clock = time.pthread_getcpuclockid(self.thread) if known else time.CLOCK_MONOTONIC
        self.lock = threading.Lock()
        self.count = self.task = self.seen = 0  # a task of 0 is none
        self.seconds = self.since = 0.0
        self.fired = False


def call(seconds: float, function: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
    """Call a function that may take so many seconds of processor time.

    Raises:
        TimeLimitExceededError: It took more.
    """
    state: _State = getattr(_local, "state", None) or _new_state()
    if state.task:  # within another limited call, whose limit holds
        return function(*args, **kwargs)
    state.seconds = seconds
    state.count += 1
    state.task = state.count
    try:
        return function(*args, **kwargs)
    finally:
        state.task = 0
        if state.fired:
            with state.lock:  # the exception may be on its way, although the call has ended
                _raise_in(state.thread, None)
                state.fired = False


def _raise_in(thread: int, error: type[Exception] | None) -> None:
    """Raise an exception in another thread; None takes back one that was not delivered yet."""
    kind = None if error is None else ctypes.py_object(error)
    ctypes.pythonapi.PyThreadState_SetAsyncExc(ctypes.c_ulong(thread), kind)


def _check(state: _State) -> None:
    task = state.task
    if not task:
        return
    now = time.clock_gettime(state.clock)
    if task != state.seen:
        state.seen, state.since = task, now
    elif now - state.since > state.seconds:
        with state.lock:
            # In this order: a call that ends meanwhile sees that it has something to take back.
            state.fired = True
            if state.task == task:
                _raise_in(state.thread, TimeLimitExceededError)


class _Watcher:
    """The thread that watches, one a process."""

    def __init__(self) -> None:
        self._states: dict[int, _State] = {}  # by thread
        self._lock = threading.Lock()
        self._thread: threading.Thread | None = None

    def add(self, state: _State) -> None:
        """Watch a thread until it ends."""
        with self._lock:
            self._states[state.thread] = state
            if self._thread is None:
                os.register_at_fork(after_in_child=_forget)
                self._thread = threading.Thread(target=self._run, name="time-limit", daemon=True)
                self._thread.start()

    def _run(self) -> None:
        while True:
            time.sleep(PERIOD_SECONDS)
            with self._lock:
                states = list(self._states.values())
            for state in states:
                try:
                    _check(state)
                except OSError:  # the thread has ended, and with it its clock
                    with self._lock:
                        if self._states.get(state.thread) is state:
                            del self._states[state.thread]


_watcher = _Watcher()
_local = threading.local()


def _new_state() -> _State:
    _local.state = _State()
    _watcher.add(_local.state)
    state: _State = _local.state
    return state


def _forget() -> None:
    """Begin anew in a forked process, which has no thread that watches."""
    global _watcher, _local
    _watcher, _local = _Watcher(), threading.local()
