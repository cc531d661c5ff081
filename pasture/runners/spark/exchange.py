"""What happens between two stages: exchanges whose result never depends on who ran what, or when.

Elements are routed by the CRC-32 of an encoded key, and stand sorted by key and value in the
partition that they reach. So a task that is run again, because an executor died, deals its
elements as before; and what reads them sees the same order, whatever came first over the network.
Values stay opaque bytes as far as Beam's coders allow. Spark moves, sorts and spills the records.
"""

from __future__ import annotations

import dataclasses
import functools
import itertools
import zlib
from collections.abc import Callable, Iterable, Iterator
from typing import TYPE_CHECKING, Any

from apache_beam import coders
from apache_beam.coders.coder_impl import create_InputStream
from apache_beam.portability.api import beam_runner_api_pb2
from apache_beam.runners.pipeline_context import PipelineContext
from apache_beam.transforms import trigger
from apache_beam.transforms.window import GlobalWindow, GlobalWindows
from apache_beam.utils.windowed_value import PaneInfo, PaneInfoTiming

from pasture.runners.spark.bundle import CHUNK_BYTES
from pasture.runners.spark.plan import Coding, Input
from pasture.runners.spark.state import GroupStore

if TYPE_CHECKING:
    from pyspark import RDD

Pair = tuple[bytes, bytes]
Record = tuple[Pair, None]
"""Spark sorts by the whole pair, and routes by its first half."""


@dataclasses.dataclass(frozen=True)
class Exchange:
    """The exchange in front of a stage.

    Args:
        input: What the stage reads.
        components: The plan's serialised coders and windowing strategies.
    """

    input: Input
    components: bytes

    def apply(self, chunks: RDD[bytes], partitions: int) -> RDD[Any]:
        """Exchange the chunks; gives records for ``chunks``, or chunks where nothing moves."""
        if self.input.kind in ("impulse", "materialize"):
            return chunks
        return chunks.mapPartitions(self.records).repartitionAndSortWithinPartitions(
            partitions, route
        )

    def records(self, chunks: Iterable[bytes]) -> Iterator[Record]:
        """Split chunks into records, before the exchange."""
        pairs: Callable[[Iterable[bytes], Any], Iterator[Pair]] = {
            "reshuffle": _by_element,
            "state": _by_key,
            "group": _key_and_value,
        }[self.input.kind]
        for pair in pairs(chunks, self):
            yield pair, None

    def chunks(self, records: Iterable[Any], groups: GroupStore) -> Iterator[bytes]:
        """Make what the stage reads of what came through the exchange."""
        if self.input.kind in ("impulse", "materialize"):
            return iter(records)
        pairs = (pair for pair, _ in records)
        if self.input.kind == "reshuffle":
            return join(element for element, _ in pairs)
        if self.input.kind == "state":
            return join(element for _, element in pairs)
        return join(self._groups(pairs, groups))

    def context(self, groups: GroupStore | None = None) -> Any:
        """Beam's context of the coders; long groups go to ``groups``."""
        components = beam_runner_api_pb2.Components.FromString(self.components)
        return PipelineContext(components, iterable_state_write=groups and groups.write)

    def _groups(self, pairs: Iterable[Pair], groups: GroupStore) -> Iterator[bytes]:
        context = self.context(groups)
        written = windowed_coder(context, self.input.written)
        key_coder = written.wrapped_value_coder.key_coder().get_impl()
        value_coder = written.wrapped_value_coder.value_coder()
        encode = windowed_coder(context, self.input.read).get_impl().encode_nested
        windowing = context.windowing_strategies[self.input.windowing]
        if windowing.is_default():
            decode = value_coder.get_impl().decode_nested
            fire = _in_one_pane
        else:
            decode = _coder_in_window(written).get_impl().decode_nested
            driver = trigger.create_trigger_driver(windowing, True)

            def fire(key: Any, values: Iterable[Any]) -> Iterable[Any]:
                found: Iterable[Any] = driver.process_entire_key(key, list(values))
                return found

        for key, group in itertools.groupby(pairs, key=lambda pair: pair[0]):
            values = (decode(value) for _, value in group)
            for element in fire(key_coder.decode(key), values):
                yield encode(element)


def route(pair: Pair) -> int:
    """The partition of a pair, before it is taken modulo their number."""
    return zlib.crc32(pair[0])


def windowed_coder(context: Any, coding: Coding) -> Any:
    """The coder of elements with opaque values, and with windows as they are."""
    return coders.WindowedValueCoder(
        context.coders[coding.safe].wrapped_value_coder, context.coders[coding.channel].window_coder
    )


def _coder_in_window(written: Any) -> Any:
    """The coder of a value with its timestamp and windows, without the key."""
    return coders.WindowedValueCoder(
        written.wrapped_value_coder.value_coder(), written.window_coder
    )


@functools.cache
def _pane() -> Any:
    """What Beam says of the only firing at the end of the global window."""
    pane = PaneInfo(True, True, PaneInfoTiming.ON_TIME, 0, 0)
    return GlobalWindows.windowed_value(
        None, timestamp=GlobalWindow().max_timestamp(), pane_info=pane
    )


def _in_one_pane(key: Any, values: Iterable[Any]) -> Iterable[Any]:
    return (_pane().with_value((key, values)),)


def split(chunks: Iterable[bytes], coder: Any) -> Iterator[tuple[Any, bytes]]:
    """Split chunks into elements: decoded, and as they stand."""
    for chunk in chunks:
        stream = create_InputStream(chunk)
        start, size = 0, len(chunk)
        while start < size:
            element = coder.decode_from_stream(stream, True)
            end = size - stream.size()
            yield element, chunk[start:end]
            start = end


def join(elements: Iterable[bytes]) -> Iterator[bytes]:
    """Join encoded elements into chunks."""
    parts: list[bytes] = []
    size = 0
    for element in elements:
        parts.append(element)
        size += len(element)
        if size > CHUNK_BYTES:
            yield b"".join(parts)
            parts, size = [], 0
    if parts:
        yield b"".join(parts)


def _by_element(chunks: Iterable[bytes], exchange: Exchange) -> Iterator[Pair]:
    coder = windowed_coder(exchange.context(), exchange.input.written).get_impl()
    return ((encoded, b"") for _, encoded in split(chunks, coder))


def _by_key(chunks: Iterable[bytes], exchange: Exchange) -> Iterator[Pair]:
    coder = windowed_coder(exchange.context(), exchange.input.written)
    encode = coder.wrapped_value_coder.key_coder().get_impl().encode
    return (
        (encode(element.value[0]), encoded) for element, encoded in split(chunks, coder.get_impl())
    )


def _key_and_value(chunks: Iterable[bytes], exchange: Exchange) -> Iterator[Pair]:
    context = exchange.context()
    coder = windowed_coder(context, exchange.input.written)
    encode_key = coder.wrapped_value_coder.key_coder().get_impl().encode
    elements = (element for element, _ in split(chunks, coder.get_impl()))
    if context.windowing_strategies[exchange.input.windowing].is_default():
        encode = coder.wrapped_value_coder.value_coder().get_impl().encode_nested
        for element in elements:
            key, value = element.value
            yield encode_key(key), encode(value)
    else:
        encode = _coder_in_window(coder).get_impl().encode_nested
        for element in elements:
            key, value = element.value
            yield encode_key(key), encode(element.with_value(value))
