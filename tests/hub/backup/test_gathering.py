"""What cannot be read is missing in a backup and told; all the rest is in it."""

import asyncio
import os
import socket
import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from hub.backup.archive import Manifest, read_manifest
from hub.backup.desk import BackupDesk
from hub.backup.gathering import Home
from hub.backup.making import Order, make
from hub.backup.trial import workplace
from hub.errors import BackupError, StorageError
from hub.storage.sqlite import SqliteEngine
from hub.tasks import TaskGroup
from tests.hub.backup.homes import back_up, home, quiet

RADIO = "plugins/radio/radio.db"
ALWAYS = {"hub.db", "hub.toml", "automations/bell.py"}


def manifest(one: Home, folder: Path) -> Manifest:
    """Of a new backup; the answer says the same as the backup."""
    made = back_up(one, folder)
    found = read_manifest(Path(made.file), "")
    assert made.missing == found.missing
    return found


def names(found: Manifest) -> set[str]:
    return {part.name for part in found.parts}


def damage_pages(path: Path) -> None:
    with closing(sqlite3.connect(path)) as db:
        db.executemany("INSERT INTO network VALUES (?, 1)", [("x" * 500,)] * 200)
        db.commit()
    content = bytearray(path.read_bytes())
    content[4096 * 2 : 4096 * 6] = b"\x55" * 4096 * 4
    path.write_bytes(content)


def damage_header(path: Path) -> None:
    content = bytearray(path.read_bytes())
    content[16:100] = b"\xff" * 84
    path.write_bytes(content)


@pytest.mark.parametrize("damage", [damage_pages, damage_header])
def test_a_damaged_database_of_a_plugin_is_missing_and_all_else_is_there(
    tmp_path: Path, damage: Callable[[Path], None]
) -> None:
    one = home(tmp_path / "home")
    damage(one.data / RADIO)
    found = manifest(one, tmp_path / "shelf")
    assert names(found) == ALWAYS
    assert [*found.missing] == [RADIO]
    assert "damaged" in found.missing[RADIO] or "not a database" in found.missing[RADIO]


def test_a_database_that_another_keeps_locked_is_missing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("hub.backup.databases._PATIENCE_S", 0.05)
    one = home(tmp_path / "home")
    with closing(sqlite3.connect(one.data / RADIO)) as db:
        db.execute("PRAGMA locking_mode = EXCLUSIVE")
        db.execute("BEGIN EXCLUSIVE")
        found = manifest(one, tmp_path / "shelf")
    assert names(found) == ALWAYS
    assert "locked" in found.missing[RADIO]


def test_what_was_set_aside_or_waits_to_take_its_place_is_not_in_it(tmp_path: Path) -> None:
    one = home(tmp_path / "home")
    rubbish = b"SQLite format 3\0" + b"\xff" * 9000
    for name in ("hub.db.damaged-1", "telemetry.db.damaged-2", "plugins/radio/radio.db.damaged"):
        (one.data / name).write_bytes(rubbish)
    for name in ("hub.db.new", ".hub.db.4711", "telemetry.db.salvage", "telemetry.db.salvage-wal"):
        (one.data / name).write_bytes(rubbish)
    found = manifest(one, tmp_path / "shelf")
    assert names(found) == {*ALWAYS, RADIO}
    assert found.left_out == ["hub.db.damaged-1", "telemetry.db.damaged-2", "plugins/radio/radio.db.damaged"]
    assert found.missing == {}


def test_odd_names_and_odd_files_break_nothing(tmp_path: Path) -> None:
    one = home(tmp_path / "home")
    (one.data / "plugins" / "radio" / "gone.db-wal").write_bytes(b"left over")
    os.mkfifo(one.data / "pipe")
    (one.data / "pipe-wal").write_bytes(b"not the log of a pipe")
    Path(os.fsdecode(os.fsencode(one.data) + b"/\xff.txt")).write_text("no text in its name")
    Path(os.fsdecode(os.fsencode(one.data) + b"/\xfe.link")).symlink_to("/")
    (one.data / "mine").mkdir()
    (one.data / "mine" / "a.hubbackup").write_text("another backup")
    (one.data / "mine" / "logs").mkdir()
    (one.data / "mine" / "logs" / "book").write_text("of a plugin")
    with closing(socket.socket(socket.AF_UNIX)) as door:
        door.bind(str(one.data / "s"))
        found = manifest(one, tmp_path / "shelf")
    assert names(found) == {*ALWAYS, RADIO, "plugins/radio/gone.db-wal", "pipe-wal", "mine/logs/book"}
    assert {*found.left_out} == {"pipe", "s", r"\udcfe.link"}
    assert found.missing == {r"\udcff.txt": "its name is too long or no text"}


def test_what_the_system_does_not_give_is_missing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    one, scandir, opened = home(tmp_path / "home"), os.scandir, Path.open

    def sick_scandir(path: Any) -> Any:  # noqa: ANN401 - as the system's
        if str(path).endswith("/automations"):
            raise PermissionError(13, "Permission denied", str(path))
        return scandir(path)

    def sick_open(path: Path, *words: Any, **named: Any) -> Any:  # noqa: ANN401 - as the system's
        if path.name == "note":
            raise OSError(5, "Input/output error", str(path))
        return opened(path, *words, **named)

    (one.data / "plugins" / "radio" / "note").write_text("on a bad sector")
    monkeypatch.setattr(os, "scandir", sick_scandir)
    monkeypatch.setattr(Path, "open", sick_open)
    found = manifest(one, tmp_path / "shelf")
    assert names(found) == {"hub.db", "hub.toml", RADIO}
    assert found.missing == {"automations": "Permission denied", "plugins/radio/note": "Input/output error"}


def test_what_goes_while_it_is_copied_is_not_missed(tmp_path: Path) -> None:
    one = home(tmp_path / "home")

    def tell(text: str, _done: float) -> None:
        if text in {"copying bell.py", "copying radio.db"}:
            (one.data / "automations" / "bell.py").unlink(missing_ok=True)
            (one.data / RADIO).unlink(missing_ok=True)

    (tmp_path / "shelf").mkdir()
    with workplace(tmp_path / "shelf") as work:
        made = make(one, Order(tmp_path / "shelf", work), tell)
    assert names(read_manifest(Path(made.file), "")) == {"hub.db", "hub.toml"}
    assert made.missing == {}


def test_a_full_disk_is_no_reason_to_leave_something_out(tmp_path: Path) -> None:
    one = home(tmp_path / "home")
    with workplace(tmp_path) as work:
        (work / "1").symlink_to("/dev/full")  # where the first file is copied to
        with pytest.raises(BackupError, match=r"cannot be made: No space left on device"):
            make(one, Order(tmp_path / "shelf", work), quiet)
    assert not (tmp_path / "shelf").exists()


class SickJournal:
    """Cannot be copied."""

    async def backup(self, target: sqlite3.Connection) -> None:
        """Fail as a file on a sick disk does."""
        await asyncio.to_thread(lambda: target.execute("CREATE TABLE half (written)").close())
        raise StorageError("cannot copy storage telemetry.db: the disk failed or is full; look at its space and health")


async def test_a_running_hub_is_backed_up_without_its_sick_journal(tmp_path: Path) -> None:
    one = await asyncio.to_thread(home, tmp_path / "home")
    tasks = TaskGroup("test")
    engine = SqliteEngine(one.registry, tasks=tasks)
    await engine.open()
    try:
        desk = BackupDesk(lambda: one, dict, engine, SickJournal(), tasks)
        steps = [step async for step in desk.create(telemetry=True)]
        made = steps[-1].backup
        assert made is not None
        assert [*made.missing] == ["telemetry.db"]
        assert "the disk failed" in made.missing["telemetry.db"]
        assert (await desk.verify(made.file)).missing == made.missing
    finally:
        await engine.close()
        await tasks.cancel()


def test_engines_of_one_name_from_two_folders_do_not_meet(tmp_path: Path) -> None:
    one = home(tmp_path / "home")
    places = [tmp_path / name / "x.db" for name in ("a", "b")]
    for place in places:
        place.parent.mkdir()
    one.registry.rename(places[0])
    with closing(sqlite3.connect(places[1])) as db:
        db.execute("CREATE TABLE batch (x)")
    afar = Home("Cottage", one.data, places[0], places[1])
    (tmp_path / "shelf").mkdir()
    with workplace(tmp_path) as work, pytest.raises(BackupError, match=r"part elsewhere/2-x\.db is not opened"):
        make(afar, Order(tmp_path / "shelf", work, telemetry=True), quiet)


def test_nobody_else_can_read_it_while_it_is_written(tmp_path: Path) -> None:
    one = home(tmp_path / "home")
    modes: set[int] = set()
    shelf = tmp_path / "shelf"
    shelf.mkdir()

    def tell(_text: str, _done: float) -> None:
        modes.update(part.stat().st_mode & 0o777 for part in shelf.glob(".*.part"))

    with workplace(tmp_path) as work:
        make(one, Order(shelf, work), tell)
    assert modes == {0o600}
