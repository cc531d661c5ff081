"""What a job took, as the local runner tells it, and what processes hold."""

import os
import subprocess
import sys
import time

import apache_beam as beam

from pasture.driver.memory import MemoryPeak
from pasture.runners.options import beam_options
from pasture.runners.processes import process_tree


def _slow(number):
    time.sleep(0.5)
    return number % 2, b"x" * 1000


def test_tells_the_time_and_the_shuffle_of_each_stage():
    pipeline = beam.Pipeline(options=beam_options([]))
    numbers = pipeline | "a.Shards" >> beam.Create([1, 2, 3])
    numbers | "a" >> (beam.Map(_slow) | beam.GroupByKey())
    numbers | "b" >> beam.Map(str)
    work = pipeline.run().work
    assert set(work) == {"a", "b"}
    assert 1.0 < work["a"].seconds < 10.0
    assert work["b"].seconds < 1.0
    assert work["a"].shuffled_elements == 6  # three numbers dealt out, and three pairs
    assert 3000 < work["a"].shuffled_bytes < 3200
    assert work["b"].shuffled_bytes == 0


def test_counts_the_memory_of_child_processes():
    with MemoryPeak(interval=0.05) as memory:
        before = memory.take()
        code = "held = bytearray(b'x') * 100_000_000; print(len(held), flush=True); input()"
        child = subprocess.Popen(
            [sys.executable, "-c", code], stdin=subprocess.PIPE, stdout=subprocess.PIPE
        )
        assert child.stdout.readline()
        assert child.pid in [process.pid for process in process_tree(os.getpid())]
        assert memory.take() > before + 50_000_000
        child.communicate(b"\n")
    assert process_tree(child.pid) == []
