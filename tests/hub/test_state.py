"""State: versions, changes as events, and what it holds against a plain dict."""

import asyncio
import enum
from collections.abc import Callable
from typing import Any, override

import msgspec
import pytest
import uvloop
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from hub.errors import EventError, StateError
from hub.testing import ManualClock
from hub.types import StateChanged
from tests.hub.home import Home


class Colour(enum.StrEnum):
    RED = "red"


class Point(msgspec.Struct):
    x: int
    y: float = 0.5


def test_a_change_has_a_version_and_is_an_event(home: Home) -> None:
    assert home.state.get("lamp/on") is None
    assert home.state.get("lamp/on", 7) == 7
    assert home.state.entry("lamp/on") is None

    first = home.state.set("lamp/on", True, "lamp")
    second = home.state.set("lamp/on", False)

    assert (first.value, first.version, second.version, second.restored) == (True, 1, 2, False)
    assert second.time >= first.time > 0
    assert home.state.get("lamp/on") is False
    assert home.state.entry("lamp/on") == second
    assert home.changes == [
        ("lamp/on", StateChanged(value=True, old=None, version=1)),
        ("lamp/on", StateChanged(value=False, old=True, version=2)),
    ]


@pytest.mark.parametrize(
    "value", [None, True, 1, 1.0, "on", "Küche", [1, {"a": None}], {"a": [1, 2], "b": {"c": "d"}}, {}, []]
)
def test_the_same_value_again_is_no_change(home: Home, value: Any) -> None:  # noqa: ANN401
    entry = home.state.set("x", value)

    assert home.state.set("x", value) == entry
    assert home.state.set("x", msgspec.json.decode(msgspec.json.encode(value))) == entry
    assert len(home.changes) == 1


@pytest.mark.parametrize(
    "wrap",
    [lambda value: value, lambda value: [value], lambda value: {"a": [{"b": value}]}],
    ids=["plain", "in a list", "deep"],
)
def test_equal_values_of_other_types_are_changes(home: Home, wrap: Any) -> None:  # noqa: ANN401
    for value in (1, True, 1.0, 0, False, 0.0, None):
        home.state.set("x", wrap(value))

    assert [repr(change.value) for _, change in home.changes] == [
        repr(wrap(value)) for value in (1, True, 1.0, 0, False, 0.0, None)
    ]


@pytest.mark.parametrize(
    ("value", "kept"),
    [
        (Point(1), {"x": 1, "y": 0.5}),
        (Colour.RED, "red"),
        ((1, (2,)), [1, [2]]),
        ({1: "a"}, {"1": "a"}),
    ],
)
def test_values_are_kept_in_the_form_in_which_they_come_back(home: Home, value: Any, kept: Any) -> None:  # noqa: ANN401
    entry = home.state.set("x", value)

    assert entry.value == kept
    assert type(entry.value) is type(kept)
    assert home.state.set("x", value) == entry
    assert len(home.changes) == 1


def test_what_the_owner_does_to_its_value_later_changes_nothing(home: Home) -> None:
    labels = ["hall"]
    home.state.set("x", {"labels": labels})
    labels.append("attic")

    assert home.state.get("x") == {"labels": ["hall"]}
    home.state.set("x", {"labels": labels})
    assert len(home.changes) == 2


class Unlike:
    """What cannot be compared."""

    __hash__ = None  # type: ignore[assignment]

    @override
    def __eq__(self, _other: object) -> bool:
        raise TypeError


def nested(depth: int) -> list[Any]:
    value: list[Any] = []
    for _ in range(depth):
        value = [value]
    return value


@pytest.mark.parametrize(
    ("value", "said"),
    [
        (object(), "cannot hold this object, only JSON-like values: "),
        (Unlike(), "cannot hold this Unlike, only JSON-like values: "),
        (2**64, "whole ones of at most 64 bits"),
        (-(2**63) - 1, "whole ones of at most 64 bits"),
        (float("nan"), "cannot hold nan: finite numbers"),
        (float("-inf"), "cannot hold -inf: finite numbers"),
        ([2**64], "cannot hold this list"),
        ("\ud800", "cannot hold this str"),
        ("x" * 262_145, "cannot hold 262150 bytes; the limit is 262144"),
        ("ü" * 131_070, "cannot hold 262145 bytes; the limit is 262144"),
        (["x" * 262_139], "cannot hold 262145 bytes; the limit is 262144"),
        (nested(100), "nested deeper"),
        ({(1, 2): 3}, "cannot hold this dict"),
    ],
)
def test_what_could_not_be_stored_is_refused(home: Home, value: Any, said: str) -> None:  # noqa: ANN401
    with pytest.raises(StateError, match=rf"^state 'x' .*{said}"):
        home.state.set("x", value)
    assert home.state.list() == {}
    assert home.changes == []

    home.state.set("x", [1])
    with pytest.raises(StateError, match=rf"^state 'x' .*{said}"):
        home.state.set("x", value)
    assert home.state.get("x") == [1]
    assert len(home.changes) == 1


@pytest.mark.parametrize("path", ["", "/a", "a/", "a\nb", "x" * 257, "a/+/b", "+", "a/#", "a#", "\0"])
def test_malformed_paths_are_refused(home: Home, path: str) -> None:
    with pytest.raises(StateError) as refused:
        home.state.set(path, 1)

    assert str(refused.value) == (
        f"state path {path[:80]!r} must be 1 to 256 printable characters, with slashes only inside and without the"
        " wildcards + and #"
    )
    assert home.state.list() == {}


@pytest.mark.parametrize("path", ["x", "x" * 256, "X/X", "a//b", "a+b/c", "küche/licht 1"])
def test_other_paths_are_taken(home: Home, path: str) -> None:
    home.state.set(path, 1)
    assert [*home.state.list()] == [path]


@pytest.mark.parametrize("value", ["x" * 262_144, "ü" * 131_069, ["x" * 262_138], 2**64 - 1, -(2**63), [2**64 - 1]])
def test_the_largest_values_are_kept(home: Home, value: Any) -> None:  # noqa: ANN401
    assert home.state.set("x", value).value == value


def test_compare_and_set(home: Home) -> None:
    assert not home.state.compare_and_set("x", "a", 1)
    assert home.state.compare_and_set("x", "a", 0)
    assert not home.state.compare_and_set("x", "b", 0)
    assert home.state.compare_and_set("x", "b", 1, "lamp")

    entry = home.state.entry("x")
    assert entry is not None
    assert (entry.value, entry.version) == ("b", 2)


def test_deleting_is_a_change_to_none(home: Home) -> None:
    assert not home.state.delete("x")
    home.state.set("x", 1)

    assert home.state.delete("x")
    assert home.changes[1:] == [("x", StateChanged(value=None, old=1, version=2))]
    assert home.state.entry("x") is None
    assert home.state.set("x", 1).version == 3  # who saw it before it was deleted cannot take this one for that


def test_who_saw_a_deleted_value_does_not_change_the_next_one(home: Home) -> None:
    seen = home.state.set("x", "old").version
    home.state.delete("x")
    assert home.state.compare_and_set("x", "new", 0)

    assert not home.state.compare_and_set("x", "late", seen)
    assert home.state.get("x") == "new"


def test_every_change_names_who_made_it(home: Home) -> None:
    home.state.set("lamp/on", True, "lamps")
    assert home.state.compare_and_set("lamp/on", False, 1, "rules")
    assert home.state.compare_and_set("lamp/on", True, 2)
    home.state.delete("lamp/on", "people")
    home.state.set("lamp/on", False)
    home.state.delete("lamp/on")
    assert home.sources == ["lamps", "rules", "hub", "people", "hub", "hub"]


@pytest.mark.parametrize("value", [2**53, -(2**53), 2**53 - 1, 1 - 2**53])
def test_a_large_number_is_kept_exactly(home: Home, value: int) -> None:
    assert home.state.set("meter/count", value).value == value
    assert home.state.set("meter/count", value).version == 1


def test_listing_is_by_path_and_prefix(home: Home) -> None:
    for path in ("b/2", "a/1", "b/1"):
        home.state.set(path, path)

    assert [*home.state.list()] == ["a/1", "b/1", "b/2"]
    assert [*home.state.list("b/")] == ["b/1", "b/2"]
    assert home.state.list("c") == {}


class AgainstADict(RuleBasedStateMachine):
    """The engine beside a plain dict: what holds and until when, what version it has, and what was told."""

    values = st.none() | st.booleans() | st.integers(0, 2) | st.sampled_from([0.0, 1.0, "on"]) | st.just([1])
    paths = st.sampled_from(["a", "a/b", "b"])
    ttls = st.sampled_from([None, None, 1, 2.5, 10])

    def __init__(self) -> None:
        super().__init__()
        self.runner = asyncio.Runner(loop_factory=uvloop.new_event_loop)
        self.clock = ManualClock()
        self.kept: list[tuple[Any, ...]] = []
        self.now = 0.0
        self.model: dict[str, tuple[str, int]] = {}
        self.lives: dict[str, tuple[float, float]] = {}
        self.restored: set[str] = set()
        self.told = 0
        self.deleted = 0  # the highest version that was deleted since the start
        self.start()

    def start(self) -> None:
        self.home = Home(self.clock)
        self.told = self.deleted = 0
        state = self.home.state
        assert self.runner.run(self.do(lambda: state.restore(self.kept))) == len(self.model)

    async def do[T](self, work: Callable[[], T]) -> T:
        return work()

    def changed(self, path: str, value: object, ttl: float | None = None) -> None:
        old, version = self.model.get(path, ("", self.deleted))
        if repr(value) != old:
            self.model[path] = (repr(value), version + 1)
            self.told += 1
        self.lives.pop(path, None)
        self.restored.discard(path)
        if ttl is not None:
            self.lives[path] = (self.now + ttl, ttl)

    @rule(path=paths, value=values, ttl=ttls)
    def set(self, path: str, value: object, ttl: float | None) -> None:
        self.changed(path, value, ttl)
        self.runner.run(self.do(lambda: self.home.state.set(path, value, ttl=ttl)))

    @rule(path=paths, value=values, version=st.integers(0, 3))
    def compare_and_set(self, path: str, value: object, version: int) -> None:
        fits = self.model.get(path, ("", 0))[1] == version
        if fits:
            self.changed(path, value)
        assert self.runner.run(self.do(lambda: self.home.state.compare_and_set(path, value, version))) is fits

    def gone(self, path: str) -> bool:
        if path not in self.model:
            return False
        self.deleted = max(self.deleted, self.model.pop(path)[1] + 1)
        return True

    @rule(path=paths)
    def delete(self, path: str) -> None:
        known = self.gone(path)
        self.lives.pop(path, None)
        self.restored.discard(path)
        self.told += known
        assert self.runner.run(self.do(lambda: self.home.state.delete(path))) is known

    @rule(seconds=st.sampled_from([0.5, 1, 4]))
    def advance(self, seconds: float) -> None:
        self.now += seconds
        for path in [path for path, (due, _) in self.lives.items() if due <= self.now]:
            del self.lives[path]
            self.gone(path)
            self.restored.discard(path)
            self.told += 1
        self.runner.run(self.clock.advance(seconds))

    @rule()
    def keep(self) -> None:
        self.kept += self.home.state.changes().values()

    @rule()
    def keep_all(self) -> None:
        self.home.state.changes()
        self.kept = self.home.state.rows()

    @rule()
    def restart(self) -> None:
        self.keep()
        self.home.state._deadlines.clock.stop()
        self.restored = {*self.model}
        self.lives = {path: (self.now + ttl, ttl) for path, (_, ttl) in self.lives.items()}
        self.start()

    @invariant()
    def agree(self) -> None:
        entries = self.home.state.list()
        assert {path: (repr(entry.value), entry.version) for path, entry in entries.items()} == self.model
        assert {path for path, entry in entries.items() if entry.restored} == self.restored
        assert len(self.home.changes) == self.told
        assert len(self.home.state) == len(self.model)

    @override
    def teardown(self) -> None:
        self.runner.run(self.home.tasks.cancel())
        self.runner.close()


TestAgainstADict = AgainstADict.TestCase
TestAgainstADict.settings = settings(max_examples=50, stateful_step_count=20, deadline=None)


def test_the_change_of_a_state_is_the_hubs_own_event() -> None:
    home = Home()
    with pytest.raises(EventError, match=r"^lamp and hub both declare 'state.changed' with different data$"):
        home.bus.declare("state.changed", None, "lamp")
    with pytest.raises(EventError, match=r"^hub published 'state\.changed' with data that does not fit: .*`old`"):
        home.bus.publish("state.changed", "lamp/on", {"value": True})
