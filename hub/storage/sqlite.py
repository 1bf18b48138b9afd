"""Storage in one SQLite file: one writer, group commit.

A write is seen by all readers at once and committed within the commit window, together with all others of that
window; a durable write asks for the commit now and waits for its fsync. What the file does not have yet lies over it
(`Overlay`), what it was asked for lately beside it (`Cache`). A failed commit stays in the overlay and is tried again.
"""

import asyncio
import logging
import sqlite3
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from time import perf_counter
from typing import Any

import msgspec

from hub.api import Clock, Undo
from hub.clock import SystemClock
from hub.errors import StorageError
from hub.stats import StorageStats
from hub.storage import EngineBase, sql
from hub.storage.cache import Layers
from hub.storage.expiry import ExpiryClock
from hub.storage.file import open_file
from hub.storage.log import WriteLog
from hub.storage.overlay import Held
from hub.storage.rows import Row
from hub.storage.thread import FileThread, Repair, Statement
from hub.storage.values import behind
from hub.tasks import ENDS, TaskGroup
from hub.types import StorageWrite

_PENDING_LIMIT = 32 * 1024 * 1024  # bytes that may wait for a commit before writers wait as well
_RETRY_LONGEST = 30.0

_log = logging.getLogger("hub.storage")


class SqliteEngine(EngineBase):
    """The hub's own store: the file `path`, made if it is not there.

    `commit_window` is the longest time, in seconds, that an acknowledged write which is not durable may be lost with
    a power cut. A damaged file is put right by `repair`, if given. `close` must run, or a thread is left.
    """

    def __init__(
        self,
        path: Path,
        *,
        tasks: TaskGroup,
        commit_window: float = 0.25,
        clock: Clock | None = None,
        opener: Callable[..., sqlite3.Connection] = open_file,
        repair: Repair | None = None,
    ) -> None:
        super().__init__()
        self.path = path
        self._file = FileThread(path, lambda may_make: opener(path, may_make=may_make), repair)
        self._tasks = tasks
        self._clock = clock or SystemClock()
        self._lifetime = ExpiryClock(self._clock, lambda: tasks.start("storage expiry", self._sweep()))
        self._window = 0.8 * commit_window  # the commit itself is to be over within the window
        self._is_open = self._is_closing = False
        self._rows = Layers()
        self._log = WriteLog(self._clock.monotonic)
        self._repaired = ""
        # Held while the file is read and while what flew is dropped: so file and overlay tell of one moment.
        self._settled = asyncio.Lock()
        self._wake = asyncio.Event()
        self._undo_timer: Undo | None = None
        self._waiters: list[asyncio.Future[str]] = []
        self._failure = ""
        self._retry_delay = commit_window
        self._writer: asyncio.Task[None] | None = None
        self._committed = StorageStats()

    async def open(self) -> None:
        """Open the file, or refuse with a sentence and leave it as it is."""
        if self._is_open:
            raise StorageError(f"{self.path} is open already")
        await self._file.open()
        try:
            [(reached, expires)] = await self._fetch(sql.BEGIN, sql.CLOCK)
        except BaseException:
            await self._file.close()
            raise
        self._is_open, self._is_closing = True, False
        self._lifetime.start(reached or 0)
        self._lifetime.sweep_at(expires)
        self._writer = self._tasks.start("storage", self._write_forever())

    async def close(self) -> None:
        """Commit what is pending and close the file. Raises StorageError when the last writes could not be kept."""
        if not self._is_open or self._is_closing:
            return
        self._is_closing = True
        self._wake.set()
        try:
            if self._writer is not None:
                await asyncio.wait([self._writer])
            await self._commit()
        finally:
            self._drop_timer()
            async with self._settled:
                self._lifetime.stop()
                self._is_open = False
                self._rows.cache.clear()
                await self._file.close()
        if lost := len(self._rows.overlay):
            raise StorageError(f"{lost} values could not be kept when the hub stopped: {self._failure}")

    async def flush(self) -> None:
        """Return when all that was written before is on the disk."""
        self._check_open()
        await self._commit_now()

    async def backup(self, target: sqlite3.Connection) -> None:
        """Copy the file, with all that was written before, into another database."""
        await self.flush()
        await self._file.backup(target)
        self._tell_repair()

    def stats(self) -> StorageStats:
        """What it has committed since it was made, and what waits."""
        waiting, written, repaired = self._rows.overlay.size, self.written(), self._file.repaired
        return msgspec.structs.replace(
            self._committed, waiting_bytes=waiting, failure=self._failure, repaired=repaired, written=written
        )

    async def check(self) -> str:
        """Look through the whole file; says what was damaged and done about it, or nothing."""
        self._check_open()
        async with self._settled:
            found = await self._file.check()
            self._tell_repair()
        return found

    async def writes(self, namespace: str = "", prefix: str = "", limit: int = 100) -> list[StorageWrite]:
        """Who wrote which key when; see `WriteLog.find`."""
        self._check_open()
        return await self._log.find(self._fetch, namespace, prefix, limit)

    async def read(self, namespace: str, keys: Sequence[str]) -> dict[str, bytes]:
        """Those of `keys` that exist."""
        self._check_open()
        if not self._rows.unknown(namespace, keys):
            return self._rows.known(namespace, keys, {}, self._lifetime.now())
        async with self._settled:
            return await self._read(namespace, keys)

    async def scan(self, namespace: str, prefix: str, after: str, limit: int) -> list[tuple[str, bytes]]:
        """Rows with `prefix` in order, from behind `after`, at most `limit`."""
        self._check_open()
        end = behind(prefix)
        query = f"{sql.SCAN}{' AND key < ?' if end else ''} ORDER BY key LIMIT ?"
        wanted = limit
        async with self._settled:
            while True:
                now = self._lifetime.now()
                page = await self._fetch(query, (now, namespace, after, prefix, *([end] if end else []), wanted))
                over = [key for key in self._rows.overlay.keys(namespace) if key.startswith(prefix) and key > after]
                rows = sorted(self._rows.overlay.over(namespace, over, dict(page), now).items())[:limit]
                if len(page) < wanted or (len(rows) == limit and rows[-1][0] <= page[-1][0]):
                    return rows
                wanted += len(over)

    async def apply(
        self,
        namespace: str,
        expected: Mapping[str, bytes | None],
        changes: Mapping[str, Row | None],
        *,
        durable: bool,
    ) -> bool:
        """Make all of `changes` if every row is as `expected`, or none."""
        self._check_open()
        if self._rows.overlay.size > _PENDING_LIMIT:
            await self._commit_now()
        if expected:
            async with self._settled:
                rows = await self._read(namespace, [*expected])
                if any(rows.get(key) != row for key, row in expected.items()):
                    return False
                self._put(namespace, changes)
        else:
            self._put(namespace, changes)
        if durable:
            await self._commit_now()
        else:
            self._commit_soon()
        return True

    def _check_open(self) -> None:
        if not self._is_open or self._is_closing:
            raise StorageError(f"{self.path} is closed; storage is there from the hub's start to its stop")

    async def _read(self, namespace: str, keys: Sequence[str]) -> dict[str, bytes]:
        """Read rows while `_settled` is held; nothing changes between the return and the next await."""
        found: dict[str, Held] = {}
        if wanted := self._rows.unknown(namespace, keys):
            rows = await self._fetch(sql.READ, (namespace, msgspec.json.encode(wanted).decode()))
            found = {key: (value, expires) for key, value, expires in rows}
        known = self._rows.known(namespace, keys, found, self._lifetime.now())
        self._rows.keep(namespace, {key: found.get(key) for key in wanted})
        return known

    async def _fetch(self, query: str, values: tuple[str | int, ...]) -> list[Any]:
        try:
            return await self._file.fetch(query, values)
        finally:
            self._tell_repair()

    def _tell_repair(self) -> None:
        if self._file.repaired != self._repaired:
            self._repaired = self._file.repaired
            self._rows.cache.clear()
            _log.error("%s", self._repaired)
            self.on_trouble("repaired", self.path.name, self._repaired)

    def _put(self, namespace: str, changes: Mapping[str, Row | None]) -> None:
        """Make `changes` visible; they wait for a commit."""
        self._check_open()
        expiry = self._lifetime.expiry
        rows = {
            key: None if row is None else (row.value, None if row.ttl is None else expiry(row.ttl))
            for key, row in changes.items()
        }
        self._rows.put(namespace, rows)
        self._log.add(namespace, rows)
        self.tell(namespace, changes)

    async def _sweep(self) -> None:
        """Drop what has expired, tell who watches, and set the timer for what expires next."""
        try:
            async with self._settled:
                await self._drop_expired()
                while self._lifetime.is_due():  # time went on while the file was read
                    await self._drop_expired()
        except StorageError as error:
            if not self._is_closing:
                _log.warning("%s; what has expired stays in it for now", error)
                self._lifetime.sweep_at(self._lifetime.now() + int(1000 * _RETRY_LONGEST))
        else:
            self._commit_soon()

    async def _drop_expired(self) -> None:
        self._check_open()
        self._lifetime.stop()
        now = self._lifetime.now()
        stored = [row for row in await self._fetch(sql.EXPIRED, (now,)) if not self._rows.overlay.has(*row[:2])]
        gone: dict[str, dict[str, None]] = {}
        for namespace, key, expires in [*stored, *self._rows.overlay.expiring()]:
            if expires is None or expires > now:
                self._lifetime.sweep_at(expires)
            else:
                gone.setdefault(namespace, {})[key] = None
        for namespace, rows in gone.items():
            self._put(namespace, rows)

    def _commit_soon(self) -> None:
        """See to it that what is pending is committed within the window."""
        if self._undo_timer is None:
            self._undo_timer = self._clock.call_later(self._window, self._wake.set)

    async def _commit_now(self) -> None:
        """See to it that what is pending is committed, and wait for it."""
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
                if not self._is_closing:
                    await self._commit()
        except BaseException as error:
            self._answer(self._waiters, f"{self.path} is not written any more: {type(error).__name__}")
            raise

    async def _commit(self) -> None:
        """Commit all there is. Doing it again after a failure or a cancellation is harmless: the last values win."""
        self._drop_timer()
        waiters, self._waiters = self._waiters, []
        rows = self._rows.overlay.lift()
        size, begun = self._rows.overlay.size, perf_counter()
        try:
            await self._write(rows)
        except ENDS:
            self._waiters = waiters + self._waiters
            raise
        except BaseException as error:  # noqa: BLE001 - a commit is tried again, whatever kept it back
            self._failed(str(error) if isinstance(error, StorageError) else f"cannot write {self.path}: {error!r}")
            self._answer(waiters, self._failure)
            return
        if self._failure:
            _log.info("%s is written again; nothing was lost", self.path)
            self.on_trouble("recovered", self.path.name, "it is written again; nothing was lost")
        self._failure = ""
        self._retry_delay = self._window
        if rows:
            total = self._committed
            self._committed = StorageStats(
                rows=total.rows + len(rows),
                bytes=total.bytes + size,
                commits=total.commits + 1,
                commit_s=total.commit_s + perf_counter() - begun,
            )
        self._answer(waiters, "")
        async with self._settled:
            self._rows.overlay.land()

    async def _write(self, rows: list[tuple[str, str, Held | None]]) -> None:
        kept: list[tuple[object, ...]] = [(namespace, key, *row) for namespace, key, row in rows if row is not None]
        if self._lifetime.is_used and (rows or self._is_closing):
            kept.append((*sql.CLOCK, self._lifetime.now(), None))
        gone = [(namespace, key) for namespace, key, row in rows if row is None]
        all_: list[Statement] = [(sql.UPSERT, kept), (sql.DELETE, gone), *self._log.lift(is_last=self._is_closing)]
        if wanted := [one for one in all_ if one[1]]:
            try:
                await self._file.write(wanted)
            finally:
                self._tell_repair()
        self._log.land()

    def _failed(self, failure: str) -> None:
        if failure != self._failure:
            _log.error("%s; what is to be written is kept in memory and tried again", failure)
            self.on_trouble("failing", self.path.name, failure)
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
