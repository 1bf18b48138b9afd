"""One summary of how the hub fares: its own parts, its plugins, and the checks that plugins offer."""

from typing import Annotated, ClassVar, Literal, override

import msgspec

from hub.api import (
    Context,
    Event,
    HubError,
    HubStatistics,
    LoopBlocked,
    Plugin,
    PluginInfo,
    ServiceTimeoutError,
    event,
    on,
    service,
)
from plugins.health.systemd import Systemd

type Condition = Literal["ok", "degraded", "failing"]

_WORSE: tuple[Condition, ...] = ("ok", "degraded", "failing")
_SOON = 0.5
_REMEMBERED = 60.0
_LINE = 300
_HOUR = 3600.0


class Check(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """How one part fares, and why not better; a plugin's own service `health` answers with these two."""

    status: Condition = "ok"
    reason: str = ""


_STARTING = Check("degraded", "it is starting")


@event("health.changed")
class Summary(msgspec.Struct, frozen=True):
    """The worst of all checks, and the checks: `hub`, and each plugin that runs or should. Subject: `health`."""

    status: Condition
    checks: dict[str, Check]


class HealthConfig(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Everything is checked `every` so many seconds; a plugin's own check may take `limit` seconds.

    All that is stored is looked through for damage every `storage_days` (0: never).
    """

    every: Annotated[float, msgspec.Meta(ge=1, le=3600)] = 30.0
    limit: Annotated[float, msgspec.Meta(ge=0.1, le=60)] = 5.0
    storage_days: Annotated[float, msgspec.Meta(ge=0, le=365)] = 7.0


class Health(Plugin):
    """Asks everybody, now and then and when something happens, and tells what has changed."""

    Config: ClassVar[type[msgspec.Struct] | None] = HealthConfig
    emits = (Summary,)

    def __init__(self, ctx: Context) -> None:
        super().__init__(ctx)
        self._settings: HealthConfig = ctx.config
        self._systemd = Systemd()
        self._summary = Summary("ok", {})
        self._blocked: tuple[float, LoopBlocked] | None = None
        self._faults: dict[str, tuple[int, float]] = {}  # of each plugin, and when the last was noticed
        self._looks_soon = False
        self._is_mute = False

    @override
    async def start(self) -> None:
        """Begin to look."""
        if self._systemd.watchdog:
            self.ctx.tasks.start("feeds the watchdog", self._feed())
        self.ctx.tasks.start("looks around", self._look_around())
        if self._settings.storage_days:
            self.ctx.tasks.start("looks through the storage", self._look_through_storage())

    @service
    async def check(self) -> Summary:
        """Check everything now."""
        plugins: list[PluginInfo] = await self.ctx.services.call("hub.plugins")
        figures: HubStatistics = await self.ctx.services.call("hub.statistics")
        offered = {one.name for one in self.ctx.services.list()}
        asked = {
            one.id: self.ctx.tasks.start(f"asks {one.id}", self._ask(one.id))
            for one in plugins
            if one.status == "running" and f"{one.id}.health" in offered
        }
        checks = {"hub": self._of_hub(figures)}
        for one in plugins:
            if one.status not in {"disabled", "stopped"}:
                check = await asked[one.id] if one.id in asked else self._of_plugin(one)
                checks[one.id] = Check(check.status, check.reason.encode(errors="backslashreplace").decode())
        summary = Summary(max((one.status for one in checks.values()), key=_WORSE.index), checks)
        if summary != self._summary:
            self._tell(summary)
        return summary

    @on("hub.started")
    def _is_ready(self, _event: Event) -> None:
        self._tell_systemd(READY="1", STATUS=_line(self._summary))

    @on("hub.stopping")
    def _is_stopping(self, _event: Event) -> None:
        self._tell_systemd(STOPPING="1", STATUS="stopping")

    @on("hub.loop_blocked")
    def _was_blocked(self, event: Event) -> None:
        self._blocked = self.ctx.clock.monotonic(), event.data

    @on("hub.loop_blocked")
    @on("storage.*")
    @on("plugin.status")
    @on("state.changed", subject="protocol/+")
    def _look_soon(self, _event: Event) -> None:
        if not self._looks_soon:
            self._looks_soon = True
            self.ctx.tasks.start("looks soon", self._look())

    async def _look(self) -> None:
        await self.ctx.clock.sleep(_SOON)  # much happens at once
        self._looks_soon = False
        await self.check()

    async def _look_around(self) -> None:
        await self.ctx.clock.sleep(_SOON)  # the others start, too
        while True:
            await self.check()
            await self.ctx.clock.sleep(self._settings.every)

    async def _look_through_storage(self) -> None:
        # Counted in hours that the hub runs: its clock may be set any day.
        while True:
            await self.ctx.clock.sleep(_HOUR)
            hours = await self.ctx.storage.get("hours_since_look", 0) + 1
            if hours >= self._settings.storage_days * 24:
                try:
                    found = await self.ctx.services.call("hub.check_storage", timeout=_HOUR)
                    hours = 0
                    self.ctx.log.info("All that is stored was looked through: %s", "; ".join(found) or "it is sound")
                except HubError as error:
                    self.ctx.log.warning("What is stored cannot be looked through: %s", error)
            await self.ctx.storage.set("hours_since_look", hours)

    async def _feed(self) -> None:
        while True:
            self._tell_systemd(WATCHDOG="1")
            await self.ctx.clock.sleep(self._systemd.watchdog)

    async def _ask(self, plugin: str) -> Check:
        limit = self._settings.limit
        try:
            return msgspec.convert(await self.ctx.services.call(f"{plugin}.health", timeout=limit), Check)
        except ServiceTimeoutError:
            return Check("failing", f"its check gave no answer within {limit:g} s")
        except HubError as error:
            return Check("failing", f"its check failed: {error}")
        except (msgspec.ValidationError, UnicodeEncodeError) as error:
            return Check("failing", f"its check must answer with status (ok, degraded, failing) and reason: {error}")

    def _of_hub(self, figures: HubStatistics) -> Check:
        failures = {"storage": figures.storage.failure, "journal": figures.journal.failure}
        if any(failures.values()):
            return Check("failing", "; ".join(f"{part}: {failure}" for part, failure in failures.items() if failure))
        repairs = [one.repaired for one in (figures.storage, figures.journal) if one.repaired]
        if repairs:
            return Check("degraded", "; ".join(repairs))
        if self._blocked and self.ctx.clock.monotonic() - self._blocked[0] < _REMEMBERED:
            report = self._blocked[1]
            who = f"plugin {report.plugin}" if report.plugin else "something"
            return Check("degraded", f"{who} held up the whole hub for {report.seconds:.1f} s at {report.where}")
        return Check()

    def _of_plugin(self, info: PluginInfo) -> Check:
        if info.status == "starting":
            return _STARTING
        if info.status != "running":
            return Check("failing", f"{info.status}: {info.reason}")
        now = self.ctx.clock.monotonic()
        count, noticed = self._faults.get(info.id, (0, 0.0))
        if info.errors != count:
            self._faults[info.id] = (info.errors, noticed := now)
        return Check("degraded", info.trouble) if info.errors and now - noticed < _REMEMBERED else Check()

    def _tell(self, summary: Summary) -> None:
        before, self._summary = self._summary, summary
        if summary.status == "ok" != before.status:
            self.ctx.log.info("All is well again")
        for name, one in summary.checks.items():
            if one.status != "ok" and one not in {before.checks.get(name), _STARTING}:
                self.ctx.log.warning("%s is %s: %s", name, one.status, one.reason)
        self.ctx.state.set("health/summary", msgspec.to_builtins(summary))
        self.ctx.events.publish("health.changed", "health", summary)
        self._tell_systemd(STATUS=_line(summary))

    def _tell_systemd(self, **facts: str) -> None:
        try:
            self._systemd.tell(**facts)
        except OSError as error:
            if not self._is_mute:
                self.ctx.log.warning("systemd cannot be told how the hub fares: %s", error.strerror or error)
            self._is_mute = True
        else:
            self._is_mute = False


def _line(summary: Summary) -> str:
    """The summary as `systemctl status` shows it."""
    wrong = [f"{name}: {one.reason}" for name, one in summary.checks.items() if one.status != "ok"]
    return "; ".join([summary.status, *wrong])[:_LINE]
