"""Opening the file: what is wrong with it is one sentence, and it stays as it is."""

import os
import sqlite3
import stat
from contextlib import closing
from pathlib import Path

import pytest

from hub.errors import StorageError
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


async def test_only_the_owner_may_read_it_and_its_folder_is_made(tmp_path: Path) -> None:
    path = await filled(tmp_path / "deep" / "folder")
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert [one.name for one in path.parent.iterdir()] == ["hub.db"]


async def test_every_commit_is_an_fsync_into_the_log(tmp_path: Path) -> None:
    async with opened(sqlite(tmp_path)) as engine:
        assert engine._connection is not None
        found = [
            tuple(*await engine._connection.execute_fetchall(f"PRAGMA {name}"))
            for name in ("journal_mode", "synchronous", "user_version")
        ]
    assert found == [("wal",), (2,), (1,)]


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


async def test_damage_in_the_middle_is_found_when_it_is_read(tmp_path: Path) -> None:
    path = await filled(tmp_path)
    content = bytearray(path.read_bytes())
    content[8192:-4096] = b"\x55" * len(content[8192:-4096])
    path.write_bytes(content)
    async with opened(sqlite(tmp_path)) as engine:
        with pytest.raises(StorageError, match=r"cannot read storage .*hub.db: it is damaged; keep a copy"):
            await engine.namespace("a").list()


async def test_damage_in_the_middle_is_found_at_once_after_an_unclean_end(tmp_path: Path) -> None:
    path = await filled(tmp_path)
    content = bytearray(path.read_bytes())
    content[8192:-4096] = b"\x55" * len(content[8192:-4096])
    path.write_bytes(content)
    (tmp_path / "hub.db-wal").touch()
    text = await refusal(tmp_path)
    assert text.startswith(f"storage {path} is damaged (")
    assert text.endswith("; keep a copy of it and restore a backup")
    assert path.read_bytes() == content


async def test_a_newer_hubs_file_is_refused_untouched(tmp_path: Path) -> None:
    path = await filled(tmp_path)
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("PRAGMA user_version = 7")
    content = path.read_bytes()
    assert await refusal(tmp_path) == (
        f"storage {path} was written by a newer hub (schema 7, this hub knows 1);"
        " start that hub again, or restore a backup made with this one"
    )
    assert path.read_bytes() == content


async def test_another_programs_database_is_refused_untouched(tmp_path: Path) -> None:
    path = tmp_path / "hub.db"
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("CREATE TABLE recipes (name TEXT)")
    content = path.read_bytes()
    assert await refusal(tmp_path) == f"{path} belongs to another program; name another file in [storage] path"
    assert path.read_bytes() == content


async def test_a_second_hub_on_the_same_file_is_refused(tmp_path: Path) -> None:
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
