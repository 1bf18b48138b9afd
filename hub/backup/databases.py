"""SQLite files: a consistent copy of one that may be in use, and whether one is sound."""

import sqlite3
from contextlib import closing
from pathlib import Path

_HEADER = b"SQLite format 3\0"
_PATIENCE_S = 10.0
_LOCKED = {sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED}
_OF_THE_COPY = {
    sqlite3.SQLITE_FULL,
    sqlite3.SQLITE_NOMEM,
    sqlite3.SQLITE_IOERR_WRITE,
    sqlite3.SQLITE_IOERR_FSYNC,
    sqlite3.SQLITE_IOERR_TRUNCATE,
    sqlite3.SQLITE_IOERR_DIR_FSYNC,
}


class UnreadableError(Exception):
    """A file cannot be copied, and its copy is not to blame; the text says why."""


def is_database(path: Path) -> bool:
    """Whether a file is one of SQLite's."""
    with path.open("rb") as file:
        return file.read(len(_HEADER)) == _HEADER


def empty(path: Path) -> sqlite3.Connection:
    """A new file to be copied into, in whatever thread."""
    path.touch(mode=0o600)
    return sqlite3.connect(path, check_same_thread=False)


def seal_off(copy: sqlite3.Connection) -> None:
    """Make a copy one file that needs no other. Raises sqlite3.Error."""
    copy.execute("PRAGMA journal_mode = DELETE").close()


def copy_database(source: Path, target: Path) -> None:
    """Copy what is committed; others may write meanwhile, or wait for it.

    Raises UnreadableError for one that is damaged or kept locked, and sqlite3.Error when the copy cannot be written.
    """
    with closing(empty(target)) as copy:
        try:
            with closing(sqlite3.connect(f"{source.absolute().as_uri()}?mode=rw", uri=True, timeout=_PATIENCE_S)) as db:
                db.backup(copy, progress=_give_up)
        except sqlite3.Error as error:
            if getattr(error, "sqlite_errorcode", 0) in _OF_THE_COPY:
                raise
            raise UnreadableError(" ".join(str(error).split())) from error
        except UnicodeDecodeError as error:  # so SQLite's own words can be when they quote what is damaged
            raise UnreadableError("it is damaged") from error
        seal_off(copy)
    if found := damage(target):
        raise UnreadableError(f"it is damaged: {found}")


def _give_up(status: int, _left: int, _total: int) -> None:
    """Python would ask for a locked file for ever."""
    if status in _LOCKED:
        raise sqlite3.OperationalError("another process keeps it locked")


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
        found = str(error)
    except UnicodeDecodeError:
        found = "its pages make no sense"
    return "" if found == "ok" else " ".join(found.removeprefix("*** in database main ***").split())
