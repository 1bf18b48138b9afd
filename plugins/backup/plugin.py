"""The plugin: every day at a time of day, and later if it could not be then."""

import asyncio
import re
from pathlib import Path
from typing import Annotated, Any, ClassVar, override

import msgspec

from hub.api import ConfigError, Context, HubError, Plugin, event, service
from plugins.backup.places import Place, Settings
from plugins.backup.thinning import newest_due, next_due

_LOOK_S = 30.0
_TIME = re.compile(r"([01]?[0-9]|2[0-3]):([0-5][0-9])")
_LATE_NS = 2 * 86400 * 1_000_000_000
_UNTRUSTED_S = 86400.0
_CORRECTED_NS = 3660 * 1_000_000_000  # a clock that is put back by an hour was wrong by no more

type Count = Annotated[int, msgspec.Meta(ge=0, le=1000)]


class BackupConfig(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A backup is made every day `at` a time of day, in `backups` in the data folder and in the folder `copy_to`.

    Kept are the newest of so many days and weeks; `telemetry` takes the journal along. Those in `copy_to` are encrypted
    with the `passphrase`; with `mount` something must be mounted there, like a USB stick. What fails is tried again
    every `retry` seconds.
    """

    at: str = "03:30"
    daily: Count = 7
    weekly: Count = 4
    telemetry: bool = False
    copy_to: str = ""
    mount: bool = False
    passphrase: str = ""
    retry: Annotated[float, msgspec.Meta(ge=10, le=86400)] = 900.0


@event("backup.made")
class Made(msgspec.Struct, frozen=True):
    """A backup was made, and restored on trial; `place` is here or copy. Subject: `backup/<place>`.

    What could not be read is `missing` in it, with the reason.
    """

    place: str
    file: str
    bytes: int
    made: int
    missing: dict[str, str] = {}


@event("backup.failed")
class Failed(msgspec.Struct, frozen=True):
    """A backup could not be made, and why; it is tried again. Subject: `backup/<place>`."""

    place: str
    reason: str


class PlaceInfo(msgspec.Struct, frozen=True):
    """A place for backups: the last one (ns since 1970; 0: never), what is kept, and what went wrong since."""

    folder: str
    made: int
    daily: int
    weekly: int
    problem: str


class Schedule(msgspec.Struct, frozen=True):
    """When the next backups are made (ns since 1970), and the places by name."""

    next: int
    places: dict[str, PlaceInfo]


class Backup(Plugin):
    """Looks at the clock, and asks the hub to make backups."""

    Config: ClassVar[type[msgspec.Struct] | None] = BackupConfig
    emits = (Made, Failed)

    def __init__(self, ctx: Context) -> None:
        super().__init__(ctx)
        config: BackupConfig = ctx.config
        self._at = _time_of_day(config.at)
        if config.copy_to and not config.passphrase:
            raise ConfigError(
                'what leaves the hub is encrypted: set passphrase = { from_file = "FILE" } as well', where="copy_to"
            )
        kept = Settings(daily=config.daily, weekly=config.weekly, telemetry=config.telemetry)
        self._places = [Place(ctx, "here", kept)]
        if config.copy_to:
            folder = str(Path(config.copy_to).expanduser())
            copy = msgspec.structs.replace(kept, folder=folder, passphrase=config.passphrase, mount=config.mount)
            self._places.append(Place(ctx, "copy", copy))
        self._making = asyncio.Lock()
        self._trusted = ctx.clock.monotonic()

    @override
    async def start(self) -> None:
        """Begin to look at the clock."""
        for place in self._places:
            await place.load()
        self.ctx.tasks.start("looks at the clock", self._look())

    @service
    async def run(self) -> Schedule:
        """Make backups now, in all places; an error names the first that failed."""
        failed = [error for place in self._places if (error := await self._back_up(place)) is not None]
        if failed:
            raise failed[0]
        return self._schedule()

    @service
    async def schedule(self) -> Schedule:
        """When backups are made, where, and how the last ones went."""
        return self._schedule()

    @service
    async def health(self) -> dict[str, str]:
        """How the backups fare, for the hub's health."""
        now = self.ctx.clock.now()
        if self.ctx.clock.monotonic() - self._trusted > _UNTRUSTED_S:
            why = "none is made by itself while nobody has set the clock; set it, or run `hub backup create`"
            return {"status": "degraded", "reason": f"backup: {why}"}
        for place in self._places:
            if place.problem:
                return {"status": "degraded", "reason": f"backup ({place.name}): {place.problem}"}
            if now - place.reached > _LATE_NS:
                return {"status": "degraded", "reason": f"backup ({place.name}): none was made for two days"}
        return {"status": "ok"}

    async def _look(self) -> None:
        while True:
            await self.ctx.clock.sleep(_LOOK_S)
            if self.ctx.state.get("clock/trusted", default=True):
                self._trusted = self.ctx.clock.monotonic()
                for place in self._places:
                    if self._is_due(place):
                        await self._back_up(place)

    def _is_due(self, place: Place) -> bool:
        now = self.ctx.clock.now()
        is_done = newest_due(now, self._at) <= place.reached <= now + _CORRECTED_NS
        return not is_done and self.ctx.clock.monotonic() >= place.try_at

    async def _back_up(self, place: Place) -> HubError | None:
        subject, before = f"backup/{place.name}", place.problem
        async with self._making:
            try:
                made = await place.back_up()
            except HubError as error:
                place.try_at = self.ctx.clock.monotonic() + self.ctx.config.retry
                if place.problem != before:  # it is tried often, and told once
                    self.ctx.log.warning("No backup was made (%s): %s", place.name, error)
                    self.ctx.events.publish("backup.failed", subject, Failed(place.name, str(error)))
                return error
        facts: dict[str, Any] = {name: made[name] for name in ("file", "bytes", "made", "missing")}
        self.ctx.log.info("A backup was made: %s", made["file"])
        if place.problem and place.problem != before:
            self.ctx.log.warning("The backup is not whole (%s): %s", place.name, place.problem)
        self.ctx.events.publish("backup.made", subject, Made(place.name, **facts))
        return None

    def _schedule(self) -> Schedule:
        own = str(self.ctx.data_dir.parent.parent / "backups")
        infos = {
            one.name: PlaceInfo(
                one.settings.folder or own, one.made, one.settings.daily, one.settings.weekly, one.problem
            )
            for one in self._places
        }
        return Schedule(next_due(self.ctx.clock.now(), self._at), infos)


def _time_of_day(text: str) -> tuple[int, int]:
    found = _TIME.fullmatch(text)
    if not found:
        raise ConfigError(f"{text!r} is no time of day; write one like '03:30'", where="at")
    return int(found[1]), int(found[2])
