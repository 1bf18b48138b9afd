"""A place for backups: the hub's own folder or one elsewhere, what was made there, and what is wrong with it."""

import asyncio
from pathlib import Path
from typing import Any

import msgspec

from hub.api import Context, HubError
from plugins.backup.thinning import spare

_LIMIT_S = 3600.0
_REMEMBERED = 1000


class PlaceError(HubError):
    """A place cannot be used now."""

    code = "backup_place"


class Settings(msgspec.Struct, frozen=True):
    """What is wanted of a place; an empty `folder` is the hub's own. With `mount` it must not be the hub's own disk."""

    folder: str = ""
    passphrase: str = ""
    daily: int = 7
    weekly: int = 4
    telemetry: bool = False
    mount: bool = False


class Memory(msgspec.Struct):
    """What is remembered of a place: since when it is one, when the last backup was made, and the names of all."""

    since: int
    made: int = 0
    names: dict[str, int] = {}


class Place:
    """Makes backups in one place, and removes those of its own that need not be kept."""

    def __init__(self, ctx: Context, name: str, settings: Settings) -> None:
        self.name = name
        self.settings = settings
        self.problem = ""
        self.try_at = 0.0
        self._ctx = ctx
        self._memory = Memory(0)

    @property
    def made(self) -> int:
        """When the last one was made, ns since 1970; 0: never."""
        return self._memory.made

    @property
    def reached(self) -> int:
        """Up to when all was done: the last backup, or else when there was nothing to be done yet."""
        return self._memory.made or self._memory.since

    async def load(self) -> None:
        """Remember."""
        found = await self._ctx.storage.get(self._key)
        if found is None:
            self._memory = Memory(self._ctx.clock.now())
            await self._save()
        else:
            self._memory = msgspec.convert(found, Memory)

    async def back_up(self) -> dict[str, Any]:
        """Make one, and remove what is spare. Raises HubError, and `problem` holds why, until it went well again."""
        try:
            made = await self._made()
        except HubError as error:
            self.problem = str(error)
            raise
        self.problem = ""
        path = Path(made["file"])
        names = self._memory.names = {**self._memory.names, path.name: made["made"]}
        self._memory.made = made["made"]
        for name in await asyncio.to_thread(_thinned, path.parent, names, self.settings):
            del names[name]
        for name in sorted(names, key=names.__getitem__)[:-_REMEMBERED]:
            del names[name]
        await self._save()
        return made

    async def _made(self) -> dict[str, Any]:
        settings = self.settings
        if settings.folder:
            await asyncio.to_thread(_look, Path(settings.folder), self._ctx.data_dir, mount=settings.mount)
        wanted: dict[str, Any] = {name: getattr(settings, name) for name in ("folder", "passphrase", "telemetry")}
        made: dict[str, Any] | None = None
        async for step in self._ctx.services.stream("hub.create_backup", timeout=_LIMIT_S, **wanted):
            made = msgspec.to_builtins(step)["backup"]
        if made is None:
            raise PlaceError("the hub ended before the backup was made")
        return made

    @property
    def _key(self) -> str:
        return f"place/{self.settings.folder}"

    async def _save(self) -> None:
        await self._ctx.storage.set(self._key, msgspec.to_builtins(self._memory), durable=True)


def _look(folder: Path, data: Path, *, mount: bool) -> None:
    try:
        about = folder.stat()
    except OSError as error:
        raise PlaceError(f"{folder} is not there ({error.strerror}); plug its disk in, or mend copy_to") from error
    if mount and about.st_dev == data.stat().st_dev:
        raise PlaceError(f"no disk is mounted on {folder}; plug it in, or take mount = true away if none is meant")


def _thinned(folder: Path, names: dict[str, int], settings: Settings) -> list[str]:
    """Remove what is spare of the files that are there; returns the names of what is gone."""
    there = {name: made for name, made in names.items() if (folder / name).exists()}
    gone = spare(there, settings.daily, settings.weekly)
    for name in gone:
        (folder / name).unlink(missing_ok=True)
    return gone
