"""One fused stage inside one Spark task: Beam's own ``BundleProcessor`` between two iterators.

Spark pulls, Beam pushes; so Beam runs in a thread. It reads from Spark's iterator as it needs, and
waits while its output queue is full, which bounds the memory both ways. No port is opened: the
data channel is these iterators, the state API an object (state.py).

``BundleProcessor``, ``DataChannel`` and ``StateServicer`` are internal to Beam.
"""

from __future__ import annotations

import heapq
import itertools
import queue
import threading
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any

from apache_beam.portability import common_urns
from apache_beam.portability.api import beam_fn_api_pb2, beam_runner_api_pb2
from apache_beam.runners.portability.fn_api_runner.worker_handlers import (
    FNAPI_RUNNER_CAPABILITIES,
)
from apache_beam.runners.worker import bundle_processor, data_plane, sdk_worker, statecache

from pasture.runners.spark.state import TaskState

CHUNK_BYTES = 1 << 20
QUEUE_CHUNKS = 8
STATE_CACHE_BYTES = 64 << 20

Emit = Callable[[str, bytes], None]


class Timers:
    """Timers that are set and have not fired, event time before processing time.

    They fire after all input, in order, as on Beam's other batch runners. One that fires may set
    or clear others.
    """

    def __init__(self, processor: Any) -> None:
        self._coders = {
            family: info.timer_coder_impl for family, info in processor.timers_info.items()
        }
        self._domains = {
            (transform, family): spec.time_domain
            for transform, proto in processor.process_bundle_descriptor.transforms.items()
            if proto.spec.urn == common_urns.primitives.PAR_DO.urn
            for family, spec in beam_runner_api_pb2.ParDoPayload.FromString(
                proto.spec.payload
            ).timer_family_specs.items()
        }
        self._set: dict[tuple[Any, ...], int] = {}
        self._heap: list[tuple[Any, ...]] = []
        self._numbers = itertools.count()

    def write(self, transform: str, family: str, data: bytes) -> None:
        """Set or clear the encoded timers."""
        domain = self._domains[transform, family]
        for timer in self._coders[transform, family].decode_all(data):
            key = (transform, family, timer.user_key, timer.dynamic_timer_tag, timer.windows[0])
            if timer.clear_bit:
                self._set.pop(key, None)
                continue
            number = self._set[key] = next(self._numbers)
            heapq.heappush(self._heap, (domain, timer.fire_timestamp, number, key, timer))

    def fire(self) -> Iterator[Any]:
        """Give the timers that are due, until none is set."""
        while self._heap:
            _, _, number, key, timer = heapq.heappop(self._heap)
            if self._set.get(key) != number:
                continue  # cleared, or set anew
            del self._set[key]
            transform, family = key[:2]
            yield beam_fn_api_pb2.Elements.Timers(
                transform_id=transform,
                timer_family_id=family,
                timers=self._coders[transform, family].encode_all([timer]),
            )


class _Channel(data_plane.DataChannel):  # type: ignore[misc]
    """The data channel of a stage: what goes in and out of its bundles."""

    def __init__(self, emit: Emit) -> None:
        self._emit = emit
        self.inputs: Iterator[Any] = iter(())
        self.timers: Timers | None = None

    def input_elements(
        self, instruction_id: str, expected_inputs: Any, abort_callback: Any = None
    ) -> Iterator[Any]:
        """Give the data, then the timers that processing it has set."""
        yield from self.inputs
        if self.timers is not None:
            yield from self.timers.fire()

    def output_stream(self, instruction_id: str, transform_id: str) -> Any:
        """A stream of which every chunk goes to the emitter."""

        def emit(data: bytes) -> None:
            if data:
                self._emit(transform_id, data)

        return data_plane.SizeBasedBufferingClosableOutputStream(
            emit, emit, size_flush_threshold=CHUNK_BYTES
        )

    def output_timer_stream(
        self, instruction_id: str, transform_id: str, timer_family_id: str
    ) -> Any:
        """A stream that sets each timer at once."""

        def write(data: bytes) -> None:
            if data and self.timers is not None:
                self.timers.write(transform_id, timer_family_id, data)

        return data_plane.SizeBasedBufferingClosableOutputStream(
            write, write, size_flush_threshold=0
        )

    def close(self) -> None:
        """Nothing is open."""


class _ChannelFactory(data_plane.DataChannelFactory):  # type: ignore[misc]
    def __init__(self, channel: _Channel) -> None:
        self._channel = channel

    def create_data_channel(self, remote_grpc_port: Any, data_stream_id: Any = None) -> _Channel:
        return self._channel

    def create_data_channel_from_url(self, url: str, data_stream_id: Any = None) -> _Channel:
        return self._channel

    def close(self) -> None:
        pass


def process(
    descriptor: bytes, read: str, chunks: Iterable[bytes], state: TaskState, emit: Emit
) -> list[Any]:
    """Run a stage over encoded elements, in this thread.

    Args:
        descriptor: A serialised ``ProcessBundleDescriptor``.
        read: The id of its reading transform.
        chunks: Encoded elements, many in a chunk.
        state: Side inputs and user state.
        emit: Called with the id of a writing transform and a chunk of encoded elements.

    Returns:
        The monitoring infos of all bundles.
    """
    channel = _Channel(emit)
    handler = sdk_worker.GlobalCachingStateHandler(statecache.StateCache(STATE_CACHE_BYTES), state)
    processor = bundle_processor.BundleProcessor(
        FNAPI_RUNNER_CAPABILITIES,
        beam_fn_api_pb2.ProcessBundleDescriptor.FromString(descriptor),
        handler,
        _ChannelFactory(channel),
    )
    try:
        if processor.timers_info:
            channel.timers = Timers(processor)
        infos: list[Any] = []
        # Splittable DoFns may leave work for another bundle.
        for number in itertools.count():
            channel.inputs = (
                beam_fn_api_pb2.Elements.Data(transform_id=read, data=chunk) for chunk in chunks
            )
            bundle = f"bundle-{number}"
            with handler.process_instruction_id(bundle, []):
                residuals, _ = processor.process_bundle(bundle)
            infos += processor.monitoring_infos()
            processor.reset()
            if not residuals:
                return infos
            chunks = [residual.application.element for residual in residuals]
    finally:
        processor.shutdown()
    raise AssertionError("the loop ends by its return")


class _Abandoned(BaseException):
    """Nobody wants the output any more."""


def run(
    descriptor: bytes,
    read: str,
    outputs: Mapping[str, int],
    chunks: Iterable[bytes],
    state: TaskState,
    report: Callable[[list[Any]], None],
) -> Iterator[tuple[int, bytes]]:
    """Run a stage, and give its output while it runs: ``(number of the output, chunk)``.

    Args:
        descriptor: As for ``process``.
        read: As for ``process``.
        outputs: Ids of writing transforms to numbers.
        chunks: As for ``process``.
        state: As for ``process``.
        report: Gets the monitoring infos at the end.
    """
    results: queue.Queue[Any] = queue.Queue(QUEUE_CHUNKS)
    abandoned = threading.Event()

    def put(result: Any) -> None:
        while not abandoned.is_set():
            try:
                return results.put(result, timeout=1)
            except queue.Full:
                continue
        raise _Abandoned

    def emit(transform: str, chunk: bytes) -> None:
        put((outputs[transform], chunk))

    def work() -> None:
        try:
            put(process(descriptor, read, chunks, state, emit))
        except _Abandoned:
            return
        except BaseException as error:
            if not abandoned.is_set():
                put(error)

    thread = threading.Thread(target=work, name="beam-bundle", daemon=True)
    thread.start()
    try:
        while True:
            result = results.get()
            if isinstance(result, BaseException):
                raise result
            if isinstance(result, list):
                return report(result)
            yield result
    finally:
        abandoned.set()
        thread.join(timeout=10)
