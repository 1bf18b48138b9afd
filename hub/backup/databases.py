"""SQLite files: a consistent copy of one that may be in use, and whether one is sound."""

import sqlite3
from contextlib import closing
from pathlib import Path

_HEADER = b"SQLite format 3\0"
_PATIENCE_S = 10.0
_PAGES = 256


def is_database(path: Path) -> bool:
    """Whether a file is one of SQLite's."""
    with path.open("rb") as file:
        return file.read(len(_HEADER)) == _HEADER


def empty(path: Path) -> sqlite3.Connection:
    """A new file to be copied into, in whatever thread."""
    path.touch(mode=0o600)
    return sqlite3.connect(path, check_same_thread=False)


def seal_off(copy: sqlite3.Connection) -> None:
    """Close a copy so that it is one file and needs no other."""
    try:
        copy.execute("PRAGMA journal_mode = DELETE").close()
    finally:
        copy.close()


def copy_database(source: Path, target: Path) -> None:
    """Copy what is committed; others may write meanwhile. Raises sqlite3.Error."""
    copy = empty(target)
    try:
        with closing(sqlite3.connect(f"{source.absolute().as_uri()}?mode=rw", uri=True, timeout=_PATIENCE_S)) as db:
            db.backup(copy, pages=_PAGES)
    finally:
        seal_off(copy)


def schema_of(path: Path) -> int:
    """The schema's version. Raises sqlite3.Error."""
    with closing(sqlite3.connect(path)) as db:
        return int(db.execute("PRAGMA user_version").fetchone()[0])


def damage(path: Path) -> str:
    """What is wrong with a file; nothing: it is sound."""
    try:
        with closing(sqlite3.connect(path)) as db:
            found = str(db.execute("PRAGMA integrity_check(1)").fetchone()[0])
    except sqlite3.Error as error:
        return str(error)
    return "" if found == "ok" else found
