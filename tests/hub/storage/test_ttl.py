"""Values with a ttl: gone when the store has been open so long, whatever the wall clock says."""

from typing import Any

import pytest

from hub.errors import StorageError
from hub.storage import Namespace
from tests.harness import eventually
from tests.hub.home import live
from tests.hub.storage.engines import Store


async def is_there(space: Namespace, key: str) -> bool:
    """Ask in every way there is, and hear one answer."""
    answers: set[bool] = {
        await space.get(key, "gone") != "gone",
        key in await space.get_many([key]),
        key in dict(await space.list()),
        key in dict(await space.list(key)),
    }
    async with space.transaction() as one:
        answers.add(await one.get(key, "gone") != "gone")
    assert len(answers) == 1
    return answers.pop()


@pytest.mark.parametrize("durable", [False, True])
async def test_it_is_there_for_its_ttl_and_then_gone(store: Store, *, durable: bool) -> None:
    space = store.space()
    await space.set("one", 1, ttl=5, durable=durable)
    await space.set_many({"two": 2, "three": 3}, ttl=7.5, durable=durable)
    await space.set("kept", 4, durable=durable)
    await store.clock.advance(4.999)
    assert [key for key, _ in await space.list()] == ["kept", "one", "three", "two"]
    assert await is_there(space, "one")
    await store.clock.advance(0.001)
    assert not await is_there(space, "one")
    assert await is_there(space, "two")
    await store.clock.advance(2.5)
    assert not await is_there(space, "two")
    assert await space.list() == [("kept", 4)]


@pytest.mark.parametrize("durable", [False, True])
async def test_it_is_gone_even_before_the_timer_had_its_turn(store: Store, *, durable: bool) -> None:
    space = store.space()
    await space.set_many({"a": 1, "b": 2, "c": 3, "d": 4}, ttl=5, durable=durable)
    await space.set("kept", 0, durable=durable)
    store.clock._turn(5)
    assert not await is_there(space, "a")
    assert not await space.delete("b")
    assert not await space.compare_and_set("c", 3, "new")
    assert await space.compare_and_set("d", None, "new")
    assert await space.list() == [("d", "new"), ("kept", 0)]
    await store.clock.advance(100)
    assert await space.list() == [("d", "new"), ("kept", 0)]


@pytest.mark.parametrize("durable", [False, True])
async def test_setting_it_again_renews_or_ends_it(store: Store, *, durable: bool) -> None:
    space = store.space()
    await space.set_many(dict.fromkeys(["longer", "shorter", "set", "swapped", "back"], 1), ttl=5, durable=durable)
    await space.set("longer", 1, ttl=9, durable=durable)
    await space.set("shorter", 1, ttl=3, durable=durable)
    await space.set("set", 1, durable=durable)
    assert await space.compare_and_set("swapped", 1, 2, durable=durable)
    await space.delete("back", durable=durable)
    await space.set("back", 1, durable=durable)
    await store.clock.advance(3)
    assert [key for key, _ in await space.list()] == ["back", "longer", "set", "swapped"]
    await store.clock.advance(5.9)
    assert [key for key, _ in await space.list()] == ["back", "longer", "set", "swapped"]
    await store.clock.advance(0.1)
    assert [key for key, _ in await space.list()] == ["back", "set", "swapped"]


async def test_time_off_does_not_count_and_wall_time_never_does(store: Store) -> None:
    space = store.space()
    await space.set_many({"a": 1, "b": 1}, ttl=10)
    await store.clock.advance(4)
    store.clock.jump(1e9)
    await store.restart(after=1000)
    store.clock.jump(-2e9)
    heard: list[tuple[str, Any]] = []
    undo = store.space().watch("", lambda key, value: heard.append((key, value)))
    await store.clock.advance(3)
    await store.restart(after=5)
    undo()
    store.space().watch("", lambda key, value: heard.append((key, value)))
    assert await store.space().list() == [("a", 1), ("b", 1)]
    await store.space().set("b", 2, ttl=4)
    heard.clear()
    await store.clock.advance(2.99)
    assert await is_there(store.space(), "a")
    await store.clock.advance(0.01)
    assert await store.space().list() == [("b", 2)]
    await eventually(lambda: heard == [("a", None)])
    await store.clock.advance(1)
    await eventually(lambda: heard == [("a", None), ("b", None)])


async def test_what_had_expired_when_it_closed_does_not_come_back(store: Store) -> None:
    await store.space().set("a", 1, ttl=5, durable=True)
    store.clock._turn(5)
    await store.restart()
    assert await store.space().list() == []


async def test_watchers_hear_of_expiry_once_and_in_order(store: Store) -> None:
    space = store.space()
    heard: list[tuple[str, Any]] = []
    space.watch("", lambda key, value: heard.append((key, value)))
    await space.set("file", 1, ttl=2, durable=True)
    await space.set("pending", 1, ttl=1)
    await space.set("renewed", 1, ttl=1, durable=True)
    await space.set("renewed", 2, ttl=3)
    heard.clear()
    await store.clock.advance(1)
    await eventually(lambda: len(heard) == 1)
    await store.clock.advance(1)
    await eventually(lambda: len(heard) == 2)
    await store.clock.advance(1)
    await eventually(lambda: len(heard) == 3)
    await store.clock.advance(100)
    assert heard == [("pending", None), ("file", None), ("renewed", None)]


@pytest.mark.parametrize("ttl", [0, -1, float("nan"), float("inf"), 1e11, True, "5", 5j])
async def test_what_is_no_ttl_is_refused(store: Store, ttl: Any) -> None:  # noqa: ANN401 - wrong on purpose
    space = store.space()
    for refused in (space.set("a", 1, ttl=ttl), space.set_many({"a": 1}, ttl=ttl)):
        with pytest.raises(
            StorageError, match=r"^a: a ttl must be a number of seconds above 0, at most 10000000000, not"
        ):
            await refused
    assert await space.list() == []


async def test_the_longest_and_the_shortest_ttl(store: Store) -> None:
    space = store.space()
    await space.set("longest", 1, ttl=1e10, durable=True)
    await space.set("shortest", 1, ttl=1e-9)
    assert await is_there(space, "shortest")
    await store.clock.advance(0.001)
    assert await space.list() == [("longest", 1)]


async def test_no_timer_runs_when_nothing_expires(store: Store) -> None:
    space = store.space()
    await space.set_many({"a": 1, "b": 2}, durable=True)
    assert live(store.clock) == 0
    for number in range(50):
        await space.set(f"key/{number % 7}", 1, ttl=60 + number, durable=True)
    assert live(store.clock) == 1
    await store.engine.close()
    assert live(store.clock) == 0
    await store.engine.open()
