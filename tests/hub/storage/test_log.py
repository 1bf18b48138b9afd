"""Who wrote which key when: in order, bounded, kept over restarts, and never in the way."""

import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from hub.errors import StorageError
from hub.storage.log import PACKS
from hub.storage.memory import MemoryEngine
from hub.storage.sqlite import SqliteEngine
from hub.testing import ManualClock
from tests.harness import eventually
from tests.hub.storage.engines import opened, sqlite


async def told(
    engine: SqliteEngine | MemoryEngine, namespace: str = "", prefix: str = "", limit: int = 100
) -> list[tuple[str, list[str], list[str]]]:
    found = await engine.writes(namespace, prefix, limit)
    assert [one.time for one in found] == sorted((one.time for one in found), reverse=True)
    return [(one.namespace, one.keys, one.gone) for one in found]


@pytest.mark.parametrize("kind", ["sqlite", "memory"])
async def test_it_tells_of_writes_transactions_and_what_is_gone(tmp_path: Path, kind: str) -> None:
    clock = ManualClock()
    engine = sqlite(tmp_path, clock) if kind == "sqlite" else MemoryEngine(clock)
    await engine.open()
    a, b = engine.namespace("a"), engine.namespace("b")
    await a.set("x/1", 1, durable=True)
    async with b.transaction() as both:
        both.set("y", 1)
        both.set("z", 1)
    await a.delete("x/1")
    await a.set("short", 1, ttl=5)
    await clock.advance(5)
    await eventually(lambda: _gone(engine))
    assert await told(engine) == [
        ("a", [], ["short"]),
        ("a", ["short"], []),
        ("a", [], ["x/1"]),
        ("b", ["y", "z"], []),
        ("a", ["x/1"], []),
    ]
    assert await told(engine, "b") == [("b", ["y", "z"], [])]
    assert await told(engine, "a", "x/") == [("a", [], ["x/1"]), ("a", ["x/1"], [])]
    assert len(await told(engine, "", "", 2)) == 2
    await engine.close()


def _gone(engine: SqliteEngine | MemoryEngine) -> bool:
    return any(one.gone == ["short"] for one in engine._log.newest_first())


async def test_it_outlives_a_restart_and_is_written_once_a_minute_only(tmp_path: Path) -> None:
    clock = ManualClock()

    def packs() -> int:
        with closing(sqlite3.connect(tmp_path / "hub.db")) as db:
            return int(db.execute("SELECT count(*) FROM log").fetchone()[0])

    async with opened(sqlite(tmp_path, clock)) as engine:
        for number in range(10):
            await engine.namespace("a").set("x", number, durable=True)
        [(count,)] = await engine._file.fetch("SELECT count(*) FROM log")
        assert count == 0
        await clock.advance(60)
        await engine.namespace("a").set("x", 10, durable=True)
        [(count,)] = await engine._file.fetch("SELECT count(*) FROM log")
        assert count == 1
        await engine.namespace("a").set("last", 1)
    assert packs() == 2
    async with opened(sqlite(tmp_path, clock)) as engine:
        assert [keys for _, keys, _ in await told(engine)] == [["last"], *[["x"]] * 11]
    assert packs() == 2


async def test_it_has_a_bound(tmp_path: Path) -> None:
    async with opened(sqlite(tmp_path, ManualClock())) as engine:
        space = engine.namespace("a")
        for number in range((PACKS + 3) * 256):
            await space.set("x", number, durable=number % 256 == 255)
        assert len(await engine.writes(limit=1_000_000)) == PACKS * 256
        [(count,)] = await engine._file.fetch("SELECT count(*) FROM log")
        assert count == PACKS


async def test_between_two_commits_the_newest_are_kept(tmp_path: Path) -> None:
    async with opened(sqlite(tmp_path, ManualClock())) as engine:
        for number in range(3000):
            await engine.namespace("a").set(str(number), number)
        keys = [one.keys for one in await engine.writes(limit=5000)]
        assert keys == [[str(number)] for number in reversed(range(3000 - 2048, 3000))]


async def test_on_a_full_disk_it_waits_and_is_bounded_too(tmp_path: Path) -> None:
    async with opened(sqlite(tmp_path)) as engine:
        space = engine.namespace("a")
        await engine._file.fetch("PRAGMA max_page_count = 1")
        await space.set("big", "x" * 20_000)
        for _ in range(30):
            for number in range(300):
                await space.set(str(number), number)
            with pytest.raises(StorageError, match="disk is full"):
                await engine.flush()
        assert len(engine._log.newest_first()) <= 2 * 2048
        await engine._file.fetch("PRAGMA max_page_count = 1000000")
        await engine.flush()
        assert (await told(engine))[0] == ("a", ["299"], [])


async def test_a_damaged_part_of_it_is_left_out(tmp_path: Path) -> None:
    for number in range(3):
        async with opened(sqlite(tmp_path)) as engine:
            await engine.namespace("a").set(str(number), number)
    with closing(sqlite3.connect(tmp_path / "hub.db")) as db, db:
        db.execute("UPDATE log SET data = x'00' WHERE id = 2")
    async with opened(sqlite(tmp_path)) as engine:
        assert [keys for _, keys, _ in await told(engine)] == [["2"], ["0"]]
