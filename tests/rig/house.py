"""The hub's own engines on a disk of the rig: bus, states, storage and journal, with what they are told noted."""

import random
from asyncio import AbstractEventLoop
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from pathlib import Path
from sqlite3 import Connection
from typing import NamedTuple, override
from unittest.mock import patch

import hub.bus
import hub.journal
import hub.state
import hub.storage.log
from hub.bus import EventBus
from hub.clock import SystemClock
from hub.journal import Journal
from hub.journal.file import JournalFile
from hub.journal.retention import Limits
from hub.journal.rules import Rules
from hub.state import StateEngine
from hub.storage.file import SCHEMA, Schema
from hub.storage.rows import Row
from hub.storage.sqlite import SqliteEngine
from hub.tasks import TaskGroup
from hub.types import Event
from tests.rig.ledger import Ledger

type Opener = Callable[..., Connection]

RULES = Rules(ignore=["noise", "hub.started"], alarm=["bell", "state.changed +/smoke"], bulk=["**.raw"])
TYPES = ("bell", "noise", "said", "sensor.raw")
SPACE = "house"
_EPOCH = 1_767_225_600_000_000_000
_ROOMY = Limits(1 << 30)


class Plan(NamedTuple):
    """How a house is set up and used; the windows are the hub's own defaults.

    `pages` is how long a log grows before its pages go to the file, if it is not as long as the hub's.
    """

    storage_window: float = 0.25
    journal_window: float = 5.0
    limits: Limits = _ROOMY
    pages: int = 0
    snapshot_every: int = 5000
    is_sick: bool = False
    is_calm: bool = False  # nothing asks for a commit before the window is over
    pace: float = 1.0  # of the pauses
    after_open: str = ""  # a statement that spoils it

    @classmethod
    def drawn(cls, dice: random.Random) -> "Plan":
        """One of many: small logs and small limits make often what else is rare."""
        tight = Limits(96 * 1024, days=(0, 6 / 86400, 2 / 86400))
        return cls(
            limits=tight if dice.random() < 0.4 else _ROOMY,
            pages=dice.choice((0, 3, 10, 40)),
            snapshot_every=dice.choice((20, 100, 5000)),
            is_sick=dice.random() < 0.2,
            is_calm=dice.random() < 0.3,
            pace=dice.choice((0.5, 1.0, 1.0, 5.0)),
        )


class HouseClock(SystemClock):
    """Wall time that goes with the loop's."""

    @override
    def now(self) -> int:
        return wall_time(self.monotonic())


def wall_time(seconds: float) -> int:
    """Wall time, ns since 1970, at a moment of the house's loop."""
    return _EPOCH + int(seconds * 1e9)


class NotedStorage(SqliteEngine):
    """Notes what becomes visible, in that order."""

    ledger: Ledger

    @override
    def tell(self, namespace: str, changes: Mapping[str, Row | None]) -> None:
        rows = {(namespace, key): row and (row.value, row.ttl is not None) for key, row in changes.items()}
        self.ledger.put(self._clock.monotonic(), rows)
        super().tell(namespace, changes)


class _States(StateEngine):
    """Notes each change, also of a lifetime."""

    ledger: Ledger
    clock: HouseClock

    @override
    def _mark(self, path: str) -> None:
        self.ledger.become(self.clock.monotonic(), path, plain(self._row(path)))
        super()._mark(path)


class House:
    """One life of a hub: from its start until the power goes, or to its end."""

    storage_class = NotedStorage
    file_class = JournalFile

    def __init__(self, plan: Plan, ledger: Ledger, opener: Opener, folder: Path) -> None:
        self.plan = plan
        self.ledger = ledger
        self.folder = folder
        self.clock = clock = HouseClock()
        self.tasks = TaskGroup("house", self._failed)
        self.bus = EventBus(lambda owner, event, error: self._failed(f"{owner} on {event.type}", error))
        for name in (*TYPES, "hub.started"):
            self.bus.declare(name, None, "house")
        self.bus.subscribe("**", self._note, tasks=self.tasks, priority=1)
        self.state = _States(self.bus, clock)
        self.state.ledger, self.state.clock = ledger, clock

        def open_file(path: Path, schema: Schema = SCHEMA, *, may_make: bool = True) -> Connection:
            connection = opener(path, schema, may_make=may_make)
            if plan.pages:
                connection.execute(f"PRAGMA wal_autocheckpoint = {plan.pages}")
            if plan.after_open:
                connection.execute(plan.after_open)
            return connection

        self.storage = self.storage_class(
            folder / "hub.db", tasks=self.tasks, commit_window=plan.storage_window, clock=clock, opener=open_file
        )
        self.storage.ledger = ledger
        self.file = self.file_class(folder / "telemetry.db", plan.limits, open_file)
        self.space = self.storage.namespace(SPACE)
        self.journal = Journal(
            self.file,
            RULES,
            bus=self.bus,
            state=self.state,
            store=self.storage.namespace("_journal"),
            tasks=self.tasks,
            clock=clock,
            commit_window=plan.journal_window,
        )

    async def open(self) -> None:
        await self.storage.open()
        await self.journal.open()
        self.bus.publish("hub.started", "house")  # nobody judges the clock, so it is trusted from here on

    async def close(self) -> None:
        try:
            await self.journal.close()
        finally:
            await self.storage.close()

    async def abandon(self) -> None:
        """Let go of what a dead hub held."""
        await self.tasks.cancel()
        self.file.close()
        await self.storage._file.close()

    def _note(self, event: Event) -> None:
        kind = RULES.kind(event)
        if kind >= 0:
            self.ledger.tell(self.clock.monotonic(), kind, event)

    def _failed(self, what: str, error: BaseException) -> None:
        if not self.ledger.is_off():
            self.ledger.faults.append(f"refused: {what}: {error!r}")


def plain(row: tuple[object, ...]) -> tuple[object, ...] | None:
    """A state's row without its path and time; `None`: it is gone."""
    return None if len(row) == 1 else (row[1], row[2], *row[4:])


@contextmanager
def house_time(plan: Plan, loop: AbstractEventLoop) -> Iterator[None]:
    """Let events and states bear the house's time, and snapshots come as the plan says."""
    with ExitStack() as stack:
        for module in (hub.bus, hub.state, hub.storage.log):
            stack.enter_context(patch.object(module, "time_ns", lambda: wall_time(loop.time())))
        stack.enter_context(patch.object(hub.journal, "_SNAPSHOT", plan.snapshot_every))
        yield
