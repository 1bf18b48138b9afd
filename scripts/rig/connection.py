# ruff: noqa: D102 - all is as in sqlite3
"""What the hub uses of `sqlite3.Connection`, on top of apsw: only that library lets one write a file system."""

import sqlite3
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from typing import Any, Self

import apsw

_CHANGES = ("INSERT", "UPDATE", "DELETE", "REPLACE")
_KINDS = {apsw.SQLITE_CORRUPT: sqlite3.DatabaseError, apsw.SQLITE_NOTADB: sqlite3.DatabaseError}


@contextmanager
def _as_sqlite3() -> Iterator[None]:
    try:
        yield
    except apsw.Error as error:
        code = getattr(error, "extendedresult", getattr(error, "result", 1))
        known = _KINDS.get(code & 0xFF, sqlite3.OperationalError)(str(error))
        known.sqlite_errorcode = code
        names: Any = (apsw.mapping_extended_result_codes, apsw.mapping_result_codes)
        known.sqlite_errorname = next((one[code] for one in names if code in one), "SQLITE_ERROR")
        raise known from error


class Cursor:
    """Rows of one statement."""

    def __init__(self, cursor: apsw.Cursor) -> None:
        self._cursor = cursor

    def fetchone(self) -> Any:  # noqa: ANN401 - a row
        with _as_sqlite3():
            return self._cursor.fetchone()

    def fetchall(self) -> list[Any]:
        with _as_sqlite3():
            return self._cursor.fetchall()

    def __iter__(self) -> Iterator[Any]:
        while (row := self.fetchone()) is not None:
            yield row

    def close(self) -> None:
        self._cursor.close(force=True)


class Connection:
    """As `sqlite3.Connection`: changes begin a transaction by themselves unless `isolation_level` is None."""

    def __init__(self, path: str, vfs: str) -> None:
        self.isolation_level: str | None = ""
        self.text_factory: Callable[[bytes], Any] | type = str
        with _as_sqlite3():
            self._db = apsw.Connection(path, vfs=vfs)

    @property
    def in_transaction(self) -> bool:
        return self._db.in_transaction

    def _begin(self, sql: str) -> None:
        if self.isolation_level is not None and not self.in_transaction and sql.lstrip().upper().startswith(_CHANGES):
            self._db.execute("BEGIN")

    def execute(self, sql: str, values: Sequence[Any] = ()) -> Cursor:
        with _as_sqlite3():
            self._begin(sql)
            return Cursor(self._db.cursor().execute(sql, values))

    def executemany(self, sql: str, values: Iterable[Sequence[Any]]) -> None:
        with _as_sqlite3():
            self._begin(sql)
            self._db.executemany(sql, values)

    def commit(self) -> None:
        if self.in_transaction:
            self.execute("COMMIT")

    def rollback(self) -> None:
        if self.in_transaction:
            self.execute("ROLLBACK")

    def close(self) -> None:
        with suppress(apsw.Error):  # sqlite3 says nothing either
            self._db.close(force=True)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: object, *_: object) -> None:
        if kind is None:
            self.commit()
        else:
            self.rollback()
