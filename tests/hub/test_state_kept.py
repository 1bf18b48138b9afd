"""What of the state survives a restart, and a storage that fails."""

import asyncio
import logging
from collections.abc import Mapping
from typing import Any, override

import msgspec
import pytest

from hub.errors import StorageError
from hub.storage import StorageEngine
from hub.storage.memory import MemoryEngine
from hub.storage.rows import Row
from hub.testing import ManualClock
from tests.harness import eventually
from tests.hub.home import Home, live

WINDOW = 0.001


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


async def test_what_was_deleted_before_the_restore_does_not_come_back(home: Home, storage: StorageEngine) -> None:
    store = storage.namespace("hub_state")
    await store.set_many({"a": ["old", 5, 1], "b": ["kept", 1, 1]})
    home.state.set("a", "new")
    home.state.delete("a")

    assert await home.state.restore(store, home.tasks, 60) == 1
    assert [*home.state.list()] == ["b"]
    await home.state.flush()
    assert [path for path, _ in await store.list()] == ["b"]


async def test_a_timer_is_set_for_what_is_to_be_written_and_for_nothing_else(
    clock: ManualClock, storage: StorageEngine
) -> None:
    store = storage.namespace("hub_state")
    home = Home(clock)
    await home.state.restore(store, home.tasks, 5)
    assert live(clock) == 0
    home.state.set("a", 1)
    await clock.advance(3)
    home.state.set("b", 1)
    assert live(clock) == 1
    await clock.advance(1.9)
    assert await store.list() == []
    await clock.advance(0.1)
    await eventually(lambda: not home.tasks.names)
    assert [path for path, _ in await store.list()] == ["a", "b"]
    assert live(clock) == 0
    home.state.set("a", 1)
    assert live(clock) == 0
    home.state.delete("a")
    await home.state.flush()
    assert live(clock) == 0

    early = Home(clock)
    early.state.set("c", 1)
    assert live(clock) == 0
    await early.state.restore(store, early.tasks, 5)
    assert live(clock) == 1
    await clock.advance(5)
    await eventually(lambda: not early.tasks.names)
    assert [path for path, _ in await store.list()] == ["b", "c"]


async def test_many_values_are_restored_page_by_page(home: Home, storage: StorageEngine) -> None:
    store = storage.namespace("hub_state")
    await store.set_many({f"A{number:04}": [number, 1, 1] for number in range(2001)})

    assert await home.state.restore(store, home.tasks, WINDOW) == 2001
    assert [entry.value for entry in home.state.list().values()] == [*range(2001)]


async def test_flushing_without_storage_or_changes_does_nothing(home: Home) -> None:
    home.state.set("a", 1)
    await home.state.flush()
    engine = MemoryEngine()
    await engine.open()
    await home.state.restore(engine.namespace("hub_state"), home.tasks, 60)
    await home.state.flush()
    await home.state.flush()


class Flaky(MemoryEngine):
    """A store that can be told to fail or to wait."""

    def __init__(self) -> None:
        super().__init__()
        self.broken = False
        self.attempts = 0
        self.gate = asyncio.Event()
        self.gate.set()

    @property
    def rows(self) -> dict[str, Any]:
        return {path: msgspec.msgpack.decode(row) for path, row in self._rows.get("hub_state", {}).items()}

    @override
    async def apply(
        self,
        namespace: str,
        expected: Mapping[str, bytes | None],
        changes: Mapping[str, Row | None],
        *,
        durable: bool,
    ) -> bool:
        self.attempts += 1
        await self.gate.wait()
        if self.broken:
            raise StorageError("the disk is full")
        return await super().apply(namespace, expected, changes, durable=durable)


async def flaky_home(window: float, clock: ManualClock | None = None) -> tuple[Home, Flaky]:
    home, store = Home(clock), Flaky()
    await store.open()
    await home.state.restore(store.namespace("hub_state"), home.tasks, window)
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


async def test_a_change_during_a_failing_write_leaves_one_timer(clock: ManualClock) -> None:
    home, store = await flaky_home(1, clock)
    store.gate.clear()
    store.broken = True
    home.state.set("a", 1)
    await clock.advance(1)
    assert (store.attempts, home.tasks.names) == (1, ["hub:writes state"])
    home.state.set("a", 2)
    home.state.set("b", 3)
    assert live(clock) == 1
    store.gate.set()
    await eventually(lambda: not home.tasks.names)
    assert live(clock) == 1
    store.broken = False
    await clock.advance(1)

    await eventually(lambda: {path: row[0] for path, row in store.rows.items()} == {"a": 2, "b": 3})
    assert store.attempts == 2
    assert live(clock) == 0


async def test_a_flush_is_one_write_and_none_when_nothing_changed() -> None:
    home, store = await flaky_home(60)
    await home.state.flush()
    assert store.attempts == 0
    home.state.set("a", 1)
    home.state.set("b", 2)
    await home.state.flush()
    home.state.delete("a")
    home.state.set("c", 3)
    home.state.set("c", 4)
    await home.state.flush()

    assert store.attempts == 2
    assert {path: row[0] for path, row in store.rows.items()} == {"b": 2, "c": 4}
