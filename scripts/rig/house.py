"""The hub's real engines on a disk in memory.

Their clock is turned by hand and all is done in one thread, so the same dice give the same run.
"""

import asyncio
import itertools
import sqlite3
from collections.abc import Callable
from pathlib import Path
from random import Random
from typing import Any, override

import msgspec

from hub.bus import EventBus
from hub.journal import Journal
from hub.journal.file import JournalFile
from hub.journal.retention import Limits
from hub.journal.rules import Rules
from hub.state import StateEngine
from hub.storage.file import SCHEMA, FileDamagedError, FileUnreachableError, Schema, explain, is_damage, prepare
from hub.storage.sqlite import SqliteEngine
from hub.tasks import TaskGroup
from hub.testing import ManualClock
from hub.types import Event
from scripts.rig.connection import Connection
from scripts.rig.disk import Disk
from scripts.rig.vfs import DiskFiles

REGISTRY, TELEMETRY = Path("/rig/hub.db"), Path("/rig/telemetry.db")
STORAGE_WINDOW, JOURNAL_WINDOW = 0.25, 5.0  # s, as the hub's defaults
KINDS = {"rang": "alarm", "said": "normal", "measured": "bulk"}

_names = itertools.count()


class OneThread(asyncio.SelectorEventLoop):
    """A loop that does a thread's work at once and tells of it some turns later."""

    dice: Random

    @override
    def run_in_executor(self, executor: Any, func: Callable[..., Any], *args: Any) -> Any:  # type: ignore[override]
        told = self.create_future()
        try:
            answer, error = func(*args), None
        except Exception as fault:  # noqa: BLE001 - it is the waiting one's
            answer, error = None, fault

        def tell(turns: int) -> None:
            if turns:
                self.call_soon(tell, turns - 1)
            elif not told.done():
                told.set_exception(error) if error else told.set_result(answer)

        tell(self.dice.randrange(3))
        return told


def opener(disk: Disk, pages: int = 1000) -> Callable[..., Any]:
    """What opens files on a disk as the hub does; the log goes to the file after so many pages."""
    name = f"rig{next(_names)}"
    vfs = DiskFiles(name, disk)

    def opened(path: Path, schema: Schema = SCHEMA, *, may_make: bool = True) -> Any:  # noqa: ANN401
        if not may_make and str(path) not in disk.files:
            raise FileUnreachableError(f"storage {path} is gone")
        connection: Any = None
        try:
            connection = Connection(str(path), vfs.name)
            prepare(connection, path, schema)
            connection.execute(f"PRAGMA wal_autocheckpoint = {pages}")
        except BaseException as error:
            if connection is not None:
                connection.close()
            if not isinstance(error, sqlite3.Error):
                raise
            kind = FileDamagedError if is_damage(error) else FileUnreachableError
            raise kind(explain("open", path, error)) from error
        return connection

    return opened


class House:
    """Storage, state and journal on one disk."""

    def __init__(self, disk: Disk, clock: ManualClock, dice: Random, limit: int = 60_000) -> None:
        self.disk = disk
        disk.now = clock.monotonic
        self.clock = clock
        self.tasks = TaskGroup("rig", lambda _name, _error: None)
        self.bus = EventBus()
        self.state = StateEngine(self.bus, clock)
        opened = opener(disk, dice.choice([8, 40, 1000]))
        self.storage = SqliteEngine(
            REGISTRY, tasks=self.tasks, commit_window=STORAGE_WINDOW, clock=clock, opener=opened
        )
        self.file = JournalFile(TELEMETRY, Limits(limit), opened)
        self.published: list[tuple[str, str, Any, float]] = []
        for type_ in KINDS:
            self.bus.declare(type_, None, "rig")
        self.bus.subscribe("**", self._note, priority=1, tasks=self.tasks)
        self.journal = Journal(
            self.file,
            Rules(alarm=["rang"], bulk=["measured"]),
            bus=self.bus,
            state=self.state,
            store=self.storage.namespace("_journal"),
            tasks=self.tasks,
            clock=clock,
            commit_window=JOURNAL_WINDOW,
        )
        self.space = self.storage.namespace("rig")
        self.first = 0
        """The number before that of the first event published here."""

    def _note(self, event: Event) -> None:
        data = msgspec.json.decode(msgspec.json.encode(event.data))
        self.published.append((event.type, event.subject, data, self.clock.monotonic()))

    async def open(self) -> None:
        """Open both files; the states are back then."""
        await self.storage.open()
        await self.journal.open()
        self.first = self.file.last

    async def leave(self) -> None:
        """Let go of it as a power cut does: nothing more is written."""
        self.disk.cut()
        await self.tasks.cancel()
        self.file.close()
        for work in (self.journal.close, self.storage.close):
            try:
                await work()
            except Exception as error:  # noqa: BLE001 - the disk is dead
                self.last_error = error

    async def check(self) -> None:
        """Look through both files. Raises StorageError when one is damaged."""
        self.file.attempt("read", _sound)
        await self.storage.check()


def _sound(db: sqlite3.Connection) -> None:
    [(found,)] = db.execute("PRAGMA integrity_check(1)").fetchall()
    if found != "ok":
        raise FileDamagedError(str(found))
