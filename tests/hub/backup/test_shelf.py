"""The backups there are, and the registry out of the newest good one."""

import asyncio
import shutil
import sqlite3
from contextlib import closing
from functools import partial
from pathlib import Path

import pytest

from hub.backup.rescue import Rescue
from hub.backup.shelf import keep_registry, list_backups, rescue_registry
from hub.errors import BackupError, StorageError
from hub.storage.file import open_file
from hub.storage.sqlite import SqliteEngine
from hub.tasks import TaskGroup
from tests.hub.backup.homes import back_up, home, keep, kept


def test_a_folder_that_is_not_there_has_none(tmp_path: Path) -> None:
    assert list_backups(tmp_path / "none") == []
    assert rescue_registry(tmp_path / "none", tmp_path / "hub.db") is None


def test_newest_first_and_what_is_wrong_last(tmp_path: Path) -> None:
    one, shelf = home(tmp_path / "home"), tmp_path / "shelf"
    made = [back_up(one, shelf).file for _ in range(3)]
    (shelf / "notes.txt").write_text("mine")
    (shelf / "broken.hubbackup").write_text("broken")
    found = list_backups(shelf)
    assert [info.file for info in found] == [*reversed(made), str(shelf / "broken.hubbackup")]
    assert found[-1].problem == f"{shelf / 'broken.hubbackup'} is not a backup of a hub"


def test_the_registry_comes_out_of_the_newest_that_is_good(tmp_path: Path) -> None:
    one, shelf = home(tmp_path / "home"), tmp_path / "shelf"
    good = back_up(one, shelf)
    keep(one.registry, lamp="Newer name")
    damaged = Path(back_up(one, shelf).file)
    content = bytearray(damaged.read_bytes())
    content[len(content) // 2] ^= 1
    damaged.write_bytes(content)
    rescued = rescue_registry(shelf, tmp_path / "rescued.db")
    assert rescued is not None
    assert (rescued.file, rescued.made) == (good.file, good.made)
    assert (tmp_path / "rescued.db").stat().st_mode & 0o777 == 0o600
    assert kept(tmp_path / "rescued.db") == {"lamp": "Hall lamp"}
    assert sorted(path.name for path in tmp_path.iterdir()) == ["home", "rescued.db", "shelf"]


def test_before_a_change_of_schema_the_registry_is_kept(tmp_path: Path) -> None:
    one = home(tmp_path / "home")
    folder = one.data / "backups"
    made = keep_registry(one.registry, folder, "before-schema-2")
    assert made.name.endswith("-before-schema-2.hubbackup")
    assert folder.stat().st_mode & 0o777 == 0o700
    assert made.stat().st_mode & 0o777 == 0o600
    keep(one.registry, lamp="Changed")
    rescued = rescue_registry(folder, one.registry)
    assert rescued is not None
    assert rescued.file == str(made)
    assert kept(one.registry) == {"lamp": "Hall lamp"}


def test_an_upgrade_that_is_tried_again_and_again_does_not_fill_the_disk(tmp_path: Path) -> None:
    one = home(tmp_path / "home")
    folder = one.data / "backups"
    others = [keep_registry(one.registry, folder, "before-schema-1"), Path(back_up(one, folder).file)]
    made = [keep_registry(one.registry, folder, "before-schema-2") for _ in range(6)]
    assert {*folder.iterdir()} == {*others, *made[-3:]}


def flipped(path: Path) -> Path:
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)
    return path


def test_when_none_is_good_the_newest_one_s_fault_is_told(tmp_path: Path) -> None:
    one, shelf = home(tmp_path / "home"), tmp_path / "shelf"
    old, new = [flipped(Path(back_up(one, shelf).file)) for _ in range(2)]
    with pytest.raises(BackupError, match=f"no backup in {shelf} can be used: .*{new.name} is not good"):
        rescue_registry(shelf, tmp_path / "rescued.db")
    shelf.rename(tmp_path / "backups")
    with pytest.raises(StorageError, match=f"is damaged, and it cannot be mended: no backup in .*{new.name}"):
        Rescue(tmp_path).repair(tmp_path / "hub.db", "hub.db is damaged; keep it")
    assert old != new


def test_the_registry_needs_room_for_itself_only(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    one = home(tmp_path / "home")
    (one.data / "large").write_bytes(bytes(20_000_000))
    made = back_up(one, tmp_path / "shelf")
    usage = shutil.disk_usage(tmp_path)._replace(free=10_000_000)
    monkeypatch.setattr(shutil, "disk_usage", lambda _folder: usage)
    rescued = rescue_registry(tmp_path / "shelf", tmp_path / "rescued.db")
    assert rescued is not None
    assert rescued.file == made.file


def test_a_damaged_registry_of_an_older_schema_is_mended_and_then_upgraded(tmp_path: Path) -> None:
    one = home(tmp_path / "home")
    keep(one.registry, **{f"device-{number}": "x" * 500 for number in range(200)})
    with closing(sqlite3.connect(one.registry)) as db:
        db.execute("DROP TABLE log")
        db.execute("PRAGMA user_version = 2")
    keep_registry(one.registry, one.data / "backups", "before")
    content = bytearray(one.registry.read_bytes())
    content[1024 * 20 : 1024 * 40] = b"\x55" * 1024 * 20
    one.registry.write_bytes(content)
    rescue = Rescue(one.data)

    async def upgraded() -> tuple[object, str]:
        engine = SqliteEngine(
            one.registry,
            tasks=TaskGroup("test"),
            opener=partial(open_file, before_upgrade=rescue.keep),
            repair=rescue.repair,
        )
        await engine.open()
        try:
            return await engine.namespace("devices").get("lamp"), engine.stats().repaired
        finally:
            await engine.close()

    found, told = asyncio.run(upgraded())
    assert found == "Hall lamp"
    assert "restored from" in told
    assert (one.data / "hub.db.damaged-1").exists()
    assert [*(one.data / "backups").glob("*before-schema-2*")]
