"""The start of the plugin: with a head start, if the last one can be repeated."""

import asyncio
import logging
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

import msgspec

from device_plugins.zigbee.headstart import HeadStart, begin
from device_plugins.zigbee.loading import are_loaded
from device_plugins.zigbee.network import Radio, Settings, port_of
from device_plugins.zigbee.rehearsal import Memory
from device_plugins.zigbee.roster import Roster
from hub.api import Context, Undo

LOG = logging.getLogger("hub.zigbee")

RESTORED = "restored"
"""The mark that a restore leaves in a plugin's folder."""

_KEY = "start"
_LIBRARIES = ("bellows", "zigpy", "zha-quirks")
_SAVE_AFTER = 5.0


class Starts:
    """What the plugin keeps for its next start."""

    def __init__(self, ctx: Context, settings: Settings, roster: Roster) -> None:
        self._ctx = ctx
        self._settings = settings
        self._roster = roster
        self._memory: Memory | None = None
        self._radio: Radio | None = None
        self._timer: Undo | None = None

    async def load(self) -> None:
        """Read what was kept, unless a restore has changed what the stick is to be told."""
        stored = await self._ctx.storage.get(_KEY)
        if stored is not None and not await asyncio.to_thread((self._ctx.data_dir / RESTORED).exists):
            try:
                memory = msgspec.convert(stored, Memory)
            except msgspec.ValidationError as error:
                LOG.info("No head start: %s", error)
                return
            if memory.world == await asyncio.to_thread(_world, self._settings):
                self._memory = memory

    @property
    def can_begin(self) -> bool:
        """Whether a head start is worth a try: zigpy is not there yet, and the stick is where it was."""
        memory, settings = self._memory, self._settings
        return (
            memory is not None
            and memory.port == port_of(settings)
            and settings.radio == "ezsp"
            and Path(settings.path).is_absolute()
            and not are_loaded()
        )

    async def begin(self) -> HeadStart | None:
        """Resume the network before zigpy is there; None if that cannot be."""
        if self._memory is None or not self.can_begin:
            return None
        return await begin(self._memory, self._roster.known.values(), self._roster.alive, self._ctx.tasks)

    def follow(self, radio: Radio) -> None:
        """Keep what the next start needs, as long as this radio is open."""
        self._radio = radio
        self.changed()

    def changed(self) -> None:
        """Devices have come, gone or changed."""
        if self._radio is not None and self._timer is None:
            self._timer = self._ctx.clock.call_later(_SAVE_AFTER, self._due)

    async def stop(self) -> None:
        """The radio is going to be closed."""
        if self._timer is not None:
            self._timer()
            self._timer = None
        await self._save()
        self._radio = None

    def lost(self) -> None:
        """The radio is gone."""
        self._radio = None

    def _due(self) -> None:
        self._timer = None
        self._ctx.tasks.start("remember the start", self._save())

    async def _save(self) -> None:
        learned = self._radio.memory() if self._radio is not None else None
        if learned is None:
            return
        memory = msgspec.structs.replace(learned, world=await asyncio.to_thread(_world, self._settings))
        if memory != self._memory:
            self._memory = memory
            await self._ctx.storage.set(_KEY, msgspec.to_builtins(memory))


def _world(settings: Settings) -> str:
    """What decides whether devices have quirks, and what the stick is asked. Blocks."""
    folder = Path(settings.quirks_dir).expanduser() if settings.quirks_dir else None
    own = [f"{one.name} {one.stat().st_mtime_ns}" for one in sorted(folder.glob("*.py"))] if folder else []
    return "; ".join([f"quirks {settings.quirks}", *own, *(f"{name} {_version(name)}" for name in _LIBRARIES)])


def _version(package: str) -> str:
    try:
        return version(package)
    except PackageNotFoundError:
        return ""
