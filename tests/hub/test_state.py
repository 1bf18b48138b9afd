"""State: versions, changes as events, and what of it survives a restart."""

import asyncio
import enum
import logging
from collections.abc import AsyncIterator, Mapping
from pathlib import Path
from typing import Any

import msgspec
import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from hub.bus import EventBus
from hub.clock import SystemClock
from hub.errors import StateError, StorageError
from hub.state import StateEngine
from hub.storage import StorageEngine
from hub.storage.memory import MemoryEngine
from hub.storage.sqlite import SqliteEngine
from hub.tasks import TaskGroup
from hub.types import Event, StateChanged
from tests.harness import eventually

WINDOW = 0.001


class Colour(enum.StrEnum):
    RED = "red"


class Point(msgspec.Struct):
    x: int
    y: float = 0.5


class Home:
    """A bus with a state engine, and the changes it told."""

    def __init__(self) -> None:
        self.tasks = TaskGroup("hub")
        self.bus = EventBus()
        self.state = StateEngine(self.bus)
        self.changes: list[tuple[str, StateChanged]] = []
        self.bus.subscribe("state.changed", self._note, tasks=self.tasks)

    def _note(self, event: Event) -> None:
        self.changes.append((event.subject, event.data))


@pytest.fixture
def home() -> Home:
    return Home()


@pytest.fixture(params=["memory", "sqlite"])
async def storage(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[StorageEngine]:
    tasks = TaskGroup("storage")
    engine: StorageEngine = MemoryEngine()
    if request.param == "sqlite":
        engine = SqliteEngine(tmp_path / "hub.db", tasks=tasks, clock=SystemClock(), commit_window=0.001)
    await engine.open()
    yield engine
    await engine.close()
    assert await tasks.cancel() == []


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


def nested(depth: int) -> list[Any]:
    value: list[Any] = []
    for _ in range(depth):
        value = [value]
    return value


@pytest.mark.parametrize(
    ("value", "said"),
    [
        (object(), "cannot hold this object, only JSON-like values"),
        (2**64, "whole numbers have at most 64 bits"),
        (-(2**63) - 1, "whole numbers have at most 64 bits"),
        ([2**64], "cannot hold this list"),
        ("\ud800", "cannot hold this str"),
        ("x" * 300_000, "cannot hold 300005 bytes; the limit is 262144"),
        (nested(100), "nested deeper"),
        ({(1, 2): 3}, "cannot hold this dict"),
    ],
)
def test_what_could_not_be_stored_is_refused(home: Home, value: Any, said: str) -> None:  # noqa: ANN401
    with pytest.raises(StateError, match=rf"^state 'x' .*{said}"):
        home.state.set("x", value)

    assert home.state.list() == {}
    assert home.changes == []


@pytest.mark.parametrize("path", ["", "/a", "a/", "a\nb", "x" * 257, "a/+/b", "+", "a/#", "a#", "\0"])
def test_malformed_paths_are_refused(home: Home, path: str) -> None:
    with pytest.raises(StateError, match="state path"):
        home.state.set(path, 1)

    assert home.state.list() == {}


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
    assert home.state.set("x", 1).version == 1


def test_listing_is_by_path_and_prefix(home: Home) -> None:
    for path in ("b/2", "a/1", "b/1"):
        home.state.set(path, path)

    assert [*home.state.list()] == ["a/1", "b/1", "b/2"]
    assert [*home.state.list("b/")] == ["b/1", "b/2"]
    assert home.state.list("c") == {}


class AgainstADict(RuleBasedStateMachine):
    """The engine beside a plain dict: what holds, what version it has, and what was told."""

    values = st.none() | st.booleans() | st.integers(0, 2) | st.sampled_from([0.0, 1.0, "on"]) | st.just([1])
    paths = st.sampled_from(["a", "a/b", "b"])

    def __init__(self) -> None:
        super().__init__()
        self.home = Home()
        self.model: dict[str, tuple[str, int]] = {}
        self.told = 0

    @rule(path=paths, value=values)
    def set(self, path: str, value: object) -> None:
        old, version = self.model.get(path, ("", 0))
        if repr(value) != old:
            self.model[path] = (repr(value), version + 1)
            self.told += 1
        self.home.state.set(path, value)

    @rule(path=paths, value=values, version=st.integers(0, 3))
    def compare_and_set(self, path: str, value: object, version: int) -> None:
        fits = self.model.get(path, ("", 0))[1] == version
        assert self.home.state.compare_and_set(path, value, version) is fits
        if fits:
            old = self.model.get(path, ("", 0))[0]
            if repr(value) != old:
                self.model[path] = (repr(value), version + 1)
                self.told += 1

    @rule(path=paths)
    def delete(self, path: str) -> None:
        known = self.model.pop(path, None) is not None
        self.told += known
        assert self.home.state.delete(path) is known

    @invariant()
    def agree(self) -> None:
        held = {path: (repr(entry.value), entry.version) for path, entry in self.home.state.list().items()}
        assert held == self.model
        assert len(self.home.changes) == self.told


TestAgainstADict = AgainstADict.TestCase
TestAgainstADict.settings = settings(max_examples=50, stateful_step_count=20, deadline=None)


async def reopened(storage: StorageEngine) -> Home:
    home = Home()
    await home.state.restore(storage.namespace("hub_state"), home.tasks, WINDOW)
    return home


async def test_values_are_written_behind_and_come_back_marked(home: Home, storage: StorageEngine) -> None:
    store = storage.namespace("hub_state")
    assert await home.state.restore(store, home.tasks, WINDOW) == 0
    home.state.set("lamp/on", True)
    home.state.set("lamp/on", False)
    home.state.set("lamp/level", {"now": 7})
    home.state.set("gone", 1)
    home.state.delete("gone")
    while [path for path, _ in await store.list()] != ["lamp/level", "lamp/on"]:  # noqa: ASYNC110 - the disk's turn
        await asyncio.sleep(WINDOW)

    again = await reopened(storage)
    entry = again.state.entry("lamp/on")

    assert entry is not None
    assert (entry.value, entry.version, entry.restored) == (False, 2, True)
    assert again.changes == []
    confirmed = again.state.set("lamp/on", False)
    assert (confirmed.version, confirmed.restored, confirmed.time) == (2, False, entry.time)
    assert again.changes == []
    changed = again.state.set("lamp/level", {"now": 8})
    assert (changed.version, changed.restored) == (2, False)
    await again.state.flush()
    third = await reopened(storage)
    assert third.state.get("lamp/level") == {"now": 8}


async def test_a_deletion_survives_a_restart(home: Home, storage: StorageEngine) -> None:
    await home.state.restore(storage.namespace("hub_state"), home.tasks, 60)
    home.state.set("a", 1)
    home.state.set("b", 1)
    await home.state.flush()
    home.state.delete("a")
    await home.state.flush()

    assert [*(await reopened(storage)).state.list()] == ["b"]


async def test_what_was_set_before_the_restore_stands_and_is_written(home: Home, storage: StorageEngine) -> None:
    store = storage.namespace("hub_state")
    await store.set_many({"a": ["old", 5, 1], "b": ["kept", 1, 1]})
    home.state.set("a", "new")
    home.state.set("c", "new")

    assert await home.state.restore(store, home.tasks, 60) == 1
    assert {path: entry.value for path, entry in home.state.list().items()} == {"a": "new", "b": "kept", "c": "new"}
    await home.state.flush()
    assert {path: row[0] for path, row in await store.list()} == {"a": "new", "b": "kept", "c": "new"}


async def test_many_values_are_restored_page_by_page(
    home: Home, storage: StorageEngine, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("hub.state._PAGE", 3)
    store = storage.namespace("hub_state")
    await store.set_many({f"p{number:02}": [number, 1, 1] for number in range(10)})

    assert await home.state.restore(store, home.tasks, WINDOW) == 10
    assert home.state.get("p09") == 9


async def test_flushing_without_storage_or_changes_does_nothing(home: Home) -> None:
    home.state.set("a", 1)
    await home.state.flush()
    engine = MemoryEngine()
    await engine.open()
    await home.state.restore(engine.namespace("hub_state"), home.tasks, 60)
    await home.state.flush()
    await home.state.flush()


class Flaky:
    """A store that can be told to fail or to wait."""

    def __init__(self) -> None:
        self.rows: dict[str, Any] = {}
        self.broken = False
        self.attempts = 0
        self.gate = asyncio.Event()
        self.gate.set()

    async def set_many(self, items: Mapping[str, Any], *, durable: bool = False) -> None:
        del durable
        self.attempts += 1
        await self.gate.wait()
        if self.broken:
            raise StorageError("the disk is full")
        self.rows.update(items)

    async def delete(self, key: str, *, durable: bool = False) -> bool:
        del durable
        if self.broken:
            raise StorageError("the disk is full")
        return self.rows.pop(key, None) is not None

    async def list(self, prefix: str = "", *, after: str = "", limit: int = 1000) -> list[tuple[str, Any]]:
        del prefix, limit
        return [] if after else sorted(self.rows.items())


async def flaky_home(window: float) -> tuple[Home, Flaky]:
    home, store = Home(), Flaky()
    await home.state.restore(store, home.tasks, window)  # type: ignore[arg-type]
    return home, store


async def test_a_failing_storage_keeps_what_changed_and_is_tried_again(caplog: pytest.LogCaptureFixture) -> None:
    home, store = await flaky_home(WINDOW)
    store.broken = True
    with caplog.at_level(logging.WARNING, "hub.state"):
        home.state.set("a", 1)
        home.state.set("b", 1)
        home.state.delete("b")
        await eventually(lambda: store.attempts >= 2)
    home.state.set("c", 3)
    store.broken = False

    await eventually(lambda: {path: row[0] for path, row in store.rows.items()} == {"a": 1, "c": 3})
    assert caplog.messages[0] == "State is kept in memory only for now: the disk is full"
    await eventually(lambda: not home.tasks.names)


async def test_a_failing_flush_is_told_and_loses_nothing() -> None:
    home, store = await flaky_home(60)
    home.state.set("a", 1)
    store.broken = True
    with pytest.raises(StorageError, match="the disk is full"):
        await home.state.flush()
    store.broken = False
    await home.state.flush()

    assert store.rows["a"][0] == 1


async def test_a_flush_waits_for_the_one_under_way() -> None:
    home, store = await flaky_home(60)
    store.gate.clear()
    home.state.set("a", 1)
    first = home.tasks.start("first", home.state.flush())
    second = home.tasks.start("second", home.state.flush())
    await asyncio.sleep(0)
    assert not second.done()
    store.gate.set()
    await second

    assert first.done()
    assert store.rows["a"][0] == 1


async def test_a_flush_that_is_cut_off_loses_nothing() -> None:
    home, store = await flaky_home(60)
    store.gate.clear()
    home.state.set("a", 1)
    task = home.tasks.start("flush", home.state.flush())
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    store.gate.set()
    await home.state.flush()

    assert store.rows["a"][0] == 1


async def test_a_change_during_a_failing_write_leaves_one_timer() -> None:
    home, store = await flaky_home(WINDOW)
    store.gate.clear()
    store.broken = True
    home.state.set("a", 1)
    await eventually(lambda: store.attempts == 1)
    home.state.set("a", 2)
    store.gate.set()
    await eventually(lambda: store.attempts >= 2)
    store.broken = False

    await eventually(lambda: store.rows and store.rows["a"][0] == 2)
    await eventually(lambda: not home.tasks.names)
