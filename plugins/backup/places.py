"""A place for backups: the hub's own folder or one elsewhere, what was made there, and what is wrong with it."""

import asyncio
from contextlib import suppress
from pathlib import Path
from typing import Any

import msgspec

from hub.api import Context, HubError
from plugins.backup.thinning import Made, spare

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
    """What is remembered of a place: since when it is one, and the backups that were made there, the last one last.

    Their order counts, not their times: the clock may have been wrong.
    """

    since: int
    backups: list[Made] = []


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
        return self._memory.backups[-1].made if self._memory.backups else 0

    @property
    def reached(self) -> int:
        """Up to when all was done: the last backup, or else when there was nothing to be done yet."""
        return self.made or self._memory.since

    async def load(self) -> None:
        """Remember."""
        found = await self._ctx.storage.get(self._key)
        try:
            self._memory = msgspec.convert(found, Memory)
        except msgspec.ValidationError:
            if found is not None:
                self._ctx.log.warning("Which backups were made in %s is not known any more", self._key)
            self._memory = Memory(self._ctx.clock.now())
            await self._save()

    async def back_up(self) -> dict[str, Any]:
        """Make one, and remove what is spare. Raises HubError, and `problem` holds why, until it went well again."""
        try:
            made = await self._made()
        except HubError as error:
            self.problem = str(error)
            raise
        missing: dict[str, str] = made["missing"]
        self.problem = "; ".join(
            f"{name} is not in it, for it could not be read: {why}" for name, why in missing.items()
        )
        path = Path(made["file"])
        backups = [one for one in self._memory.backups if one.name != path.name][1 - _REMEMBERED :]
        self._memory.backups = [*backups, Made(path.name, made["made"], is_whole=not missing)]
        await self._save()
        gone = await asyncio.to_thread(_thinned, path.parent, self._memory.backups, self.settings)
        if gone:
            self._memory.backups = [one for one in self._memory.backups if one.name not in gone]
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


def _thinned(folder: Path, backups: list[Made], settings: Settings) -> set[str]:
    """Remove what is spare of the files that are there; returns the names of what is gone."""
    gone: set[str] = set()
    for one in spare([one for one in backups if (folder / one.name).exists()], settings.daily, settings.weekly):
        with suppress(OSError):  # it is tried again after the next one
            (folder / one.name).unlink(missing_ok=True)
            gone.add(one.name)
    return gone
