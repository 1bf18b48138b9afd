"""A sick disk: what cannot be kept is refused in one sentence, memory goes on, and all is well when the disk is."""

import itertools
import random
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, closing, suppress
from typing import Any

import pytest

from hub.errors import StorageError
from hub.journal import Journal
from hub.journal.file import SCHEMA, JournalFile, Pending
from hub.journal.records import Gap
from hub.journal.retention import Limits
from hub.storage.memory import MemoryEngine
from hub.storage.sqlite import SqliteEngine
from hub.tasks import TaskGroup
from hub.testing import ManualClock
from hub.types import Event
from tests.harness import eventually
from tests.hub.home import Home
from tests.rig.connection import opener
from tests.rig.disk import Disk
from tests.rig.house import RULES

LONG = 60.0
BIG = b"x" * 30_000

type Fall = Callable[[Disk], object]

SICKNESSES: dict[str, tuple[Fall, str]] = {
    "full": (lambda disk: disk.fill(), "the disk is full; free some space"),
    "turned read-only": (lambda disk: setattr(disk, "read_only", True), "the disk failed or is full"),
    "refuses writes": (lambda disk: disk.failing.add("write"), "the disk failed or is full"),
    "refuses syncs": (lambda disk: disk.failing.add("sync"), "the disk failed or is full"),
}
sick = pytest.mark.parametrize(("fall", "why"), SICKNESSES.values(), ids=SICKNESSES)


@asynccontextmanager
async def storing(disk: Disk, clock: ManualClock) -> AsyncIterator[SqliteEngine]:
    tasks = TaskGroup("storage")
    engine = SqliteEngine(disk.path("hub.db"), tasks=tasks, clock=clock, opener=opener(disk))
    await engine.open()
    try:
        yield engine
    finally:
        await engine.close()
        await tasks.cancel()


@asynccontextmanager
async def recording(disk: Disk, clock: ManualClock) -> AsyncIterator[tuple[Home, Journal]]:
    home, store = Home(clock), MemoryEngine(clock)
    await store.open()
    home.bus.declare("said", None, "test")
    file = JournalFile(disk.path("telemetry.db"), Limits(1 << 30), opener(disk))
    journal = Journal(
        file, RULES, bus=home.bus, state=home.state, store=store.namespace("j"), tasks=home.tasks, clock=clock
    )
    try:
        await journal.open()
        yield home, journal
    finally:
        await journal.close()
        await home.tasks.cancel()


async def found(disk: Disk) -> dict[str, Any]:
    """What the storage holds after the power went, by a hub that starts anew."""
    async with storing(disk.restarted(), ManualClock()) as engine:
        return dict(await engine.namespace("a").list())


async def told(disk: Disk) -> list[Any]:
    """The same of the journal."""
    async with recording(disk.restarted(), ManualClock()) as (_, journal):
        return [one.data for one in (await journal.read()).records]


@sick
async def test_storage_refuses_what_is_durable_goes_on_in_memory_and_recovers(
    disk: Disk, clock: ManualClock, fall: Fall, why: str
) -> None:
    async with storing(disk, clock) as engine:
        space = engine.namespace("a")
        await space.set("before", 1, durable=True)
        fall(disk)
        with pytest.raises(StorageError, match=why) as refused:
            await space.set("big", BIG, durable=True)
        assert str(refused.value).startswith(f"cannot write storage {disk.path('hub.db')}: ")
        await space.set("ordinary", 2)
        assert (await space.get("big"), await space.get("ordinary")) == (BIG, 2)
        assert engine.stats().failure == str(refused.value)
        disk.mend()
        await clock.advance(LONG)
        await eventually(lambda: not engine.stats().failure)
        assert await found(disk) == {"before": 1, "big": BIG, "ordinary": 2}


@sick
async def test_the_journal_refuses_to_flush_goes_on_in_memory_and_recovers(
    disk: Disk, clock: ManualClock, fall: Fall, why: str
) -> None:
    async with recording(disk, clock) as (home, journal):
        home.bus.publish("said", "hall", 1)
        await journal.flush()
        fall(disk)
        home.bus.publish("said", "hall", BIG)
        home.state.set("lamp", 3)
        with pytest.raises(StorageError, match=why) as refused:
            await journal.flush()
        assert str(refused.value).startswith(f"cannot write storage {disk.path('telemetry.db')}: ")
        assert (home.state.get("lamp"), journal.stats().waiting, journal.stats().failure) == (3, 2, str(refused.value))
        home.bus.publish("said", "hall", 4)
        disk.mend()
        await clock.advance(LONG)
        await eventually(lambda: not (journal.stats().failure or journal.stats().waiting))
        after = await told(disk)
        assert [after[0], after[2]["value"], after[3]] == [1, 3, 4]


async def test_what_cannot_be_read_is_one_sentence_and_can_be_read_later(disk: Disk, clock: ManualClock) -> None:
    async with storing(disk, clock) as engine:
        await engine.namespace("a").set_many({f"{number:03}": BIG for number in range(100)}, durable=True)
    async with storing(disk, clock) as engine:
        disk.failing.add("read")
        with pytest.raises(StorageError, match=r"cannot read storage .*/hub.db: the disk failed"):
            await engine.namespace("a").get("050")
        disk.mend()
        assert await engine.namespace("a").get("050") == BIG


async def test_a_journal_that_cannot_be_read_says_so_in_one_sentence(disk: Disk, clock: ManualClock) -> None:
    async with recording(disk, clock) as (home, journal):
        for number in range(100):
            home.bus.publish("said", "hall", (number, disk._dice.randbytes(40_000)))
            await journal.flush()
    async with recording(disk, clock) as (_, journal):
        disk.failing.add("read")
        with pytest.raises(StorageError, match=r"cannot read storage .*/telemetry.db: the disk failed"):
            await journal.read()
        disk.mend()
        assert len((await journal.read()).records) == 100


@pytest.mark.parametrize("name", ["hub.db", "telemetry.db"])
async def test_a_read_only_disk_is_refused_at_the_start_in_one_sentence(
    disk: Disk, clock: ManualClock, name: str
) -> None:
    async with storing(disk, clock), recording(disk, clock):
        pass
    disk.read_only = True
    with pytest.raises(StorageError, match=f"cannot open storage .*/{name}: it .*writable for the hub's user"):
        async with storing(disk, clock) if name == "hub.db" else recording(disk, clock):
            pass
    disk.mend()
    async with storing(disk, clock), recording(disk, clock):
        pass


async def test_a_damaged_page_is_found_at_the_start_and_said_in_one_sentence(disk: Disk, clock: ManualClock) -> None:
    async with storing(disk, clock) as engine:
        await engine.namespace("a").set_many({f"{number:03}": b"y" * 900 for number in range(60)}, durable=True)
    disk.damage("hub.db", len(disk.names["hub.db"].now) - 4096, 4096)
    with pytest.raises(
        StorageError, match=r"storage .*/hub.db is damaged \(.*\); keep a copy of it and restore a back"
    ):
        async with storing(disk, clock):
            pass


async def test_a_flipped_bit_in_a_batch_is_a_gap_and_the_rest_is_read(disk: Disk, clock: ManualClock) -> None:
    async with recording(disk, clock) as (home, journal):
        for number in range(3):
            home.bus.publish("said", "hall", (number, bytes(range(200))))
            await journal.flush()
    with closing(opener(disk)(disk.path("telemetry.db"), SCHEMA)) as connection:
        [(data,)] = connection.execute("SELECT data FROM batch WHERE last = 2").fetchall()
    disk.flip("telemetry.db", disk.names["telemetry.db"].now.index(data) + len(data) // 2, 3)
    async with recording(disk, clock) as (_, journal):
        page = await journal.read()
        assert [one.seq for one in page.records] == [1, 3]
        assert page.gaps == [Gap(2, 2, 1, "damaged")]


async def test_pages_that_a_failed_sync_lost_are_written_anew(clock: ManualClock) -> None:
    for seed in range(20):
        disk = Disk()
        disk._dice.seed(seed)
        async with storing(disk, clock) as engine:
            space = engine.namespace("a")
            disk.failing.add("sync")
            with pytest.raises(StorageError):
                await space.set("a", BIG, durable=True)
            disk.mend()
            await space.set("b", 2, durable=True)
            assert await found(disk) == {"a": BIG, "b": 2}


def test_a_log_that_a_failed_sync_left_in_memory_only_harms_no_file() -> None:
    noise = random.Random(1).randbytes(8000)
    event = Pending([(1, Event("said", "hall", "test", 1, 1, noise))], [])
    states = Pending([], [("lamp", noise, 1, 1)], is_snapshot=True)
    for turn, seed in itertools.product(range(1, 40, 2), range(6)):
        disk = Disk(random.Random(seed))
        file = JournalFile(disk.path("telemetry.db"), Limits(1 << 30), opener(disk))
        file.open()
        file.store(event)
        file.store(states)
        file.close()  # the log is gone, and what follows changes pages that stand in the file alone
        file.open()
        file.store(event)
        disk.failing.add("sync")
        with pytest.raises(StorageError):
            file.store(states)
        disk.mend()
        disk.cut_at = disk.turns + turn
        with suppress(StorageError):
            file.store(states)
        file.close()
        found = disk.restarted()
        with closing(opener(found)(found.path("telemetry.db"), SCHEMA)) as connection:
            assert connection.execute("PRAGMA integrity_check").fetchall() == [("ok",)], (turn, seed)
            assert connection.execute("SELECT last FROM batch").fetchall() == [(1,), (2,)]
