"""What the hub uses of `sqlite3.Connection`, over a disk of the rig.

The standard library's SQLite sees no file system that another library's was given, so that SQLite is apsw's own.
Statements, transactions, rows and errors are those of the standard library: `test_connection` holds both to it.
"""

import re
import sqlite3
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, Self, cast

import apsw

from hub.storage.file import SCHEMA, FileUnreachableError, Schema, explain, opened
from tests.rig import vfs
from tests.rig.disk import Disk, DiskError

type Values = Sequence[Any]

_CHANGES_ROWS = re.compile(r"\s*(?:insert|update|delete|replace)\b", re.IGNORECASE)
_AUTOCHECKPOINT = re.compile(r"\s*pragma\s+wal_autocheckpoint\s*=\s*(\d+)\s*", re.IGNORECASE)
_AUTOCHECKPOINT_DEFAULT = 1000
_CLASSES: dict[int, type[sqlite3.Error]] = {
    apsw.SQLITE_CORRUPT: sqlite3.DatabaseError,
    apsw.SQLITE_NOTADB: sqlite3.DatabaseError,
    apsw.SQLITE_TOOBIG: sqlite3.DataError,
    apsw.SQLITE_CONSTRAINT: sqlite3.IntegrityError,
    apsw.SQLITE_MISMATCH: sqlite3.IntegrityError,
    apsw.SQLITE_MISUSE: sqlite3.InterfaceError,
    apsw.SQLITE_RANGE: sqlite3.InterfaceError,
    apsw.SQLITE_INTERNAL: sqlite3.InternalError,
    apsw.SQLITE_NOTFOUND: sqlite3.InternalError,
}


class Connection:
    """A connection to one file of a disk."""

    def __init__(self, disk: Disk, path: Path) -> None:
        vfs.attach(disk)
        self.isolation_level: str | None = ""
        self._disk = disk
        self._log_pages = 0
        self._trace: Callable[[str], object] | None = None
        with _as_sqlite3():
            self._db = apsw.Connection(str(path), vfs=vfs.NAME, statementcachesize=128)
            self._checkpoint_after(_AUTOCHECKPOINT_DEFAULT)
        self._is_open = True

    def execute(self, statement: str, values: Values = ()) -> "Cursor":
        self._begin(statement)
        with self._ended():
            cursor = Cursor(self, self._db.execute(statement, tuple(values)))
        if found := _AUTOCHECKPOINT.fullmatch(statement):
            self._checkpoint_after(int(found[1]))
        return cursor

    def executemany(self, statement: str, rows: Iterable[Values]) -> "Cursor":
        self._begin(statement)
        with self._ended():
            return Cursor(self, self._db.executemany(statement, map(tuple, rows)))

    def commit(self) -> None:
        self._finish("COMMIT")

    def rollback(self) -> None:
        self._finish("ROLLBACK")

    def set_trace_callback(self, callback: Callable[[str], object] | None) -> None:
        """Tell each statement that this connection is given or makes itself."""
        self._trace = callback
        self._db.exec_trace = None if callback is None else self._traced

    @property
    def in_transaction(self) -> bool:
        return self._is_open and self._db.in_transaction

    def close(self) -> None:
        self._is_open = False
        with suppress(apsw.Error):  # SQLite itself tells nobody of a checkpoint that failed at the end
            self._db.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, fault: object, *_: object) -> None:
        if fault is not None:
            self.rollback()
            return
        try:
            self.commit()
        except sqlite3.Error:
            self.rollback()
            raise

    def _begin(self, statement: str) -> None:
        """Open a transaction before a statement that changes rows, as the standard library does."""
        if not self._is_open:
            raise sqlite3.ProgrammingError("Cannot operate on a closed database.")
        if self.isolation_level is not None and not self._db.in_transaction and _CHANGES_ROWS.match(statement):
            with _as_sqlite3():
                self._db.execute(f"BEGIN {self.isolation_level}")

    def _finish(self, statement: str) -> None:
        if not self._is_open:
            raise sqlite3.ProgrammingError("Cannot operate on a closed database.")
        if self._db.in_transaction:
            with self._ended():
                self._db.execute(statement)

    def _traced(self, _: object, statement: str, __: object) -> bool:
        if self._trace is not None:
            self._trace(statement)
        return True

    def _checkpoint_after(self, pages: int) -> None:
        """Do as SQLite's own hook does after a commit. Through it, apsw would raise what SQLite passes over."""

        def committed(_: object, __: str, written: int) -> int:
            self._log_pages = written if written >= pages > 0 else 0
            return apsw.SQLITE_OK

        self._db.set_wal_hook(committed)

    @contextmanager
    def _ended(self) -> Iterator[None]:
        self._log_pages = 0
        with _as_sqlite3():
            yield
        if self._log_pages:
            with suppress(apsw.Error):
                self._db.wal_checkpoint(mode=apsw.SQLITE_CHECKPOINT_PASSIVE)


class Cursor:
    """The rows of a statement; like the standard library's it is one row ahead."""

    def __init__(self, connection: Connection, rows: apsw.Cursor) -> None:
        self.connection = connection
        self._rows = rows
        self._next: tuple[Any, ...] | None = None
        self._step()

    def fetchone(self) -> tuple[Any, ...] | None:
        row = self._next
        if row is not None:
            self._step()
        return row

    def fetchall(self) -> list[tuple[Any, ...]]:
        return [*self]

    def __iter__(self) -> Iterator[tuple[Any, ...]]:
        while (row := self.fetchone()) is not None:
            yield row

    def close(self) -> None:
        self._next = None
        self._rows.close()

    def _step(self) -> None:
        with _as_sqlite3():
            self._next = self._rows.fetchone()


@contextmanager
def _as_sqlite3() -> Iterator[None]:
    """Raise the standard library's errors in place of apsw's."""
    try:
        yield
    except apsw.Error as error:
        if isinstance(error, apsw.BindingsError):
            raise sqlite3.ProgrammingError(str(error)) from error
        code = getattr(error, "extendedresult", apsw.SQLITE_ERROR)
        translated = _CLASSES.get(code & 0xFF, sqlite3.OperationalError)(_text(error, code))
        translated.sqlite_errorcode = code
        translated.sqlite_errorname = cast(
            "str", apsw.mapping_extended_result_codes.get(code) or apsw.mapping_result_codes[code & 0xFF]
        )
        raise translated from error


def _text(error: apsw.Error, code: int) -> str:
    return str(error) or str(apsw.mapping_result_codes.get(code & 0xFF))


def opener(disk: Disk) -> Callable[..., sqlite3.Connection]:
    """Give what opens files of this disk as `hub.storage.file.open_file` does those of the machine."""

    def renew(path: Path) -> None:
        try:
            disk.renew(f"{path.name}-wal")
        except DiskError as error:
            raise FileUnreachableError(f"cannot open storage {path}: the disk failed or is full") from error

    def open_file(path: Path, schema: Schema = SCHEMA, *, may_make: bool = True) -> sqlite3.Connection:
        names = disk.names
        if not may_make and path.name not in names:
            raise FileUnreachableError(f"storage {path} is gone; bring its disk back")
        counts = path.name in names and f"{path.name}-journal" not in names
        header = bytes(names[path.name].now[:16]) if counts else b""
        try:
            connection = cast("sqlite3.Connection", Connection(disk, path))
        except sqlite3.Error as error:
            raise FileUnreachableError(explain("open", path, error)) from error
        return opened(connection, path, schema, header=header, renew=renew)

    return open_file
