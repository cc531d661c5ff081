"""Beam's state API inside one Spark task: side inputs, user state, and long groups on disk.

User state lives in the task that owns its key, in Beam's own in-memory ``StateServicer``. Side
inputs come from the driver, whole.
"""

from __future__ import annotations

import collections
import os
import pathlib
import struct
import tempfile
from collections.abc import Iterable, Mapping
from types import TracebackType
from typing import Any

from apache_beam.coders.coder_impl import create_OutputStream
from apache_beam.portability import common_urns
from apache_beam.portability.api import beam_fn_api_pb2, beam_runner_api_pb2
from apache_beam.runners.pipeline_context import PipelineContext
from apache_beam.runners.portability.fn_api_runner.execution import WindowGroupingBuffer
from apache_beam.runners.portability.fn_api_runner.worker_handlers import StateServicer

from pasture.errors import ConfigError
from pasture.runners.spark.plan import SideInput

PAGE_BYTES = 1 << 20


class GroupStore:
    """Values of long groups, in files of this task, read page by page as often as user code likes.

    Beam's coder of grouped values hands over what exceeds its threshold, and puts the name that
    it gets in the element (``beam:coder:state_backed_iterable:v1``). Names never leave the task.
    """

    def __init__(self) -> None:
        # Spark's scratch folder of the executor, which the cluster cleans up after a kill.
        scratch = os.environ.get("SPARK_LOCAL_DIRS", tempfile.gettempdir()).split(",")[0]
        self._folder = tempfile.TemporaryDirectory(prefix="groups-", dir=scratch)
        self._pages: dict[bytes, list[int]] = {}

    def __enter__(self) -> GroupStore:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._folder.cleanup()

    def _path(self, name: bytes) -> pathlib.Path:
        return pathlib.Path(self._folder.name, name.decode())

    def write(self, values: Iterable[Any], coder: Any) -> bytes:
        """Write the values of one group; give its name."""
        name = b"%d" % len(self._pages)
        starts = [0]
        with self._path(name).open("wb") as file:
            page = create_OutputStream()
            for value in values:
                coder.encode_to_stream(value, page, True)
                if page.size() > PAGE_BYTES:
                    file.write(page.get())
                    starts.append(file.tell())
                    page = create_OutputStream()
            file.write(page.get())
            starts.append(file.tell())
        self._pages[name] = starts
        return name

    def read(self, name: bytes, token: bytes | None) -> tuple[bytes, bytes | None]:
        """Read the page that the token names (none: the first); give the next one's token."""
        starts = self._pages[name]
        number = int(token or 0)
        with self._path(name).open("rb") as file:
            file.seek(starts[number])
            data = file.read(starts[number + 1] - starts[number])
        return data, b"%d" % (number + 1) if number + 2 < len(starts) else None


class TaskState(StateServicer):  # type: ignore[misc]
    """The state that one task sees."""

    def __init__(self, side_inputs: Iterable[Mapping[bytes, bytes]], groups: GroupStore) -> None:
        super().__init__()
        self._groups = groups
        for side_input in side_inputs:
            self._state.update((key, [data]) for key, data in side_input.items())

    def get_raw(
        self, state_key: Any, continuation_token: bytes | None = None
    ) -> tuple[bytes, bytes | None]:
        """Read state; the values of long groups by page."""
        if state_key.WhichOneof("type") == "runner":
            return self._groups.read(state_key.runner.key, continuation_token)
        found: tuple[bytes, bytes | None] = super().get_raw(state_key, continuation_token)
        return found


def side_input_state(
    side_input: SideInput, chunks: Iterable[bytes], components: bytes
) -> dict[bytes, bytes]:
    """Turn a whole PCollection into what the state API answers for it: state key to data.

    As ``FnApiRunnerExecutionContext.commit_side_inputs_to_state`` does.

    Raises:
        ConfigError: A way of looking into a PCollection that Beam's Python does not have.
    """
    context = PipelineContext(beam_runner_api_pb2.Components.FromString(components))
    pattern = side_input.access_pattern
    if pattern not in (common_urns.side_inputs.ITERABLE.urn, common_urns.side_inputs.MULTIMAP.urn):
        raise ConfigError(f"the Spark runner cannot give {side_input.transform} {pattern}")
    by_window = WindowGroupingBuffer(
        beam_runner_api_pb2.FunctionSpec(urn=pattern), context.coders[side_input.coder]
    )
    for chunk in chunks:
        by_window.append(chunk)
    state: dict[bytes, list[bytes]] = collections.defaultdict(list)

    def add(kind: str, data: bytes, **where: bytes) -> None:
        key = beam_fn_api_pb2.StateKey()
        fields = getattr(key, kind)
        fields.transform_id, fields.side_input_id = side_input.transform, side_input.tag
        for name, value in where.items():
            setattr(fields, name, value)
        state[key.SerializeToString()].append(data)

    for key, window, data, count in by_window.encoded_items():
        if pattern == common_urns.side_inputs.ITERABLE.urn:
            add("iterable_side_input", data, window=window)
            continue
        add("multimap_side_input", data, window=window, key=key)
        add("multimap_keys_side_input", key, window=window)
        pairs = key + struct.pack(">i", count) + data
        add("multimap_keys_values_side_input", pairs, window=window)
    return {key: b"".join(parts) for key, parts in state.items()}
