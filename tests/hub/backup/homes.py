"""A small home on the disk, and backups of it."""

import asyncio
import json
import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any

from hub.backup.gathering import Home
from hub.backup.making import BackupInfo, Order, make
from hub.backup.trial import workplace
from hub.storage.sqlite import SqliteEngine
from hub.tasks import TaskGroup


def quiet(_text: str, _done: float) -> None:
    """Tell nobody."""


async def _with_registry(path: Path, values: dict[str, Any] | None = None) -> Any:  # noqa: ANN401 - JSON
    engine = SqliteEngine(path, tasks=TaskGroup("test"))
    await engine.open()
    try:
        store = engine.namespace("devices")
        if values is not None:
            await store.set_many(values)
        return dict(await store.list())
    finally:
        await engine.close()


def keep(path: Path, **values: object) -> None:
    """Write values into a registry with the real engine."""
    asyncio.run(_with_registry(path, values))


def kept(path: Path) -> dict[str, Any]:
    """What a registry holds, read with the real engine."""
    found: dict[str, Any] = asyncio.run(_with_registry(path))
    return found


def home(folder: Path, lamp: str = "Hall lamp") -> Home:
    """A home with a registry, a configuration, an automation and a plugin's database."""
    (folder / "automations").mkdir(parents=True)
    (folder / "plugins" / "radio").mkdir(parents=True)
    (folder / "logs").mkdir()
    (folder / "hub.toml").write_text('[hub]\nname = "Cottage"\n')
    (folder / "automations" / "bell.py").write_text("# a bell\n" * 50)
    (folder / "logs" / "hub.log").write_text(json.dumps({"message": "not to be kept"}))
    with closing(sqlite3.connect(folder / "plugins" / "radio" / "radio.db")) as db:
        db.execute("PRAGMA journal_mode = WAL")
        db.execute("CREATE TABLE network (key TEXT, counter INTEGER)")
        db.execute("INSERT INTO network VALUES ('00112233', 4711)")
        db.commit()
    keep(folder / "hub.db", lamp=lamp)
    return Home("Cottage", folder, folder / "hub.db", folder / "telemetry.db", (folder / "hub.toml",))


def back_up(one: Home, folder: Path, passphrase: str = "", *, telemetry: bool = False) -> BackupInfo:
    """A backup of a home that nobody runs."""
    folder.mkdir(exist_ok=True)
    with workplace(folder) as work:
        return make(one, Order(folder, work, passphrase, telemetry, {"radio": "1.0"}), quiet)
