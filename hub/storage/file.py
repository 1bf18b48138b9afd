"""The SQLite file itself: opening it safely, and saying in a sentence what is wrong with it."""

import os
import sqlite3
from contextlib import closing
from itertools import chain
from pathlib import Path
from typing import NamedTuple

from hub.errors import StorageError

_HEADER = b"SQLite format 3\0"
_WAL = 4_096_000  # bytes of the write-ahead log before its pages go to the file


class Schema(NamedTuple):
    """What a file holds: a table that tells it from others, and the statements leading from each version to the next.

    `section` is the one of the configuration that names the file. With `is_checked` damage is looked for when the file
    is opened after it was cut off.
    """

    table: str
    steps: tuple[tuple[str, ...], ...]
    section: str = "storage"
    is_checked: bool = True
    page: int = 4096  # bytes


_TABLE = """
    CREATE TABLE kv (namespace TEXT NOT NULL, key TEXT NOT NULL, value BLOB NOT NULL, PRIMARY KEY (namespace, key))
    WITHOUT ROWID
"""
_EXPIRES = "ALTER TABLE kv ADD COLUMN expires INTEGER"
_BY_EXPIRY = "CREATE INDEX kv_expires ON kv (expires) WHERE expires IS NOT NULL"
SCHEMA = Schema("kv", ((_TABLE,), (_EXPIRES, _BY_EXPIRY)))

_REMEDIES = {
    "SQLITE_FULL": "the disk is full; free some space",
    "SQLITE_READONLY": "it is read-only; make the file and its folder writable for the hub's user",
    "SQLITE_BUSY": "another process has it open; stop the other hub or choose another data folder",
    "SQLITE_LOCKED": "another process has it open; stop the other hub or choose another data folder",
    "SQLITE_CORRUPT": "it is damaged; keep a copy of it and restore a backup",
    "SQLITE_NOTADB": "it is not a SQLite file; move it away or name another one in [storage] path",
    "SQLITE_CANTOPEN": "it cannot be opened; look whether its folder is there and writable for the hub's user",
    "SQLITE_PERM": "access is denied; make the file and its folder writable for the hub's user",
    "SQLITE_IOERR": "the disk failed or is full; look at its space and health",
}


def open_file(path: Path, schema: Schema = SCHEMA) -> sqlite3.Connection:
    """Open or make the file, in a thread; the connection may be used in another thread, one at a time.

    It belongs to this process alone until it is closed, and every commit is an fsync. An older hub's is upgraded.
    Raises StorageError, and changes nothing in a file that is not the hub's or comes from a newer hub.
    """
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        # Only the hub's own user may read what the plugins remember: keys and tokens are among it.
        os.close(os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600))
        with path.open("rb") as file:
            header = file.read(len(_HEADER))
        was_cut_off = path.with_name(f"{path.name}-wal").exists()
    except OSError as error:
        raise StorageError(
            f"storage {path} cannot be opened: {error.strerror} ({error.filename});"
            f" name a folder that the hub's user may write, in [hub] data_dir or [{schema.section}] path"
        ) from error
    if header not in {b"", _HEADER}:  # SQLite itself would take a file of a few bytes for an empty one
        raise StorageError(f"cannot open storage {path}: {_REMEDIES['SQLITE_NOTADB']}")
    connection = sqlite3.connect(path, timeout=1.0, check_same_thread=False)
    try:
        _prepare(connection, path, schema, was_cut_off=was_cut_off)
    except BaseException as error:
        connection.close()
        if isinstance(error, sqlite3.Error):
            raise StorageError(explain("open", path, error)) from error
        raise
    return connection


def explain(verb: str, path: Path, error: sqlite3.Error) -> str:
    """Say what could not be done with the file, why, and how to mend it."""
    name = getattr(error, "sqlite_errorname", "")
    for stem, remedy in _REMEDIES.items():
        if name == stem or name.startswith(f"{stem}_"):
            return f"cannot {verb} storage {path}: {remedy}"
    return f"cannot {verb} storage {path}: {error}"


def _prepare(connection: sqlite3.Connection, path: Path, schema: Schema, *, was_cut_off: bool) -> None:
    connection.execute("PRAGMA locking_mode = EXCLUSIVE")
    version, known = _number(connection, "PRAGMA user_version"), len(schema.steps)
    if version > known:
        raise StorageError(
            f"storage {path} was written by a newer hub (schema {version}, this hub knows {known});"
            " start that hub again, or restore a backup made with this one"
        )
    tables = "SELECT count(*) FROM sqlite_schema"
    ours = f"{tables} WHERE name = '{schema.table}'"
    if not (_number(connection, ours) if version else not _number(connection, tables)):
        raise StorageError(f"{path} belongs to another program; name another file in [{schema.section}] path")
    connection.execute(f"PRAGMA page_size = {schema.page}")  # heeded while the file is empty
    connection.execute("PRAGMA journal_mode = WAL")
    connection.execute("PRAGMA synchronous = FULL")
    connection.execute(f"PRAGMA wal_autocheckpoint = {_WAL // schema.page}")
    if was_cut_off and schema.is_checked and (damage := _text(connection, "PRAGMA quick_check(1)")) != "ok":
        raise StorageError(f"storage {path} is damaged ({damage}); keep a copy of it and restore a backup")
    if version < known:
        with connection:
            connection.execute("BEGIN EXCLUSIVE")
            for statement in chain(*schema.steps[version:]):
                connection.execute(statement)
            connection.execute(f"PRAGMA user_version = {known}")


def _number(connection: sqlite3.Connection, query: str) -> int:
    return int(_text(connection, query))


def _text(connection: sqlite3.Connection, query: str) -> str:
    with closing(connection.execute(query)) as cursor:
        return str(cursor.fetchone()[0])
