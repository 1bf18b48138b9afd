"""Opening the file: what is wrong with it is one sentence, and it stays as it is."""

import os
import re
import shutil
import sqlite3
import stat
from contextlib import closing
from pathlib import Path

import pytest

from hub.errors import StorageError
from hub.storage.file import explain, is_broken, is_damage, open_file, renew
from hub.testing import ManualClock
from tests.hub.storage.engines import opened, sqlite


async def filled(folder: Path) -> Path:
    async with opened(sqlite(folder)) as engine:
        await engine.namespace("a").set_many({f"{number:04}": os.urandom(2000) for number in range(500)})
    return folder / "hub.db"


async def refusal(folder: Path) -> str:
    engine = sqlite(folder)
    with pytest.raises(StorageError) as caught:
        await engine.open()
    await engine.close()
    return str(caught.value)


def check_damage_is_told(path: Path, text: str) -> None:
    """What SQLite says between the brackets differs from version to version."""
    begin, end = f"storage {path} is damaged (", "); keep a copy of it and restore a backup"
    assert text.startswith(begin)
    assert text.endswith(end)
    words = text[len(begin) : -len(end)]
    assert re.search("[A-Za-z]{3}", words)
    assert not [odd for odd in ("***", "\n", "None") if odd in words]


async def test_only_the_owner_may_read_it_and_its_folder_is_made(tmp_path: Path) -> None:
    path = await filled(tmp_path / "deep" / "folder")
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert [one.name for one in path.parent.iterdir()] == ["hub.db"]


async def test_every_commit_is_an_fsync_into_the_log(tmp_path: Path) -> None:
    async with opened(sqlite(tmp_path)) as engine:
        found = [
            tuple(*await engine._file.fetch(f"PRAGMA {name}"))
            for name in ("journal_mode", "synchronous", "user_version")
        ]
    assert found == [("wal",), (2,), (3,)]


@pytest.mark.parametrize("content", [b"this is my shopping list\n" * 100, b"\0" * 8192, b"x"])
async def test_a_file_that_is_not_sqlite_is_refused_untouched(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "hub.db"
    path.write_bytes(content)
    assert await refusal(tmp_path) == (
        f"cannot open storage {path}: it is not a SQLite file; move it away or name another one in [storage] path"
    )
    assert path.read_bytes() == content


async def test_a_truncated_file_is_refused_untouched(tmp_path: Path) -> None:
    path = await filled(tmp_path)
    content = path.read_bytes()[:70_000]
    path.write_bytes(content)
    assert "it is damaged; keep a copy of it and restore a backup" in await refusal(tmp_path)
    assert path.read_bytes() == content


async def test_damage_in_the_middle_is_found_at_once(tmp_path: Path) -> None:
    path = await filled(tmp_path)
    content = bytearray(path.read_bytes())
    content[8192:-4096] = b"\x55" * len(content[8192:-4096])
    path.write_bytes(content)
    check_damage_is_told(path, await refusal(tmp_path))
    assert path.read_bytes() == content


async def test_a_newer_hubs_file_is_refused_untouched(tmp_path: Path) -> None:
    path = await filled(tmp_path)
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("PRAGMA user_version = 7")
    content = path.read_bytes()
    assert await refusal(tmp_path) == (
        f"storage {path} was written by a newer hub (schema 7, this hub knows 3);"
        " start that hub again, or restore a backup made with this one"
    )
    assert path.read_bytes() == content


@pytest.mark.parametrize(
    ("place", "number", "damage"),
    [
        (60, 1003, "its header"),
        (60, 2**31 - 1, "its header"),
        (60, 2**32 - 1, "its header"),
        (44, 9, "unsupported file format"),
    ],
    ids=["far too new", "the newest", "less than none", "format"],
)
async def test_nonsense_in_the_header_is_damage_and_not_a_newer_hubs(
    tmp_path: Path, place: int, number: int, damage: str
) -> None:
    path = await filled(tmp_path)
    content = bytearray(path.read_bytes())
    content[place : place + 4] = number.to_bytes(4)
    path.write_bytes(content)
    text = f"storage {path} is damaged ({damage}); keep a copy of it and restore a backup"
    assert await refusal(tmp_path) == text
    assert path.read_bytes() == content


@pytest.mark.parametrize("version", [7, 1002])
async def test_a_newer_hubs_file_that_is_damaged_is_told_as_that(tmp_path: Path, version: int) -> None:
    path = await filled(tmp_path)
    content = bytearray(path.read_bytes())
    content[60:64] = version.to_bytes(4)
    path.write_bytes(content)
    assert "was written by a newer hub" in await refusal(tmp_path)
    content[8192:-4096] = b"\x55" * len(content[8192:-4096])
    path.write_bytes(content)
    text = f"storage {path} is damaged (its header); keep a copy of it and restore a backup"
    assert await refusal(tmp_path) == text


V1 = """
    CREATE TABLE kv (namespace TEXT NOT NULL, key TEXT NOT NULL, value BLOB NOT NULL, PRIMARY KEY (namespace, key))
    WITHOUT ROWID;
    INSERT INTO kv VALUES ('a', 'key', x'01'), ('a', 'other', x'a474657874'), ('b', 'key', x'c0');
    PRAGMA user_version = 1;
"""


def made_by_version_1(folder: Path, more: str = "") -> Path:
    path = folder / "hub.db"
    with closing(sqlite3.connect(path)) as connection:
        connection.executescript(V1 + more)
    return path


async def test_a_file_of_version_1_is_upgraded_with_all_it_holds(tmp_path: Path) -> None:
    path = made_by_version_1(tmp_path)
    clock = ManualClock()
    async with opened(sqlite(tmp_path, clock)) as engine:
        assert await engine.namespace("a").list() == [("key", 1), ("other", "text")]
        assert await engine.namespace("b").list() == [("key", None)]
        await engine.namespace("a").set("short", 1, ttl=5)
    async with opened(sqlite(tmp_path, clock)) as engine:
        await clock.advance(5)
        assert await engine.namespace("a").list() == [("key", 1), ("other", "text")]
    with closing(sqlite3.connect(path)) as connection:
        assert connection.execute("PRAGMA user_version").fetchone() == (3,)
        plan = connection.execute("EXPLAIN QUERY PLAN SELECT key FROM kv WHERE expires <= 1").fetchall()
    assert "kv_expires" in str(plan)


async def test_an_upgrade_that_fails_leaves_the_file_of_version_1(tmp_path: Path) -> None:
    path = made_by_version_1(tmp_path, "CREATE INDEX kv_expires ON kv (value);")
    assert "index kv_expires already exists" in await refusal(tmp_path)
    with closing(sqlite3.connect(path)) as connection:
        assert connection.execute("PRAGMA user_version").fetchone() == (1,)
        assert connection.execute("SELECT * FROM kv WHERE namespace = 'b'").fetchall() == [("b", "key", b"\xc0")]


async def test_a_file_whose_first_page_is_damaged_is_refused(tmp_path: Path) -> None:
    path = await filled(tmp_path)
    content = bytearray(path.read_bytes())
    content[4096:-4096] = b"\x55" * len(content[4096:-4096])
    path.write_bytes(content)
    assert "keep a copy of it and restore a backup" in await refusal(tmp_path)
    assert path.read_bytes() == content


@pytest.mark.parametrize("version", [0, 1, 2])
async def test_another_programs_database_is_refused_untouched(tmp_path: Path, version: int) -> None:
    path = tmp_path / "hub.db"
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("CREATE TABLE recipes (name TEXT)")
        connection.execute(f"PRAGMA user_version = {version}")
    content = path.read_bytes()
    assert await refusal(tmp_path) == f"{path} belongs to another program; name another file in [storage] path"
    assert path.read_bytes() == content


async def test_a_second_hub_on_the_same_file_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("hub.storage.file._BUSY_S", 0.01)
    async with opened(sqlite(tmp_path)) as first:
        assert "another process has it open; stop the other hub" in await refusal(tmp_path)
        await first.namespace("a").set("key", 1, durable=True)
        with pytest.raises(StorageError, match="is open already"):
            await first.open()


async def test_a_file_where_the_folder_should_be_is_a_sentence(tmp_path: Path) -> None:
    (tmp_path / "data").write_text("not a folder")
    text = await refusal(tmp_path / "data")
    assert text.startswith(f"storage {tmp_path / 'data' / 'hub.db'} cannot be opened: ")
    assert "name a folder that the hub's user may write, in [hub] data_dir or [storage] path" in text


async def test_a_folder_where_the_file_should_be_is_a_sentence(tmp_path: Path) -> None:
    (tmp_path / "hub.db").mkdir()
    assert "cannot be opened: Is a directory" in await refusal(tmp_path)


@pytest.mark.skipif(os.geteuid() == 0, reason="permissions do not bind root")
async def test_a_read_only_folder_is_a_sentence(tmp_path: Path) -> None:
    tmp_path.chmod(0o500)
    try:
        assert "cannot be opened: Permission denied" in await refusal(tmp_path)
    finally:
        tmp_path.chmod(0o700)


def test_a_new_file_is_made_unless_that_is_forbidden(tmp_path: Path) -> None:
    path = tmp_path / "hub.db"
    with pytest.raises(StorageError, match="is gone; bring its disk back"):
        open_file(path, may_make=False)
    with closing(open_file(path)) as connection:
        assert connection.execute("PRAGMA user_version").fetchone() == (3,)


async def test_what_a_power_cut_left_of_a_file_that_was_being_made_is_undone(tmp_path: Path) -> None:
    path, other = tmp_path / "hub.db", tmp_path / "other.db"
    with closing(sqlite3.connect(other)) as connection:
        connection.execute("PRAGMA cache_size = 1")
        connection.execute("BEGIN")
        connection.execute("CREATE TABLE t (x BLOB)")
        connection.executemany("INSERT INTO t VALUES (?)", [(bytes(2000),)] * 100)
        for end in ("", "-journal"):
            shutil.copyfile(f"{other}{end}", f"{path}{end}")
    assert path.stat().st_size > 100_000
    with path.open("r+b") as file:
        file.write(bytes(16))  # of its pages the first was not written yet
    async with opened(sqlite(tmp_path)) as engine:
        assert await engine.namespace("a").list() == []


def test_the_log_is_written_once_more_as_it_is(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path, log, content = tmp_path / "hub.db", tmp_path / "hub.db-wal", os.urandom(2_500_000)
    fsync, synced = os.fsync, list[os.stat_result]()

    def spy(file: int) -> None:
        synced.append(os.fstat(file))
        fsync(file)

    monkeypatch.setattr("hub.storage.file.os.fsync", spy)
    renew(path)
    assert not log.exists()
    log.write_bytes(content)
    os.utime(log, (1, 1))
    before = log.stat()
    renew(path)
    assert log.read_bytes() == content
    assert log.stat().st_mtime_ns != before.st_mtime_ns
    assert [(one.st_ino, one.st_mtime_ns != before.st_mtime_ns) for one in synced] == [(before.st_ino, True)]
    log.unlink()
    log.mkdir()
    with pytest.raises(StorageError, match=f"^cannot open storage {path}: the disk failed or is full; look at its"):
        renew(path)


def test_an_error_without_a_code_is_told_in_its_own_words() -> None:
    error = sqlite3.ProgrammingError("it is closed")
    assert explain("read", Path("hub.db"), error) == "cannot read storage hub.db: it is closed"
    assert not is_damage(error)
    assert not is_broken(error)
