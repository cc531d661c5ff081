"""From pipelines to plans, what is refused, and what of Beam's internals the runner stands on."""

from __future__ import annotations

import importlib.util
import inspect
import random

import apache_beam as beam
import pytest
from apache_beam.coders import BytesCoder
from apache_beam.options.pipeline_options import PipelineOptions
from apache_beam.portability import common_urns
from apache_beam.portability.api import beam_fn_api_pb2
from apache_beam.runners.portability.fn_api_runner import FnApiRunner, execution, translations
from apache_beam.runners.portability.fn_api_runner.worker_handlers import StateServicer
from apache_beam.runners.worker import bundle_processor, data_plane, statecache
from apache_beam.testing import test_stream
from apache_beam.transforms import environments
from apache_beam.transforms.periodicsequence import PeriodicImpulse

from pasture.errors import ConfigError
from pasture.runners.options import SPARK_RUNNER, beam_options
from pasture.runners.spark import bundle
from pasture.runners.spark.exchange import Exchange, join, route
from pasture.runners.spark.plan import expand_reshuffle, make_plan
from pasture.runners.spark.state import GroupStore, TaskState

EMBEDDED = environments.EmbeddedPythonEnvironment.default()


def proto(build, environment=EMBEDDED):
    p = beam.Pipeline()
    build(p)
    return p.to_runner_api(default_environment=environment)


def plan(build):
    return make_plan(proto(build), PipelineOptions([]))


def diamond(p):
    numbers = p | beam.Create([1, 2]) | beam.Reshuffle()
    left = numbers | "Left" >> beam.Map(lambda x: (x, 1)) | "GroupLeft" >> beam.GroupByKey()
    right = numbers | "Right" >> beam.Map(lambda x: (x, 2)) | "GroupRight" >> beam.GroupByKey()
    (left, right) | beam.Flatten() | "End" >> beam.Map(print)


def test_a_stage_with_two_readers_is_finished_in_an_earlier_wave():
    def build(p):
        numbers = p | beam.Create([1, 2]) | beam.Reshuffle()
        total = beam.pvalue.AsSingleton(numbers | "Sum" >> beam.CombineGlobally(sum))
        numbers | "Share" >> beam.Map(lambda x, total: x / total, total)

    stages = plan(build).stages
    (kept,) = [stage for stage in stages if stage.uses > 1]
    readers = [
        stage
        for stage in stages
        if {stage.input.buffer, *(side.buffer for side in stage.side_inputs)}
        & {buffer for _, buffer in kept.outputs}
    ]
    assert readers
    assert all(stage.wave > kept.wave for stage in readers)


def test_stages_come_after_what_they_read_and_always_in_the_same_order():
    first, *others = (plan(diamond) for _ in range(5))
    written = {"impulse"}
    for stage in first.stages:
        assert stage.input.buffer in written
        written.update(buffer for _, buffer in stage.outputs)
    for other in others:
        assert [s.name for s in other.stages] == [s.name for s in first.stages]


def test_a_reshuffle_is_an_exchange_of_ours():
    stages = plan(lambda p: p | beam.Create([1]) | beam.Reshuffle() | beam.Map(print)).stages
    assert [stage.input.kind for stage in stages] == ["impulse", "reshuffle"]
    assert not any(b"random" in stage.descriptor for stage in stages)


def test_a_reshuffle_between_two_codings_encodes_anew():
    def build(p):
        numbers = p | beam.Create([1, 2]) | beam.Map(lambda x: x).with_output_types(int)
        shuffled = numbers | beam.Reshuffle()
        shuffled.element_type = object
        shuffled | beam.Map(print)

    names = [stage.name for stage in plan(build).stages]
    assert any("Transcode" in name for name in names)


# Exchanges.


@pytest.fixture
def grouping():
    pairs = [("a", 1), ("b", 2)]
    found = plan(lambda p: p | beam.Create(pairs) | beam.GroupByKey() | beam.Map(print))
    (stage,) = [stage for stage in found.stages if stage.input.kind == "group"]
    return Exchange(stage.input, found.components)


def encoded(exchange, pairs):
    context = exchange.context()
    coder = context.coders[exchange.input.written.channel]
    values = [beam.transforms.window.GlobalWindows.windowed_value(pair) for pair in pairs]
    return [coder.get_impl().encode_nested(value) for value in values]


def test_records_do_not_depend_on_how_elements_are_dealt_to_chunks(grouping):
    elements = encoded(grouping, [(f"key {i % 7}", i) for i in range(100)])
    random.Random(1).shuffle(elements)
    one = sorted(grouping.records([b"".join(elements)]))
    many = sorted(grouping.records([*join(elements), b""]))
    assert one == many == sorted(grouping.records(elements))
    assert len({route(pair) for pair, _ in one}) == 7


def test_groups_do_not_depend_on_the_order_of_arrival(grouping):
    elements = encoded(grouping, [(f"key {i % 7}", i) for i in range(100)])
    with GroupStore() as groups:
        straight = b"".join(grouping.chunks(sorted(grouping.records(elements)), groups))
        back = b"".join(grouping.chunks(sorted(grouping.records(elements[::-1])), groups))
    assert straight == back


def test_a_long_group_is_read_by_page_as_often_as_one_likes():
    values = [bytes([i]) * 300_000 for i in range(10)]
    coder = BytesCoder().get_impl()
    with GroupStore() as groups:
        names = [groups.write(iter(values), coder), groups.write([], coder)]
        for _ in range(2):
            pages, token = [], None
            while not pages or token:
                page, token = groups.read(names[0], token)
                pages.append(page)
            assert len(pages) == 3
            assert b"".join(pages) == b"".join(map(coder.encode_nested, values))
        assert groups.read(names[1], None) == (b"", None)


# What is refused.


class Finalizes(beam.DoFn):
    def process(self, x, finalizer=beam.DoFn.BundleFinalizerParam):
        finalizer.register(lambda: None)


REFUSED = {
    "TestStream": lambda p: p | test_stream.TestStream().add_elements([1]),
    "PeriodicImpulse.* is unbounded": lambda p: p | PeriodicImpulse(),
    "pardo:finalization": lambda p: p | beam.Create([1]) | beam.ParDo(Finalizes()),
}


@pytest.mark.parametrize("message", sorted(REFUSED))
def test_refuses(message):
    with pytest.raises(ConfigError, match=message):
        plan(REFUSED[message])


def test_refuses_time_sorted_input():
    pipeline = proto(lambda p: p | beam.Create([1]))
    pipeline.requirements.append(common_urns.requirements.REQUIRES_TIME_SORTED_INPUT.urn)
    with pytest.raises(ConfigError, match="time_sorted_input"):
        make_plan(pipeline, PipelineOptions([]))


def test_refuses_other_environments():
    docker = environments.DockerEnvironment.from_container_image("example.org/java")
    pipeline = proto(lambda p: p | beam.Create([1]) | "Step" >> beam.Map(print), docker)
    with pytest.raises(ConfigError, match=r"wants the environment beam:env:docker:v1"):
        make_plan(pipeline, PipelineOptions([]))


def test_refuses_flags_that_it_would_pass_over():
    with pytest.raises(ConfigError, match="--setup_file"):
        make_plan(proto(lambda p: p | beam.Create([1])), PipelineOptions(["--setup_file=x"]))


# Options.


@pytest.mark.parametrize("flags", [["--runner=spark"], ["--runner", "spark"]])
def test_spark_is_our_runner(flags):
    assert beam_options(flags).get_all_options()["runner"] == SPARK_RUNNER


def test_sparkrunner_is_beam_s_own():
    assert beam_options(["--runner=SparkRunner"]).get_all_options()["runner"] == "SparkRunner"


def test_workers_are_for_the_local_runner():
    with pytest.raises(ConfigError, match="--workers"):
        beam_options(["--runner=spark"], workers=2)


def test_spark_needs_pyspark(monkeypatch):
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    with pytest.raises(ConfigError, match=r"pip install 'pasture\[spark\]'"):
        beam_options(["--runner=spark"])


def test_a_setting_without_a_value_is_refused():
    pytest.importorskip("pyspark")
    options = beam_options(["--runner=spark", "--spark_master=local", "--spark_conf=memory"])
    with pytest.raises(ConfigError, match=r"give spark\.some\.name=value"):
        beam.Pipeline(options=options).run()


# Beam calls all of this internal or experimental: these tests say which part has changed.


def test_the_phases_are_those_of_beam_s_own_runner_and_two_more(monkeypatch):
    recorded = []
    optimise = translations.create_and_optimize_stages

    def record(*arguments, phases, **options):
        recorded.append(phases)
        return optimise(*arguments, phases=phases, **options)

    monkeypatch.setattr(translations, "create_and_optimize_stages", record)
    plan(diamond)
    FnApiRunner().create_stages(proto(diamond))
    ours, beams = recorded
    added = {translations.annotate_stateful_dofns_as_roots, expand_reshuffle}
    assert [phase for phase in ours if phase not in added] == beams
    assert added <= set(ours)


@pytest.mark.parametrize(
    ("function", "parameters"),
    [
        (
            bundle_processor.BundleProcessor,
            "runner_capabilities process_bundle_descriptor state_handler data_channel_factory",
        ),
        (bundle_processor.BundleProcessor.process_bundle, "self instruction_id"),
        (
            data_plane.SizeBasedBufferingClosableOutputStream,
            "close_callback flush_callback size_flush_threshold",
        ),
        (statecache.StateCache, "max_weight"),
        (execution.WindowGroupingBuffer, "access_pattern coder"),
        (
            translations.Stage,
            "name transforms downstream_side_inputs must_follow parent environment forced_root",
        ),
    ],
)
def test_beam_s_internals_take_what_we_give_them(function, parameters):
    wanted = parameters.split()
    assert list(inspect.signature(function).parameters)[: len(wanted)] == wanted


@pytest.mark.parametrize(
    ("ours", "theirs"),
    [
        (bundle._Channel, data_plane.DataChannel),
        (bundle._ChannelFactory, data_plane.DataChannelFactory),
        (TaskState, StateServicer),
    ],
)
def test_our_overrides_take_what_beam_gives_them(ours, theirs):
    for name, method in vars(ours).items():
        original = getattr(theirs, name, None)
        if name != "__init__" and inspect.isfunction(method) and original is not None:
            given = list(inspect.signature(original).parameters)
            assert list(inspect.signature(method).parameters)[: len(given)] == given, name
    assert not getattr(ours, "__abstractmethods__", None)


def test_beam_s_state_is_a_table_by_encoded_key():
    key = beam_fn_api_pb2.StateKey(runner=beam_fn_api_pb2.StateKey.Runner(key=b"k"))
    servicer = StateServicer()
    servicer.append_raw(key, b"data")
    assert servicer._state == {key.SerializeToString(): [b"data"]}
