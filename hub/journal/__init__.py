"""The durable log of events, and with them the states.

Whatever is published gets a number in the commit that keeps it, at most `commit_window` seconds later; an alarm is
committed at once. Named cursors read from their own place, at least once and in order. The numbers have no holes, so
whoever reads sees what is missing as a gap. While the file cannot be written, events wait in memory; when they become
too many the oldest are dropped, bulk first and alarms last, and are a gap as well.
"""

import asyncio
import logging
import sqlite3
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from functools import partial
from typing import Any

from hub.api import Clock, Storage
from hub.bus import EventBus
from hub.errors import StorageError
from hub.journal.cursor import Cursor
from hub.journal.file import JournalFile, Pending
from hub.journal.reading import CHANGED
from hub.journal.records import KINDS, Gap, Kind, Page, Record
from hub.journal.rules import Rules
from hub.state import StateEngine
from hub.stats import JournalStats
from hub.storage import OnTrouble, unheard
from hub.storage.file import FileUnreachableError
from hub.tasks import TaskGroup
from hub.types import Event, Undo

__all__ = ["KINDS", "Gap", "Journal", "Kind", "Page", "Record"]

_BATCH = 2000  # events that are enough for a commit
_MOST = 4000  # of one commit
_WAITING = 20_000  # events that may wait in memory
_RESERVE = 100_000  # numbers that may be given before the next note of how far they went
_SNAPSHOT = 5000  # events and states since the last one
_MUCH = 1_000_000_000
_PLAIN = 4  # parts of a row that an event tells all of
_RETRY_LONGEST = 30.0
_LEAD = 0.05  # seconds for a commit itself, which is to be over when the window is
_TRUSTED = "clock/trusted"
_ALARM = KINDS.index("alarm")
_LOG = logging.getLogger("hub.journal")


class Journal:
    """Records what the bus tells and what the states are; `store` keeps which numbers may be in use."""

    def __init__(  # noqa: PLR0913 - what it joins
        self,
        file: JournalFile,
        rules: Rules,
        *,
        bus: EventBus,
        state: StateEngine,
        store: Storage,
        tasks: TaskGroup,
        clock: Clock,
        commit_window: float = 5.0,
    ) -> None:
        self._file = file
        self._rules = rules
        self._bus = bus
        self._state = state
        self._store = store
        self._tasks = tasks
        self._clock = clock
        self._window = commit_window
        self._thread = ThreadPoolExecutor(1, "journal")
        self._events: list[tuple[int, Event]] = []
        self._dropped = [0, 0, 0]
        self._unkept: Pending | None = None  # what failed; it is tried again as it is, before anything else
        self._limit = _BATCH
        self._told = 0  # events and rows of states since the snapshot
        self._reserved = 0
        self.on_trouble: OnTrouble = unheard
        self._failure = self._repaired = ""
        self._retry = commit_window
        self._commits = 0
        self._cursors: dict[str, Cursor] = {}
        self._committing = asyncio.Lock()
        self._wake = asyncio.Event()
        self._news = asyncio.Event()
        self._undo_timer: Undo | None = None
        self._undo: Undo | None = None
        self._writer: asyncio.Task[None] | None = None

    # Its life

    async def open(self) -> int:
        """Open the file, bring back the states and begin to record; returns how many states came back.

        Without its disk it records in memory. Raises StorageError when the file is not this hub's.
        """
        self._reserved = await self._store.get("reserved", 0)
        rows: list[Any] = []
        try:
            rows = await self._run(self._restored)
        except FileUnreachableError as error:
            self._failed(error)
        except BaseException:
            await self._run(self._file.close)
            raise
        await self._reserve()
        restored = self._state.restore(rows)
        self._told = len(rows)
        self._tell_repair()
        self._state.on_change = self._arm
        self._undo = self._bus.subscribe("**", self._record, tasks=self._tasks)
        self._writer = self._tasks.start("journal", self._write_forever())
        self._arm()
        return restored

    def _restored(self) -> list[Any]:
        self._file.open(self._reserved)
        return self._file.states()

    async def close(self) -> None:
        """Keep what is left and close the file. Raises StorageError when that could not be done."""
        writer, self._writer = self._writer, None
        if writer is None:
            return
        if self._undo is not None:
            self._undo()
        self._state.on_change = _nothing
        writer.cancel()
        await asyncio.wait([writer])
        try:
            await self._commit()
            await self._store.set("reserved", self._file.last)
        finally:
            await self._run(self._file.close)
            self._thread.shutdown(wait=False)
        if self._failure:
            raise StorageError(f"{self._waiting()} events could not be kept when the hub stopped: {self._failure}")

    async def flush(self) -> None:
        """Return when all that was told before is on the disk. Raises StorageError when it cannot be kept now."""
        await self._commit()
        if self._failure:
            raise StorageError(self._failure)

    async def backup(self, target: sqlite3.Connection) -> None:
        """Copy the file, with all that was told before, into another database. Raises StorageError."""
        await self.flush()
        await self._run(self._file.backup, target)

    def stats(self) -> JournalStats:
        """How much it holds, and what is wrong."""
        gaps = self._file.missing()
        return JournalStats(
            last=self._file.last,
            missing=sum(gap.count for gap in gaps),
            waiting=self._waiting(),
            commits=self._commits,
            bytes=dict(zip(KINDS, self._file.kept_bytes, strict=True)),
            failure=self._failure,
            repaired=self._repaired,
            written=dict(self._file.shares),
        )

    async def check(self) -> str:
        """Look through the whole file, while it goes on; says what was damaged and done about it, or nothing."""
        missing, before = self.stats().missing, self._file.repaired
        place = 0
        while place := await self._run(self._file.check, place):
            pass
        self._tell_repair()
        lost = self.stats().missing - missing
        return self._file.repaired if self._file.repaired != before else f"{lost} events are damaged" if lost else ""

    # Reading

    async def read(self, after: int = 0, limit: int = 1000) -> Page:
        """What was recorded behind the number `after`, in order; empty when there is no more."""
        page = await self._run(self._file.read, after, limit)
        self._tell_repair()
        return page

    async def missing(self) -> list[Gap]:
        """All that is gone, summed up by class and reason."""
        return await self._run(self._file.missing)

    async def grown(self, after: int) -> None:
        """Return when there is something behind the number `after`."""
        while self._file.last <= after:
            await self._news.wait()

    async def cursor(self, name: str, *, after: int = 0) -> Cursor:
        """Give the named cursor, to all who ask the same; a new one stands at `after`."""
        if name in self._cursors:
            return self._cursors[name]
        place = await self._store.get(f"cursor/{name}", after)
        return self._cursors.setdefault(name, Cursor(self, self._store, name, place, self._cursors))

    async def cursors(self) -> dict[str, int]:
        """Where each named cursor stands."""
        return {key.removeprefix("cursor/"): place for key, place in await self._store.list("cursor/")}

    # Writing

    def _record(self, event: Event) -> None:
        kind = self._rules.kind(event)
        if kind >= 0:
            self._events.append((kind, event))
            if kind == _ALARM or len(self._events) >= self._limit:
                self._wake.set()
            elif self._undo_timer is None:
                self._arm()

    def _arm(self) -> None:
        if self._undo_timer is None:
            delay = self._retry if self._failure else self._window - min(_LEAD, self._window / 10)
            self._undo_timer = self._clock.call_later(delay, self._wake.set)

    async def _write_forever(self) -> None:
        while True:
            await self._wake.wait()
            self._wake.clear()
            await self._commit()

    def _waiting(self) -> int:
        return len(self._events) + (len(self._unkept.events) if self._unkept else 0)

    async def _commit(self) -> None:
        """Commit all there is now, and not what comes meanwhile; what fails is kept, and tried again later."""
        async with self._committing:
            if self._undo_timer is not None:
                self._undo_timer()
                self._undo_timer = None
            left, is_new = self._waiting(), False
            while (left > 0 or not is_new) and (pending := self._unkept or self._gathered()):
                left -= len(pending.events)
                is_new = self._unkept is None
                self._unkept = pending
                try:
                    await self._run(self._file.store, pending)
                except StorageError as error:
                    self._failed(error)
                    return
                self._unkept = None
                self._told = 0 if pending.is_snapshot else self._told + len(pending.events) + len(pending.states)
                self._went_well()
                self._tell_repair()
        await self._reserve()

    async def _reserve(self) -> None:
        """Note in time which numbers may be given: one that somebody read is not given again if the file is lost."""
        if self._file.last > self._reserved - _RESERVE // 2:
            self._reserved = self._file.last + _RESERVE
            with suppress(StorageError):  # the storage tells of it, and tries again
                await self._store.set("reserved", self._reserved, durable=True)

    def _gathered(self) -> Pending | None:
        """What the next commit is to take: the oldest events, and what no waiting event tells of the states."""
        events, self._events = self._events[:_MOST], self._events[_MOST:]
        changes = self._state.changes()
        told = {event.subject for _, event in (*events, *self._events) if event.type == CHANGED}
        rows = [row for path, row in changes.items() if path not in told or len(row) != _PLAIN]
        if is_snapshot := self._file.is_over or self._told > max(_SNAPSHOT, 4 * len(self._state)):
            rows = self._state.rows()
        dropped, self._dropped = tuple(self._dropped), [0, 0, 0]
        if not (events or rows or any(dropped)):
            return None
        verdict = self._state.entry(_TRUSTED)  # one from before the start, or of half the time, tells too little
        trusted = _TRUSTED not in told and (verdict is None or (bool(verdict.value) and not verdict.restored))
        return Pending(events, rows, is_snapshot, dropped, self._clock.now(), trusted)

    def _went_well(self) -> None:
        if self._failure:
            _LOG.info("%s is written again; nothing was lost that is not told as a gap", self._file.path)
            self.on_trouble("recovered", self._file.path.name, "it is written again; what was lost is told as a gap")
        self._failure, self._retry, self._limit = "", self._window, _BATCH
        self._commits += 1
        self._news.set()
        self._news = asyncio.Event()

    def _tell_repair(self) -> None:
        if self._file.repaired != self._repaired:
            self._repaired = self._file.repaired
            self._told = _MUCH  # the next commit keeps all states
            _LOG.error("%s", self._repaired)
            self.on_trouble("repaired", self._file.path.name, self._repaired)

    def _failed(self, error: StorageError) -> None:
        failure = str(error)
        if failure != self._failure:
            self._failure = failure
            _LOG.error("%s; events and states are kept in memory and tried again", failure)
            self.on_trouble("failing", self._file.path.name, failure)
        self._retry = min(max(2 * self._retry, 0.1), _RETRY_LONGEST)
        self._limit = _WAITING * 5 // 4
        over = self._waiting() - _WAITING
        for kind in reversed(range(len(KINDS))):
            count = min(over, sum(one[0] == kind for one in self._events))
            if count > 0:
                self._drop(kind, count)
                over -= count
        self._arm()

    def _drop(self, kind: int, count: int) -> None:
        """Give up the oldest of a class."""
        self._dropped[kind] += count
        kept: list[tuple[int, Event]] = []
        paths: set[str] = set()
        for one in self._events:
            if one[0] == kind and count:
                count -= 1
                if one[1].type == CHANGED:
                    paths.add(one[1].subject)
            else:
                kept.append(one)
        self._events = kept
        self._state.put_back(paths)  # no event tells of them any more

    async def _run[**P, T](self, work: Callable[P, T], *arguments: P.args, **named: P.kwargs) -> T:
        loop = asyncio.get_running_loop()
        return await loop.run_in_executor(self._thread, partial(work, *arguments, **named))


def _nothing() -> None:
    """Nothing is kept any more."""
