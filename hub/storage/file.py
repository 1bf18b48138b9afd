"""The SQLite file itself: opening it safely, and saying in a sentence what is wrong with it."""

import os
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager, suppress
from itertools import chain
from pathlib import Path
from typing import NamedTuple

from hub.errors import StorageError
from hub.storage.aside import finish

_HEADER = b"SQLite format 3\0"
_CHUNK = 1 << 20
_WAL = 4_096_000  # bytes of the write-ahead log before its pages go to the file


class Schema(NamedTuple):
    """What a file holds: a table that tells it from others, and the statements leading from each version to the next.

    `section` is the one of the configuration that names the file. With `is_checked` damage is looked for in all of the
    file whenever it is opened.
    """

    table: str
    steps: tuple[tuple[str, ...], ...]
    section: str = "storage"
    is_checked: bool = True
    page: int = 1024  # bytes; a commit of small values touches few pages, and whole ones are written


_TABLE = """
    CREATE TABLE kv (namespace TEXT NOT NULL, key TEXT NOT NULL, value BLOB NOT NULL, PRIMARY KEY (namespace, key))
    WITHOUT ROWID
"""
_EXPIRES = "ALTER TABLE kv ADD COLUMN expires INTEGER"
_BY_EXPIRY = "CREATE INDEX kv_expires ON kv (expires) WHERE expires IS NOT NULL"
_LOG = "CREATE TABLE log (id INTEGER PRIMARY KEY, data BLOB NOT NULL)"
_NO_STATES = "DELETE FROM kv WHERE namespace = '_state'"
SCHEMA = Schema("kv", ((_TABLE,), (_EXPIRES, _BY_EXPIRY), (_LOG, _NO_STATES)))

_FUTURE = 1000  # versions of the schema, at most, that newer hubs may have brought
_BUSY_S = 5.0  # that SQLite tries again, ever more seldom, while another process has the file
_DAMAGE = ("SQLITE_CORRUPT", "SQLITE_NOTADB")
_BROKEN = (*_DAMAGE, "SQLITE_IOERR", "SQLITE_CANTOPEN", "SQLITE_READONLY", "SQLITE_PERM")
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


type BeforeUpgrade = Callable[[Path, int], None]
"""Called with a file of an older version, that nobody else has open; raises StorageError if it must stay as it is."""


class FileDamagedError(StorageError):
    """What is in the file is no database any more, or not a whole one."""


class FileUnreachableError(StorageError):
    """The disk does not give the file, now; its content is not to blame."""


def open_file(
    path: Path, schema: Schema = SCHEMA, *, may_make: bool = True, before_upgrade: BeforeUpgrade | None = None
) -> sqlite3.Connection:
    """Open the file, or make it if it `may_make` one; the connection may be used in any thread, one at a time.

    It belongs to this process alone until it is closed, and every commit is an fsync. An older hub's is upgraded, when
    `before_upgrade` has returned.
    Raises FileDamagedError, FileUnreachableError or another StorageError, and changes nothing in a file that is not the
    hub's or comes from a newer hub.
    """
    with suppress(OSError):  # that is told below
        finish(path)
    if not may_make and not path.exists():
        raise FileUnreachableError(f"storage {path} is gone; bring its disk back")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        # Only the hub's own user may read what the plugins remember: keys and tokens are among it.
        os.close(os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600))
        with path.open("rb") as file:
            header = file.read(len(_HEADER))
        if path.with_name(f"{path.name}-journal").exists():  # what was begun when the file was made is undone first
            header = b""
    except OSError as error:
        raise FileUnreachableError(
            f"storage {path} cannot be opened: {error.strerror} ({error.filename});"
            f" name a folder that the hub's user may write, in [hub] data_dir or [{schema.section}] path"
        ) from error
    connection = sqlite3.connect(path, timeout=_BUSY_S, check_same_thread=False)
    return opened(connection, path, schema, header=header, before_upgrade=before_upgrade)


def renew(path: Path) -> None:
    """Write the file's log once more: after a failed fsync the kernel may hold it in its memory only.

    What is read from it goes to the file, and a power cut amid that would leave a file that nothing can complete.
    """
    log = path.with_name(f"{path.name}-wal")
    try:
        if log.exists():
            with log.open("r+b") as file:
                while chunk := file.read(_CHUNK):
                    file.seek(-len(chunk), os.SEEK_CUR)
                    file.write(chunk)
                file.flush()
                os.fsync(file.fileno())
    except OSError as error:
        raise FileUnreachableError(f"cannot open storage {path}: {_REMEDIES['SQLITE_IOERR']}") from error


def opened(
    connection: sqlite3.Connection,
    path: Path,
    schema: Schema,
    *,
    header: bytes,
    before_upgrade: BeforeUpgrade | None = None,
    renew: Callable[[Path], None] = renew,
) -> sqlite3.Connection:
    """Give the connection back as `open_file` says, or close it; `header` are the file's first bytes, if they count."""
    try:
        _check_header(path, header)
        if before_upgrade is not None:
            version = _version(connection, path, schema)
            if 0 < version < len(schema.steps):
                _check(connection, path)  # or who keeps it would find the damage, and not mend it
                before_upgrade(path, version)
        prepare(connection, path, schema, renew)
    except BaseException as error:
        connection.close()
        if isinstance(error, sqlite3.Error):
            kind = FileDamagedError if is_damage(error) else FileUnreachableError
            raise kind(explain("open", path, error)) from error
        if isinstance(error, UnicodeDecodeError):  # so SQLite's own words can be when they quote what is damaged
            raise damaged(path, "its header") from error
        raise
    return connection


def _check_header(path: Path, header: bytes) -> None:
    if header not in {b"", _HEADER}:  # SQLite itself would take a file of a few bytes for an empty one
        raise FileDamagedError(f"cannot open storage {path}: {_REMEDIES['SQLITE_NOTADB']}")


def is_damage(error: sqlite3.Error) -> bool:
    """Whether the file itself is damaged, and trying again is in vain."""
    return getattr(error, "sqlite_errorname", "").startswith(_DAMAGE)


def is_broken(error: sqlite3.Error) -> bool:
    """Whether the connection should not be used any more: the disk may come back, and this connection never."""
    return getattr(error, "sqlite_errorname", "").startswith(_BROKEN)


def explain(verb: str, path: Path, error: sqlite3.Error) -> str:
    """Say what could not be done with the file, why, and how to mend it."""
    name = getattr(error, "sqlite_errorname", "")
    for stem, remedy in _REMEDIES.items():
        if name == stem or name.startswith(f"{stem}_"):
            return f"cannot {verb} storage {path}: {remedy}"
    return f"cannot {verb} storage {path}: {error}"


def prepare(connection: sqlite3.Connection, path: Path, schema: Schema, renew: Callable[[Path], None] = renew) -> None:
    """Make a connection the only one of its file, and the file of this version; what `open_file` does to it.

    Raises sqlite3.Error, or a StorageError as `open_file`.
    """
    connection.execute("PRAGMA locking_mode = EXCLUSIVE")
    version, known = _version(connection, path, schema), len(schema.steps)
    renew(path)  # nobody else has it open now
    connection.execute(f"PRAGMA page_size = {schema.page}")  # heeded while the file is empty
    connection.execute("PRAGMA journal_mode = WAL")
    connection.execute("PRAGMA synchronous = FULL")
    connection.execute(f"PRAGMA wal_autocheckpoint = {_WAL // schema.page}")
    if schema.is_checked:
        _check(connection, path)
    if version < known:
        with connection:
            connection.execute("BEGIN EXCLUSIVE")
            for statement in chain(*schema.steps[version:]):
                connection.execute(statement)
            connection.execute(f"PRAGMA user_version = {known}")
    with _passing_full():
        # The log may hold what a failed fsync left in the kernel's memory only, and whatever is committed behind that
        # would be lost with it: so it goes to the file, anew, before anything is.
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()


@contextmanager
def _passing_full() -> Iterator[None]:
    """Pass over a disk that has no room now."""
    try:
        yield
    except sqlite3.OperationalError as error:
        if error.sqlite_errorcode != sqlite3.SQLITE_FULL:
            raise


def _version(connection: sqlite3.Connection, path: Path, schema: Schema) -> int:
    """The version of the schema that the file has; refuses what is not the hub's, or newer, or nonsense."""
    tables = "SELECT count(*) FROM sqlite_schema"
    ours = f"{tables} WHERE name = '{schema.table}'"
    try:
        version, known = _number(connection, "PRAGMA user_version"), len(schema.steps)
        is_ours, is_empty = bool(_number(connection, ours)), not _number(connection, tables)
        is_whole = (is_ours and version <= known) or _text(connection, "PRAGMA quick_check(1)") == "ok"
    except sqlite3.OperationalError as error:
        if error.sqlite_errorcode == sqlite3.SQLITE_ERROR:  # no sense in it, as after damage to its header
            raise damaged(path, str(error)) from error
        raise
    if not (is_whole and 0 <= version < known + _FUTURE):
        raise damaged(path, "its header")
    if version > known:
        raise StorageError(
            f"storage {path} was written by a newer hub (schema {version}, this hub knows {known});"
            " start that hub again, or restore a backup made with this one"
        )
    if not (is_ours if version else is_empty):
        raise StorageError(f"{path} belongs to another program; name another file in [{schema.section}] path")
    return version


def _check(connection: sqlite3.Connection, path: Path) -> None:
    if (damage := _text(connection, "PRAGMA quick_check(1)")) != "ok":
        raise damaged(path, damage)


def damaged(path: Path, damage: str) -> FileDamagedError:
    """Say that it is damaged, in what words SQLite has for that."""
    damage = " ".join(damage.removeprefix("*** in database main ***").split())
    return FileDamagedError(f"storage {path} is damaged ({damage}); keep a copy of it and restore a backup")


def _number(connection: sqlite3.Connection, query: str) -> int:
    return int(_text(connection, query))


def _text(connection: sqlite3.Connection, query: str) -> str:
    with closing(connection.execute(query)) as cursor:
        return str(cursor.fetchone()[0])
