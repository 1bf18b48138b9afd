"""The store's file in a thread of its own."""

import asyncio
import sqlite3
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path
from typing import Any, override

from hub.errors import StorageError
from hub.storage.file import FileDamagedError, damaged
from hub.storage.healing import HealingFile, Opener

type Statement = tuple[str, Sequence[tuple[object, ...]]]
"""SQL, and the values to run it with one after the other."""

type Repair = Callable[[Path, str], str]
"""Called in the thread with a damaged file and what is wrong with it: puts a good one in its place.

Returns a sentence that says what was done; raises StorageError when nothing can be.
"""


class FileThread:
    """Reads and commits, one after the other. All raise StorageError."""

    def __init__(self, path: Path, opener: Opener, repair: Repair | None = None) -> None:
        self.path = path
        self._file = _Repaired(path, opener, repair)
        self._thread: ThreadPoolExecutor | None = None

    @property
    def repaired(self) -> str:
        """What was done, last, about damage."""
        return self._file.repaired

    async def open(self) -> None:
        """Open the file."""
        self._thread = ThreadPoolExecutor(1, "storage")
        try:
            await self._run(self._file.open)
        except BaseException:
            await self.close()
            raise

    async def close(self) -> None:
        """Let go of the file; the thread ends."""
        if self._thread is not None:
            await self._run(self._file.close)
            thread, self._thread = self._thread, None
            thread.shutdown(wait=False)

    async def fetch(self, query: str, values: Sequence[object] = ()) -> list[Any]:
        """All rows of a query."""
        return await self._run(self._file.attempt, "read", lambda db: db.execute(query, values).fetchall())

    async def write(self, statements: Iterable[Statement]) -> None:
        """Run all of them in one commit; it is on the disk then. What fails has not happened at all."""
        await self._run(self._file.attempt, "write", partial(_commit, statements=[*statements]))

    async def backup(self, target: sqlite3.Connection) -> None:
        """Copy it into another database."""
        await self._run(self._file.attempt, "copy", lambda db: db.backup(target))

    async def check(self) -> str:
        """Look through the whole file; says what was done about damage, or nothing."""
        before = self._file.repaired
        await self._run(self._file.attempt, "read", partial(_look_through, self.path))
        return self._file.repaired if self._file.repaired != before else ""

    async def _run[**P, T](self, work: Callable[P, T], *arguments: P.args, **named: P.kwargs) -> T:
        if self._thread is None:
            raise StorageError(f"{self.path} was closed while somebody waited for it")
        return await asyncio.get_running_loop().run_in_executor(self._thread, partial(work, *arguments, **named))


class _Repaired(HealingFile):
    def __init__(self, path: Path, opener: Opener, repair: Repair | None) -> None:
        super().__init__(path, opener)
        self._repair = repair

    @override
    def _mend(self, damage: FileDamagedError) -> str:
        if self._repair is None:
            raise damage
        return self._repair(self.path, str(damage))


def _commit(db: sqlite3.Connection, statements: Iterable[Statement]) -> None:
    try:
        for sql, values in statements:
            db.executemany(sql, values)
        db.commit()
    except BaseException:
        if db.in_transaction:
            db.rollback()
        raise


def _look_through(path: Path, db: sqlite3.Connection) -> None:
    db.execute("PRAGMA shrink_memory")  # what SQLite remembers says nothing about the disk
    [(found,)] = db.execute("PRAGMA integrity_check(1)").fetchall()
    if found != "ok":
        raise damaged(path, found)
