"""The SQLite engine: group commit, its window, and what happens when a commit fails."""

import asyncio
import logging
import sqlite3
import threading
from contextlib import closing
from pathlib import Path
from time import perf_counter
from typing import Any

import pytest

from hub.errors import StorageError
from hub.stats import StorageStats
from hub.storage.sqlite import SqliteEngine
from hub.tasks import TaskGroup
from hub.testing import ManualClock, settle
from tests.harness import eventually
from tests.hub.storage.engines import opened, sqlite

# Inside the engine's own connection: SQLite itself then answers as on a full disk.
FULL = "PRAGMA max_page_count = 1"
ROOM = "PRAGMA max_page_count = 1000000"
BIG = b"x" * 20_000


async def tell(engine: SqliteEngine, pragma: str) -> None:
    await engine._file.fetch(pragma)


def commits(engine: SqliteEngine) -> list[str]:
    """Note each COMMIT that the engine makes from now on."""
    seen: list[str] = []
    assert engine._file._file._db is not None
    engine._file._file._db.set_trace_callback(lambda text: seen.append(text) if text == "COMMIT" else None)
    return seen


def hold_commit(engine: SqliteEngine) -> tuple[threading.Event, threading.Event]:
    """Hold up the next commit; returns what is set when it has been reached, and what is to be set to let it go on."""
    reached, release = threading.Event(), threading.Event()

    def hold(text: str) -> None:
        if text == "COMMIT" and not reached.is_set():
            reached.set()
            release.wait(10)

    assert engine._file._file._db is not None
    engine._file._file._db.set_trace_callback(hold)
    return reached, release


def on_disk(folder: Path) -> dict[str, Any]:
    with closing(sqlite3.connect(folder / "hub.db")) as connection:
        return dict(connection.execute("SELECT key, value FROM kv ORDER BY key").fetchall())


async def test_a_write_is_committed_before_the_window_ends_and_not_at_once(tmp_path: Path) -> None:
    clock = ManualClock()
    async with opened(sqlite(tmp_path, clock)) as engine:
        seen = commits(engine)
        await engine.namespace("a").set("key", 1)
        await clock.advance(0.19)
        assert seen == []
        await engine.namespace("a").set("other", 2)
        await clock.advance(0.06)
        await eventually(lambda: seen == ["COMMIT"])
        assert await engine.namespace("a").list() == [("key", 1), ("other", 2)]


async def test_a_durable_write_does_not_wait_for_the_window_and_takes_others_along(tmp_path: Path) -> None:
    async with opened(sqlite(tmp_path, ManualClock())) as engine:
        seen = commits(engine)
        space = engine.namespace("a")
        await space.set("lazy", 1)
        await space.set("durable", 2, durable=True)
        assert seen == ["COMMIT"]


async def test_a_durable_write_returns_when_its_commit_has_and_not_before(tmp_path: Path) -> None:
    tasks = TaskGroup("test")
    async with opened(sqlite(tmp_path, ManualClock())) as engine:
        reached, release = hold_commit(engine)
        works = [
            tasks.start("write", engine.namespace("a").set("key", 1, durable=True)),
            tasks.start("flush", engine.flush()),
        ]
        await eventually(reached.is_set)
        late = tasks.start("late", engine.namespace("a").set("late", 2, durable=True))
        await settle()
        assert not any(work.done() for work in (*works, late))
        assert await engine.namespace("a").get("key") == 1
        release.set()
        await asyncio.gather(*works, late)
    assert list(on_disk(tmp_path)) == ["key", "late"]


async def test_durable_writers_share_commits(tmp_path: Path) -> None:
    async with opened(sqlite(tmp_path, ManualClock())) as engine:
        seen = commits(engine)
        space = engine.namespace("a")
        await asyncio.gather(*(space.set(str(number), number, durable=True) for number in range(100)))
        assert 1 <= len(seen) <= 2


async def test_a_full_disk_fails_every_durable_waiter_and_loses_nothing(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    clock = ManualClock()
    path, heard = tmp_path / "hub.db", list[tuple[str, str, str]]()
    why = f"cannot write storage {path}: the disk is full; free some space"
    async with opened(sqlite(tmp_path, clock)) as engine:
        engine.on_trouble = lambda *trouble: heard.append(trouble)
        space = engine.namespace("a")
        await space.set("before", 1, durable=True)
        await tell(engine, FULL)
        outcomes = await asyncio.gather(
            *(space.set(f"big/{number}", BIG, durable=True) for number in range(3)), return_exceptions=True
        )
        assert [str(one) for one in outcomes] == [why] * 3
        assert caplog.messages == [f"{why}; what is to be written is kept in memory and tried again"]
        assert all(isinstance(one, StorageError) for one in outcomes)
        await space.set("lazy", 2)
        assert [key for key, _ in await space.list()] == ["before", "big/0", "big/1", "big/2", "lazy"]
        assert not await space.compare_and_set("lazy", 1, 3)

        await tell(engine, ROOM)
        with caplog.at_level(logging.INFO, "hub.storage"):
            await clock.advance(0.3)
            await eventually(lambda: f"{path} is written again; nothing was lost" in caplog.messages)
        assert heard == [("failing", "hub.db", why), ("recovered", "hub.db", "it is written again; nothing was lost")]
    assert list(on_disk(tmp_path)) == ["before", "big/0", "big/1", "big/2", "lazy"]


async def test_a_failing_commit_is_tried_again_ever_more_seldom_and_told_once(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    clock = ManualClock()
    async with opened(sqlite(tmp_path, clock)) as engine:
        await tell(engine, FULL)
        await engine.namespace("a").set("big", BIG)
        delays: list[float] = []
        for _ in range(10):
            before = engine._retry_delay
            await clock.advance(before)
            await eventually(lambda before=before: engine._retry_delay > before or before == 30.0)  # type: ignore[misc]
            delays.append(engine._retry_delay)
        assert delays == [0.5, 1, 2, 4, 8, 16, 30, 30, 30, 30]
        assert caplog.text.count("the disk is full") == 1
        await tell(engine, ROOM)


async def test_writers_are_held_back_when_too_much_is_pending(tmp_path: Path) -> None:
    async with opened(sqlite(tmp_path, ManualClock())) as engine:
        seen = commits(engine)
        space = engine.namespace("a")
        for number in range(40):
            await space.set(str(number), b"x" * 1_000_000)
        assert len(seen) == 1
        await tell(engine, FULL)
        for number in range(20):
            await space.set(f"more/{number}", b"x" * 1_000_000)
        writes = [space.set(f"too much/{number}", b"x" * 1_000_000) for number in range(20)]
        outcomes = await asyncio.gather(*writes, return_exceptions=True)
        assert "the disk is full" in str(outcomes[-1])
        await tell(engine, ROOM)
        await engine.flush()
        assert await space.get("more/19") == b"x" * 1_000_000


async def test_close_says_what_it_could_not_keep(tmp_path: Path) -> None:
    engine = sqlite(tmp_path, ManualClock())
    await engine.open()
    await tell(engine, FULL)
    await engine.namespace("a").set_many({"one": BIG, "two": BIG})
    with pytest.raises(StorageError, match=r"2 values could not be kept when the hub stopped: .*the disk is full"):
        await engine.close()
    await engine.close()


async def test_a_writer_cancelled_before_close_loses_nothing_and_keeps_nobody_waiting(tmp_path: Path) -> None:
    tasks = TaskGroup("hub")
    engine = SqliteEngine(tmp_path / "hub.db", tasks=tasks, clock=ManualClock())
    await engine.open()
    space = engine.namespace("a")
    await space.set("key", 1)
    assert tasks.names == ["hub:storage"]
    assert await tasks.cancel() == []
    with pytest.raises(StorageError, match="its task was cancelled"):
        await space.set("other", 2, durable=True)
    await engine.close()
    assert list(on_disk(tmp_path)) == ["key", "other"]


async def test_a_writer_cancelled_in_its_commit_answers_and_close_keeps_the_rest(tmp_path: Path) -> None:
    tasks, others = TaskGroup("hub"), TaskGroup("test")
    engine = SqliteEngine(tmp_path / "hub.db", tasks=tasks, clock=ManualClock())
    await engine.open()
    reached, release = hold_commit(engine)
    space = engine.namespace("a")
    waiting = others.start("write", space.set("key", 1, durable=True))
    await eventually(reached.is_set)
    await space.set("later", 2)
    await tasks.cancel()
    release.set()
    with pytest.raises(StorageError, match="is not written any more: CancelledError"):
        await waiting
    await engine.close()
    assert list(on_disk(tmp_path)) == ["key", "later"]


async def test_a_cancelled_durable_writer_harms_no_other(tmp_path: Path) -> None:
    async with opened(sqlite(tmp_path, ManualClock())) as engine:
        space = engine.namespace("a")
        tasks = TaskGroup("test")
        first = tasks.start("first", space.set("first", 1, durable=True))
        second = tasks.start("second", space.set("second", 2, durable=True))
        first.cancel()
        await second
        assert first.cancelled()
        assert await space.get("second") == 2


async def test_reads_and_swaps_under_way_when_it_closes_end_cleanly(tmp_path: Path) -> None:
    engine = sqlite(tmp_path, ManualClock())
    await engine.open()
    space = engine.namespace("a")
    tasks = TaskGroup("test")
    await space.set("key", 1, durable=True)
    works = [tasks.start("read", space.list()) for _ in range(5)]
    swaps = [tasks.start("swap", space.compare_and_set("key", number, number + 1)) for number in range(1, 6)]
    await engine.close()
    outcomes = await asyncio.gather(*works, *swaps, return_exceptions=True)
    assert all(isinstance(one, list | bool | StorageError) for one in outcomes)
    done = sum(one is True for one in outcomes)
    await engine.open()
    assert await space.get("key") == 1 + done
    await engine.close()


def live(clock: ManualClock) -> int:
    """Count the timers that are set."""
    return sum(bool(timer[2]) for timer in clock._timers)


async def test_what_has_expired_leaves_the_file_with_the_next_commit(tmp_path: Path) -> None:
    clock = ManualClock()
    async with opened(sqlite(tmp_path, clock)) as engine:
        space = engine.namespace("a")
        await space.set("short", 1, ttl=5, durable=True)
        await space.set("long", 1, ttl=50, durable=True)
        await space.set("kept", 1, durable=True)
        seen = commits(engine)
        assert live(clock) == 1
        await clock.advance(5)
        await eventually(lambda: live(clock) == 2)
        assert seen == []
        await clock.advance(0.25)
        await eventually(lambda: seen == ["COMMIT"])
        await clock.advance(30)
        assert seen == ["COMMIT"]
        assert live(clock) == 1
    kept = on_disk(tmp_path)
    assert sorted(kept) == ["clock", "kept", "long"]
    assert kept["clock"] == 35_250


async def test_expiry_of_what_is_pending_reaches_the_file_too(tmp_path: Path) -> None:
    clock = ManualClock()
    async with opened(sqlite(tmp_path, clock)) as engine:
        await engine.namespace("a").set("short", 1, ttl=0.1)
        await engine.namespace("b").set("short", 1, ttl=0.2, durable=True)
        await engine.namespace("b").set("short", 2, ttl=0.3)
        await clock.advance(0.35)
        await eventually(lambda: engine.stats().commits == 2)
        assert await engine.namespace("b").list() == []
        await engine.flush()
    assert sorted(on_disk(tmp_path)) == ["clock"]


async def test_no_clock_is_kept_where_nothing_expires(tmp_path: Path) -> None:
    async with opened(sqlite(tmp_path, ManualClock())) as engine:
        await engine.namespace("a").set("key", 1)
        await engine.namespace("a").delete("key")
    assert on_disk(tmp_path) == {}


async def test_after_a_power_cut_a_ttl_goes_on_from_the_last_commit(tmp_path: Path) -> None:
    clock, after = ManualClock(), tmp_path / "after"
    after.mkdir()
    async with opened(sqlite(tmp_path, clock)) as engine:
        space = engine.namespace("a")
        await space.set("key", 1, ttl=10, durable=True)
        await clock.advance(4)
        await space.set("other", 1, durable=True)
        await clock.advance(3)
        for name in ("hub.db", "hub.db-wal"):
            (after / name).write_bytes((tmp_path / name).read_bytes())
    async with opened(sqlite(after, clock)) as engine:
        await clock.advance(5.9)
        assert [key for key, _ in await engine.namespace("a").list()] == ["key", "other"]
        await clock.advance(0.1)
        assert [key for key, _ in await engine.namespace("a").list()] == ["other"]


async def test_many_that_expire_at_different_times_leave_one_timer(tmp_path: Path) -> None:
    clock = ManualClock()
    async with opened(sqlite(tmp_path, clock)) as engine:
        space = engine.namespace("a")
        for number in range(20):
            await space.set(f"{number:02}", 1, ttl=20 - number, durable=number % 2 == 0)
        await engine.flush()
        gone: list[str] = []
        space.watch("", lambda key, _value: gone.append(key))
        for count in range(1, 21):
            await clock.advance(1)
            await eventually(lambda count=count: len(gone) == count)  # type: ignore[misc]
        assert gone == [f"{number:02}" for number in reversed(range(20))]
        await engine.flush()
        assert live(clock) == 0
    assert sorted(on_disk(tmp_path)) == ["clock"]


async def test_expiry_that_cannot_be_read_is_told_and_hurts_nobody(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    clock = ManualClock()
    async with opened(sqlite(tmp_path, clock)) as engine:
        await engine.namespace("a").set("key", 1, ttl=5, durable=True)
        await tell(engine, "DROP INDEX kv_expires")
        await tell(engine, "ALTER TABLE kv RENAME TO lost")
        await clock.advance(5)
        await eventually(lambda: "what has expired stays in it for now" in caplog.text)
        await tell(engine, "ALTER TABLE lost RENAME TO kv")
        assert await engine.namespace("a").list() == []


async def test_closing_while_something_expires_is_clean(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    clock, tasks = ManualClock(), TaskGroup("hub")
    engine = SqliteEngine(tmp_path / "hub.db", tasks=tasks, clock=clock)
    await engine.open()
    await engine.namespace("a").set("key", 1, ttl=5, durable=True)
    await engine.namespace("a").set("long", 1, ttl=500, durable=True)
    async with engine._settled:
        await clock.advance(5)
        assert "hub:storage expiry" in tasks.names
        closing = tasks.start("close", engine.close())
    await closing
    await eventually(lambda: not tasks.names)
    assert live(clock) == 0
    assert caplog.text == ""
    await engine.open()
    assert [key for key, _ in await engine.namespace("a").list()] == ["long"]
    await engine.close()


async def test_what_is_wrong_and_what_waits_can_be_asked_for(tmp_path: Path) -> None:
    async with opened(sqlite(tmp_path, ManualClock())) as engine:
        space = engine.namespace("a")
        assert engine.stats() == StorageStats()
        begun = perf_counter()
        await space.set_many({"key": 1, "other": 2}, durable=True)
        assert 0 < engine.stats().commit_s <= perf_counter() - begun
        await tell(engine, FULL)
        heard: list[str] = []
        space.watch("", lambda key, _value: heard.append(key))
        await space.set("key", b"x" * 100)
        assert engine.stats().waiting_bytes == 3 + 102
        for _ in range(3):
            with pytest.raises(StorageError):
                await space.set("big", BIG, durable=True)
        stats = engine.stats()
        assert heard == ["key", "big", "big", "big"]
        assert stats.failure == f"cannot write storage {tmp_path / 'hub.db'}: the disk is full; free some space"
        assert (stats.waiting_bytes, stats.rows, stats.bytes, stats.commits) == (3 + 102 + 3 + 20_003, 2, 3 + 5 + 2, 1)
        await tell(engine, ROOM)
        await engine.flush()
        after = engine.stats()
        assert (after.failure, after.waiting_bytes, after.rows, after.commits) == ("", 0, 4, 2)
        assert after.commit_s > stats.commit_s


async def test_a_durable_write_needs_no_timer(tmp_path: Path) -> None:
    clock = ManualClock()
    async with opened(sqlite(tmp_path, clock)) as engine:
        space, tasks = engine.namespace("a"), TaskGroup("test")
        write = tasks.start("write", space.set("key", 1, durable=True))
        assert live(clock) == 0
        await write
        await space.set("lazy", 1)
        await space.set("lazy", 2)
        assert live(clock) == 1


async def test_a_row_written_while_it_is_swept_stays(tmp_path: Path) -> None:
    clock = ManualClock()
    async with opened(sqlite(tmp_path, clock)) as engine:
        space = engine.namespace("a")
        await space.set_many({"kept": 1, "gone": 1}, ttl=5, durable=True)
        async with engine._settled:
            await clock.advance(5)
            await space.set("kept", 2)
        await eventually(lambda: live(clock) == 1)
        await engine.flush()
        assert await space.list() == [("kept", 2)]


@pytest.mark.parametrize("value", ["by hand", 7, 0.5, b""])
async def test_what_was_put_in_by_hand_hides_no_other(
    tmp_path: Path,
    caplog: pytest.LogCaptureFixture,
    value: Any,  # noqa: ANN401
) -> None:
    async with opened(sqlite(tmp_path)) as engine:
        await engine.namespace("a").set_many({"a": 1, "c": 3})
    with closing(sqlite3.connect(tmp_path / "hub.db")) as connection, connection:
        connection.execute("INSERT INTO kv VALUES ('a', 'b', ?, NULL)", (value,))
    async with opened(sqlite(tmp_path)) as engine:
        assert await engine.namespace("a").list() == [("a", 1), ("c", 3)]
        assert "a: the stored value of 'b' is damaged" in caplog.text
        with pytest.raises(StorageError, match="the stored value of 'b' is damaged"):
            await engine.namespace("a").get("b")
