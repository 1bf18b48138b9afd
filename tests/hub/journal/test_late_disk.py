"""A disk that is not there when the hub starts, and comes back while it runs or after."""

import sqlite3
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from hub.errors import StorageError
from hub.journal import Gap
from hub.journal.file import JournalFile, Pending
from hub.storage.memory import MemoryEngine
from hub.testing import ManualClock
from tests.harness import eventually
from tests.hub.journal.recorder import WINDOW, recording


@asynccontextmanager
async def gone(disk: Path) -> AsyncIterator[Callable[[], None]]:
    """Inside, nothing can be made or opened in the folder, until what it gives is called."""
    away = disk.with_name("away")
    disk.rename(away)
    disk.touch()

    def back() -> None:
        if away.exists():
            disk.unlink()
            away.rename(disk)

    try:
        yield back
    finally:
        back()


@pytest.fixture
def disk(tmp_path: Path) -> Path:
    path = tmp_path / "disk"
    path.mkdir()
    return path


async def test_states_come_back_with_the_disk_and_what_was_set_meanwhile_wins(disk: Path) -> None:
    store, clock = MemoryEngine(), ManualClock()
    async with recording(disk, clock, store) as home:
        for path in ("kept", "changed", "deleted"):
            home.state.set(path, "before")
        home.state.set("short", 1, "sensor", ttl=30)
    async with gone(disk) as back, recording(disk, clock, store) as home:
        for path in ("changed", "deleted"):
            home.state.set(path, "since")
        home.state.delete("deleted")
        home.say("told without a disk")
        await clock.advance(3 * WINDOW)
        with pytest.raises(StorageError, match="cannot be opened"):
            await home.journal.flush()
        back()
        await home.journal.flush()
        entries = home.state.list()
        assert {path: (one.value, one.restored) for path, one in entries.items()} == {
            "changed": ("since", False),
            "kept": ("before", True),
            "short": (1, True),
        }
        home.journal._told = 1_000_000  # a snapshot takes the place of what was there
        home.state.set("more", 1)
        await clock.advance(30)
        await home.journal.flush()
        assert home.state.get("short") is None
    async with recording(disk, clock, store) as home:
        kept = {path: one.value for path, one in home.state.list().items()}
        assert kept == {"changed": "since", "kept": "before", "more": 1}
        assert "told without a disk" in await home.said()


async def test_a_run_without_the_disk_makes_no_number_be_given_twice(disk: Path) -> None:
    store = MemoryEngine()
    async with recording(disk, store=store) as home:
        home.say(*range(10))
    with pytest.raises(StorageError, match="2 events could not be kept"):
        async with gone(disk), recording(disk, store=store) as home:
            home.say("lost", "lost too")
    (disk / "telemetry.db").unlink()
    async with recording(disk, store=store) as home:
        home.say("new")
        await home.journal.flush()
        assert [one.seq for one in (await home.journal.read()).records] == [11]
        assert await home.journal.missing() == [Gap(1, 10, 10, "lost with the file")]


async def test_an_older_file_gives_no_number_twice(disk: Path) -> None:
    store = MemoryEngine()
    async with recording(disk, store=store) as home:
        home.say("old")
    old = (disk / "telemetry.db").read_bytes()
    async with recording(disk, store=store) as home:
        home.say(*range(10))
    (disk / "telemetry.db").write_bytes(old)
    async with recording(disk, store=store) as home:
        home.say("new")
        await home.journal.flush()
        page = await home.journal.read()
        assert [one.seq for one in page.records] == [1, 12]
        assert page.gaps == [Gap(2, 11, 10, "lost with the file")]


async def test_a_file_older_than_what_a_cursor_has_acknowledged_gives_no_number_twice(disk: Path) -> None:
    store = MemoryEngine()
    async with recording(disk, store=store) as home:
        home.say(*range(3))
        await home.journal.flush()
        await home.journal._run(home.file.close)
        old = (disk / "telemetry.db").read_bytes()
        await home.journal._run(home.file.open)
        home.say(*range(5))
        await home.journal.flush()
        cursor = await home.journal.cursor("cloud")
        await cursor.acknowledge(8)
        numbers = dict(await store.namespace("_journal").list())
    (disk / "telemetry.db").write_bytes(old)
    await store.open()
    await store.namespace("_journal").set_many(numbers)  # the power went before the hub could close
    async with recording(disk, store=store) as home:
        home.say("new")
        await home.journal.flush()
        assert home.file.last == numbers["reserved"] + 1
        cursor = await home.journal.cursor("cloud")
        assert [one.data for one in (await cursor.read()).records] == ["new"]


async def test_numbers_are_noted_before_they_are_given(disk: Path) -> None:
    store = MemoryEngine()
    async with recording(disk, store=store) as home:
        notes: list[int] = []
        store_now = home.file.store

        def noting(pending: Pending) -> int:
            notes.append(home.journal._numbers.reserved)
            return store_now(pending)

        home.file.store = noting  # type: ignore[method-assign]
        home.journal._dropped[2] = 1_000_000
        home.say("after")
        await home.journal.flush()
        assert notes[0] >= home.file.last == 1_000_001


async def test_a_disk_that_fails_while_the_states_are_read_keeps_no_hub_from_starting(disk: Path) -> None:
    async with recording(disk) as home:
        home.state.set("a", 1)
    states = JournalFile.states
    with pytest.MonkeyPatch.context() as patch:

        def fails(file: JournalFile) -> list[object]:
            return file._once("read", _sick)

        patch.setattr(JournalFile, "states", fails)
        async with recording(disk) as home:
            assert "the disk failed" in home.journal.stats().failure
            patch.setattr(JournalFile, "states", states)
            await home.clock.advance(60)
            await eventually(lambda: home.state.get("a") == 1)


def _sick(_db: sqlite3.Connection) -> list[object]:
    error = sqlite3.OperationalError("disk I/O error")
    error.sqlite_errorname = "SQLITE_IOERR_READ"
    raise error
