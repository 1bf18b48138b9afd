"""The SQLite engine: group commit, its window, and what happens when a commit fails."""

import asyncio
import logging
import sqlite3
import threading
from contextlib import closing
from pathlib import Path

import pytest

from hub.errors import StorageError
from hub.storage.sqlite import SqliteEngine
from hub.tasks import TaskGroup
from hub.testing import ManualClock
from tests.harness import eventually
from tests.hub.storage.engines import opened, sqlite

# Inside the engine's own connection: SQLite itself then answers as on a full disk.
FULL = "PRAGMA max_page_count = 1"
ROOM = "PRAGMA max_page_count = 1000000"
BIG = b"x" * 20_000


async def tell(engine: SqliteEngine, pragma: str) -> None:
    assert engine._connection is not None
    _ = list(await engine._connection.execute_fetchall(pragma))


def commits(engine: SqliteEngine) -> list[str]:
    """Note each COMMIT that the engine makes from now on."""
    seen: list[str] = []
    assert engine._connection is not None
    engine._connection._conn.set_trace_callback(lambda text: seen.append(text) if text == "COMMIT" else None)
    return seen


def on_disk(folder: Path) -> dict[str, bytes]:
    with closing(sqlite3.connect(folder / "hub.db")) as connection:
        return dict(connection.execute("SELECT key, value FROM kv ORDER BY key").fetchall())


async def test_a_write_is_committed_when_the_window_ends_and_not_before(tmp_path: Path) -> None:
    clock = ManualClock()
    async with opened(sqlite(tmp_path, clock)) as engine:
        seen = commits(engine)
        await engine.namespace("a").set("key", 1)
        await clock.advance(0.2)
        assert seen == []
        await engine.namespace("a").set("other", 2)
        await clock.advance(0.1)
        await eventually(lambda: seen == ["COMMIT"])
        assert await engine.namespace("a").list() == [("key", 1), ("other", 2)]


async def test_a_durable_write_does_not_wait_for_the_window_and_takes_others_along(tmp_path: Path) -> None:
    async with opened(sqlite(tmp_path, ManualClock())) as engine:
        seen = commits(engine)
        space = engine.namespace("a")
        await space.set("lazy", 1)
        await space.set("durable", 2, durable=True)
        assert seen == ["COMMIT"]


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
    async with opened(sqlite(tmp_path, clock)) as engine:
        space = engine.namespace("a")
        await space.set("before", 1, durable=True)
        await tell(engine, FULL)
        outcomes = await asyncio.gather(
            *(space.set(f"big/{number}", BIG, durable=True) for number in range(3)), return_exceptions=True
        )
        assert [str(one) for one in outcomes] == [
            f"cannot write storage {tmp_path / 'hub.db'}: the disk is full; free some space"
        ] * 3
        assert all(isinstance(one, StorageError) for one in outcomes)
        await space.set("lazy", 2)
        assert [key for key, _ in await space.list()] == ["before", "big/0", "big/1", "big/2", "lazy"]
        assert not await space.compare_and_set("lazy", 1, 3)

        await tell(engine, ROOM)
        with caplog.at_level(logging.INFO, "hub.storage"):
            await clock.advance(0.3)
            await eventually(lambda: "is written again; nothing was lost" in caplog.text)
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
    assert engine._connection is not None
    reached, release = threading.Event(), threading.Event()

    def hold(text: str) -> None:
        if text == "COMMIT" and not reached.is_set():
            reached.set()
            release.wait(10)

    engine._connection._conn.set_trace_callback(hold)
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
