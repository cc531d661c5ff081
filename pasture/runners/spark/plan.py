"""From a Beam pipeline to stages as plain data; nothing here knows Spark.

Beam's own optimiser (``fn_api_runner.translations``) fuses the pipeline into stages. Each stage
becomes a ``ProcessBundleDescriptor`` for Beam's own ``BundleProcessor`` (bundle.py), with one input
that says how its elements are exchanged first (exchange.py). Beam calls this code experimental:
the versions that pass tests/runners/spark/test_plan.py are pinned by the extra ``[spark]``.
"""

from __future__ import annotations

import collections
import copy
import dataclasses
import itertools
from collections.abc import Iterable, Iterator, Sequence
from typing import Any, Literal

from apache_beam.options.pipeline_options import PipelineOptions, SetupOptions
from apache_beam.portability import common_urns, python_urns
from apache_beam.portability.api import beam_fn_api_pb2, beam_runner_api_pb2, endpoints_pb2
from apache_beam.runners.pipeline_utils import (
    merge_common_environments,
    merge_superset_dep_environments,
    validate_pipeline_graph,
)
from apache_beam.runners.portability.fn_api_runner import translations
from apache_beam.runners.worker import bundle_processor
from apache_beam.transforms import environments
from apache_beam.utils import proto_utils

from pasture.errors import ConfigError

RESHUFFLE = common_urns.composites.RESHUFFLE.urn
INLINE_BYTES = 1 << 20
"""How much of one key's values is handed over in memory; the rest is read from disk by page."""

# What a task cannot promise is refused: order by time, and acting after the output is durable.
SUPPORTED_REQUIREMENTS = frozenset(
    [
        common_urns.requirements.REQUIRES_STATEFUL_PROCESSING.urn,
        common_urns.requirements.REQUIRES_SPLITTABLE_DOFN.urn,
    ]
)
_SHIPPING_FLAGS = ("setup_file", "requirements_file", "extra_packages")

Kind = Literal["impulse", "materialize", "reshuffle", "state", "group"]


@dataclasses.dataclass(frozen=True)
class Coding:
    """How a PCollection is encoded between stages, as ids of coders.

    Args:
        channel: The coder of the data channel, which user code reads and writes.
        safe: The same bytes, with values that the runner need not understand left as bytes.
    """

    channel: str
    safe: str


@dataclasses.dataclass(frozen=True)
class Input:
    """What a stage reads.

    Args:
        kind: The exchange: none (``impulse``, ``materialize``), by a hash of the element
            (``reshuffle``), by key (``state``), or by key and grouped (``group``).
        buffer: The buffer that other stages write to.
        transform: The id of the reading transform in the descriptor.
        read: How the stage expects its elements.
        written: How they are written; differs from ``read`` for ``group`` only.
        windowing: The id of the windowing strategy.
    """

    kind: Kind
    buffer: str
    transform: str
    read: Coding
    written: Coding
    windowing: str


@dataclasses.dataclass(frozen=True)
class SideInput:
    """A PCollection that a transform of the stage looks into, as a whole."""

    transform: str
    tag: str
    buffer: str
    coder: str
    access_pattern: str


@dataclasses.dataclass(frozen=True)
class Stage:
    """One fused stage.

    Args:
        name: Beam's name for it.
        descriptor: A serialised ``ProcessBundleDescriptor``.
        input: What it reads.
        outputs: Ids of its writing transforms, and the buffers that they write to.
        side_inputs: What it looks into.
        uses: How many readers its outputs have in all.
        wave: Stages of one wave run in one Spark job; they need stages of earlier waves finished.
    """

    name: str
    descriptor: bytes
    input: Input
    outputs: tuple[tuple[str, str], ...]
    side_inputs: tuple[SideInput, ...]
    uses: int = 0
    wave: int = 0


@dataclasses.dataclass(frozen=True)
class Plan:
    """The stages of a pipeline, each after what it reads, and the coders of what they exchange."""

    stages: tuple[Stage, ...]
    components: bytes

    def waves(self) -> Iterator[list[Stage]]:
        """Give the stages wave by wave."""
        for _, stages in itertools.groupby(self.stages, key=lambda stage: stage.wave):
            yield list(stages)


def make_plan(pipeline: Any, options: PipelineOptions) -> Plan:
    """Translate a pipeline's proto.

    Raises:
        ConfigError: The pipeline holds something that this runner does not translate.
    """
    refuse_options(options)
    validate_pipeline_graph(pipeline)
    pipeline = merge_common_environments(
        _resolve_environments(merge_superset_dep_environments(pipeline))
    )
    refuse(pipeline)
    context, fused = translations.create_and_optimize_stages(
        copy.deepcopy(pipeline),
        phases=[
            translations.annotate_downstream_side_inputs,
            # Gives every stateful DoFn an input of its own, so that it can be exchanged by key.
            translations.annotate_stateful_dofns_as_roots,
            translations.fix_side_input_pcoll_coders,
            translations.pack_combiners,
            translations.lift_combiners,
            translations.expand_sdf,
            expand_reshuffle,
            translations.expand_gbk,
            translations.sink_flattens,
            translations.greedily_fuse,
            translations.read_to_impulse,
            translations.impulse_to_input,
            translations.sort_stages,
            translations.add_impulse_to_dangling_transforms,
            translations.setup_timer_mapping,
            translations.populate_data_channel_coders,
        ],
        known_runner_urns=frozenset(
            [
                common_urns.primitives.FLATTEN.urn,
                common_urns.primitives.GROUP_BY_KEY.urn,
                RESHUFFLE,
            ]
        ),
        use_state_iterables=True,
    )
    for coder in context.components.coders.values():
        if coder.spec.urn == common_urns.coders.STATE_BACKED_ITERABLE.urn:
            coder.spec.payload = b"%d" % INLINE_BYTES
    stages = in_waves([_to_stage(stage, context) for stage in fused])
    components = beam_runner_api_pb2.Components()
    components.CopyFrom(context.components)
    components.transforms.clear()
    return Plan(tuple(stages), components.SerializeToString())


def _resolve_environments(pipeline: Any) -> Any:
    """Take the embedded Python environment wherever a transform may run in one of several."""
    for environment in pipeline.components.environments.values():
        resolved = environments.resolve_anyof_environment(environment, python_urns.EMBEDDED_PYTHON)
        environment.CopyFrom(resolved)
    return pipeline


def refuse_options(options: PipelineOptions) -> None:
    """Refuse options that would be passed over without a word."""
    setup = options.view_as(SetupOptions)
    for name in _SHIPPING_FLAGS:
        if getattr(setup, name):
            raise ConfigError(
                f"the Spark runner does not use --{name}; install the packages into the Python "
                "environment of the executors (docs/spark.md)"
            )


def refuse(pipeline: Any) -> None:
    """Refuse what cannot be run rightly, and name the steps.

    Raises:
        ConfigError: There is such a step.
    """
    transforms = pipeline.components.transforms.values()
    for requirement in sorted(set(pipeline.requirements) - SUPPORTED_REQUIREMENTS):
        raise ConfigError(
            f"the Spark runner cannot run a pipeline with the requirement {requirement}"
        )
    for transform in transforms:
        name = transform.unique_name
        if transform.spec.urn == common_urns.primitives.TEST_STREAM.urn:
            raise ConfigError(f"the Spark runner has no streams, and {name} is a TestStream")
        for pcollection in transform.outputs.values():
            bounded = pipeline.components.pcollections[pcollection].is_bounded
            if bounded == beam_runner_api_pb2.IsBounded.UNBOUNDED:
                raise ConfigError(f"the Spark runner has no streams, and {name} is unbounded")
        if transform.environment_id and not transform.subtransforms:
            urn = pipeline.components.environments[transform.environment_id].urn
            if urn != python_urns.EMBEDDED_PYTHON:
                raise ConfigError(
                    f"the Spark runner runs Python in Spark's own workers, and {name} wants the "
                    f"environment {urn}"
                )


def expand_reshuffle(stages: Iterable[Any], context: Any) -> Iterator[Any]:
    """Turn each Reshuffle into a write and a read of our exchange: a phase of the optimiser.

    Beam's own expansion gives each element a random key. A task that Spark runs again would deal
    its elements otherwise than before, and what other tasks have read by then would be lost or
    doubled; so the exchange goes by a hash of the element.
    """
    pcollections = context.components.pcollections
    for stage in stages:
        transform = translations.only_transform(stage.transforms)
        if transform.spec.urn != RESHUFFLE:
            yield stage
            continue
        name = transform.unique_name
        target = translations.only_element(transform.outputs.values())
        source = _main_input(transform, pcollections)
        for pcollection in (source, target):
            context.length_prefix_pcoll_coders(pcollection)
        if pcollections[source].coder_id != pcollections[target].coder_id:
            # A Flatten of one input is an identity, which encodes anew.
            encoded = translations.unique_name(pcollections, f"{name}/Transcode/out")
            pcollections[encoded].CopyFrom(pcollections[source])
            pcollections[encoded].unique_name = encoded
            pcollections[encoded].coder_id = pcollections[target].coder_id
            yield _stage(
                f"{name}/Transcode",
                common_urns.primitives.FLATTEN.urn,
                stage,
                inputs={"in": source},
                outputs={"out": encoded},
                environment_id=transform.environment_id,
            )
            source = encoded
        buffer = translations.create_buffer_id(stage.name, kind="reshuffle")
        write = _stage(
            f"{name}/Write", bundle_processor.DATA_OUTPUT_URN, stage, buffer, inputs={"in": source}
        )
        yield write
        read = _stage(
            f"{name}/Read", bundle_processor.DATA_INPUT_URN, stage, buffer, outputs={"out": target}
        )
        read.downstream_side_inputs = stage.downstream_side_inputs
        read.must_follow = translations.union(frozenset([write]), stage.must_follow)
        yield read


def _main_input(transform: Any, pcollections: Any) -> str:
    """The input that is shuffled: that of a splittable DoFn lists side inputs beside it."""
    inputs: list[str] = list(transform.inputs.values())
    if len(inputs) > 1:
        target = translations.only_element(transform.outputs.values())
        inputs = [i for i in inputs if pcollections[i].coder_id == pcollections[target].coder_id]
    (main,) = inputs
    return main


def _stage(name: str, urn: str, origin: Any, payload: bytes = b"", **fields: Any) -> Any:
    transform = beam_runner_api_pb2.PTransform(
        unique_name=name,
        spec=beam_runner_api_pb2.FunctionSpec(urn=urn, payload=payload),
        **fields,
    )
    return translations.Stage(
        name, [transform], downstream_side_inputs=frozenset(), must_follow=origin.must_follow
    )


def _to_stage(stage: Any, context: Any) -> Stage:
    components = context.components
    inputs: list[Input] = []
    outputs: list[tuple[str, str]] = []
    transforms = {}
    for transform in stage.transforms:
        copied = beam_runner_api_pb2.PTransform()
        copied.CopyFrom(transform)
        transforms[transform.unique_name] = copied
        buffer = transform.spec.payload
        if transform.spec.urn == bundle_processor.DATA_INPUT_URN:
            pcollection = translations.only_element(transform.outputs.values())
            inputs.append(_input(transform.unique_name, buffer, pcollection, stage, context))
        elif transform.spec.urn == bundle_processor.DATA_OUTPUT_URN:
            pcollection = translations.only_element(transform.inputs.values())
            outputs.append((transform.unique_name, buffer.decode()))
        else:
            continue
        copied.spec.payload = beam_fn_api_pb2.RemoteGrpcPort(
            coder_id=context.data_channel_coders[pcollection]
        ).SerializeToString()
    if len(inputs) != 1:
        raise ConfigError(f"the Spark runner cannot run {stage.name}: it has {len(inputs)} inputs")
    descriptor = beam_fn_api_pb2.ProcessBundleDescriptor(
        id=stage.name,
        transforms=transforms,
        pcollections=dict(components.pcollections),
        coders=dict(components.coders),
        windowing_strategies=dict(components.windowing_strategies),
        environments=dict(components.environments),
        # Names our own channel (bundle.py); nothing listens anywhere.
        timer_api_service_descriptor=endpoints_pb2.ApiServiceDescriptor(url="in-process"),
    )
    return Stage(
        name=stage.name,
        descriptor=descriptor.SerializeToString(deterministic=True),
        input=inputs[0],
        outputs=tuple(sorted(outputs)),
        side_inputs=tuple(sorted(_side_inputs(stage, context), key=dataclasses.astuple)),
    )


def _coding(context: Any, pcollection: str) -> Coding:
    channel = context.data_channel_coders[pcollection]
    return Coding(channel, context.safe_coders[channel])


def _input(transform: str, buffer: bytes, pcollection: str, stage: Any, context: Any) -> Input:
    kind: Kind
    read = written = _coding(context, pcollection)
    if buffer == translations.IMPULSE_BUFFER:
        kind = "impulse"
    else:
        kind, name = translations.split_buffer_id(buffer)
        if kind == "group":
            grouping = context.components.transforms[name]
            pcollection = translations.only_element(grouping.inputs.values())
            written = _coding(context, pcollection)
        elif stage.is_stateful():
            kind = "state"
    windowing = context.components.pcollections[pcollection].windowing_strategy_id
    return Input(kind, buffer.decode(), transform, read, written, windowing)


def _side_inputs(stage: Any, context: Any) -> Iterator[SideInput]:
    for transform in stage.transforms:
        if transform.spec.urn not in translations.PAR_DO_URNS:
            continue
        payload = proto_utils.parse_Bytes(transform.spec.payload, beam_runner_api_pb2.ParDoPayload)
        for tag, side_input in payload.side_inputs.items():
            pcollection = transform.inputs[tag]
            yield SideInput(
                transform.unique_name,
                tag,
                translations.create_buffer_id(pcollection).decode(),
                _coding(context, pcollection).safe,
                side_input.access_pattern.urn,
            )


def in_waves(stages: Sequence[Stage]) -> list[Stage]:
    """Count the readers of each stage, deal the stages into waves, and order them.

    A stage with one reader is computed inside its reader's tasks. One with several is finished
    and kept first: were it computed for each, readers could see different outputs. So what reads
    it is in a later wave. Beam's order of stages differs from run to run; ours does not.

    Args:
        stages: In an order in which each stands after what it reads.
    """
    readers = collections.Counter(stage.input.buffer for stage in stages)
    readers.update({side.buffer for stage in stages for side in stage.side_inputs})
    ready: dict[str, int] = collections.defaultdict(int)
    depths: dict[str, int] = collections.defaultdict(int)
    placed = []
    for stage in stages:
        sources = [stage.input.buffer, *(side.buffer for side in stage.side_inputs)]
        wave = max(ready[buffer] for buffer in sources)
        depth = max(depths[buffer] for buffer in sources)
        uses = sum(readers[buffer] for _, buffer in stage.outputs)
        for _, buffer in stage.outputs:
            ready[buffer] = max(ready[buffer], wave + (uses > 1))
            depths[buffer] = max(depths[buffer], depth + 1)
        placed.append((wave, depth, dataclasses.replace(stage, uses=uses, wave=wave)))
    placed.sort(key=lambda item: (item[0], item[1], item[2].name))
    return [stage for _, _, stage in placed]
