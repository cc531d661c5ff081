"""What a run shows while it goes on."""

import contextlib
import io

import pytest
from rich.console import Console

from pasture.console.progress import RunProgress, TimeLeft
from pasture.driver.estimate import Estimate, JobEstimate, StageEstimate


@pytest.fixture
def expected():
    """Two jobs: one of 80 s with 60 s in its steps, and one of 20 s with 20 s in them."""
    first, second = (
        StageEstimate(key, 4, 100, seconds, 0.01, 0, 10)
        for key, seconds in (("documents/c4/00-extract", 60.0), ("tokens/c4", 20.0))
    )
    jobs = (
        JobEstimate((first,), 1, 20.0, 80.0, 50.0, 1),
        JobEstimate((second,), 1, 0.0, 20.0, 10.0, 1),
    )
    return Estimate(1, jobs, 100.0, 60.0, 1, 0, 20, ())


@contextlib.contextmanager
def shown(**options):
    """The progress of a run, and what it writes where there is no terminal."""
    text = io.StringIO()
    with RunProgress(**options) as progress:
        progress.console = Console(file=text, highlight=False)
        yield progress, text


def test_time_left_begins_as_estimated_and_falls_with_what_is_done(expected):
    left = TimeLeft(expected)
    assert left.seconds() == pytest.approx(100, rel=0.05)
    left.skipped("documents/c4/00-extract", 0.5)
    assert left.seconds() == pytest.approx(60, rel=0.05)
    left.skipped("documents/c4/00-extract")
    left.skipped("tokens/c4")
    assert left.seconds() == 0


def test_the_time_of_a_stage_of_one_piece_stands_for_its_progress(expected):
    left = TimeLeft(expected)
    left.skipped("documents/c4/00-extract")
    left.working("tokens/c4", 10.0)
    half = left.seconds()
    left.working("tokens/c4", 1000.0)
    assert 0 < left.seconds() < half < 20


def test_time_left_is_shorter_where_the_run_is_faster(expected):
    left = TimeLeft(expected)
    left.advanced("documents/c4/00-extract", 1.0)  # 80 s of work in no time
    assert left.seconds() < 5


def test_without_a_terminal_a_line_tells_the_running_stages_now_and_then(expected):
    with shown(expected=expected, every=0) as (progress, text):
        progress.started("documents/c4/00-extract", 4)
        progress.advanced("documents/c4/00-extract", 1)
        progress.advanced("documents/c4/00-extract", 3)
        progress.finished("documents/c4/00-extract", {}, skipped=False)
    first, second, last = text.getvalue().splitlines()
    assert first.split(" ", 1)[1].startswith("documents/c4/00-extract 1/4; ")
    assert "documents/c4/00-extract 3/4, " in second
    assert second.endswith("left in all")
    assert last.startswith("documents/c4/00-extract")


def test_without_a_terminal_it_tells_that_all_shards_are_written():
    with shown(every=0) as (progress, text):
        progress.started("tokens/c4", 2)
        progress.advanced("tokens/c4", 2)
    assert text.getvalue().split(" ", 1)[1] == "tokens/c4: all shards are written\n"


def test_writes_no_line_before_its_time():
    with shown(every=3600) as (progress, text):
        progress.started("tokens/c4", 2)
        progress.advanced("tokens/c4", 1)
    assert text.getvalue() == ""


def test_a_stage_that_was_done_before_is_called_so():
    with shown() as (progress, text):
        progress.finished("tokens/c4", {}, skipped=True)
    assert text.getvalue().split() == ["tokens/c4", "done", "before"]
