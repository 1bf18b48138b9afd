"""A bus, a state engine and the journal that records them, on a clock that stands still."""

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path

from hub.journal import Journal
from hub.journal.file import JournalFile
from hub.journal.retention import Limits
from hub.journal.rules import Rules
from hub.storage.memory import MemoryEngine
from hub.testing import ManualClock
from tests.hub.home import Home

WINDOW = 5.0
RULES = Rules(ignore=["noise", "state.changed secret"], alarm=["state.changed +/smoke", "bell"], bulk=["**.raw"])


class Recorder(Home):
    """A house whose journal is in `folder`; `store` outlives it."""

    def __init__(self, folder: Path, clock: ManualClock, store: MemoryEngine, limits: Limits) -> None:
        super().__init__(clock)
        self.clock = clock
        self.file = JournalFile(folder / "telemetry.db", limits)
        for name in ("bell", "hub.started", "noise", "sensor.raw", "said"):
            self.bus.declare(name, None, "test")
        self.journal = Journal(
            self.file,
            RULES,
            bus=self.bus,
            state=self.state,
            store=store.namespace("_journal"),
            tasks=self.tasks,
            clock=clock,
            commit_window=WINDOW,
        )

    def say(self, *values: object, type: str = "said") -> None:  # noqa: A002
        for value in values:
            self.bus.publish(type, "test", value)

    async def said(self, after: int = 0) -> Sequence[object]:
        return [one.data for one in (await self.journal.read(after)).records]


@asynccontextmanager
async def recording(
    folder: Path,
    clock: ManualClock | None = None,
    store: MemoryEngine | None = None,
    limits: Limits = Limits(1 << 30),  # noqa: B008 - immutable
) -> AsyncIterator[Recorder]:
    """A journal that is open inside the block, and the tasks' end."""
    clock = clock or ManualClock()
    store = store or MemoryEngine(clock)
    await store.open()
    home = Recorder(folder, clock, store, limits)
    try:
        await home.journal.open()
        yield home
    finally:
        try:
            await home.journal.close()
        finally:
            await home.tasks.cancel()
