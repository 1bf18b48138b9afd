"""The rig's connection answers as the standard library's does."""

import errno
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from typing import Any, override

import pytest

from hub.storage.file import open_file
from tests.rig.connection import opener
from tests.rig.disk import Disk, DiskError, Node

type Open = Callable[[], sqlite3.Connection]

INSERT = "INSERT INTO kv (namespace, key, value) VALUES (?, ?, ?)"


@pytest.fixture
def both(disk: Disk, tmp_path: Path) -> Iterator[tuple[sqlite3.Connection, sqlite3.Connection]]:
    with closing(open_file(tmp_path / "hub.db")) as real, closing(opener(disk)(disk.path("hub.db"))) as rigged:
        yield real, rigged


def outcome(work: Callable[[], Any]) -> tuple[object, ...]:
    """What a piece of work gives: a value, or an error in all that the hub looks at."""
    try:
        return ("gives", work())
    except sqlite3.Error as error:
        return (type(error), getattr(error, "sqlite_errorcode", None), getattr(error, "sqlite_errorname", None))


def asking(connection: sqlite3.Connection) -> Callable[..., tuple[object, ...]]:
    def do(statement: str, *values: object) -> tuple[object, ...]:
        return outcome(lambda: connection.execute(statement, values).fetchall())

    return do


def simple(connection: sqlite3.Connection) -> Iterator[object]:
    """Do many things, and tell what came of each."""
    do = asking(connection)
    for pragma in ("journal_mode", "synchronous", "locking_mode", "page_size", "user_version"):
        yield do(f"PRAGMA {pragma}")
    yield do("SELECT 1, 2.5, 'text', x'00ff', NULL, ?", True)
    yield connection.in_transaction
    yield do(INSERT, "a", "1", b"x")
    yield connection.in_transaction
    yield do(INSERT, "a", "1", b"again")
    yield connection.in_transaction
    connection.rollback()
    yield do("SELECT count(*) FROM kv")
    rows = [("a", str(number), bytes([number])) for number in range(10)]
    yield outcome(lambda: connection.executemany(INSERT, rows).fetchall())
    connection.commit()
    connection.commit()
    yield connection.in_transaction
    cursor = connection.execute("SELECT key FROM kv ORDER BY key")
    yield cursor.fetchone(), cursor.fetchone(), [*cursor], cursor.fetchone()


def faulty(connection: sqlite3.Connection) -> Iterator[object]:
    do = asking(connection)
    yield do("no statement")
    yield do("SELECT * FROM nowhere")
    yield do("SELECT ?")
    yield do("INSERT INTO kv (namespace, key, value) VALUES ('a', 'b', NULL)")
    connection.rollback()
    with connection:
        connection.execute("BEGIN EXCLUSIVE")
        yield do("DELETE FROM kv WHERE key > '5'")
    yield outcome(lambda: with_fault(connection))
    yield do("SELECT key FROM kv ORDER BY key")
    yield do("BEGIN"), do("BEGIN"), do("COMMIT"), do("COMMIT")
    connection.isolation_level = None
    yield do("DELETE FROM kv WHERE key = '1'"), connection.in_transaction
    do("PRAGMA max_page_count = 1")
    yield do("INSERT INTO kv (namespace, key, value) VALUES ('a', 'big', zeroblob(100000))"), connection.in_transaction
    yield do("PRAGMA integrity_check")
    told: list[str] = []
    connection.set_trace_callback(told.append)
    do("SELECT 1")
    connection.set_trace_callback(None)
    do("SELECT 2")
    yield told
    connection.close()
    connection.close()
    yield do("SELECT 1"), outcome(connection.commit)


def with_fault(connection: sqlite3.Connection) -> None:
    with connection:
        connection.execute("DELETE FROM kv")
        connection.execute("no statement")


def test_it_gives_the_same_rows_transactions_and_errors(both: tuple[sqlite3.Connection, sqlite3.Connection]) -> None:
    real, rigged = both
    for script in (simple, faulty):
        for place, (expected, found) in enumerate(zip(script(real), script(rigged), strict=True)):
            assert found == expected, f"answer {place} of {script.__name__}"


class HalfSick(Disk):
    """Refuses what goes to the file itself, and takes what goes to its log."""

    is_sick = False

    @override
    def write(self, name: str, node: Node, offset: int, data: bytes) -> None:
        if self.is_sick and name == "hub.db":
            raise DiskError(errno.EIO, name)
        super().write(name, node, offset, data)


def test_a_checkpoint_that_fails_after_a_commit_is_no_failure_of_the_commit() -> None:
    disk = HalfSick()
    with closing(opener(disk)(disk.path("hub.db"))) as connection:
        connection.execute("PRAGMA wal_autocheckpoint = 1")
        file = disk.names["hub.db"]
        for disk.is_sick in (True, False):
            before = bytes(file.now)
            connection.execute(INSERT, ("a", str(disk.is_sick), b"x"))
            connection.commit()
            assert connection.in_transaction is False
            assert (bytes(file.now) == before) is disk.is_sick
        assert connection.execute("SELECT count(*) FROM kv").fetchall() == [(2,)]
