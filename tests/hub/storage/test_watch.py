"""Watchers hear each change once, in order, and hurt nobody."""

import asyncio
import logging
from typing import Any

import pytest

from hub.errors import StorageConflictError, StorageError
from hub.storage import Namespace
from hub.tasks import TaskGroup
from tests.harness import eventually
from tests.hub.storage.engines import Store

type Heard = list[tuple[str, Any]]


def hears(space: Namespace, prefix: str = "") -> Heard:
    heard: Heard = []
    space.watch(prefix, lambda key, value: heard.append((key, value)))
    return heard


async def test_every_accepted_change_is_told_and_nothing_else(store: Store) -> None:
    heard = hears(store.space())
    same, other = store.space(), store.space("other")
    await same.set("a", [1])
    await same.set_many({"b": 2, "c": None}, durable=True)
    assert await same.compare_and_set("b", 2, 3)
    assert not await same.compare_and_set("b", 2, 4)
    assert await same.delete("a")
    assert not await same.delete("a")
    await other.set("a", "other")
    with pytest.raises(StorageError):
        await same.set("a", object())
    async with same.transaction() as one:
        one.set("d", 5)
        one.delete("b")
        assert len(heard) == 5

    async def fail() -> None:
        async with same.transaction() as one:
            await one.get("d")
            one.set("e", 1)
            await same.set("d", 6)

    with pytest.raises(StorageConflictError):
        await fail()
    assert heard == [("a", [1]), ("b", 2), ("c", None), ("b", 3), ("a", None), ("d", 5), ("b", None), ("d", 6)]


async def test_a_watcher_hears_its_prefix_until_it_is_taken_back(store: Store) -> None:
    space = store.space()
    heard: Heard = []
    undo = space.watch("lamp/", lambda key, value: heard.append((key, value)))
    await space.set_many({"lamp": 0, "lamp/1": 1, "lamp/2": 2, "lampoon": 3, "a/lamp/": 4})
    undo()
    undo()
    await space.set("lamp/1", 5)
    assert heard == [("lamp/1", 1), ("lamp/2", 2)]
    with pytest.raises(StorageError, match="a: key"):
        space.watch("\0", lambda _key, _value: None)


async def test_a_watcher_is_told_when_the_change_can_be_read(store: Store) -> None:
    space, tasks = store.space(), TaskGroup("test")
    found: list[Any] = []

    async def look(key: str) -> None:
        found.append(await space.get(key))

    space.watch("", lambda key, _value: tasks.start("look", look(key)))
    await space.set("a", 1)
    assert await space.compare_and_set("a", 1, 2)
    await asyncio.gather(*tasks._tasks)
    assert found == [1, 2]


async def test_each_watcher_has_its_own_copy(store: Store) -> None:
    space = store.space()
    space.watch("", lambda _key, value: value.append("spoilt"))
    heard = hears(space)
    await space.set("a", [1])
    assert heard == [("a", [1])]
    assert await space.get("a") == [1]


@pytest.mark.parametrize(
    "fault", [ValueError("broken"), SystemExit(1), asyncio.CancelledError(), BaseException("panic")]
)
async def test_a_watchers_fault_is_logged_and_hurts_nobody(
    store: Store, caplog: pytest.LogCaptureFixture, fault: BaseException
) -> None:
    space = store.space()

    def fails(_key: str, _value: object) -> None:
        raise fault

    space.watch("", fails)
    heard = hears(space)
    with caplog.at_level(logging.ERROR, "hub.storage"):
        await space.set("key", 1)
        await space.set("key", 2, durable=True)
    assert heard == [("key", 1), ("key", 2)]
    assert caplog.messages == [f"A watcher of a failed on key: {fault}"] * 2
    assert caplog.records[0].exc_info is not None


async def test_an_async_watcher_is_refused(store: Store) -> None:
    async def watcher(_key: str, _value: object) -> None:
        """Never called."""

    with pytest.raises(StorageError, match="a: a watcher must be a plain function; it may start a task"):
        store.space().watch("", watcher)


async def test_what_watchers_write_is_heard_by_all_in_one_order(store: Store) -> None:
    space, tasks = store.space(), TaskGroup("test")

    def echo(key: str, value: int) -> None:
        if value < 3:
            tasks.start("echo", space.set(key, value + 1))

    space.watch("", echo)
    heard = hears(space)
    await space.set("a", 0)
    await eventually(lambda: len(heard) == 4)
    assert heard == [("a", number) for number in range(4)]
    await space.set("a", 9)
    assert heard[4:] == [("a", 9)]


async def test_watchers_that_write_for_ever_hold_nobody_up(store: Store) -> None:
    space, tasks = store.space(), TaskGroup("test")
    undo = space.watch("", lambda key, value: tasks.start("echo", space.set(key, value + 1)))
    await space.set("a", 0)
    for _ in range(5):
        await asyncio.sleep(0)
    undo()
    await asyncio.sleep(0)
    assert 1 <= await space.get("a") < 20


async def test_a_watcher_may_take_itself_and_others_back(store: Store) -> None:
    space = store.space()
    heard: list[str] = []

    def first(_key: str, _value: object) -> None:
        heard.append("first")
        undo_first()
        undo_last()

    undo_first = space.watch("", first)
    undo_last = space.watch("", lambda _key, _value: heard.append("last"))
    await space.set_many({"a": 1, "b": 2})
    assert heard == ["first"]
