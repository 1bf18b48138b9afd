"""The engines under test, and how to take one through a restart."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from hub.storage import StorageEngine
from hub.storage.memory import MemoryEngine
from hub.storage.sqlite import SqliteEngine
from hub.tasks import TaskGroup
from hub.testing import ManualClock


def sqlite(folder: Path, clock: ManualClock | None = None) -> SqliteEngine:
    return SqliteEngine(folder / "hub.db", tasks=TaskGroup("hub"), clock=clock)


def make(kind: str, folder: Path) -> StorageEngine:
    return MemoryEngine() if kind == "memory" else sqlite(folder)


def restarted(engine: StorageEngine, folder: Path) -> StorageEngine:
    """Give the engine of the next run on the same data."""
    return engine if isinstance(engine, MemoryEngine) else sqlite(folder)


@asynccontextmanager
async def opened(engine: SqliteEngine) -> AsyncIterator[SqliteEngine]:
    await engine.open()
    try:
        yield engine
    finally:
        await engine.close()
