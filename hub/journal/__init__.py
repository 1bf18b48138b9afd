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
from functools import partial

from hub.api import Clock, Storage
from hub.bus import EventBus
from hub.errors import StorageError
from hub.journal.cursor import Cursor
from hub.journal.file import JournalFile, Pending
from hub.journal.numbers import CURSORS, Numbers
from hub.journal.reading import CHANGED
from hub.journal.records import KINDS, Gap, Kind, Page, Record
from hub.journal.rules import Rules
from hub.journal.timing import Timing
from hub.journal.waiting import Waiting, lightened
from hub.state import StateEngine
from hub.stats import JournalStats
from hub.storage import OnTrouble, unheard
from hub.storage.file import FileUnreachableError
from hub.tasks import ENDS, TaskGroup
from hub.types import Event, Undo

__all__ = ["KINDS", "Gap", "Journal", "Kind", "Page", "Record"]

_BATCH = 2000  # events that are enough for a commit
_MOST = 4000  # of one commit
_WAITING = 20_000  # events that may wait in memory
_FULL = 100_000  # at which they are too many although the disk has not answered yet
_SNAPSHOT = 5000  # events and states since the last one
_MUCH = 1_000_000_000
_PLAIN = 4  # parts of a row that an event tells all of
_TOLD = (None,) * _PLAIN
_RETRY_LONGEST = 30.0
_LEAD = 0.05  # seconds for a commit itself, which is to be over when the window is
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
        self._timing = Timing(state)
        self._store = store
        self._numbers = Numbers(store)
        self._tasks = tasks
        self._clock = clock
        self._window = commit_window
        self._thread = ThreadPoolExecutor(1, "journal")
        self._events: list[Waiting] = []
        self._dropped = [0, 0, 0]
        self._unkept: Pending | None = None  # what failed; it is tried again as it is, before anything else
        self._limit = _BATCH
        self._told = 0  # events and rows of states since the snapshot
        self._is_restored = False
        self.on_trouble: OnTrouble = unheard
        self._failure = self._repaired = ""
        self._retry = commit_window
        self._commits = 0
        self._cursors: dict[str, Cursor] = {}
        self._committing = asyncio.Lock()
        self._wake = asyncio.Event()
        self._news = asyncio.Event()
        self._undo_timer: Undo | None = None
        self._undos: list[Undo] = []
        self._writer: asyncio.Task[None] | None = None

    # Its life

    async def open(self) -> int:
        """Open the file, bring back the states and begin to record; returns how many states came back.

        Without its disk it records in memory, and brings them back when the disk is there. Raises StorageError when the
        file is not this hub's.
        """
        given, restored = await self._numbers.load(), 0
        try:
            await self._run(self._file.open, self._numbers.reserved, given)
            restored = await self._restore()
        except FileUnreachableError as error:
            self._failed(error)
        except BaseException:
            await self._run(self._file.close)
            raise
        self._tell_repair()
        self._state.on_change = self._arm
        self._undos = [
            self._timing.hear(self._bus, self._tasks),
            self._bus.subscribe("**", self._record, tasks=self._tasks),
        ]
        self._writer = self._tasks.start("journal", self._write_forever())
        self._arm()
        return restored

    async def _restore(self) -> int:
        """Bring back the states of the file; what was set since the start wins."""
        rows = await self._run(self._file.states)
        restored = self._state.restore(rows)
        self._told, self._is_restored = len(rows), True
        await self._numbers.reserve(self._file.last)
        return restored

    async def close(self) -> None:
        """Keep what is left and close the file. Raises StorageError when that could not be done."""
        writer, self._writer = self._writer, None
        if writer is None:
            return
        for undo in self._undos:
            undo()
        self._state.on_change = _nothing
        writer.cancel()
        await asyncio.wait([writer])
        try:
            await self._commit()
            if self._file.is_loaded:
                await self._numbers.settle(self._file.last)
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

    @property
    def last(self) -> int:
        """The newest number that was given; 0 until the file was there."""
        return self._file.last

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
        place = await self._store.get(f"{CURSORS}{name}", after)
        if self._file.is_loaded:
            place = min(place, self._file.last)  # it would pass over what comes
        return self._cursors.setdefault(name, Cursor(self, self._store, name, place, self._cursors))

    async def cursors(self) -> dict[str, int]:
        """Where each named cursor stands."""
        return {key.removeprefix(CURSORS): place for key, place in await self._store.list(CURSORS)}

    # Writing

    def _record(self, event: Event) -> None:
        kind = self._rules.kind(event)
        if kind >= 0:
            self._events.append((kind, event))
            if kind == _ALARM or len(self._events) >= self._limit:
                self._wake.set()
                if len(self._events) > _FULL:
                    self._make_room()
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
        try:
            async with self._committing:
                if self._undo_timer is not None:
                    self._undo_timer()
                    self._undo_timer = None
                await self._commit_all()
        except ENDS:
            self._arm()  # who waited was cancelled, and with that perhaps the work
            raise
        except StorageError as error:
            self._failed(error)
        except BaseException as error:  # noqa: BLE001 - the recording never ends
            _LOG.error("the journal failed: %s", error, exc_info=error)
            self._failed(StorageError(f"cannot write storage {self._file.path}: {type(error).__name__}: {error}"))

    async def _commit_all(self) -> None:
        if not self._is_restored:
            _LOG.info("%s is there, and %d states came back", self._file.path, await self._restore())
            self._went_well()
        left, is_new = self._waiting(), False
        while (left > 0 or not is_new) and (pending := self._unkept or self._gathered()):
            left -= len(pending.events)
            is_new = self._unkept is None
            self._unkept = pending
            await self._numbers.reserve(self._file.last, sum(pending.dropped) + len(pending.events))
            await self._run(self._file.store, pending)
            self._unkept = None
            self._commits += 1
            self._told = 0 if pending.is_snapshot else self._told + len(pending.events) + len(pending.states)
            self._went_well()
            self._tell_unpackable()
            self._tell_repair()

    def _tell_unpackable(self) -> None:
        told, self._file.unpackable = self._file.unpackable, []
        for one in told:
            type_, subject, source = one.event.type, one.event.subject, one.event.source
            _LOG.error("%s %r of %r is not recorded, as it cannot be encoded: %s", type_, subject, source, one.why)
            if type_ == CHANGED:
                self._state.put_back((subject,))
                self._arm()

    def _gathered(self) -> Pending | None:
        """What the next commit is to take: the oldest events, and what no waiting event tells of the states."""
        events, self._events = self._events[:_MOST], self._events[_MOST:]
        changes = self._state.changes()
        later = {event.subject for _, event in self._events if event.type == CHANGED}
        told = later.union(event.subject for _, event in events if event.type == CHANGED)
        # What an event does not tell is laid over the events of its commit, and once more over those that are to come.
        self._state.put_back(path for path in later if len(changes.get(path, _TOLD)) != _PLAIN)
        rows = [row for path, row in changes.items() if path not in told or len(row) != _PLAIN]
        if is_snapshot := self._file.is_over or self._told > max(_SNAPSHOT, 4 * len(self._state)):
            rows = self._state.rows()
        dropped, self._dropped = tuple(self._dropped), [0, 0, 0]
        if not (events or rows or any(dropped)):
            return None
        trusted = self._timing.is_trusted(is_all=not self._events)
        return Pending(events, rows, is_snapshot, dropped, self._clock.now(), trusted)

    def _went_well(self) -> None:
        if self._failure:
            _LOG.info("%s is written again; nothing was lost that is not told as a gap", self._file.path)
            self.on_trouble("recovered", self._file.path.name, "it is written again; what was lost is told as a gap")
        self._failure, self._retry, self._limit = "", self._window, _BATCH
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
        self._make_room()
        self._arm()

    def _make_room(self) -> None:
        if (over := self._waiting() - _WAITING) > 0:
            self._events, paths = lightened(self._events, over, self._dropped)
            self._state.put_back(paths)  # no event tells of them any more

    async def _run[**P, T](self, work: Callable[P, T], *arguments: P.args, **named: P.kwargs) -> T:
        loop = asyncio.get_running_loop()
        return await loop.run_in_executor(self._thread, partial(work, *arguments, **named))


def _nothing() -> None:
    """Nothing is kept any more."""
