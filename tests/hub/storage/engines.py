"""The engines under test: another one joins with one line in `FACTORIES`, and no test names it.

The tests of contract, model, transactions, ttl and watching then run on it as well; an engine that passes them keeps
what `hub.api.Storage` promises.
"""

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path

from hub.storage import Namespace, StorageEngine
from hub.storage.memory import MemoryEngine
from hub.storage.sqlite import SqliteEngine
from hub.tasks import TaskGroup
from hub.testing import ManualClock

_memories: dict[Path, MemoryEngine] = {}


def sqlite(folder: Path, clock: ManualClock | None = None) -> SqliteEngine:
    return SqliteEngine(folder / "hub.db", tasks=TaskGroup("hub"), clock=clock)


def memory(folder: Path, clock: ManualClock) -> MemoryEngine:
    return _memories.setdefault(folder, MemoryEngine(clock))


FACTORIES: dict[str, Callable[[Path, ManualClock], StorageEngine]] = {
    "memory": memory,
    "sqlite": sqlite,
}
"""Each gives the engine of the next run on what the folder holds; the one before has been closed."""


class Store:
    """An engine, and how to take it through restarts; its clock stands still."""

    def __init__(self, kind: str, folder: Path) -> None:
        self.clock = ManualClock()
        self._make = FACTORIES[kind]
        self._folder = folder
        self.engine = self._make(folder, self.clock)

    def space(self, name: str = "a") -> Namespace:
        return self.engine.namespace(name)

    async def restart(self, after: float = 0.0) -> None:
        """Close it, and open it again some time later."""
        await self.engine.close()
        await self.clock.advance(after)
        self.engine = self._make(self._folder, self.clock)
        await self.engine.open()


@asynccontextmanager
async def opened(engine: SqliteEngine) -> AsyncIterator[SqliteEngine]:
    await engine.open()
    try:
        yield engine
    finally:
        await engine.close()
