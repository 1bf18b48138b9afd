"""A new file takes a damaged one's place, and nothing of the damaged one comes with it."""

import shutil
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from hub.storage.aside import finish, set_aside, waiting


def rows(path: Path, text: str) -> None:
    with closing(sqlite3.connect(path)) as db:
        db.execute("CREATE TABLE t (id INTEGER PRIMARY KEY, x TEXT)")
        db.executemany("INSERT INTO t (x) VALUES (?)", [(text * 400,)] * 400)
        db.commit()


def test_what_an_unfinished_transaction_left_is_not_undone_in_the_new_file(tmp_path: Path) -> None:
    path, other = tmp_path / "hub.db", tmp_path / "other.db"
    rows(other, "old")
    with closing(sqlite3.connect(other)) as db:
        db.execute("PRAGMA cache_size = 1")
        db.execute("UPDATE t SET x = 'half'")
        for end in ("", "-journal"):  # as a power cut leaves them
            shutil.copyfile(f"{other}{end}", f"{path}{end}")
    rows(waiting(path), "new")
    aside = finish(path)
    assert aside == tmp_path / "hub.db.damaged-1"
    assert (tmp_path / "hub.db.damaged-1-journal").exists()
    with closing(sqlite3.connect(path)) as db:
        assert db.execute("SELECT DISTINCT x FROM t").fetchall() == [("new" * 400,)]
        assert db.execute("PRAGMA integrity_check").fetchall() == [("ok",)]


@pytest.mark.parametrize("ends", [("", "-wal", "-journal"), ("", "-journal"), ("",)])
@pytest.mark.parametrize("name", ["hub.db", "my-own-hub.db"])
def test_of_damaged_files_the_newest_two_stay_with_what_belongs_to_them(
    tmp_path: Path, name: str, ends: tuple[str, ...]
) -> None:
    path = tmp_path / name
    for number in range(1, 5):
        for end in ends:
            Path(f"{path}{end}").write_text(str(number))
        set_aside(path)
    assert finish(path) is None
    expected = {f"{name}.damaged-{number}{end}" for number in (3, 4) for end in ends}
    assert {one.name for one in tmp_path.iterdir()} == expected
