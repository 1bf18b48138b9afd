"""What gets into a backup and what does not: of a hub that runs, one that is stopped, one with its files afar."""

import asyncio
import os
import shutil
import sqlite3
import sys
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

import msgspec
import pytest

from hub import config
from hub.backup.archive import Manifest, read, read_manifest
from hub.backup.desk import BackupDesk
from hub.backup.gathering import Home
from hub.backup.making import Order, make
from hub.backup.shelf import list_backups
from hub.backup.trial import Folder, verify, workplace
from hub.clock import SystemClock
from hub.errors import BackupError
from hub.storage.sqlite import SqliteEngine
from hub.tasks import TaskGroup
from tests.harness import Process
from tests.hub.backup.homes import back_up, home, keep, kept, quiet


def unpacked(file: str, folder: Path) -> Path:
    read(Path(file), "", Folder(folder), quiet)
    return folder


def test_a_home_is_whole_in_it(tmp_path: Path) -> None:
    one = home(tmp_path / "home")
    made = back_up(one, tmp_path / "backups")
    out = unpacked(made.file, tmp_path / "out")
    assert kept(out / "hub.db") == {"lamp": "Hall lamp"}
    assert (out / "automations" / "bell.py").read_text() == (one.data / "automations" / "bell.py").read_text()
    assert (out / "hub.toml").exists()
    with closing(sqlite3.connect(out / "plugins" / "radio" / "radio.db")) as db:
        assert db.execute("SELECT * FROM network").fetchall() == [("00112233", 4711)]
    assert not (out / "logs").exists()
    assert made.hub == "Cottage"
    assert Path(made.file).stat().st_mode & 0o777 == 0o600
    assert [one.name for one in (tmp_path / "backups").iterdir()] == [Path(made.file).name]


def test_a_database_is_whole_though_another_writes_to_it(tmp_path: Path) -> None:
    one = home(tmp_path / "home")
    with closing(sqlite3.connect(one.data / "plugins" / "radio" / "radio.db")) as db:
        db.execute("UPDATE network SET counter = 4712")
        db.commit()
        db.execute("UPDATE network SET counter = 1")  # not committed, and not in it
        made = back_up(one, tmp_path / "backups")
    out = unpacked(made.file, tmp_path / "out")
    with closing(sqlite3.connect(out / "plugins" / "radio" / "radio.db")) as db:
        assert db.execute("SELECT counter FROM network").fetchall() == [(4712,)]
    names = {part.name for part in read_manifest(Path(made.file), "").parts}
    assert not [name for name in names if name.endswith(("-wal", "-shm"))]


def test_links_and_sockets_are_named_and_marks_are_not_taken(tmp_path: Path) -> None:
    one = home(tmp_path / "home")
    (one.data / "plugins" / "radio" / "tty").symlink_to("/dev/null")
    (one.data / "shared").symlink_to(tmp_path)
    (one.data / "plugins" / "radio" / "restored").write_text("{}")
    (one.data / "backups").mkdir()
    (one.data / "backups" / "old.hubbackup").write_text("old")
    found = read_manifest(Path(back_up(one, tmp_path / "backups").file), "")
    assert sorted(found.left_out) == ["plugins/radio/tty", "shared"]
    names = {part.name for part in found.parts}
    assert names == {"hub.db", "hub.toml", "automations/bell.py", "plugins/radio/radio.db"}


def test_files_from_elsewhere_are_told_and_secrets_there_stay_there(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("HUB_CONFIG", raising=False)
    data, etc = home(tmp_path / "home").data, tmp_path / "etc"
    (data / "hub.db").rename(tmp_path / "registry.db")
    (etc / "hub.d").mkdir(parents=True)
    (etc / "hub.toml").write_text(
        f'[storage]\npath = "{tmp_path / "registry.db"}"\n[plugin.api_gateway]\nx = {{ from_file = "far.secret" }}\n'
    )
    (etc / "hub.d" / "more.toml").write_text('[plugin.mqtt]\npassword = { from_file = "../../home/near.secret" }\n')
    (etc / "far.secret").write_text("far away")
    (data / "near.secret").write_text("near by")
    one = Home.of(config.load(etc / "hub.toml", environ={}, data=data))
    made = back_up(one, tmp_path / "backups")
    parts = {part.name: part for part in read_manifest(Path(made.file), "").parts}
    origins = {name: part.origin for name, part in parts.items() if part.origin}
    assert origins == {
        "elsewhere/registry.db": str(tmp_path / "registry.db"),
        "elsewhere/hub.toml": str(etc / "hub.toml"),
        "elsewhere/more.toml": str(etc / "hub.d" / "more.toml"),
    }
    assert parts["elsewhere/registry.db"].kind == "registry"
    assert "near.secret" in parts
    assert not [name for name in parts if "far" in name]


def test_where_no_hub_is_nothing_is_made(tmp_path: Path) -> None:
    (tmp_path / "home").mkdir()
    one = Home("Home", tmp_path / "home", tmp_path / "home" / "hub.db", tmp_path / "home" / "telemetry.db")
    with pytest.raises(BackupError, match="there is no hub in"):
        back_up(one, tmp_path / "backups")
    assert [*(tmp_path / "backups").iterdir()] == []


def test_a_damaged_database_makes_no_backup(tmp_path: Path) -> None:
    one = home(tmp_path / "home")
    keep(one.registry, **{f"device-{number}": "x" * 500 for number in range(200)})
    content = bytearray(one.registry.read_bytes())
    content[4096 * 3 : 4096 * 5] = bytes(4096 * 2)
    one.registry.write_bytes(content)
    with pytest.raises(BackupError, match=r"hub\.db"):
        back_up(one, tmp_path / "backups")
    assert [*(tmp_path / "backups").iterdir()] == []


def test_verify_tells_a_schema_that_lies_about_itself(tmp_path: Path) -> None:
    one = home(tmp_path / "home")
    made = back_up(one, tmp_path / "backups")
    verify(Path(made.file), "", tmp_path, quiet)
    with closing(sqlite3.connect(one.registry)) as db:
        db.execute("PRAGMA user_version = 999")
    with pytest.raises(BackupError, match=r"its registry has schema 999"):
        back_up(one, tmp_path / "backups")


async def test_a_running_engine_is_copied_with_what_it_has_not_written_yet(tmp_path: Path) -> None:
    one = await asyncio.to_thread(home, tmp_path / "home")
    tasks = TaskGroup("test")
    engine = SqliteEngine(one.registry, tasks=tasks, clock=SystemClock(), commit_window=60.0)
    await engine.open()
    try:
        store = engine.namespace("devices")
        await store.set("lamp", "Garden lamp")
        desk = BackupDesk(lambda: one, lambda: {"zigbee": "0.1.0"}, engine, engine, tasks)
        steps = [step async for step in desk.create()]
        await store.set("lamp", "Later")
        made = steps[-1].backup
        assert made is not None
        assert Path(made.file).parent == one.data / "backups"
        assert {step.text for step in steps} >= {"copying what is in use", "packing hub.db", "checking hub.db"}
        assert [msgspec.to_builtins(info) for info in await desk.list()] == [msgspec.to_builtins(made)]
        content = await desk.verify(made.file)
        assert content.plugins == {"zigbee": "0.1.0"}
        await asyncio.to_thread(unpacked, made.file, tmp_path / "out")
        with pytest.raises(BackupError, match="cannot hold backups"):
            [step async for step in desk.create(folder=f"{one.registry}/sub")]
    finally:
        await engine.close()
        await tasks.cancel()
    assert await asyncio.to_thread(kept, tmp_path / "out" / "hub.db") == {"lamp": "Garden lamp"}
    assert [path.name for path in (one.data / "backups").iterdir()] == [Path(made.file).name]


def test_the_command_line_backs_up_a_stopped_hub(spawn: Callable[..., Process], tmp_path: Path) -> None:
    one = home(tmp_path / "home")
    (tmp_path / "passphrase").write_text("right horse\n")

    def hub(*words: str, code: int = 0) -> str:
        done = spawn(sys.executable, "-m", "hub", "--data", str(one.data), "backup", *words, env={"COLUMNS": "200"})
        assert done.wait() == code, done.output
        assert "Traceback" not in done.output
        return done.output

    assert "a passphrase is needed" in hub("create", code=2)
    assert "is good" in hub("create", "--passphrase-file", str(tmp_path / "passphrase"))
    assert "encrypted" in hub("list")
    file = str(next((one.data / "backups").iterdir()))
    assert "automations/bell.py" in hub("show", file, "--passphrase-file", str(tmp_path / "passphrase"))
    stick = tmp_path / "stick"
    stick.mkdir()
    copy = str(shutil.copy(file, stick))
    changed = stick.stat().st_mtime_ns
    assert "is good" in hub("verify", copy, "--passphrase-file", str(tmp_path / "passphrase"))
    assert stick.stat().st_mtime_ns == changed  # what is unpacked, and not encrypted, was never there
    assert "is not empty" in hub("restore", file, "--passphrase-file", str(tmp_path / "passphrase"), code=1)
    assert "no hub is running" in hub("schedule", code=3)


def test_a_stick_that_is_pulled_out_is_told_and_hides_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    one, unlink = home(tmp_path / "home"), Path.unlink

    def gone(path: Path, *, missing_ok: bool = False) -> None:
        if path.name.endswith(".part"):
            raise OSError(19, "No such device", str(path))
        unlink(path, missing_ok=missing_ok)

    def tell(text: str, _done: float) -> None:
        if text.startswith("packing"):
            raise OSError(5, "Input/output error")

    (tmp_path / "stick").mkdir()
    monkeypatch.setattr(Path, "unlink", gone)
    with workplace(tmp_path) as work, pytest.raises(BackupError, match="cannot be written: Input/output error"):
        make(one, Order(tmp_path / "stick", work), tell)
    assert list_backups(tmp_path / "stick") == []


def test_what_cannot_be_tidied_up_takes_nothing_from_a_backup(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    one, rmdir = home(tmp_path / "home"), os.rmdir

    def sick(path: Any, *words: Any, **named: Any) -> None:  # noqa: ANN401 - as the system's
        if str(path) == "home" or str(path).endswith("/home"):
            raise OSError(5, "Input/output error", path)
        rmdir(path, *words, **named)

    with monkeypatch.context() as patched:
        patched.setattr(os, "rmdir", sick)
        made = back_up(one, tmp_path / "shelf")
    verify(Path(made.file), "", tmp_path, quiet)


def test_what_another_left_there_long_ago_does_not_matter(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    one, unlink = home(tmp_path / "home"), Path.unlink
    stale = tmp_path / "shelf" / ".other-19700101-000000.hubbackup.part"
    stale.parent.mkdir()
    stale.write_text("half")
    os.utime(stale, (0, 0))

    def refused(path: Path, *, missing_ok: bool = False) -> None:
        if path == stale:
            raise PermissionError(1, "Operation not permitted", str(path))
        unlink(path, missing_ok=missing_ok)

    with monkeypatch.context() as patched:
        patched.setattr(Path, "unlink", refused)
        back_up(one, stale.parent)
    back_up(one, stale.parent)
    assert not stale.exists()
    assert len(list_backups(stale.parent)) == 2


async def test_what_is_unpacked_on_trial_never_lies_beside_the_backup(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    one = await asyncio.to_thread(home, tmp_path / "home")
    made = await asyncio.to_thread(back_up, one, tmp_path / "stick", "right horse")
    (one.data / "backups").mkdir()
    places: list[Path] = []
    begin = Folder.begin

    def watched(folder: Folder, manifest: Manifest) -> None:
        begin(folder, manifest)
        places.extend(path.parent for path in tmp_path.rglob(".work-*"))

    monkeypatch.setattr(Folder, "begin", watched)
    tasks = TaskGroup("test")
    engine = SqliteEngine(tmp_path / "unused.db", tasks=tasks)
    desk = BackupDesk(lambda: one, dict, engine, engine, tasks)
    assert (await desk.verify(made.file, "right horse")).hub == "Cottage"
    assert places == [one.data / "backups"]
