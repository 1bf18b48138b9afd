"""Says whether the wall clock is trusted, and when somebody sets it: a Raspberry Pi has no battery for its clock."""

import asyncio
import logging
from collections.abc import Callable
from contextlib import suppress
from typing import Annotated, ClassVar, Literal, override

import msgspec

from hub.api import Context, HubError, Plugin, Undo, event, service
from plugins.clock.machine import Evidence, Machine
from plugins.clock.trust import JUMP, Facts, Memory, Verdict, judge, remember, shown

TRUSTED = "clock/trusted"

_SEEN = "seen"
_SAVE_EVERY = 3600.0
_LOOKS = 6  # that a verdict outlives


@event("clock.trusted")
class Trusted(msgspec.Struct, frozen=True):
    """From now on the wall clock is trusted, or is not, and why. Told at the start, too. Subject: `clock`."""

    trusted: bool
    why: str


@event("clock.jumped")
class Jumped(msgspec.Struct, frozen=True):
    """Somebody set the wall clock: by so many seconds forward, or backward if below 0. Subject: `clock`."""

    seconds: float


class ClockStatus(msgspec.Struct, frozen=True):
    """The verdict and what it rests on; `jumps` counts how often the clock was set since the plugin's start.

    `now` is what it shows and `latest` the latest time at which it was trusted, ns since 1970 (0: never).
    """

    trusted: bool
    why: str
    now: int
    latest: int
    synchronised: bool
    battery: bool
    jumps: int


class ClockConfig(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Whom to `trust`: the clock when the machine speaks for it (`auto`), `always`, or `never`.

    It is looked at `every` so many seconds, and at once when the kernel tells that somebody set it.
    """

    trust: Literal["auto", "always", "never"] = "auto"
    every: Annotated[float, msgspec.Meta(ge=0.1, le=600)] = 10.0


class ClockError(HubError):
    """The wall clock cannot be taken for right."""

    code = "clock"


class WallClock(Plugin):
    """Looks now and then, and tells what has changed."""

    Config: ClassVar[type[msgspec.Struct] | None] = ClockConfig
    emits = (Trusted, Jumped)
    machine: ClassVar[Callable[[], Machine]] = Machine

    def __init__(self, ctx: Context) -> None:
        super().__init__(ctx)
        self._settings: ClockConfig = ctx.config
        self._machine = type(self).machine()
        self._evidence = Evidence()
        self._memory = Memory()
        self._verdict: Verdict | None = None
        self._offset = self._machine.offset()
        self._synchronised_since: float | None = None
        self._saved = ctx.clock.monotonic()
        self._jumps = 0
        self._wake = asyncio.Event()
        self._unhear: Undo | None = None

    @override
    async def start(self) -> None:
        """Judge the clock before others rely on it, and go on looking."""
        try:
            self._memory = msgspec.convert(await self.ctx.storage.get(_SEEN, {}), Memory)
        except msgspec.ValidationError as error:
            self.ctx.log.warning("When the clock was right is not known any more: %s", error)
        await self._look()
        self._unhear = self._machine.on_set(self._wake.set)
        self.ctx.tasks.start("looks at the clock", self._keep_looking())

    @override
    async def stop(self) -> None:
        """Remember the latest time."""
        if self._unhear is not None:
            self._unhear()
        await self._save()

    @service
    async def status(self) -> ClockStatus:
        """Whether the wall clock is trusted, and why."""
        await self._look()
        verdict = self._verdict or Verdict(trusted=False, why="")
        return ClockStatus(
            trusted=verdict.trusted,
            why=verdict.why,
            now=self.ctx.clock.now(),
            latest=int(self._memory.latest * 1e9),
            synchronised=self._evidence.synchronised,
            battery=self._evidence.battery,
            jumps=self._jumps,
        )

    @service
    async def confirm(self) -> ClockStatus:
        """Take the wall clock for right as it stands, until somebody sets it or the machine starts anew."""
        if self._settings.trust != "auto":
            raise ClockError(f'[plugin.clock] trust = "{self._settings.trust}" decides; set it to "auto" to confirm')
        await self._look()
        before, self._memory = self._memory, Memory(self.ctx.clock.now() / 1e9, self._evidence.boot, self._offset)
        status = await self.status()
        if not status.trusted:
            self._memory = before
            raise ClockError(f"the wall clock cannot be right: {status.why}; set it first")
        await self._save()
        return status

    async def _keep_looking(self) -> None:
        while True:
            undo = self.ctx.clock.call_later(self._settings.every, self._wake.set)
            await self._wake.wait()
            undo()
            self._wake.clear()
            await self._look()
            if self.ctx.clock.monotonic() - self._saved >= _SAVE_EVERY:
                await self._save()

    async def _look(self) -> None:
        evidence = self._evidence = await asyncio.to_thread(self._machine.read)
        wall, offset = self.ctx.clock.now() / 1e9, self._machine.offset()
        moved, self._offset = offset - self._offset, offset
        jumped = abs(moved) >= JUMP
        self._jumps += jumped
        stood = self._stood(evidence.synchronised and not jumped)
        old, verdict = self._verdict, self._judged(Facts(wall, offset, evidence, self._memory, stood, self._jumps > 0))
        self._verdict = verdict
        is_news = old is None or old.trusted != verdict.trusted
        # It runs out by itself if nobody judges any more; who waits for the right time then goes on without.
        self.ctx.state.set(TRUSTED, verdict.trusted, ttl=max(_LOOKS * self._settings.every, 60.0))
        if is_news:
            self._tell(verdict, is_first=old is None)
        if jumped:
            self.ctx.log.info("The wall clock was set %+.1f s, to %s", moved, shown(wall))
            self.ctx.events.publish("clock.jumped", "clock", Jumped(round(moved, 3)))
        if is_news and verdict.trusted:
            await self._save()

    def _stood(self, is_synchronised: bool) -> float:  # noqa: FBT001 - as it is
        """How long (s) it has been synchronised without a break."""
        now = self.ctx.clock.monotonic()
        if not is_synchronised:
            self._synchronised_since = None
            return 0.0
        if self._synchronised_since is None:
            self._synchronised_since = now
        return now - self._synchronised_since

    def _judged(self, facts: Facts) -> Verdict:
        if self._settings.trust != "auto":
            trusted = self._settings.trust == "always"
            return Verdict(trusted, f'the configuration says trust = "{self._settings.trust}"')
        verdict = judge(facts)
        if verdict.trusted:
            self._memory = remember(facts)
        return verdict

    def _tell(self, verdict: Verdict, *, is_first: bool) -> None:
        if verdict.trusted:
            self.ctx.log.info("The wall clock is trusted: %s", verdict.why)
        else:
            level = logging.INFO if is_first else logging.WARNING  # at the start it is no news
            self.ctx.log.log(level, "The wall clock is not trusted: %s; what is due by it waits", verdict.why)
        self.ctx.events.publish("clock.trusted", "clock", Trusted(verdict.trusted, verdict.why))

    async def _save(self) -> None:
        self._saved = self.ctx.clock.monotonic()
        if self._memory.latest:
            with suppress(HubError):  # the hub tells of a sick storage; the next time comes within the hour
                await self.ctx.storage.set(_SEEN, msgspec.to_builtins(self._memory))
