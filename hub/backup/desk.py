"""The services that a running hub offers: make a backup, list those in a folder, check one."""

import asyncio
import sqlite3
import threading
from collections.abc import AsyncGenerator, Callable
from pathlib import Path
from typing import Any, Protocol

import msgspec
from msgspec.structs import replace

from hub import logs
from hub.backup import databases
from hub.backup.archive import Manifest, Tell
from hub.backup.gathering import Home
from hub.backup.making import BackupInfo, Order, make, make_folder
from hub.backup.shelf import FOLDER, list_backups
from hub.backup.trial import verify, workplace
from hub.errors import BackupError, HubError, StorageError
from hub.storage import StorageEngine
from hub.tasks import TaskGroup

type Parts = dict[str, int]


class Copied(Protocol):
    """What can copy its own file, which nobody else may open."""

    async def backup(self, target: sqlite3.Connection) -> None:
        """Copy all that was written before."""


class Registry(StorageEngine, Copied, Protocol):
    """A hub's own storage: one that can be copied."""


class BackupStep(msgspec.Struct, frozen=True):
    """How far a backup is (0 to 1), and the backup at last."""

    text: str
    done: float
    backup: BackupInfo | None = None


class BackupContent(msgspec.Struct, frozen=True):
    """What is in a backup: what it is of, the size in bytes of each part, and why what is `missing` was unreadable."""

    file: str
    made: int
    hub: str
    hub_version: str
    plugins: dict[str, str]
    parts: Parts
    left_out: list[str]
    missing: dict[str, str]

    @classmethod
    def of(cls, path: Path, manifest: Manifest) -> "BackupContent":
        """From its manifest."""
        head, sizes = manifest.head, {part.name: part.size for part in manifest.parts}
        left_out, missing = manifest.left_out, manifest.missing
        return cls(str(path), head.made, head.hub, head.hub_version, manifest.plugins, sizes, left_out, missing)


class BackupDesk:
    """One at a time is made; the copying of files, and all that takes time, happens in threads."""

    def __init__(
        self,
        home: Callable[[], Home],
        plugins: Callable[[], dict[str, str]],
        registry: Copied,
        telemetry: Copied,
        tasks: TaskGroup,
    ) -> None:
        self._home = home
        self._plugins = plugins
        self._registry = registry
        self._telemetry = telemetry
        self._tasks = tasks
        self._making = asyncio.Lock()

    async def create(
        self,
        folder: str = "",
        passphrase: str = "",
        telemetry: bool = False,  # noqa: FBT001, FBT002 - an argument of a service
    ) -> AsyncGenerator[BackupStep]:
        """Back this hub up into a new file in `folder` (default: `backups` in the data folder); tells how far it is.

        With a passphrase it is encrypted. `telemetry` takes the journal along. The last step has the backup, which was
        restored on trial before.
        """
        logs.hide(passphrase)
        steps: asyncio.Queue[BackupStep | None] = asyncio.Queue()
        wanted = Order(self._folder(folder), self._home().data / FOLDER, passphrase, telemetry, self._plugins())
        work = self._tasks.start("backs up", self._create(wanted, steps))
        work.add_done_callback(lambda _task: steps.put_nowait(None))
        while (step := await steps.get()) is not None:
            yield step
        done = work.result()
        if isinstance(done, HubError):
            raise done
        yield BackupStep("done", 1.0, done)

    async def list(self, folder: str = "") -> list[BackupInfo]:
        """The backups in a folder (default: `backups` in the data folder), newest first; none is unpacked for it."""
        return await asyncio.to_thread(list_backups, self._folder(folder))

    async def verify(self, file: str, passphrase: str = "") -> BackupContent:
        """Restore a backup on trial, and say what is in it; an error says what is not good."""
        logs.hide(passphrase)
        path, place = Path(file), self._home().data / FOLDER
        manifest = await self._in_thread(lambda tell: verify(path, passphrase, place, tell), lambda _text, _done: None)
        return BackupContent.of(path, manifest)

    async def _create(self, order: Order, steps: asyncio.Queue[BackupStep | None]) -> BackupInfo | HubError:
        """An error is for who asked, if he still waits; it is no fault of the hub's."""

        def tell(text: str, done: float) -> None:
            steps.put_nowait(BackupStep(text, done))

        try:
            async with self._making:
                for folder in (order.folder, order.work):
                    await asyncio.to_thread(make_folder, folder)
                place = workplace(order.work)
                work = await asyncio.to_thread(place.__enter__)
                try:
                    tell("copying what is in use", 0.0)
                    await _copy(self._registry, work / "registry")
                    unread = await self._copy_telemetry(work / "telemetry") if order.telemetry else {}
                    home, wanted = self._home(), replace(order, work=work, unread=unread)
                    return await self._in_thread(lambda tell: make(home, wanted, tell), tell)
                finally:
                    await asyncio.shield(asyncio.to_thread(place.__exit__, None, None, None))
        except HubError as error:
            return error
        except OSError as error:
            return BackupError(f"a backup in {order.folder} cannot be made: {error.strerror} ({error.filename})")

    async def _copy_telemetry(self, target: Path) -> dict[str, str]:
        """Why it cannot be copied, if so: the rest is backed up without it."""
        try:
            await _copy(self._telemetry, target)
            damage = await asyncio.to_thread(databases.damage, target)
        except StorageError as error:
            damage = str(error)
        if damage:
            await asyncio.to_thread(target.unlink)
        return {"telemetry": damage} if damage else {}

    def _folder(self, named: str) -> Path:
        return Path(named).expanduser() if named else self._home().data / FOLDER

    async def _in_thread[T](self, work: Callable[[Tell], T], tell: Tell) -> T:
        """Work in a thread, which ends when this is cancelled."""
        loop, given_up = asyncio.get_running_loop(), threading.Event()
        told: tuple[str, int] = "", -1

        def hear(text: str, done: float) -> None:
            nonlocal told
            if given_up.is_set():
                raise BackupError("the backup was given up, as the hub stops")
            if (text, int(100 * done)) != told:
                told = text, int(100 * done)
                loop.call_soon_threadsafe(tell, text, done)

        try:
            return await asyncio.to_thread(work, hear)
        finally:
            given_up.set()


async def _copy(source: Copied, target: Path) -> None:
    copy = await asyncio.to_thread(databases.empty, target)
    try:
        await source.backup(copy)
        await asyncio.to_thread(databases.seal_off, copy)
    except sqlite3.Error as error:
        raise BackupError(f"{target} cannot be written: {error}") from error
    finally:
        await asyncio.shield(asyncio.to_thread(copy.close))


SERVICES: dict[str, Callable[..., Any]] = {
    "hub.create_backup": BackupDesk.create,
    "hub.backups": BackupDesk.list,
    "hub.verify_backup": BackupDesk.verify,
}
