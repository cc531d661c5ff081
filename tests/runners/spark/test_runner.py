"""Pipelines on the Spark runner: first without Spark, then on a cluster that the tests start.

Everything that needs the cluster stands in this file, so that one worker of the tests runs it all.
"""

from __future__ import annotations

import collections
import functools
import hashlib
import json
import os
import pathlib
import random
import signal
import sys
import threading
import time
import uuid

import apache_beam as beam
import pyarrow as pa
import pytest
from apache_beam import pvalue
from apache_beam.coders import VarIntCoder
from apache_beam.internal.cloudpickle import cloudpickle
from apache_beam.io.restriction_trackers import OffsetRange, OffsetRestrictionTracker
from apache_beam.runners import runner
from apache_beam.runners.common import ENCODED_IMPULSE_VALUE
from apache_beam.runners.portability.fn_api_runner import FnApiRunner
from apache_beam.testing.util import assert_that, equal_to
from apache_beam.transforms import window
from apache_beam.transforms.timeutil import TimeDomain
from apache_beam.transforms.userstate import (
    BagStateSpec,
    CombiningValueStateSpec,
    ReadModifyWriteStateSpec,
    TimerSpec,
    on_timer,
)
from apache_beam.utils.windowed_value import WindowedValue

from pasture.errors import StageError
from pasture.runners.options import beam_options
from pasture.runners.spark import bundle
from pasture.runners.spark.exchange import Exchange, route
from pasture.runners.spark.plan import make_plan
from pasture.runners.spark.state import GroupStore, TaskState, side_input_state
from tests.processes import descendants, running

# Where many share the machine, Java takes its time to start.
pytestmark = pytest.mark.timeout(1200)

# The executors cannot import this module.
cloudpickle.register_pickle_by_value(sys.modules[__name__])


# What is checked. Each check makes a PCollection of JSON values, and says what should be in it.

CHECKS = {}


def check(want):
    def register(build):
        CHECKS[build.__name__] = build, want
        return build

    return register


def timestamped(p, values):
    stamp = beam.Map(lambda pair: window.TimestampedValue(pair, pair[1]))
    return p | beam.Create(values) | "Stamp" >> stamp


def read_words(path):
    return pathlib.Path(path).read_text().split()


SORT = "Sort" >> beam.MapTuple(lambda key, values: [key, sorted(values)])


@check([1, 2, 2, 3, 3, 3])
def flat_map(p, folder):
    return p | beam.Create([1, 2, 3]) | beam.FlatMap(lambda x: [x] * x)


@check([["a", [1, 3]], ["b", [2]]])
def group_by_key(p, folder):
    return p | beam.Create([("a", 1), ("b", 2), ("a", 3)]) | beam.GroupByKey() | SORT


@check([["a", 4], ["b", 2]])
def combine_per_key(p, folder):
    pairs = p | beam.Create([("a", 1), ("b", 2), ("a", 3)])
    return pairs | beam.CombinePerKey(sum) | beam.Map(list)


@check([6])
def combine_globally(p, folder):
    return p | beam.Create([1, 2, 3]) | beam.CombineGlobally(sum)


@check([["a", [1], [9]], ["b", [2], []]])
def co_group_by_key(p, folder):
    left = p | "Left" >> beam.Create([("a", 1), ("b", 2)])
    right = p | "Right" >> beam.Create([("a", 9)])
    return (
        {"left": left, "right": right}
        | beam.CoGroupByKey()
        | beam.MapTuple(lambda key, both: [key, list(both["left"]), list(both["right"])])
    )


@check([["a", 5, 100, 2], ["b", 6, 100, 2]])
def side_inputs(p, folder):
    table = p | "Table" >> beam.Create([("a", 5), ("b", 6)])
    one = p | "One" >> beam.Create([100])
    return (
        p
        | beam.Create(["a", "b"])
        | beam.Map(
            lambda x, table, one, pairs: [x, table[x], one, len(pairs)],
            pvalue.AsDict(table),
            pvalue.AsSingleton(one),
            pvalue.AsList(table),
        )
    )


class Odd(beam.DoFn):
    def process(self, x):
        yield x
        if x % 2:
            yield pvalue.TaggedOutput("odd", x * 10)


@check([["main", 1], ["main", 2], ["main", 3], ["odd", 10], ["odd", 30]])
def tagged_outputs(p, folder):
    found = p | beam.Create([1, 2, 3]) | beam.ParDo(Odd()).with_outputs("odd", main="main")
    main = found.main | "Main" >> beam.Map(lambda x: ["main", x])
    odd = found.odd | "OddOnes" >> beam.Map(lambda x: ["odd", x])
    return (main, odd) | beam.Flatten()


class Nothing(beam.DoFn):
    def process(self, x):
        return [x] if x == 1 else None


@check([1])
def no_output(p, folder):
    return p | beam.Create([1, 2]) | beam.ParDo(Nothing())


class Hold(beam.DoFn):
    def start_bundle(self):
        self.held = []

    def process(self, x):
        self.held.append(x)

    def finish_bundle(self):
        for x in self.held:
            yield WindowedValue(x, 0, [window.GlobalWindow()])


@check([1, 2, 3])
def finish_bundle(p, folder):
    return p | beam.Create([1, 2, 3]) | beam.ParDo(Hold())


@check([1, 2, 3])
def batch_elements(p, folder):
    return p | beam.Create([1, 2, 3]) | beam.BatchElements(2, 2) | beam.FlatMap(list)


@check([1, 2, 3])
def reshuffle(p, folder):
    return p | beam.Create([1, 2, 3]) | beam.Reshuffle()


@check([["one", 1], ["one", 2], ["two", 1], ["two", 2]])
def two_readers(p, folder):
    numbers = p | beam.Create([1, 2]) | beam.Reshuffle()
    one = numbers | "ToOne" >> beam.Map(lambda x: ["one", x])
    two = numbers | "ToTwo" >> beam.Map(lambda x: ["two", x])
    return (one, two) | beam.Flatten()


@check([300])
def read_text(p, folder):
    return p | beam.io.ReadFromText(f"{folder}/lines-*.txt") | beam.combiners.Count.Globally()


@check([200])
def read_all_text(p, folder):
    names = [f"{folder}/lines-0.txt", f"{folder}/lines-1.txt"]
    return p | beam.Create(names) | beam.io.ReadAllFromText() | beam.combiners.Count.Globally()


@check([1, 2, 3])
def read_parquet(p, folder):
    rows = p | beam.io.ReadFromParquet(f"{folder}/numbers.parquet")
    return rows | beam.Map(lambda row: row["number"])


@check([["a", [1, 2]], ["a", [70]]])
def fixed_windows(p, folder):
    stamped = timestamped(p, [("a", 1), ("a", 2), ("a", 70)])
    return stamped | beam.WindowInto(window.FixedWindows(60)) | beam.GroupByKey() | SORT


class Sum(beam.DoFn):
    SUM = ReadModifyWriteStateSpec("sum", VarIntCoder())

    def process(self, pair, state=beam.DoFn.StateParam(SUM)):
        total = (state.read() or 0) + pair[1]
        state.write(total)
        yield [pair[0], total]


@check([["a", 1], ["a", 2], ["b", 5]])
def user_state(p, folder):
    return p | beam.Create([("a", 1), ("a", 1), ("b", 5)]) | beam.ParDo(Sum())


class Parameters(beam.DoFn):
    def setup(self):
        self.five = 5

    def process(self, x, where=beam.DoFn.WindowParam):
        yield [x + self.five, type(where).__name__]


@check([[6, "GlobalWindow"]])
def setup_and_parameters(p, folder):
    return p | beam.Create([1]) | beam.ParDo(Parameters())


@check([10])
def exception_handling(p, folder):
    good, _ = p | beam.Create([1, 0]) | beam.Map(lambda x: 10 // x).with_exception_handling()
    return good


@check(["a", "b"])
def write_text(p, folder):
    prefix = f"{folder}/{uuid.uuid4().hex}"
    done = p | beam.Create(["a", "b"]) | beam.io.WriteToText(prefix, num_shards=1)
    return done | beam.Reshuffle() | beam.FlatMap(read_words)


@check([1, 2])
def write_parquet(p, folder):
    prefix = f"{folder}/{uuid.uuid4().hex}"
    schema = pa.schema([("number", pa.int64())])
    rows = p | beam.Create([{"number": 1}, {"number": 2}])
    done = rows | beam.io.WriteToParquet(prefix, schema, num_shards=1)
    return done | "Again" >> beam.io.ReadAllFromParquet() | beam.Map(lambda row: row["number"])


class Buffer(beam.DoFn):
    BAG = BagStateSpec("bag", VarIntCoder())
    COUNT = CombiningValueStateSpec("count", sum)
    END = TimerSpec("end", TimeDomain.WATERMARK)

    def process(
        self,
        pair,
        bag=beam.DoFn.StateParam(BAG),
        count=beam.DoFn.StateParam(COUNT),
        end=beam.DoFn.TimerParam(END),
        where=beam.DoFn.WindowParam,
    ):
        bag.add(pair[1])
        count.add(1)
        end.set(where.end)

    @on_timer(END)
    def fire(self, bag=beam.DoFn.StateParam(BAG), count=beam.DoFn.StateParam(COUNT)):
        yield [sorted(bag.read()), count.read()]


@check([[[1, 2], 2], [[3], 1]])
def event_time_timers(p, folder):
    stamped = timestamped(p, [("a", 1), ("a", 2), ("b", 3)])
    return stamped | beam.WindowInto(window.FixedWindows(60)) | beam.ParDo(Buffer())


class Chain(beam.DoFn):
    FIRST = TimerSpec("first", TimeDomain.WATERMARK)
    SECOND = TimerSpec("second", TimeDomain.WATERMARK)

    def process(self, pair, first=beam.DoFn.TimerParam(FIRST), second=beam.DoFn.TimerParam(SECOND)):
        second.set(20)
        first.set(10)

    @on_timer(FIRST)
    def fire_first(self, second=beam.DoFn.TimerParam(SECOND)):
        second.clear()
        yield "first"

    @on_timer(SECOND)
    def fire_second(self):
        yield "second"


@check([["a", [1, 5]], ["a", [100]]])
def sessions(p, folder):
    stamped = timestamped(p, [("a", 1), ("a", 5), ("a", 100)])
    return stamped | beam.WindowInto(window.Sessions(10)) | beam.GroupByKey() | SORT


@check([["a", 1], ["a", 5], ["a", 6]])
def sliding_windows(p, folder):
    windows = beam.WindowInto(window.SlidingWindows(10, 5))
    stamped = timestamped(p, [("a", 1), ("a", 5)])
    return stamped | windows | beam.CombinePerKey(sum) | beam.Map(list)


@check([11])
def side_input_in_windows(p, folder):
    def windowed(name, value, at):
        stamp = beam.Map(lambda x: window.TimestampedValue(x, at))
        values = p | f"Create{name}" >> beam.Create([value]) | f"Stamp{name}" >> stamp
        return values | f"Window{name}" >> beam.WindowInto(window.FixedWindows(60))

    side = windowed("Side", 10, 3)
    return windowed("Main", 1, 5) | beam.Map(lambda x, y: x + y, pvalue.AsSingleton(side))


@check([["a", [1, 2]], ["z", []]])
def side_input_as_multimap(p, folder):
    table = p | "Table" >> beam.Create([("a", 1), ("a", 2)])
    look = beam.Map(lambda key, table: [key, sorted(table[key])], pvalue.AsMultiMap(table))
    return p | beam.Create(["a", "z"]) | look


@check([0])
def empty_side_input(p, folder):
    nothing = p | "Nothing" >> beam.Create([])
    return p | beam.Create(["a"]) | beam.Map(lambda x, xs: len(list(xs)), pvalue.AsIter(nothing))


@check([["a", 45]])
def hot_key_fanout(p, folder):
    pairs = p | beam.Create([("a", i) for i in range(10)])
    return pairs | beam.CombinePerKey(sum).with_hot_key_fanout(3) | beam.Map(list)


class Numbers(beam.RestrictionProvider):
    def initial_restriction(self, element):
        return OffsetRange(0, element)

    def create_tracker(self, restriction):
        return OffsetRestrictionTracker(restriction)

    def restriction_size(self, element, restriction):
        return restriction.size()


class CountUp(beam.DoFn):
    """Leaves the rest for another bundle after every two numbers."""

    def process(self, element, tracker=beam.DoFn.RestrictionParam(Numbers())):
        start = tracker.current_restriction().start
        for number in range(start, start + 2):
            if not tracker.try_claim(number):
                return
            yield number
        tracker.defer_remainder()


@check([0, 0, 1, 1, 2, 2, 3, 4])
def splittable_dofn(p, folder):
    return p | beam.Create([5, 3]) | beam.ParDo(CountUp())


class CountUpFrom(beam.DoFn):
    def process(self, element, first, tracker=beam.DoFn.RestrictionParam(Numbers())):
        number = tracker.current_restriction().start
        while tracker.try_claim(number):
            yield first + number
            number += 1


@check([100, 101, 102])
def splittable_dofn_with_a_side_input(p, folder):
    first = p | "First" >> beam.Create([100])
    return p | beam.Create([3]) | beam.ParDo(CountUpFrom(), pvalue.AsSingleton(first))


@check([[99, 98]])
def top(p, folder):
    return p | beam.Create(range(100)) | beam.combiners.Top.Largest(2)


@check([1, 2])
def distinct(p, folder):
    return p | beam.Create([1, 1, 2]) | beam.Distinct()


@check([1, 2, 2])
def group_into_batches(p, folder):
    pairs = p | beam.Create([("a", i) for i in range(5)])
    return pairs | beam.GroupIntoBatches(2) | beam.MapTuple(lambda key, values: len(values))


@check([1, 1])
def flatten_with_itself(p, folder):
    one = p | beam.Create([1])
    return (one, one) | beam.Flatten()


@check(["first"])
def timers_that_clear_others(p, folder):
    return p | beam.Create([("a", 1)]) | beam.ParDo(Chain())


@check([["a", 3], ["b", 1]])
def iterate_a_group_twice(p, folder):
    count = beam.MapTuple(lambda key, values: [key, max(len(list(values)), len(list(values)))])
    pairs = [("a", "x" * 600_000), ("a", "y" * 600_000), ("a", "z"), ("b", "z")]
    return p | beam.Create(pairs) | beam.GroupByKey() | count


class Save(beam.DoFn):
    def __init__(self, folder):
        self.folder = folder

    def process(self, value):
        pathlib.Path(self.folder, uuid.uuid4().hex).write_text(json.dumps(value))


def saved(folder):
    return sorted((json.loads(path.read_text()) for path in folder.iterdir()), key=json.dumps)


def write_inputs(folder):
    for number in range(3):
        (folder / f"lines-{number}.txt").write_text("line\n" * 100)
    table = pa.table({"number": [1, 2, 3]})
    pa.parquet.write_table(table, folder / "numbers.parquet")


def build(p, names, folder):
    """Put checks into one pipeline; what each gives goes to the folder of its name."""
    write_inputs(folder)
    for name in names:
        (folder / name).mkdir()
        scope = _Scope(name, CHECKS[name][0], str(folder))
        p | name >> scope | f"{name}.Save" >> beam.ParDo(Save(str(folder / name)))


class _Scope(beam.PTransform):
    """Gives the steps of a check labels of their own."""

    def __init__(self, name, build, folder):
        super().__init__(name)
        self.build, self.folder = build, folder

    def expand(self, begin):
        return self.build(begin.pipeline, self.folder)


# Without Spark: its part is played by sorted lists.


class ListRunner(runner.PipelineRunner):
    """Runs plans as the Spark runner does, in this process, with exchanges of three partitions."""

    def default_environment(self, options):
        return beam.transforms.environments.EmbeddedPythonEnvironment.default()

    def run_portable_pipeline(self, pipeline, options):
        plan = make_plan(pipeline, options)
        buffers = collections.defaultdict(list, impulse=[ENCODED_IMPULSE_VALUE])
        for stage in plan.stages:
            exchange = Exchange(stage.input, plan.components)
            sides = [
                side_input_state(side, buffers[side.buffer], plan.components)
                for side in stage.side_inputs
            ]
            partitions = [buffers[stage.input.buffer]]
            if stage.input.kind not in ("impulse", "materialize"):
                records = sorted(exchange.records(partitions[0]))
                partitions = [[r for r in records if route(r[0]) % 3 == i] for i in range(3)]
            written = collections.defaultdict(list)
            for records in partitions:
                with GroupStore() as groups:
                    chunks = exchange.chunks(records, groups)
                    state = TaskState(sides, groups)
                    bundle.process(
                        stage.descriptor,
                        stage.input.transform,
                        chunks,
                        state,
                        lambda transform, chunk, written=written: written[transform].append(chunk),
                    )
            for transform, buffer in stage.outputs:
                buffers[buffer] += written[transform]
        return runner.PipelineResult(runner.PipelineState.DONE)


@pytest.mark.parametrize("name", sorted(CHECKS))
def test_a_plan_gives_what_beam_s_own_runner_gives(name, tmp_path):
    kinds = [ListRunner, FnApiRunner]
    if name == "timers_that_clear_others":
        kinds.remove(FnApiRunner)  # It fires both timers at once.
    for kind in kinds:
        folder = tmp_path / kind.__name__
        folder.mkdir()
        with beam.Pipeline(runner=kind()) as p:
            build(p, [name], folder)
        assert saved(folder / name) == sorted(CHECKS[name][1], key=json.dumps), kind


# On a cluster.

SHUFFLE_SERVICE = "--spark_conf=spark.shuffle.service.enabled=true"
MEMORY = 32  # MiB that a Python worker sorts in, before it spills


@pytest.fixture(scope="module")
def flags(spark_master):
    """The flags of a pipeline on the cluster; the connection ends with this file."""
    from pyspark import SparkContext

    yield [
        "--runner=spark",
        f"--spark_master={spark_master}",
        "--spark_conf=spark.executor.memory=512m",
        "--spark_conf=spark.executor.extraJavaOptions=-XX:+UseSerialGC -XX:TieredStopAtLevel=1",
        f"--spark_conf=spark.python.worker.memory={MEMORY}m",
        "--spark_partitions=3",
        *([SHUFFLE_SERVICE] if os.environ.get("PASTURE_SHUFFLE_SERVICE") else []),
    ]
    if SparkContext._active_spark_context is not None:
        SparkContext._active_spark_context.stop()


def run_on_spark(flags, build, *more):
    p = beam.Pipeline(options=beam_options([*flags, *more]))
    build(p)
    return p.run()


@pytest.fixture(scope="module")
def spark_results(flags, tmp_path_factory):
    """What every check gives on the cluster, all in one pipeline."""
    folder = tmp_path_factory.mktemp("checks")
    run_on_spark(flags, lambda p: build(p, sorted(CHECKS), folder))
    return folder


@pytest.mark.parametrize("name", sorted(CHECKS))
def test_the_cluster_gives_the_same(name, spark_results):
    assert saved(spark_results / name) == sorted(CHECKS[name][1], key=json.dumps)


def test_an_error_of_user_code_is_told_with_its_step(flags):
    def divide(p):
        p | beam.Create([0]) | "Divide" >> beam.Map(lambda x: 1 // x)

    with pytest.raises(RuntimeError) as caught:
        run_on_spark(flags, divide)
    lines = str(caught.value).splitlines()
    assert lines[0] == "Traceback (most recent call last):"
    assert lines[-1].startswith("ZeroDivisionError: integer division or modulo by zero")
    assert "[while running 'Divide']" in lines[-1]


def test_an_assertion_on_a_pcollection_fails(flags):
    with pytest.raises(RuntimeError, match="BeamAssertException"):
        run_on_spark(flags, lambda p: assert_that(p | beam.Create([1]), equal_to([2])))


def test_relative_paths_mean_what_they_mean_here(flags, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "here.txt").write_text("one\ntwo\n")
    (tmp_path / "out").mkdir()
    read = beam.Map(read_words)
    run_on_spark(flags, lambda p: p | beam.Create(["here.txt"]) | read | beam.ParDo(Save("out")))
    assert saved(tmp_path / "out") == [["one", "two"]]


def test_relative_paths_mean_nothing_where_this_folder_is_absent(flags, tmp_path, monkeypatch):
    (tmp_path / "gone").mkdir()
    monkeypatch.chdir(tmp_path / "gone")
    here = os.getcwd()
    (tmp_path / "gone").rmdir()
    monkeypatch.setattr(os, "getcwd", lambda: here)
    with pytest.raises(RuntimeError, match="FileNotFoundError"):
        run_on_spark(
            flags, lambda p: p | beam.Create([1]) | beam.Map(lambda _: pathlib.Path("lost").touch())
        )


class CountAndFailOnce(beam.DoFn):
    """Counts its elements; the first attempt at the fifth one fails."""

    def __init__(self, marker):
        self.marker = marker
        self.count = beam.metrics.Metrics.counter("test", "elements")
        self.sizes = beam.metrics.Metrics.distribution("test", "sizes")

    def process(self, x):
        self.count.inc()
        self.sizes.update(x)
        if x == 5 and not os.path.exists(self.marker):
            pathlib.Path(self.marker).touch()
            raise OSError("once")
        yield x


def test_counters_are_exact_after_a_task_failed(flags, tmp_path):
    def count(p):
        counted = (
            p
            | beam.Create(range(100), reshuffle=True)
            | beam.ParDo(CountAndFailOnce(str(tmp_path / "marker")))
        )
        # Two readers: the stage is kept, and not computed for each.
        counted | "One" >> beam.Reshuffle()
        counted | "Two" >> beam.Map(lambda x: (x, x)) | beam.GroupByKey()

    result = run_on_spark(flags, count)
    assert (tmp_path / "marker").exists()
    found = result.metrics().query()
    assert [(c.key.step, c.committed) for c in found["counters"]] == [
        ("ParDo(CountAndFailOnce)", 100)
    ]
    (sizes,) = [d.committed for d in found["distributions"]]
    assert (sizes.count, sizes.sum, sizes.min, sizes.max) == (100, 4950, 0, 99)


# Memory.


class Peak(beam.DoFn):
    """Reads a group twice; tells its size, and by how much this process grew meanwhile."""

    def setup(self):
        # Sets the peak back; Linux only.
        pathlib.Path("/proc/self/clear_refs").write_text("5")
        self.before = self._mebibytes("VmRSS")

    def process(self, group):
        _, values = group
        once, twice = (sum(len(value) for value in values) for _ in range(2))
        yield [once, twice, self._mebibytes("VmHWM") - self.before]

    def _mebibytes(self, name):
        lines = pathlib.Path("/proc/self/status").read_text().splitlines()
        return next(int(line.split()[1]) for line in lines if line.startswith(name)) >> 10


def test_a_hot_key_does_not_need_its_size_in_memory(flags, tmp_path):
    mebibytes = 600
    parts = 24
    count = mebibytes // parts * 1024

    def hot(p):
        (
            p
            | beam.Create(range(parts), reshuffle=True)
            | beam.FlatMap(lambda part: (("hot", random.randbytes(1024)) for _ in range(count)))
            | beam.GroupByKey()
            | beam.ParDo(Peak())
            | beam.ParDo(Save(str(tmp_path)))
        )

    run_on_spark(flags, hot)
    ((once, twice, growth),) = saved(tmp_path)
    assert once == twice == mebibytes << 20
    assert growth < 3 * MEMORY


# Addresses.


def listening(pids):
    """The addresses, in hexadecimal, that processes listen on."""
    inodes = set()
    for pid in pids:
        for descriptor in pathlib.Path(f"/proc/{pid}/fd").iterdir():
            try:
                target = os.readlink(descriptor)
            except FileNotFoundError:
                continue
            if target.startswith("socket:["):
                inodes.add(target[8:-1])
    found = []
    for table in ("tcp", "tcp6"):
        for line in pathlib.Path("/proc/net", table).read_text().splitlines()[1:]:
            fields = line.split()
            if fields[3] == "0A" and fields[9] in inodes:
                found.append(fields[1].split(":")[0])
    return found


LOOPBACK = {"0100007F", "0000000000000000FFFF00000100007F", "00000000000000000000000001000000"}


def test_nothing_listens_beyond_loopback(flags, tmp_path):
    started = threading.Event()
    marker = tmp_path / "marker"

    def wait(_):
        marker.touch()
        time.sleep(4)

    def look():
        while not marker.exists():
            time.sleep(0.05)
        addresses.extend(listening(descendants(os.getpid())))
        started.set()

    addresses = []
    thread = threading.Thread(target=look)
    thread.start()
    run_on_spark(flags, lambda p: p | beam.Create([1]) | beam.Map(wait))
    thread.join()
    assert len(addresses) >= 6  # master, two workers, driver, two executors
    assert set(addresses) <= LOOPBACK


# Executors that die.


class Digest(beam.CombineFn):
    """The count, the sum and the sum of squares: what is lost or doubled shows."""

    def create_accumulator(self):
        return 0, 0, 0

    def add_input(self, digest, number):
        return digest[0] + 1, digest[1] + number, digest[2] + number * number

    def merge_accumulators(self, digests):
        return tuple(map(sum, zip(*digests, strict=True)))

    def extract_output(self, digest):
        return list(digest)


class SaveByContent(beam.DoFn):
    """Saves as the product's stages do: a task that is run again writes the same file again.

    What another attempt would write differently lies beside it.
    """

    def __init__(self, folder):
        self.folder = folder

    def process(self, named):
        name, values = named
        text = json.dumps(sorted(values))
        digest = hashlib.sha256(text.encode()).hexdigest()
        pathlib.Path(self.folder, f"{name}-{digest}").write_text(text)


class Slow(beam.DoFn):
    def __init__(self, seconds):
        self.seconds = seconds

    def start_bundle(self):
        time.sleep(self.seconds)

    def process(self, x):
        yield x


KILL_PARTS, KILL_EACH = 16, 500


def numbers_at_risk(p, folder, is_random):
    """Numbers through two exchanges and a stage with two readers; by random keys, or by a hash."""
    numbers = (
        p
        | beam.Create(range(KILL_PARTS), reshuffle=True)
        | "SlowRead" >> beam.ParDo(Slow(0.3))
        | beam.FlatMap(lambda part: range(part * KILL_EACH, (part + 1) * KILL_EACH))
    )
    if is_random:
        dealt = (
            numbers
            | beam.Map(lambda number: (random.getrandbits(16), number))
            | "GroupByRandomKey" >> beam.GroupByKey()
            | beam.FlatMap(lambda group: group[1])
        )
    else:
        dealt = numbers | "Deal" >> beam.Reshuffle()
    kept = dealt | "SlowKeep" >> beam.ParDo(Slow(0.3))
    for name in ("one", "two"):
        (
            kept
            | f"{name}.Pair" >> beam.Map(lambda number: (number % 50, number))
            | f"{name}.Group" >> beam.GroupByKey()
            | f"{name}.Slow" >> beam.ParDo(Slow(0.3))
            | f"{name}.Values" >> beam.FlatMap(lambda group: group[1])
            | f"{name}.Digest" >> beam.CombineGlobally(Digest())
            | f"{name}.Name" >> beam.Map(lambda digest, name=name: (name, digest))
            | f"{name}.Results" >> beam.GroupByKey()
            | f"{name}.Save" >> beam.ParDo(SaveByContent(str(folder)))
        )


KILLS = 10
EXECUTOR = "CoarseGrainedExecutorBackend"


@pytest.fixture(scope="module")
def undisturbed_seconds(flags, tmp_path_factory):
    """How long the pipeline takes when nobody disturbs it."""
    for name in ("first", "second"):  # The first one warms the workers up.
        folder = tmp_path_factory.mktemp(name)
        start = time.monotonic()
        run_on_spark(flags, functools.partial(numbers_at_risk, folder=folder, is_random=True))
        assert saved(folder) == expected_digests()
    return time.monotonic() - start


def expected_digests():
    numbers = range(KILL_PARTS * KILL_EACH)
    return [[[len(numbers), sum(numbers), sum(n * n for n in numbers)]]] * 2


@pytest.mark.parametrize("moment", range(KILLS))
def test_an_executor_that_dies_loses_and_doubles_nothing(
    flags, undisturbed_seconds, moment, tmp_path, record_property
):
    """The result is right, or the job fails and says so. With a shuffle service it is right."""
    draw = random.Random(moment)
    delay = undisturbed_seconds * (moment + draw.random()) / KILLS
    killed: list[int] = []

    def kill():
        executors = running(os.getpid(), EXECUTOR)
        if executors:
            killed.append(draw.choice(executors))
            os.kill(killed[0], signal.SIGKILL)

    for sooner in (1.0, 0.8, 0.6):  # a job that is faster than the undisturbed one may end before
        folder = tmp_path / str(sooner)
        folder.mkdir()
        timer = threading.Timer(delay * sooner, kill)
        timer.start()
        numbers = functools.partial(numbers_at_risk, folder=folder, is_random=moment % 2 == 1)
        failed = None
        try:
            run_on_spark(flags, numbers)
        except StageError as error:
            failed = str(error)
        timer.join()
        if killed:
            break
    assert killed
    record_property("outcome", failed or "right")
    if failed is None:
        assert saved(folder) == expected_digests()
    else:
        assert "Spark" in failed
        assert SHUFFLE_SERVICE not in flags
