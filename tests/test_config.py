"""The strict loader."""

from __future__ import annotations

import dataclasses
import typing
from typing import Literal

import pytest

from pasture import config
from pasture.errors import ConfigError
from pasture.filters import FILTERS
from pasture.sources import SOURCES


@dataclasses.dataclass(frozen=True)
class Inner:
    rate: float = 0.5


@dataclasses.dataclass(frozen=True)
class Outer:
    count: int
    names: tuple[str, ...] = ()
    mode: Literal["fast", "slow"] = "fast"
    limit: int | None = None
    inner: Inner = Inner()
    shares: dict[str, float] = dataclasses.field(default_factory=dict)

    def __post_init__(self) -> None:
        if self.count < 0:
            raise ValueError("count must not be negative")


def test_loads_nested_values():
    value = {
        "count": "1e3",  # YAML 1.1 gives 1e3 as a string
        "names": ["a", "b"],
        "mode": "slow",
        "inner": {"rate": 1},
        "shares": {"x": 0.25},
    }
    assert config.load(Outer, value, "r") == Outer(
        1000, ("a", "b"), "slow", None, Inner(1.0), {"x": 0.25}
    )


@pytest.mark.parametrize(
    ("value", "message"),
    [
        ({}, "r: the key 'count' is missing"),
        ({"cuont": 1}, "r: unknown key 'cuont'; did you mean count?"),
        ({"count": 1.5}, "r.count: expected int, got 1.5"),
        ({"count": True}, "r.count: expected int, got True"),
        ({"count": 1, "names": "abc"}, "r.names: expected a list, got 'abc'"),
        ({"count": 1, "names": [1]}, "r.names[0]: expected str, got 1"),
        ({"count": 1, "mode": "medium"}, "r.mode: 'medium' is none of 'fast', 'slow'"),
        ({"count": 1, "inner": {"rate": "much"}}, "r.inner.rate: expected float, got 'much'"),
        ({"count": 1, "inner": 3}, "r.inner: expected a mapping of options, got 3"),
        ({"count": 1, "shares": {"x": []}}, "r.shares.x: expected float, got []"),
        ({"count": -1}, "r: count must not be negative"),
        ([], "r: expected a mapping of options, got []"),
    ],
)
def test_refuses_with_the_place_and_the_nearest_name(value, message):
    with pytest.raises(ConfigError) as caught:
        config.load(Outer, value, "r")
    assert str(caught.value) == message


def test_refuses_a_key_that_stands_twice(tmp_path):
    path = tmp_path / "r.yaml"
    path.write_text("a: 1\nb: 2\na: 3\n")
    with pytest.raises(ConfigError, match="line 3: the key 'a' stands twice"):
        config.read_yaml(str(path))


@pytest.mark.parametrize("text", ["a: [", "\x00", "a: !!python/object:os.system {}"])
def test_refuses_what_is_not_plain_yaml(text):
    with pytest.raises(ConfigError, match="file"):
        config.parse_yaml(text, "file")


def test_merge_lays_mappings_over_each_other():
    base = {"a": {"x": 1, "y": 2}, "b": [1, 2], "c": 3}
    over = {"a": {"y": 5}, "b": [9], "c": None, "d": {"z": 1}}
    assert config.merge(base, over) == {"a": {"x": 1, "y": 5}, "b": [9], "d": {"z": 1}}


def test_difference_names_each_key():
    old = {"a": {"x": 1}, "b": 2}
    new = {"a": {"x": 3}, "b": 2, "c": [1]}
    assert config.difference(old, new) == ["a.x: 1 -> 3", "c: None -> [1]"]


def test_plain_gives_json_values():
    assert config.plain(Outer(1, ("a",), shares={"b": 1.0})) == {
        "count": 1,
        "names": ["a"],
        "mode": "fast",
        "limit": None,
        "inner": {"rate": 0.5},
        "shares": {"b": 1.0},
    }


@pytest.mark.parametrize("kind", [*SOURCES.values(), *FILTERS.values()])
def test_class_variables_say_their_type(kind):
    """Python 3.10 cannot read the options of a class that has a bare ``ClassVar``."""
    assert typing.ClassVar not in typing.get_type_hints(kind).values()
