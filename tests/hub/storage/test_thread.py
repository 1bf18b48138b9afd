"""The file in its thread: one after the other, and every failure says what could not be done."""

import asyncio
import sqlite3
import threading
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from hub.errors import StorageError
from hub.storage.file import open_file
from hub.storage.healing import HealingFile
from hub.storage.sqlite import SqliteEngine
from hub.storage.thread import FileThread
from hub.tasks import TaskGroup
from hub.testing import ManualClock, settle
from tests.harness import eventually
from tests.hub.storage.engines import opened, sqlite
from tests.hub.storage.test_file import check_damage_is_told, filled
from tests.hub.storage.test_sqlite import FULL, hold_commit
from tests.rig.connection import opener
from tests.rig.disk import Disk


def storage_threads() -> list[str]:
    return [one.name for one in threading.enumerate() if one.name.startswith("storage")]


async def test_all_is_done_in_one_thread_that_ends_with_the_engine(tmp_path: Path) -> None:
    tasks, works = TaskGroup("test"), list[asyncio.Task[Any]]()
    async with opened(sqlite(tmp_path, ManualClock())) as engine:
        reached, release = hold_commit(engine)
        works.append(tasks.start("write", engine.namespace("a").set("key", 1, durable=True)))
        await eventually(reached.is_set)
        works += (tasks.start("read", engine.namespace(name).list()) for name in ("a", "b"))
        await settle()
        assert storage_threads() == ["storage_0"]
        release.set()
        await eventually(lambda: all(work.done() for work in works))
    await eventually(lambda: storage_threads() == [])


async def test_who_comes_when_it_is_closed_is_told_so(tmp_path: Path) -> None:
    path = tmp_path / "hub.db"
    file = FileThread(path, lambda may_make: open_file(path, may_make=may_make))
    await file.open()
    await file.close()
    with pytest.raises(StorageError, match=f"^{path} was closed while somebody waited for it$"):
        await file.fetch("SELECT 1")


def test_a_file_is_used_only_between_its_opening_and_its_end(tmp_path: Path) -> None:
    path = tmp_path / "hub.db"
    file = HealingFile(path, lambda may_make: open_file(path, may_make=may_make))

    def refuses() -> None:
        with pytest.raises(StorageError) as refused:
            file.attempt("read", lambda _db: None)
        assert str(refused.value) == f"{path} is closed; it is there from the hub's start to its stop"

    refuses()
    file.open()
    assert file.attempt("read", lambda db: db.execute("SELECT 1").fetchall()) == [(1,)]
    file.close()
    file.close()
    refuses()


async def test_a_copy_that_has_no_room_says_so(tmp_path: Path) -> None:
    async with opened(sqlite(tmp_path)) as engine:
        await engine.namespace("a").set("key", bytes(20_000))
        with closing(sqlite3.connect(":memory:", check_same_thread=False)) as target:
            target.execute(FULL)
            with pytest.raises(StorageError, match=r"^cannot copy storage .*hub\.db: the disk is full; free some"):
                await engine.backup(target)


async def test_damage_that_a_look_through_finds_is_one_sentence(tmp_path: Path) -> None:
    path = await filled(tmp_path)
    async with opened(sqlite(tmp_path)) as engine:
        with path.open("r+b") as file:
            file.seek(8192)
            file.write(b"\x55" * 65_536)
        with pytest.raises(StorageError) as refused:
            await engine.check()
    check_damage_is_told(path, str(refused.value))


def test_damage_that_garbles_sqlites_own_words_is_one_sentence(tmp_path: Path) -> None:
    path = tmp_path / "hub.db"
    file = HealingFile(path, lambda may_make: open_file(path, may_make=may_make))
    file.open()
    with pytest.raises(StorageError) as refused:
        file.attempt("read", lambda _db: b"no such table: \x99".decode())
    file.close()
    check_damage_is_told(path, str(refused.value))


async def test_a_file_that_is_no_database_any_more_is_one_sentence(tmp_path: Path) -> None:
    path = await filled(tmp_path)
    async with opened(sqlite(tmp_path)) as engine:
        path.write_bytes(b"\x55" * path.stat().st_size)
        with pytest.raises(StorageError, match=r"^cannot read storage .*hub\.db: it is not a SQLite file; move"):
            await engine.check()


async def test_after_an_error_of_the_disk_the_file_is_opened_anew() -> None:
    disk, times = Disk(), list[bool]()
    open_it = opener(disk)

    def noted(path: Path, *, may_make: bool) -> sqlite3.Connection:
        times.append(may_make)
        return open_it(path, may_make=may_make)

    engine = SqliteEngine(disk.path("hub.db"), tasks=TaskGroup("hub"), clock=ManualClock(), opener=noted)
    async with opened(engine):
        space = engine.namespace("a")
        await space.set("key", 1, durable=True)
        disk.failing.add("sync")
        with pytest.raises(StorageError, match="the disk failed or is full"):
            await space.set("key", 2, durable=True)
        disk.mend()
        await space.set("key", 3, durable=True)
        assert times == [True, False]
