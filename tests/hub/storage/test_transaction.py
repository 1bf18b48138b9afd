"""Transactions: what was read still holds when it is written, all of it or nothing."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

from hub.errors import StorageConflictError, StorageError
from hub.storage import Namespace
from hub.storage.transaction import BufferedTransaction
from hub.tasks import TaskGroup
from tests.hub.storage.engines import Store


@asynccontextmanager
async def in_vain(space: Namespace, *, durable: bool = False) -> AsyncIterator[BufferedTransaction]:
    """Make a transaction that must end in a conflict."""
    conflict = "^a: something that the transaction had read was changed before it ended; nothing of it was written"
    with pytest.raises(StorageConflictError, match=conflict):
        async with space.transaction(durable=durable) as one:
            yield one


async def test_all_of_it_takes_effect_when_the_block_ends_and_not_before(store: Store) -> None:
    space = store.space()
    await space.set_many({"from": 10, "to": 1, "note": "x"})
    async with space.transaction() as move:
        move.set("from", await move.get("from") - 3)
        move.set("to", await move.get("to") + 3)
        move.delete("note")
        assert await space.list() == [("from", 10), ("note", "x"), ("to", 1)]
    assert await space.list() == [("from", 7), ("to", 4)]


async def test_it_sees_its_own_writes_and_nobody_elses_copy(store: Store) -> None:
    space = store.space()
    await space.set_many({"a": 1, "b": 2})
    value = [1]
    async with space.transaction() as one:
        one.set("a", value)
        value.append(2)
        one.delete("b")
        one.set("c", 3)
        assert await one.get("a") == [1]
        assert await one.get("b", "gone") == "gone"
        assert await one.get("absent", 7) == 7
        assert await one.list() == [("a", [1]), ("c", 3)]
        one.delete("c")
        one.set("b", None)
        assert await one.get("b", "gone") is None
        assert await one.list() == [("a", [1]), ("b", None)]
    assert await space.list() == [("a", [1]), ("b", None)]


async def test_its_pages_are_full_and_hold_its_own_changes(store: Store) -> None:
    space = store.space()
    await space.set_many({f"p/{number:02}": number for number in range(12)})
    await space.set("q", 1)
    async with space.transaction() as one:
        for number in range(5):
            one.delete(f"p/{number:02}")
        one.set("p/055", "new")
        one.set("p/99", "last")
        one.set("o", "outside")
        seen: list[str] = []
        while page := await one.list("p/", after=seen[-1] if seen else "", limit=3):
            assert len(page) == 3 or page[-1][0] == "p/99"
            seen += [key for key, _ in page]
        assert seen == ["p/05", "p/055", *(f"p/{number:02}" for number in range(6, 12)), "p/99"]
        assert await one.list("p/", limit=0) == []


@pytest.mark.parametrize("durable", [False, True])
@pytest.mark.parametrize(("old", "new"), [(1, 2), (None, 2), (1, None)], ids=["changed", "came", "went"])
async def test_a_change_of_what_it_read_is_a_conflict(
    store: Store, old: int | None, new: int | None, *, durable: bool
) -> None:
    space = store.space()
    if old is not None:
        await space.set("read", old)
    async with in_vain(space, durable=durable) as one:
        assert await one.get("read") == old
        one.set("written", 1)
        if new is None:
            await space.delete("read")
        else:
            await space.set("read", new)
        assert await one.get("read") == old
    assert await space.list() == ([] if new is None else [("read", new)])


async def test_a_change_of_what_it_listed_is_a_conflict_and_of_what_it_did_not_is_none(store: Store) -> None:
    space = store.space()
    await space.set_many({"l/1": 1, "l/2": 2, "l/3": 3, "m": 4})
    async with in_vain(space) as one:
        assert await one.list("l/", limit=2) == [("l/1", 1), ("l/2", 2)]
        await space.set("l/2", "changed")
    async with space.transaction() as one:
        assert await one.list("l/", limit=2) == [("l/1", 1), ("l/2", "changed")]
        one.set("l/1", "own")
        await space.set_many({"l/0": "new", "l/3": "behind the page", "m": "outside"})
    assert await space.get("l/1") == "own"


async def test_what_it_only_writes_is_no_conflict(store: Store) -> None:
    space = store.space()
    await space.set("b", 0)
    async with space.transaction() as one:
        one.set("a", 1)
        one.set("b", 1)
        assert await one.get("a") == 1
        assert await one.list() == [("a", 1), ("b", 1)]
        await space.set_many({"a": 2, "b": 2, "c": 2})
    assert await space.list() == [("a", 1), ("b", 1), ("c", 2)]


async def test_reading_only_is_checked_as_well(store: Store) -> None:
    space = store.space()
    await space.set_many({"a": 1, "b": 1})
    async with in_vain(space) as one:
        assert (await one.get("a"), await one.get("b")) == (1, 1)
        await space.set("a", 2)
    async with space.transaction():
        pass


async def test_an_exception_in_the_block_writes_nothing_and_undoes_nothing_of_others(store: Store) -> None:
    space = store.space()
    await space.set("count", 1)

    async def fail() -> None:
        async with space.transaction() as one:
            one.set("count", 2)
            one.delete("other")
            await space.set("other", "kept")
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        await fail()
    assert await space.list() == [("count", 1), ("other", "kept")]


async def test_one_that_is_cancelled_writes_nothing(store: Store) -> None:
    space, tasks, reached = store.space(), TaskGroup("test"), asyncio.Event()

    async def work() -> None:
        async with space.transaction() as one:
            one.set("a", 1)
            reached.set()
            await asyncio.Event().wait()

    task = tasks.start("work", work())
    await reached.wait()
    await tasks.cancel()
    assert task.cancelled()
    assert await space.list() == []


async def test_it_is_of_no_use_outside_its_block(store: Store) -> None:
    space = store.space()
    with pytest.raises(StorageError, match="use it inside its `async with` block only"):
        space.transaction().set("a", 1)
    async with space.transaction() as ended:
        ended.set("a", 1)
    async with in_vain(space) as failed:
        await failed.get("b")
        await space.set("b", 1)
    await space.delete("b")
    for one in (ended, failed):
        with pytest.raises(StorageError, match="a: this transaction has ended; use it inside its `async with` block"):
            one.set("b", 1)
        with pytest.raises(StorageError, match="has ended"):
            one.delete("a")
        with pytest.raises(StorageError, match="has ended"):
            await one.get("a")
        with pytest.raises(StorageError, match="has ended"):
            await one.list()
    assert await space.list() == [("a", 1)]


async def test_it_refuses_what_storage_refuses_and_goes_on(store: Store) -> None:
    space = store.space()
    async with space.transaction() as one:
        with pytest.raises(StorageError, match="a: the value of 'key' cannot be stored"):
            one.set("key", object())
        for refused in (one.get(""), one.list("\0"), one.list(after="\0")):
            with pytest.raises(StorageError, match="a: "):
                await refused
        with pytest.raises(StorageError, match="1 to 512"):
            one.delete("")
        with pytest.raises(StorageError, match="a: a ttl must be a number of seconds above 0"):
            one.set("key", 1, ttl=0)
        one.set("fine", 1)
    assert await space.list() == [("fine", 1)]


async def test_its_ttl_counts_from_the_end_and_expiry_of_what_it_read_is_a_conflict(store: Store) -> None:
    space = store.space()
    async with space.transaction() as one:
        one.set("short", 1, ttl=5)
        one.set("long", 1)
        await store.clock.advance(4)
    await store.clock.advance(4.9)
    async with in_vain(space) as late:
        assert await late.list() == [("long", 1), ("short", 1)]
        await store.clock.advance(0.1)
        assert await space.list() == [("long", 1)]
    async with space.transaction() as after:
        assert await after.get("short") is None


async def test_many_at_once_lose_no_count(store: Store) -> None:
    space = store.space()

    async def add(number: int) -> int:
        tries = 0
        while True:
            tries += 1
            try:
                async with space.transaction(durable=number % 2 == 0) as one:
                    count = await one.get("count", 0)
                    await asyncio.sleep(0)
                    one.set("count", count + 1)
                    one.set(f"by/{number}", count)
            except StorageConflictError:
                continue
            return tries

    tries = await asyncio.gather(*(add(number) for number in range(12)))
    assert await space.get("count") == 12
    assert sorted(value for _, value in await space.list("by/")) == [*range(12)]
    assert max(tries) > 1
