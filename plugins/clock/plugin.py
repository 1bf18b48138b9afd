"""A small computer has no clock battery: it wakes in the past, and learns the time when NTP or a person tells it."""

import asyncio
import os
from contextlib import suppress
from typing import ClassVar, Literal, override

import msgspec

from hub.api import Context, Plugin, event
from plugins.clock import sources

_LOOK = 60.0  # s
_KEEP = 3600.0  # s between two notes of how late it was
_JUMP = 2.0  # s: less is a correction
_SET = 60.0  # s: who sets a clock by more than that knows the time


@event("clock.trusted")
class Trusted(msgspec.Struct, frozen=True):
    """Whether the wall clock can be trusted from now on, and why. Subject: `clock`."""

    trusted: bool
    why: str


@event("clock.jumped")
class Jumped(msgspec.Struct, frozen=True):
    """The wall clock was set by so many seconds, forward or back (below 0). Subject: `clock`."""

    seconds: float


class ClockConfig(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """With `auto` the machine is asked whether its clock is right; in a home without Internet say `always`."""

    trust: Literal["auto", "always", "never"] = "auto"


class ClockTrust(Plugin):
    """Keeps the state `clock/trusted`; timers and order do not depend on it."""

    Config: ClassVar[type[msgspec.Struct] | None] = ClockConfig
    emits = (Trusted, Jumped)

    def __init__(self, ctx: Context) -> None:
        super().__init__(ctx)
        self._trust: Literal["auto", "always", "never"] = ctx.config.trust
        self._wall = ctx.clock.now() / 1e9
        self._monotonic = ctx.clock.monotonic()
        self._kept_at = self._monotonic
        self._latest = 0.0
        self._was_set = False
        self._alarm = -1
        self._is_trusted: bool | None = None

    @override
    async def start(self) -> None:
        """Say at once what is known, and begin to look."""
        self._latest = max(await self.ctx.storage.get("latest", 0.0), await asyncio.to_thread(sources.released))
        self._tell(*await self._judged())
        with suppress(OSError):  # then every minute must do
            self._alarm = sources.alarm_of_jumps()
            asyncio.get_running_loop().add_reader(self._alarm, self._was_moved)
        self.ctx.tasks.start("looks at the clock", self._look_around())

    @override
    async def stop(self) -> None:
        """Remember how late it was."""
        if self._alarm >= 0:
            asyncio.get_running_loop().remove_reader(self._alarm)
            os.close(self._alarm)
            self._alarm = -1
        await self._keep()

    async def _look_around(self) -> None:
        while True:
            await self.ctx.clock.sleep(_LOOK)
            await self._look()
            if self.ctx.clock.monotonic() - self._kept_at >= _KEEP:
                await self._keep()

    def _was_moved(self) -> None:
        with suppress(OSError):  # it says that the clock was set
            os.read(self._alarm, 8)
        sources.arm(self._alarm)
        self.ctx.tasks.start("looks at the clock that was set", self._look())

    async def _look(self) -> None:
        wall, monotonic = self.ctx.clock.now() / 1e9, self.ctx.clock.monotonic()
        jump = (wall - self._wall) - (monotonic - self._monotonic)
        self._wall, self._monotonic = wall, monotonic
        self._was_set = self._was_set or abs(jump) > _SET
        self._tell(*await self._judged())
        if abs(jump) > _JUMP:
            self.ctx.log.info("The clock was set by %+.0f s", jump)
            self.ctx.events.publish("clock.jumped", "clock", Jumped(round(jump, 3)))

    async def _judged(self) -> tuple[bool, str]:
        """Whether the clock can be trusted, and why."""
        if self._trust != "auto":
            return self._trust == "always", "the configuration says so"
        if self.ctx.clock.now() / 1e9 < self._latest:
            return False, "it is earlier than it was before"
        if await asyncio.to_thread(sources.is_synchronised):
            return True, "it is kept right over the network"
        if await asyncio.to_thread(sources.has_battery):
            return True, "it was set from a clock with a battery"
        if self._was_set:
            return True, "it was set while the hub ran"
        return False, "nobody has set it since the machine began"

    def _tell(self, trusted: bool, why: str) -> None:  # noqa: FBT001 - as it was judged
        self.ctx.state.set("clock/trusted", trusted)
        if trusted != self._is_trusted:
            self.ctx.log.info("The clock is %s: %s", "right" if trusted else "not trusted", why)
            self._is_trusted = trusted
            self.ctx.events.publish("clock.trusted", "clock", Trusted(trusted, why))

    async def _keep(self) -> None:
        self._kept_at = self.ctx.clock.monotonic()
        if self._is_trusted:
            self._latest = max(self._latest, self.ctx.clock.now() / 1e9)
            await self.ctx.storage.set("latest", self._latest)
