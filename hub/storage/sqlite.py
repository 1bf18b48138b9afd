"""Storage in one SQLite file: one writer, group commit.

A write is seen by all readers at once and committed within the commit window, together with all others of that
window; a durable write asks for the commit now and waits for its fsync. What the file does not have yet lies in two
dicts over it: `_pending`, for the next commit, and `_flying`, in the commit under way. A failed commit keeps both and
is tried again.
"""

import asyncio
import logging
import sqlite3
from collections.abc import Mapping, Sequence
from pathlib import Path

import aiosqlite

from hub.api import Clock, Undo
from hub.clock import SystemClock
from hub.errors import StorageError
from hub.storage import Namespace, behind
from hub.storage.file import explain, open_file
from hub.tasks import TaskGroup

_UPSERT = (
    "INSERT INTO kv (namespace, key, value) VALUES (?, ?, ?)"
    " ON CONFLICT (namespace, key) DO UPDATE SET value = excluded.value"
)
_DELETE = "DELETE FROM kv WHERE namespace = ? AND key = ?"
_SCAN = "SELECT key, value FROM kv WHERE namespace = ? AND key > ? AND key >= ?"
_KEYS_A_READ = 500
_PENDING_LIMIT = 32 * 1024 * 1024  # bytes that may wait for a commit before writers wait as well
_RETRY_LONGEST = 30.0

_log = logging.getLogger("hub.storage")

type _Overlay = dict[str, dict[str, bytes | None]]


class SqliteEngine:
    """The hub's own store: the file `path`, made if it is not there.

    `commit_window` is the longest time, in seconds, that an acknowledged write which is not durable may be lost with
    a power cut. `close` must run, or the connection's thread keeps the process alive.
    """

    def __init__(
        self, path: Path, *, tasks: TaskGroup, commit_window: float = 0.25, clock: Clock | None = None
    ) -> None:
        self.path = path
        self._tasks = tasks
        self._clock = clock or SystemClock()
        self._window = commit_window
        self._connection: aiosqlite.Connection | None = None
        self._is_closing = False
        self._pending: _Overlay = {}
        self._pending_size = 0
        self._flying: _Overlay = {}
        # Held while the file is read and while `_flying` is dropped: what the file says, with the two dicts laid over
        # it when the read ends, is then the truth of that moment.
        self._settled = asyncio.Lock()
        self._wake = asyncio.Event()
        self._undo_timer: Undo | None = None
        self._waiters: list[asyncio.Future[str]] = []
        self._failure = ""
        self._retry_delay = commit_window
        self._writer: asyncio.Task[None] | None = None

    async def open(self) -> None:
        """Open the file, or refuse with a sentence and leave it as it is."""
        if self._connection is not None:
            raise StorageError(f"{self.path} is open already")
        opened = await asyncio.to_thread(open_file, self.path)
        self._connection = await aiosqlite.Connection(lambda: opened, iter_chunk_size=64)
        self._is_closing = False
        self._writer = self._tasks.start("storage", self._write_forever())

    async def close(self) -> None:
        """Commit what is pending and close the file. Raises StorageError when the last writes could not be kept."""
        connection = self._connection
        if connection is None or self._is_closing:
            return
        self._is_closing = True
        self._wake.set()
        try:
            if self._writer is not None:
                await asyncio.wait([self._writer])
            await self._commit(connection)
        finally:
            self._drop_timer()
            async with self._settled:
                self._connection = None
                await connection.close()
        if lost := sum(map(len, self._flying.values())):
            raise StorageError(f"{lost} values could not be kept when the hub stopped: {self._failure}")

    async def flush(self) -> None:
        """Return when all that was written before is on the disk."""
        self._check_open()
        await self._commit_of(durable=True)

    def namespace(self, name: str) -> Namespace:
        """Give the keys of one owner."""
        return Namespace(self, name)

    async def read(self, namespace: str, keys: Sequence[str]) -> dict[str, bytes]:
        """Those of `keys` that exist."""
        self._check_open()
        if all(self._has(namespace, key) for key in keys):
            return self._overlaid(namespace, keys, {})
        async with self._settled:
            return await self._read(namespace, keys)

    async def scan(self, namespace: str, prefix: str, after: str, limit: int) -> list[tuple[str, bytes]]:
        """Rows with `prefix` in order, from behind `after`, at most `limit`."""
        rows: dict[str, bytes] = {}
        cursor = after
        end = behind(prefix)
        query = f"{_SCAN}{' AND key < ?' if end else ''} ORDER BY key LIMIT ?"
        async with self._settled:
            while True:
                bounds = (namespace, cursor, prefix, end, limit) if end else (namespace, cursor, prefix, limit)
                page = await self._fetch(query, bounds)
                rows.update(page)
                is_last = len(page) < limit
                cursor = "" if is_last else page[-1][0]
                over = [
                    key
                    for key in {*self._flying.get(namespace, ()), *self._pending.get(namespace, ())}
                    if key.startswith(prefix) and key > after and (is_last or key <= cursor)
                ]
                merged = self._overlaid(namespace, over, rows)
                if is_last or len(merged) >= limit:
                    return sorted(merged.items())[:limit]

    async def write(self, namespace: str, rows: Mapping[str, bytes], *, durable: bool) -> None:
        """Keep all of `rows`, or none."""
        await self._room()
        self._put(namespace, rows)
        await self._commit_of(durable=durable)

    async def remove(self, namespace: str, key: str, *, durable: bool) -> bool:
        """Drop a row; says whether it was there."""
        await self._room()
        async with self._settled:
            was_there = key in await self._read(namespace, (key,))
            if was_there:
                self._put(namespace, {key: None})
        await self._commit_of(durable=durable)
        return was_there

    async def swap(self, namespace: str, key: str, change: tuple[bytes | None, bytes], *, durable: bool) -> bool:
        """Keep the second of `change` if the row is the first."""
        await self._room()
        expected, value = change
        async with self._settled:
            fits = (await self._read(namespace, (key,))).get(key) == expected
            if fits:
                self._put(namespace, {key: value})
        if fits:
            await self._commit_of(durable=durable)
        return fits

    def _check_open(self) -> None:
        if self._connection is None or self._is_closing:
            raise StorageError(f"{self.path} is closed; storage is there from the hub's start to its stop")

    async def _read(self, namespace: str, keys: Sequence[str]) -> dict[str, bytes]:
        """Read rows while `_settled` is held; nothing changes between the return and the next await."""
        wanted = [key for key in dict.fromkeys(keys) if not self._has(namespace, key)]
        rows: dict[str, bytes] = {}
        for start in range(0, len(wanted), _KEYS_A_READ):
            some = wanted[start : start + _KEYS_A_READ]
            marks = ",".join("?" * len(some))
            query = f"SELECT key, value FROM kv WHERE namespace = ? AND key IN ({marks})"  # noqa: S608 - marks only
            rows.update(await self._fetch(query, (namespace, *some)))
        return self._overlaid(namespace, keys, rows)

    async def _fetch(self, query: str, values: tuple[str | int, ...]) -> list[tuple[str, bytes]]:
        if self._connection is None:
            raise StorageError(f"{self.path} was closed while a reader waited")
        try:
            return [(key, value) for key, value in await self._connection.execute_fetchall(query, values)]
        except sqlite3.Error as error:
            raise StorageError(explain("read", self.path, error)) from error

    def _has(self, namespace: str, key: str) -> bool:
        return key in self._pending.get(namespace, ()) or key in self._flying.get(namespace, ())

    def _overlaid(self, namespace: str, keys: Sequence[str], rows: dict[str, bytes]) -> dict[str, bytes]:
        """Lay what is not committed yet over `rows`, as far as `keys` name it."""
        merged = dict(rows)
        for overlay in (self._flying.get(namespace, {}), self._pending.get(namespace, {})):
            for key in keys:
                if key in overlay:
                    if (row := overlay[key]) is None:
                        merged.pop(key, None)
                    else:
                        merged[key] = row
        return merged

    async def _room(self) -> None:
        """Wait while too much is pending already; raises when it cannot be committed."""
        self._check_open()
        if self._pending_size > _PENDING_LIMIT:
            await self._commit_of(durable=True)

    def _put(self, namespace: str, rows: Mapping[str, bytes | None]) -> None:
        self._check_open()
        self._pending.setdefault(namespace, {}).update(rows)
        self._pending_size += sum(len(key) + len(row or b"") for key, row in rows.items())

    async def _commit_of(self, *, durable: bool) -> None:
        """See to it that what is pending is committed: within the window, or now, and then wait."""
        if not durable:
            if self._undo_timer is None:
                self._undo_timer = self._clock.call_later(self._window, self._wake.set)
            return
        if self._writer is None or self._writer.done():
            raise StorageError(f"{self.path} is not written any more: its task was cancelled before it was closed")
        waiter = asyncio.get_running_loop().create_future()
        self._waiters.append(waiter)
        self._wake.set()
        if failure := await waiter:
            raise StorageError(failure)

    async def _write_forever(self) -> None:
        try:
            while not self._is_closing:
                await self._wake.wait()
                self._wake.clear()
                if self._connection is not None and not self._is_closing:
                    await self._commit(self._connection)
        except BaseException as error:
            self._answer(self._waiters, f"{self.path} is not written any more: {type(error).__name__}")
            raise

    async def _commit(self, connection: aiosqlite.Connection) -> None:
        """Commit all there is. Doing it again after a failure or a cancellation is harmless: the last values win."""
        self._drop_timer()
        waiters, self._waiters = self._waiters, []
        for namespace, rows in self._pending.items():
            self._flying.setdefault(namespace, {}).update(rows)
        self._pending = {}
        try:
            await self._write_flying(connection)
        except sqlite3.Error as error:
            self._failed(explain("write", self.path, error))
            self._answer(waiters, self._failure)
            return
        except BaseException:
            self._waiters = waiters + self._waiters
            raise
        if self._failure:
            _log.info("%s is written again; nothing was lost", self.path)
        self._failure = ""
        self._retry_delay = self._window
        self._answer(waiters, "")
        async with self._settled:
            self._flying = {}
            self._pending_size = sum(
                len(key) + len(row or b"") for rows in self._pending.values() for key, row in rows.items()
            )

    async def _write_flying(self, connection: aiosqlite.Connection) -> None:
        rows = [(space, key, row) for space, rows in self._flying.items() for key, row in rows.items()]
        if not rows:
            return
        gone = [(space, key) for space, key, row in rows if row is None]
        try:
            if len(gone) < len(rows):
                await connection.executemany(_UPSERT, [row for row in rows if row[2] is not None])
            if gone:
                await connection.executemany(_DELETE, gone)
            await connection.commit()
        except sqlite3.Error:
            await connection.rollback()
            raise

    def _failed(self, failure: str) -> None:
        if failure != self._failure:
            _log.error("%s; what is to be written is kept in memory and tried again", failure)
        self._failure = failure
        if not self._is_closing:
            self._drop_timer()
            self._undo_timer = self._clock.call_later(self._retry_delay, self._wake.set)
        self._retry_delay = min(max(2 * self._retry_delay, 0.1), _RETRY_LONGEST)

    def _answer(self, waiters: Sequence[asyncio.Future[str]], failure: str) -> None:
        for waiter in waiters:
            if not waiter.done():
                waiter.set_result(failure)

    def _drop_timer(self) -> None:
        if self._undo_timer is not None:
            self._undo_timer()
            self._undo_timer = None
