"""A store whose file or disk breaks: it is opened anew, or mended and gone on with, and says so."""

import shutil
import sqlite3
from collections.abc import Callable
from pathlib import Path

import pytest

from hub.errors import StorageError
from hub.storage.sqlite import SqliteEngine
from hub.tasks import TaskGroup
from hub.testing import ManualClock, settle
from tests.harness import eventually
from tests.hub.storage.engines import opened, sqlite
from tests.hub.storage.test_sqlite import on_disk, tell


class Spare:
    """A copy that takes the damaged file's place."""

    def __init__(self, folder: Path) -> None:
        self.file = folder / "spare"
        self.damages: list[str] = []

    def repair(self, path: Path, damage: str) -> str:
        self.damages.append(damage)
        shutil.copyfile(self.file, path)
        path.with_name(f"{path.name}-wal").unlink(missing_ok=True)
        return "it was replaced by the spare one"


def engine_of(folder: Path, spare: Spare) -> SqliteEngine:
    return SqliteEngine(folder / "hub.db", tasks=TaskGroup("hub"), repair=spare.repair)


async def spared(folder: Path) -> Spare:
    spare = Spare(folder)
    async with opened(sqlite(folder)) as engine:
        await engine.namespace("a").set_many({"x": 1, "y": 1})
    shutil.copyfile(folder / "hub.db", spare.file)
    async with opened(sqlite(folder)) as engine:
        await engine.namespace("a").set("x", 2)
    return spare


def spoil(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:1024] + b"\x99" * (path.stat().st_size - 1024))


def truncate(path: Path) -> None:
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])


def empty_the_header(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:16] + bytes(1008) + path.read_bytes()[1024:])


@pytest.mark.parametrize("harm", [spoil, truncate, empty_the_header])
async def test_a_file_that_is_damaged_at_the_start_is_mended(tmp_path: Path, harm: Callable[[Path], None]) -> None:
    spare = await spared(tmp_path)
    harm(tmp_path / "hub.db")
    async with opened(engine_of(tmp_path, spare)) as engine:
        assert await engine.namespace("a").get("x") == 1
        assert engine.stats().repaired == "it was replaced by the spare one"
    assert len(spare.damages) == 1


async def test_a_file_that_another_hub_holds_is_not_mended(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("hub.storage.file._BUSY_S", 0.01)
    spare = await spared(tmp_path)
    async with opened(sqlite(tmp_path)) as first:
        with pytest.raises(StorageError, match="another process has it open"):
            await engine_of(tmp_path, spare).open()
        assert spare.damages == []
        assert await first.namespace("a").get("x") == 2


async def test_one_that_is_damaged_under_way_is_mended_and_what_waits_is_kept(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    spare = await spared(tmp_path)
    async with opened(engine_of(tmp_path, spare)) as engine:
        heard: list[tuple[str, str, str]] = []
        engine.on_trouble = lambda *trouble: heard.append(trouble)
        space = engine.namespace("a")
        assert await space.get("x") == 2
        await space.set("waits", 1)
        with (tmp_path / "hub.db").open("r+b") as file:
            file.write(b"\x99" * 20_000)
        assert await engine.check() == "it was replaced by the spare one"
        assert heard == [("repaired", "hub.db", "it was replaced by the spare one")]
        assert "it was replaced by the spare one" in caplog.text
        assert (await space.get("x"), await space.get("waits")) == (1, 1)
        assert await engine.check() == ""
    async with opened(sqlite(tmp_path)) as engine:
        assert dict(await engine.namespace("a").list()) == {"x": 1, "y": 1, "waits": 1}


async def test_damage_that_a_backup_finds_is_told_and_nothing_old_is_remembered(tmp_path: Path) -> None:
    spare = await spared(tmp_path)
    async with opened(engine_of(tmp_path, spare)) as engine:
        heard: list[tuple[str, str, str]] = []
        engine.on_trouble = lambda *trouble: heard.append(trouble)
        space = engine.namespace("a")
        assert await space.get("x") == 2
        engine._file._file._let_go()  # as after an error of the disk
        with (tmp_path / "hub.db").open("r+b") as file:
            file.write(b"\x99" * 20_000)
        target = sqlite3.connect(":memory:", check_same_thread=False)
        await engine.backup(target)
        target.close()
        assert heard == [("repaired", "hub.db", "it was replaced by the spare one")]
        assert engine._rows.cache._rows == {}
        assert await space.get("x") == 1


async def test_without_a_repair_it_says_what_is_wrong_and_goes_on_from_memory(tmp_path: Path) -> None:
    await spared(tmp_path)
    engine = sqlite(tmp_path)
    await engine.open()
    space = engine.namespace("a")
    assert await space.get("x") == 2
    with (tmp_path / "hub.db").open("r+b") as file:
        file.write(b"\x99" * 20_000)
    with pytest.raises(StorageError, match="is not a SQLite file"):
        await engine.check()
    with pytest.raises(StorageError):
        await space.set("x", 3, durable=True)
    assert await space.get("x") == 3
    with pytest.raises(StorageError, match="could not be kept when the hub stopped"):
        await engine.close()


async def test_a_connection_that_broke_is_made_anew_when_the_disk_is_back(tmp_path: Path) -> None:
    async with opened(sqlite(tmp_path)) as engine:
        space = engine.namespace("a")
        await space.set("x", 1, durable=True)
        engine._file._file._let_go()  # as after an error of the disk
        elsewhere = tmp_path / "elsewhere"
        elsewhere.mkdir()
        for one in list(tmp_path.glob("hub.db*")):
            one.rename(elsewhere / one.name)
        with pytest.raises(StorageError, match="is gone; bring its disk back"):
            await space.set("x", 2, durable=True)
        assert (await space.get("x"), engine.stats().failure != "") == (2, True)
        for one in elsewhere.iterdir():
            one.rename(tmp_path / one.name)
        await space.set("y", 3, durable=True)
        assert engine.stats().failure == ""
    async with opened(sqlite(tmp_path)) as engine:
        assert dict(await engine.namespace("a").list()) == {"x": 2, "y": 3}


async def test_who_watches_hears_of_what_expired_while_the_file_could_not_be_read(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    clock = ManualClock()
    async with opened(sqlite(tmp_path, clock)) as engine:
        heard: list[tuple[str, object]] = []
        space = engine.namespace("a")
        space.watch("", lambda key, value: heard.append((key, value)))
        await space.set("key", 1, ttl=5, durable=True)
        await tell(engine, "DROP INDEX kv_expires")
        await tell(engine, "ALTER TABLE kv RENAME TO lost")
        await clock.advance(5)
        told = f"cannot read storage {tmp_path / 'hub.db'}: no such table: kv; what has expired stays in it for now"
        await eventually(lambda: caplog.messages == [told])
        await clock.advance(29)
        await tell(engine, "ALTER TABLE lost RENAME TO kv")  # behind whatever it asks for
        await settle()
        assert (caplog.messages, heard) == ([told], [("key", 1)])
        await clock.advance(1)
        await eventually(lambda: heard == [("key", 1), ("key", None)])


async def test_a_fault_that_nobody_thought_of_does_not_end_the_writing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    clock = ManualClock()
    async with opened(sqlite(tmp_path, clock)) as engine:
        space = engine.namespace("a")
        with monkeypatch.context() as patch:

            def faulty(*, is_last: bool) -> list[object]:
                raise MemoryError(is_last)

            patch.setattr(engine._log, "lift", faulty)
            with pytest.raises(StorageError, match=r"cannot write .*hub.db: MemoryError"):
                await space.set("key", 1, durable=True)
        await clock.advance(60)
        await eventually(lambda: not engine.stats().failure)
        await space.set("more", 2, durable=True)
    assert list(on_disk(tmp_path)) == ["key", "more"]
